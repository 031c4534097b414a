//! Programs in the kernel, compiled from `assets/bpf`.
//!
//! A program that needs nothing but its instructions is loaded by three system calls of its own:
//! a loader that can do everything reads all of the kernel's types first, which takes longer than
//! a listing of most machines' sockets.

mod call;
pub(super) mod feed;
pub(super) mod iterator;
mod program;
mod types;

use std::os::linux::fs::MetadataExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;
use rustix::thread::{CapabilitySet, capabilities};

use super::rights::INITIAL_USER_NAMESPACE;
use super::rights::{Missing, remedy_for};
use crate::sys::error::{Error, Result};
use types::Types;

static FORGONE: AtomicBool = AtomicBool::new(false);

/// From now on nothing is loaded into the kernel.
pub(super) fn forgo() {
    FORGONE.store(true, Ordering::Relaxed);
}

/// An error where it is known beforehand that nothing can be loaded to do `what`: the user wants
/// it so, or the rights are missing. Rights over a user namespace of one's own do not count.
pub(super) fn permit(what: &str) -> Result<()> {
    if FORGONE.load(Ordering::Relaxed) {
        return Err(Error::unsupported(format!("to {what} by BPF"), "--no-bpf was given"));
    }
    let is_first = std::fs::metadata("/proc/self/ns/user")
        .map_or(true, |link| link.st_ino() == INITIAL_USER_NAMESPACE);
    let held = capabilities(None).map_or(CapabilitySet::all(), |sets| sets.effective);
    let wanted = CapabilitySet::BPF | CapabilitySet::PERFMON;
    match is_first && (held.contains(wanted) || held.contains(CapabilitySet::SYS_ADMIN)) {
        true => Ok(()),
        false => Err(Error::not_permitted(what, remedy_for(Missing::Bpf))),
    }
}

/// What it means that the kernel refused with this error, while it should have `what`.
pub(super) fn refused(what: &str, errno: Errno) -> Error {
    match errno {
        Errno::PERM => Error::not_permitted(what, remedy_for(Missing::Bpf)),
        errno => Error::os(format!("load the BPF program to {what}"), errno),
    }
}

/// The kernel's description of its types, without which nothing can be loaded to do `what`.
pub(super) fn types(what: &str) -> Result<Types> {
    let why = "this kernel does not tell its types (no /sys/kernel/btf/vmlinux)";
    Types::of_this_kernel().ok_or_else(|| Error::unsupported(what, why))
}
