//! TCP_INFO of a socket of our own (`tcp(7)`).

use std::ffi::c_void;
use std::io;
use std::os::fd::AsRawFd;

use socket2::Socket;

use crate::model::tcp::TcpInfo;
use crate::sys::error::{Error, Result};
use crate::wire::netlink::tcp_info;

/// `struct tcp_info` has 280 bytes in Linux 6.18, and grows.
const ROOM: usize = 512;

/// What the kernel knows of this connection, or of this attempt at one.
pub fn of(socket: &Socket) -> Result<TcpInfo> {
    let mut bytes = [0_u8; ROOM];
    let mut length = ROOM as libc::socklen_t;
    // SAFETY: the pointer is to ROOM bytes, `length` says so, and the kernel writes no more
    // than that; both outlive the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            bytes.as_mut_ptr().cast::<c_void>(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(Error::os("read TCP_INFO", io::Error::last_os_error()));
    }
    let mut info = TcpInfo::default();
    tcp_info::read_into(&mut info, bytes.get(..length as usize).unwrap_or(&bytes));
    Ok(info)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn an_open_connection_has_a_round_trip_time_and_lost_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let info = of(&Socket::from(stream)).unwrap();
        assert!(info.rtt_us.is_some(), "{info:?}");
        assert_eq!(info.retransmits, Some(0));
    }

    #[test]
    fn a_socket_of_another_protocol_has_none() {
        let socket = Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
        assert!(of(&socket).is_err());
    }
}
