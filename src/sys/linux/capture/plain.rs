//! Packets read one by one from a packet socket: for kernels, sandboxes and limits of memory that
//! allow no ring.

use std::ops::ControlFlow;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::socket::{self, Received};
use super::tag;
use crate::sys::capture::Captured;
use crate::sys::error::{Error, Result};
use crate::wire::frame::Link;

/// Packets that are read at most before the caller is asked again.
const MOST: usize = 4096;

/// Reads a packet socket that has no ring.
#[derive(Debug)]
pub(super) struct Plain {
    packet: Box<[u8]>,
}

impl Plain {
    /// Has the kernel say of each packet what a ring would: when it came, and its tag.
    pub(super) fn open(socket: &OwnedFd, snap_length: u32, bytes: Option<u64>) -> Result<Self> {
        let is_wanted: libc::c_int = 1;
        socket::set(socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, &is_wanted)
            .map_err(|error| Error::os("ask for the packets' tags", error))?;
        socket::set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &is_wanted)
            .map_err(|error| Error::os("ask for the packets' times", error))?;
        if let Some(bytes) = bytes {
            socket::set_buffer(socket, bytes);
        }
        Ok(Self { packet: vec![0; snap_length as usize].into() })
    }

    /// Hands over the packets that wait. `None` when there are none.
    pub(super) fn take(
        &mut self,
        socket: &OwnedFd,
        mut each: impl FnMut(&Captured<'_>) -> ControlFlow<()>,
    ) -> Result<Option<ControlFlow<()>>> {
        for taken in 0..MOST {
            let received = match socket::receive(socket, &mut self.packet) {
                Ok(received) => received,
                Err(Errno::AGAIN) => return Ok((taken > 0).then_some(ControlFlow::Continue(()))),
                // Told once when an interface goes down; it may come back.
                Err(Errno::INTR | Errno::NETDOWN) => continue,
                Err(errno) => return Err(Error::os("read a packet", errno)),
            };
            if each(&captured(&received, &self.packet)).is_break() {
                return Ok(Some(ControlFlow::Break(())));
            }
        }
        Ok(Some(ControlFlow::Continue(())))
    }
}

fn captured<'a>(received: &Received, packet: &'a [u8]) -> Captured<'a> {
    let bytes = &packet[..received.taken.min(packet.len())];
    let tag = tag::of(received.status, received.tag, received.tag_type);
    let (link, start) = match Link::from_arphrd(received.hardware) {
        Some(link) => (link, 0),
        // A link header of no form to rely on: the kernel says where the network header is.
        None => (Link::Payload(received.protocol), usize::from(received.network_at)),
    };
    Captured {
        interface: received.interface,
        link,
        time_ns: received.time_ns,
        length: received.length + if tag.is_some() { tag::BYTES } else { 0 },
        cut: bytes.len() < received.length as usize,
        tag,
        bytes: bytes.get(start..).unwrap_or_default(),
    }
}
