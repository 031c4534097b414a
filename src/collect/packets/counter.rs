//! Counting, in the thread that sees the packets: fixed arrays and small maps, and nothing
//! allocated for a packet.

use std::collections::{BTreeMap, HashMap};

use super::applications::Applications;
use super::attribution::Attribution;
use super::flows::{BATCH, FlowId, FlowTable, MAX_FLOWS, Seen, Step};
use super::fragments::Fragments;
use super::ports::{Port, service_port};
use crate::model::packets::{Count, TcpCounts, TcpFlagCounts};
use crate::wire::frame::{
    Application, Detail, Inner, Ip, Layers, Network, Summary, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN,
    Transport, spoken_of,
};

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// Distinct EtherTypes and ICMP kinds that are kept apart; a sender of noise gets no more.
const MAX_KINDS: usize = 4_096;

/// A frame as a source hands it over.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Number of the interface within the source, from 0 without gaps.
    pub interface: usize,
    /// Length on the wire from the link header on.
    pub length: u32,
    /// Whether the capture cut it, so that what is missing may be the capture's doing.
    pub cut: bool,
    /// What its bytes say.
    pub summary: Summary,
    /// What lies behind its IP header.
    pub detail: Detail<'a>,
    /// When it was captured, in nanoseconds since 1970; `None` where the source does not tell.
    pub time_ns: Option<i64>,
    /// Whether it was counted already, when another interface saw it: it counts for this
    /// interface, and for nothing else.
    pub again: bool,
}

/// Packets that wait to be put into the flow table, several at once.
#[derive(Debug)]
struct Batch {
    steps: [Step; BATCH],
    length: usize,
}

/// What flows counted that made room for others.
#[derive(Debug, Default)]
pub(super) struct Evicted {
    pub(super) flows: u64,
    pub(super) packets: u64,
    pub(super) ports: HashMap<Port, Count>,
    pub(super) tcp: TcpCounts,
    /// Flows and packets by application.
    pub(super) applications: [(u64, Count); Application::KINDS],
}

/// Everything that one capture has counted so far.
#[derive(Debug)]
pub struct Counter {
    pub(super) total: Count,
    /// Packets that were seen once more, on another interface.
    pub(super) sightings: Count,
    pub(super) truncated: u64,
    pub(super) undecoded: u64,
    pub(super) interfaces: Vec<Count>,
    pub(super) layers: [Count; Layers::KINDS],
    pub(super) ipv4: Count,
    pub(super) ipv6: Count,
    pub(super) ether_types: HashMap<u16, Count>,
    pub(super) llc: HashMap<u8, Count>,
    pub(super) cisco: HashMap<u16, Count>,
    pub(super) ip_protocols: Box<[Count; 256]>,
    /// By link type of the registry: frames of which nothing could be read.
    pub(super) unread_links: BTreeMap<u16, u64>,
    pub(super) flows: FlowTable,
    pub(super) evicted: Evicted,
    pub(super) fragments: Fragments,
    batch: Batch,
    pub(super) tcp_flags: TcpFlagCounts,
    /// By IP version, type and code.
    pub(super) icmp: HashMap<(u8, u8, u8), u64>,
    pub(super) attribution: Attribution,
    pub(super) applications: Applications,
    /// First and last time stamp.
    pub(super) span_ns: Option<(i64, i64)>,
}

impl Default for Counter {
    fn default() -> Self {
        Self::new()
    }
}

impl Counter {
    /// Counts of nothing.
    pub fn new() -> Self {
        Self::with_flow_limit(MAX_FLOWS)
    }

    /// Counts of nothing, which hold as many flows as these do.
    pub(super) fn afresh(&self) -> Self {
        Self::with_flow_limit(self.flows.limit())
    }

    pub(super) fn with_flow_limit(flows: usize) -> Self {
        Self {
            total: Count::default(),
            sightings: Count::default(),
            truncated: 0,
            undecoded: 0,
            interfaces: Vec::new(),
            layers: [Count::default(); Layers::KINDS],
            ipv4: Count::default(),
            ipv6: Count::default(),
            ether_types: HashMap::new(),
            llc: HashMap::new(),
            cisco: HashMap::new(),
            ip_protocols: Box::new([Count::default(); 256]),
            unread_links: BTreeMap::new(),
            flows: FlowTable::new(flows),
            evicted: Evicted::default(),
            fragments: Fragments::new(),
            batch: Batch { steps: [Step::NONE; BATCH], length: 0 },
            tcp_flags: TcpFlagCounts::default(),
            icmp: HashMap::new(),
            attribution: Attribution::default(),
            applications: Applications::default(),
            span_ns: None,
        }
    }

