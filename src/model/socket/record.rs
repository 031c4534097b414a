//! All that is known of one socket.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::activation::Activation;
use super::endpoint::Endpoint;
use super::kinds::{NetlinkSocket, PacketSocket, SocketFile};
use super::peer::Peer;
use super::protocol::{Family, Protocol};
use super::queue::{Backlog, SocketMemory, Timer};
use super::state::State;
use crate::model::activity::{DropGrowth, Rates, Stalled};
use crate::model::mptcp::MptcpInfo;
use crate::model::owner::{Owner, Ownership};
use crate::model::tcp::TcpInfo;

/// One socket, as every view and the JSON contract (`sockpit.ports/1`) show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Socket {
    /// Network namespace inode.
    pub netns: Option<u64>,
    /// What that namespace is called: in `/run/netns`, else the container or service that it
    /// was made for; `None` where it has no name or none was looked for.
    pub netns_name: Option<Arc<str>>,
    /// Address family.
    pub family: Family,
    /// Protocol.
    pub protocol: Protocol,
    /// State.
    pub state: State,
    /// This end.
    pub local: Endpoint,
    /// The other end; `None` where there is no peer.
    pub remote: Option<Endpoint>,
    /// IANA name of the local port, or of the remote one where the local has none.
    pub service: Option<Cow<'static, str>>,
    /// IPV6_V6ONLY; `None` for other families or when not told.
    pub v6_only: Option<bool>,
    /// sockfs inode; 0 where no descriptor exists (yet or any more); `None` when not told.
    pub inode: Option<u64>,
    /// For a connected UNIX socket, the inode of the socket at the other end; 0 where no
    /// descriptor refers to that one: it waits to be accepted, or was closed. `None` without
    /// a peer, or when not told.
    pub peer_inode: Option<u64>,
    /// What a raw socket receives (IP protocol number), a packet socket (EtherType, 3 for
    /// every one) or a netlink socket (its family); `None` where the protocol says it all.
    pub protocol_number: Option<u16>,
    /// Kernel socket cookie.
    pub cookie: Option<u64>,
    /// Name of the interface it is bound to (SO_BINDTODEVICE).
    pub interface: Option<Arc<str>>,
    /// User who made it.
    pub uid: Option<u32>,
    /// That user's name.
    pub user: Option<Arc<str>>,
    /// Bytes received and not read; `None` for LISTEN, see `backlog`.
    pub recv_q: Option<u32>,
    /// Bytes not acknowledged (TCP) or not sent (others); `None` for LISTEN.
    pub send_q: Option<u32>,
    /// Accept queue of a listener.
    pub backlog: Option<Backlog>,
    /// Packets dropped at this socket.
    pub drops: Option<u32>,
    /// How fast data moves; `None` before the second look, and where nobody counts it.
    pub rates: Option<Rates>,
    /// Since when queues have not moved; `None` where nothing waits, and when looked at once.
    pub stalled: Option<Box<Stalled>>,
    /// What was dropped between looks; `None` when nothing was, and when looked at once.
    pub drop_growth: Option<Box<DropGrowth>>,
    /// Running timer.
    pub timer: Option<Timer>,
    /// Memory use.
    pub memory: Option<SocketMemory>,
    /// When sockpit first saw it: its age is at least the time since.
    pub first_seen: Option<Timestamp>,
    /// cgroup that the socket was made in, as a path below the cgroup root.
    pub cgroup: Option<Arc<str>>,
    /// Who holds it, in one word.
    pub ownership: Ownership,
    /// Whether every process that could hold it was readable; `None` when the backend cannot tell.
    pub owners_complete: Option<bool>,
    /// One entry for each descriptor that holds it.
    pub owners: Vec<Owner>,
    /// For a listener that a systemd manager holds: the unit that it is held for.
    pub activation: Option<Box<Activation>>,
    /// Who is at the other end, if that is on this machine. Rows of a table leave it out: it
    /// is looked up where it is shown ([`crate::model::peer`]).
    pub peer: Option<Box<Peer>>,
    /// TCP_INFO; `None` for other protocols and where the kernel sends none.
    pub tcp: Option<Box<TcpInfo>>,
    /// What is known of an MPTCP connection as a whole; `None` for other protocols, for
    /// listeners, and when not told.
    #[serde(default)]
    pub mptcp: Option<Box<MptcpInfo>>,
    /// The file that a UNIX socket was bound to; `None` for other families, and for names that
    /// are not in the file system.
    pub file: Option<Box<SocketFile>>,
    /// How a packet socket is set up; `None` for other families.
    pub packet: Option<Box<PacketSocket>>,
    /// How a netlink socket is set up; `None` for other families.
    pub netlink: Option<Box<NetlinkSocket>>,
}

