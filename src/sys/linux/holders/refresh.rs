//! A scan again: what did not run is remembered, the rest is looked up.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};

use super::super::proc;
use super::descriptors::{Descriptors, Held};
use super::idle::{Activity, Watch};
use super::reader::Reader;
use super::sharing::Sharing;
use super::{HolderScan, Listed, Scan};
use crate::sys::error::Result;

/// A socket that so many listings in a row did not have is one of another family: it is not
/// looked up again for that. The first listing may have been made before it was opened.
const ELSEWHERE: u8 = 2;

/// A process of which something is remembered.
type Known = (u32, Descriptors);

/// The processes of one refresh by what is to be done about them.
#[derive(Debug, Default)]
struct Round {
    /// Nothing is known of them.
    new: Vec<u32>,
    /// They did not run.
    idle: Vec<Known>,
    /// They may hold something else now.
    changed: Vec<Known>,
}

impl HolderScan {
    /// Looks up what may have changed since the last scan: about `most` descriptors of
    /// processes that are known already, and whatever new ones have. `listed` are the sockets
    /// in question, ascending.
    pub(in super::super) fn refresh(&mut self, listed: Vec<Listed>, most: usize) -> Result<Scan> {
        let pids = proc::pids(&self.proc)?;
        let mut refresh = Refresh {
            proc: self.proc.as_fd(),
            reader: Reader::new(self.proc.as_fd()),
            watch: &mut self.watch,
            found: HashMap::with_capacity(pids.len()),
            scan: Scan { processes: pids.len(), ..Scan::default() },
        };
        let Round { new, idle, mut changed } =
            refresh.sort_out(&pids, std::mem::take(&mut self.memory));
        // New ones first: they tell who shares a table with whom.
        for &pid in &new {
            refresh.read(pid, Descriptors::default());
        }
        refresh.enter(&new, &pids, self.sharing.as_mut());
        let returned = returned(&self.listed, &listed);
        self.listed = listed;
        for (pid, known) in idle {
            let is_shared = self.sharing.as_ref().is_none_or(|sharing| sharing.contains(pid));
            if is_shared || known.holds_any(&returned) {
                changed.push((pid, known));
            } else {
                refresh.found.insert(pid, known);
            }
        }
        let rest = refresh.read_oldest(changed, most);
        let doubtful = [self.shared.as_slice(), &returned].concat();
        refresh.touch(rest, &self.listed, doubtful);
        refresh.read_own();
        let Refresh { found, mut scan, .. } = refresh;
        self.memory = found;
        self.collect(&pids, &mut scan);
        Ok(scan)
    }
}

/// A refresh while it goes on.
struct Refresh<'scan> {
    proc: BorrowedFd<'scan>,
    reader: Reader<'scan>,
    watch: &'scan mut Watch,
    found: HashMap<u32, Descriptors>,
    scan: Scan,
}

