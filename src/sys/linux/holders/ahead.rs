//! Listing descriptors while the kernel still lists the sockets.
//!
//! What a descriptor refers to must be looked up after the sockets were listed. Which numbers
//! there are may be learnt before: whoever finds as many descriptors later, and each of these
//! numbers among them, has found the same ones.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::super::proc;
use super::reader::Reader;

/// The numbers of descriptors, by pid.
#[derive(Debug)]
pub(in super::super) struct Ahead {
    proc: OwnedFd,
    numbers: HashMap<u32, Vec<i32>>,
}

impl Ahead {
    pub(super) fn new(proc: &OwnedFd) -> Option<Self> {
        Some(Self { proc: proc.try_clone().ok()?, numbers: HashMap::new() })
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
                ahead.list(&enough);
                ahead
            });
            let answer = work();
            enough.store(true, Ordering::Relaxed);
            (answer, lister.join().ok())
        })
    }

    /// Lists until it is `enough`. Processes that cannot be listed now are left for later.
    pub(super) fn list(&mut self, enough: &AtomicBool) {
        let Ok(pids) = proc::pids(&self.proc) else { return };
        let mut reader = Reader::new(self.proc.as_fd());
        for pid in pids {
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
