//! Processes by portable means: they can be seen, but not ended without the risk of hitting
//! another one that got the pid.

use std::time::Duration;

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

use crate::model::keeper::Standing;
use crate::model::owner::ProcessKey;
use crate::model::signal::Signal;
use crate::model::tree::{ProcessNode, ProcessTree};
use crate::sys::error::{Error, Result};

/// One particular process. Cannot be made here: see [`ProcessHandle::open`].
#[derive(Debug)]
pub struct ProcessHandle {
    key: ProcessKey,
    never: std::convert::Infallible,
}

impl ProcessHandle {
    /// [`Error::Unsupported`]: a pid alone may belong to another process by the time that a
    /// signal arrives.
    pub fn open(key: ProcessKey) -> Result<Self> {
        let why = "this platform has no handle here yet that survives the reuse of a pid";
        Err(Error::unsupported(format!("ending process {}", key.pid), why))
    }

    /// Whose handle this is.
    pub fn key(&self) -> ProcessKey {
        self.key
    }

    /// Sends a signal.
    pub fn signal(&self, _signal: Signal) -> Result<()> {
        match self.never {}
    }

    /// Whether the process has ended.
    pub fn has_ended(&self) -> Result<bool> {
        match self.never {}
    }

    /// Whether one of its descriptors is the socket with this inode.
    pub fn holds_socket(&self, _inode: u64) -> Result<bool> {
        match self.never {}
    }
}

/// Waits until one of the processes has ended or the time is over, and tells of each whether
/// it has.
pub fn ended(handles: &[&ProcessHandle], _timeout: Duration) -> Result<Vec<bool>> {
    handles.iter().map(|handle| handle.has_ended()).collect()
}

/// All processes that this user can see, with their parents. Start times are seconds since
/// the epoch; kernel threads cannot be told apart.
pub fn tree() -> Result<ProcessTree> {
    let mut system = System::new()
        .map_err(|error| Error::unsupported("the list of processes", error.to_string()))?;
    let nothing = ProcessRefreshKind::nothing().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, nothing);
    let node = |process: &sysinfo::Process| ProcessNode {
        key: ProcessKey { pid: process.pid().as_u32(), start_time: process.start_time() },
        ppid: process.parent().map_or(0, sysinfo::Pid::as_u32),
        name: process.name().to_string_lossy().into(),
        kernel_thread: false,
        stopped: process.status() == sysinfo::ProcessStatus::Stop,
    };
    Ok(system.processes().values().map(node).collect())
}

/// This platform has no cgroups.
pub fn cgroups(pid: u32) -> Result<String> {
    let what = format!("the cgroups of process {pid}");
    Err(Error::unsupported(what, "this platform has none"))
}

/// This platform has no such namespaces, and does not tell of handlers.
pub fn standing(pid: u32) -> Result<Standing> {
    Err(Error::unsupported(
        format!("the state of process {pid}"),
        "this platform does not report it",
    ))
}

/// This platform has no network namespaces.
pub fn own_netns() -> Option<u64> {
    None
}

/// The number of a signal: those on which all systems agree, and Linux's for the two others.
pub fn signal_number(signal: Signal) -> i32 {
    match signal {
        Signal::Hup => 1,
        Signal::Int => 2,
        Signal::Quit => 3,
        Signal::Abrt => 6,
        Signal::Kill => 9,
        Signal::Usr1 => 10,
        Signal::Usr2 => 12,
        Signal::Pipe => 13,
        Signal::Alrm => 14,
        Signal::Term => 15,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_in_the_tree() {
        let tree = tree().unwrap();
        let me = tree.get(std::process::id()).unwrap();
        assert!(me.key.start_time > 0);
    }
}
