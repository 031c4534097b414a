//! Linux.

#[cfg(feature = "bpf")]
mod bpf;
pub(super) mod capture;
mod cgroups;
pub mod clock;
pub mod connecting;
pub mod containers;
#[cfg(feature = "bpf")]
pub mod events;
pub mod files;
mod holders;
pub(crate) mod host;
pub mod inet6;
pub mod interfaces;
mod kernel_ports;
pub mod machine;
mod names;
pub mod nat_rules;
pub mod neighbours;
mod netlink;
pub mod netns;
pub(crate) mod netstat2;
pub mod options;
pub mod port_rules;
mod proc;
pub mod process;
pub mod processes;
mod rights;
pub mod route;
mod sock_diag;
pub mod sockets;
pub mod tcp_ext;
pub mod tcp_info;
#[cfg(feature = "bpf")]
pub mod trace;
mod waiting;

pub use super::portable::trial;
#[cfg(not(feature = "bpf"))]
pub use super::portable::{events, trace};
pub use super::unix::{command, errno, resolve};
