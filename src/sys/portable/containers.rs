//! Containers: no platform but Linux has their namespaces.

use std::net::IpAddr;

use crate::sys::error::{Error, Result};

/// The inode of the network namespace of a process: there are none here.
pub fn netns_of(_pid: u32) -> Option<u64> {
    None
}

/// The inode of a file that stands for a network namespace: there are none here.
pub fn netns_of_file(_path: &str, _seen_by: u32) -> Option<u64> {
    None
}

/// The addresses of the network namespace that a process is in.
pub fn addresses(pid: u32) -> Result<Vec<IpAddr>> {
    let what = format!("the network of process {pid}");
    Err(Error::unsupported(what, "this platform has no network namespaces"))
}

/// What the user with this id is called: not told here.
pub fn user_name(_uid: u32) -> Option<String> {
    None
}

/// The process id that a process has in its own PID namespace: there are none here.
pub fn innermost_pid(_pid: u32) -> Option<u32> {
    None
}
