//! macOS.

pub(crate) use super::portable::netstat2;
pub use super::portable::{
    capture, clock, interfaces, options, process, processes, route, sockets, tcp_info, trial,
};
pub use super::unix::{errno, host, resolve};
