//! One process, held by a pidfd so that no signal can reach another that got its pid.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal as RawSignal};

use super::proc::{self, Decimal};
use super::{cgroups, netns, processes};
use crate::model::keeper::Standing;
use crate::model::owner::ProcessKey;
use crate::model::signal::Signal;
use crate::model::tree::{ProcessNode, ProcessTree};
use crate::sys::error::{Error, Result};
use crate::wire::{cgroup, procfs};

/// One particular process: what is done through this reaches it or nobody.
#[derive(Debug)]
pub struct ProcessHandle {
    pidfd: OwnedFd,
    key: ProcessKey,
}

impl ProcessHandle {
    /// Holds the process that `key` names. [`Error::Gone`] when it has ended or its pid
    /// belongs to another one now; [`Error::Unsupported`] before Linux 5.3.
    pub fn open(key: ProcessKey) -> Result<Self> {
        let pid = raw_pid(key.pid)?;
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())
            .map_err(|errno| error_for(key.pid, errno, "look at"))?;
        let handle = Self { pidfd, key };
        let start_time = processes::start_time(key.pid)?;
        // The pid cannot have changed hands between the two steps if its holder still lives.
        if start_time != key.start_time || handle.has_ended()? {
            return Err(gone(key.pid));
        }
        Ok(handle)
    }

    /// Whose handle this is.
    pub fn key(&self) -> ProcessKey {
        self.key
    }

    /// Sends a signal. [`Error::Gone`] when the process has ended meanwhile.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        rustix::process::pidfd_send_signal(&self.pidfd, raw_signal(signal))
            .map_err(|errno| error_for(self.key.pid, errno, "signal"))
    }

    /// Whether the process has ended; a zombie counts as ended.
    pub fn has_ended(&self) -> Result<bool> {
        Ok(ended(&[self], Duration::ZERO)?[0])
    }

    /// Whether one of its descriptors is the socket with this inode, right now.
    pub fn holds_socket(&self, inode: u64) -> Result<bool> {
        // What was read is this process's only if it still lives.
        Ok(processes::holds(self.key, inode)? && !self.has_ended()?)
    }
}

/// Waits until one of the processes has ended or the time is over, and tells of each whether
/// it has.
pub fn ended(handles: &[&ProcessHandle], timeout: Duration) -> Result<Vec<bool>> {
    let deadline = Instant::now() + timeout;
    let mut polled: Vec<PollFd<'_>> = handles
        .iter()
        .map(|handle| PollFd::from_borrowed_fd(handle.pidfd.as_fd(), PollFlags::IN))
        .collect();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match rustix::event::poll(&mut polled, Some(&timespec(left))) {
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::os("wait for processes to end", errno)),
        }
    }
    Ok(polled.iter().map(|fd| !fd.revents().is_empty()).collect())
}

/// All processes that this user can see, with their parents.
pub fn tree() -> Result<ProcessTree> {
    let proc = proc::open()?;
    let pids = proc::pids(&proc)?;
    let mut content = Vec::new();
    Ok(pids.into_iter().filter_map(|pid| node(&proc, pid, &mut content)).collect())
}

/// The cgroups of a process, as `/proc/PID/cgroup` tells them (`cgroups(7)`).
pub fn cgroups(pid: u32) -> Result<String> {
    let proc = proc::open()?;
    let mut content = Vec::new();
    let directory = proc::open_dir(&proc, Decimal::new(pid).as_c_str());
    directory.and_then(|directory| proc::read_file(&directory, c"cgroup", &mut content)).map_err(
        |errno| match errno {
            Errno::NOENT => gone(pid),
            errno => error_for(pid, errno, "read the cgroups of"),
        },
    )?;
    let text = String::from_utf8_lossy(&content);
    Ok(cgroup::whole(&text, cgroups::outlook()).into_owned())
}

/// In which namespaces a process lives, where, and what it does about signals. What may not be
/// read is left out; [`Error::Gone`] when there is no such process.
pub fn standing(pid: u32) -> Result<Standing> {
    let proc = proc::open()?;
    let directory = proc::open_dir(&proc, Decimal::new(pid).as_c_str()).map_err(|_| gone(pid))?;
    let mut content = Vec::new();
    proc::read_file(&directory, c"status", &mut content).map_err(|_| gone(pid))?;
    let procfs::Status { pids, group, ignores, catches } = procfs::status(&content);
    let mut target = vec![MaybeUninit::uninit(); libc::PATH_MAX as usize];
    let mut link = |name: &CStr| {
        let target = proc::read_link(directory.as_fd(), name, &mut target).ok()?;
        Some(target.to_vec())
    };
    let cwd = link(c"cwd").map(|path| String::from_utf8_lossy(&path).into());
    let mut inode = |name: &CStr| procfs::namespace_inode(&link(name)?);
    let (pid_namespace, mount_namespace) = (inode(c"ns/pid"), inode(c"ns/mnt"));
    Ok(Standing { pids, group, ignores, catches, cwd, pid_namespace, mount_namespace })
}

/// The inode of the network namespace that the calling thread is in.
pub fn own_netns() -> Option<u64> {
    netns::own()
}

/// The number of a signal on this platform.
pub fn signal_number(signal: Signal) -> i32 {
    raw_signal(signal).as_raw()
}

/// `None` for a process that vanished meanwhile.
fn node(proc: &OwnedFd, pid: u32, content: &mut Vec<u8>) -> Option<ProcessNode> {
    let directory = proc::open_dir(proc, Decimal::new(pid).as_c_str()).ok()?;
    proc::read_file(&directory, c"stat", content).ok()?;
    let stat = procfs::Stat::parse(content)?;
    Some(ProcessNode {
        key: ProcessKey { pid, start_time: stat.start_time },
        ppid: stat.ppid,
        name: String::from_utf8_lossy(stat.name).into(),
        kernel_thread: stat.kernel_thread,
        stopped: stat.stopped,
    })
}

fn raw_pid(pid: u32) -> Result<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| gone(pid))
}

fn raw_signal(signal: Signal) -> RawSignal {
    match signal {
        Signal::Hup => RawSignal::HUP,
        Signal::Int => RawSignal::INT,
        Signal::Quit => RawSignal::QUIT,
        Signal::Abrt => RawSignal::ABORT,
        Signal::Kill => RawSignal::KILL,
        Signal::Usr1 => RawSignal::USR1,
        Signal::Usr2 => RawSignal::USR2,
        Signal::Pipe => RawSignal::PIPE,
        Signal::Alrm => RawSignal::ALARM,
        Signal::Term => RawSignal::TERM,
    }
}

fn timespec(span: Duration) -> Timespec {
    Timespec {
        tv_sec: span.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: span.subsec_nanos().into(),
    }
}

fn gone(pid: u32) -> Error {
    Error::Gone { what: format!("process {pid}") }
}

fn error_for(pid: u32, errno: Errno, verb: &str) -> Error {
    let what = format!("{verb} process {pid}");
    match errno {
        // EINVAL: the pid is a thread's, not a process's.
        Errno::SRCH | Errno::INVAL => gone(pid),
        Errno::PERM => {
            Error::not_permitted(what, "it belongs to another user; run sockpit as root")
        }
        Errno::NOSYS => {
            Error::unsupported("a pidfd", "signals are sent only by pidfd, which Linux 5.3 brought")
        }
        errno => Error::os(what, errno),
    }
}

#[cfg(test)]
mod tests;
