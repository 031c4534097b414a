//! What every capture backend takes and gives.

use crate::wire::filter::LiveProgram;
use crate::wire::frame::Link;

/// What to capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureOptions {
    /// Names of interfaces; empty stands for all, also those that appear later.
    pub interfaces: Vec<String>,
    /// Whether to also take frames that are not for this machine. Needs named interfaces.
    pub promiscuous: bool,
    /// Which packets to take; `None` takes all.
    pub filter: Option<LiveProgram>,
    /// Bytes to take of each packet; `None` takes as many as are counted.
    pub snap_length: Option<u32>,
}

impl CaptureOptions {
    /// Bytes of a packet that are taken to count it: room for tags, IPv6 with a chain of extension
    /// headers, TCP with options, and the first bytes that tell the application.
    pub const COUNTED: u32 = 512;
    /// The longest packet that an interface hands over.
    pub const WHOLE: u32 = 262_144;

    /// Bytes to take of each packet.
    pub fn snap_length(&self) -> u32 {
        self.snap_length.unwrap_or(Self::COUNTED).clamp(64, Self::WHOLE)
    }
}

/// A packet in the ring, valid until the next one is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Captured<'a> {
    /// Index of the interface, as the system numbers them.
    pub interface: u32,
    /// How `bytes` begins.
    pub link: Link,
    /// Nanoseconds since 1970, UTC.
    pub time_ns: i64,
    /// Length on the wire from the link header on, a VLAN tag that the system took off included.
    pub length: u32,
    /// Whether `bytes` is less than the packet.
    pub cut: bool,
    /// The VLAN tag that the system took off: its type and control information.
    pub tag: Option<(u16, u16)>,
    /// The packet's beginning: all headers that are counted fit.
    pub bytes: &'a [u8],
}

/// What the kernel says of a capture since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureStatistics {
    /// Packets that passed the filter, dropped ones included.
    pub packets: u64,
    /// Packets dropped because the ring was full.
    pub drops: u64,
    /// How often the ring was full.
    pub freezes: u64,
}

/// How a wait for packets ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Some came, and were handed over.
    Some,
    /// None came in time.
    None,
    /// The receiver of packets asked to stop.
    Stopped,
}
