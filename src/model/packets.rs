//! What a capture counted: by protocol, port, process and flow, beside what it lost.

pub(super) mod count;
pub(super) mod ends;
mod focus;

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::flow_look::FlowLook;
pub use count::Count;
pub use ends::{FlowEnd, FlowKey};
pub use focus::FlowFocus;

pub use super::connection::{
    ApplicationCount, DnsCode, DnsCounts, DnsName, FlowTcp, Handshake, HostCount, ResetPhase,
    TcpCounts, TcpEnd,
};

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
    /// Packets of flows that made room for others in the flow table; they count everywhere else.
    pub flow_table: u64,
    /// Later fragments whose first was not seen; they count for their addresses, and for no port.
    #[serde(default)]
    pub fragments: u64,
    /// Milliseconds in which a live capture that had begun did not run; `None` for a file.
    #[serde(default)]
    pub gap_ms: Option<u64>,
    /// Packets whose process is known and found no room among the processes.
    pub process_table: u64,
}

/// Where a protocol stands between the wire and the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtocolLayer {
    /// Tags and headers before the network header: VLAN, MPLS, PPPoE, 802.11.
    Link,
    /// What frames carry (EtherTypes, LLC), and IP's own extension headers.
    Network,
    /// What IP carries.
    Transport,
}

impl ProtocolLayer {
    /// In lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Network => "network",
            Self::Transport => "transport",
        }
    }
}

/// A protocol and the packets that carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolCount {
    /// Lower case: `tcp udp icmp icmpv6 arp ipv4 ipv6 …`.
    pub name: Cow<'static, str>,
    /// Where it stands; `None` in what an earlier version counted.
    #[serde(default)]
    pub layer: Option<ProtocolLayer>,
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

/// A port that flows are about, and their packets: where the connection was opened to, else
/// that of a listener of this host, else the one with a service's name, else the lower. Of
/// datagrams that go one way only it is the receiver's, unless the sender's is well-known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortCount {
    /// `tcp`, `udp`, `sctp` and the like.
    pub protocol: Cow<'static, str>,
    /// Port number.
    pub port: u16,
    /// IANA name.
    pub service: Option<Cow<'static, str>>,
    /// Packets and bytes of both directions.
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

/// Who a flow belongs to on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowOwner {
    /// Process id.
    pub pid: u32,
    /// Its short name, uncleaned.
    pub name: Box<str>,
}

/// What an ICMP message is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IcmpKind {
    /// Type.
    pub r#type: u8,
    /// Code.
    pub code: u8,
    /// IANA name of the type, and of the code where it has one.
    pub name: Cow<'static, str>,
}

/// The messages of an ICMP flow: the last each way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowIcmp {
    /// The identifier of an echo.
    pub ident: Option<u16>,
    /// From `a` to `b`.
    pub a_to_b: Option<IcmpKind>,
    /// From `b` to `a`.
    pub b_to_a: Option<IcmpKind>,
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
    /// Its process on this machine, where one is known: of two, the one that serves.
    pub owner: Option<FlowOwner>,
    /// The process at `a`.
    #[serde(default)]
    pub owner_a: Option<FlowOwner>,
    /// The process at `b`.
    #[serde(default)]
    pub owner_b: Option<FlowOwner>,
    /// The interfaces that saw it, in that order: its way through this host. Each packet counts
    /// once, however many they are.
    #[serde(default)]
    pub interfaces: Vec<Arc<str>>,
    /// What its payload is, by its first bytes; `None` where that is not told.
    #[serde(default)]
    pub application: Option<Cow<'static, str>>,
    /// The name that its server goes by: of TLS's server name, HTTP's host, or SSH's
    /// identification; uncleaned.
    #[serde(default)]
    pub server: Option<Arc<str>>,
    /// What became of it, for TCP.
    #[serde(default)]
    pub tcp: Option<FlowTcp>,
    /// What its messages are, for ICMP.
    #[serde(default)]
    pub icmp: Option<FlowIcmp>,
    /// ICMP errors that speak of it.
    #[serde(default)]
    pub icmp_errors: u64,
    /// What the last of them says.
    #[serde(default)]
    pub icmp_error: Option<Cow<'static, str>>,
}

impl Flow {
    /// Whether its protocol has ports.
    pub fn has_ports(&self) -> bool {
        self.a.port != 0 || self.b.port != 0
    }

