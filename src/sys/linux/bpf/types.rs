//! The kernel's description of its own types (BTF), some megabytes.

use std::fs::File;
use std::ops::Deref;
use std::ptr::{self, NonNull};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Where the kernel has it, if it was built with it.
const FILE: &str = "/sys/kernel/btf/vmlinux";

/// Those types, for as long as they are looked at.
#[derive(Debug)]
pub(in super::super) enum Types {
    /// As the kernel holds them, without a copy (Linux 6.16).
    Mapped(NonNull<u8>, usize),
    /// Read, which takes a call for each page.
    Read(Vec<u8>),
}

impl Types {
    /// Takes them from the kernel that runs; `None` where it does not tell them.
    pub(super) fn of_this_kernel() -> Option<Self> {
        let file = File::open(FILE).ok()?;
        let length = file.metadata().ok()?.len() as usize;
        // SAFETY: the range is a new one, of the file's length.
        let mapped =
            unsafe { mmap(ptr::null_mut(), length, ProtFlags::READ, MapFlags::PRIVATE, &file, 0) };
        match mapped.ok().and_then(|start| NonNull::new(start.cast())) {
            Some(start) => Some(Self::Mapped(start, length)),
            None => std::fs::read(FILE).ok().map(Self::Read),
        }
    }
}

impl Deref for Types {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            // SAFETY: the range is mapped until this is dropped, and the kernel never changes it.
            Self::Mapped(start, length) => unsafe {
                std::slice::from_raw_parts(start.as_ptr(), *length)
            },
            Self::Read(bytes) => bytes,
        }
    }
}

impl Drop for Types {
    fn drop(&mut self) {
        if let Self::Mapped(start, length) = *self {
            // SAFETY: the range is the one that mmap gave, and nothing borrows from it any more.
            let _ = unsafe { munmap(start.as_ptr().cast(), length) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_the_file() {
        match (Types::of_this_kernel(), std::fs::read(FILE)) {
            (Some(types), Ok(read)) => assert!(*types == *read),
            (None, Err(_)) => {}
            (types, read) => panic!("{} against {}", types.is_some(), read.is_ok()),
        }
    }
}
