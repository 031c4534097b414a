//! Tables in `/proc/PID/net`: sockets of families that have no dump, and how many each has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::from_utf8;

use super::number;
use crate::model::socket::{Endpoint, Family, Protocol, Socket, State};
use crate::wire::netlink::socket::{Names, forget, tcp_state};

/// A line of `raw`, `raw6`, `icmp` or `icmp6` (`net/ipv4/raw.c`, `net/ipv4/ping.c`), or of `tcp`,
/// `tcp6`, `udp` or `udp6`, which say less than a dump does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Local address.
    pub local: IpAddr,
    /// Number of the protocol that a raw socket receives; the identifier of a ping socket.
    pub local_number: u16,
    /// Remote address.
    pub remote: IpAddr,
    /// What stands in the place of the remote port.
    pub remote_number: u16,
    /// State number of `tcp_states.h`: 1 connected, 7 not.
    pub state: u8,
    /// Bytes allocated for sending.
    pub send_q: u32,
    /// Bytes allocated for what was received and not read.
    pub recv_q: u32,
    /// User id.
    pub uid: u32,
    /// sockfs inode, 0 for none.
    pub inode: u64,
    /// Packets dropped; TCP does not tell here.
    pub drops: Option<u32>,
}

impl Line {
    /// Reads one line without its line break. `None` for anything else, the heading included.
    pub fn parse(line: &[u8], protocol: Protocol) -> Option<Self> {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.next()?.strip_suffix(b":")?;
        let (local, local_number) = end(words.next()?)?;
        let (remote, remote_number) = end(words.next()?)?;
        let state = u8::try_from(hex(words.next()?)?).ok()?;
        let (send_q, recv_q) = pair(words.next()?)?;
        // A timer and retransmissions, which these have not.
        let uid = number(words.nth(2)?)?.try_into().ok()?;
        let inode = number(words.nth(1)?)?;
        // How many refer to it, and its hidden address in the kernel.
        let drops = match protocol {
            Protocol::Tcp => None,
            _ => Some(words.nth(2).and_then(number)?.try_into().ok()?),
        };
        Some(Self {
            local,
            local_number,
            remote,
            remote_number,
            state,
            send_q: hex(send_q)?,
            recv_q: hex(recv_q)?,
            uid,
            inode,
            drops,
        })
    }

    /// Overwrites everything in `socket` that a line tells; owners, service and first sight
    /// stay as they are. Cookie and interface are not told.
    pub fn fill(&self, socket: &mut Socket, protocol: Protocol, names: &mut impl Names) {
        forget(socket);
        socket.family = if self.local.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        socket.protocol = protocol;
        let is_connected = self.state == 1;
        socket.state = if is_connected { State::Connected } else { State::Unconnected };
        let is_raw = protocol == Protocol::Raw;
        let end = |addr, number| Endpoint {
            addr: Some(addr),
            port: Some(number).filter(|_| !is_raw),
            ..Endpoint::default()
        };
        socket.local = end(self.local, self.local_number);
        // A ping socket's peer has no identifier of its own.
        let remote = Endpoint { port: None, ..end(self.remote, self.remote_number) };
        socket.remote = Some(remote).filter(|_| is_connected);
        socket.protocol_number = Some(self.local_number).filter(|_| is_raw);
        socket.inode = Some(self.inode);
        socket.uid = (self.uid != 0 || self.inode != 0).then_some(self.uid);
        socket.user = socket.uid.and_then(|uid| names.user(uid));
        socket.recv_q = Some(self.recv_q);
        socket.send_q = Some(self.send_q);
        socket.drops = self.drops;
        if matches!(protocol, Protocol::Tcp | Protocol::Udp) {
            self.fill_ports(socket, protocol);
        }
    }
}

impl Line {
    /// Ports and the states of TCP. Of a listener's queues only the length of one is told.
    fn fill_ports(&self, socket: &mut Socket, protocol: Protocol) {
        if protocol == Protocol::Tcp {
            socket.state = match tcp_state(self.state) {
                Some(State::Closed) | None if self.local_number != 0 => State::Bound,
                state => state.unwrap_or(State::Closed),
            };
        }
        let has_peer = !matches!(
            socket.state,
            State::Listen | State::Bound | State::Unconnected | State::Closed
        );
        socket.remote = has_peer.then(|| Endpoint::ip(self.remote, self.remote_number));
        if socket.state == State::Listen {
            (socket.recv_q, socket.send_q) = (None, None);
        }
    }
}

/// `0100007F:0001`: an address as words in host order, and a number.
fn end(word: &[u8]) -> Option<(IpAddr, u16)> {
    let (addr, number) = pair(word)?;
    let number = u16::try_from(hex(number)?).ok()?;
    let addr = match addr.len() {
        8 => Ipv4Addr::from(hex(addr)?.to_ne_bytes()).into(),
        32 => {
            let mut octets = [0; 16];
            for (word, digits) in octets.chunks_exact_mut(4).zip(addr.chunks_exact(8)) {
                word.copy_from_slice(&hex(digits)?.to_ne_bytes());
            }
            Ipv6Addr::from(octets).into()
        }
        _ => return None,
    };
    Some((addr, number))
}

fn pair(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = word.iter().position(|&byte| byte == b':')?;
    Some((&word[..colon], &word[colon + 1..]))
}

/// Hexadecimal digits and nothing else.
fn hex(digits: &[u8]) -> Option<u32> {
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    u32::from_str_radix(from_utf8(digits).ok().filter(|_| is_hex)?, 16).ok()
}

/// How many sockets `protocols` counts for a protocol by this name (`net/core/sock.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// The kernel has no such protocol.
    Absent,
    /// It does not count them.
    Unknown,
    /// So many in this network namespace.
    Known(u32),
}

/// Looks a protocol up in `protocols`: its name stands first, the number of its sockets third.
pub fn count(protocols: &[u8], name: &str) -> Count {
    for line in protocols.split(|&byte| byte == b'\n') {
        let mut words = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
        if words.next() != Some(name.as_bytes()) {
            continue;
        }
        let sockets = words.nth(1).and_then(number).and_then(|count| count.try_into().ok());
        return sockets.map_or(Count::Unknown, Count::Known);
    }
    Count::Absent
}

/// The sockets of the NFS server in `/proc/fs/nfsd/portlist`, such as `tcp 2049`; those of RDMA,
/// which have no port here, are left out.
pub fn nfsd_ports(portlist: &str) -> Vec<(Protocol, u16)> {
    let port = |line: &str| {
        let (transport, port) = line.split_once(' ')?;
        let protocol = match transport {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return None,
        };
        Some((protocol, port.trim().parse().ok()?))
    };
    portlist.lines().filter_map(port).collect()
}

#[cfg(test)]
mod tests;
