//! The socket calls of one process, for as long as somebody looks.

pub use crate::sys::trace::Trace;

/// At most so many calls are kept for one document.
pub const MOST_KEPT: usize = 1_000_000;
