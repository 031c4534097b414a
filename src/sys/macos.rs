//! macOS.

pub(crate) use super::portable::netstat2;
pub use super::portable::{clock, host, processes, sockets};
pub use super::unix::{errno, resolve};
