//! Proof that a process did nothing since its descriptors were read: none of its threads got a
//! processor.
//!
//! A process changes its own table of descriptors, and to do so one of its threads must run:
//! to open, close, duplicate or receive one, to start a program, to be made to by a tracer or a
//! seccomp supervisor; workers of io_uring are threads of the process. (Another process that
//! shares the table is the exception, see [`super::sharing`].) How often a thread got a
//! processor and for how many nanoseconds stands in its `schedstat`, for everybody to read.
//! Both figures are read before the descriptors; whoever finds them unchanged later knows that
//! the thread was off the processor all the time. What is not proven so counts as changed:
//!
//! - a thread that was runnable when its figures were read, or figures that are younger than
//!   the kernel takes to bring them up to date while a thread runs on;
//! - a thread that was missed because it came to life while the threads were listed: their
//!   number is read after the figures, and making one takes a thread that runs;
//! - a process whose first thread has ended: nobody tells with whom the others share their table;
//! - a pid that came back: a file of `/proc` that is open belongs to one process. Where too
//!   many are open the file is opened anew, and the figures of two processes would have to
//!   agree to the nanosecond.

use std::ffi::CStr;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Mode, OFlags, openat, statat};
use rustix::io::{Errno, Result, pread};

use super::super::proc;
use crate::wire::procfs::{SchedStat, Stat};

/// Five ticks of the slowest clock (`CONFIG_HZ=100`).
const TICKS: Duration = Duration::from_millis(50);

/// Where the tick may be off while one thread runs, the kernel looks once a second
/// (`sched_tick_remote` of kernel/sched/core.c).
const REMOTE_TICKS: Duration = Duration::from_millis(1_500);

/// So many threads beside the first are always worth asking.
const FEW_THREADS: usize = 4;

/// Beyond that, to ask a thread costs about as much as to look up so many descriptors.
const DESCRIPTORS_A_THREAD: usize = 3;

/// The figures of a process's threads, as they were before its descriptors were read.
#[derive(Debug)]
pub(super) struct Proof {
    first: SchedStat,
    others: Vec<(u32, SchedStat)>,
    since: Instant,
}

/// What testifies to what a process did: its open `schedstat`, and what stood in there.
#[derive(Debug, Default)]
pub(super) struct RunRecord {
    file: Option<OwnedFd>,
    proof: Option<Proof>,
}

/// What became of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// It did not run.
    Idle,
    /// It ran, or may have.
    Ran,
    /// It ended; its pid may be another's by now.
    Ended,
}

/// Takes and compares figures.
#[derive(Debug)]
pub(super) struct Watch {
    /// How old figures must be to say something.
    settled_after: Duration,
    /// So many more files may stay open.
    files_left: usize,
}

impl Watch {
    /// As this machine needs it; so many `files` may stay open.
    pub(super) fn new(files: usize) -> Self {
        let without_tick = std::fs::read_to_string("/sys/devices/system/cpu/nohz_full");
        let may_lack_tick =
            without_tick.is_ok_and(|list| list.contains(|c: char| c.is_ascii_digit()));
        let settled_after = if may_lack_tick { REMOTE_TICKS } else { TICKS };
        Self { settled_after, files_left: files }
    }

    /// Begins a proof with the figures of the first thread. To be called before anything else
    /// of the process is read. `None` when the kernel does not tell.
    pub(super) fn begin(
        &mut self,
        proc: BorrowedFd<'_>,
        pid: u32,
        record: &mut RunRecord,
    ) -> Result<Option<Proof>> {
        let since = Instant::now();
        let first = match &record.file {
            Some(file) => figures(file)?,
            None => {
                let file = open(proc, pid, None)?;
                let first = figures(&file)?;
                if self.files_left > 0 {
                    self.files_left -= 1;
                    record.file = Some(file);
                }
                first
            }
        };
        Ok(first.map(|first| Proof { first, others: Vec::new(), since }))
    }

    /// Whether the process that had this pid ran since.
    pub(super) fn verdict(&self, proc: BorrowedFd<'_>, pid: u32, record: &RunRecord) -> Activity {
        let first = match &record.file {
            Some(file) => figures(file),
            None => open(proc, pid, None).and_then(figures),
        };
        match (first, &record.proof) {
            (Err(Errno::NOENT | Errno::SRCH), _) => Activity::Ended,
            (Ok(Some(first)), Some(proof))
                if first == proof.first
                    && proof.since.elapsed() >= self.settled_after
                    && proof.others_rested(proc, pid) =>
            {
                Activity::Idle
            }
            _ => Activity::Ran,
        }
    }

    /// Closes what a record keeps open.
    pub(super) fn dismiss(&mut self, record: RunRecord) {
        self.files_left += usize::from(record.file.is_some());
        drop(record);
    }
}

impl RunRecord {
    /// The descriptor that it keeps open in this process.
    pub(super) fn file(&self) -> Option<RawFd> {
        self.file.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// Keeps a proof that is complete, in the place of any other.
    pub(super) fn keep(&mut self, proof: Option<Proof>) {
        self.proof = proof;
    }
}

impl Proof {
    /// Adds the figures of the other threads, after `stat` was read and before the process's
    /// `descriptors` are, which are about so many. `None` when there is no proof, or when it
    /// would cost more than to read them again.
    pub(super) fn complete(
        mut self,
        process: &OwnedFd,
        pid: u32,
        stat: &Stat<'_>,
        descriptors: usize,
    ) -> Result<Option<Self>> {
        let others = (stat.threads as usize).saturating_sub(1);
        if stat.ended
            || stat.runnable
            || others > FEW_THREADS.max(descriptors / DESCRIPTORS_A_THREAD)
        {
            return Ok(None);
        }
        if others == 0 {
            return Ok(Some(self));
        }
        let tasks = proc::open_dir(process, c"task")?;
        for tid in proc::threads_in(&tasks)?.into_iter().filter(|&tid| tid != pid) {
            let file = open(tasks.as_fd(), tid, None)?;
            let Some(figures) = figures(file)? else { return Ok(None) };
            self.others.push((tid, figures));
        }
        // The directory has a link for each thread, and two more.
        let links = statat(&tasks, c".", AtFlags::empty())?.st_nlink;
        Ok((links == self.others.len() as u64 + 3).then_some(self))
    }

    fn others_rested(&self, proc: BorrowedFd<'_>, pid: u32) -> bool {
        let is_at_rest = |&(tid, before): &(u32, SchedStat)| {
            open(proc, pid, Some(tid)).and_then(figures).is_ok_and(|now| now == Some(before))
        };
        self.others.iter().all(is_at_rest)
    }
}

/// Three numbers of up to twenty digits.
fn figures(file: impl AsFd) -> Result<Option<SchedStat>> {
    let mut content = [0u8; 64];
    let length = pread(file, &mut content[..], 0)?;
    Ok(SchedStat::parse(&content[..length]))
}

/// Room for the longest path below `/proc`.
const PATH: usize = 48;

/// Opens the figures of a process, or of one of its threads.
fn open(proc: BorrowedFd<'_>, pid: u32, tid: Option<u32>) -> Result<OwnedFd> {
    let mut path = [0; PATH];
    let mut rest = &mut path[..];
    let written = match tid {
        None => write!(rest, "{pid}/schedstat\0"),
        Some(tid) => write!(rest, "{pid}/task/{tid}/schedstat\0"),
    };
    written.expect("two numbers of ten digits leave room");
    let name = CStr::from_bytes_until_nul(&path).expect("it was written with its end");
    openat(proc, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}