impl Refresh<'_> {
    /// Asks of every process that is in memory whether it ran.
    fn sort_out(&mut self, pids: &[u32], mut memory: HashMap<u32, Descriptors>) -> Round {
        let mut round = Round::default();
        let own = std::process::id();
        for &pid in pids.iter().filter(|&&pid| pid != own) {
            let Some(known) = memory.remove(&pid) else {
                round.new.push(pid);
                continue;
            };
            match self.watch.verdict(self.proc, pid, &known.record) {
                Activity::Idle if known.is_lasting() => round.idle.push((pid, known)),
                Activity::Idle | Activity::Ran if self.is_same(pid, &known) => {
                    round.changed.push((pid, known));
                }
                _ => {
                    self.watch.dismiss(known.record);
                    round.new.push(pid);
                }
            }
        }
        for (_, ended) in memory {
            self.watch.dismiss(ended.record);
        }
        round
    }

    /// Whether the process that has this pid is the one that is known: an open file of `/proc`
    /// has answered that already.
    fn is_same(&mut self, pid: u32, known: &Descriptors) -> bool {
        known.record.file().is_some()
            || known.holder.as_ref().is_some_and(|holder| self.reader.is(pid, holder.key))
    }

    /// Notes with whom new processes share their tables, and with whom others still do.
    fn enter(&self, new: &[u32], pids: &[u32], sharing: Option<&mut Sharing>) {
        let has_table =
            |pid: &u32| self.found.get(pid).is_some_and(|known| !known.is_kernel_thread);
        let new: Vec<u32> = new.iter().copied().filter(has_table).collect();
        if let Some(sharing) = sharing {
            sharing.enter(&new, |pid| pids.binary_search(&pid).is_ok());
        }
    }

    /// Reads all of a process, and remembers it unless it ended.
    fn read(&mut self, pid: u32, known: Descriptors) {
        let found = self.reader.read_watched(pid, known, self.watch);
        let found = self.scan.unless_ended(found);
        self.found.extend(found.map(|found| (pid, found)));
    }

    /// Reads as many processes as may be, those first that were read longest ago; returns the
    /// others.
    fn read_oldest(&mut self, mut changed: Vec<Known>, most: usize) -> Vec<Known> {
        changed.sort_by_key(|(pid, known)| (known.read_at, *pid));
        let mut left = most;
        let mut changed = changed.into_iter();
        while left > 0
            && let Some((pid, known)) = changed.next()
        {
            left = left.saturating_sub(known.len());
            self.read(pid, known);
        }
        changed.collect()
    }

    /// Looks up what is known to have changed in processes that are not read this time.
    /// `doubtful` are the sockets of which every descriptor is looked up.
    fn touch(&mut self, rest: Vec<Known>, listed: &[Listed], mut doubtful: Vec<u64>) {
        if rest.is_empty() {
            return;
        }
        doubtful.sort_unstable();
        let is_listed = |inode| listed.binary_search_by_key(&inode, |(inode, _)| *inode).is_ok();
        let is_suspect = |held: &Held| {
            (held.unlisted < ELSEWHERE && !is_listed(held.inode))
                || doubtful.binary_search(&held.inode).is_ok()
        };
        for (pid, mut known) in rest {
            let touched = self.reader.touch(pid, &mut known, is_suspect);
            for held in &mut known.sockets {
                let unlisted = held.unlisted.saturating_add(1).min(ELSEWHERE);
                held.unlisted = if is_listed(held.inode) { 0 } else { unlisted };
            }
            match touched {
                Ok(()) => {
                    let key = known.holder.as_ref().map(|holder| holder.key);
                    self.scan.unverified.extend(key.map(|key| (key, known.read_at)));
                    self.found.insert(pid, known);
                }
                Err(errno) => {
                    self.watch.dismiss(std::mem::take(&mut known.record));
                    let found = self.scan.unless_ended(Err(errno));
                    self.found.extend(found.map(|found| (pid, found)));
                }
            }
        }
        self.scan.unverified.sort_unstable();
    }

    /// Reads our own descriptors, which change by looking at others: last, and every time.
    fn read_own(&mut self) {
        let mut files: Vec<_> =
            self.found.values().filter_map(|known| known.record.file()).collect();
        files.sort_unstable();
        let found = self.reader.read_own(files);
        let found = self.scan.unless_ended(found);
        self.found.extend(found.map(|found| (std::process::id(), found)));
    }
}

/// Inodes that were another socket's when they were listed last. Both lists ascend.
fn returned(before: &[Listed], now: &[Listed]) -> Vec<u64> {
    let mut before = before.iter().peekable();
    let mut returned = Vec::new();
    for &(inode, cookie) in now {
        while before.next_if(|(earlier, _)| *earlier < inode).is_some() {}
        if before.peek().is_some_and(|(same, other)| *same == inode && *other != cookie) {
            returned.push(inode);
        }
    }
    returned
}
