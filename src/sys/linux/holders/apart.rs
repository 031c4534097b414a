//! What a process holds apart from the descriptors that its first thread has: direct
//! descriptors of an io_uring, to which no number refers, and tables that threads have for
//! themselves (`unshare(CLONE_FILES)`).

use std::cmp::Ordering;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, RawDir, statat};
use rustix::io::Result;

use super::super::proc::{self, Decimal};
use super::descriptors::{Apart, Descriptors, Target, look_up};
use super::sharing::kcmp;
use crate::model::owner::Through;
use crate::wire::procfs;

/// The kernel leaves a ring's files out while the ring is in use; so often it is asked again.
const ATTEMPTS: u32 = 3;

/// Adds what is held apart to the descriptors of a process that were `found`. How many
/// `threads` it has need not be asked where it is known.
pub(super) fn complete(pid: u32, process: &OwnedFd, found: &mut Descriptors, threads: Option<u64>) {
    found.apart.clear();
    found.thread = None;
    if found.refusal.is_some() {
        return;
    }
    let threads = threads.unwrap_or_else(|| count_threads(process));
    let living = if threads > 1 { proc::living_thread(process) } else { None };
    found.thread = living.as_ref().map(|(tid, _)| *tid);
    let at = living.as_ref().map_or(process.as_fd(), |(_, thread)| thread.as_fd());
    for &fd in &found.rings {
        found.apart.extend(in_ring(at, fd).unwrap_or_default());
    }
    if threads > 1 {
        let first = found.thread.unwrap_or(pid);
        found.apart.extend(of_threads(process, first).unwrap_or_default());
    }
}

/// A directory has a link for each that is in it, and two more.
fn count_threads(process: &OwnedFd) -> u64 {
    statat(process, c"task", AtFlags::empty()).map_or(0, |stat| stat.st_nlink.saturating_sub(2))
}

/// The sockets in the file table of the io_uring that is at this descriptor.
pub(super) fn in_ring(process: impl AsFd, fd: i32) -> Result<Vec<Apart>> {
    let infos = proc::open_dir(process, c"fdinfo")?;
    let mut content = Vec::new();
    for _ in 0..ATTEMPTS {
        proc::read_file(&infos, Decimal::new(fd as u32).as_c_str(), &mut content)?;
        if content.windows(10).any(|text| text == b"UserFiles:") {
            let held = procfs::ring_sockets(&content).into_iter();
            return Ok(held.map(|held| Apart::of_ring(fd, held)).collect());
        }
    }
    Ok(Vec::new())
}

/// The sockets in tables of threads that do not share the one of the thread `first`. Each table
/// is read once.
fn of_threads(process: &OwnedFd, first: u32) -> Result<Vec<Apart>> {
    let tasks = proc::open_dir(process, c"task")?;
    let mut held = Vec::new();
    let mut tables = vec![first];
    for tid in proc::threads_in(&tasks)? {
        let shares =
            |table: &u32| !matches!(kcmp(*table, tid), Some(Ordering::Less | Ordering::Greater));
        if tid == first || tables.iter().any(shares) {
            continue;
        }
        tables.push(tid);
        // One that ends meanwhile holds nothing.
        if let Ok(thread) = proc::open_dir(&tasks, Decimal::new(tid).as_c_str()) {
            held.extend(of_thread(&thread, tid).unwrap_or_default());
        }
    }
    Ok(held)
}

fn of_thread(thread: &OwnedFd, tid: u32) -> Result<Vec<Apart>> {
    let directory = proc::open_dir(thread, c"fd")?;
    let mut buffer = Vec::with_capacity(4 * 1024);
    let mut entries = RawDir::new(&directory, buffer.spare_capacity_mut());
    let mut held = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let number = procfs::number(entry.file_name().to_bytes());
        let Some(fd) = number.and_then(|fd| i32::try_from(fd).ok()) else { continue };
        match look_up(directory.as_fd(), entry.file_name()) {
            Ok(Target::Socket(inode)) => {
                held.push(Apart { inode, through: Through::Thread { tid }, fd });
            }
            Ok(Target::Ring) => held.extend(in_ring(thread, fd).unwrap_or_default()),
            _ => {}
        }
    }
    Ok(held)
}
