//! Options of another process's socket, by a duplicate of its descriptor (pidfd_getfd(2)).
//!
//! The duplicate shares the open file description with its owner. So nothing is ever changed,
//! read or accepted through it, and it lives for one uninterrupted run of getsockopt calls,
//! well below a millisecond. Were the owner to close the socket in that time, the duplicate
//! would be its last reference: FIN would wait for our close, and our close would block for
//! as long as the owner's SO_LINGER says. Hence no lock, channel or file is touched meanwhile,
//! and callers use a thread that may block.

use std::ffi::OsStr;
use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use rustix::fs::{OFlags, fcntl_getfl, fstat};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType, getpeername,
    getsockname, socket_with,
};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::proc::{self, Decimal};
use crate::model::options::SigioOwner;
use crate::model::socket::Endpoint;
use crate::sys::{Error, Result};

pub use super::waiting::ProcessWaits;
pub use crate::sys::portable::options::{
    Answers, Fresh, Meant, Reading, Setting, SocketKind, Waiting, Wanted, WasSet,
};

mod glance;
mod set;

pub use set::set_options;

pub(super) use glance::{Glance, glance, own_netns_cookie};

#[cfg(test)]
mod tests;

/// No buffer is larger, whatever is wanted.
const MAX_LENGTH: usize = 4096;

/// What takes something away, makes something, tells a key, or counts its buffer in other
/// units than bytes, so that the kernel would write past its end (SO_GET_FILTER). The
/// catalogue does not ask for these; this list makes sure of it.
const NEVER_READ: [(i32, i32); 11] = [
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

/// asm-generic/fcntl.h.
const F_GETOWN_EX: i32 = 16;

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

/// Reads options of the socket behind a descriptor of another process, after making sure that
/// it is the one meant. `pid` may be the id of a thread, for what is in a table of its own
/// (kernel 6.9). Needs PTRACE_MODE_ATTACH (ptrace(2)) and kernel 5.6.
pub fn read_options(pid: u32, fd: i32, meant: Meant, wanted: &[Wanted]) -> Result<Reading> {
    require_generic_numbers()?;
    let process = open_process(pid)?;
    let what = || format!("descriptor {fd} of process {pid}");
    let mut buffer = [0; MAX_LENGTH];
    let opened = Instant::now();
    let duplicate = duplicate(&process, pid, fd).map_err(|errno| refused(errno, what()))?;
    let told = read_at_once(duplicate.as_fd(), meant, wanted, &mut buffer);
    drop(duplicate);
    let held = opened.elapsed();
    match told {
        Ok(Some(reading)) => Ok(Reading { held, ..reading }),
        Ok(None) => Err(Error::Gone { what: format!("the socket at {}", what()) }),
        Err(Errno::NOTSOCK) => Err(Error::NotASocket { what: what() }),
        Err(errno) => Err(Error::os(format!("read {}", what()), errno)),
    }
}

/// A duplicate of a descriptor of a process, or of the thread with that id.
fn duplicate(process: &OwnedFd, pid: u32, fd: i32) -> std::result::Result<OwnedFd, Errno> {
    match pidfd_getfd(process, fd, PidfdGetfdFlags::empty()) {
        // Its first thread has ended; a thread that lives on has the table.
        Err(Errno::SRCH) => match living_thread(pid) {
            Some(thread) => pidfd_getfd(&thread, fd, PidfdGetfdFlags::empty()),
            None => Err(Errno::SRCH),
        },
        duplicate => duplicate,
    }
}

/// Everything that is done while the duplicate is held. `None` if it is another socket.
fn read_at_once(
    socket: BorrowedFd<'_>,
    meant: Meant,
    wanted: &[Wanted],
    buffer: &mut [u8; MAX_LENGTH],
) -> std::result::Result<Option<Reading>, Errno> {
    let kind = kind_of(socket)?;
    let cookie = number_of(socket, libc::SO_COOKIE);
    let inode = fstat(socket)?.st_ino;
    if !is_meant(meant, cookie, inode) {
        return Ok(None);
    }
    let flags = fcntl_getfl(socket)?;
    Ok(Some(Reading {
        kind,
        cookie,
        inode,
        netns_cookie: number_of(socket, libc::SO_NETNS_COOKIE),
        local: getsockname(socket).ok().and_then(endpoint),
        remote: getpeername(socket).ok().flatten().and_then(endpoint),
        nonblocking: flags.contains(OFlags::NONBLOCK),
        sigio: flags
            .contains(OFlags::from_bits_retain(libc::O_ASYNC as u32))
            .then(|| sigio_owner(socket))
            .flatten(),
        answers: read_all(socket, kind.domain, wanted, buffer),
        held: std::time::Duration::ZERO,
    }))
}

/// Who gets SIGIO (F_GETOWN_EX of fcntl(2)).
fn sigio_owner(socket: BorrowedFd<'_>) -> Option<SigioOwner> {
    let mut owner = [0_i32; 2];
    // SAFETY: F_GETOWN_EX fills `struct f_owner_ex { int type; pid_t pid; }`, which `owner` is as
    // large as; the descriptor is open for as long as it is borrowed.
    let result = unsafe { libc::fcntl(socket.as_raw_fd(), F_GETOWN_EX, owner.as_mut_ptr()) };
    let [kind, id] = owner;
    let kind = ["thread", "process", "group"].get(usize::try_from(kind).ok()?)?;
    let id = u32::try_from(id).ok().filter(|id| result == 0 && *id != 0)?;
    Some(SigioOwner { kind: (*kind).to_owned(), id })
}

fn is_meant(meant: Meant, cookie: Option<u64>, inode: u64) -> bool {
    // An MPTCP socket may have the cookie of its listener, and its subflows have its inode.
    let is_same = |meant: Option<u64>, found: Option<u64>| match (meant, found) {
        (Some(meant), Some(found)) => meant == found,
        _ => true,
    };
    is_same(meant.cookie, cookie) && is_same(meant.inode, Some(inode))
}

fn read_all(
    socket: BorrowedFd<'_>,
    domain: i32,
    wanted: &[Wanted],
    buffer: &mut [u8; MAX_LENGTH],
) -> Answers {
    let mut read = |option: &Wanted| {
        let tried = option.domains.is_empty() || option.domains.contains(&domain);
        let told = tried.then(|| {
            get_option(socket, option.level, option.number, {
                &mut buffer[..option.length.min(MAX_LENGTH)]
            })
        });
        Some(told?.ok()?.into())
    };
    wanted.iter().map(&mut read).collect()
}

/// Reads the same options of a socket made for the purpose: what nobody has touched. With
/// `netns_of` it is made in the network namespace of that process, by a thread of its own
/// (needs CAP_SYS_ADMIN there); otherwise in sockpit's.
pub fn fresh_options(kind: SocketKind, netns_of: Option<u32>, wanted: &[Wanted]) -> Result<Fresh> {
    require_generic_numbers()?;
    let Some(pid) = netns_of else { return fresh_here(kind, wanted) };
    let namespace = open_netns(pid)?;
    thread::scope(|scope| {
        let in_there = move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|errno| refused(errno, format!("the namespace of process {pid}")))?;
            fresh_here(kind, wanted)
        };
        scope.spawn(in_there).join().unwrap_or_else(|_| {
            Err(Error::os("read default options", io::Error::other("its thread failed")))
        })
    })
}

