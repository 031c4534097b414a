//! The other end of a connection within this machine: which socket answers this one.
//!
//! A pure join over sockets, made when somebody asks. Rows do not keep their peers: in a large
//! table nearly every one would have some.

use std::collections::HashMap;
use std::net::IpAddr;

pub use super::socket::peer::{Peer, PeerOwner};
use super::socket::{Endpoint, Family, Protocol, Socket, State};

impl Peer {
    /// What a socket is to the one that it answers.
    pub fn of(socket: &Socket) -> Self {
        let owners = socket.owners.iter().map(|owner| PeerOwner {
            pid: owner.process.pid,
            fd: owner.fd,
            name: owner.process.name.clone(),
        });
        Self { cookie: socket.cookie, inode: socket.inode, owners: owners.collect() }
    }
}

/// Every socket, to be asked for the peer of one.
#[derive(Debug, Default)]
pub struct Peers<'a> {
    connected: HashMap<Ends, &'a Socket>,
    serving: HashMap<Port, Vec<&'a Socket>>,
    unix: HashMap<u64, &'a Socket>,
}

/// The ends of a connection, seen from one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ends {
    netns: Option<u64>,
    protocol: Protocol,
    local: (IpAddr, u16),
    remote: (IpAddr, u16),
}

/// Where a datagram socket without peer waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Port {
    netns: Option<u64>,
    protocol: Protocol,
    port: u16,
}

impl<'a> Peers<'a> {
    /// From all sockets there are; the peers of one that is missing are not found.
    pub fn new(sockets: impl IntoIterator<Item = &'a Socket>) -> Self {
        let sockets = sockets.into_iter();
        let mut peers =
            Self { connected: HashMap::with_capacity(sockets.size_hint().0), ..Self::default() };
        sockets.for_each(|socket| peers.add(socket));
        peers
    }

    /// From the few sockets among `sockets` that could be the peer of this one: as good as
    /// all of them for asking after it alone, at the price of one look at each.
    pub fn around(socket: &Socket, sockets: impl IntoIterator<Item = &'a Socket>) -> Self {
        let far_port = socket.remote.as_ref().and_then(|end| end.port);
        let could_answer = |other: &&Socket| {
            let by_port = far_port.is_some() && other.local.port == far_port;
            let by_inode = socket.peer_inode.is_some() && other.inode == socket.peer_inode;
            by_port || by_inode
        };
        let mut peers = Self::default();
        sockets.into_iter().filter(could_answer).for_each(|socket| peers.add(socket));
        peers
    }

    fn add(&mut self, socket: &'a Socket) {
        if socket.family == Family::Unix {
            if let Some(inode) = socket.inode.filter(|inode| *inode != 0) {
                self.unix.insert(inode, socket);
            }
        } else if let Some(ends) = Ends::of(socket) {
            // Of two with the same ends one has just ended.
            let known = self.connected.entry(ends).or_insert(socket);
            if known.state == State::TimeWait {
                *known = socket;
            }
        } else if let (State::Unconnected, Some(port)) = (socket.state, socket.local.port) {
            let Socket { netns, protocol, .. } = *socket;
            self.serving.entry(Port { netns, protocol, port }).or_default().push(socket);
        }
    }

    /// The socket at the other end; `None` where that is not on this machine, or it is not
    /// certain which it is.
    ///
    /// A connection's peer has the same ends the other way round, in the same network
    /// namespace. What a connected datagram socket sends may also arrive at a socket without
    /// peer, if it alone waits there.
    pub fn of(&self, socket: &Socket) -> Option<&'a Socket> {
        if socket.family == Family::Unix {
            return self.unix.get(&socket.peer_inode?).copied();
        }
        let ends = Ends::of(socket)?;
        let there = ends.reversed();
        // Where the other side does not speak MPTCP, the connection is plain TCP there.
        let plain =
            (ends.protocol == Protocol::Mptcp).then_some(Ends { protocol: Protocol::Tcp, ..there });
        let found = [Some(there), plain].into_iter().flatten();
        let mut found = found.filter_map(|ends| self.connected.get(&ends).copied());
        let same_zone = |other: &&Socket| may_be_one_zone(&socket.local, &other.local);
        found.find(same_zone).or_else(|| self.server(&ends))
    }

    /// The one socket without peer at which datagrams to the far end arrive.
    fn server(&self, ends: &Ends) -> Option<&'a Socket> {
        let Ends { netns, protocol, local, remote } = *ends;
        let (addr, port) = remote;
        if addr.is_multicast() {
            return None;
        }
        let waiting = self.serving.get(&Port { netns, protocol, port })?;
        // One that is bound to a device hears only what comes in there.
        let anywhere = waiting.iter().copied().filter(|socket| socket.interface.is_none());
        let mut exact =
            anywhere.clone().filter(|socket| socket.local.canonical_addr() == Some(addr));
        if let Some(first) = exact.next() {
            return exact.next().is_none().then_some(first);
        }
        // Only then is it known to be an address of this machine.
        if !addr.is_loopback() && addr != local.0 {
            return None;
        }
        let mut any = anywhere.filter(|socket| takes_any(socket, addr));
        let first = any.next()?;
        any.next().is_none().then_some(first)
    }
}

/// Whether a socket is bound to every address, and `addr` is of a kind that it takes.
fn takes_any(socket: &Socket, addr: IpAddr) -> bool {
    let is_own_family = (socket.family == Family::Ipv6) == addr.is_ipv6();
    socket.local.is_wildcard() && (is_own_family || socket.is_dual_stack())
}

/// A link-local address is one of a zone; zones that are not told could be the same.
fn may_be_one_zone(a: &Endpoint, b: &Endpoint) -> bool {
    match (&a.scope, &b.scope) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

impl Ends {
    /// IPv4-mapped addresses are IPv4: the two sides of a connection may be of either family.
    fn of(socket: &Socket) -> Option<Self> {
        let end = |end: &Endpoint| Some((end.canonical_addr()?, end.port?));
        socket.protocol.ip_number()?;
        Some(Self {
            netns: socket.netns,
            protocol: socket.protocol,
            local: end(&socket.local)?,
            remote: end(socket.remote.as_ref()?)?,
        })
    }

    fn reversed(self) -> Self {
        Self { local: self.remote, remote: self.local, ..self }
    }
}

/// Writes into each socket who is at its other end.
pub fn fill(sockets: &mut [Socket]) {
    let peers = Peers::new(&*sockets);
    let of = |socket| peers.of(socket).map(|peer| Box::new(Peer::of(peer)));
    let found: Vec<Option<Box<Peer>>> = sockets.iter().map(of).collect();
    for (socket, peer) in sockets.iter_mut().zip(found) {
        socket.peer = peer;
    }
}

#[cfg(test)]
mod tests;
