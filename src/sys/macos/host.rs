//! This host as any UNIX has it.

pub use crate::sys::portable::host::with_own_rights;
pub use crate::sys::unix::host::*;
