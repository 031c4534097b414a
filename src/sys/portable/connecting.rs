//! A socket of our own that connects: no portable interface tells more than its last error.

use std::io;
use std::mem::MaybeUninit;

use socket2::Socket;

use crate::model::probe::IcmpAnswer;
use crate::sys::error::{Error, Result};
use crate::sys::handshake::Phase;

const ONLY_LINUX: &str = "only on Linux does sockpit ask for it";

/// How far a TCP handshake is.
pub fn phase(_socket: &Socket) -> Result<Phase> {
    Err(Error::unsupported("the state of a handshake", ONLY_LINUX))
}

/// Sets an option to these bytes.
pub fn set_option(_socket: &Socket, _level: i32, _option: i32, _value: &[u8]) -> io::Result<()> {
    Err(io::Error::other(ONLY_LINUX))
}

/// Whether both sides speak Multipath TCP.
pub fn speaks_mptcp(_socket: &Socket) -> Result<bool> {
    Err(Error::unsupported("Multipath TCP", ONLY_LINUX))
}

/// Has connect(2) wait for the first bytes and send them with the SYN.
pub fn open_fast(_socket: &Socket) -> Result<()> {
    Err(Error::unsupported("TCP Fast Open", ONLY_LINUX))
}

/// Whether the peer took the data that went with the SYN.
pub fn took_fast_data(_socket: &Socket) -> Result<Option<bool>> {
    Err(Error::unsupported("TCP Fast Open", ONLY_LINUX))
}

/// Whether the peer's FIN came before ours.
pub fn peer_ended_first(_socket: &Socket) -> Result<bool> {
    Err(Error::unsupported("who ended a connection first", ONLY_LINUX))
}

/// Whether ICMP errors are to be queued, with their codes and senders.
pub fn queue_icmp_errors(_socket: &Socket, _v6: bool, _on: bool) -> Result<()> {
    Err(Error::unsupported("the queue of ICMP errors", ONLY_LINUX))
}

/// A bind to an address alone that takes no port yet.
pub fn bind_without_port(_socket: &Socket) -> Result<()> {
    Err(Error::unsupported("a bind without a port", ONLY_LINUX))
}

/// Whether the time to live of what is received shall be told with it.
pub fn tell_ttl(_socket: &Socket, _v6: bool) -> Result<()> {
    Err(Error::unsupported("the time to live of what is received", ONLY_LINUX))
}

/// Receives a datagram; its time to live is not told.
pub fn receive_with_ttl(
    socket: &Socket,
    buffer: &mut [MaybeUninit<u8>],
) -> io::Result<(Vec<u8>, Option<u8>)> {
    let count = socket.recv(buffer)?;
    let filled = buffer.get(..count).unwrap_or_default();
    // SAFETY: the system has written the first `count` bytes.
    Ok((filled.iter().map(|byte| unsafe { byte.assume_init() }).collect(), None))
}

/// Takes the next ICMP error from the socket's queue: none is ever queued here.
pub fn next_icmp_error(_socket: &Socket) -> Option<(IcmpAnswer, io::Error)> {
    None
}
