//! A name for a namespace that nobody has named: the container or service it was made for.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::super::cgroups;
use super::super::containers::ContainerNames;
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

/// The container's name or short id, or the service.
fn purpose(proc: BorrowedFd<'_>, pid: u32, content: &mut Vec<u8>) -> Option<Arc<str>> {
    let directory = proc::open_dir(proc, Decimal::new(pid).as_c_str()).ok()?;
    proc::read_file(&directory, c"cgroup", content).ok()?;
    let text = String::from_utf8_lossy(content);
    let text = cgroup::whole(&text, cgroups::outlook()).into_owned();
    if let Some(mut container) = cgroup::container_of(&text) {
        let user = cgroup::path(&text).and_then(cgroup::user);
        let parent = parent_of(proc, pid, content)?;
        ContainerNames::default().fill(proc, parent, user, &mut container);
        return Some(container.shown().into());
    }
    let unit = cgroup::path(&text).and_then(cgroup::unit)?;
    unit.name.ends_with(".service").then(|| unit.name.into())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    /// A process as `/proc` tells of it.
    struct Told(u32, u32, &'static str);

    const INIT: &str = "0::/init.scope";
    const SHELL: &str = "0::/user.slice/user-1000.slice/session-3.scope";
    const NGINX: &str = "0::/system.slice/nginx.service";
    const CONTAINER: &str = "0::/system.slice/docker-\
        0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope";

    /// What the namespace with the processes `inside` is called, asked by the last of them.
    fn called(told: &[Told], inside: &[u32]) -> Option<Arc<str>> {
        let proc = tempfile::tempdir().unwrap();
        for Told(pid, parent, cgroup) in told {
            let directory = proc.path().join(pid.to_string());
            std::fs::create_dir(&directory).unwrap();
            let zeros = "0 ".repeat(46);
            std::fs::write(directory.join("stat"), format!("{pid} (x) S {parent} {zeros}\n"))
                .unwrap();
            std::fs::write(directory.join("cgroup"), format!("{cgroup}\n")).unwrap();
        }
        let directory = std::fs::File::open(proc.path()).unwrap();
        by_process(directory.as_fd(), *inside.last().unwrap(), |pid| inside.contains(&pid))
    }

    #[test]
    fn a_container_or_service_names_the_namespace_that_was_made_for_it() {
        let container = [Told(1, 0, INIT), Told(50, 1, NGINX), Told(60, 50, CONTAINER)];
        assert_eq!(called(&container, &[60]).as_deref(), Some("0123456789ab"));
        let workers = [Told(1, 0, INIT), Told(50, 1, NGINX), Told(40, 50, NGINX)];
        let name = called(&workers, &[50, 40]);
        assert_eq!(name.as_deref(), Some("nginx.service"), "by a child with a lower pid");
    }

    #[test]
    fn what_merely_runs_somewhere_names_nothing() {
        let unshared = [Told(1, 0, INIT), Told(50, 1, NGINX), Told(60, 50, NGINX)];
        assert_eq!(called(&unshared, &[60]), None, "its parent is of the same service outside");
        let shell = [Told(1, 0, INIT), Told(50, 1, SHELL), Told(60, 50, SHELL)];
        assert_eq!(called(&shell, &[60]), None);
        assert_eq!(called(&shell, &[1, 50, 60]), None, "the host");
        assert_eq!(called(&[Told(60, 50, NGINX)], &[60]).as_deref(), Some("nginx.service"));
    }
}