    /// The identity of this flow.
    pub fn key(&self) -> FlowKey {
        let ident = self.icmp.as_ref().and_then(|icmp| icmp.ident);
        FlowKey { ip_protocol: self.ip_protocol, a: self.a, b: self.b, ident }
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

/// The way in which packets are captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureBackend {
    /// `ring` or `socket`.
    pub name: Cow<'static, str>,
    /// Why it is not the fastest one; `None` where it is, or was asked for.
    pub reason: Option<String>,
}

/// A file that the packets of a running capture are written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writing {
    /// Where it is.
    pub path: String,
    /// Packets in it.
    pub packets: u64,
    /// Its length.
    pub bytes: u64,
    /// Packets that are not in it, since the disk was too slow or writing had ended.
    pub left_out: u64,
    /// For how long packets went into it.
    pub duration_ms: u64,
    /// Whether it is complete.
    pub is_closed: bool,
    /// Why it ended before that was asked for, or was not made.
    pub trouble: Option<String>,
}

/// Cumulative counts of one capture (`sockpit.packets/1`). Rates are the difference of two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PacketCounts {
    /// Interfaces or file that the packets came from.
    pub source: String,
    /// The filter in tcpdump's language that they passed; `None` where there was none.
    #[serde(default)]
    pub filter: Option<Arc<str>>,
    /// How they were captured; `None` for a file.
    #[serde(default)]
    pub backend: Option<CaptureBackend>,
    /// Live: since the capture began. File: from the first to the last time stamp.
    pub duration_ms: u64,
    /// Time stamp of the first packet; `None` before it, and where a file has none.
    #[serde(default)]
    pub first_at: Option<Timestamp>,
    /// Time stamp of the last packet.
    #[serde(default)]
    pub last_at: Option<Timestamp>,
    /// All frames and their bytes.
    #[serde(flatten)]
    pub total: Count,
    /// What is missing from the counts.
    pub losses: Losses,
    /// By protocol, each layer on its own line, most packets first.
    pub protocols: Vec<ProtocolCount>,
    /// By interface: what each of them saw.
    pub interfaces: Vec<InterfaceCount>,
    /// Live: packets that were counted already when another interface saw them. They are in
    /// `interfaces`, and in no other count.
    #[serde(default)]
    pub sightings: Count,
    /// By port, most packets first, bounded.
    pub ports: Vec<PortCount>,
    /// How many ports were seen, listed or not.
    pub ports_seen: u64,
    /// By process, most packets first, bounded.
    pub processes: Vec<ProcessCount>,
    /// How many processes were seen, listed or not.
    #[serde(default)]
    pub processes_seen: u64,
    /// Packets of flows without a known process; `None` for a file, where nobody was asked.
    #[serde(default)]
    pub unattributed: Option<Count>,
    /// By flow, most packets first, bounded; flows of the focus come besides.
    pub flows: Vec<Flow>,
    /// How many flows were seen, listed or not. One that made room for others and came back
    /// counts again.
    pub flows_seen: u64,
    /// How many flows of the table a view asked for; `None` where it asked for all. What is made
    /// of flows (ports, processes, hosts, applications, TCP) is then made of these alone.
    #[serde(skip)]
    pub flows_wanted: Option<u64>,
    /// TCP segments by flags.
    pub tcp_flags: TcpFlagCounts,
    /// What became of TCP connections.
    #[serde(default)]
    pub tcp: TcpCounts,
    /// By application, most packets first.
    #[serde(default)]
    pub applications: Vec<ApplicationCount>,
    /// By address, most packets first, bounded.
    #[serde(default)]
    pub hosts: Vec<HostCount>,
    /// How many addresses were seen among the flows in the table.
    #[serde(default)]
    pub hosts_seen: u64,
    /// DNS.
    #[serde(default)]
    pub dns: DnsCounts,
    /// ICMP messages.
    pub icmp: Vec<IcmpCount>,
    /// Link types of which nothing could be read.
    #[serde(default)]
    pub unread_links: Vec<UnreadLink>,
    /// What the last packets tell of the flow that is looked at.
    #[serde(skip)]
    pub look: Option<Arc<FlowLook>>,
    /// The file that is written, or was written last.
    #[serde(skip)]
    pub writing: Option<Writing>,
}

impl PacketCounts {
    /// Whether this host captured them, so that it may know whose they are.
    pub fn is_live(&self) -> bool {
        self.losses.ring.is_some()
    }
}

/// Frames with a link type that sockpit does not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadLink {
    /// Number in the registry at <https://www.tcpdump.org/linktypes.html>.
    pub link_type: u16,
    /// Its name; `None` for a number that is not in the registry.
    pub name: Option<Cow<'static, str>>,
    /// How many frames.
    pub packets: u64,
}
