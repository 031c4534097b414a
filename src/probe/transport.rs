//! What carries the bytes of a probe.

pub(super) mod echo;
pub(super) mod tcp;
pub(super) mod udp;
pub(super) mod unix;
