//! Windows.

pub mod errno;

pub(crate) use super::portable::netstat2;
pub use super::portable::{clock, host, process, processes, resolve, sockets, trial};
