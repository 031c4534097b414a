//! Reading `/proc` relative to an open directory: what is read belongs to one process, even
//! if its pid comes back meanwhile.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat_raw};
use rustix::io::{Errno, Result, read};

/// Opens `/proc`.
pub(super) fn open() -> super::super::Result<OwnedFd> {
    open_dir(CWD, c"/proc").map_err(|errno| super::super::Error::os("open /proc", errno))
}

/// Opens a directory below `parent`.
pub(super) fn open_dir(parent: impl AsFd, name: &CStr) -> Result<OwnedFd> {
    openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
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
