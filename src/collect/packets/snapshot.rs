//! The counter's state as the model has it: sorted, bounded, named.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::counter::Counter;
use super::flows::Entry;
use super::ports;
use crate::catalog::services;
use crate::model::flow_owner::{FlowOwners, PortSet};
use crate::model::packets::{
    ApplicationCount, Count, Flow, FlowFocus, FlowKey, HostCount, IcmpCount, InterfaceCount,
    Losses, PacketCounts, PortCount, ProtocolCount, TcpCounts, UnreadLink,
};
use crate::wire::frame::{Application, Layers};
use crate::wire::names;

/// How long the lists of a snapshot may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Flows, those of the focus not counted.
    pub flows: usize,
    /// Ports.
    pub ports: usize,
    /// Processes.
    pub processes: usize,
}

impl Limits {
    /// For a view that is refreshed every second.
    pub const LIVE: Self = Self { flows: 1_000, ports: 1_000, processes: 1_000 };
    /// Everything that is in the tables, which are bounded themselves.
    pub const ALL: Self = Self { flows: usize::MAX, ports: usize::MAX, processes: usize::MAX };
}

impl Counter {
    /// The ports of flows whose packets are not put down to a process yet; `None` when all are.
    pub fn ports_to_attribute(&mut self) -> Option<PortSet> {
        self.settle();
        self.attribution.ports(&self.flows)
    }

    /// Puts the flows' packets down to the processes that `owners` knows.
    pub fn attribute(&mut self, owners: &FlowOwners) {
        self.settle();
        self.attribution.attribute(&mut self.flows, owners);
    }

    /// The counts so far. `interfaces` are the names by [`super::Frame::interface`]. Source,
    /// duration and the kernel's losses are for the caller to fill in.
    pub fn snapshot(
        &mut self,
        interfaces: &[Option<Arc<str>>],
        limits: &Limits,
        focus: Option<&FlowFocus>,
    ) -> PacketCounts {
        self.settle();
        let (ports, ports_seen) = self.ports(limits.ports);
        let hosts = self.hosts();
        PacketCounts {
            source: String::new(),
            filter: None,
            backend: None,
            duration_ms: self.span_ms(),
            first_at: self.span_ns.and_then(|(first, _)| timestamp(first)),
            last_at: self.span_ns.and_then(|(_, last)| timestamp(last)),
            total: self.total,
            losses: Losses {
                kernel: None,
                ring: None,
                truncated: self.truncated,
                undecoded: self.undecoded,
                flow_table: self.evicted.packets,
                fragments: self.fragments.unjoined,
                process_table: self.attribution.lost,
            },
            protocols: self.protocols(),
            interfaces: self.named_interfaces(interfaces),
            sightings: self.sightings,
            ports,
            ports_seen,
            processes: top(self.attribution.processes(), limits.processes, |process| {
                (Reverse(process.count), process.pid)
            }),
            processes_seen: self.attribution.processes().count() as u64,
            unattributed: Some(self.unattributed()),
            flows: self.flows(limits.flows, focus, interfaces),
            flows_seen: self.flows.entries().len() as u64 + self.evicted.flows,
            tcp_flags: self.tcp_flags,
            tcp: self.tcp(),
            applications: self.by_application(),
            hosts_seen: hosts.len() as u64,
            hosts: top(hosts.into_iter(), limits.flows, |host| (Reverse(host.count), host.addr)),
            dns: self.applications.dns(),
            icmp: self.icmp_messages(),
            unread_links: self.unread_links(),
            look: None,
        }
    }

    /// What flows counted without a known process.
    fn unattributed(&self) -> Count {
        let flows = self.flows.entries().iter().zip(self.flows.attributed());
        let mut rest = self.attribution.unattributed;
        flows.for_each(|(flow, attributed)| rest += flow.count().since(attributed.count));
        rest
    }

    fn unread_links(&self) -> Vec<UnreadLink> {
        let line = |(&link_type, &packets)| {
            let name = names::link_type(link_type).map(Cow::Borrowed);
            UnreadLink { link_type, name, packets }
        };
        self.unread_links.iter().map(line).collect()
    }

    fn span_ms(&self) -> u64 {
        let span = self.span_ns.map_or(0, |(first, last)| last.saturating_sub(first));
        u64::try_from(span / 1_000_000).unwrap_or(0)
    }