    /// All packets and bytes so far.
    pub fn total(&self) -> Count {
        self.total
    }

    #[inline]
    fn note_time(&mut self, time_ns: i64) {
        self.span_ns = Some(match self.span_ns {
            Some((first, last)) => (first.min(time_ns), last.max(time_ns)),
            None => (time_ns, time_ns),
        });
    }

    /// Notes that a frame has a link type that is not read; [`Counter::count`] counts it.
    pub fn note_unread_link(&mut self, link_type: u16) {
        *self.unread_links.entry(link_type).or_default() += 1;
    }

    /// Counts one frame. `cut` frames count as truncated.
    #[inline]
    pub fn count(&mut self, frame: &Frame<'_>) {
        let bytes = u64::from(frame.length);
        if let Some(time_ns) = frame.time_ns {
            self.note_time(time_ns);
        }
        self.count_interface(frame.interface, bytes);
        if frame.again {
            return self.count_again(frame);
        }
        self.total.add(bytes);
        self.truncated += u64::from(frame.cut);
        let summary = &frame.summary;
        for bit in summary.layers.bits() {
            self.layers[bit].add(bytes);
        }
        match &summary.network {
            Network::Ip(ip) => self.count_ip(ip, frame),
            // An IP header that ends early and was not cut by the capture is no IP header.
            Network::EtherType(IPV4 | IPV6) if !frame.cut => self.undecoded += 1,
            Network::EtherType(number) => self.count_ether_type(*number, bytes),
            Network::Llc(access_point) => self.llc.entry(*access_point).or_default().add(bytes),
            Network::Cisco(number) => self.count_cisco(*number, bytes),
            Network::Beyond => {}
            Network::Unreadable => self.undecoded += 1,
        }
    }

    /// Another interface on the way of a packet that was counted.
    fn count_again(&mut self, frame: &Frame<'_>) {
        self.sightings.add(u64::from(frame.length));
        if let Network::Ip(ip) = &frame.summary.network {
            self.push_step(ip, frame);
        }
    }

    #[inline]
    fn count_interface(&mut self, interface: usize, bytes: u64) {
        if interface >= self.interfaces.len() {
            self.interfaces.resize(interface + 1, Count::default());
        }
        self.interfaces[interface].add(bytes);
    }

    fn count_ether_type(&mut self, number: u16, bytes: u64) {
        match number {
            IPV4 => self.ipv4.add(bytes),
            IPV6 => self.ipv6.add(bytes),
            _ => self.ether_types.entry(number).or_default().add(bytes),
        }
    }

    fn count_cisco(&mut self, number: u16, bytes: u64) {
        if self.cisco.len() < MAX_KINDS || self.cisco.contains_key(&number) {
            self.cisco.entry(number).or_default().add(bytes);
        }
    }

    #[inline]
    fn count_ip(&mut self, ip: &Ip, frame: &Frame<'_>) {
        let (layers, bytes) = (frame.summary.layers, u64::from(frame.length));
        if ip.source.is_v4() {
            self.ipv4.add(bytes);
        } else {
            self.ipv6.add(bytes);
        }
        // A chain of headers that ends early has the last of them as its protocol, which is
        // counted among the layers.
        if layers.is_empty() || !is_counted_layer(ip.protocol, layers) {
            self.ip_protocols[usize::from(ip.protocol)].add(bytes);
        }
        if let Some(inner) = ip.inner {
            self.count_inner(inner, ip, bytes);
        }
        self.count_transport(ip);
        self.push_step(ip, frame);
        if frame.detail.application != Application::Unknown {
            let time_ns = frame.time_ns.unwrap_or_default();
            let (id, _) = FlowId::of(ip);
            self.applications.note(id, frame.detail.application, frame.detail.payload, time_ns);
        } else if let Transport::Icmp { kind, code, .. } = ip.transport {
            self.count_icmp_error(ip, kind, code, frame.detail.payload);
        }
    }

