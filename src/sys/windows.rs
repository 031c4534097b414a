//! Windows.

pub mod errno;

pub(crate) use super::portable::netstat2;
pub use super::portable::{
    capture, clock, host, interfaces, options, process, processes, resolve, route, sockets,
    tcp_info, trial,
};
