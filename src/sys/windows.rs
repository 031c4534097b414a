//! Windows.

pub mod errno;

pub(super) use super::portable::capture;
pub(crate) use super::portable::host;
#[expect(
    unused_imports,
    reason = "each platform has the same modules; portable code takes its own"
)]
pub(crate) use super::portable::netstat2;
pub use super::portable::{
    clock, command, connecting, containers, events, files, inet6, interfaces, machine, nat_rules,
    neighbours, netns, options, port_rules, process, processes, resolve, route, sockets, tcp_ext,
    tcp_info, trace, trial,
};
