//! The descriptors of one process.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use jiff::Timestamp;
use rustix::fs::{RawDir, fstat};
use rustix::io::{Errno, Result};

use super::super::proc::{self, Decimal};
use super::apart;
use super::descriptors::{Descriptors, Held, Holder, Target, look_up};
use super::idle::{RunRecord, Watch};
use crate::model::owner::ProcessKey;
use crate::wire::procfs;

/// Reads processes one after the other, with buffers that are used again.
#[derive(Debug)]
pub(super) struct Reader<'proc> {
    proc: BorrowedFd<'proc>,
    entries: Vec<u8>,
    content: Vec<u8>,
}

impl<'proc> Reader<'proc> {
    /// A reader of this open `/proc`.
    pub(super) fn new(proc: BorrowedFd<'proc>) -> Self {
        Self { proc, entries: Vec::with_capacity(64 * 1024), content: Vec::new() }
    }

    /// The numbers of a process's descriptors.
    pub(super) fn numbers(&mut self, pid: u32) -> Result<Vec<i32>> {
        let process = proc::open_dir(self.proc, Decimal::new(pid).as_c_str())?;
        let directory = proc::open_dir(&process, c"fd")?;
        let mut numbers = Vec::new();
        let mut entries = RawDir::new(&directory, self.entries.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            numbers.extend(descriptor(entry?.file_name()));
        }
        Ok(numbers)
    }

    /// Reads all of a process, once. Its descriptors need not be listed if they still have
    /// these `numbers`. An error when nothing can be said of it; a refusal is part of the
    /// answer.
    pub(super) fn read(&mut self, pid: u32, numbers: Vec<i32>) -> Result<Descriptors> {
        let process = proc::open_dir(self.proc, Decimal::new(pid).as_c_str())?;
        let known = Descriptors { others: numbers, ..Descriptors::default() };
        let mut found = self.look_up_all(&process, &known)?;
        apart::complete(pid, &process, &mut found, None);
        if found.holds_sockets() {
            found.holder = Some(holder(pid, &self.stat(&process)?));
        }
        Ok(found)
    }

    /// Reads all of a process, so that `watch` can tell later whether it ran since. What was
    /// `known` of it spares the listing when its descriptors still have the same numbers.
    pub(super) fn read_watched(
        &mut self,
        pid: u32,
        mut known: Descriptors,
        watch: &mut Watch,
    ) -> Result<Descriptors> {
        let mut record = std::mem::take(&mut known.record);
        let found = self.testify(pid, known.len(), &mut record, watch).and_then(|process| {
            let stat = procfs::Stat::parse(&self.content).ok_or(Errno::SRCH)?;
            let (holder, is_kernel_thread) = (holder(pid, &stat), stat.kernel_thread);
            let threads = stat.threads;
            let mut found = match is_kernel_thread {
                true => Descriptors::default(),
                false => self.look_up_all(&process, &known)?,
            };
            if !is_kernel_thread {
                apart::complete(pid, &process, &mut found, Some(threads));
            }
            Ok(Descriptors { holder: Some(holder), is_kernel_thread, ..found })
        });
        match found {
            Ok(found) => Ok(Descriptors { record, ..found }),
            Err(errno) => {
                watch.dismiss(record);
                Err(errno)
            }
        }
    }

    /// The descriptors of a process that are rings, and whether they could be read.
    pub(super) fn rings_of(process: &OwnedFd) -> Result<Descriptors> {
        let mut reader = Reader {
            proc: process.as_fd(),
            entries: Vec::with_capacity(8_192),
            content: Vec::new(),
        };
        reader.list(process, &Descriptors::default())
    }

    /// Opens a process after its figures were taken; its `stat` is in `content` then.
    fn testify(
        &mut self,
        pid: u32,
        descriptors: usize,
        record: &mut RunRecord,
        watch: &mut Watch,
    ) -> Result<OwnedFd> {
        let proof = watch.begin(self.proc, pid, record)?;
        let process = proc::open_dir(self.proc, Decimal::new(pid).as_c_str())?;
        let stat = self.stat(&process)?;
        let proof = proof.map(|proof| proof.complete(&process, pid, &stat, descriptors));
        record.keep(proof.transpose()?.flatten());
        Ok(process)
    }

