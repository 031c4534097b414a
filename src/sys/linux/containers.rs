//! What this system's files tell of containers: their networks, their names.

mod naming;

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};

use super::names;
use super::proc::{self, Decimal};
use crate::sys::error::{Error, Result};
use crate::wire::{local_addresses, procfs};

pub(super) use naming::ContainerNames;

/// The inode of the network namespace of a process; `None` where this user may not know it.
pub fn netns_of(pid: u32) -> Option<u64> {
    let directory = open(pid).ok()?;
    let mut target = vec![MaybeUninit::uninit(); 64];
    let target = proc::read_link(directory.as_fd(), c"ns/net", &mut target).ok()?;
    let inode = target.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(inode).ok()?.parse().ok()
}

/// The inode of a file that stands for a network namespace, as the process `seen_by` sees the
/// file; `None` where it cannot be reached.
pub fn netns_of_file(path: &str, seen_by: u32) -> Option<u64> {
    use std::os::linux::fs::MetadataExt;
    let path = format!("/proc/{seen_by}/root{path}");
    std::fs::metadata(path).ok().map(|file| file.st_ino())
}

/// The addresses of the network namespace that a process is in, loopback's among them. Every
/// user may ask that of every process.
pub fn addresses(pid: u32) -> Result<Vec<IpAddr>> {
    let directory = open(pid)?;
    let read = |name: &str| {
        let mut content = Vec::new();
        let name = CString::new(name).expect("names of files of /proc have no NUL");
        proc::read_file(&directory, &name, &mut content).ok()?;
        Some(String::from_utf8_lossy(&content).into_owned())
    };
    // A kernel without IPv6 lacks the second file.
    let v4 = read("net/fib_trie").ok_or_else(|| unread(pid))?;
    let v6 = read("net/if_inet6").unwrap_or_default();
    let v4 = local_addresses::fib_trie(&v4).into_iter().map(IpAddr::V4);
    Ok(v4.chain(local_addresses::if_inet6(&v6).into_iter().map(IpAddr::V6)).collect())
}

/// The process id that a process has in its own PID namespace (`NSpid` of proc_pid_status(5)).
pub fn innermost_pid(pid: u32) -> Option<u32> {
    let mut content = Vec::new();
    proc::read_file(open(pid).ok()?, c"status", &mut content).ok()?;
    procfs::innermost_pid(&content)
}

/// What the user with this id is called.
pub fn user_name(uid: u32) -> Option<String> {
    names::account(uid).map(|account| account.name)
}

fn open(pid: u32) -> Result<OwnedFd> {
    let proc = proc::open()?;
    proc::open_dir(&proc, Decimal::new(pid).as_c_str()).map_err(|_| unread(pid))
}

fn unread(pid: u32) -> Error {
    Error::unsupported(format!("the network of process {pid}"), "its files cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_network_is_told() {
        let pid = std::process::id();
        assert_eq!(netns_of(pid), super::super::netns::own());
        assert_eq!(netns_of_file("/proc/self/ns/net", u32::MAX), None);
        assert!(innermost_pid(pid).is_some());
        assert!(addresses(pid).is_ok());
        assert!(addresses(u32::MAX).is_err());
    }
}
