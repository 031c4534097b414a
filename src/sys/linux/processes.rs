//! Processes: who they are, and whether they still are and still hold what they held.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustix::fs::RawDir;
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::cgroups;
use super::containers::ContainerNames;
use super::holders::{self, Holder};
use super::proc::{self, Decimal};
use super::rights::{Missing, remedy_for};
use crate::model::owner::{Process, ProcessKey};
use crate::model::process_name;
use crate::sys::error::{Error, Result};
use crate::wire::{cgroup, procfs};

/// Everything that `/proc/PID` tells of a process; what may not be read is left out.
/// [`Error::Gone`] when there is none with this pid.
pub fn read(pid: u32) -> Result<Process> {
    let directory = open(pid)?;
    let mut content = Vec::new();
    let stat = read_stat(&directory, pid, &mut content)?;
    let holder = Holder {
        key: ProcessKey { pid, start_time: stat.start_time },
        name: String::from_utf8_lossy(stat.name).into(),
        ppid: stat.ppid,
    };
    let proc = proc::open()?;
    let mut names = ContainerNames::default();
    Ok(describe(proc.as_fd(), directory.as_fd(), &holder, boot_time(), &mut names))
}

/// The start time of the process that has this pid now: with it the pid is an identity.
pub fn start_time(pid: u32) -> Result<u64> {
    let directory = open(pid)?;
    Ok(read_stat(&directory, pid, &mut Vec::new())?.start_time)
}

/// Whether this very process still holds the socket with this inode. `Ok(false)` also when
/// the process has ended; an error when its descriptors may not be read.
pub fn holds(process: ProcessKey, inode: u64) -> Result<bool> {
    let held = held_descriptor(process, inode).and_then(|fd| match fd {
        Some(_) => Ok(true),
        None => held_apart(process, inode),
    });
    match held {
        Err(Error::Gone { .. }) => Ok(false),
        held => held,
    }
}

/// Whether it does so by an io_uring, or by a table that one of its threads has for itself.
fn held_apart(process: ProcessKey, inode: u64) -> Result<bool> {
    let directory = open_of(process)?;
    holders::held_apart(process.pid, &directory, inode)
        .map_err(|errno| failed(process.pid, "read the descriptors", errno))
}

/// The directory of this very process.
fn open_of(process: ProcessKey) -> Result<OwnedFd> {
    let ProcessKey { pid, start_time } = process;
    let directory = open(pid)?;
    let now = read_stat(&directory, pid, &mut Vec::new())?.start_time;
    if now == start_time { Ok(directory) } else { Err(gone(pid)) }
}

/// The lowest descriptor by which this very process holds the socket with this inode.
/// [`Error::Gone`] when the process has ended.
pub fn held_descriptor(process: ProcessKey, inode: u64) -> Result<Option<i32>> {
    let directory = open_of(process)?;
    let pid = process.pid;
    let failed = |errno| failed(pid, "read the descriptors", errno);
    let descriptors = proc::open_descriptors(&directory).map_err(failed)?;
    find_descriptor(&descriptors, inode).map_err(failed)
}

fn find_descriptor(descriptors: &OwnedFd, inode: u64) -> rustix::io::Result<Option<i32>> {
    let mut buffer = Vec::with_capacity(32 * 1024);
    let mut target = [MaybeUninit::uninit(); 32];
    let mut entries = RawDir::new(descriptors, buffer.spare_capacity_mut());
    let mut lowest: Option<i32> = None;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        let Some(fd) = procfs::number(name.to_bytes()) else { continue };
        match proc::read_link(descriptors.as_fd(), name, &mut target) {
            Ok(target) if procfs::socket_inode(target) == Some(inode) => {
                let fd = fd as i32;
                lowest = Some(lowest.map_or(fd, |lowest| lowest.min(fd)));
            }
            Ok(_) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(lowest)
}

fn open(pid: u32) -> Result<OwnedFd> {
    let proc = proc::open()?;
    proc::open_dir(&proc, Decimal::new(pid).as_c_str())
        .map_err(|errno| failed(pid, "look at", errno))
}

fn read_stat<'a>(
    directory: &OwnedFd,
    pid: u32,
    content: &'a mut Vec<u8>,
) -> Result<procfs::Stat<'a>> {
    proc::read_file(directory, c"stat", content).map_err(|errno| failed(pid, "look at", errno))?;
    procfs::Stat::parse(content).ok_or_else(|| gone(pid))
}

