//! This host as any UNIX has it, and the capabilities that Linux adds.

pub use super::files::with_own_rights;
pub use crate::sys::unix::host::*;
