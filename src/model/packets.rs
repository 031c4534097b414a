//! What a capture counted: by protocol, port, process and flow, beside what it lost.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::socket::Protocol;

/// Packets and the bytes they had on the wire, from the link header on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Count {
    /// Frames.
    pub packets: u64,
    /// Bytes on the wire, also when the capture cut the frame short.
    pub bytes: u64,
}

impl Count {
    /// Adds one frame of `bytes`.
    pub fn add(&mut self, bytes: u64) {
        self.packets += 1;
        self.bytes += bytes;
    }

    /// What came since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(earlier.packets),
            bytes: self.bytes.saturating_sub(earlier.bytes),
        }
    }
}

/// Everything that the counts below do not contain, by cause.
/// `None` where the source cannot know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// Dropped by the kernel for want of room (PACKET_STATISTICS `tp_drops`).
    pub kernel: Option<u64>,
    /// Times that the ring was frozen (`tp_freeze_q_cnt`).
    pub ring: Option<u64>,
    /// Frames cut short by the snapshot length; counted, but perhaps not fully decoded.
    pub truncated: u64,
    /// Frames whose headers could not be read; they count in the totals alone.
    pub undecoded: u64,
    /// Packets of flows that found no room in the flow table; they count everywhere else.
    pub flow_table: u64,
}

/// A protocol and the packets that carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolCount {
    /// Lower case: `tcp udp icmp icmpv6 arp ipv4 ipv6 …`.
    pub name: Cow<'static, str>,
    /// Packets and bytes.
    #[serde(flatten)]
    pub count: Count,
}

/// A capture interface and what came over it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceCount {
    /// Interface name; `None` in files that do not tell.
    pub name: Option<Arc<str>>,
    /// Packets and bytes.
    #[serde(flatten)]
    pub count: Count,
}

/// A port at either end and the packets that carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortCount {
    /// `tcp`, `udp` and the like.
    pub protocol: Protocol,
    /// Port number.
    pub port: u16,
    /// IANA name.
    pub service: Option<Cow<'static, str>>,
    /// Packets and bytes. A packet from a port to itself counts once.
    #[serde(flatten)]
    pub count: Count,
}

/// A process and the packets of its flows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessCount {
    /// Process id.
    pub pid: u32,
    /// Its short name, uncleaned.
    pub name: Box<str>,
    /// Packets and bytes.
    #[serde(flatten)]
    pub count: Count,
}

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlowEnd {
    /// Address.
    pub addr: IpAddr,
    /// Port; 0 where the protocol has none.
    pub port: u16,
}

/// Who a flow belongs to on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowOwner {
    /// Process id.
    pub pid: u32,
    /// Its short name, uncleaned.
    pub name: Box<str>,
}

/// What identifies a flow: both directions have the same key, the smaller end is `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlowKey {
    /// IP protocol number.
    pub ip_protocol: u8,
    /// The smaller end.
    pub a: FlowEnd,
    /// The greater end.
    pub b: FlowEnd,
}

/// A flow and what went each way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Lower-case protocol name.
    pub protocol: Cow<'static, str>,
    /// IP protocol number.
    pub ip_protocol: u8,
    /// The smaller end.
    pub a: FlowEnd,
    /// The greater end.
    pub b: FlowEnd,
    /// Both directions together.
    #[serde(flatten)]
    pub count: Count,
    /// Packets from `a` to `b`.
    pub packets_a_to_b: u64,
    /// Bytes from `a` to `b`.
    pub bytes_a_to_b: u64,
    /// Packets from `b` to `a`.
    pub packets_b_to_a: u64,
    /// Bytes from `b` to `a`.
    pub bytes_b_to_a: u64,
    /// Every TCP flag seen from `a` to `b`, OR-ed (RFC 9293, 3.1); 0 for others.
    pub flags_a_to_b: u8,
    /// Every TCP flag seen from `b` to `a`, OR-ed.
    pub flags_b_to_a: u8,
    /// Its process on this machine, where one is known.
    pub owner: Option<FlowOwner>,
}

impl Flow {
    /// The identity of this flow.
    pub fn key(&self) -> FlowKey {
        FlowKey { ip_protocol: self.ip_protocol, a: self.a, b: self.b }
    }
}

/// TCP segments by flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpFlagCounts {
    /// SYN without ACK.
    pub syn: u64,
    /// SYN with ACK.
    pub syn_ack: u64,
    /// FIN.
    pub fin: u64,
    /// RST.
    pub rst: u64,
}

/// ICMP or ICMPv6 messages of one type and code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IcmpCount {
    /// Type.
    pub r#type: u8,
    /// Code.
    pub code: u8,
    /// IANA name of the type, and of the code where it has one.
    pub name: Cow<'static, str>,
    /// 4 or 6.
    pub version: u8,
    /// How many.
    pub packets: u64,
}

/// Cumulative counts of one capture (`sockpit.packets/1`). Rates are the difference of two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PacketCounts {
    /// Interfaces or file that the packets came from.
    pub source: String,
    /// Live: since the capture began. File: from the first to the last time stamp.
    pub duration_ms: u64,
    /// All frames and their bytes.
    #[serde(flatten)]
    pub total: Count,
    /// What is missing from the counts.
    pub losses: Losses,
    /// By protocol, each layer on its own line, most packets first.
    pub protocols: Vec<ProtocolCount>,
    /// By interface.
    pub interfaces: Vec<InterfaceCount>,
    /// By port, most packets first, bounded.
    pub ports: Vec<PortCount>,
    /// By process, most packets first.
    pub processes: Vec<ProcessCount>,
    /// By flow, most packets first, bounded.
    pub flows: Vec<Flow>,
    /// TCP segments by flags.
    pub tcp_flags: TcpFlagCounts,
    /// ICMP messages.
    pub icmp: Vec<IcmpCount>,
}
