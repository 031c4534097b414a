//! Linux.

pub(super) mod capture;
pub mod clock;
pub mod interfaces;

pub use super::portable::host;
