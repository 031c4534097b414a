//! Which process holds which socket: the links in `/proc/PID/fd`.
//!
//! A look-up of a link is dear, so a table that is refreshed again and again does not look up
//! every one. It looks up the descriptors of new processes, new descriptors of processes whose
//! number of descriptors changed, descriptors whose socket left the listing, and sockets with
//! several holders; everything else in turn, a slice at a time. That leaves one change unseen
//! until its turn comes: a descriptor that was replaced in one step (dup2) while its former
//! socket lives on, held by nobody that sockpit knows. Whoever acts on an owner asks again.

mod reader;

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::fs::RawDir;
use rustix::io::Errno;

use super::super::Result;
use super::proc;
use crate::model::join::Holding;
use crate::model::owner::ProcessKey;
use crate::wire::procfs;
use reader::{Descriptors, Reader};

/// Processes that a worker takes at a time.
const BATCH: usize = 4;

/// Everything is looked up anew within this many refreshes.
const SLICES: usize = 16;

/// A socket that so many listings in a row did not have is one of another family: it is not
/// looked up again for that. The first listing may have been made before it was opened.
const ELSEWHERE: u8 = 2;

/// A process that holds at least one socket, as it was when its descriptors were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// Identity.
    pub(super) key: ProcessKey,
    /// Short name, uncleaned.
    pub(super) name: Box<str>,
    /// Parent.
    pub(super) ppid: u32,
}

/// What one pass over all processes found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Processes that hold sockets, in order of their pid.
    pub(super) holders: Vec<Holder>,
    /// Sockets held, by inode; `process` is an index into `holders`.
    pub(super) holdings: Vec<Holding>,
    /// Processes seen.
    pub(super) processes: usize,
    /// Processes whose descriptors could not be read.
    pub(super) unreadable: usize,
    /// The first reason for that.
    pub(super) first_refusal: Option<Errno>,
    /// Processes that ended while they were looked at; what they held may have gone to others.
    pub(super) ended: usize,
    /// Whether some descriptors were taken from memory instead of looked up.
    pub(super) is_partial: bool,
}

/// Looks through the descriptors of every process.
#[derive(Debug)]
pub(super) struct HolderScan {
    proc: OwnedFd,
    workers: usize,
    /// What was found last, by pid. Empty before the first scan.
    memory: HashMap<u32, Descriptors>,
    /// Inodes that several descriptors refer to, ascending.
    shared: Vec<u64>,
    /// Whether everything is looked up anew in turn.
    turns: bool,
    /// The last process whose turn it was.
    verified: u32,
    /// Whether the kernel tells the number of a process's descriptors.
    counts: bool,
}

impl HolderScan {
    /// A scan that uses up to so many threads at once.
    pub(super) fn new(workers: usize) -> Result<Self> {
        let proc = proc::open()?;
        let counts = proc::open_dir(&proc, c"self")
            .and_then(|own| reader::count(own.as_fd()))
            .is_ok_and(|count| count > 0);
        Ok(Self {
            proc,
            workers: workers.max(1),
            memory: HashMap::new(),
            shared: Vec::new(),
            turns: true,
            verified: 0,
            counts,
        })
    }

