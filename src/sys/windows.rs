//! Windows.

pub use super::portable::host;
