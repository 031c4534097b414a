//! The nodes of a program.

use crate::wire::filter::code::{Jump, Op, Operand};

/// The place of a node in its graph.
pub(super) type NodeId = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Verdict(bool),
    Op(Op, NodeId),
    Branch { jump: Jump, operand: Operand, yes: NodeId, no: NodeId },
}
