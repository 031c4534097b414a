//! What became of TCP connections, what applications said, and how DNS answered.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::packets::count::Count;

/// TCP over all flows. docs/packets.md defines each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpCounts {
    /// SYN, SYN-ACK and ACK were seen.
    pub handshakes_completed: u64,
    /// A SYN that was answered by a reset.
    pub handshakes_refused: u64,
    /// A SYN that nothing answered so far.
    pub handshakes_unanswered: u64,
    /// Segments with data, SYN or FIN that were sent before.
    pub retransmissions: u64,
    /// Segments that came after later ones and were not sent before.
    pub out_of_order: u64,
    /// Probes of idle connections.
    pub keep_alives: u64,
    /// Acknowledgments that say nothing new while data is owed.
    pub duplicate_acks: u64,
    /// Segments that close the window.
    pub zero_windows: u64,
}

/// How a connection began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handshake {
    /// By SYN, SYN-ACK and ACK.
    Completed,
    /// Its SYN was answered by a reset.
    Refused,
    /// Nothing answered its SYN so far.
    Unanswered,
}

/// When in a connection's life a reset came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetPhase {
    /// Before the handshake was complete.
    Handshake,
    /// After it, or where it was not seen.
    Established,
    /// After a FIN.
    Closing,
}

/// What one end of a connection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpEnd {
    /// Segments that it sent again.
    pub retransmissions: u64,
    /// Its segments that came late.
    pub out_of_order: u64,
    /// Its probes.
    pub keep_alives: u64,
    /// Its acknowledgments that said nothing new.
    pub duplicate_acks: u64,
    /// Its segments that closed its window.
    pub zero_windows: u64,
    /// Its resets.
    pub resets: u64,
}

/// A connection, or several one after the other between the same ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowTcp {
    /// How it began; `None` where that was not seen.
    pub handshake: Option<Handshake>,
    /// Whether the smaller end asked for it; `None` where no SYN was seen.
    pub opened_by_a: Option<bool>,
    /// How many times it was asked for, repetitions of a SYN apart.
    pub attempts: u64,
    /// From SYN to SYN-ACK, in microseconds.
    pub to_server_us: Option<u64>,
    /// From SYN-ACK to ACK, in microseconds.
    pub to_client_us: Option<u64>,
    /// What the smaller end did.
    pub a: TcpEnd,
    /// What the greater end did.
    pub b: TcpEnd,
    /// When the first reset came.
    pub reset_phase: Option<ResetPhase>,
}

/// An application and the packets of its flows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationCount {
    /// Lower case: `tls http ssh dns quic …`.
    pub name: Cow<'static, str>,
    /// Flows.
    pub flows: u64,
    /// Packets and bytes, the ones before it was told included.
    #[serde(flatten)]
    pub count: Count,
}

/// An address and the packets of all flows that end at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCount {
    /// The address.
    pub addr: IpAddr,
    /// Flows.
    pub flows: u64,
    /// Packets and bytes of both directions.
    #[serde(flatten)]
    pub count: Count,
}

/// DNS over UDP: at ports 53, 5353 (mDNS) and 5355 (LLMNR).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsCounts {
    /// Questions.
    pub queries: u64,
    /// Answers.
    pub answers: u64,
    /// Questions without an answer so far.
    pub unanswered: u64,
    /// Answers by response code.
    pub codes: Vec<DnsCode>,
    /// Half of the answers came within this many microseconds of their first question.
    pub p50_us: Option<u64>,
    /// Nine of ten did.
    pub p90_us: Option<u64>,
    /// Ninety-nine of a hundred did.
    pub p99_us: Option<u64>,
    /// All did.
    pub max_us: Option<u64>,
    /// Names that were asked for, most questions first, bounded.
    pub names: Vec<DnsName>,
    /// Questions for names that found no room.
    pub names_left_out: u64,
}

/// Answers with one response code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsCode {
    /// Number.
    pub code: u8,
    /// Name, as in `NXDOMAIN`.
    pub name: Cow<'static, str>,
    /// How many.
    pub answers: u64,
}

/// A name that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsName {
    /// The name, uncleaned.
    pub name: Arc<str>,
    /// Questions.
    pub queries: u64,
    /// Answers.
    pub answers: u64,
    /// Answers with a response code other than 0.
    pub failures: u64,
}
