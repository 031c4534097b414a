//! A datagram socket that is bound to one peer, and tells what ICMP says.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;

use super::super::outfit::Outfit;
use crate::sys::connecting;

/// A socket for `address`. Its errors are queued, with their codes and senders.
pub(in crate::probe) fn open(address: SocketAddr, outfit: &Outfit) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    // A peer of its own: nobody else's error can be taken for this one's.
    let _ = connecting::queue_icmp_errors(&socket, address.is_ipv6(), true);
    outfit.dress(&socket, address)?;
    socket.connect(&address.into())?;
    UdpSocket::from_std(socket.into())
}
