//! What is known of a process's descriptors.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use jiff::Timestamp;
use rustix::io::{Errno, Result};

use super::super::proc;
use super::idle::RunRecord;
use crate::model::join::Holding;
use crate::model::owner::{ProcessKey, Through};
use crate::wire::procfs;

/// A process that holds at least one socket, as it was when its descriptors were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Holder {
    /// Identity.
    pub(in super::super) key: ProcessKey,
    /// Short name, uncleaned.
    pub(in super::super) name: Box<str>,
    /// Parent.
    pub(in super::super) ppid: u32,
}

/// A descriptor that refers to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) fd: i32,
    pub(super) inode: u64,
    /// How many listings in a row did not have this socket.
    pub(super) unlisted: u8,
}

/// What a process had open when it was last looked at.
#[derive(Debug, Default)]
pub(super) struct Descriptors {
    /// Who it is; in a single scan only read for a process with sockets.
    pub(super) holder: Option<Holder>,
    /// Sockets, by descriptor.
    pub(super) sockets: Vec<Held>,
    /// Descriptors of anything else, ascending.
    pub(super) others: Vec<i32>,
    /// Those of the others that are io_uring instances.
    pub(super) rings: Vec<i32>,
    /// Sockets that no descriptor in there refers to, or not in the table that is listed.
    pub(super) apart: Vec<Apart>,
    /// The thread whose table `sockets` is, if it is not that of the first.
    pub(super) thread: Option<u32>,
    /// Why not all could be read.
    pub(super) refusal: Option<Errno>,
    /// When all of them were looked up.
    pub(super) read_at: Timestamp,
    /// Whether it lives in the kernel only: such a thread has no descriptors.
    pub(super) is_kernel_thread: bool,
    /// What tells whether it ran since.
    pub(super) record: RunRecord,
}

impl Descriptors {
    /// Whether it stays true for as long as the process does not run. Our own want of files is
    /// not the process's doing.
    pub(super) fn is_lasting(&self) -> bool {
        // Whoever shares a ring changes what it holds.
        self.rings.is_empty() && matches!(self.refusal, None | Some(Errno::ACCESS | Errno::PERM))
    }

    /// Whether any of these inodes, ascending, is held.
    pub(super) fn holds_any(&self, inodes: &[u64]) -> bool {
        let mut held = self.sockets.iter().map(|held| held.inode);
        let mut apart = self.apart.iter().map(|apart| apart.inode);
        let is_one = |inode| inodes.binary_search(&inode).is_ok();
        !inodes.is_empty() && (held.any(is_one) || apart.any(is_one))
    }

    /// Whether any socket is held at all.
    pub(super) fn holds_sockets(&self) -> bool {
        !(self.sockets.is_empty() && self.apart.is_empty())
    }

    /// What is held, by the `process` with this index.
    pub(super) fn holdings(&self, process: u32) -> impl Iterator<Item = Holding> {
        let through = self.thread.map_or(Through::Descriptor, |tid| Through::Thread { tid });
        let held = self.sockets.iter().map(move |held| Holding {
            cookie: 0,
            inode: held.inode,
            process,
            through,
            fd: held.fd,
        });
        held.chain(self.apart.iter().map(move |apart| apart.holding(process)))
    }

    /// How many descriptors there are.
    pub(super) fn len(&self) -> usize {
        self.sockets.len() + self.others.len()
    }

    /// What is remembered of `fd`: `Some(None)` for something else than a socket.
    pub(super) fn remembered(&self, fd: i32) -> Option<Option<Held>> {
        if let Ok(at) = self.sockets.binary_search_by_key(&fd, |held| held.fd) {
            return Some(Some(self.sockets[at]));
        }
        self.others.binary_search(&fd).is_ok().then_some(None)
    }

    pub(super) fn push(&mut self, fd: i32, target: Target) {
        match target {
            Target::Socket(inode) => self.sockets.push(Held { fd, inode, unlisted: 0 }),
            Target::Ring => {
                self.rings.push(fd);
                self.others.push(fd);
            }
            Target::Other => self.others.push(fd),
        }
    }

    /// The kernel lists descriptors in ascending order; nothing here depends on it.
    pub(super) fn sort(&mut self) {
        self.sockets.sort_unstable_by_key(|held| held.fd);
        self.others.sort_unstable();
    }
}

/// A socket, and where it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Apart {
    pub(super) inode: u64,
    pub(super) through: Through,
    /// The descriptor in a thread's table.
    pub(super) fd: i32,
}

impl Apart {
    /// It as held by the `process` with this index.
    pub(super) fn holding(&self, process: u32) -> Holding {
        let Self { inode, through, fd } = *self;
        Holding { inode, cookie: 0, process, through, fd }
    }

    pub(super) fn of_ring(fd: i32, (slot, inode): (u32, u64)) -> Self {
        Self { inode, through: Through::IoUring { fd, slot }, fd: -1 }
    }
}

/// What a descriptor refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The socket with this inode.
    Socket(u64),
    /// An io_uring, which may hold sockets of its own.
    Ring,
    Other,
}

/// Looks up what a descriptor refers to.
pub(super) fn look_up(directory: BorrowedFd<'_>, name: &CStr) -> Result<Target> {
    let mut target = [MaybeUninit::uninit(); 32];
    let target = proc::read_link(directory, name, &mut target)?;
    Ok(match procfs::socket_inode(target) {
        Some(inode) => Target::Socket(inode),
        None if target == b"anon_inode:[io_uring]" => Target::Ring,
        None => Target::Other,
    })
}
