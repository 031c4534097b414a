//! What kind of socket a descriptor is and what it is called: a look at those that no table of
//! the kernel lists. See [`super`] for why a duplicate is held for so short.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::fstat;
use rustix::io::Errno;
use rustix::net::{getpeername, getsockname};
use rustix::process::{PidfdGetfdFlags, pidfd_getfd};

use super::access::{endpoint, get_option, kind_of, number_of, open_process, refused};
use crate::model::socket::Endpoint;
use crate::sys::error::{Error, Result};
use crate::sys::portable::options::SocketKind;

/// `TCP_CLOSE` of the kernel's tcp_states.h.
const TCP_CLOSE: u8 = 7;

/// VMADDR_CID_ANY and VMADDR_PORT_ANY of linux/vm_sockets.h.
const VM_ANY: u32 = u32::MAX;

/// What one duplicate told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Glance {
    pub(in super::super) kind: SocketKind,
    pub(in super::super) cookie: Option<u64>,
    pub(in super::super) netns_cookie: Option<u64>,
    pub(in super::super) uid: u32,
    /// `None` when it has none, or one of no known form.
    pub(in super::super) local: Option<Endpoint>,
    pub(in super::super) remote: Option<Endpoint>,
    pub(in super::super) listens: bool,
    /// For TCP, whether its state is CLOSE: it was never connected, or is no more.
    pub(in super::super) is_closed: bool,
}

/// Looks at the socket at a descriptor, unless it is another one than that with this inode.
/// `pid` may be the id of a thread.
pub(in super::super) fn glance(pid: u32, fd: i32, inode: u64) -> Result<Glance> {
    let what = || format!("descriptor {fd} of process {pid}");
    let process = open_process(pid)?;
    let duplicate = pidfd_getfd(&process, fd, PidfdGetfdFlags::empty())
        .map_err(|errno| refused(errno, what()))?;
    let told = read(duplicate.as_fd(), inode);
    drop(duplicate);
    match told {
        Ok(Some(glance)) => Ok(glance),
        Ok(None) => Err(Error::Gone { what: what() }),
        Err(errno) => Err(refused(errno, what())),
    }
}

/// The cookie of the network namespace of this thread (kernel 5.14 and later).
pub(in super::super) fn own_netns_cookie(own: BorrowedFd<'_>) -> Option<u64> {
    number_of(own, libc::SO_NETNS_COOKIE)
}

fn read(socket: BorrowedFd<'_>, inode: u64) -> std::result::Result<Option<Glance>, Errno> {
    let stat = fstat(socket)?;
    if stat.st_ino != inode {
        return Ok(None);
    }
    let kind = kind_of(socket)?;
    let is_vsock = kind.domain == libc::AF_VSOCK;
    let (local, remote) = if is_vsock {
        (vm_address(socket, libc::getsockname), vm_address(socket, libc::getpeername))
    } else {
        let local = getsockname(socket).ok().and_then(endpoint);
        (local, getpeername(socket).ok().flatten().and_then(endpoint))
    };
    let mut word = [0; 4];
    let listens = get_option(socket, libc::SOL_SOCKET, libc::SO_ACCEPTCONN, &mut word)
        .is_ok_and(|told| told.iter().any(|&byte| byte != 0));
    let mut state = [0; 1];
    let is_closed = kind.protocol == libc::IPPROTO_TCP
        && get_option(socket, libc::IPPROTO_TCP, libc::TCP_INFO, &mut state)
            .is_ok_and(|told| told == [TCP_CLOSE]);
    Ok(Some(Glance {
        kind,
        cookie: number_of(socket, libc::SO_COOKIE),
        netns_cookie: number_of(socket, libc::SO_NETNS_COOKIE),
        uid: stat.st_uid,
        local,
        remote,
        listens,
        is_closed,
    }))
}

/// getsockname(2) or getpeername(2).
type NameCall =
    unsafe extern "C" fn(libc::c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int;

/// The `CID:PORT` of a socket of AF_VSOCK; `None` where it is bound to neither.
fn vm_address(socket: BorrowedFd<'_>, call: NameCall) -> Option<Endpoint> {
    // SAFETY: sockaddr_vm is made of integers alone, for which zero is a value.
    let mut name: libc::sockaddr_vm = unsafe { std::mem::zeroed() };
    let mut length = size_of_val(&name) as libc::socklen_t;
    let start = std::ptr::from_mut(&mut name).cast();
    // SAFETY: `start` points to `length` writable bytes, of which the kernel writes at most that
    // many, and the descriptor is open for as long as it is borrowed.
    let failed = unsafe { call(socket.as_raw_fd(), start, &mut length) } != 0;
    if failed || (name.svm_cid, name.svm_port) == (VM_ANY, VM_ANY) {
        return None;
    }
    let part = |number: u32| if number == VM_ANY { "*".to_owned() } else { number.to_string() };
    Some(Endpoint::unix(format!("{}:{}", part(name.svm_cid), part(name.svm_port))))
}
