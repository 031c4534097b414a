//! `inet_diag` of `linux/inet_diag.h`: the request for a dump of IP sockets, and its records.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{ACK, DUMP, HEADER_LEN, Malformed, REQUEST, attributes, u16_at, u32_at, u64_at};
use crate::model::socket::{Family, Protocol};

/// `SOCK_DIAG_BY_FAMILY`.
pub const BY_FAMILY: u16 = 20;
/// `TCPDIAG_GETSOCK`: the request of the time when only TCP could be asked for. It names no family
/// that the kernel would heed: one pass over its table tells both.
pub const TCP_OF_BOTH_FAMILIES: u16 = 18;
/// `SOCK_DESTROY`: as BY_FAMILY, but the socket that is found is aborted (Linux 4.5, with
/// CONFIG_INET_DIAG_DESTROY).
pub const DESTROY: u16 = 21;
/// Length of a request with its netlink header.
pub const REQUEST_LEN: usize = HEADER_LEN + 56;
/// Length of the attribute that names a protocol whose number takes more than a byte.
const PROTOCOL_LEN: usize = 8;
/// The same for [`TCP_OF_BOTH_FAMILIES`] (`struct inet_diag_req`).
const OLDER_REQUEST_LEN: usize = HEADER_LEN + 60;
/// `sizeof(struct inet_diag_msg)`.
pub const RECORD_LEN: usize = 72;
/// Every state: 1 to 11 as in `tcp_states.h`, NEW_SYN_RECV, and BOUND_INACTIVE (Linux 6.8).
pub const ALL_STATES: u32 = 0x3ffe;

/// `INET_DIAG_NOCOOKIE`, in both of its words: whichever socket has the addresses.
pub const ANY_COOKIE: u64 = u64::MAX;

/// `INET_DIAG_REQ_PROTOCOL` (Linux 5.9).
const REQ_PROTOCOL: u16 = 3;
const IPPROTO_MPTCP: u32 = 262;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// What to ask the kernel for beside each socket's addresses and queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing: the cheapest dump.
    Bare,
    /// Memory, congestion control and TCP_INFO.
    #[default]
    Full,
}

impl Detail {
    /// `idiag_ext`: one bit for each of the first eight attribute types.
    fn extensions(self, protocol: Protocol) -> u8 {
        let bit = |attribute: u16| 1 << (attribute - 1);
        match (self, protocol) {
            // What tells one MPTCP connection from another is in there.
            (Self::Bare, Protocol::Mptcp) => bit(attribute::INFO),
            (Self::Bare, _) => 0,
            (Self::Full, Protocol::Tcp | Protocol::Mptcp) => {
                bit(attribute::INFO) | bit(attribute::CONG) | bit(attribute::SKMEMINFO)
            }
            (Self::Full, _) => bit(attribute::SKMEMINFO),
        }
    }
}

/// One dump of one protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DumpRequest {
    /// IPv4 or IPv6; `None` for both in one pass, which only TCP has. A pass over the table of
    /// connections costs the same whatever it finds.
    pub family: Option<Family>,
    /// TCP, UDP, UDP-Lite, MPTCP or raw.
    pub protocol: Protocol,
    /// Bit n asks for state n of `tcp_states.h`.
    pub states: u32,
    /// What comes with each socket.
    pub detail: Detail,
}

impl DumpRequest {
    /// The bytes to send; `None` for a family or protocol that inet_diag does not know.
    pub fn encode(&self, sequence: u32) -> Option<Encoded> {
        match self.family {
            Some(family) => self.encode_by_family(family, sequence),
            None => self.encode_for_both(sequence),
        }
    }

