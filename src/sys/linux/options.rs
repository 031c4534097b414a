//! Options of another process's socket, by a duplicate of its descriptor (pidfd_getfd(2)).
//!
//! The duplicate shares the open file description with its owner. So nothing is ever changed,
//! read or accepted through it, and it lives for one uninterrupted run of getsockopt calls,
//! well below a millisecond. Were the owner to close the socket in that time, the duplicate
//! would be its last reference: FIN would wait for our close, and our close would block for
//! as long as the owner's SO_LINGER says. Hence no lock, channel or file is touched meanwhile,
//! and callers use a thread that may block.

use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use rustix::fs::{OFlags, fcntl_getfl, fstat};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, SocketFlags, SocketType, getpeername, getsockname, socket_with,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::model::options::SigioOwner;
use crate::sys::error::{Error, Result};

pub use super::waiting::ProcessWaits;
pub use crate::sys::portable::options::{
    Answers, Fresh, Meant, Reading, Setting, SocketKind, Waiting, Wanted, WasSet,
};

pub(super) mod access;
mod glance;
mod set;

use access::{
    MAX_LENGTH, duplicate, endpoint, get_option, inode_of_link, is_meant, kind_of, number_of,
    open_process, refused, require_generic_numbers,
};

pub use set::set_options;

pub(super) use glance::{Glance, glance, own_netns_cookie};

#[cfg(test)]
mod tests;

/// asm-generic/fcntl.h.
const F_GETOWN_EX: i32 = 16;

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
    let inert = [
        libc::AF_INET,
        libc::AF_INET6,
        libc::AF_UNIX,
        libc::AF_NETLINK,
        libc::AF_PACKET,
        libc::AF_VSOCK,
        libc::AF_XDP,
    ];
    if !inert.contains(&kind.domain) {
        let why = "sockpit makes no socket of this family";
        return Err(Error::unsupported("reading the default options", why));
    }
    let (domain, r#type) = (kind.domain as u16, kind.r#type as u32);
    // A packet socket receives as soon as it has a protocol, and with none nothing.
    let protocol = if kind.domain == libc::AF_PACKET { 0 } else { kind.protocol as u32 };
    let protocol = NonZeroU32::new(protocol).map(Protocol::from_raw);
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

/// The value of a sysctl by its name with dots, in sockpit's own network namespace; `None` where
/// there is none of that name.
pub fn sysctl(name: &str) -> Option<String> {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

fn open_netns(pid: u32) -> Result<OwnedFd> {
    let file = std::fs::File::open(PathBuf::from(format!("/proc/{pid}/ns/net")));
    file.map(OwnedFd::from).map_err(|error| {
        let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
        refused(errno, format!("the namespace of process {pid}"))
    })
}
