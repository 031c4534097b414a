//! Windows.

pub mod errno;

pub(crate) use super::portable::netstat2;
pub use super::portable::{
    capture, clock, host, interfaces, process, processes, resolve, sockets, trial,
};