fn gone(pid: u32) -> Error {
    Error::Gone { what: format!("process {pid}") }
}

fn failed(pid: u32, verb: &str, errno: Errno) -> Error {
    match errno {
        Errno::NOENT | Errno::SRCH => gone(pid),
        Errno::ACCESS | Errno::PERM => {
            Error::not_permitted(format!("{verb} of process {pid}"), remedy_for(Missing::Owners))
        }
        errno => Error::os(format!("{verb} of process {pid}"), errno),
    }
}

/// The processes of earlier listings, so that details are read once.
#[derive(Debug)]
pub(super) struct ProcessCache {
    known: HashMap<ProcessKey, Arc<Process>>,
    containers: ContainerNames,
    booted_at: Timestamp,
}

impl ProcessCache {
    /// An empty cache.
    pub(super) fn new() -> Self {
        let containers = ContainerNames::default();
        Self { known: HashMap::new(), containers, booted_at: boot_time() }
    }

    /// The process that `holder` stands for. Its details are read again when its name or
    /// parent changed: it has executed another program, or lost its parent.
    pub(super) fn process(&mut self, proc: BorrowedFd<'_>, holder: &Holder) -> Arc<Process> {
        if let Some(known) = self.known.get(&holder.key)
            && known.comm.as_ref() == Some(&holder.name)
            && known.ppid == Some(holder.ppid)
            && is_settled(known)
        {
            return Arc::clone(known);
        }
        let process = Arc::new(self.look_up(proc, holder));
        self.known.insert(holder.key, Arc::clone(&process));
        process
    }

    /// Forgets processes that nobody refers to any more.
    pub(super) fn forget_unused(&mut self) {
        self.known.retain(|_, process| Arc::strong_count(process) > 1);
    }

    fn look_up(&mut self, proc: BorrowedFd<'_>, holder: &Holder) -> Process {
        let ProcessKey { pid, start_time } = holder.key;
        let directory = proc::open_dir(proc, Decimal::new(pid).as_c_str());
        let same = directory.ok().filter(|directory| {
            read_stat(directory, pid, &mut Vec::new())
                .is_ok_and(|stat| stat.start_time == start_time)
        });
        match same {
            Some(directory) => {
                let names = &mut self.containers;
                describe(proc, directory.as_fd(), holder, self.booted_at, names)
            }
            None => bare(holder, self.booted_at),
        }
    }
}

/// For a moment during exec a program has no arguments yet.
fn is_settled(process: &Process) -> bool {
    !process.cmdline.is_empty() || process.exe.is_none()
}

/// What is known of a process from its stat file alone.
fn bare(holder: &Holder, booted_at: Timestamp) -> Process {
    Process {
        comm: Some(holder.name.clone()),
        ppid: Some(holder.ppid),
        started_at: started_at(booted_at, holder.key.start_time),
        ..Process::named(holder.key.pid, holder.key.start_time, holder.name.clone())
    }
}

