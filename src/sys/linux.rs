//! Linux.

pub(super) mod capture;
pub use super::portable::host;
