//! A conversation with the kernel over a netlink socket (`netlink(7)`).

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

use crate::sys::error::{Error, Result};
use crate::wire::netlink::{Malformed, Message, Reply, messages};

/// The kernel fills at most 32 KiB a read today; room for more costs nothing.
const BUFFER_LEN: usize = 256 * 1024;

/// A connection to one of the kernel's netlink protocols, in the network namespace that it was
/// opened in.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Netlink {
    /// Opens a connection; `None` is NETLINK_ROUTE, protocol 0.
    pub(super) fn open(protocol: Option<Protocol>) -> rustix::io::Result<Self> {
        let (family, kind) = (AddressFamily::NETLINK, SocketType::DGRAM);
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?;
        Ok(Self { socket, buffer: Vec::with_capacity(BUFFER_LEN), sequence: 0 })
    }

    /// A socket that is none, where the system gives no other: it belongs to the network namespace,
    /// and nobody answers over it.
    pub(super) fn stand_in() -> rustix::io::Result<Self> {
        let (family, kind) = (AddressFamily::UNIX, SocketType::DGRAM);
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
        Ok(Self { socket, buffer: Vec::new(), sequence: 0 })
    }

    /// The socket itself.
    pub(super) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// The number for the next request.
    pub(super) fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Sends a request that has the last number, and hands over the messages that answer it
    /// until `hear` has its answer. `refused` says what a failed call means.
    pub(super) fn converse<T>(
        &mut self,
        what: &impl Fn() -> String,
        refused: fn(&str, Errno) -> Error,
        request: &[u8],
        mut hear: impl FnMut(&Message<'_>, Reply<'_>) -> Result<Option<T>>,
    ) -> Result<T> {
        send(&self.socket, request, SendFlags::empty()).map_err(|errno| refused(&what(), errno))?;
        loop {
            self.receive().map_err(|errno| refused(&what(), errno))?;
            for message in messages(&self.buffer) {
                let message = message.map_err(|error| unreadable(&what(), error))?;
                // An answer to a request that was given up.
                if message.sequence != self.sequence {
                    continue;
                }
                let reply = message.reply().map_err(|error| unreadable(&what(), error))?;
                if let Some(answer) = hear(&message, reply)? {
                    return Ok(answer);
                }
            }
        }
    }

    /// One read; the buffer holds exactly what came.
    fn receive(&mut self) -> rustix::io::Result<()> {
        self.buffer.clear();
        loop {
            let spare = rustix::buffer::spare_capacity(&mut self.buffer);
            // With TRUNC the length is the message's own, also when the buffer cut it.
            match recv(&self.socket, spare, RecvFlags::TRUNC) {
                Ok((taken, length)) if length > taken => return Err(Errno::MSGSIZE),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

/// An answer that is not what its protocol says.
pub(super) fn unreadable(what: &str, error: Malformed) -> Error {
    Error::os(what, std::io::Error::new(std::io::ErrorKind::InvalidData, error))
}
