//! macOS.

pub(crate) mod host;

pub(super) use super::portable::capture;
#[expect(
    unused_imports,
    reason = "each platform has the same modules; portable code takes its own"
)]
pub(crate) use super::portable::netstat2;
pub use super::portable::{
    clock, connecting, containers, events, files, inet6, interfaces, machine, nat_rules,
    neighbours, netns, options, port_rules, process, processes, route, sockets, tcp_ext, tcp_info,
    trace, trial,
};
pub use super::unix::{command, errno, resolve};
