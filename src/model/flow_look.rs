//! What the last packets tell of one flow.

use super::ladder::Ladder;
use super::packet::PacketLine;
use super::packets::ends::FlowKey;
use super::stream::FlowStream;

/// A flow, as far as its packets are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowLook {
    /// Which flow.
    pub key: FlowKey,
    /// Packets that were counted and are not kept any more.
    pub missing: u64,
    /// Its life; `None` where no packet of it is kept.
    pub ladder: Option<Ladder>,
    /// What its ends said; `None` where no packet of it is kept.
    pub stream: Option<FlowStream>,
    /// Its last packets, in their order.
    pub packets: Vec<PacketLook>,
}

/// A packet with its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct PacketLook {
    /// What its headers say, field by field.
    pub line: PacketLine,
    /// What was captured of it.
    pub bytes: Box<[u8]>,
}
