//! What every capture backend takes and gives.

use std::time::Duration;

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
    /// Bytes for packets that wait to be read; `None` takes as many as serve a busy host.
    pub ring_bytes: Option<u64>,
    /// How long a packet may wait in a block of the ring that is not full.
    pub block_timeout: Option<Duration>,
    /// How to capture; `None` takes the fastest way that this system has.
    pub backend: Option<Backend>,
}

/// A way to capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A ring of memory that the kernel fills and sockpit reads: Linux's TPACKET_V3.
    Ring,
    /// A packet socket whose packets are read one by one.
    Socket,
}

impl Backend {
    /// As it is written and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Socket => "socket",
        }
    }
}

impl CaptureOptions {
    /// How long a packet may wait, where nothing else is asked for.
    pub const BLOCK_TIMEOUT: Duration = Duration::from_millis(50);
    /// Bytes of a packet that are taken to count it: room for tags, IPv6 with a chain of extension
    /// headers, TCP with options, and the first bytes that tell the application.
    pub const COUNTED: u32 = 512;
    /// The longest packet that an interface hands over.
    pub const WHOLE: u32 = 262_144;

    /// Bytes to take of each packet.
    pub fn snap_length(&self) -> u32 {
        self.snap_length.unwrap_or(Self::COUNTED).clamp(64, Self::WHOLE)
    }

    /// How long a packet may wait in a block that is not full.
    pub fn block_timeout(&self) -> Duration {
        self.block_timeout.unwrap_or(Self::BLOCK_TIMEOUT)
    }
}

/// A captured packet, valid until the next one is asked for.
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
