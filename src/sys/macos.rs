//! macOS.

pub use super::portable::host;
