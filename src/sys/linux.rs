//! Linux.

pub use super::portable::host;
