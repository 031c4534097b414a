//! Processes by way of sysinfo.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::model::owner::{Process, ProcessKey};
use crate::sys::error::{Error, Result};
use crate::sys::here;

/// Everything that the system tells of a process. [`Error::Gone`] when there is none with
/// this pid.
pub fn read(pid: u32) -> Result<Process> {
    let mut system = open()?;
    refresh(&mut system, &[Pid::from_u32(pid)]);
    let process = system.process(Pid::from_u32(pid)).ok_or_else(|| gone(pid))?;
    Ok(describe(pid, process))
}

/// The start time of the process that has this pid now: with it the pid is an identity.
pub fn start_time(pid: u32) -> Result<u64> {
    read(pid).map(|process| process.start_time)
}

/// Which descriptor holds a socket cannot be told by portable means.
pub fn holds(process: ProcessKey, _inode: u64) -> Result<bool> {
    Err(cannot_tell(process.pid))
}

/// Which descriptor holds a socket cannot be told by portable means.
pub fn held_descriptor(process: ProcessKey, _inode: u64) -> Result<Option<i32>> {
    Err(cannot_tell(process.pid))
}

fn cannot_tell(pid: u32) -> Error {
    Error::unsupported(
        format!("looking up the descriptors of process {pid}"),
        "this platform has no portable way to read them",
    )
}

fn gone(pid: u32) -> Error {
    Error::Gone { what: format!("process {pid}") }
}

fn open() -> Result<System> {
    System::new().map_err(|error| Error::os("read the process list", std::io::Error::other(error)))
}

fn refresh(system: &mut System, pids: &[Pid]) {
    let kind = ProcessRefreshKind::nothing()
        .with_cmd(UpdateKind::OnlyIfNotSet)
        .with_exe(UpdateKind::OnlyIfNotSet)
        .with_user(UpdateKind::OnlyIfNotSet)
        .without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(pids), true, kind);
}

fn describe(pid: u32, process: &sysinfo::Process) -> Process {
    let text = |os: &std::ffi::OsStr| Box::<str>::from(os.to_string_lossy());
    Process {
        pid,
        name: text(process.name()),
        comm: None,
        cwd: process.cwd().map(|path| text(path.as_os_str())),
        exe: process.exe().map(|path| text(path.as_os_str())),
        cmdline: process.cmd().iter().map(|argument| text(argument)).collect(),
        uid: here::netstat2::numeric_user(process),
        ppid: process.parent().map(Pid::as_u32),
        started_at: Timestamp::from_second(process.start_time() as i64).ok(),
        unit: None,
        container: None,
        // Seconds since 1970: coarser than a tick, but as steady.
        start_time: process.start_time(),
    }
}

/// The processes of earlier listings, so that details are read once.
#[derive(Debug)]
pub(super) struct ProcessCache {
    system: System,
    known: HashMap<u32, Arc<Process>>,
}

impl ProcessCache {
    /// An empty cache.
    pub(super) fn open() -> Result<Self> {
        Ok(Self { system: open()?, known: HashMap::new() })
    }

    /// Looks up these processes, and forgets all others.
    pub(super) fn refresh(&mut self, pids: &[u32]) {
        let wanted: Vec<Pid> = pids.iter().copied().map(Pid::from_u32).collect();
        refresh(&mut self.system, &wanted);
        let mut known = HashMap::with_capacity(pids.len());
        for &pid in pids {
            let Some(process) = self.system.process(Pid::from_u32(pid)) else { continue };
            let now = describe(pid, process);
            let process = match self.known.remove(&pid) {
                Some(before) if *before == now => before,
                _ => Arc::new(now),
            };
            known.insert(pid, process);
        }
        self.known = known;
    }

    /// The process with this pid; one that ended since is known by its pid alone.
    pub(super) fn process(&self, pid: u32) -> Arc<Process> {
        self.known.get(&pid).cloned().unwrap_or_else(|| Arc::new(Process::named(pid, 0, "")))
    }
}
