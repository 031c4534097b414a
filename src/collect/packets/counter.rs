//! Counting, in the thread that sees the packets: fixed arrays and small maps, and nothing
//! allocated for a packet.

use std::collections::HashMap;

use super::attribution::Attribution;
use super::flows::{BATCH, FlowTable, MAX_FLOWS, Step};
use super::ports::{PortPair, PortTable};
use crate::model::packets::{Count, TcpFlagCounts};
use crate::wire::frame::{
    Inner, Ip, Layers, Network, Summary, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Transport,
};

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// Distinct EtherTypes and ICMP kinds that are kept apart; a sender of noise gets no more.
const MAX_KINDS: usize = 4_096;

/// A frame as a source hands it over.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Number of the interface within the source, from 0 without gaps.
    pub interface: usize,
    /// Length on the wire from the link header on.
    pub length: u32,
    /// Whether the capture cut it, so that what is missing may be the capture's doing.
    pub cut: bool,
    /// What its bytes say.
    pub summary: Summary,
}

/// Packets that wait to be put into the large tables, several at once.
#[derive(Debug)]
struct Batch {
    steps: [Step; BATCH],
    length: usize,
    tcp: Pairs,
    udp: Pairs,
}

/// The ports of at most a batch of packets.
#[derive(Debug)]
struct Pairs {
    pairs: [PortPair; BATCH],
    length: usize,
}

impl Batch {
    fn new() -> Self {
        Self { steps: [Step::NONE; BATCH], length: 0, tcp: Pairs::new(), udp: Pairs::new() }
    }
}

impl Pairs {
    fn new() -> Self {
        Self { pairs: [PortPair::default(); BATCH], length: 0 }
    }

    /// There is room: the batch is settled before it has more packets than this.
    #[inline]
    fn push(&mut self, pair: PortPair) {
        self.pairs[self.length] = pair;
        self.length += 1;
    }

    #[inline]
    fn settle(&mut self, table: &mut PortTable) {
        table.count(&self.pairs[..self.length]);
        self.length = 0;
    }
}

/// Everything that one capture has counted so far.
#[derive(Debug)]
pub struct Counter {
    pub(super) total: Count,
    pub(super) truncated: u64,
    pub(super) undecoded: u64,
    pub(super) interfaces: Vec<Count>,
    pub(super) layers: [Count; Layers::KINDS],
    pub(super) ipv4: Count,
    pub(super) ipv6: Count,
    pub(super) ether_types: HashMap<u16, Count>,
    pub(super) llc: HashMap<u8, Count>,
    pub(super) ip_protocols: Box<[Count; 256]>,
    pub(super) tcp_ports: PortTable,
    pub(super) udp_ports: PortTable,
    pub(super) udplite_ports: PortTable,
    pub(super) flows: FlowTable,
    batch: Batch,
    pub(super) tcp_flags: TcpFlagCounts,
    /// By IP version, type and code.
    pub(super) icmp: HashMap<(u8, u8, u8), u64>,
    pub(super) attribution: Attribution,
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

    pub(super) fn with_flow_limit(flows: usize) -> Self {
        Self {
            total: Count::default(),
            truncated: 0,
            undecoded: 0,
            interfaces: Vec::new(),
            layers: [Count::default(); Layers::KINDS],
            ipv4: Count::default(),
            ipv6: Count::default(),
            ether_types: HashMap::new(),
            llc: HashMap::new(),
            ip_protocols: Box::new([Count::default(); 256]),
            tcp_ports: PortTable::new(),
            udp_ports: PortTable::new(),
            udplite_ports: PortTable::new(),
            flows: FlowTable::new(flows),
            batch: Batch::new(),
            tcp_flags: TcpFlagCounts::default(),
            icmp: HashMap::new(),
            attribution: Attribution::default(),
            span_ns: None,
        }
    }

    /// All packets and bytes so far.
    pub fn total(&self) -> Count {
        self.total
    }

    /// Notes when a packet was captured.
    #[inline]
    pub fn note_time(&mut self, time_ns: i64) {
        self.span_ns = Some(match self.span_ns {
            Some((first, last)) => (first.min(time_ns), last.max(time_ns)),
            None => (time_ns, time_ns),
        });
    }

    /// Counts one frame. `cut` frames count as truncated.
    #[inline]
    pub fn count(&mut self, frame: &Frame) {
        let bytes = u64::from(frame.length);
        self.total.add(bytes);
        self.count_interface(frame.interface, bytes);
        self.truncated += u64::from(frame.cut);
        let summary = &frame.summary;
        for bit in summary.layers.bits() {
            self.layers[bit].add(bytes);
        }
        match &summary.network {
            Network::Ip(ip) => self.count_ip(ip, frame.length),
            // An IP header that ends early and was not cut by the capture is no IP header.
            Network::EtherType(IPV4 | IPV6) if !frame.cut => self.undecoded += 1,
            Network::EtherType(number) => self.count_ether_type(*number, bytes),
            Network::Llc(access_point) => self.llc.entry(*access_point).or_default().add(bytes),
            Network::Beyond => {}
            Network::Unreadable => self.undecoded += 1,
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

    #[inline]
    fn count_ip(&mut self, ip: &Ip, length: u32) {
        let bytes = u64::from(length);
        if ip.source.is_v4() {
            self.ipv4.add(bytes);
        } else {
            self.ipv6.add(bytes);
        }
        self.ip_protocols[usize::from(ip.protocol)].add(bytes);
        if let Some(inner) = ip.inner {
            self.count_inner(inner, ip, bytes);
        }
        self.count_transport(ip, length);
        self.batch.steps[self.batch.length] = self.flows.step(ip, length);
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

    /// Puts packets that wait into the large tables. Nothing else need be done before the
    /// tables are read.
    pub(super) fn settle(&mut self) {
        let batch = &mut self.batch;
        self.flows.count(&batch.steps, batch.length);
        batch.length = 0;
        batch.tcp.settle(&mut self.tcp_ports);
        batch.udp.settle(&mut self.udp_ports);
    }

    #[inline]
    fn count_transport(&mut self, ip: &Ip, bytes: u32) {
        match ip.transport {
            Transport::Tcp { source, destination, flags } => {
                self.batch.tcp.push(PortPair { source, destination, bytes });
                if let Some(flags) = flags {
                    self.count_flags(flags);
                }
            }
            Transport::Ports { source, destination } => match ip.protocol {
                17 => self.batch.udp.push(PortPair { source, destination, bytes }),
                136 => self.udplite_ports.count(&[PortPair { source, destination, bytes }]),
                _ => {}
            },
            Transport::Icmp { kind, code } => {
                let version = if ip.source.is_v4() { 4 } else { 6 };
                let key = (version, kind, code);
                if self.icmp.len() < MAX_KINDS || self.icmp.contains_key(&key) {
                    *self.icmp.entry(key).or_default() += 1;
                }
            }
            Transport::LaterFragment | Transport::None => {}
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
