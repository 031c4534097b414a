//! Reading `/proc` relative to an open directory: what is read belongs to one process, even
//! if its pid comes back meanwhile.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, fstat, openat, readlinkat_raw, statat};
use rustix::io::{Errno, Result, read};

use crate::sys::error::{self, Error};
use crate::wire::procfs::{Stat, number};

/// Opens `/proc`.
pub(super) fn open() -> error::Result<OwnedFd> {
    open_dir(CWD, c"/proc").map_err(|errno| Error::os("open /proc", errno))
}

/// Every process id in `/proc`, ascending.
pub(super) fn pids(proc: &OwnedFd) -> error::Result<Vec<u32>> {
    let failed = |errno| Error::os("list the processes in /proc", errno);
    // A directory is read once: each listing needs an open file of its own.
    let directory = open_dir(proc, c".").map_err(failed)?;
    let mut buffer = Vec::with_capacity(32 * 1024);
    let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
    let mut pids = Vec::with_capacity(256);
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(failed)?;
        let pid = number(entry.file_name().to_bytes());
        pids.extend(pid.and_then(|pid| u32::try_from(pid).ok()));
    }
    pids.sort_unstable();
    Ok(pids)
}

/// Opens a directory below `parent`.
pub(super) fn open_dir(parent: impl AsFd, name: &CStr) -> Result<OwnedFd> {
    openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Opens the descriptors of a process. Once its first thread has ended, the `fd` of the process
/// is empty or refused; a thread that lives on tells them then.
pub(super) fn open_descriptors(process: &OwnedFd) -> Result<OwnedFd> {
    let of_first = open_dir(process, c"fd");
    // The size is the number of descriptors; before Linux 6.2 it is always 0.
    if of_first.as_ref().is_ok_and(|opened| fstat(opened).is_ok_and(|stat| stat.st_size > 0)) {
        return of_first;
    }
    match living_thread(process) {
        Some((_, thread)) => open_dir(&thread, c"fd").or(of_first),
        None => of_first,
    }
}

/// A thread of this process and its directory when the first one has ended and others live.
pub(super) fn living_thread(process: impl AsFd) -> Option<(u32, OwnedFd)> {
    // The directory has a link for each thread, and two more.
    let threads =
        statat(process.as_fd(), c"task", AtFlags::empty()).ok()?.st_nlink.saturating_sub(2);
    if threads < 2 || !has_ended(process.as_fd()) {
        return None;
    }
    let tasks = open_dir(process.as_fd(), c"task").ok()?;
    let mut threads = threads_in(&tasks).ok()?.into_iter();
    threads.find_map(|tid| {
        let thread = open_dir(&tasks, Decimal::new(tid).as_c_str()).ok();
        Some((tid, thread.filter(|thread| !has_ended(thread))?))
    })
}

/// Whether the thread that this directory is of has ended, or is no more to be seen.
fn has_ended(thread: impl AsFd) -> bool {
    let mut content = Vec::new();
    let read = read_file(thread, c"stat", &mut content);
    read.is_err() || Stat::parse(&content).is_none_or(|stat| stat.ended)
}

/// The threads in an open `/proc/PID/task`.
pub(super) fn threads_in(tasks: &OwnedFd) -> Result<Vec<u32>> {
    let mut buffer = Vec::with_capacity(4 * 1024);
    let mut entries = RawDir::new(tasks, buffer.spare_capacity_mut());
    let mut threads = Vec::new();
    while let Some(entry) = entries.next() {
        let tid = number(entry?.file_name().to_bytes());
        threads.extend(tid.and_then(|tid| u32::try_from(tid).ok()));
    }
    Ok(threads)
}

/// Opens a file below `parent` for reading.
pub(super) fn open_file(parent: impl AsFd, name: &CStr) -> Result<OwnedFd> {
    openat(parent, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// Reads a whole file below `directory` into `content`, replacing what was there.
pub(super) fn read_file(directory: impl AsFd, name: &CStr, content: &mut Vec<u8>) -> Result<()> {
    content.clear();
    let file = open_file(directory, name)?;
    loop {
        content.reserve(4096);
        match read(&file, rustix::buffer::spare_capacity(content)) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// The target of a symbolic link, as much of it as fits.
pub(super) fn read_link<'a>(
    directory: BorrowedFd<'_>,
    name: &CStr,
    buffer: &'a mut [MaybeUninit<u8>],
) -> Result<&'a [u8]> {
    let (target, _) = readlinkat_raw(directory, name, buffer)?;
    Ok(target)
}

/// A number as the name of a file, without allocation.
pub(super) struct Decimal {
    digits: [u8; 12],
    start: usize,
}

impl Decimal {
    /// Writes the number.
    pub(super) fn new(mut number: u32) -> Self {
        let mut digits = [0; 12];
        let mut start = digits.len() - 1;
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return Self { digits, start };
            }
        }
    }

    /// The number as a C string.
    pub(super) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.digits[self.start..])
            .expect("the last byte is the only NUL: digits stand before it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_names() {
        for number in [0, 7, 10, 812, u32::MAX] {
            assert_eq!(Decimal::new(number).as_c_str().to_str().unwrap(), number.to_string());
        }
    }

    #[test]
    fn a_file_is_read_whole() {
        let proc = open().unwrap();
        let mut content = vec![1, 2, 3];
        read_file(&proc, c"self/stat", &mut content).unwrap();
        assert_eq!(
            content,
            std::fs::read(format!("/proc/{}/stat", std::process::id()))
                .map(|_| content.clone())
                .unwrap()
        );
        assert!(content.ends_with(b"\n"));
    }
}