    /// The open `/proc`.
    pub(super) fn proc(&self) -> BorrowedFd<'_> {
        self.proc.as_fd()
    }

    /// How many descriptors are remembered.
    pub(super) fn len(&self) -> usize {
        self.memory.values().map(Descriptors::len).sum()
    }

    /// Looks up every descriptor of every process.
    pub(super) fn full(&mut self) -> Result<Scan> {
        let pids = pids(&self.proc)?;
        let next = AtomicUsize::new(0);
        let proc = self.proc.as_fd();
        let work = || read_batches(proc, &pids, &next);
        let workers = self.workers.min(pids.len().div_ceil(BATCH));
        let mut scan = Scan { processes: pids.len(), ..Scan::default() };
        self.memory.clear();
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

    /// Looks up what may have changed since the last scan. `listed` are the inodes of the
    /// sockets in question, ascending.
    pub(super) fn refresh(&mut self, listed: &[u64]) -> Result<Scan> {
        if self.memory.is_empty() || !self.counts {
            let scan = self.full()?;
            self.mark(listed);
            return Ok(scan);
        }
        let pids = pids(&self.proc)?;
        let mut scan = Scan { processes: pids.len(), is_partial: true, ..Scan::default() };
        let mut before = std::mem::take(&mut self.memory);
        let due = self.due(&pids, &before);
        let mut reader = Reader::new(self.proc.as_fd());
        // Looking changes our own descriptors, so memory is of no use for them.
        let own = std::process::id();
        let is_suspect = |held: &reader::Held| {
            (held.unlisted < ELSEWHERE && listed.binary_search(&held.inode).is_err())
                || self.shared.binary_search(&held.inode).is_ok()
        };
        for &pid in &pids {
            let found = match before.remove(&pid) {
                Some(mut known) if pid != own && !due.contains(&pid) => {
                    reader.refresh(pid, &mut known, is_suspect).map(|()| known)
                }
                _ => reader.read(pid),
            };
            self.memory.extend(scan.without_ended(vec![(pid, found)]));
        }
        self.mark(listed);
        self.collect(&pids, &mut scan);
        Ok(scan)
    }

    /// The processes whose turn it is to be looked up anew: about one slice of all descriptors.
    fn due(&mut self, pids: &[u32], before: &HashMap<u32, Descriptors>) -> Vec<u32> {
        let total: usize = before.values().map(Descriptors::len).sum();
        let mut left = if self.turns { total.div_ceil(SLICES).max(256) } else { 0 };
        let start = pids.partition_point(|&pid| pid <= self.verified);
        let mut due = Vec::new();
        for &pid in pids[start..].iter().chain(&pids[..start]) {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(before.get(&pid).map_or(0, Descriptors::len).max(1));
            self.verified = pid;
            due.push(pid);
        }
        due
    }

    /// Remembers which of the sockets held are in the listing, so that one that leaves it, or
    /// never comes into it, is looked up again.
    fn mark(&mut self, listed: &[u64]) {
        for held in self.memory.values_mut().flat_map(|known| &mut known.sockets) {
            held.unlisted = match listed.binary_search(&held.inode) {
                Ok(_) => 0,
                Err(_) => held.unlisted.saturating_add(1).min(ELSEWHERE),
            };
        }
    }

    /// Makes the result of what is in memory, and notes which sockets are shared.
    fn collect(&mut self, pids: &[u32], scan: &mut Scan) {
        let total = self.memory.values().map(|known| known.sockets.len()).sum();
        scan.holdings.reserve(total);
        for known in pids.iter().filter_map(|pid| self.memory.get(pid)) {
            if let Some(errno) = known.refusal {
                scan.unreadable += 1;
                scan.first_refusal.get_or_insert(errno);
            }
            let Some(holder) = &known.holder else { continue };
            let process = scan.holders.len() as u32;
            scan.holders.push(holder.clone());
            scan.holdings.extend(known.sockets.iter().map(|held| Holding {
                inode: held.inode,
                process,
                fd: held.fd,
            }));
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
        let keep = |(pid, found): (u32, rustix::io::Result<Descriptors>)| match found {
            Ok(found) => Some((pid, found)),
            Err(Errno::NOENT | Errno::SRCH) => {
                self.ended += 1;
                None
            }
            Err(errno) => {
                Some((pid, Descriptors { refusal: Some(errno), ..Descriptors::default() }))
            }
        };
        found.into_iter().filter_map(keep).collect()
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
    next: &AtomicUsize,
) -> Vec<(u32, rustix::io::Result<Descriptors>)> {
    let mut reader = Reader::new(proc);
    let mut found = Vec::new();
    loop {
        let start = next.fetch_add(BATCH, Ordering::Relaxed);
        let Some(rest) = pids.get(start..).filter(|rest| !rest.is_empty()) else {
            return found;
        };
        found.extend(rest.iter().take(BATCH).map(|&pid| (pid, reader.read(pid))));
    }
}

/// Every process id in `/proc`, ascending.
pub(super) fn pids(proc: &OwnedFd) -> Result<Vec<u32>> {
    let failed = |errno| super::super::Error::os("list the processes in /proc", errno);
    // A directory is read once: each listing needs an open file of its own.
    let directory = proc::open_dir(proc, c".").map_err(failed)?;
    let mut buffer = Vec::with_capacity(32 * 1024);
    let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
    let mut pids = Vec::with_capacity(256);
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(failed)?;
        let pid = procfs::number(entry.file_name().to_bytes());
        pids.extend(pid.and_then(|pid| u32::try_from(pid).ok()));
    }
    pids.sort_unstable();
    Ok(pids)
}

#[cfg(test)]
mod tests;
