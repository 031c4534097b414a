//! This host as any UNIX has it.

pub use crate::sys::portable::host::{forgo_bpf, give_up_bpf, keep_memory_small, with_own_rights};
pub use crate::sys::unix::host::*;
