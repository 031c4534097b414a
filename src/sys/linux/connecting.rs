//! A socket of our own that connects: how far it is, and which ICMP errors came back (`ip(7)`,
//! IP_RECVERR; `ipv6(7)`, IPV6_RECVERR; `tcp(7)`, TCP_INFO).

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use socket2::Socket;

use crate::model::probe::IcmpAnswer;
use crate::sys::error::{Error, Result};
use crate::sys::handshake::Phase;

/// `TCP_SYN_SENT` and others (net/tcp_states.h).
const SYN_SENT: u8 = 2;
const CLOSE: u8 = 7;
const CLOSE_WAIT: u8 = 8;
const LAST_ACK: u8 = 9;

/// `TCPI_OPT_SYN_DATA` (linux/tcp.h): the SYN-ACK acknowledged data of the SYN.
const SYN_DATA: u8 = 32;

/// `SO_EE_ORIGIN_ICMP`, `SO_EE_ORIGIN_ICMP6` (linux/errqueue.h).
const ORIGIN_ICMP: u8 = 2;
const ORIGIN_ICMP6: u8 = 3;

/// `SOL_MPTCP`, `MPTCP_INFO` (linux/mptcp.h).
const SOL_MPTCP: c_int = 284;
const MPTCP_INFO: c_int = 1;

/// Room for the error and its sender, with their headers.
const CONTROL_LEN: usize = 256;

/// How far a TCP handshake is.
pub fn phase(socket: &Socket) -> Result<Phase> {
    Ok(match state(socket)? {
        SYN_SENT => Phase::Connecting,
        CLOSE => Phase::Closed,
        // What else there is comes after the handshake.
        _ => Phase::Open,
    })
}

/// Whether the peer's FIN came before ours.
pub fn peer_ended_first(socket: &Socket) -> Result<bool> {
    Ok(matches!(state(socket)?, CLOSE_WAIT | LAST_ACK))
}

fn state(socket: &Socket) -> Result<u8> {
    head_of_info::<1>(socket).map(|[state]| state)
}

/// The first bytes of `struct tcp_info` (linux/tcp.h); the very first is the state.
fn head_of_info<const LENGTH: usize>(socket: &Socket) -> Result<[u8; LENGTH]> {
    let mut head = [0_u8; LENGTH];
    let mut length = LENGTH as libc::socklen_t;
    // SAFETY: the pointer is to LENGTH bytes, `length` says so, and the kernel writes no more than
    // that; both outlive the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            head.as_mut_ptr().cast::<c_void>(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(Error::os("read TCP_INFO", io::Error::last_os_error()));
    }
    Ok(head)
}

/// Whether ICMP errors are to be queued, with their codes and senders. TCP over IPv4 queues them
/// unasked; there the option would only make errors of an open connection fatal.
pub fn queue_icmp_errors(socket: &Socket, v6: bool, on: bool) -> Result<()> {
    let (level, option) = match v6 {
        true => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
        false => (libc::IPPROTO_IP, libc::IP_RECVERR),
    };
    set_flag(socket, level, option, on)
        .map_err(|error| Error::os("have ICMP errors queued on a socket", error))
}

/// A bind to an address alone takes no port yet: connect(2) then chooses one that is free for
/// this very peer, so that a crowded range of ports is no obstacle (`ip(7)`,
/// IP_BIND_ADDRESS_NO_PORT).
pub fn bind_without_port(socket: &Socket) -> Result<()> {
    set_flag(socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, true)
        .map_err(|error| Error::os("bind without a port", error))
}

/// Whether the time to live, or the hop limit, of what is received shall be told with it.
pub fn tell_ttl(socket: &Socket, v6: bool) -> Result<()> {
    let (level, option) = match v6 {
        true => (libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT),
        false => (libc::IPPROTO_IP, libc::IP_RECVTTL),
    };
    set_flag(socket, level, option, true)
        .map_err(|error| Error::os("have a socket report the time to live", error))
}

