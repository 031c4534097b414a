//! macOS.

pub(crate) use super::portable::netstat2;
pub use super::portable::{clock, host, process, processes, sockets, trial};
pub use super::unix::{errno, resolve};
