//! Windows.

pub use super::portable::{capture, host};
