//! System calls on a packet socket that rustix has no name for.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{c_int, c_void, sock_filter, socklen_t};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use zerocopy::{Immutable, IntoBytes};

use crate::sys::error::{Error, Result};

/// What to do about a missing right.
pub(super) const REMEDY: &str =
    "run as root, or grant it once: sudo setcap cap_net_raw+ep \"$(command -v sockpit)\"";

/// A packet socket that is not bound yet and so receives nothing.
pub(super) fn open() -> Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    match socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None) {
        Ok(socket) => Ok(socket),
        Err(Errno::PERM | Errno::ACCESS) => Err(Error::not_permitted("capture packets", REMEDY)),
        Err(Errno::AFNOSUPPORT) => {
            Err(Error::unsupported("packet capture", "this kernel has no packet sockets"))
        }
        Err(error) => Err(Error::os("open a packet socket", error)),
    }
}

/// Replaces the socket's filter.
pub(super) fn attach(socket: &OwnedFd, program: &[sock_filter]) -> Result<()> {
    let program =
        libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    let (value, size) = ((&raw const program).cast(), size_of_val(&program));
    // SAFETY: it is a whole sock_fprog, and the filter that it points to is borrowed.
    let result = unsafe { set_raw(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, value, size) };
    result.map_err(|error| Error::os("filter the capture", error))
}

/// Starts to receive, on one interface or with `index` 0 on all.
pub(super) fn bind(socket: &OwnedFd, index: u32) -> Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
        sll_ifindex: index as c_int,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the address is a whole sockaddr_ll that outlives the call, and its size is told.
    let result = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of_val(&address) as socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(Error::os("start the capture", io::Error::last_os_error())),
    }
}

/// Takes frames for others too, for as long as the socket is open.
pub(super) fn add_promiscuous(socket: &OwnedFd, index: u32) -> Result<()> {
    let request = Membership {
        interface: index as c_int,
        kind: libc::PACKET_MR_PROMISC as u16,
        address_length: 0,
        address: [0; 8],
    };
    set(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)
        .map_err(|error| Error::os("make the interface promiscuous", error))
}

/// `struct packet_mreq` (linux/if_packet.h).
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Membership {
    interface: c_int,
    kind: u16,
    address_length: u16,
    address: [u8; 8],
}

/// Sets a socket option to a value that is nothing but its bytes: no padding, no pointers.
pub(super) fn set<T: IntoBytes + Immutable>(
    socket: &OwnedFd,
    level: c_int,
    name: c_int,
    value: &T,
) -> io::Result<()> {
    let bytes = value.as_bytes();
    // SAFETY: the kernel only reads the bytes, which are borrowed for the whole call, and none
    // of them is an address.
    unsafe { set_raw(socket, level, name, bytes.as_ptr().cast(), bytes.len()) }
}

/// setsockopt(2).
///
/// # Safety
/// `value` points to `size` bytes of what the kernel expects for this option, and whatever
/// they point to is there for the whole call.
unsafe fn set_raw(
    socket: &OwnedFd,
    level: c_int,
    name: c_int,
    value: *const c_void,
    size: usize,
) -> io::Result<()> {
    // SAFETY: the caller vouches for the value.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value, size as socklen_t) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What the kernel counted since the last time that it was asked.
pub(super) fn statistics(socket: &OwnedFd) -> Result<libc::tpacket_stats_v3> {
    let mut statistics = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
    let mut length = size_of_val(&statistics) as socklen_t;
    // SAFETY: the pointer is to a tpacket_stats_v3, `length` is its size, and the kernel writes
    // no more than that.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut statistics).cast::<c_void>(),
            &raw mut length,
        )
    };
    match result {
        0 => Ok(statistics),
        _ => Err(Error::os("ask for capture losses", io::Error::last_os_error())),
    }
}
