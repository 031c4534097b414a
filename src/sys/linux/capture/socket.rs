//! System calls on a packet socket that rustix has no name for.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{c_int, c_void, sock_filter, socklen_t};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

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

/// Has room for so many bytes of packets that wait. A kernel that permits less gives what it may.
pub(super) fn set_buffer(socket: &OwnedFd, bytes: u64) {
    let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    if set(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &bytes).is_err() {
        // Not permitted to go beyond net.core.rmem_max: it is no reason not to capture.
        let _ = set(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &bytes);
    }
}

/// What the kernel says of a packet that was read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Received {
    /// Bytes that were put down.
    pub(super) taken: usize,
    /// Bytes on the wire, without a tag that the kernel took off.
    pub(super) length: u32,
    /// Index of the interface.
    pub(super) interface: u32,
    /// ARPHRD number of the interface.
    pub(super) hardware: u16,
    /// EtherType.
    pub(super) protocol: u16,
    /// Where the network header begins.
    pub(super) network_at: u16,
    /// `TP_STATUS_…` of linux/if_packet.h.
    pub(super) status: u32,
    pub(super) tag: u16,
    pub(super) tag_type: u16,
    pub(super) time_ns: i64,
}

/// `struct tpacket_auxdata` (linux/if_packet.h).
#[derive(FromBytes, KnownLayout, Immutable)]
#[repr(C)]
struct AuxData {
    status: u32,
    length: u32,
    snap_length: u32,
    mac: u16,
    net: u16,
    tag: u16,
    tag_type: u16,
}

/// Room for the messages beside a packet, aligned as cmsg(3) wants it.
const CONTROL_WORDS: usize = 32;

/// Reads a packet into `packet`, whose rest is cut off. The socket does not block.
pub(super) fn receive(socket: &OwnedFd, packet: &mut [u8]) -> std::result::Result<Received, Errno> {
    let mut control = [0u64; CONTROL_WORDS];
    // SAFETY: all of these are plain numbers, arrays of numbers and pointers, for which zero is
    // a value.
    let (mut address, mut message): (libc::sockaddr_ll, libc::msghdr) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    let mut part =
        libc::iovec { iov_base: packet.as_mut_ptr().cast::<c_void>(), iov_len: packet.len() };
    message.msg_name = (&raw mut address).cast();
    message.msg_namelen = size_of_val(&address) as socklen_t;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: name, buffer and control room are borrowed for the call, each with its own size.
    let read = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    let taken = usize::try_from(read)
        .map_err(|_| Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO))?;
    let mut received = Received {
        taken,
        length: taken as u32,
        interface: address.sll_ifindex as u32,
        hardware: address.sll_hatype,
        protocol: u16::from_be(address.sll_protocol),
        ..Received::default()
    };
    let given = message.msg_controllen.min(size_of_val(&control));
    note_messages(&control.as_bytes()[..given], &mut received);
    Ok(received)
}

/// Walks the messages beside a packet: `struct cmsghdr`, each followed by its data and aligned.
fn note_messages(mut control: &[u8], received: &mut Received) {
    const HEADER: usize = size_of::<libc::cmsghdr>();
    const ALIGN: usize = align_of::<usize>();
    while let Some((length, rest)) = control.split_first_chunk::<{ size_of::<usize>() }>() {
        let length = usize::from_ne_bytes(*length);
        let (Some(level), Some(kind)) = (int(rest, 0), int(rest, size_of::<c_int>())) else {
            return;
        };
        let Some(data) = control.get(HEADER..length) else { return };
        match (level, kind) {
            (libc::SOL_PACKET, libc::PACKET_AUXDATA) => {
                if let Ok((aux, _)) = AuxData::ref_from_prefix(data) {
                    received.status = aux.status;
                    received.length = aux.length;
                    // Both count from where a ring's frame would begin.
                    received.network_at = aux.net.saturating_sub(aux.mac);
                    received.tag = aux.tag;
                    received.tag_type = aux.tag_type;
                }
            }
            (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS) => {
                if let Ok((time, _)) = <[i64; 2]>::read_from_prefix(data) {
                    received.time_ns = time[0] * 1_000_000_000 + time[1];
                }
            }
            _ => {}
        }
        let Some(next) = control.get(length.next_multiple_of(ALIGN)..) else { return };
        control = next;
    }
}

fn int(bytes: &[u8], at: usize) -> Option<c_int> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map(c_int::from_ne_bytes)
}
