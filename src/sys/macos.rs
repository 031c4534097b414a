//! macOS.

pub use super::portable::{capture, host};
