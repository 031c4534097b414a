//! What the two ends of a flow said to each other.

use super::packets::ends::FlowEnd;

/// The payload of a flow in the order in which it was said, as far as its packets are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowStream {
    /// The end whose packet is the first that is kept.
    pub first: FlowEnd,
    /// The other one.
    pub second: FlowEnd,
    /// Bytes that were kept and are left out before the first piece.
    pub left_out: u64,
    /// What was said.
    pub pieces: Vec<StreamPiece>,
}

/// What one end said until the other spoke, or until something is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPiece {
    /// Whether it is from [`FlowStream::first`].
    pub from_first: bool,
    /// Bytes of the same end that are missing right before it.
    pub missing: u64,
    /// The payload.
    pub bytes: Vec<u8>,
}
