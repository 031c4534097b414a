//! The join of flows with the sockets of this machine: whose packets are these?

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::owner::Process;
use super::packets::{FlowEnd, FlowKey};
use super::socket::{Endpoint, Family, Protocol, Socket, State};

/// Who holds the ends of flows, looked up from a socket table.
///
/// A connection is found by both its ends. What is not found so belongs to the listener or the
/// unconnected datagram socket that is bound to one of the ends, provided that end is an
/// address of this machine or a group that it may have joined.
#[derive(Debug, Default)]
pub struct FlowOwners {
    connected: HashMap<(u8, FlowEnd, FlowEnd), Arc<Process>>,
    /// By protocol and port; address `None` stands for any.
    serving: HashMap<(u8, u16), Vec<Bound>>,
    local: HashSet<IpAddr>,
}

/// The start of a process may be this much later in its own word than it was.
const TICK: SignedDuration = SignedDuration::from_millis(20);

/// Some of the 65,536 ports.
#[derive(Clone, Debug)]
pub struct PortSet(Box<[u64]>);

impl Default for PortSet {
    fn default() -> Self {
        Self(vec![0; 1 << 10].into())
    }
}

impl PortSet {
    /// Whether this port is among them.
    pub fn contains(&self, port: u16) -> bool {
        self.0[usize::from(port >> 6)] & 1 << (port & 63) != 0
    }

    /// Adds the ports of the sockets that a flow may have.
    pub fn insert_ends(&mut self, flow: &FlowKey) {
        [Some(flow.a.port), Some(flow.b.port), flow.ident]
            .into_iter()
            .flatten()
            .for_each(|port| self.insert(port));
    }

    /// Adds a port.
    pub fn insert(&mut self, port: u16) {
        self.0[usize::from(port >> 6)] |= 1 << (port & 63);
    }
}

/// Who is bound to a port.
#[derive(Clone, Debug)]
struct Bound {
    /// `None` stands for any.
    addr: Option<IpAddr>,
    process: Arc<Process>,
    /// When the first of those who hold the socket started, where all of that is known: what
    /// came before cannot be theirs.
    since: Option<Timestamp>,
}

/// The processes at the ends of a flow. Both are known for a connection within this machine.
#[derive(Clone, Debug, Default)]
pub struct FlowEnds {
    /// The process at the smaller end.
    pub a: Option<Arc<Process>>,
    /// The process at the greater end.
    pub b: Option<Arc<Process>>,
    /// Whether `b` is the one to name when only one can be: it serves, or `a` is unknown.
    pub b_first: bool,
    /// The end at which a socket of this machine serves, where exactly one does: `true` for the
    /// greater.
    pub served_at_b: Option<bool>,
}

impl FlowEnds {
    /// The process to name when only one can be: the one that serves.
    pub fn principal(&self) -> Option<&Arc<Process>> {
        if self.b_first { self.b.as_ref() } else { self.a.as_ref() }
    }
}

