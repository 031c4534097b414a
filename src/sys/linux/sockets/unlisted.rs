//! Sockets that processes hold and no table of the kernel lists: of families without a table
//! (vsock, XDP, AF_ALG), never bound, or left behind by a connection that was reset. With the
//! right to duplicate a descriptor they are rows; without it they are counted.

use std::collections::HashMap;
use std::ffi::CString;
use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, statat};

use super::super::holders::{Holder, Scan};
use super::super::options::{Glance, glance};
use crate::model::join::Holding;
use crate::model::owner::Through;
use crate::model::socket::{Family, Protocol, Socket, State};
use crate::model::tables::Uncounted;
use crate::sys::error::Error;

/// So many sockets are looked at in one listing; the next one goes on.
const MOST: usize = 4_096;

/// What is known of those that were met, by inode.
#[derive(Debug, Default)]
pub(super) struct Unlisted {
    known: HashMap<u64, Known>,
}

#[derive(Clone, Debug)]
enum Known {
    /// Met for the first time: most likely it was opened after the tables were read.
    New,
    /// A socket without a table.
    Is(Box<Socket>),
    /// Of another network namespace, or of a table that will have it.
    Other,
    /// It may not be looked at.
    Refused,
}

/// Where to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) proc: BorrowedFd<'a>,
    /// The network namespace of sockpit and its cookie.
    pub(super) netns: Option<u64>,
    pub(super) netns_cookie: Option<u64>,
    /// Whether sockets of other namespaces are wanted, too.
    pub(super) everywhere: bool,
    /// Whether there is a next look, which will have what was opened meanwhile.
    pub(super) is_repeated: bool,
}

impl Unlisted {
    /// The sockets that are held and not among the `listed` inodes, which ascend; and how many
    /// more of which process may not be looked at.
    pub(super) fn find(
        &mut self,
        scan: &Scan,
        listed: &[u64],
        scope: &Scope<'_>,
    ) -> (Vec<Socket>, Vec<Uncounted>) {
        let mut before = std::mem::take(&mut self.known);
        let mut places = HashMap::new();
        let (mut found, mut refused) = (Vec::new(), HashMap::<u32, usize>::new());
        let mut listed = listed.iter().copied().peekable();
        for same in scan.holdings.chunk_by(|a, b| a.inode == b.inode) {
            let inode = same[0].inode;
            while listed.next_if(|other| *other < inode).is_some() {}
            if listed.peek() == Some(&inode) {
                continue;
            }
            let known = match before.remove(&inode) {
                Some(Known::Is(socket)) if is_lasting(&socket) => Known::Is(socket),
                Some(settled @ (Known::Other | Known::Refused)) => settled,
                None if scope.is_repeated => Known::New,
                _ if found.len() >= MOST => Known::New,
                _ => identify(same, scan, scope, &mut places),
            };
            match &known {
                Known::Is(socket) => found.push(Socket::clone(socket)),
                Known::Refused => *refused.entry(same[0].process).or_default() += 1,
                Known::New | Known::Other => {}
            }
            self.known.insert(inode, known);
        }
        let uncounted = refused.into_iter().map(|(process, sockets)| {
            let Holder { key, name, .. } = &scan.holders[process as usize];
            Uncounted { pid: key.pid, name: name.clone(), sockets }
        });
        let mut uncounted: Vec<Uncounted> = uncounted.collect();
        uncounted.sort_unstable_by_key(|process| process.pid);
        (found, uncounted)
    }
}

/// What is bound or connected is in a table from then on; others of families without one
/// change unseen.
fn is_lasting(socket: &Socket) -> bool {
    matches!(socket.family, Family::Ipv4 | Family::Ipv6 | Family::Netlink)
}

