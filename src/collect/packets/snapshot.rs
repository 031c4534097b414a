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
use super::wanted::{Chosen, Listing};
use crate::catalog::services;
use crate::model::flow_owner::{FlowOwners, PortSet};
use crate::model::packets::{
    ApplicationCount, Count, Flow, FlowFocus, FlowKey, HostCount, IcmpCount, InterfaceCount,
    Losses, PacketCounts, PortCount, ProcessCount, ProtocolCount, ProtocolLayer, TcpCounts,
    UnreadLink,
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
        listing: Listing<'_>,
    ) -> PacketCounts {
        self.settle();
        let chosen = self.chosen(listing.wanted, interfaces);
        let (ports, ports_seen) = self.ports(&chosen, limits.ports);
        let hosts = hosts(&chosen);
        let processes = self.processes(&chosen);
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
                gap_ms: None,
                process_table: self.attribution.lost,
            },
            protocols: self.protocols(),
            interfaces: self.named_interfaces(interfaces),
            sightings: self.sightings,
            ports,
            ports_seen,
            processes_seen: processes.len() as u64,
            processes: top(processes.into_iter(), limits.processes, |process| {
                (Reverse(process.count), process.pid)
            }),
            unattributed: Some(self.unattributed(&chosen)),
            flows: self.listed(&chosen, limits.flows, listing.focus, interfaces),
            flows_seen: self.flows.entries().len() as u64 + self.evicted.flows,
            flows_wanted: chosen.narrowed_to(),
            tcp_flags: self.tcp_flags,
            tcp: self.tcp(&chosen),
            applications: self.by_application(&chosen),
            hosts_seen: hosts.len() as u64,
            hosts: top(hosts.into_iter(), limits.flows, |host| (Reverse(host.count), host.addr)),
            dns: self.applications.dns(),
            icmp: self.icmp_messages(),
            unread_links: self.unread_links(),
            look: None,
            writing: None,
        }
    }

    /// What flows counted without a known process.
    fn unattributed(&self, chosen: &Chosen<'_>) -> Count {
        let mut rest = self.of_evicted(chosen, self.attribution.unattributed);
        for (flow, attributed) in chosen.with_attributed() {
            rest += flow.count().since(attributed.count);
        }
        rest
    }

    /// What flows counted that made room: nobody knows of any of them whether it is wanted.
    fn of_evicted<T: Default>(&self, chosen: &Chosen<'_>, counted: T) -> T {
        if chosen.narrowed_to().is_some() { T::default() } else { counted }
    }

    fn processes(&self, chosen: &Chosen<'_>) -> Vec<ProcessCount> {
        match chosen.narrowed_to() {
            None => self.attribution.processes().collect(),
            Some(_) => self.attribution.processes_of(chosen.with_attributed()),
        }
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
        use ProtocolLayer::{Link, Network, Transport};
        let mut all: Vec<ProtocolCount> = Vec::new();
        let mut add = |layer, name: Cow<'static, str>, count: Count| {
            if count.packets == 0 {
                return;
            }
            // MPLS has two EtherTypes, and some names stand for an EtherType and an LLC number.
            match all.iter_mut().find(|line| line.name == name) {
                Some(line) => line.count += count,
                None => all.push(ProtocolCount { name, layer: Some(layer), count }),
            }
        };
        add(Network, "ipv4".into(), self.ipv4);
        add(Network, "ipv6".into(), self.ipv6);
        for (bit, (name, count)) in Layers::NAMES.iter().zip(self.layers).enumerate() {
            let layer = if Layers::is_link(bit) { Link } else { Network };
            add(layer, (*name).into(), count);
        }
        for (number, count) in (0..=u8::MAX).zip(self.ip_protocols.iter()) {
            if count.packets > 0 {
                add(Transport, names::ip_protocol(number), *count);
            }
        }
        for (number, count) in &self.ether_types {
            add(Network, names::ether_type(*number), *count);
        }
        for (access_point, count) in &self.llc {
            add(Network, names::llc(*access_point).into(), *count);
        }
        for (number, count) in &self.cisco {
            add(Network, names::cisco(*number).into(), *count);
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

    fn ports(&self, chosen: &Chosen<'_>, limit: usize) -> (Vec<PortCount>, u64) {
        let evicted = self.of_evicted(chosen, self.evicted.ports.clone());
        let all = ports::count(evicted, chosen.with_attributed());
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

    fn listed(
        &self,
        chosen: &Chosen<'_>,
        limit: usize,
        focus: Option<&FlowFocus>,
        interfaces: &[Option<Arc<str>>],
    ) -> Vec<Flow> {
        let entries = self.flows.entries();
        let all = chosen.places();
        let mut listed = top_by_count(entries, all.clone(), limit);
        if let Some(focus) = focus.filter(|_| listed.len() < all.len()) {
            let known: HashSet<usize> = listed.iter().copied().collect();
            let focused = all
                .into_iter()
                .filter(|index| focus.matches(&entries[*index].id.key()))
                .filter(|index| !known.contains(index));
            listed.extend(focused.take(limit));
        }
        let rank = |index: &usize| {
            let entry = &entries[*index];
            (Reverse(entry.count()), entry.id.key())
        };
        listed.sort_by_cached_key(rank);
        listed.into_iter().map(|index| self.flow(index, interfaces)).collect()
    }

    /// The flow at this place of the table.
    pub(super) fn flow(&self, index: usize, interfaces: &[Option<Arc<str>>]) -> Flow {
        let attributed = &self.flows.attributed()[index];
        let [a, b] = self.attribution.owners(attributed);
        let [first, second] = if attributed.b_first { [&b, &a] } else { [&a, &b] };
        let owner = first.as_ref().or(second.as_ref()).cloned();
        let entry = &self.flows.entries()[index];
        let path = entry.path().filter_map(|number| interfaces.get(number)?.clone());
        let interfaces = path.collect();
        let server = self.applications.server(&entry.id);
        Flow { owner, owner_a: a, owner_b: b, interfaces, server, ..entry.flow() }
    }

    fn tcp(&self, chosen: &Chosen<'_>) -> TcpCounts {
        let mut counts = self.of_evicted(chosen, self.evicted.tcp);
        chosen.flows().for_each(|entry| entry.connection.add_to(&mut counts));
        counts
    }

    fn by_application(&self, chosen: &Chosen<'_>) -> Vec<ApplicationCount> {
        let mut all = self.of_evicted(chosen, self.evicted.applications);
        for entry in chosen.flows() {
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

/// By address, of flows in the table.
fn hosts(chosen: &Chosen<'_>) -> Vec<HostCount> {
    let mut hosts: HashMap<IpAddr, (u64, Count)> = HashMap::new();
    for entry in chosen.flows() {
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

fn timestamp(ns: i64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(ns.into()).ok()
}

/// Those of the places whose `limit` entries have the most packets, in no order: a full sort of
/// the table would cost more than all else here.
fn top_by_count(entries: &[Entry], mut all: Vec<usize>, limit: usize) -> Vec<usize> {
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
