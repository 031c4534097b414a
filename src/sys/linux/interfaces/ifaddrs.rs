//! Addresses by getifaddrs(3), and the MTU by netdevice(7).

use std::ffi::CStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;
use std::ptr;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::sys::error::{Error, Result};

/// An address and where it is.
pub(super) struct Address {
    pub(super) interface: String,
    pub(super) addr: IpAddr,
    pub(super) prefix: u8,
}

/// Every IPv4 and IPv6 address of every interface.
pub(super) fn addresses() -> Result<Vec<Address>> {
    let mut head = ptr::null_mut();
    // SAFETY: the call writes a pointer to a list that it allocates, or fails.
    if unsafe { libc::getifaddrs(&raw mut head) } != 0 {
        return Err(Error::os("list interface addresses", io::Error::last_os_error()));
    }
    let mut found = Vec::new();
    let mut at: *const libc::ifaddrs = head;
    // SAFETY: `at` is null or an element of the list, which stays allocated until freeifaddrs.
    while let Some(element) = unsafe { at.as_ref() } {
        // SAFETY: addresses and masks of an element are null or whole socket addresses of the
        // family that they begin with.
        let (addr, mask) = unsafe { (ip(element.ifa_addr), ip(element.ifa_netmask)) };
        if let Some(addr) = addr {
            // SAFETY: the name of an element is a NUL-terminated string.
            let name = unsafe { CStr::from_ptr(element.ifa_name) };
            let interface = name.to_string_lossy().into_owned();
            found.push(Address { interface, addr, prefix: mask.map_or(0, ones) });
        }
        at = element.ifa_next;
    }
    // SAFETY: the list came from getifaddrs and is not used any more.
    unsafe { libc::freeifaddrs(head) };
    Ok(found)
}

/// The IP address in a socket address.
///
/// # Safety
/// `addr` must be null or point to a whole socket address of the family that it begins with.
unsafe fn ip(addr: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: as promised by the caller; the family is the first field of each kind.
    let family = unsafe { addr.as_ref()?.sa_family };
    match i32::from(family) {
        libc::AF_INET => {
            // SAFETY: an address of this family is a sockaddr_in.
            let v4 = unsafe { ptr::read_unaligned(addr.cast::<libc::sockaddr_in>()) };
            Some(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: an address of this family is a sockaddr_in6.
            let v6 = unsafe { ptr::read_unaligned(addr.cast::<libc::sockaddr_in6>()) };
            Some(Ipv6Addr::from(v6.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

/// The bits that a netmask sets.
fn ones(mask: IpAddr) -> u8 {
    let ones = match mask {
        IpAddr::V4(mask) => mask.to_bits().count_ones(),
        IpAddr::V6(mask) => mask.to_bits().count_ones(),
    };
    ones as u8
}

/// The largest packet that an interface sends.
pub(super) fn mtu(interface: &str) -> Option<u64> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None).ok()?;
    // SAFETY: an ifreq is plain bytes, for which zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name[..room].iter_mut().zip(interface.bytes()) {
        *to = from.cast_signed() as libc::c_char;
    }
    // SAFETY: the request is an ifreq with a NUL-terminated name; the kernel writes its MTU into
    // it and nowhere else.
    let result =
        unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFMTU as _, &raw mut request) };
    if result != 0 {
        return None;
    }
    // SAFETY: after SIOCGIFMTU the union holds the MTU.
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    u64::try_from(mtu).ok()
}