    /// Reads again what may have changed: descriptors that are `suspect`, and where the number
    /// of descriptors changed, those that are new. The rest is as old as it was.
    pub(super) fn touch(
        &mut self,
        pid: u32,
        known: &mut Descriptors,
        suspect: impl Fn(&Held) -> bool,
    ) -> Result<()> {
        let process = proc::open_dir(self.proc, Decimal::new(pid).as_c_str())?;
        let now = holder(pid, &self.stat(&process)?);
        if known.holder.as_ref().is_none_or(|known| known.key != now.key) {
            return Err(Errno::SRCH);
        }
        known.holder = Some(now);
        let directory = proc::open_descriptors(&process)?;
        let is_as_many = count(&directory)? == known.len() as u64;
        if is_as_many
            && (!known.sockets.iter().any(&suspect) || reread(&directory, known, &suspect)?)
        {
            return Ok(());
        }
        let before = known.sockets.clone();
        known.sockets.retain(|held| !suspect(held));
        let found = self.list(&process, known)?;
        (known.sockets, known.others) = (found.sockets, found.others);
        known.rings.retain(|fd| known.others.binary_search(fd).is_ok());
        known.rings.extend(found.rings);
        for held in &mut known.sockets {
            let same = before.binary_search_by_key(&held.fd, |before| before.fd);
            let same = same.ok().map(|at| before[at]).filter(|before| before.inode == held.inode);
            held.unlisted = same.map_or(0, |before| before.unlisted);
        }
        known.refusal = found.refusal;
        Ok(())
    }

    /// Looks up every descriptor, by the numbers that are known as long as these are all.
    fn look_up_all(&mut self, process: &OwnedFd, known: &Descriptors) -> Result<Descriptors> {
        if known.len() > 0 && known.refusal.is_none() {
            let directory = proc::open_descriptors(process)?;
            if count(&directory)? == known.len() as u64
                && let Some(found) = look_up_known(&directory, known)?
            {
                return Ok(found);
            }
        }
        self.list(process, &Descriptors::default())
    }

    /// Lists the descriptors, and looks up those that are not `known`.
    fn list(&mut self, process: &OwnedFd, known: &Descriptors) -> Result<Descriptors> {
        let mut found = Descriptors { read_at: Timestamp::now(), ..Descriptors::default() };
        match proc::open_descriptors(process) {
            Ok(directory) => self.list_into(&mut found, &directory, known)?,
            Err(errno @ (Errno::NOENT | Errno::SRCH)) => return Err(errno),
            Err(errno) => found.refusal = Some(errno),
        }
        found.sort();
        Ok(found)
    }

    fn list_into(
        &mut self,
        found: &mut Descriptors,
        directory: &OwnedFd,
        known: &Descriptors,
    ) -> Result<()> {
        let mut entries = RawDir::new(directory, self.entries.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let Some(fd) = descriptor(entry.file_name()) else { continue };
            match known.remembered(fd) {
                Some(Some(held)) => found.sockets.push(held),
                Some(None) => found.others.push(fd),
                None => match look_up(directory.as_fd(), entry.file_name()) {
                    Ok(target) => found.push(fd, target),
                    // Closed since the directory was read.
                    Err(Errno::NOENT) => {}
                    // The others would be refused alike.
                    Err(errno @ (Errno::ACCESS | Errno::PERM)) => {
                        found.refusal = Some(errno);
                        return Ok(());
                    }
                    Err(errno) => return Err(errno),
                },
            }
        }
        Ok(())
    }

