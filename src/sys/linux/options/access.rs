//! The ways to another process's socket: a duplicate of its descriptor, and what may be asked of
//! that. See [`super`] for why it is held for so short.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::io::Errno;
use rustix::net::{SocketAddrAny, SocketAddrUnix};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::super::proc::{self, Decimal};
use crate::model::socket::Endpoint;
use crate::sys::error::{Error, Result};
use crate::sys::portable::options::{Meant, SocketKind};

/// No buffer is larger, whatever is wanted.
pub(super) const MAX_LENGTH: usize = 4096;

/// What takes something away, makes something, tells a key, or counts its buffer in other
/// units than bytes, so that the kernel would write past its end (SO_GET_FILTER). The
/// catalogue does not ask for these; this list makes sure of it.
pub(super) const NEVER_READ: [(i32, i32); 11] = [
    (libc::SOL_SOCKET, libc::SO_ERROR),
    (libc::SOL_SOCKET, libc::SO_GET_FILTER),
    (libc::SOL_SOCKET, libc::SO_PEERPIDFD),
    (libc::IPPROTO_TCP, libc::TCP_MD5SIG),
    (libc::IPPROTO_TCP, libc::TCP_SAVED_SYN),
    (libc::IPPROTO_TCP, libc::TCP_FASTOPEN_KEY),
    (libc::IPPROTO_TCP, libc::TCP_ZEROCOPY_RECEIVE),
    (libc::IPPROTO_TCP, TCP_AO_GET_KEYS),
    (libc::SOL_PACKET, libc::PACKET_STATISTICS),
    // TLS_TX and TLS_RX.
    (libc::SOL_TLS, 1),
    (libc::SOL_TLS, 2),
];

/// A descriptor of one thread and not of its process (linux/pidfd.h).
const PIDFD_THREAD: PidfdFlags = PidfdFlags::from_bits_retain(libc::O_EXCL as u32);

/// linux/tcp.h since 6.7.
const TCP_AO_GET_KEYS: i32 = 41;

/// Whether the catalogue's numbers of SOL_SOCKET are this machine's.
const GENERIC_NUMBERS: bool = !cfg!(any(
    target_arch = "mips",
    target_arch = "mips64",
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "sparc",
    target_arch = "sparc64",
));

/// A duplicate of a descriptor of a process, or of the thread with that id.
pub(super) fn duplicate(
    process: &OwnedFd,
    pid: u32,
    fd: i32,
) -> std::result::Result<OwnedFd, Errno> {
    match pidfd_getfd(process, fd, PidfdGetfdFlags::empty()) {
        // Its first thread has ended; a thread that lives on has the table.
        Err(Errno::SRCH) => match living_thread(pid) {
            Some(thread) => pidfd_getfd(&thread, fd, PidfdGetfdFlags::empty()),
            None => Err(Errno::SRCH),
        },
        duplicate => duplicate,
    }
}

pub(super) fn is_meant(meant: Meant, cookie: Option<u64>, inode: u64) -> bool {
    // An MPTCP socket may have the cookie of its listener, and its subflows have its inode.
    let is_same = |meant: Option<u64>, found: Option<u64>| match (meant, found) {
        (Some(meant), Some(found)) => meant == found,
        _ => true,
    };
    is_same(meant.cookie, cookie) && is_same(meant.inode, Some(inode))
}