fn describe(
    proc: BorrowedFd<'_>,
    directory: BorrowedFd<'_>,
    holder: &Holder,
    booted_at: Timestamp,
    names: &mut ContainerNames,
) -> Process {
    let mut content = Vec::new();
    let mut process = bare(holder, booted_at);
    // The first thread takes the memory, and with it the program, along when it ends.
    let thread = proc::living_thread(directory);
    let program = thread.as_ref().map_or(directory, |(_, thread)| thread.as_fd());
    if proc::read_file(program, c"cmdline", &mut content).is_ok() {
        process.cmdline = procfs::arguments(&content);
    }
    if proc::read_file(directory, c"status", &mut content).is_ok() {
        process.uid = procfs::real_uid(&content);
    }
    if proc::read_file(directory, c"cgroup", &mut content).is_ok() {
        let text = String::from_utf8_lossy(&content);
        let text = cgroup::whole(&text, cgroups::outlook());
        let path = cgroup::path(&text);
        process.unit = path.and_then(cgroup::unit);
        process.container = cgroup::container_of(&text);
        if let Some(container) = &mut process.container {
            names.fill(proc, holder.ppid, path.and_then(cgroup::user), container);
        }
    }
    let mut target = vec![MaybeUninit::uninit(); libc::PATH_MAX as usize];
    let mut link = |name| {
        let path = proc::read_link(program, name, &mut target).ok()?;
        Some(Box::from(&*String::from_utf8_lossy(path)))
    };
    process.exe = link(c"exe");
    process.cwd = link(c"cwd");
    process.name = process_name::of(&holder.name, process.exe.as_deref(), &process.cmdline);
    process
}

/// When the machine started, on the wall clock; good to the precision of both clocks.
fn boot_time() -> Timestamp {
    let up = clock_gettime(ClockId::Boottime);
    Timestamp::now() - SignedDuration::new(up.tv_sec, up.tv_nsec as i32)
}

fn started_at(booted_at: Timestamp, ticks: u64) -> Option<Timestamp> {
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    let since_boot = SignedDuration::from_millis((ticks.checked_mul(1000)? / per_second) as i64);
    booted_at.checked_add(since_boot).ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;
    use std::os::linux::fs::MetadataExt;
    use std::process::{Command, Stdio};

    use super::*;

    fn own_key() -> ProcessKey {
        let pid = std::process::id();
        ProcessKey { pid, start_time: start_time(pid).unwrap() }
    }

    #[test]
    fn a_child_is_described_as_it_was_started() {
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let mut process = read(child.id());
        while process.as_ref().is_ok_and(|p| p.cmdline.len() < 2 || p.exe.is_none())
            && std::time::Instant::now() < deadline
        {
            process = read(child.id());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let process = process.unwrap();
        assert_eq!(&*process.name, "sleep");
        assert_eq!(process.cmdline, [Box::from("sleep"), Box::from("60")]);
        assert_eq!(process.ppid, Some(std::process::id()));
        assert!(process.exe.unwrap().starts_with('/'));
        let age = Timestamp::now().duration_since(process.started_at.unwrap());
        assert!(age.as_secs().abs() < 30, "{age:?}");
        assert!(matches!(read(process.pid), Err(Error::Gone { .. })), "it has ended");
    }

    #[test]
    fn what_is_held_is_found_and_what_is_closed_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fd = listener.as_raw_fd();
        let inode = std::fs::metadata(format!("/proc/self/fd/{fd}")).unwrap().st_ino();
        assert!(holds(own_key(), inode).unwrap());
        assert_eq!(held_descriptor(own_key(), inode).unwrap(), Some(fd));
        drop(listener);
        assert!(!holds(own_key(), inode).unwrap());
    }

    #[test]
    fn another_process_with_the_same_pid_holds_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fd = listener.as_raw_fd();
        let inode = std::fs::metadata(format!("/proc/self/fd/{fd}")).unwrap().st_ino();
        let stranger = ProcessKey { start_time: own_key().start_time + 1, ..own_key() };
        assert!(!holds(stranger, inode).unwrap());
        assert!(matches!(held_descriptor(stranger, inode), Err(Error::Gone { .. })));
    }

    #[test]
    fn a_known_process_is_shared_until_its_name_changes() {
        let proc = proc::open().unwrap();
        let key = own_key();
        let me = read(key.pid).unwrap();
        let mut holder = Holder { key, name: me.comm.unwrap(), ppid: me.ppid.unwrap() };
        let mut cache = ProcessCache::new();
        let first = cache.process(proc.as_fd(), &holder);
        assert!(Arc::ptr_eq(&first, &cache.process(proc.as_fd(), &holder)));
        holder.name = "other".into();
        assert!(!Arc::ptr_eq(&first, &cache.process(proc.as_fd(), &holder)));
        drop(first);
        cache.forget_unused();
        assert!(cache.known.is_empty());
    }
}