    /// `struct inet_diag_req_v2`.
    fn encode_by_family(&self, family: Family, sequence: u32) -> Option<Encoded> {
        let mut bytes = [0; LONGEST_REQUEST];
        let head = header(family, self.protocol, REQUEST | DUMP, sequence)?;
        bytes[..REQUEST_LEN].copy_from_slice(&head);
        bytes[18] = self.detail.extensions(self.protocol);
        bytes[20..24].copy_from_slice(&self.states.to_ne_bytes());
        // The rest, struct inet_diag_sockid, is empty: a dump takes every socket.
        let mut length = REQUEST_LEN;
        if self.protocol == Protocol::Mptcp {
            length += PROTOCOL_LEN;
            bytes[0..4].copy_from_slice(&(length as u32).to_ne_bytes());
            bytes[72..74].copy_from_slice(&(PROTOCOL_LEN as u16).to_ne_bytes());
            bytes[74..76].copy_from_slice(&REQ_PROTOCOL.to_ne_bytes());
            bytes[76..80].copy_from_slice(&IPPROTO_MPTCP.to_ne_bytes());
        }
        Some(Encoded { bytes, length, port_at: 24 })
    }

    /// `struct inet_diag_req`.
    fn encode_for_both(&self, sequence: u32) -> Option<Encoded> {
        if self.protocol != Protocol::Tcp {
            return None;
        }
        let mut bytes = [0; LONGEST_REQUEST];
        bytes[0..4].copy_from_slice(&(OLDER_REQUEST_LEN as u32).to_ne_bytes());
        bytes[4..6].copy_from_slice(&TCP_OF_BOTH_FAMILIES.to_ne_bytes());
        bytes[6..8].copy_from_slice(&(REQUEST | DUMP).to_ne_bytes());
        bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        bytes[19] = self.detail.extensions(self.protocol);
        bytes[68..72].copy_from_slice(&self.states.to_ne_bytes());
        Some(Encoded { bytes, length: OLDER_REQUEST_LEN, port_at: 20 })
    }

    /// The same, narrowed to sockets whose local port is `port` (`idiag_sport`).
    pub fn encode_for_port(&self, sequence: u32, port: u16) -> Option<Encoded> {
        let mut request = self.encode(sequence)?;
        let at = request.port_at;
        request.bytes[at..at + 2].copy_from_slice(&port.to_be_bytes());
        Some(request)
    }
}

/// The longest of the requests for a dump.
const LONGEST_REQUEST: usize = REQUEST_LEN + PROTOCOL_LEN;

/// A request for a dump as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    bytes: [u8; LONGEST_REQUEST],
    length: usize,
    /// Where `idiag_sport` stands.
    port_at: usize,
}

impl std::ops::Deref for Encoded {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// One connection by its addresses and cookie: asked for, the kernel answers with its record;
/// aborted, with an acknowledgement; either way with ENOENT or ESTALE when it is not there or
/// another socket has those addresses now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupRequest {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Local end.
    pub local: SocketAddr,
    /// Remote end; the unspecified address and port 0 where there is none.
    pub remote: SocketAddr,
    /// Index of the interface it is bound to, 0 for none.
    pub interface: u32,
    /// Socket cookie, or [`ANY_COOKIE`].
    pub cookie: u64,
}

impl LookupRequest {
    /// The bytes to send; `None` for ends of different families or a protocol that inet_diag
    /// does not know.
    pub fn encode(&self, sequence: u32) -> Option<[u8; REQUEST_LEN]> {
        let family = match (self.local, self.remote) {
            (SocketAddr::V4(_), SocketAddr::V4(_)) => Family::Ipv4,
            (SocketAddr::V6(_), SocketAddr::V6(_)) => Family::Ipv6,
            _ => return None,
        };
        let mut bytes = header(family, self.protocol, REQUEST, sequence)?;
        bytes[20..24].copy_from_slice(&ALL_STATES.to_ne_bytes());
        bytes[24..26].copy_from_slice(&self.local.port().to_be_bytes());
        bytes[26..28].copy_from_slice(&self.remote.port().to_be_bytes());
        put_address(&mut bytes[28..44], self.local.ip());
        put_address(&mut bytes[44..60], self.remote.ip());
        bytes[60..64].copy_from_slice(&self.interface.to_ne_bytes());
        bytes[64..72].copy_from_slice(&cookie_words(self.cookie));
        Some(bytes)
    }

