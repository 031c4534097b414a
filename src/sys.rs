//! The operating system. The only place for platform cfg and for `unsafe`.
//!
//! A platform is a module with the same items as [`portable`]; what it lacks it reports as
//! [`Error::Unsupported`], never as zero or an empty list.

pub mod capture;
mod error;
pub mod handshake;
mod here;
pub mod host;
pub mod listing;
pub mod lookup;
pub mod routing;
mod signal;
pub mod state;

pub mod portable;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(target_os = "macos")]
use macos as platform;
#[cfg(windows)]
use windows as platform;

pub use error::{Error, Result};
pub use platform::capture::Capture;
pub use platform::{
    clock, command, connecting, containers, errno, events, files, inet6, interfaces, machine,
    nat_rules, neighbours, netns, options, port_rules, process, processes, resolve, route, sockets,
    tcp_ext, tcp_info, trace, trial,
};
