//! Why packets were dropped and connections reset, counted from the kernel's events.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::{EventKind, SocketEvent};
use super::packets::{FlowEnd, FlowFocus, FlowKey};
use super::socket::{Endpoint, Protocol};

/// At most so many flows are known of one cause.
const FLOWS: usize = 256;

/// What was counted since somebody began to watch (`sockpit.drops/1`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drops {
    /// Since when.
    pub since: Timestamp,
    /// The most frequent first.
    pub causes: Vec<DropCause>,
    /// Events that found no room on their way from the kernel.
    pub lost: u64,
}

/// What befell packets or connections, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropCause {
    /// A packet was dropped, or a reset sent or received.
    pub event: EventKind,
    /// The kernel's name for why, without its prefix; `None` for resets that came from the peer.
    pub reason: Option<String>,
    /// How often.
    pub count: u64,
    /// Whose packets, the most frequent first and then the latest.
    pub flows: Vec<DropFlow>,
    /// Those of `count` whose flow is not among `flows` any more.
    pub others: u64,
}

/// A flow, and how often it was hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropFlow {
    /// The protocol; `None` for one that sockpit has no name for.
    pub protocol: Option<Protocol>,
    /// This side.
    pub local: FlowEnd,
    /// The other side.
    pub remote: FlowEnd,
    /// How often.
    pub count: u64,
    /// The last time.
    pub last: Timestamp,
}

impl Drops {
    /// What befell packets to one port of this host and its answers, as far as the flows are known;
    /// `None` for every address.
    pub fn at_port(&self, protocol: Protocol, port: u16, addr: Option<IpAddr>) -> Vec<DropCause> {
        let is_there = |flow: &&DropFlow| {
            flow.protocol == Some(protocol)
                && flow.local.port == port
                && addr.is_none_or(|addr| addr == flow.local.addr)
        };
        let cause = |cause: &DropCause| {
            let flows: Vec<DropFlow> = cause.flows.iter().filter(is_there).cloned().collect();
            let count = flows.iter().map(|flow| flow.count).sum();
            DropCause { count, flows, others: 0, ..cause.clone() }
        };
        let mut causes: Vec<DropCause> = self.causes.iter().map(cause).collect();
        causes.retain(|cause| cause.count > 0);
        causes.sort_by_key(|cause| Reverse(cause.count));
        causes
    }
}

impl DropFlow {
    /// Whether it is one of the flows of a socket.
    pub fn is_of(&self, focus: &FlowFocus) -> bool {
        let number = self.protocol.and_then(Protocol::ip_number);
        let key = |ip_protocol| FlowKey { ip_protocol, a: self.local, b: self.remote, ident: None };
        number.is_some_and(|number| focus.matches(&key(number)))
    }
}

/// The counts as they grow.
#[derive(Clone, Debug, Default)]
pub struct DropCounts(BTreeMap<(EventKind, Option<String>), Tally>);

type Ends = (Option<Protocol>, FlowEnd, FlowEnd);

#[derive(Clone, Debug, Default)]
struct Tally {
    count: u64,
    flows: HashMap<Ends, (u64, Timestamp)>,
    others: u64,
}

impl DropCounts {
    /// Counts an event, if it is a drop or a reset.
    pub fn add(&mut self, event: &SocketEvent) {
        if !event.event.is_drop_or_reset() {
            return;
        }
        let tally = self.0.entry((event.event, event.reason.clone())).or_default();
        tally.count += 1;
        match end(&event.local).zip(end(&event.remote)) {
            Some((local, remote)) => tally.hit((event.protocol, local, remote), event.at),
            None => tally.others += 1,
        }
    }

    /// What was counted so far.
    pub fn so_far(&self, since: Timestamp, lost: u64) -> Drops {
        let causes = self.0.iter().map(|((event, reason), tally)| DropCause {
            event: *event,
            reason: reason.clone(),
            count: tally.count,
            flows: tally.flows(),
            others: tally.others,
        });
        let mut causes: Vec<DropCause> = causes.collect();
        causes.sort_by_key(|cause| Reverse(cause.count));
        Drops { since, causes, lost }
    }
}

impl Tally {
    fn hit(&mut self, ends: Ends, at: Timestamp) {
        if self.flows.len() >= FLOWS && !self.flows.contains_key(&ends) {
            self.forget_the_oldest();
        }
        let (count, last) = self.flows.entry(ends).or_insert((0, at));
        (*count, *last) = (*count + 1, at);
    }