    /// An error is joined to the flow that it speaks of, where that was seen.
    fn count_icmp_error(&mut self, ip: &Ip, kind: u8, code: u8, payload: &[u8]) {
        if let Some(inner) = spoken_of(ip, payload) {
            // The packet that caused it may be among those that wait.
            self.settle();
            self.flows.note_icmp_error(&FlowId::of(&inner).0, kind, code);
        }
    }

    #[inline]
    fn push_step(&mut self, ip: &Ip, frame: &Frame<'_>) {
        let seen = Seen {
            bytes: frame.length,
            interface: frame.interface,
            again: frame.again,
            time_ns: frame.time_ns.unwrap_or_default(),
            application: frame.detail.application,
            segment: frame.detail.segment,
        };
        let step = match ip.fragment {
            None => self.flows.step(ip, &seen),
            Some(identification) => {
                let joined = self.fragments.join(ip, identification, !frame.again);
                self.flows.step(&joined, &seen)
            }
        };
        self.batch.steps[self.batch.length] = step;
        self.batch.length += 1;
        if self.batch.length == BATCH {
            self.settle();
        }
    }

    /// A packet counts once for a protocol, also when it carries it twice.
    fn count_inner(&mut self, inner: Inner, outer: &Ip, bytes: u64) {
        match inner.is_v4 {
            same if same == outer.source.is_v4() => {}
            true => self.ipv4.add(bytes),
            false => self.ipv6.add(bytes),
        }
        if inner.protocol != outer.protocol {
            self.ip_protocols[usize::from(inner.protocol)].add(bytes);
        }
    }

    /// Puts packets that wait into the flow table. Nothing else need be done before it is read.
    pub(super) fn settle(&mut self) {
        let batch = &mut self.batch;
        self.flows.count(&batch.steps, batch.length);
        batch.length = 0;
        if self.flows.has_evicted() {
            self.fold();
        }
    }

    /// Keeps what evicted flows counted for their ports and processes.
    #[cold]
    fn fold(&mut self) {
        for (entry, attributed) in self.flows.take_evicted() {
            let count = entry.count();
            entry.connection.add_to(&mut self.evicted.tcp);
            let (flows, counted) = &mut self.evicted.applications[entry.application as usize];
            *flows += 1;
            *counted += count;
            self.applications.forget(&entry.id);
            self.evicted.flows += 1;
            self.evicted.packets += count.packets;
            if let Some(port) = service_port(&entry, attributed.served_at_b) {
                // Bounded by the ports that there are.
                *self.evicted.ports.entry(port).or_default() += count;
            }
            self.attribution.fold(count, &attributed);
        }
    }

    #[inline]
    fn count_transport(&mut self, ip: &Ip) {
        match ip.transport {
            Transport::Tcp { flags: Some(flags), .. } => self.count_flags(flags),
            Transport::Icmp { kind, code, .. } => {
                let version = if ip.source.is_v4() { 4 } else { 6 };
                let key = (version, kind, code);
                if self.icmp.len() < MAX_KINDS || self.icmp.contains_key(&key) {
                    *self.icmp.entry(key).or_default() += 1;
                }
            }
            Transport::Tcp { flags: None, .. }
            | Transport::Ports { .. }
            | Transport::LaterFragment
            | Transport::None => {}
        }
    }

    #[inline]
    fn count_flags(&mut self, flags: u8) {
        let set = |bit: u8| u64::from(flags & bit != 0);
        let syn = flags & TCP_SYN != 0;
        let ack = flags & TCP_ACK != 0;
        self.tcp_flags.syn += u64::from(syn && !ack);
        self.tcp_flags.syn_ack += u64::from(syn && ack);
        self.tcp_flags.fin += set(TCP_FIN);
        self.tcp_flags.rst += set(TCP_RST);
    }
}

/// Whether a protocol is a header that is among the layers.
fn is_counted_layer(protocol: u8, layers: Layers) -> bool {
    let layer = match protocol {
        0 => Layers::HOP_BY_HOP,
        43 => Layers::ROUTING,
        44 => Layers::FRAGMENT,
        51 => Layers::AUTHENTICATION,
        60 => Layers::DESTINATION_OPTIONS,
        _ => return false,
    };
    layers.contains(layer)
}