impl FlowOwners {
    /// From the sockets of this network namespace and this machine's own addresses.
    pub fn new<'a>(
        sockets: impl IntoIterator<Item = &'a Socket>,
        local: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let mut owners = Self {
            local: local.into_iter().map(|addr| addr.to_canonical()).collect(),
            ..Self::default()
        };
        sockets.into_iter().for_each(|socket| owners.add(socket));
        owners
    }

    fn add(&mut self, socket: &Socket) {
        // A descriptor that several processes share is named by the first of them.
        let Some(owner) = socket.owners.first() else { return };
        let Some(protocol) = protocol_of(socket) else { return };
        let Some(local) = flow_end(&socket.local) else { return };
        let process = Arc::clone(&owner.process);
        match socket.remote.as_ref().and_then(flow_end) {
            Some(remote) => {
                self.connected.insert((protocol, local, remote), process);
            }
            None if serves(socket.state) => {
                let addr = (!local.addr.is_unspecified()).then_some(local.addr);
                let starts = socket.owners.iter().map(|owner| owner.process.started_at);
                let since = starts.min().flatten();
                let bound = Bound { addr, process, since };
                self.serving.entry((protocol, local.port)).or_default().push(bound);
            }
            None => {}
        }
    }

    /// Whether nothing is known at all.
    pub fn is_empty(&self) -> bool {
        self.connected.is_empty() && self.serving.is_empty()
    }

    /// The part of a table that flows between these ports can belong to.
    pub fn between<'a>(
        sockets: impl IntoIterator<Item = &'a Socket>,
        local: impl IntoIterator<Item = IpAddr>,
        ports: &PortSet,
    ) -> Self {
        let is_among = |end: &Endpoint| end.port.is_some_and(|port| ports.contains(port));
        let may_match = |socket: &&Socket| {
            is_among(&socket.local) && socket.remote.as_ref().is_none_or(is_among)
        };
        Self::new(sockets.into_iter().filter(may_match), local)
    }

    /// Whether one of the ends is a connected socket, and not only the port of one that serves.
    pub fn is_connected(&self, flow: &FlowKey) -> bool {
        let is_there = |this, other| self.connected.contains_key(&(flow.ip_protocol, this, other));
        is_there(flow.a, flow.b) || is_there(flow.b, flow.a)
    }

    /// Who is at the ends of a flow that began then, where that is known: a port may have had
    /// another server before.
    pub fn ends(&self, flow: &FlowKey, began: Option<Timestamp>) -> FlowEnds {
        // A socket that pings has the identifier as its port.
        let of_socket = |end: FlowEnd| FlowEnd { port: flow.ident.unwrap_or(end.port), ..end };
        let sockets = [flow.a, flow.b].map(of_socket);
        let a = self.at(flow.ip_protocol, sockets[0], flow.b, began);
        let b = self.at(flow.ip_protocol, sockets[1], flow.a, began);
        let serves = sockets.map(|end| self.server(flow.ip_protocol, end).is_some());
        let served_at_b = (serves[0] != serves[1]).then_some(serves[1]);
        let b_first = match (&a, &b) {
            (Some(_), Some(_)) => served_at_b == Some(true),
            (a, _) => a.is_none(),
        };
        FlowEnds { a, b, b_first, served_at_b }
    }

    fn at(
        &self,
        protocol: u8,
        this: FlowEnd,
        other: FlowEnd,
        began: Option<Timestamp>,
    ) -> Option<Arc<Process>> {
        // The start of a process is known to a hundredth of a second.
        let was_there = |bound: &&Bound| match (bound.since, began) {
            (Some(since), Some(began)) => since <= began.saturating_add(TICK).unwrap_or(began),
            _ => true,
        };
        let serving = || self.server(protocol, this).filter(was_there).map(|bound| &bound.process);
        self.connected.get(&(protocol, this, other)).or_else(serving).cloned()
    }

    /// Who is bound to an end: a specific address goes before any.
    fn server(&self, protocol: u8, end: FlowEnd) -> Option<&Bound> {
        let bound = self.serving.get(&(protocol, end.port))?;
        let specific = bound.iter().find(|bound| bound.addr == Some(end.addr));
        let any = || bound.iter().find(|bound| bound.addr.is_none() && self.may_arrive(end.addr));
        specific.or_else(any)
    }

    /// Whether packets to `addr` could be for a socket of this machine.
    fn may_arrive(&self, addr: IpAddr) -> bool {
        addr.is_loopback()
            || addr.is_multicast()
            || matches!(addr, IpAddr::V4(v4) if v4.is_broadcast())
            || self.local.contains(&addr)
    }
}

fn flow_end(endpoint: &Endpoint) -> Option<FlowEnd> {
    Some(FlowEnd { addr: endpoint.canonical_addr()?, port: endpoint.port? })
}

