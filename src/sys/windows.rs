//! Windows.

pub use super::portable::{capture, clock, host, interfaces};
