//! Who waits on a socket: epoll instances by `/proc/PID/fdinfo` (proc(5)), and threads.

mod threads;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use rustix::io::Errno;

use crate::model::options::{BlockedThread, Watcher};
use crate::sys::error::Result;
use crate::wire::procfs;

use super::options::access::{inode_of_link, refused};
use crate::sys::portable::options::Waiting;
use threads::Call;

#[cfg(test)]
mod tests;

/// The events of epoll_ctl(2), by bit.
const EVENTS: [(u32, &str); 15] = [
    (libc::EPOLLIN as u32, "EPOLLIN"),
    (libc::EPOLLPRI as u32, "EPOLLPRI"),
    (libc::EPOLLOUT as u32, "EPOLLOUT"),
    (libc::EPOLLERR as u32, "EPOLLERR"),
    (libc::EPOLLHUP as u32, "EPOLLHUP"),
    (libc::EPOLLRDNORM as u32, "EPOLLRDNORM"),
    (libc::EPOLLRDBAND as u32, "EPOLLRDBAND"),
    (libc::EPOLLWRNORM as u32, "EPOLLWRNORM"),
    (libc::EPOLLWRBAND as u32, "EPOLLWRBAND"),
    (libc::EPOLLMSG as u32, "EPOLLMSG"),
    (libc::EPOLLRDHUP as u32, "EPOLLRDHUP"),
    (libc::EPOLLEXCLUSIVE as u32, "EPOLLEXCLUSIVE"),
    (libc::EPOLLWAKEUP as u32, "EPOLLWAKEUP"),
    (libc::EPOLLONESHOT as u32, "EPOLLONESHOT"),
    (libc::EPOLLET as u32, "EPOLLET"),
];

/// What one process waits for, at one moment: its epoll instances and its sleeping threads.
#[derive(Debug)]
pub struct ProcessWaits {
    pid: u32,
    /// Descriptors by the inode of their socket.
    sockets: HashMap<u64, Vec<i32>>,
    /// epoll instances with the sockets they watch: inode and event mask.
    instances: Vec<(i32, Vec<(u64, u32)>)>,
    /// io_uring instances with the inodes of the sockets that are registered with them.
    rings: Vec<(i32, Vec<u64>)>,
    /// Threads that sleep in a call on descriptors.
    calls: Vec<Call>,
    /// Whether that is all that can wait: every thread sleeps in a call, and there is no ring.
    is_whole: bool,
}

impl ProcessWaits {
    /// Looks at one process. Needs PTRACE_MODE_READ, and PTRACE_MODE_ATTACH for the threads,
    /// which are left out without it.
    pub fn of(pid: u32) -> Result<Self> {
        let Descriptors { sockets, instances, rings } = descriptors_of(pid)?;
        let watched = |fd| (fd, watched_by(pid, fd));
        let instances = instances.into_iter().map(watched).collect();
        let calls = threads::sleeping(pid);
        let is_whole = rings.is_empty() && threads::all_sleep(pid);
        let rings = rings.into_iter().map(|fd| (fd, registered(pid, fd))).collect();
        Ok(Self { pid, sockets, instances, rings, calls, is_whole })
    }

    /// A descriptor of the socket with this inode in one process.
    pub fn descriptor(pid: u32, inode: u64) -> Option<i32> {
        descriptors_of(pid).ok()?.sockets.get(&inode)?.first().copied()
    }

    /// Whether it has the socket and does not care for it: each of its descriptors is passed on
    /// to programs that it starts (no close-on-exec), and nothing of it waits on any. `None`
    /// where that cannot be told.
    pub fn neglects(&self, inode: u64) -> Option<bool> {
        let waiting = self.on(inode);
        if !waiting.blocked.is_empty() || !waiting.watchers.is_empty() {
            return Some(false);
        }
        let passed_on = self.passes_on(inode)?;
        // A list that could not be read may have it.
        self.is_whole().then_some(passed_on)
    }

    /// Whether each of its descriptors of the socket is passed on to programs that it starts (no
    /// close-on-exec); `None` where that cannot be read.
    pub fn passes_on(&self, inode: u64) -> Option<bool> {
        let mut passed_on = true;
        for &fd in self.sockets.get(&inode)? {
            passed_on &= is_passed_on(self.pid, fd)?;
        }
        Some(passed_on)
    }

    /// Whether all that can wait is known: every thread sleeps in a call, and there is no ring.
    pub fn is_whole(&self) -> bool {
        self.is_whole && self.calls.iter().all(|call| !call.on.is_empty())
    }

