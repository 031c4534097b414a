//! The life of a flow as steps between its two ends.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::packets::ends::FlowEnd;

/// One packet, or several of a kind one after the other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// When the first of them came; `None` where the source does not tell.
    pub at: Option<Timestamp>,
    /// Nanoseconds since the flow's first packet.
    pub offset_ns: Option<i64>,
    /// Whether who began the flow sent them.
    pub from_first: bool,
    /// How many packets.
    pub packets: u64,
    /// Bytes of payload.
    pub payload: u64,
    /// How many of them were sent before.
    pub again: u64,
    /// What they are, uncleaned.
    pub text: String,
}

/// A flow and its steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ladder {
    /// Lower-case name of the protocol.
    pub protocol: Cow<'static, str>,
    /// Who sent its first packet.
    pub first: FlowEnd,
    /// The other end.
    pub second: FlowEnd,
    /// In their order.
    pub steps: Vec<Step>,
    /// Packets that found no room among the steps.
    pub left_out: u64,
}