/// Receives a datagram, with its time to live where that was asked for.
pub fn receive_with_ttl(
    socket: &Socket,
    buffer: &mut [MaybeUninit<u8>],
) -> io::Result<(Vec<u8>, Option<u8>)> {
    let mut control = Control([MaybeUninit::uninit(); CONTROL_LEN]);
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: msghdr is plain numbers and pointers, for which zero means "none".
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL_LEN as _;
    // SAFETY: the header points at one buffer and one control buffer of the lengths that it says,
    // all of which outlive the call.
    let received = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, 0) };
    let Ok(count) = usize::try_from(received) else { return Err(io::Error::last_os_error()) };
    let filled = buffer.get(..count).unwrap_or_default();
    // SAFETY: the kernel has written the first `count` bytes.
    let bytes = filled.iter().map(|byte| unsafe { byte.assume_init() }).collect();
    let ttl = control_data(&header, |level, kind, data| {
        let is_ttl = matches!(
            (level, kind),
            (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT)
        );
        let number: [u8; 4] = data.get(..4).filter(|_| is_ttl)?.try_into().ok()?;
        u8::try_from(i32::from_ne_bytes(number)).ok()
    });
    Ok((bytes, ttl))
}

fn set_flag(socket: &Socket, level: c_int, option: c_int, on: bool) -> io::Result<()> {
    set_option(socket, level, option, &c_int::from(on).to_ne_bytes())
}

/// Sets an option to these bytes.
pub fn set_option(socket: &Socket, level: i32, option: i32, value: &[u8]) -> io::Result<()> {
    let Ok(length) = libc::socklen_t::try_from(value.len()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let start = value.as_ptr().cast::<c_void>();
    // SAFETY: `start` points to `length` bytes that outlive the call, which only reads them.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, start, length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whether both sides of a connection that was begun by Multipath TCP speak it.
pub fn speaks_mptcp(socket: &Socket) -> Result<bool> {
    // The first bytes of `struct mptcp_info` (linux/mptcp.h) are enough to learn whether it has one.
    let mut info = [0_u8; 4];
    let mut length = info.len() as libc::socklen_t;
    // SAFETY: the pointer is to `length` bytes that outlive the call, and the kernel writes no
    // more than that.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            SOL_MPTCP,
            MPTCP_INFO,
            info.as_mut_ptr().cast::<c_void>(),
            &raw mut length,
        )
    };
    if result == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // The connection has become one of plain TCP: the first over IPv4, the second over IPv6.
        Some(libc::EOPNOTSUPP | libc::ENOPROTOOPT) => Ok(false),
        _ => Err(Error::os("read MPTCP_INFO", error)),
    }
}

/// Has connect(2) wait for the first bytes and send them with the SYN, where a cookie of that peer
/// is known (`tcp(7)`, TCP_FASTOPEN_CONNECT; RFC 7413). Without one it asks for one.
pub fn open_fast(socket: &Socket) -> Result<()> {
    set_flag(socket, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, true)
        .map_err(|error| Error::os("have a connection opened fast", error))
}

/// Whether the peer took the data that went with the SYN; `None` where none did, or no answer came.
pub fn took_fast_data(socket: &Socket) -> Result<Option<bool>> {
    let [.., options, _, bits] = head_of_info::<8>(socket)?;
    // `tcpi_fastopen_client_fail`: 2 is TFO_DATA_NOT_ACKED, 3 is TFO_SYN_RETRANSMITTED.
    Ok(match (options & SYN_DATA != 0, bits >> 1 & 3) {
        (true, _) => Some(true),
        (false, 2 | 3) => Some(false),
        (false, _) => None,
    })
}

/// Takes the next ICMP error from the socket's queue, with the system's number for it; `None`
/// when there is none. Others than ICMP errors are passed over.
pub fn next_icmp_error(socket: &Socket) -> Option<(IcmpAnswer, io::Error)> {
    loop {
        let mut control = Control([MaybeUninit::uninit(); CONTROL_LEN]);
        // SAFETY: msghdr is plain numbers and pointers, for which zero means "none".
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL_LEN as _;
        // SAFETY: the header has no name and no data buffers, and a control buffer of the
        // length that it says; all outlive the call.
        let received = unsafe {
            libc::recvmsg(
                socket.as_raw_fd(),
                &raw mut header,
                libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT,
            )
        };
        if received < 0 {
            return None;
        }
        if let Some(found) = extended_error(&header) {
            return Some(found);
        }
    }
}