fn identify(
    same: &[Holding],
    scan: &Scan,
    scope: &Scope<'_>,
    places: &mut HashMap<u32, Option<u64>>,
) -> Known {
    let mut refused = false;
    for holding in same {
        let pid = scan.holders[holding.process as usize].key.pid;
        let netns = *places.entry(pid).or_insert_with(|| netns_of(scope.proc, pid));
        if !scope.everywhere && netns.is_some() && netns != scope.netns {
            continue;
        }
        let table_of = match holding.through {
            Through::Descriptor => pid,
            Through::Thread { tid } => tid,
            // There is no descriptor to duplicate.
            Through::IoUring { .. } => {
                refused = true;
                continue;
            }
        };
        match glance(table_of, holding.fd, holding.inode) {
            Ok(told) => {
                let is_here = told.netns_cookie.is_none()
                    || scope.netns_cookie.is_none()
                    || told.netns_cookie == scope.netns_cookie;
                if !is_here && !scope.everywhere {
                    return Known::Other;
                }
                let netns = if is_here { scope.netns } else { netns };
                return match socket(holding.inode, &told) {
                    Some(socket) => Known::Is(Box::new(Socket { netns, ..socket })),
                    None => Known::Other,
                };
            }
            Err(Error::NotPermitted { .. }) => refused = true,
            Err(_) => {}
        }
    }
    if refused { Known::Refused } else { Known::Other }
}

/// The inode of a process's network namespace.
fn netns_of(proc: BorrowedFd<'_>, pid: u32) -> Option<u64> {
    let path = CString::new(format!("{pid}/ns/net")).ok()?;
    Some(statat(proc, &path, AtFlags::empty()).ok()?.st_ino)
}

/// The row of a socket that no table lists; `None` for one that a table will have, since it was
/// opened after that was read.
fn socket(inode: u64, told: &Glance) -> Option<Socket> {
    let (family, protocol) = kind(told);
    let is_ip = matches!(family, Family::Ipv4 | Family::Ipv6);
    let has_port =
        told.local.as_ref().is_some_and(|local| local.port.is_some_and(|port| port != 0));
    let is_stream = told.kind.r#type != libc::SOCK_DGRAM;
    let state = match family {
        // After a reset the kernel keeps the addresses, and holds no port.
        Family::Ipv4 | Family::Ipv6 if protocol == Protocol::Tcp => {
            told.is_closed.then_some(State::Closed)?
        }
        Family::Ipv4 | Family::Ipv6 if is_listed(protocol) && has_port => return None,
        Family::Ipv4 | Family::Ipv6 if is_listed(protocol) => State::Closed,
        Family::Unix | Family::Packet => return None,
        Family::Netlink if told.local.is_some() => return None,
        _ if told.listens => State::Listen,
        _ if told.remote.is_some() && is_stream => State::Established,
        _ if told.remote.is_some() => State::Connected,
        _ if told.local.is_none() || (is_ip && !has_port) => State::Closed,
        _ if is_stream => State::Bound,
        _ => State::Unconnected,
    };
    let nothing = is_ip && !has_port;
    let local = told.local.clone().filter(|_| !nothing).unwrap_or_default();
    let number = u16::try_from(told.kind.protocol).ok();
    Some(Socket {
        remote: told.remote.clone(),
        inode: Some(inode),
        cookie: told.cookie,
        uid: Some(told.uid),
        protocol_number: number.filter(|_| !is_listed(protocol)),
        ..Socket::new(family, protocol, state, local)
    })
}

/// Whether the protocol has a table of its own, which has every socket that is bound.
fn is_listed(protocol: Protocol) -> bool {
    !matches!(protocol, Protocol::Stream | Protocol::Dgram | Protocol::Seqpacket)
}