    /// Whether the process with this pid is this one.
    pub(super) fn is(&mut self, pid: u32, key: ProcessKey) -> bool {
        let process = proc::open_dir(self.proc, Decimal::new(pid).as_c_str());
        let stat = process.and_then(|process| self.stat(&process).map(|stat| stat.start_time));
        pid == key.pid && stat == Ok(key.start_time)
    }

    /// Reads our own descriptors, of which `files` are known to be files.
    pub(super) fn read_own(&mut self, files: Vec<RawFd>) -> Result<Descriptors> {
        let pid = std::process::id();
        let process = proc::open_dir(self.proc, Decimal::new(pid).as_c_str())?;
        let found =
            self.list(&process, &Descriptors { others: files, ..Descriptors::default() })?;
        let holder = Some(holder(pid, &self.stat(&process)?));
        Ok(Descriptors { holder, ..found })
    }

    fn stat(&mut self, process: &OwnedFd) -> Result<procfs::Stat<'_>> {
        proc::read_file(process, c"stat", &mut self.content)?;
        procfs::Stat::parse(&self.content).ok_or(Errno::SRCH)
    }
}

fn holder(pid: u32, stat: &procfs::Stat<'_>) -> Holder {
    Holder {
        key: ProcessKey { pid, start_time: stat.start_time },
        name: String::from_utf8_lossy(stat.name).into(),
        ppid: stat.ppid,
    }
}

/// Whether the process that this directory is of holds a socket apart from its descriptors.
pub(in super::super) fn held_apart(pid: u32, process: &OwnedFd, inode: u64) -> Result<bool> {
    let mut found = Reader::rings_of(process)?;
    apart::complete(pid, process, &mut found, None);
    Ok(found.apart.iter().any(|apart| apart.inode == inode))
}

/// How many descriptors a process has: the size of its `fd` directory (Linux 6.2).
pub(super) fn count(directory: &OwnedFd) -> Result<u64> {
    Ok(fstat(directory)?.st_size as u64)
}

/// Looks up descriptors of known numbers, that is without listing them; `None` when one of
/// them is closed, so that the list is another one.
fn look_up_known(directory: &OwnedFd, known: &Descriptors) -> Result<Option<Descriptors>> {
    let mut found = Descriptors { read_at: Timestamp::now(), ..Descriptors::default() };
    found.sockets.reserve_exact(known.sockets.len());
    let sockets = known.sockets.iter().map(|held| (held.fd, Some(*held)));
    for (fd, held) in sockets.chain(known.others.iter().map(|&fd| (fd, None))) {
        match (look_up(directory.as_fd(), Decimal::new(fd as u32).as_c_str()), held) {
            (Ok(Target::Socket(inode)), Some(held)) if inode == held.inode => {
                found.sockets.push(held);
            }
            (Ok(target), _) => found.push(fd, target),
            (Err(Errno::NOENT), _) => return Ok(None),
            (Err(errno), _) => return Err(errno),
        }
    }
    found.sort();
    Ok(Some(found))
}

/// Looks up the suspects in place; `false` when one of them is closed.
fn reread(
    directory: &OwnedFd,
    known: &mut Descriptors,
    suspect: impl Fn(&Held) -> bool,
) -> Result<bool> {
    let (suspects, mut settled): (Vec<Held>, Vec<Held>) =
        known.sockets.iter().copied().partition(|held| suspect(held));
    let mut others = Vec::new();
    for held in suspects {
        match look_up(directory.as_fd(), Decimal::new(held.fd as u32).as_c_str()) {
            Ok(Target::Socket(inode)) if inode == held.inode => settled.push(held),
            Ok(Target::Socket(inode)) => settled.push(Held { inode, unlisted: 0, ..held }),
            Ok(Target::Ring | Target::Other) => others.push(held.fd),
            Err(Errno::NOENT) => return Ok(false),
            Err(errno) => return Err(errno),
        }
    }
    known.sockets = settled;
    known.others.extend(others);
    known.sort();
    Ok(true)
}

fn descriptor(name: &CStr) -> Option<i32> {
    procfs::number(name.to_bytes())?.try_into().ok()
}
