//! Who waits on a socket: epoll instances by `/proc/PID/fdinfo`, threads by
//! `/proc/PID/task/TID/syscall` (proc(5)).

use std::fs;
use std::path::Path;

use rustix::io::Errno;

use crate::model::options::{BlockedThread, Watcher};
use crate::sys::Result;

use super::options::{Waiting, inode_of_link, refused};

#[cfg(test)]
mod tests;

/// More threads than this are not looked at: each costs a file.
const MAX_THREADS: usize = 4096;

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

/// System calls that wait on the descriptor in their first argument.
const ON_DESCRIPTOR: [(libc::c_long, &str); 17] = [
    (libc::SYS_read, "read"),
    (libc::SYS_readv, "readv"),
    (libc::SYS_preadv2, "preadv2"),
    (libc::SYS_write, "write"),
    (libc::SYS_writev, "writev"),
    (libc::SYS_pwritev2, "pwritev2"),
    (libc::SYS_recvfrom, "recvfrom"),
    (libc::SYS_recvmsg, "recvmsg"),
    (libc::SYS_recvmmsg, "recvmmsg"),
    (libc::SYS_sendto, "sendto"),
    (libc::SYS_sendmsg, "sendmsg"),
    (libc::SYS_sendmmsg, "sendmmsg"),
    (libc::SYS_connect, "connect"),
    (libc::SYS_accept, "accept"),
    (libc::SYS_accept4, "accept4"),
    (libc::SYS_splice, "splice"),
    (libc::SYS_sendfile, "sendfile"),
];

/// System calls that wait on the epoll instance in their first argument.
const ON_EPOLL: &[(libc::c_long, &str)] = &[
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_epoll_wait, "epoll_wait"),
    (libc::SYS_epoll_pwait, "epoll_pwait"),
    (libc::SYS_epoll_pwait2, "epoll_pwait2"),
];

/// Who waits on the socket with this inode in one process. Needs PTRACE_MODE_READ, and
/// PTRACE_MODE_ATTACH for the threads, which are left out without it.
pub fn waiting_on(pid: u32, inode: u64) -> Result<Waiting> {
    let (descriptors, instances) = descriptors_of(pid, inode)?;
    let watchers: Vec<Watcher> =
        instances.iter().filter_map(|fd| watcher_of(pid, *fd, inode)).collect();
    let watching: Vec<i32> = watchers.iter().filter_map(|watcher| watcher.fd).collect();
    let blocked = blocked_threads(pid, &descriptors, &watching);
    Ok(Waiting { watchers, blocked })
}

/// The descriptors that refer to the socket, and those of epoll instances.
fn descriptors_of(pid: u32, inode: u64) -> Result<(Vec<i32>, Vec<i32>)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).map_err(|error| {
        let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
        refused(errno, format!("the descriptors of process {pid}"))
    })?;
    let (mut sockets, mut instances) = (Vec::new(), Vec::new());
    for entry in entries.flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let (Some(fd), Ok(link)) = (number, fs::read_link(entry.path())) else { continue };
        if link == Path::new("anon_inode:[eventpoll]") {
            instances.push(fd);
        } else if inode_of_link(link.as_os_str()) == Some(inode) {
            sockets.push(fd);
        }
    }
    Ok((sockets, instances))
}

fn watcher_of(pid: u32, fd: i32, inode: u64) -> Option<Watcher> {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
    let events = info.lines().find_map(|line| watched_events(line, inode))?;
    Some(Watcher { pid, kind: "epoll".to_owned(), fd: Some(fd), events: event_names(events) })
}

/// The event mask of a line of an epoll instance's fdinfo, if it is about that socket:
/// `tfd: 3 events: 80000019 data: 3  pos:0 ino:8153 sdev:9`. The inode decides, and not
/// `tfd`, which is the number at the time of registration.
fn watched_events(line: &str, inode: u64) -> Option<u32> {
    let rest = line.strip_prefix("tfd:")?;
    let ino = rest.split("ino:").nth(1)?.split_whitespace().next()?;
    let device = rest.split("sdev:").nth(1)?.split_whitespace().next()?;
    let of_sockfs = u64::from_str_radix(device, 16).ok()? == sockfs_device()?;
    let same = of_sockfs && u64::from_str_radix(ino, 16).ok()? == inode;
    let events = rest.split("events:").nth(1)?.split_whitespace().next()?;
    u32::from_str_radix(events, 16).ok().filter(|_| same)
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

fn blocked_threads(pid: u32, descriptors: &[i32], watching: &[i32]) -> Vec<BlockedThread> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let tids = tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse().ok());
    tids.take(MAX_THREADS)
        .filter_map(|tid: u32| {
            let call = fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")).ok()?;
            let syscall = waits_in(&call, descriptors, watching)?.to_owned();
            Some(BlockedThread { pid, tid, syscall })
        })
        .collect()
}

/// The name of the call that a thread sleeps in, if it waits on one of these descriptors.
/// `call` is a line of `/proc/PID/task/TID/syscall`: the number, six arguments, the stack
/// pointer and the program counter; or `running`.
fn waits_in(call: &str, descriptors: &[i32], watching: &[i32]) -> Option<&'static str> {
    let mut words = call.split_whitespace();
    let number: libc::c_long = words.next()?.parse().ok()?;
    let arguments: Vec<u64> =
        words.filter_map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()).collect();
    let [first, .., stack, _counter] = arguments[..] else { return None };
    // A 32-bit program numbers its calls in another way.
    if cfg!(target_pointer_width = "64") && u32::try_from(stack).is_ok() {
        return None;
    }
    let fd = first as i32;
    let named = |calls: &[(libc::c_long, &'static str)]| {
        calls.iter().find(|(of, _)| *of == number).map(|(_, name)| *name)
    };
    let on_descriptor = named(&ON_DESCRIPTOR).filter(|_| descriptors.contains(&fd));
    on_descriptor.or_else(|| named(ON_EPOLL).filter(|_| watching.contains(&fd)))
}
