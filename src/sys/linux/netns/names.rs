//! A name for a namespace that nobody has named: the container or service it was made for.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::super::proc::{self, Decimal};
use crate::wire::{cgroup, procfs};

/// Whoever has more ancestors in one namespace has no name.
const MOST_ANCESTORS: usize = 64;

/// What the namespace of process `pid` was made for, where that can be told: its first
/// process, whose parent is outside of it, belongs to a container or service to which that
/// parent does not belong. A program that merely made itself a namespace (`unshare -n`) is in
/// its maker's cgroup, which says nothing of the namespace.
pub(super) fn by_process(
    proc: BorrowedFd<'_>,
    pid: u32,
    is_inside: impl Fn(u32) -> bool,
) -> Option<Arc<str>> {
    let mut content = Vec::new();
    let mut first = pid;
    let mut parent = parent_of(proc, first, &mut content)?;
    for _ in 0..MOST_ANCESTORS {
        if !is_inside(parent) {
            let name = purpose(proc, first, &mut content)?;
            let is_parents = purpose(proc, parent, &mut content).is_some_and(|of| of == name);
            return (!is_parents).then_some(name);
        }
        (first, parent) = (parent, parent_of(proc, parent, &mut content)?);
    }
    None
}

fn parent_of(proc: BorrowedFd<'_>, pid: u32, content: &mut Vec<u8>) -> Option<u32> {
    let directory = proc::open_dir(proc, Decimal::new(pid).as_c_str()).ok()?;
    proc::read_file(&directory, c"stat", content).ok()?;
    Some(procfs::Stat::parse(content)?.ppid)
}

/// The container's name or id, or the service.
fn purpose(proc: BorrowedFd<'_>, pid: u32, content: &mut Vec<u8>) -> Option<Arc<str>> {
    let directory = proc::open_dir(proc, Decimal::new(pid).as_c_str()).ok()?;
    proc::read_file(&directory, c"cgroup", content).ok()?;
    let text = String::from_utf8_lossy(content);
    if let Some(container) = cgroup::container_of(&text) {
        return Some(container.name.unwrap_or(container.id).into());
    }
    let unit = cgroup::path(&text).and_then(cgroup::unit)?;
    unit.name.ends_with(".service").then(|| unit.name.into())
}
