//! What carries the bytes of a probe.

pub(super) mod tcp;
