//! Which process holds which socket: the links in `/proc/PID/fd`, and what is held apart from
//! them ([`apart`]).
//!
//! Looking up a link is expensive, so a table that is refreshed again and again looks up only the
//! descriptors of processes that may have changed them: those that ran since (see [`idle`]), and
//! those that share a table with another ([`sharing`]). When these have more descriptors than
//! one refresh may look up, the ones that were read longest ago come first. Of the rest only
//! what is known to have changed is looked up, and they are named as unverified with the time
//! as of which they are known: nothing that is told of them is certain.

mod ahead;
mod apart;
#[cfg(feature = "bpf")]
mod by_kernel;
mod descriptors;
mod idle;
mod reader;
mod refresh;
mod scan;
mod sharing;
#[cfg(not(feature = "bpf"))]
mod without_kernel;

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::proc;
use crate::model::join::Holding;
use crate::sys::error::Result;
pub(super) use ahead::{Ahead, MANY};
pub(super) use by_kernel::ByKernel;
use descriptors::Descriptors;
pub(super) use descriptors::Holder;
use idle::Watch;
use reader::Reader;
pub(super) use reader::held_apart;
pub(super) use scan::Scan;
use sharing::Sharing;
#[cfg(not(feature = "bpf"))]
use without_kernel as by_kernel;

/// Processes that a worker takes at a time.
const BATCH: usize = 4;

/// The share of the files that may be open which stay open.
const FILES_SHARE: u64 = 4;

/// More than this would only cost memory in the kernel.
const MOST_FILES: u64 = 2_048;

/// A socket that was listed: its inode, and its cookie or 0.
pub(super) type Listed = (u64, u64);

/// Looks through the descriptors of every process.
#[derive(Debug)]
pub(super) struct HolderScan {
    proc: OwnedFd,
    workers: usize,
    /// What was found last, by pid. Empty before the first scan.
    memory: HashMap<u32, Descriptors>,
    watch: Watch,
    /// `None` where nothing can be proven: the kernel does not tell who shares a table, or is
    /// so old that its own threads may change a process's table (before 6.2).
    sharing: Option<Sharing>,
    /// What was listed last, ascending.
    listed: Vec<Listed>,
    /// Inodes that several descriptors refer to, ascending.
    shared: Vec<u64>,
}

