//! Listing descriptors while the kernel still lists the sockets.
//!
//! What a descriptor refers to must be looked up after the sockets were listed. Which numbers
//! there are may be learnt before: whoever finds as many descriptors later, and each of these
//! numbers among them, has found the same ones.
//!
//! Where there are many, the kernel's own tables are the better way, and what that takes is done
//! before its time as well.

use std::collections::HashMap;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{AtFlags, statat};

use super::super::proc;
use super::by_kernel::ByKernel;
use super::reader::Reader;
use crate::sys::error::Result;

/// From so many descriptors on it takes longer to look each of them up in `/proc` than to take a
/// program into the kernel that tells them all.
pub(in super::super) const MANY: u64 = 4_000;

/// The numbers of descriptors, by pid.
#[derive(Debug)]
pub(in super::super) struct Ahead {
    proc: OwnedFd,
    numbers: HashMap<u32, Vec<i32>>,
    by_kernel: Option<Result<ByKernel>>,
}

impl Ahead {
    pub(super) fn new(proc: &OwnedFd) -> Option<Self> {
        Some(Self { proc: proc.try_clone().ok()?, numbers: HashMap::new(), by_kernel: None })
    }

    /// Lists for as long as `work` takes.
    pub(in super::super) fn during<T>(
        ahead: Option<Self>,
        work: impl FnOnce() -> T,
    ) -> (T, Option<Self>) {
        let Some(mut ahead) = ahead else { return (work(), None) };
        let enough = AtomicBool::new(false);
        thread::scope(|scope| {
            let lister = scope.spawn(|| {
                ahead.prepare(&enough);
                ahead
            });
            let answer = work();
            enough.store(true, Ordering::Relaxed);
            (answer, lister.join().ok())
        })
    }

    /// Does what the number of descriptors calls for.
    fn prepare(&mut self, enough: &AtomicBool) {
        let Ok(pids) = proc::pids(&self.proc) else { return };
        if self.are_many(&pids) {
            self.by_kernel = Some(ByKernel::load());
        }
        if !matches!(self.by_kernel, Some(Ok(_))) {
            self.list(&pids, enough);
        }
    }

    /// What came of opening the way through the kernel, if that was tried.
    pub(in super::super) fn take_by_kernel(&mut self) -> Option<Result<ByKernel>> {
        self.by_kernel.take()
    }

    /// Whether there are many descriptors. Before Linux 6.2 nobody tells.
    fn are_many(&self, pids: &[u32]) -> bool {
        let mut count = 0;
        pids.iter().any(|pid| {
            let path = CString::new(format!("{pid}/fd")).unwrap_or_default();
            let stat = statat(&self.proc, &path, AtFlags::empty());
            count += stat.map_or(0, |stat| stat.st_size as u64);
            count > MANY
        })
    }

    /// Lists until it is `enough`. Processes that cannot be listed now are left for later.
    pub(super) fn list(&mut self, pids: &[u32], enough: &AtomicBool) {
        let mut reader = Reader::new(self.proc.as_fd());
        for &pid in pids {
            if enough.load(Ordering::Relaxed) {
                return;
            }
            let numbers = reader.numbers(pid).ok();
            self.numbers.extend(numbers.map(|numbers| (pid, numbers)));
        }
    }

    /// What is known of this process; nothing for most.
    pub(super) fn numbers(&self, pid: u32) -> Vec<i32> {
        self.numbers.get(&pid).cloned().unwrap_or_default()
    }
}