    /// The bytes that abort it (SOCK_DESTROY), wanting to hear of it; `None` as for
    /// [`LookupRequest::encode`].
    pub fn encode_destroy(&self, sequence: u32) -> Option<[u8; REQUEST_LEN]> {
        let mut bytes = self.encode(sequence)?;
        bytes[4..6].copy_from_slice(&DESTROY.to_ne_bytes());
        bytes[6..8].copy_from_slice(&(REQUEST | ACK).to_ne_bytes());
        Some(bytes)
    }
}

fn header(
    family: Family,
    protocol: Protocol,
    flags: u16,
    sequence: u32,
) -> Option<[u8; REQUEST_LEN]> {
    let mut bytes = [0; REQUEST_LEN];
    bytes[0..4].copy_from_slice(&(REQUEST_LEN as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
    bytes[16] = match family {
        Family::Ipv4 => AF_INET,
        Family::Ipv6 => AF_INET6,
        _ => return None,
    };
    bytes[17] = match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Udplite => 136,
        // raw_diag goes by the number of IPPROTO_RAW.
        Protocol::Raw => 255,
        // Its number does not fit. A kernel that does not know the attribute that names it
        // must not take it for another one: nothing goes by 0.
        Protocol::Mptcp => 0,
        _ => return None,
    };
    Some(bytes)
}

/// An address at the start of its sixteen bytes.
fn put_address(field: &mut [u8], addr: IpAddr) {
    match addr {
        IpAddr::V4(v4) => field[..4].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => field.copy_from_slice(&v6.octets()),
    }
}

/// Two words in host order, the lower first.
fn cookie_words(cookie: u64) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&(cookie as u32).to_ne_bytes());
    bytes[4..].copy_from_slice(&((cookie >> 32) as u32).to_ne_bytes());
    bytes
}

/// Attribute types (`INET_DIAG_*`).
pub mod attribute {
    /// `struct tcp_info`.
    pub const INFO: u16 = 2;
    /// Name of the congestion control algorithm.
    pub const CONG: u16 = 4;
    /// IP_TOS.
    pub const TOS: u16 = 5;
    /// IPV6_TCLASS.
    pub const TCLASS: u16 = 6;
    /// `SK_MEMINFO_*`, an array of u32.
    pub const SKMEMINFO: u16 = 7;
    /// Which directions are shut down.
    pub const SHUTDOWN: u16 = 8;
    /// Protocol of the socket.
    pub const PROTOCOL: u16 = 10;
    /// IPV6_V6ONLY.
    pub const SKV6ONLY: u16 = 11;
    /// SO_MARK; sent to CAP_NET_ADMIN only.
    pub const MARK: u16 = 15;
    /// cgroup v2 id, the inode of its directory.
    pub const CGROUP_ID: u16 = 21;
    /// `struct inet_diag_sockopt`.
    pub const SOCKOPT: u16 = 22;
}

/// One socket as the kernel dumped it (`struct inet_diag_msg` and attributes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Address family.
    pub family: Family,
    /// State number of `tcp_states.h`.
    pub state: u8,
    /// Which timer runs, 0 for none.
    pub timer: u8,
    /// Retransmissions or probes without answer so far.
    pub retransmits: u8,
    /// Local address.
    pub local: IpAddr,
    /// Local port.
    pub local_port: u16,
    /// Remote address.
    pub remote: IpAddr,
    /// Remote port.
    pub remote_port: u16,
    /// Index of the interface it is bound to, 0 for none.
    pub interface: u32,
    /// Socket cookie.
    pub cookie: u64,
    /// Milliseconds until the timer fires.
    pub expires_ms: u32,
    /// Bytes to read, or connections to accept.
    pub recv_q: u32,
    /// Bytes to send, or the accept queue's limit.
    pub send_q: u32,
    /// User id; 0 as well when the kernel has none to tell.
    pub uid: u32,
    /// sockfs inode, 0 for none.
    pub inode: u32,
    /// What came along.
    pub extras: Extras<'a>,
}

