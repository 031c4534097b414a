//! The three commands of bpf(2) that a program without maps needs.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::{Errno, Result};

// Of linux/bpf.h: enum bpf_cmd, bpf_prog_type and bpf_attach_type.
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_ITER_CREATE: libc::c_long = 33;
const BPF_PROG_TYPE_TRACING: u32 = 26;
const BPF_TRACE_ITER: u32 = 28;

/// `BPF_OBJ_NAME_LEN`.
const NAME: usize = 16;

/// The attributes of BPF_PROG_LOAD, as far as they are used: `union bpf_attr`.
#[derive(Default)]
#[repr(C)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; NAME],
    prog_ifindex: u32,
    expected_attach_type: u32,
    prog_btf_fd: u32,
    func_info_rec_size: u32,
    func_info: u64,
    func_info_cnt: u32,
    line_info_rec_size: u32,
    line_info: u64,
    line_info_cnt: u32,
    attach_btf_id: u32,
}

#[derive(Default)]
#[repr(C)]
struct Link {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
}

#[derive(Default)]
#[repr(C)]
struct Iterate {
    link_fd: u32,
    flags: u32,
}

/// Loads an iterator: instructions of eight bytes, and the number of the kernel's function that
/// says what it iterates over. What the verifier says about it is
/// written to `log`, if there is room.
pub(super) fn load_iterator(
    name: &str,
    instructions: &[u8],
    license: &CStr,
    over: u32,
    log: &mut [u8],
) -> Result<OwnedFd> {
    let mut load = Load {
        prog_type: BPF_PROG_TYPE_TRACING,
        insn_cnt: u32::try_from(instructions.len() / 8).unwrap_or(u32::MAX),
        insns: instructions.as_ptr() as u64,
        license: license.as_ptr() as u64,
        expected_attach_type: BPF_TRACE_ITER,
        attach_btf_id: over,
        ..Load::default()
    };
    let length = name.len().min(NAME - 1);
    load.prog_name[..length].copy_from_slice(&name.as_bytes()[..length]);
    if !log.is_empty() {
        (load.log_level, load.log_size) = (1, u32::try_from(log.len()).unwrap_or(0));
        load.log_buf = log.as_mut_ptr() as u64;
    }
    // SAFETY: the instructions, the licence and the log outlive the call, which reads and writes
    // no more than the lengths beside them.
    unsafe { bpf(BPF_PROG_LOAD, &load) }
}

/// Attaches an iterator.
pub(super) fn link(program: &OwnedFd) -> Result<OwnedFd> {
    let link =
        Link { prog_fd: raw(program.as_fd()), attach_type: BPF_TRACE_ITER, ..Link::default() };
    // SAFETY: there are no pointers in there.
    unsafe { bpf(BPF_LINK_CREATE, &link) }
}

/// A file of which everything that the iterator tells can be read once.
pub(super) fn iterate(link: &OwnedFd) -> Result<OwnedFd> {
    let iterate = Iterate { link_fd: raw(link.as_fd()), flags: 0 };
    // SAFETY: there are no pointers in there.
    unsafe { bpf(BPF_ITER_CREATE, &iterate) }
}

fn raw(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd() as u32
}

/// # Safety
///
/// `attributes` must be those of this command, which must return a descriptor.
unsafe fn bpf<T>(command: libc::c_long, attributes: &T) -> Result<OwnedFd> {
    // SAFETY: the attributes are as long as is said; what they point at is the caller's care.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    match RawFd::try_from(fd) {
        // SAFETY: the kernel has just made it for us.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(std::io::Error::last_os_error()
            .raw_os_error()
            .map_or(Errno::IO, Errno::from_raw_os_error)),
    }
}