/// As aligned as the control messages in it.
#[repr(align(16))]
struct Control([MaybeUninit<u8>; CONTROL_LEN]);

fn extended_error(header: &libc::msghdr) -> Option<(IcmpAnswer, io::Error)> {
    control_data(header, |level, kind, data| {
        let is_error = matches!(
            (level, kind),
            (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
        );
        if is_error { read(data) } else { None }
    })
}

/// The first answer that `pick` gives for a control message: its level, its type, its data.
fn control_data<T>(
    header: &libc::msghdr,
    pick: impl Fn(c_int, c_int, &[u8]) -> Option<T>,
) -> Option<T> {
    // SAFETY: the kernel filled the control buffer and set its length.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give pointers into the control buffer, which is
        // aligned for them and lives in the caller.
        let head = unsafe { message.read_unaligned() };
        // SAFETY: as above; CMSG_LEN only computes.
        let (data, empty) = unsafe { (libc::CMSG_DATA(message), libc::CMSG_LEN(0)) };
        let length = (head.cmsg_len as usize).saturating_sub(empty as usize);
        // SAFETY: the message has `length` bytes at `data`.
        let bytes = unsafe { std::slice::from_raw_parts(data, length) };
        if let Some(picked) = pick(head.cmsg_level, head.cmsg_type, bytes) {
            return Some(picked);
        }
        // SAFETY: `message` is a message of this header.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    None
}

/// `struct sock_extended_err`, and the socket address of who sent it.
fn read(bytes: &[u8]) -> Option<(IcmpAnswer, io::Error)> {
    let errno = i32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?);
    let [origin, kind, code] = bytes.get(4..7)?.try_into().ok()?;
    if origin != ORIGIN_ICMP && origin != ORIGIN_ICMP6 {
        return None;
    }
    let from = bytes.get(size_of::<libc::sock_extended_err>()..).and_then(sender);
    let answer = IcmpAnswer { v6: origin == ORIGIN_ICMP6, kind, code, from };
    Some((answer, io::Error::from_raw_os_error(errno)))
}

/// The address of a `sockaddr_in` or `sockaddr_in6`.
fn sender(bytes: &[u8]) -> Option<IpAddr> {
    let family = u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?);
    match c_int::from(family) {
        libc::AF_INET => {
            let octets: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some(Ipv4Addr::from(octets).into())
        }
        libc::AF_INET6 => {
            let octets: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};
    use std::thread;
    use std::time::Duration;

    use socket2::{Domain, Type};

    use super::*;

    #[test]
    fn the_phase_follows_the_handshake() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        assert_eq!(phase(&socket).unwrap(), Phase::Closed);
        socket.connect(&address.into()).unwrap();
        assert_eq!(phase(&socket).unwrap(), Phase::Open);
        assert!(next_icmp_error(&socket).is_none());
    }

    #[test]
    fn a_closed_udp_port_leaves_its_code_and_its_sender() {
        // Held and connected elsewhere, so that nobody else gets it and nothing is taken there.
        let held = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        held.connect("127.0.0.1:9").unwrap();
        let address: SocketAddr = held.local_addr().unwrap();
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        queue_icmp_errors(&socket, false, true).unwrap();
        socket.connect(&address.into()).unwrap();
        socket.send(b"?").unwrap();
        let mut found = None;
        for _ in 0..500 {
            found = next_icmp_error(&socket);
            if found.is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let (answer, error) = found.unwrap();
        let from = Some("127.0.0.1".parse().unwrap());
        assert_eq!(answer, IcmpAnswer { v6: false, kind: 3, code: 3, from });
        assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
    }

    #[test]
    fn no_prefix_of_an_error_makes_it_panic() {
        let mut bytes = 113_i32.to_ne_bytes().to_vec();
        bytes.extend([ORIGIN_ICMP, 3, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(2_u16.to_ne_bytes());
        bytes.extend([0, 0, 10, 0, 0, 1]);
        let whole = read(&bytes).unwrap().0;
        assert_eq!(whole.from, Some("10.0.0.1".parse().unwrap()));
        for length in 0..bytes.len() {
            let cut = read(&bytes[..length]);
            assert!(cut.is_none_or(|(answer, _)| answer.from.is_none()), "{length}");
        }
    }
}