/// The attributes of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras<'a> {
    /// `struct tcp_info`, as long as the kernel's is.
    pub tcp_info: Option<&'a [u8]>,
    /// Congestion control, without its NUL.
    pub congestion: Option<&'a [u8]>,
    /// `SK_MEMINFO_*`, as many as the kernel has.
    pub memory: Option<&'a [u8]>,
    /// IP_TOS.
    pub tos: Option<u8>,
    /// IPV6_TCLASS.
    pub traffic_class: Option<u8>,
    /// 1: no receiving, 2: no sending.
    pub shutdown: Option<u8>,
    /// Protocol number.
    pub protocol: Option<u8>,
    /// IPV6_V6ONLY; told for sockets without a peer.
    pub v6_only: Option<bool>,
    /// SO_MARK.
    pub mark: Option<u32>,
    /// cgroup v2 id.
    pub cgroup_id: Option<u64>,
    /// `struct inet_diag_sockopt`: two bytes of bits.
    pub socket_options: Option<[u8; 2]>,
}

impl<'a> Record<'a> {
    /// Reads a record from a message's payload. A family other than IPv4 and IPv6 is read as
    /// malformed: it was not asked for.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let cut = Malformed { what: "inet_diag_msg", need: RECORD_LEN, have: payload.len() };
        let (fixed, rest) = payload.split_at_checked(RECORD_LEN).ok_or(cut)?;
        let word = |at| u32_at(fixed, at).ok_or(cut);
        let (family, local, remote) = match fixed[0] {
            AF_INET => (Family::Ipv4, ipv4(fixed, 8), ipv4(fixed, 24)),
            AF_INET6 => (Family::Ipv6, ipv6(fixed, 8), ipv6(fixed, 24)),
            _ => return Err(Malformed { what: "an IP record of inet_diag", ..cut }),
        };
        Ok(Self {
            family,
            state: fixed[1],
            timer: fixed[2],
            retransmits: fixed[3],
            local_port: u16::from_be_bytes([fixed[4], fixed[5]]),
            remote_port: u16::from_be_bytes([fixed[6], fixed[7]]),
            local: local.ok_or(cut)?,
            remote: remote.ok_or(cut)?,
            interface: word(40)?,
            // Two words, the lower first on every machine.
            cookie: u64::from(word(44)?) | u64::from(word(48)?) << 32,
            expires_ms: word(52)?,
            recv_q: word(56)?,
            send_q: word(60)?,
            uid: word(64)?,
            inode: word(68)?,
            extras: Extras::parse(rest)?,
        })
    }
}

impl<'a> Extras<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut extras = Self::default();
        for attribute in attributes(bytes) {
            let (kind, value) = attribute?;
            extras.take(kind, value);
        }
        Ok(extras)
    }

    /// A value that is shorter than its type counts as not told.
    fn take(&mut self, kind: u16, value: &'a [u8]) {
        match kind {
            attribute::INFO => self.tcp_info = Some(value),
            attribute::CONG => self.congestion = value.split(|&byte| byte == 0).next(),
            attribute::SKMEMINFO => self.memory = Some(value),
            attribute::TOS => self.tos = value.first().copied(),
            attribute::TCLASS => self.traffic_class = value.first().copied(),
            attribute::SHUTDOWN => self.shutdown = value.first().copied(),
            attribute::PROTOCOL => self.protocol = value.first().copied(),
            attribute::SKV6ONLY => self.v6_only = value.first().map(|&byte| byte != 0),
            attribute::MARK => self.mark = u32_at(value, 0),
            attribute::CGROUP_ID => self.cgroup_id = u64_at(value, 0),
            attribute::SOCKOPT => {
                self.socket_options = u16_at(value, 0).map(u16::to_ne_bytes);
            }
            _ => {}
        }
    }

    /// Entry `index` of `SK_MEMINFO_*`.
    pub fn memory_word(&self, index: usize) -> Option<u32> {
        u32_at(self.memory?, index * 4)
    }
}

fn ipv4(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let octets: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(Ipv4Addr::from(octets).into())
}

fn ipv6(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let octets: [u8; 16] = bytes.get(at..at + 16)?.try_into().ok()?;
    Some(Ipv6Addr::from(octets).into())
}
