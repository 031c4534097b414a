//! What is read of a capture file, step by step.

use std::sync::Arc;

use crate::wire::frame::Link;

/// Captured bytes of one record that are handed out at most; the rest is passed over.
pub(super) const MAX_HEAD: usize = 256 * 1024;

/// The largest captured length that is believed, as in Wireshark; a few links go further.
const MAX_CAPTURED: u32 = 256 * 1024;

/// The same for D-Bus, USB and other links with messages instead of packets.
const MAX_CAPTURED_MESSAGE: u32 = 128 * 1024 * 1024;

/// An interface that a capture file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureInterface {
    /// Its name; pcap has none.
    pub name: Option<Arc<str>>,
}

/// A captured packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Index into [`super::CaptureReader::interfaces`].
    pub interface: usize,
    /// How its bytes begin.
    pub link: Link,
    /// The same as a number of the registry at <https://www.tcpdump.org/linktypes.html>.
    pub link_type: u16,
    /// Nanoseconds since 1970, UTC; `None` where the format has no time stamp.
    pub time_ns: Option<i64>,
    /// Length on the wire.
    pub length: u32,
    /// Length that was captured; longer than `bytes` for messages of hundreds of kilobytes.
    pub captured: u32,
    /// What was captured, from the link header on.
    pub bytes: &'a [u8],
}

impl Record<'_> {
    /// Whether the capture cut the packet short.
    pub fn is_cut(&self) -> bool {
        self.captured < self.length
    }
}

/// What the bytes at hand amount to.
pub(super) enum Step {
    /// A packet, whose bytes lie at `head_at..head_at + head` of what is at hand.
    Packet { packet: Packet, head_at: usize, head: usize, consume: u64 },
    /// Something without a packet.
    Other { consume: u64 },
    /// At least so many bytes in all are needed to tell.
    Need(usize),
}

/// A record without its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) interface: usize,
    pub(super) link: Link,
    pub(super) link_type: u16,
    pub(super) time_ns: Option<i64>,
    pub(super) length: u32,
    pub(super) captured: u32,
}

impl Packet {
    #[inline]
    pub(super) fn with_bytes<'a>(&self, bytes: &'a [u8]) -> Record<'a> {
        Record {
            interface: self.interface,
            link: self.link,
            link_type: self.link_type,
            time_ns: self.time_ns,
            length: self.length,
            captured: self.captured,
            bytes,
        }
    }
}

/// The largest captured length that is believed for a link type.
pub(super) fn max_captured(link_type: u16) -> u32 {
    match link_type {
        // D-Bus, USB (Linux, Linux with padding, USBPcap), and Elektrobit's.
        189 | 220 | 231 | 249 | 279 => MAX_CAPTURED_MESSAGE,
        _ => MAX_CAPTURED,
    }
}
