//! Which process holds which socket: the links in `/proc/PID/fd`.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::fs::RawDir;
use rustix::io::Errno;

use super::super::Result;
use super::proc::{self, Decimal};
use crate::model::join::Holding;
use crate::model::owner::ProcessKey;
use crate::wire::procfs;

/// Processes that a worker takes at a time.
const BATCH: usize = 4;

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
    /// Sockets held; `process` is an index into `holders`.
    pub(super) holdings: Vec<Holding>,
    /// Processes seen.
    pub(super) processes: usize,
    /// Processes whose descriptors could not be read.
    pub(super) unreadable: usize,
    /// The first reason for that.
    pub(super) first_refusal: Option<Errno>,
    /// Processes that ended while they were looked at; what they held may have gone to others.
    pub(super) ended: usize,
}

/// Looks through the descriptors of every process.
#[derive(Debug)]
pub(super) struct HolderScan {
    proc: OwnedFd,
    workers: usize,
}

impl HolderScan {
    /// A scan that uses up to so many threads at once.
    pub(super) fn new(workers: usize) -> Result<Self> {
        Ok(Self { proc: proc::open()?, workers: workers.max(1) })
    }

    /// The open `/proc`.
    pub(super) fn proc(&self) -> BorrowedFd<'_> {
        self.proc.as_fd()
    }

    /// Reads every descriptor of every process.
    pub(super) fn full(&mut self) -> Result<Scan> {
        let pids = pids(&self.proc)?;
        let next = AtomicUsize::new(0);
        let proc = self.proc.as_fd();
        let work = || Worker::new(proc).run(&pids, &next);
        let workers = self.workers.min(pids.len().div_ceil(BATCH));
        let parts = if workers <= 1 {
            vec![work()]
        } else {
            thread::scope(|scope| {
                let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
                let mut parts = vec![work()];
                // A worker that died leaves its batch unread, which counts as unreadable.
                let lost = || Part { unreadable: BATCH, ..Part::default() };
                parts.extend(
                    others.into_iter().map(|other| other.join().unwrap_or_else(|_| lost())),
                );
                parts
            })
        };
        Ok(merge(parts, pids.len()))
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
        pids.extend(number(entry.file_name()));
    }
    pids.sort_unstable();
    Ok(pids)
}

fn number(name: &CStr) -> Option<u32> {
    procfs::number(name.to_bytes())?.try_into().ok()
}

/// What one worker found. `process` of a holding is an index into its own holders.
#[derive(Debug, Default)]
struct Part {
    holders: Vec<Holder>,
    holdings: Vec<Holding>,
    unreadable: usize,
    first_refusal: Option<Errno>,
    ended: usize,
}

struct Worker<'proc> {
    proc: BorrowedFd<'proc>,
    entries: Vec<u8>,
    content: Vec<u8>,
    part: Part,
}

impl<'proc> Worker<'proc> {
    fn new(proc: BorrowedFd<'proc>) -> Self {
        let entries = Vec::with_capacity(64 * 1024);
        Self { proc, entries, content: Vec::new(), part: Part::default() }
    }

    fn run(mut self, pids: &[u32], next: &AtomicUsize) -> Part {
        loop {
            let start = next.fetch_add(BATCH, Ordering::Relaxed);
            let Some(rest) = pids.get(start..).filter(|rest| !rest.is_empty()) else {
                return self.part;
            };
            for &pid in rest.iter().take(BATCH) {
                self.take(pid);
            }
        }
    }

    fn take(&mut self, pid: u32) {
        let before = (self.part.holders.len(), self.part.holdings.len());
        let outcome = self.read(pid);
        if self.part.holders.len() == before.0 {
            // Nobody could be named for what was found so far.
            self.part.holdings.truncate(before.1);
        }
        match outcome {
            Ok(()) => {}
            Err(Errno::NOENT | Errno::SRCH) => self.part.ended += 1,
            Err(errno) => {
                self.part.unreadable += 1;
                self.part.first_refusal.get_or_insert(errno);
            }
        }
    }

    /// Reads one process. An error means that not all of it could be read.
    fn read(&mut self, pid: u32) -> rustix::io::Result<()> {
        let process = proc::open_dir(self.proc, Decimal::new(pid).as_c_str())?;
        let descriptors = proc::open_dir(&process, c"fd")?;
        let index = self.part.holders.len() as u32;
        let before = self.part.holdings.len();
        let refused = self.read_descriptors(&descriptors, index)?;
        if self.part.holdings.len() > before {
            let holder = self.identify(&process, pid)?;
            self.part.holders.push(holder);
        }
        refused.map_or(Ok(()), Err)
    }