    fn forget_the_oldest(&mut self) {
        let oldest = self.flows.iter().min_by_key(|(_, (_, last))| *last).map(|(ends, _)| *ends);
        let forgotten = oldest.and_then(|ends| self.flows.remove(&ends));
        self.others += forgotten.map_or(0, |(count, _)| count);
    }

    fn flows(&self) -> Vec<DropFlow> {
        let flow = |(&(protocol, local, remote), &(count, last)): (&Ends, &(u64, Timestamp))| {
            DropFlow { protocol, local, remote, count, last }
        };
        let mut flows: Vec<DropFlow> = self.flows.iter().map(flow).collect();
        flows.sort_by_key(|flow| (Reverse((flow.count, flow.last)), flow.local, flow.remote));
        flows
    }
}

fn end(endpoint: &Endpoint) -> Option<FlowEnd> {
    Some(FlowEnd { addr: endpoint.canonical_addr()?, port: endpoint.port.unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, reason: &str, from: u16, second: i64) -> SocketEvent {
        SocketEvent {
            event: kind,
            protocol: Some(Protocol::Tcp),
            at: Timestamp::from_second(second).unwrap(),
            pid: None,
            name: None,
            cookie: None,
            netns: 1,
            local: Endpoint::ip([10, 0, 0, 5], 80),
            remote: Endpoint::ip([10, 0, 0, 7], from),
            duration_us: None,
            duration_ms: None,
            bytes_sent: None,
            bytes_received: None,
            errno: None,
            reason: Some(reason.to_owned()),
        }
    }

    #[test]
    fn causes_and_their_flows_stand_in_the_order_of_their_counts() {
        let mut counts = DropCounts::default();
        for (kind, reason, from) in [
            (EventKind::ResetSent, "NO_SOCKET", 1),
            (EventKind::Dropped, "NETFILTER_DROP", 2),
            (EventKind::Dropped, "NETFILTER_DROP", 3),
            (EventKind::Dropped, "NETFILTER_DROP", 3),
            (EventKind::Closed, "", 4),
        ] {
            counts.add(&event(kind, reason, from, 9));
        }
        let drops = counts.so_far(Timestamp::UNIX_EPOCH, 0);
        let causes: Vec<_> =
            drops.causes.iter().map(|it| (it.event, it.reason.as_deref(), it.count)).collect();
        assert_eq!(
            causes,
            [
                (EventKind::Dropped, Some("NETFILTER_DROP"), 3),
                (EventKind::ResetSent, Some("NO_SOCKET"), 1)
            ]
        );
        let flows: Vec<_> =
            drops.causes[0].flows.iter().map(|it| (it.remote.port, it.count)).collect();
        assert_eq!(flows, [(3, 2), (2, 1)]);
        let of = |remote: u16| FlowFocus {
            ip_protocol: 6,
            local: FlowEnd { addr: [10, 0, 0, 5].into(), port: 80 },
            remote: Some(FlowEnd { addr: [10, 0, 0, 7].into(), port: remote }),
        };
        assert!(drops.causes[0].flows[0].is_of(&of(3)) && !drops.causes[0].flows[0].is_of(&of(2)));

        let at = |protocol, port, addr: Option<[u8; 4]>| {
            let causes = drops.at_port(protocol, port, addr.map(IpAddr::from));
            causes.iter().map(|cause| cause.count).collect::<Vec<u64>>()
        };
        assert_eq!(at(Protocol::Tcp, 80, None), [3, 1]);
        assert_eq!(at(Protocol::Tcp, 80, Some([10, 0, 0, 5])), [3, 1]);
        assert!(at(Protocol::Tcp, 80, Some([10, 0, 0, 6])).is_empty());
        assert!(at(Protocol::Udp, 80, None).is_empty() && at(Protocol::Tcp, 81, None).is_empty());
    }

    #[test]
    fn of_more_flows_than_have_room_the_oldest_are_counted_together() {
        let mut counts = DropCounts::default();
        for from in 0..300 {
            counts.add(&event(EventKind::Dropped, "NO_SOCKET", from, from.into()));
        }
        let drops = counts.so_far(Timestamp::UNIX_EPOCH, 0);
        let [cause] = &drops.causes[..] else { panic!("{drops:?}") };
        assert_eq!((cause.count, cause.flows.len(), cause.others), (300, FLOWS, 44));
        assert_eq!((cause.flows[0].remote.port, cause.flows[255].remote.port), (299, 44));
    }
}