impl Socket {
    /// A socket of which nothing is known but where it is and how it fares.
    pub fn new(family: Family, protocol: Protocol, state: State, local: Endpoint) -> Self {
        Self {
            netns: None,
            netns_name: None,
            family,
            protocol,
            state,
            local,
            remote: None,
            service: None,
            v6_only: None,
            inode: None,
            peer_inode: None,
            protocol_number: None,
            cookie: None,
            interface: None,
            uid: None,
            user: None,
            recv_q: None,
            send_q: None,
            backlog: None,
            drops: None,
            rates: None,
            stalled: None,
            drop_growth: None,
            timer: None,
            memory: None,
            first_seen: None,
            cgroup: None,
            ownership: Ownership::unknown("not looked up"),
            owners_complete: None,
            owners: Vec::new(),
            activation: None,
            peer: None,
            tcp: None,
            mptcp: None,
            file: None,
            packet: None,
            netlink: None,
        }
    }

    /// Whether this is an IPv6 wildcard socket that also takes IPv4 traffic.
    pub fn is_dual_stack(&self) -> bool {
        self.family == Family::Ipv6 && self.v6_only == Some(false) && self.local.is_wildcard()
    }

    /// Whether new connections or datagrams from anyone can arrive here.
    pub fn is_server(&self) -> bool {
        matches!(self.state, State::Listen | State::Unconnected)
    }

    /// Whether it serves on an address of this host that others may reach: any but loopback. What
    /// stands before it, a firewall or a missing route, is not known here.
    pub fn is_exposed(&self) -> bool {
        let is_ip = matches!(self.family, Family::Ipv4 | Family::Ipv6);
        let addr = self.local.canonical_addr();
        is_ip && self.is_server() && addr.is_some_and(|addr| !addr.is_loopback())
    }

    /// Brings sockets into their documented order. Quicker than to sort by
    /// [`Socket::cmp_canonical`]: most pairs are told apart by one number, and each socket,
    /// being large, moves once.
    pub fn sort_canonical(sockets: &mut [Self]) {
        let mut order: Vec<(u64, usize)> =
            sockets.iter().enumerate().map(|(index, socket)| (socket.rank(), index)).collect();
        order.sort_unstable_by(|(a, i), (b, j)| {
            a.cmp(b).then_with(|| sockets[*i].cmp_canonical(&sockets[*j]))
        });
        for place in 0..order.len() {
            // What belongs here may have been swapped away from where it was; each place that
            // is done remembers where its former content went.
            let mut from = order[place].1;
            while from < place {
                from = order[from].1;
            }
            sockets.swap(place, from);
            order[place].1 = from;
        }
    }

    /// The beginning of the canonical order as a number: protocol, port, and as much of the
    /// address as fits.
    fn rank(&self) -> u64 {
        let port = self.local.port.map_or(0, |port| u64::from(port) + 1);
        let (family, bits) = match self.local.addr {
            None => (0, 0),
            Some(IpAddr::V4(v4)) => (1, v4.to_bits()),
            Some(IpAddr::V6(v6)) => (2, (v6.to_bits() >> 96) as u32),
        };
        (self.protocol as u64) << 51 | port << 34 | family << 32 | u64::from(bits)
    }

    /// The documented order of rows: protocol, local port, local address, remote, cookie;
    /// and the namespace, since before Linux 5.8 each counts its own cookies.
    pub fn cmp_canonical(&self, other: &Self) -> std::cmp::Ordering {
        let port = |socket: &Self| socket.local.port;
        self.protocol
            .cmp(&other.protocol)
            .then_with(|| port(self).cmp(&port(other)))
            .then_with(|| self.local.cmp(&other.local))
            .then_with(|| self.remote.cmp(&other.remote))
            .then_with(|| self.cookie.cmp(&other.cookie))
            .then_with(|| self.netns.cmp(&other.netns))
    }
}