    fn protocols(&self) -> Vec<ProtocolCount> {
        let mut all: Vec<ProtocolCount> = Vec::new();
        let mut add = |name: Cow<'static, str>, count: Count| {
            if count.packets == 0 {
                return;
            }
            // MPLS has two EtherTypes, and some names stand for an EtherType and an LLC number.
            match all.iter_mut().find(|line| line.name == name) {
                Some(line) => line.count += count,
                None => all.push(ProtocolCount { name, count }),
            }
        };
        add("ipv4".into(), self.ipv4);
        add("ipv6".into(), self.ipv6);
        for (name, count) in Layers::NAMES.iter().zip(self.layers) {
            add((*name).into(), count);
        }
        for (number, count) in (0..=u8::MAX).zip(self.ip_protocols.iter()) {
            if count.packets > 0 {
                add(names::ip_protocol(number), *count);
            }
        }
        for (number, count) in &self.ether_types {
            add(names::ether_type(*number), *count);
        }
        for (access_point, count) in &self.llc {
            add(names::llc(*access_point).into(), *count);
        }
        for (number, count) in &self.cisco {
            add(names::cisco(*number).into(), *count);
        }
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        all
    }

    fn named_interfaces(&self, names: &[Option<Arc<str>>]) -> Vec<InterfaceCount> {
        let counts = self.interfaces.iter().copied().chain(std::iter::repeat(Count::default()));
        let length = names.len().max(self.interfaces.len());
        let names = names.iter().cloned().chain(std::iter::repeat(None));
        let mut all: Vec<InterfaceCount> = names
            .zip(counts)
            .take(length)
            .map(|(name, count)| InterfaceCount { name, count })
            .collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        all
    }

    fn ports(&self, limit: usize) -> (Vec<PortCount>, u64) {
        let flows = &self.flows;
        let all = ports::count(&self.evicted.ports, flows.entries(), flows.attributed());
        let seen = all.len() as u64;
        let listed = top(all.into_iter(), limit, |&(port, count)| (Reverse(count), port));
        let named = listed.into_iter().map(|((protocol, port), count)| PortCount {
            protocol: names::ip_protocol(protocol),
            port,
            service: services::of_ip_protocol(protocol, port).map(Cow::Borrowed),
            count,
        });
        (named.collect(), seen)
    }

    fn flows(
        &self,
        limit: usize,
        focus: Option<&FlowFocus>,
        interfaces: &[Option<Arc<str>>],
    ) -> Vec<Flow> {
        let entries = self.flows.entries();
        let mut listed = top_by_count(entries, limit);
        if let Some(focus) = focus.filter(|_| listed.len() < entries.len()) {
            let known: HashSet<usize> = listed.iter().copied().collect();
            let focused = (0..entries.len())
                .filter(|index| focus.matches(&entries[*index].id.key()))
                .filter(|index| !known.contains(index));
            listed.extend(focused.take(limit));
        }
        let rank = |index: &usize| {
            let entry = &entries[*index];
            (Reverse(entry.count()), entry.id.key())
        };
        listed.sort_by_cached_key(rank);
        let flow = |index: usize| {
            let attributed = &self.flows.attributed()[index];
            let [a, b] = self.attribution.owners(attributed);
            let [first, second] = if attributed.b_first { [&b, &a] } else { [&a, &b] };
            let owner = first.as_ref().or(second.as_ref()).cloned();
            let entry = &entries[index];
            let path = entry.path().filter_map(|number| interfaces.get(number)?.clone());
            let interfaces = path.collect();
            let server = self.applications.server(&entry.id);
            Flow { owner, owner_a: a, owner_b: b, interfaces, server, ..entry.flow() }
        };
        listed.into_iter().map(flow).collect()
    }

    fn tcp(&self) -> TcpCounts {
        let mut counts = self.evicted.tcp;
        self.flows.entries().iter().for_each(|entry| entry.connection.add_to(&mut counts));
        counts
    }

    fn by_application(&self) -> Vec<ApplicationCount> {
        let mut all = self.evicted.applications;
        for entry in self.flows.entries() {
            let (flows, count) = &mut all[entry.application as usize];
            *flows += 1;
            *count += entry.count();
        }
        let known = all.into_iter().zip(Application::NAMES).skip(1);
        let mut listed: Vec<ApplicationCount> = known
            .filter(|((flows, _), _)| *flows > 0)
            .map(|((flows, count), name)| ApplicationCount { name: name.into(), flows, count })
            .collect();
        listed.sort_by_key(|line| Reverse(line.count));
        listed
    }

    /// By address, of the flows in the table.
    fn hosts(&self) -> Vec<HostCount> {
        let mut hosts: HashMap<IpAddr, (u64, Count)> = HashMap::new();
        for entry in self.flows.entries() {
            let FlowKey { a, b, .. } = entry.id.key();
            let ends = [Some(a.addr), (b.addr != a.addr).then_some(b.addr)];
            for addr in ends.into_iter().flatten() {
                let (flows, count) = hosts.entry(addr).or_default();
                *flows += 1;
                *count += entry.count();
            }
        }
        let host = |(addr, (flows, count))| HostCount { addr, flows, count };
        hosts.into_iter().map(host).collect()
    }

    fn icmp_messages(&self) -> Vec<IcmpCount> {
        let mut all: Vec<IcmpCount> = self
            .icmp
            .iter()
            .map(|(&(version, kind, code), packets)| IcmpCount {
                r#type: kind,
                code,
                name: if version == 4 {
                    names::icmp(kind, code)
                } else {
                    names::icmpv6(kind, code)
                },
                version,
                packets: *packets,
            })
            .collect();
        all.sort_by_key(|line| (Reverse(line.packets), line.version, line.r#type, line.code));
        all
    }
}

fn timestamp(ns: i64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(ns.into()).ok()
}

/// Places of the `limit` entries with the most packets, in no order: a full sort of the table
/// would cost more than all else here.
fn top_by_count(entries: &[Entry], limit: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..entries.len()).collect();
    if limit < all.len() {
        all.select_nth_unstable_by_key(limit, |index| Reverse(entries[*index].count()));
        all.truncate(limit);
    }
    all
}

/// The first `limit` of `all` by `rank`, in that order.
fn top<T, K: Ord>(all: impl Iterator<Item = T>, limit: usize, rank: fn(&T) -> K) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    if limit < all.len() {
        all.select_nth_unstable_by_key(limit, rank);
        all.truncate(limit);
    }
    all.sort_by_key(rank);
    all
}
