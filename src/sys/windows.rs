//! Windows.

pub mod errno;

pub(super) use super::portable::capture;
pub use super::portable::{
    clock, command, connecting, containers, events, files, inet6, interfaces, machine, nat_rules,
    neighbours, netns, options, port_rules, process, processes, resolve, route, sockets, tcp_ext,
    tcp_info, trace, trial,
};
pub(crate) use super::portable::{host, netstat2};