/// IP protocol number of its packets.
fn protocol_of(socket: &Socket) -> Option<u8> {
    match (socket.protocol, socket.family) {
        (Protocol::Icmp, Family::Ipv6) => Some(58),
        (Protocol::Icmp, _) => Some(1),
        (protocol, _) => protocol.ip_number(),
    }
}

fn serves(state: State) -> bool {
    matches!(state, State::Listen | State::Unconnected)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::net::SocketAddr;

    use super::*;
    use crate::model::owner::Owner;

    fn end(text: &str) -> FlowEnd {
        let addr: SocketAddr = text.parse().unwrap();
        FlowEnd { addr: addr.ip(), port: addr.port() }
    }

    fn flow(ip_protocol: u8, a: &str, b: &str) -> FlowKey {
        FlowKey { ip_protocol, a: end(a), b: end(b), ident: None }
    }

    fn socket(
        pid: u32,
        protocol: Protocol,
        state: State,
        local: &str,
        remote: Option<&str>,
    ) -> Socket {
        let endpoint = |text: &str| Endpoint::from(text.parse::<SocketAddr>().unwrap());
        let mut socket = Socket::new(Family::Ipv4, protocol, state, endpoint(local));
        socket.remote = remote.map(endpoint);
        let process = Process::named(pid, 0, "test");
        socket.owners.push(Owner::new(Some(3), Arc::new(process)));
        socket
    }

    fn owners(sockets: &[Socket]) -> FlowOwners {
        FlowOwners::new(sockets, ["10.0.0.1".parse().unwrap()])
    }

    fn pid(process: Option<&Arc<Process>>) -> Option<u32> {
        process.map(|process| process.pid)
    }

    #[test]
    fn a_connection_is_found_by_both_ends_before_its_listener() {
        let owners = owners(&[
            socket(1, Protocol::Tcp, State::Listen, "0.0.0.0:80", None),
            socket(2, Protocol::Tcp, State::Established, "10.0.0.1:80", Some("10.0.0.9:4000")),
        ]);
        let principal = |a, b| pid(owners.ends(&flow(6, a, b), None).principal());
        assert_eq!(principal("10.0.0.1:80", "10.0.0.9:4000"), Some(2));
        assert_eq!(principal("10.0.0.1:80", "10.0.0.9:4001"), Some(1));
        assert_eq!(principal("10.0.0.8:80", "10.0.0.9:4001"), None, "neither end is here");
        assert_eq!(principal("10.0.0.1:81", "10.0.0.9:4000"), None);
    }

    #[test]
    fn within_the_machine_both_ends_are_known_and_the_server_is_named() {
        let owners = owners(&[
            socket(1, Protocol::Tcp, State::Listen, "127.0.0.1:8080", None),
            socket(1, Protocol::Tcp, State::Established, "127.0.0.1:8080", Some("127.0.0.1:4000")),
            socket(2, Protocol::Tcp, State::Established, "127.0.0.1:4000", Some("127.0.0.1:8080")),
        ]);
        let ends = owners.ends(&flow(6, "127.0.0.1:4000", "127.0.0.1:8080"), None);
        assert_eq!((pid(ends.a.as_ref()), pid(ends.b.as_ref())), (Some(2), Some(1)));
        assert_eq!(pid(ends.principal()), Some(1));
    }

    #[test]
    fn an_unconnected_datagram_socket_has_what_comes_to_its_port() {
        let owners = owners(&[
            socket(1, Protocol::Udp, State::Unconnected, "0.0.0.0:5353", None),
            socket(2, Protocol::Udp, State::Unconnected, "10.0.0.1:5353", None),
        ]);
        let principal = |a, b| pid(owners.ends(&flow(17, a, b), None).principal());
        assert_eq!(principal("10.0.0.9:5353", "224.0.0.251:5353"), Some(1));
        assert_eq!(principal("10.0.0.1:5353", "10.0.0.9:1"), Some(2));
        assert_eq!(principal("127.0.0.1:5353", "127.0.0.1:1"), Some(1));
    }

    #[test]
    fn a_ping_belongs_to_the_socket_with_its_identifier() {
        let owners = owners(&[
            socket(1, Protocol::Icmp, State::Unconnected, "0.0.0.0:7", None),
            socket(2, Protocol::Icmp, State::Connected, "10.0.0.1:8", Some("10.0.0.9:0")),
        ]);
        let of = |ident| {
            let key = FlowKey { ident, ..flow(1, "10.0.0.1:0", "10.0.0.9:0") };
            pid(owners.ends(&key, None).principal())
        };
        assert_eq!(
            (of(Some(7)), of(Some(8)), of(Some(9)), of(None)),
            (Some(1), Some(2), None, None)
        );
    }

    #[test]
    fn a_part_of_the_table_says_the_same_of_flows_between_its_ports() {
        let sockets = [
            socket(1, Protocol::Tcp, State::Listen, "0.0.0.0:80", None),
            socket(2, Protocol::Tcp, State::Established, "10.0.0.1:80", Some("10.0.0.9:4000")),
            socket(3, Protocol::Tcp, State::Established, "10.0.0.1:80", Some("10.0.0.9:4001")),
            socket(4, Protocol::Tcp, State::Established, "10.0.0.1:4000", Some("10.0.0.9:80")),
            socket(5, Protocol::Tcp, State::Listen, "0.0.0.0:4001", None),
        ];
        let mut ports = PortSet::default();
        [80, 4000, 65_535].into_iter().for_each(|port| ports.insert(port));
        let local = ["10.0.0.1".parse().unwrap()];
        let (all, part) = (owners(&sockets), FlowOwners::between(&sockets, local, &ports));
        assert_eq!((part.connected.len(), part.serving.len()), (2, 1));
        for a in ["10.0.0.1:80", "10.0.0.9:4000", "10.0.0.1:65535"] {
            for b in ["10.0.0.1:4000", "10.0.0.9:80", "10.0.0.9:4000"] {
                let ends = |owners: &FlowOwners| {
                    let ends = owners.ends(&flow(6, a, b), None);
                    (pid(ends.a.as_ref()), pid(ends.b.as_ref()), ends.b_first)
                };
                assert_eq!(ends(&all), ends(&part), "{a} {b}");
            }
        }
    }

    #[test]
    fn who_came_after_a_flow_does_not_get_its_packets() {
        let mut listener = socket(1, Protocol::Tcp, State::Listen, "0.0.0.0:80", None);
        let started = |second| Timestamp::from_second(second).unwrap();
        let process = Process { started_at: Some(started(100)), ..Process::named(1, 0, "test") };
        listener.owners[0].process = Arc::new(process);
        let connection =
            socket(2, Protocol::Tcp, State::Established, "10.0.0.1:80", Some("10.0.0.9:1"));
        let owners = owners(&[listener, connection]);
        let at = |b, second| {
            pid(owners.ends(&flow(6, "10.0.0.1:80", b), Some(started(second))).principal())
        };
        assert_eq!((at("10.0.0.9:4", 99), at("10.0.0.9:4", 100)), (None, Some(1)));
        assert_eq!(at("10.0.0.9:1", 99), Some(2), "a connection can be inherited");
        assert!(owners.is_connected(&flow(6, "10.0.0.1:80", "10.0.0.9:1")));
        assert!(!owners.is_connected(&flow(6, "10.0.0.1:80", "10.0.0.9:4")));
    }

    #[test]
    fn sockets_without_a_known_owner_attribute_nothing() {
        let mut ownerless = socket(1, Protocol::Tcp, State::Listen, "0.0.0.0:80", None);
        ownerless.owners.clear();
        assert!(owners(&[ownerless]).is_empty());
    }
}