fn fresh_here(kind: SocketKind, wanted: &[Wanted]) -> Result<Fresh> {
    let socket = make(kind)?;
    let netns = std::fs::metadata("/proc/thread-self/ns/net").map(|link| link.ino()).ok();
    Ok(Fresh {
        netns_cookie: number_of(socket.as_fd(), libc::SO_NETNS_COOKIE),
        netns,
        answers: read_all(socket.as_fd(), kind.domain, wanted, &mut [0; MAX_LENGTH]),
    })
}

/// Only families whose sockets do nothing until they are bound or connected.
fn make(kind: SocketKind) -> Result<OwnedFd> {
    let inert = [libc::AF_INET, libc::AF_INET6, libc::AF_UNIX];
    if !inert.contains(&kind.domain) {
        let why = "sockpit makes no socket of this family";
        return Err(Error::unsupported("reading the default options", why));
    }
    let (domain, r#type) = (kind.domain as u16, kind.r#type as u32);
    let protocol = NonZeroU32::new(kind.protocol as u32).map(Protocol::from_raw);
    let (family, r#type) = (AddressFamily::from_raw(domain), SocketType::from_raw(r#type));
    socket_with(family, r#type, SocketFlags::CLOEXEC, protocol)
        .map_err(|errno| Error::os("make a socket to learn the defaults from", errno))
}

/// The inode of the socket behind a descriptor, by its link in `/proc`. Needs less than a
/// duplicate: PTRACE_MODE_READ.
pub fn socket_inode(pid: u32, fd: i32) -> Result<u64> {
    let what = format!("descriptor {fd} of process {pid}");
    let link = std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).map_err(|error| {
        let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
        refused(errno, what.clone())
    })?;
    inode_of_link(link.as_os_str()).ok_or(Error::NotASocket { what })
}

/// The inode in a link of `/proc/PID/fd` to a socket: `socket:[1234]`.
pub(super) fn inode_of_link(link: &OsStr) -> Option<u64> {
    let number = link.as_bytes().strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// The value of a sysctl by its name with dots, in sockpit's own network namespace; `None` where
/// there is none of that name.
pub fn sysctl(name: &str) -> Option<String> {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

fn open_process(pid: u32) -> Result<OwnedFd> {
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

fn open_netns(pid: u32) -> Result<OwnedFd> {
    let file = std::fs::File::open(PathBuf::from(format!("/proc/{pid}/ns/net")));
    file.map(OwnedFd::from).map_err(|error| {
        let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
        refused(errno, format!("the namespace of process {pid}"))
    })
}

/// What an error number means when a process was asked for `what`.
pub(super) fn refused(errno: Errno, what: String) -> Error {
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

fn require_generic_numbers() -> Result<()> {
    if GENERIC_NUMBERS {
        return Ok(());
    }
    let why = "this architecture numbers them in its own way";
    Err(Error::unsupported("reading socket options", why))
}

fn kind_of(socket: BorrowedFd<'_>) -> std::result::Result<SocketKind, Errno> {
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
fn number_of(socket: BorrowedFd<'_>, number: i32) -> Option<u64> {
    let mut value = [0; 8];
    let length = get_option(socket, libc::SOL_SOCKET, number, &mut value).ok()?.len();
    (length == 8).then(|| u64::from_ne_bytes(value))
}

/// getsockopt(2): the part of `buffer` that the kernel filled.
fn get_option<'a>(
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

fn endpoint(addr: SocketAddrAny) -> Option<Endpoint> {
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