impl HolderScan {
    /// A scan that uses up to so many threads at once.
    pub(super) fn new(workers: usize) -> Result<Self> {
        let proc = proc::open()?;
        let counts = proc::open_dir(&proc, c"self/fd")
            .and_then(|own| reader::count(&own))
            .is_ok_and(|count| count > 0);
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) / FILES_SHARE;
        Ok(Self {
            proc,
            workers: workers.max(1),
            memory: HashMap::new(),
            watch: Watch::new(files.min(MOST_FILES) as usize),
            sharing: if counts { Sharing::new() } else { None },
            listed: Vec::new(),
            shared: Vec::new(),
        })
    }

    /// The open `/proc`.
    pub(super) fn proc(&self) -> BorrowedFd<'_> {
        self.proc.as_fd()
    }

    /// What may be done of [`Self::full`] before its time; `None` where no other processor
    /// could do it.
    pub(super) fn ahead(&self) -> Option<Ahead> {
        if self.workers == 1 { None } else { Ahead::new(&self.proc) }
    }

    /// Looks up every descriptor of every process. What was listed `ahead` need not be listed
    /// again as long as it is still so.
    pub(super) fn full(&mut self, ahead: Option<&Ahead>) -> Result<Scan> {
        let pids = proc::pids(&self.proc)?;
        let next = AtomicUsize::new(0);
        let proc = self.proc.as_fd();
        let work = || read_batches(proc, &pids, ahead, &next);
        let workers = self.workers.min(pids.len().div_ceil(BATCH));
        let mut scan = Scan { processes: pids.len(), ..Scan::default() };
        for (_, known) in self.memory.drain() {
            self.watch.dismiss(known.record);
        }
        thread::scope(|scope| {
            let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
            self.memory.extend(scan.without_ended(work()));
            for other in others {
                match other.join() {
                    Ok(found) => self.memory.extend(scan.without_ended(found)),
                    // A worker that died leaves its batch unread.
                    Err(_) => scan.unreadable += BATCH,
                }
            }
        });
        self.collect(&pids, &mut scan);
        Ok(scan)
    }

    /// Takes what the kernel tells, and forgets what was found otherwise.
    /// There are about as many holdings as are `expected`.
    pub(super) fn by_kernel(&mut self, kernel: &ByKernel, expected: usize) -> Result<Scan> {
        for (_, known) in self.memory.drain() {
            self.watch.dismiss(known.record);
        }
        self.memory.shrink_to_fit();
        (self.listed, self.shared) = (Vec::new(), Vec::new());
        kernel.scan(self.proc.as_fd(), expected)
    }

    /// The processes of which a pass through the kernel's tables showed nothing, though they may
    /// not be read here either: some policy keeps them to themselves.
    pub(super) fn kept_back(&self, scan: &Scan) -> Result<Vec<(u32, Errno)>> {
        let is_seen =
            |pid: u32| scan.holders.binary_search_by_key(&pid, |holder| holder.key.pid).is_ok();
        let mut reader = Reader::new(self.proc.as_fd());
        let unseen = proc::pids(&self.proc)?.into_iter().filter(|pid| !is_seen(*pid));
        let refusal = |pid| Some((pid, reader.read(pid, Vec::new()).ok()?.refusal?));
        Ok(unseen.filter_map(refusal).collect())
    }

    /// Makes the result of what is in memory, and notes which sockets are shared.
    fn collect(&mut self, pids: &[u32], scan: &mut Scan) {
        let total = self.memory.values().map(|known| known.sockets.len() + known.apart.len()).sum();
        scan.holdings.reserve(total);
        for (pid, known) in pids.iter().filter_map(|pid| Some((*pid, self.memory.get(pid)?))) {
            if let Some(errno) = known.refusal {
                scan.unreadable += 1;
                scan.refused.push((pid, errno));
            }
            let Some(holder) = known.holder.as_ref().filter(|_| known.holds_sockets()) else {
                continue;
            };
            let process = scan.holders.len() as u32;
            scan.holders.push(holder.clone());
            scan.holdings.extend(known.holdings(process));
        }
        scan.holdings.sort_unstable();
        self.shared = shared(&scan.holdings);
    }
}

impl Scan {
    /// Counts processes that ended meanwhile, and those of which nothing can be said.
    fn without_ended(
        &mut self,
        found: Vec<(u32, rustix::io::Result<Descriptors>)>,
    ) -> Vec<(u32, Descriptors)> {
        let found = found.into_iter();
        found.filter_map(|(pid, found)| Some((pid, self.unless_ended(found)?))).collect()
    }

    /// What was found of a process, unless it ended meanwhile.
    fn unless_ended(&mut self, found: rustix::io::Result<Descriptors>) -> Option<Descriptors> {
        match found {
            Ok(found) => Some(found),
            Err(Errno::NOENT | Errno::SRCH) => {
                self.ended += 1;
                None
            }
            Err(errno) => Some(Descriptors { refusal: Some(errno), ..Descriptors::default() }),
        }
    }
}

/// Inodes that occur more than once in these sorted holdings.
fn shared(holdings: &[Holding]) -> Vec<u64> {
    let twice = holdings.windows(2).filter(|pair| pair[0].inode == pair[1].inode);
    let mut shared: Vec<u64> = twice.map(|pair| pair[0].inode).collect();
    shared.dedup();
    shared
}

/// Takes batches of processes until none is left.
fn read_batches(
    proc: BorrowedFd<'_>,
    pids: &[u32],
    ahead: Option<&Ahead>,
    next: &AtomicUsize,
) -> Vec<(u32, rustix::io::Result<Descriptors>)> {
    let mut reader = Reader::new(proc);
    let mut read = |pid| reader.read(pid, ahead.map_or_else(Vec::new, |ahead| ahead.numbers(pid)));
    let mut found = Vec::new();
    loop {
        let start = next.fetch_add(BATCH, Ordering::Relaxed);
        let Some(rest) = pids.get(start..).filter(|rest| !rest.is_empty()) else {
            return found;
        };
        found.extend(rest.iter().take(BATCH).map(|&pid| (pid, read(pid))));
    }
}

#[cfg(test)]
mod tests;
