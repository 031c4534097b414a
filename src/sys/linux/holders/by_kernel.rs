//! Holders as the kernel's own tables have them, in one pass and with nothing from memory.

use std::collections::{HashMap, HashSet};
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::param::clock_ticks_per_second;

use super::super::bpf::iterator::Descriptors;
use super::super::proc::{self, Decimal};
use super::apart;
use super::descriptors::Holder;
use super::scan::Scan;
use crate::model::join::Holding;
use crate::model::owner::{ProcessKey, Through};
use crate::sys::error::Result;
use crate::wire::bpf_owner::{Descriptor, Target};
use crate::wire::procfs;

/// Tells who holds what.
#[derive(Debug)]
pub(in super::super) struct ByKernel {
    descriptors: Descriptors,
    clock: Clock,
}

impl ByKernel {
    /// Takes what it needs into the kernel.
    pub(in super::super) fn load() -> Result<Self> {
        Ok(Self { descriptors: Descriptors::load()?, clock: Clock::of_this_namespace() })
    }

    /// One pass over all processes.
    pub(super) fn scan(&self, proc: BorrowedFd<'_>, expected: usize) -> Result<Scan> {
        let mut pass = Pass::default();
        pass.scan.by_kernel = true;
        pass.scan.holdings.reserve(expected);
        self.descriptors.each(|descriptor| pass.take(&descriptor, self.clock))?;
        Ok(pass.finish(proc))
    }
}

/// A pass while it goes on. The kernel goes by the numbers of threads: those of one process need not
/// come one after the other.
#[derive(Default)]
struct Pass {
    scan: Scan,
    /// The places of processes among the holders.
    processes: HashMap<u32, u32>,
    /// The tables of each that were met. Threads that outlive the first one are all passed, though
    /// they share a table.
    tables: HashSet<(u32, u64)>,
    /// The thread that it is at, the place of its process, and whether its table is a new one.
    at: Option<(u32, u32, bool)>,
    /// Rings, by the thread and its process's place; they are read afterwards.
    rings: Vec<(u32, u32, i32)>,
}

impl Pass {
    fn take(&mut self, descriptor: &Descriptor, clock: Clock) {
        let Descriptor { pid, tid, fd, .. } = *descriptor;
        if self.at.is_none_or(|(thread, ..)| thread != tid) {
            self.enter(descriptor, clock);
        }
        let Some((_, process, true)) = self.at else { return };
        match descriptor.target {
            Target::Socket { inode, cookie, .. } => {
                let through =
                    if tid == pid { Through::Descriptor } else { Through::Thread { tid } };
                self.scan.holdings.push(Holding { inode, cookie, process, through, fd });
            }
            Target::Ring => self.rings.push((tid, process, fd)),
        }
    }

    fn enter(&mut self, descriptor: &Descriptor, clock: Clock) {
        let holders = &mut self.scan.holders;
        let process = *self.processes.entry(descriptor.pid).or_insert_with(|| {
            holders.push(clock.holder(descriptor));
            holders.len() as u32 - 1
        });
        let is_new = self.tables.insert((descriptor.pid, descriptor.table));
        self.at = Some((descriptor.tid, process, is_new));
    }

    fn finish(mut self, proc: BorrowedFd<'_>) -> Scan {
        for (tid, process, fd) in self.rings {
            // Of a thread, too, there is a directory by its number.
            let Ok(thread) = proc::open_dir(proc, Decimal::new(tid).as_c_str()) else { continue };
            match apart::in_ring(&thread, fd) {
                Ok(held) => {
                    self.scan.holdings.extend(held.iter().map(|held| held.holding(process)));
                }
                Err(errno @ (Errno::ACCESS | Errno::PERM)) => {
                    let holder = &self.scan.holders[process as usize];
                    self.scan.refuse([(holder.key.pid, errno)]);
                }
                // It has ended.
                Err(_) => {}
            }
        }
        let mut scan = self.scan;
        scan.processes = scan.holders.len();
        if !scan.holders.is_sorted_by_key(|holder| holder.key.pid) {
            scan.sort_by_pid();
        }
        scan.holdings.sort_unstable();
        scan
    }
}

impl Scan {
    fn sort_by_pid(&mut self) {
        let mut order: Vec<usize> = (0..self.holders.len()).collect();
        order.sort_by_key(|&place| self.holders[place].key.pid);
        let mut places = vec![0; order.len()];
        for (now, &before) in (0..).zip(&order) {
            places[before] = now;
        }
        for holding in &mut self.holdings {
            holding.process = places[holding.process as usize];
        }
        self.holders.sort_by_key(|holder| holder.key.pid);
    }
}

/// What the kernel's time since the machine started is in the ticks of `/proc/PID/stat`, which
/// are those of a time namespace.
#[derive(Clone, Copy, Debug)]
struct Clock {
    offset_ns: i128,
    tick_ns: i128,
}

impl Clock {
    fn of_this_namespace() -> Self {
        let offsets = std::fs::read("/proc/self/timens_offsets").unwrap_or_default();
        let ticks = i128::from(clock_ticks_per_second());
        Self { offset_ns: procfs::boottime_offset(&offsets), tick_ns: 1_000_000_000 / ticks }
    }

    fn holder(self, descriptor: &Descriptor) -> Holder {
        let started = i128::from(descriptor.started_ns) + self.offset_ns;
        let start_time = u64::try_from(started / self.tick_ns).unwrap_or(0);
        Holder {
            key: ProcessKey { pid: descriptor.pid, start_time },
            name: String::from_utf8_lossy(descriptor.name()).into(),
            ppid: descriptor.parent,
        }
    }
}