    /// What of it concerns the socket with this inode.
    pub fn on(&self, inode: u64) -> Waiting {
        let mut on = self.sockets.get(&inode).cloned().unwrap_or_default();
        let mut watchers = Vec::new();
        for (fd, watched) in &self.instances {
            if let Some((_, mask)) = watched.iter().find(|(of, _)| *of == inode) {
                let events = event_names(*mask);
                watchers.push(Watcher {
                    pid: self.pid,
                    kind: "epoll".into(),
                    fd: Some(*fd),
                    events,
                });
                on.push(*fd);
            }
        }
        for (fd, registered) in &self.rings {
            // Which sockets its requests are for nobody tells, but for those that are registered.
            let events = match registered.contains(&inode) {
                true => vec!["registered".to_owned()],
                false if self.sockets.contains_key(&inode) => Vec::new(),
                false => continue,
            };
            watchers.push(Watcher {
                pid: self.pid,
                kind: "io_uring".into(),
                fd: Some(*fd),
                events,
            });
        }
        let calls = self.calls.iter().filter(|call| call.on.iter().any(|fd| on.contains(fd)));
        let blocked = calls.map(|call| BlockedThread {
            pid: self.pid,
            tid: call.tid,
            syscall: call.name.to_owned(),
        });
        Waiting { blocked: blocked.collect(), watchers }
    }
}

/// The descriptors of a process that matter here.
#[derive(Default)]
struct Descriptors {
    /// Those of sockets, by inode.
    sockets: HashMap<u64, Vec<i32>>,
    /// Those of epoll instances.
    instances: Vec<i32>,
    /// Those of io_urings.
    rings: Vec<i32>,
}

fn descriptors_of(pid: u32) -> Result<Descriptors> {
    // A process whose first thread has ended has its descriptors in the threads that live on.
    let of_process = fs::read_dir(format!("/proc/{pid}/fd")).and_then(|mut entries| {
        let of_thread = || fs::read_dir(format!("/proc/{pid}/task/{}/fd", living(pid)?)).ok();
        match entries.next() {
            Some(_) => fs::read_dir(format!("/proc/{pid}/fd")),
            None => of_thread().map_or_else(|| fs::read_dir(format!("/proc/{pid}/fd")), Ok),
        }
    });
    let entries = of_process.map_err(|error| {
        let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
        refused(errno, format!("the descriptors of process {pid}"))
    })?;
    let mut found = Descriptors::default();
    for entry in entries.flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let (Some(fd), Ok(link)) = (number, fs::read_link(entry.path())) else { continue };
        if link == Path::new("anon_inode:[eventpoll]") {
            found.instances.push(fd);
        } else if link == Path::new("anon_inode:[io_uring]") {
            found.rings.push(fd);
        } else if let Some(inode) = inode_of_link(link.as_os_str()) {
            found.sockets.entry(inode).or_default().push(fd);
        }
    }
    Ok(found)
}

/// A thread of a process whose first one has ended.
fn living(pid: u32) -> Option<u32> {
    let proc = super::proc::open().ok()?;
    let process = super::proc::open_dir(&proc, super::proc::Decimal::new(pid).as_c_str()).ok()?;
    super::proc::living_thread(&process).map(|(tid, _)| tid)
}

/// The inodes of the sockets that are registered with a ring.
fn registered(pid: u32, fd: i32) -> Vec<u64> {
    let info = fs::read(format!("/proc/{pid}/fdinfo/{fd}")).unwrap_or_default();
    procfs::ring_sockets(&info).into_iter().map(|(_, inode)| inode).collect()
}

/// Whether programs that the process starts get this descriptor: its flags, octal in fdinfo, lack
/// O_CLOEXEC.
fn is_passed_on(pid: u32, fd: i32) -> Option<bool> {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    let flags = i32::from_str_radix(flags.trim(), 8).ok()?;
    Some(flags & libc::O_CLOEXEC == 0)
}

fn watched_by(pid: u32, fd: i32) -> Vec<(u64, u32)> {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).unwrap_or_default();
    info.lines().filter_map(watched_socket).collect()
}

/// Inode and event mask of a line of an epoll instance's fdinfo, if it is about a socket:
/// `tfd: 3 events: 80000019 data: 3  pos:0 ino:8153 sdev:9`. The inode tells which, and not
/// `tfd`, which is the number at the time of registration.
fn watched_socket(line: &str) -> Option<(u64, u32)> {
    let rest = line.strip_prefix("tfd:")?;
    let after = |key| rest.split(key).nth(1)?.split_whitespace().next();
    let device = u64::from_str_radix(after("sdev:")?, 16).ok()?;
    let inode = u64::from_str_radix(after("ino:")?, 16).ok()?;
    let events = u32::from_str_radix(after("events:")?, 16).ok()?;
    (device == sockfs_device()?).then_some((inode, events))
}

/// The device number of sockfs, as fdinfo writes it.
fn sockfs_device() -> Option<u64> {
    use std::sync::OnceLock;
    static DEVICE: OnceLock<Option<u64>> = OnceLock::new();
    *DEVICE.get_or_init(|| {
        let (socket, _peer) = std::os::unix::net::UnixStream::pair().ok()?;
        let device = rustix::fs::fstat(&socket).ok()?.st_dev;
        // The kernel keeps 12 bits of major and 20 of minor number in one word.
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        Some(u64::from(major) << 20 | u64::from(minor))
    })
}

fn event_names(mask: u32) -> Vec<String> {
    let mut names: Vec<String> = EVENTS
        .iter()
        .filter(|(bit, _)| mask & bit != 0)
        .map(|(_, name)| (*name).to_owned())
        .collect();
    let unknown = EVENTS.iter().fold(mask, |rest, (bit, _)| rest & !bit);
    if unknown != 0 {
        names.push(format!("{unknown:#x}"));
    }
    names
}