    /// Collects the sockets among the descriptors; the first link that may not be read is
    /// returned, since the others are refused alike.
    fn read_descriptors(
        &mut self,
        descriptors: &OwnedFd,
        process: u32,
    ) -> rustix::io::Result<Option<Errno>> {
        let mut target = [MaybeUninit::uninit(); 32];
        let mut entries = RawDir::new(descriptors, self.entries.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            let Some(fd) = number(name) else { continue };
            match proc::read_link(descriptors.as_fd(), name, &mut target) {
                Ok(target) => {
                    if let Some(inode) = procfs::socket_inode(target) {
                        self.part.holdings.push(Holding { inode, process, fd: fd as i32 });
                    }
                }
                // Closed since the directory was read.
                Err(Errno::NOENT) => {}
                Err(errno @ (Errno::ACCESS | Errno::PERM)) => return Ok(Some(errno)),
                Err(errno) => return Err(errno),
            }
        }
        Ok(None)
    }

    fn identify(&mut self, process: &OwnedFd, pid: u32) -> rustix::io::Result<Holder> {
        proc::read_file(process, c"stat", &mut self.content)?;
        let stat = procfs::Stat::parse(&self.content).ok_or(Errno::SRCH)?;
        Ok(Holder {
            key: ProcessKey { pid, start_time: stat.start_time },
            name: String::from_utf8_lossy(stat.name).into(),
            ppid: stat.ppid,
        })
    }
}

/// Joins the workers' parts, with the holders in order of their pid.
fn merge(parts: Vec<Part>, processes: usize) -> Scan {
    let mut scan = Scan { processes, ..Scan::default() };
    let mut holders: Vec<(Holder, usize, u32)> = Vec::new();
    for (part, found) in parts.iter().enumerate() {
        let indexed = found.holders.iter().cloned().zip(0..);
        holders.extend(indexed.map(|(holder, index)| (holder, part, index)));
    }
    holders.sort_unstable_by_key(|(holder, ..)| holder.key.pid);
    let mut positions: Vec<Vec<u32>> =
        parts.iter().map(|part| vec![0; part.holders.len()]).collect();
    for (position, (_, part, index)) in holders.iter().enumerate() {
        positions[*part][*index as usize] = position as u32;
    }
    scan.holders = holders.into_iter().map(|(holder, ..)| holder).collect();
    for (part, positions) in parts.into_iter().zip(positions) {
        let moved = part
            .holdings
            .into_iter()
            .map(|holding| Holding { process: positions[holding.process as usize], ..holding });
        scan.holdings.extend(moved);
        scan.unreadable += part.unreadable;
        scan.ended += part.ended;
        scan.first_refusal = scan.first_refusal.or(part.first_refusal);
    }
    scan
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;
    use std::os::linux::fs::MetadataExt;

    use super::*;

    fn inode_of(listener: &TcpListener) -> u64 {
        std::fs::metadata(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap().st_ino()
    }

    fn holders_of(scan: &Scan, inode: u64) -> Vec<(u32, i32)> {
        let holdings = scan.holdings.iter().filter(|holding| holding.inode == inode);
        holdings.map(|h| (scan.holders[h.process as usize].key.pid, h.fd)).collect()
    }

    #[test]
    fn our_own_socket_is_ours_whatever_the_number_of_workers() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for workers in [1, 3] {
            let scan = HolderScan::new(workers).unwrap().full().unwrap();
            let held = holders_of(&scan, inode_of(&listener));
            assert_eq!(held, [(std::process::id(), listener.as_raw_fd())]);
            assert!(scan.holders.is_sorted_by_key(|holder| holder.key.pid));
        }
    }

    #[test]
    fn a_duplicate_is_a_second_holding() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let copy = listener.try_clone().unwrap();
        let scan = HolderScan::new(1).unwrap().full().unwrap();
        let mut fds: Vec<i32> =
            holders_of(&scan, inode_of(&listener)).into_iter().map(|(_, fd)| fd).collect();
        fds.sort_unstable();
        let mut expected = [listener.as_raw_fd(), copy.as_raw_fd()];
        expected.sort_unstable();
        assert_eq!(fds, expected);
    }

    #[test]
    fn parts_are_joined_by_pid() {
        let holder =
            |pid| Holder { key: ProcessKey { pid, start_time: 1 }, name: "x".into(), ppid: 1 };
        let holding = |inode, process| Holding { inode, process, fd: 3 };
        let part = |holders, holdings| Part { holders, holdings, ended: 1, ..Part::default() };
        let scan = merge(
            vec![
                part(vec![holder(30), holder(10)], vec![holding(300, 0), holding(100, 1)]),
                part(vec![holder(20)], vec![holding(200, 0)]),
            ],
            9,
        );
        assert_eq!(scan.holders.iter().map(|h| h.key.pid).collect::<Vec<_>>(), [10, 20, 30]);
        assert_eq!(scan.holdings, [holding(300, 2), holding(100, 0), holding(200, 1)]);
        assert_eq!((scan.processes, scan.ended), (9, 2));
    }
}