fn kind(told: &Glance) -> (Family, Protocol) {
    let family = match told.kind.domain {
        libc::AF_INET => Family::Ipv4,
        libc::AF_INET6 => Family::Ipv6,
        libc::AF_UNIX => Family::Unix,
        libc::AF_PACKET => Family::Packet,
        libc::AF_NETLINK => Family::Netlink,
        libc::AF_VSOCK => Family::Vsock,
        libc::AF_XDP => Family::Xdp,
        libc::AF_ALG => Family::Alg,
        libc::AF_BLUETOOTH => Family::Bluetooth,
        libc::AF_CAN => Family::Can,
        libc::AF_KEY => Family::Key,
        libc::AF_TIPC => Family::Tipc,
        AF_SMC => Family::Smc,
        libc::AF_RDS => Family::Rds,
        AF_QIPCRTR => Family::Qrtr,
        _ => Family::Other,
    };
    let by_type = match told.kind.r#type {
        libc::SOCK_STREAM => Protocol::Stream,
        libc::SOCK_DGRAM => Protocol::Dgram,
        libc::SOCK_RAW => Protocol::Raw,
        _ => Protocol::Seqpacket,
    };
    let protocol = match (family, told.kind.protocol) {
        (Family::Packet, _) => Protocol::Packet,
        (Family::Netlink, _) => Protocol::Netlink,
        (Family::Ipv4 | Family::Ipv6, protocol) => match (by_type, protocol) {
            (Protocol::Raw, _) => Protocol::Raw,
            (_, libc::IPPROTO_TCP) => Protocol::Tcp,
            (_, libc::IPPROTO_UDP) => Protocol::Udp,
            (_, libc::IPPROTO_UDPLITE) => Protocol::Udplite,
            (_, libc::IPPROTO_MPTCP) => Protocol::Mptcp,
            (Protocol::Dgram, libc::IPPROTO_ICMP | libc::IPPROTO_ICMPV6) => Protocol::Icmp,
            _ => by_type,
        },
        _ => by_type,
    };
    (family, protocol)
}

/// linux/socket.h, which libc has in part.
const AF_QIPCRTR: i32 = 42;
const AF_SMC: i32 = 43;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::Endpoint;
    use crate::sys::portable::options::SocketKind;

    fn told(domain: i32, r#type: i32, protocol: i32) -> Glance {
        Glance {
            kind: SocketKind { domain, r#type, protocol },
            cookie: Some(1),
            netns_cookie: None,
            uid: 0,
            local: None,
            remote: None,
            listens: false,
            is_closed: false,
        }
    }

    fn state(told: &Glance) -> Option<State> {
        socket(7, told).map(|socket| socket.state)
    }

    #[test]
    fn what_a_table_will_have_is_no_row_here() {
        let nowhere = Some(Endpoint::ip([0, 0, 0, 0], 0));
        let bound = Some(Endpoint::ip([127, 0, 0, 1], 80));
        let tcp = told(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_TCP);
        assert_eq!(state(&Glance { local: bound.clone(), ..tcp.clone() }), None);
        let never = Glance { local: nowhere.clone(), is_closed: true, ..tcp.clone() };
        assert_eq!(state(&never), Some(State::Closed));
        assert_eq!(socket(7, &never).unwrap().local, Endpoint::default());
        let reset = Glance { local: bound.clone(), is_closed: true, ..tcp };
        assert_eq!(socket(7, &reset).unwrap().local.port, Some(80));
        let udp = told(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_UDP);
        assert_eq!(state(&Glance { local: nowhere, ..udp.clone() }), Some(State::Closed));
        assert_eq!(state(&Glance { local: bound, ..udp }), None);
        assert_eq!(state(&told(libc::AF_UNIX, libc::SOCK_STREAM, 0)), None);
    }

    #[test]
    fn families_without_a_table_are_told_by_what_they_say() {
        let vsock = told(libc::AF_VSOCK, libc::SOCK_STREAM, 0);
        assert_eq!(state(&vsock), Some(State::Closed));
        let bound = Glance { local: Some(Endpoint::unix("*:1024")), ..vsock };
        assert_eq!(state(&bound), Some(State::Bound));
        let listens = Glance { listens: true, ..bound.clone() };
        assert_eq!(state(&listens), Some(State::Listen));
        let connected = Glance { remote: Some(Endpoint::unix("2:1")), ..bound };
        assert_eq!(state(&connected), Some(State::Established));
        let row = socket(7, &told(libc::AF_XDP, libc::SOCK_RAW, 0)).unwrap();
        assert_eq!((row.family, row.protocol), (Family::Xdp, Protocol::Raw));
        let sctp = socket(7, &told(libc::AF_INET, libc::SOCK_SEQPACKET, 132)).unwrap();
        assert_eq!((sctp.protocol, sctp.protocol_number), (Protocol::Seqpacket, Some(132)));
    }
}
