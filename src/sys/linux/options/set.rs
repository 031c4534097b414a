//! Setting options through a duplicate of another process's descriptor. See [`super`] for why it
//! is held for so short.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::fstat;
use rustix::io::Errno;

use super::access::{
    MAX_LENGTH, NEVER_READ, duplicate, get_option, is_meant, number_of, open_process, refused,
    require_generic_numbers,
};
use crate::sys::error::{Error, Result};
use crate::sys::portable::options::{Meant, Setting, WasSet};

/// What must never be set on the socket of another program, whoever asks: it takes the data or the
/// connection away from it.
const NEVER_SET: [(i32, i32); 8] = [
    (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER),
    (libc::SOL_SOCKET, libc::SO_DETACH_FILTER),
    (libc::SOL_SOCKET, libc::SO_ATTACH_BPF),
    (libc::SOL_SOCKET, libc::SO_LOCK_FILTER),
    (libc::IPPROTO_TCP, libc::TCP_REPAIR),
    (libc::IPPROTO_TCP, libc::TCP_ULP),
    (libc::IPPROTO_UDP, libc::UDP_ENCAP),
    (libc::IPPROTO_IPV6, libc::IPV6_ADDRFORM),
];

/// Sets options in their order on the socket behind a descriptor, after making sure that it is the
/// one meant, and reads each right before and after. `pid` may be the id of a thread. Needs
/// PTRACE_MODE_ATTACH (ptrace(2)), and for some options a capability; what the kernel refuses is
/// in the answer.
pub fn set_options(pid: u32, fd: i32, meant: Meant, settings: &[Setting]) -> Result<Vec<WasSet>> {
    require_generic_numbers()?;
    let process = open_process(pid)?;
    let what = || format!("descriptor {fd} of process {pid}");
    let socket = duplicate(&process, pid, fd).map_err(|errno| refused(errno, what()))?;
    let told = set_at_once(socket.as_fd(), meant, settings);
    drop(socket);
    match told {
        Ok(Some(told)) => Ok(told),
        Ok(None) => Err(Error::Gone { what: format!("the socket at {}", what()) }),
        Err(errno) => Err(Error::os(format!("set options of {}", what()), errno)),
    }
}

fn set_at_once(
    socket: BorrowedFd<'_>,
    meant: Meant,
    settings: &[Setting],
) -> std::result::Result<Option<Vec<WasSet>>, Errno> {
    let cookie = number_of(socket, libc::SO_COOKIE);
    if !is_meant(meant, cookie, fstat(socket)?.st_ino) {
        return Ok(None);
    }
    Ok(Some(settings.iter().map(|setting| set(socket, setting)).collect()))
}

fn set(socket: BorrowedFd<'_>, setting: &Setting) -> WasSet {
    let Setting { level, number, value, length } = setting;
    let mut buffer = [0; MAX_LENGTH];
    let mut read = || {
        let room = &mut buffer[..(*length).min(MAX_LENGTH)];
        get_option(socket, *level, *number, room).ok().map(Box::from)
    };
    let before = read();
    let errno =
        match NEVER_SET.contains(&(*level, *number)) || NEVER_READ.contains(&(*level, *number)) {
            true => Some(libc::EPERM),
            false => set_option(socket, *level, *number, value),
        };
    WasSet { before, errno, after: read() }
}

/// setsockopt(2); the error number where the kernel refuses.
fn set_option(socket: BorrowedFd<'_>, level: i32, number: i32, value: &[u8]) -> Option<i32> {
    let Ok(length) = libc::socklen_t::try_from(value.len()) else { return Some(libc::EINVAL) };
    let start = value.as_ptr().cast();
    // SAFETY: `start` points to `length` bytes that outlive the call, which only reads them, and
    // the descriptor is open for as long as it is borrowed.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, number, start, length) };
    if result == 0 {
        return None;
    }
    io::Error::last_os_error().raw_os_error().or(Some(libc::EIO))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd as _;

    use super::*;

    fn setting(level: i32, number: i32, value: i32) -> Setting {
        Setting { level, number, value: value.to_ne_bytes().to_vec(), length: 4 }
    }

    #[test]
    fn an_option_is_set_and_read_before_and_after() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let pid = std::process::id();
        let wanted = [
            setting(libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1),
            setting(libc::IPPROTO_TCP, libc::TCP_NODELAY, 1),
            setting(libc::IPPROTO_UDP, libc::UDP_ENCAP, 2),
        ];
        let fd = socket.as_raw_fd();
        let told = set_options(pid, fd, Meant::default(), &wanted).unwrap();
        assert_eq!(told[0].before.as_deref(), Some(&0_i32.to_ne_bytes()[..]));
        assert_eq!(told[0].after.as_deref(), Some(&1_i32.to_ne_bytes()[..]));
        assert_eq!(told[0].errno, None);
        assert!(told[1].errno.is_some(), "it is no TCP socket");
        assert_eq!(told[2].errno, Some(libc::EPERM), "it would lose its datagrams");
        assert_eq!(told[2].after.as_deref(), Some(&0_i32.to_ne_bytes()[..]));
    }

    #[test]
    fn another_socket_is_left_alone() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let meant = Meant { cookie: None, inode: Some(1) };
        let wanted = [setting(libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)];
        let told = set_options(std::process::id(), socket.as_raw_fd(), meant, &wanted);
        assert!(matches!(told, Err(Error::Gone { .. })), "{told:?}");
    }
}
