//! The descriptors of one process.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, RawDir, statat};
use rustix::io::{Errno, Result};

use super::super::proc::{self, Decimal};
use super::Holder;
use crate::model::owner::ProcessKey;
use crate::wire::procfs;

/// A descriptor that refers to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) fd: i32,
    pub(super) inode: u64,
    /// How many listings in a row did not have this socket.
    pub(super) unlisted: u8,
}

/// What a process had open when it was last looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Descriptors {
    /// Who it is; only read for a process with sockets.
    pub(super) holder: Option<Holder>,
    /// Sockets, by descriptor.
    pub(super) sockets: Vec<Held>,
    /// Descriptors of anything else, ascending.
    pub(super) others: Vec<i32>,
    /// Why not all could be read.
    pub(super) refusal: Option<Errno>,
}

impl Descriptors {
    /// How many descriptors there are.
    pub(super) fn len(&self) -> usize {
        self.sockets.len() + self.others.len()
    }

    /// What is remembered of `fd`: `Some(None)` for something else than a socket.
    fn remembered(&self, fd: i32) -> Option<Option<Held>> {
        if let Ok(at) = self.sockets.binary_search_by_key(&fd, |held| held.fd) {
            return Some(Some(self.sockets[at]));
        }
        self.others.binary_search(&fd).is_ok().then_some(None)
    }

    fn push(&mut self, fd: i32, inode: Option<u64>) {
        match inode {
            Some(inode) => self.sockets.push(Held { fd, inode, unlisted: 0 }),
            None => self.others.push(fd),
        }
    }

    /// The kernel lists descriptors in ascending order; nothing here depends on it.
    fn sort(&mut self) {
        self.sockets.sort_unstable_by_key(|held| held.fd);
        self.others.sort_unstable();
    }
}

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

    /// Reads all of a process. An error when nothing can be said of it; a refusal is part of
    /// the answer.
    pub(super) fn read(&mut self, pid: u32) -> Result<Descriptors> {
        self.list(pid, None)
    }

    /// Reads again what may have changed: descriptors that are `suspect`, and where the number
    /// of descriptors changed, those that are new.
    pub(super) fn refresh(
        &mut self,
        pid: u32,
        known: &mut Descriptors,
        suspect: impl Fn(&Held) -> bool,
    ) -> Result<()> {
        if known.refusal.is_some() {
            *known = self.read(pid)?;
            return Ok(());
        }
        let process = proc::open_dir(self.proc, Decimal::new(pid).as_c_str())?;
        let count = count(process.as_fd())?;
        if let Some(holder) = &mut known.holder {
            let now = self.identify(process.as_fd(), pid)?;
            if now.key != holder.key {
                *known = self.read(pid)?;
                return Ok(());
            }
            *holder = now;
        }
        let is_as_many = count == known.len() as u64;
        if is_as_many && !known.sockets.iter().any(&suspect) {
            return Ok(());
        }
        if !(is_as_many && reread(process.as_fd(), known, &suspect)?) {
            known.sockets.retain(|held| !suspect(held));
            *known = self.list(pid, Some(known))?;
        }
        Ok(())
    }

    /// Lists the descriptors, and looks up those that are not `known`.
    fn list(&mut self, pid: u32, known: Option<&Descriptors>) -> Result<Descriptors> {
        let process = proc::open_dir(self.proc, Decimal::new(pid).as_c_str())?;
        let mut found = Descriptors::default();
        match proc::open_dir(&process, c"fd") {
            Ok(directory) => self.list_into(&mut found, &directory, known)?,
            Err(errno @ (Errno::NOENT | Errno::SRCH)) => return Err(errno),
            Err(errno) => found.refusal = Some(errno),
        }
        found.sort();
        if !found.sockets.is_empty() {
            found.holder = Some(self.identify(process.as_fd(), pid)?);
        }
        Ok(found)
    }

    fn list_into(
        &mut self,
        found: &mut Descriptors,
        directory: &OwnedFd,
        known: Option<&Descriptors>,
    ) -> Result<()> {
        let mut entries = RawDir::new(directory, self.entries.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let Some(fd) = descriptor(entry.file_name()) else { continue };
            match known.and_then(|known| known.remembered(fd)) {
                Some(Some(held)) => found.sockets.push(held),
                Some(None) => found.others.push(fd),
                None => match look_up(directory.as_fd(), entry.file_name()) {
                    Ok(inode) => found.push(fd, inode),
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

    fn identify(&mut self, process: BorrowedFd<'_>, pid: u32) -> Result<Holder> {
        proc::read_file(process, c"stat", &mut self.content)?;
        let stat = procfs::Stat::parse(&self.content).ok_or(Errno::SRCH)?;
        Ok(Holder {
            key: ProcessKey { pid, start_time: stat.start_time },
            name: String::from_utf8_lossy(stat.name).into(),
            ppid: stat.ppid,
        })
    }
}

/// How many descriptors a process has: the size of its `fd` directory (Linux 6.2).
pub(super) fn count(process: BorrowedFd<'_>) -> Result<u64> {
    Ok(statat(process, c"fd", AtFlags::empty())?.st_size as u64)
}

/// Looks up the suspects in place; `false` when one of them is closed, so that the list as a
/// whole is another one.
fn reread(
    process: BorrowedFd<'_>,
    known: &mut Descriptors,
    suspect: impl Fn(&Held) -> bool,
) -> Result<bool> {
    let directory = proc::open_dir(process, c"fd")?;
    let (suspects, mut settled): (Vec<Held>, Vec<Held>) =
        known.sockets.iter().copied().partition(|held| suspect(held));
    let mut others = Vec::new();
    for held in suspects {
        match look_up(directory.as_fd(), Decimal::new(held.fd as u32).as_c_str()) {
            Ok(Some(inode)) if inode == held.inode => settled.push(held),
            Ok(Some(inode)) => settled.push(Held { inode, unlisted: 0, ..held }),
            Ok(None) => others.push(held.fd),
            Err(Errno::NOENT) => return Ok(false),
            Err(errno) => return Err(errno),
        }
    }
    known.sockets = settled;
    known.others.extend(others);
    known.sort();
    Ok(true)
}

/// The inode of the socket that a descriptor refers to; `None` when it is something else.
fn look_up(directory: BorrowedFd<'_>, name: &CStr) -> Result<Option<u64>> {
    let mut target = [MaybeUninit::uninit(); 32];
    Ok(procfs::socket_inode(proc::read_link(directory, name, &mut target)?))
}

fn descriptor(name: &CStr) -> Option<i32> {
    procfs::number(name.to_bytes())?.try_into().ok()
}