/// The inode in a link of `/proc/PID/fd` to a socket: `socket:[1234]`.
pub(in super::super) fn inode_of_link(link: &OsStr) -> Option<u64> {
    let number = link.as_bytes().strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

pub(super) fn open_process(pid: u32) -> Result<OwnedFd> {
    let gone = || Error::Gone { what: format!("process {pid}") };
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(gone)?;
    let opened = match pidfd_open(raw, PidfdFlags::empty()) {
        // The number of a thread that is not its process's first: EINVAL as pidfd_open(2) has it,
        // ENOENT since Linux 6.15.
        Err(Errno::INVAL | Errno::NOENT) => pidfd_open(raw, PIDFD_THREAD),
        opened => opened,
    };
    opened.map_err(|errno| match errno {
        // Before Linux 6.9.
        Errno::INVAL => gone(),
        errno => refused(errno, format!("process {pid}")),
    })
}

/// A thread of a process whose first one has ended.
fn living_thread(pid: u32) -> Option<OwnedFd> {
    let proc = proc::open().ok()?;
    let process = proc::open_dir(&proc, Decimal::new(pid).as_c_str()).ok()?;
    let (tid, _) = proc::living_thread(&process)?;
    pidfd_open(Pid::from_raw(i32::try_from(tid).ok()?)?, PIDFD_THREAD).ok()
}

/// What an error number means when a process was asked for `what`.
pub(in super::super) fn refused(errno: Errno, what: String) -> Error {
    match errno {
        Errno::SRCH | Errno::NOENT | Errno::BADF => Error::Gone { what },
        Errno::PERM | Errno::ACCESS => Error::not_permitted(format!("look at {what}"), remedy()),
        Errno::NOSYS => Error::unsupported(format!("a look at {what}"), "it needs Linux 5.6"),
        _ => Error::os(format!("look at {what}"), errno),
    }
}

/// What would permit a duplicate, as this machine is set up.
fn remedy() -> String {
    let root = "run sockpit as root or with CAP_SYS_PTRACE";
    let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    match scope.as_deref().map(str::trim) {
        Ok("0") | Err(_) => format!("{root}, or as the user of that process"),
        Ok(scope) => format!("{root} (kernel.yama.ptrace_scope is {scope})"),
    }
}

pub(super) fn require_generic_numbers() -> Result<()> {
    if GENERIC_NUMBERS {
        return Ok(());
    }
    let why = "this architecture numbers them in its own way";
    Err(Error::unsupported("reading socket options", why))
}

pub(super) fn kind_of(socket: BorrowedFd<'_>) -> std::result::Result<SocketKind, Errno> {
    let int = |number| {
        let mut value = [0; 4];
        get_option(socket, libc::SOL_SOCKET, number, &mut value)?;
        Ok::<_, Errno>(i32::from_ne_bytes(value))
    };
    Ok(SocketKind {
        domain: int(libc::SO_DOMAIN)?,
        r#type: int(libc::SO_TYPE)?,
        protocol: int(libc::SO_PROTOCOL)?,
    })
}

/// A 64-bit option of SOL_SOCKET; `None` where the kernel is too old for it.
pub(super) fn number_of(socket: BorrowedFd<'_>, number: i32) -> Option<u64> {
    let mut value = [0; 8];
    let length = get_option(socket, libc::SOL_SOCKET, number, &mut value).ok()?.len();
    (length == 8).then(|| u64::from_ne_bytes(value))
}

/// getsockopt(2): the part of `buffer` that the kernel filled.
pub(super) fn get_option<'a>(
    socket: BorrowedFd<'_>,
    level: i32,
    number: i32,
    buffer: &'a mut [u8],
) -> std::result::Result<&'a [u8], Errno> {
    if NEVER_READ.contains(&(level, number)) {
        return Err(Errno::NOPROTOOPT);
    }
    buffer.fill(0);
    let mut length = libc::socklen_t::try_from(buffer.len()).unwrap_or(libc::socklen_t::MAX);
    let start = buffer.as_mut_ptr().cast();
    // SAFETY: `start` points to at least `length` writable bytes, of which the kernel writes
    // at most that many (options that count otherwise were refused above), and the descriptor
    // is open for as long as it is borrowed.
    let result = unsafe { libc::getsockopt(socket.as_raw_fd(), level, number, start, &mut length) };
    if result != 0 {
        let error = io::Error::last_os_error();
        return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO));
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(buffer.len());
    Ok(&buffer[..length])
}

pub(super) fn endpoint(addr: SocketAddrAny) -> Option<Endpoint> {
    if let Ok(ip) = std::net::SocketAddr::try_from(addr.clone()) {
        return Some(Endpoint::from(ip));
    }
    let unix = SocketAddrUnix::try_from(addr).ok()?;
    let name = match (unix.path_bytes(), unix.abstract_name()) {
        (Some(path), _) => String::from_utf8_lossy(path).into_owned(),
        (None, Some(name)) if !name.is_empty() => format!("@{}", String::from_utf8_lossy(name)),
        _ => return Some(Endpoint::default()),
    };
    Some(Endpoint::unix(name))
}
