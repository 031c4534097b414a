//! Capture files, read as a stream: pcap in all its byte orders and resolutions, and pcapng.
//!
//! Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. Where files in the wild
//! differ from them, this reads what Wireshark's own readers read.

mod block;
mod buffer;
mod foreign;
mod pcap;
mod pcapng;
#[cfg(test)]
mod tests;
pub mod writer;

use std::io::{self, Read};
use std::sync::Arc;

use super::frame::Link;
pub use block::Block;
use buffer::Buffer;

/// Captured bytes of one record that are handed out at most; the rest is passed over.
const MAX_HEAD: usize = 256 * 1024;
/// The largest captured length that is believed, as in Wireshark; a few links go further.
const MAX_CAPTURED: u32 = 256 * 1024;
/// The same for D-Bus, USB and other links with messages instead of packets.
const MAX_CAPTURED_MESSAGE: u32 = 128 * 1024 * 1024;

/// Why a capture file could not be read, or not to its end. To be said after the file's name
/// and a colon.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are no bytes at all.
    #[error("the file is empty; a capture begins with a header even without packets")]
    Empty,
    /// Something else.
    #[error("not a capture: it begins with {begins_with}, not like pcap or pcapng")]
    NotACapture {
        /// Its first bytes in hexadecimal digits.
        begins_with: String,
    },
    /// A capture, or what is taken for one, of another format.
    #[error("it is {what}, which sockpit does not read{remedy}")]
    Foreign {
        /// The format, with its article.
        what: &'static str,
        /// What would make it readable, as a clause; empty where nothing would.
        remedy: &'static str,
    },
    /// A packed file.
    #[error("packed with {with}; unpack it first: {unpack} FILE | sockpit packets -r -")]
    Packed {
        /// The packer.
        with: &'static str,
        /// A command that unpacks to stdout.
        unpack: &'static str,
    },
    /// The file ends within its own header, so that nothing can be known of it.
    #[error("the file ends in the middle of its header, after {bytes} bytes")]
    CutHeader {
        /// Its length.
        bytes: u64,
    },
    /// The file ends within a record; all records before it were good.
    #[error("the file ends in the middle of record {record}")]
    Truncated {
        /// Number of the record or block, from 1.
        record: u64,
    },
    /// A record contradicts the format; all records before it were good.
    #[error("record {record} is damaged: {what}")]
    Malformed {
        /// Number of the record or block, from 1.
        record: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The system could not read the beginning.
    #[error("cannot read it: {0}")]
    ReadHeader(io::Error),
    /// The system could not read on.
    #[error("cannot read on after record {records}: {source}")]
    Read {
        /// Records or blocks read so far.
        records: u64,
        /// The system's own word.
        source: io::Error,
    },
}

impl Error {
    /// Whether nothing of the file is usable: it does not even begin like a capture, or its
    /// beginning cannot be read.
    pub fn is_unusable(&self) -> bool {
        matches!(
            self,
            Self::Empty
                | Self::NotACapture { .. }
                | Self::Foreign { .. }
                | Self::Packed { .. }
                | Self::CutHeader { .. }
                | Self::ReadHeader(_)
        )
    }
}

/// An interface that a capture file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureInterface {
    /// Its name; pcap has none.
    pub name: Option<Arc<str>>,
}

/// A captured packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Index into [`CaptureReader::interfaces`].
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
enum Step {
    /// A packet, whose bytes lie at `head_at..head_at + head` of what is at hand.
    Packet { packet: Packet, head_at: usize, head: usize, consume: u64 },
    /// Something without a packet.
    Other { consume: u64 },
    /// At least so many bytes in all are needed to tell.
    Need(usize),
}

/// A record without its bytes.
#[derive(Clone, Copy, Debug)]
struct Packet {
    interface: usize,
    link: Link,
    link_type: u16,
    time_ns: Option<i64>,
    length: u32,
    captured: u32,
}

impl Packet {
    #[inline]
    fn with_bytes<'a>(&self, bytes: &'a [u8]) -> Record<'a> {
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

enum Format {
    Pcap(pcap::Pcap),
    PcapNg(pcapng::PcapNg),
}

/// A capture file that is read from its beginning to its end, once.
pub struct CaptureReader<R> {
    buffer: Buffer<R>,
    format: Format,
    /// Records or blocks taken so far.
    records: u64,
    /// Bytes in all that the next record is known to need.
    needed: usize,
    /// What comes after the records that were handed out in a block.
    failed: Option<Error>,
}

impl<R> std::fmt::Debug for CaptureReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptureReader").field("records", &self.records).finish_non_exhaustive()
    }
}

impl<R: Read> CaptureReader<R> {
    /// Reads the file's header.
    pub fn open(reader: R) -> Result<Self, Error> {
        let mut buffer = Buffer::new(reader);
        buffer.ensure(4).map_err(Error::ReadHeader)?;
        let format = match buffer.at_hand() {
            [] => return Err(Error::Empty),
            begin if pcapng::is_pcapng(begin) => {
                buffer.ensure(pcapng::SECTION_HEADER).map_err(Error::ReadHeader)?;
                Format::PcapNg(pcapng::PcapNg::open(buffer.at_hand())?)
            }
            begin if pcap::is_pcap(begin) => {
                buffer.ensure(pcap::FILE_HEADER).map_err(Error::ReadHeader)?;
                let pcap = pcap::Pcap::open(buffer.at_hand())?;
                buffer.consume(pcap::FILE_HEADER as u64);
                Format::Pcap(pcap)
            }
            _ => {
                // Only what is no capture is waited for further.
                buffer.ensure(foreign::BEGIN).map_err(Error::ReadHeader)?;
                return Err(not_a_capture(buffer.at_hand()));
            }
        };
        Ok(Self { buffer, format, records: 0, needed: 0, failed: None })
    }

    /// The next packet among the bytes at hand; `None` asks for [`CaptureReader::fill`].
    #[inline]
    pub fn next_at_hand(&mut self) -> Result<Option<Record<'_>>, Error> {
        let next = self.next_packet()?;
        Ok(next.map(|(packet, at, length)| packet.with_bytes(self.buffer.taken((at, length)))))
    }

    /// The same, with where its bytes lie in the buffer, and how many they are.
    #[inline]
    fn next_packet(&mut self) -> Result<Option<(Packet, usize, usize)>, Error> {
        loop {
            let at_hand = self.buffer.at_hand();
            let step = match &mut self.format {
                Format::Pcap(pcap) => pcap.step(at_hand),
                Format::PcapNg(pcapng) => pcapng.step(at_hand),
            };
            match step {
                Ok(Step::Packet { packet, head_at, head, consume }) => {
                    self.records += 1;
                    let (at, length) = self.buffer.take(head_at, head, consume);
                    return Ok(Some((packet, at, length)));
                }
                Ok(Step::Other { consume }) => {
                    self.records += 1;
                    self.buffer.consume(consume);
                }
                Ok(Step::Need(bytes)) => {
                    self.needed = bytes;
                    return Ok(None);
                }
                Err(what) => return Err(Error::Malformed { record: self.records + 1, what }),
            }
        }
    }

    /// Reads on, which may block. `false` at the end of the file, if that is where a record
    /// ends too.
    pub fn fill(&mut self) -> Result<bool, Error> {
        let records = self.records;
        let filled = self.buffer.fill_to(self.needed);
        if filled.map_err(|source| Error::Read { records, source })? {
            return Ok(true);
        }
        if self.buffer.is_between_records() {
            return Ok(false);
        }
        // Bytes still to be passed over belong to the record that was taken last.
        let owed = u64::from(!self.buffer.is_passing_over());
        Err(Error::Truncated { record: self.records + owed })
    }

    /// The interfaces met so far; equally named ones are one.
    pub fn interfaces(&self) -> &[CaptureInterface] {
        match &self.format {
            Format::Pcap(_) => &[CaptureInterface { name: None }],
            Format::PcapNg(pcapng) => pcapng.interfaces(),
        }
    }

    /// Packets that the capturing system dropped, where the file tells.
    pub fn dropped(&self) -> Option<u64> {
        match &self.format {
            Format::Pcap(_) => None,
            Format::PcapNg(pcapng) => pcapng.dropped(),
        }
    }
}

fn not_a_capture(begin: &[u8]) -> Error {
    match begin {
        [0x1f, 0x8b, ..] => Error::Packed { with: "gzip", unpack: "gzip -dc" },
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Error::Packed { with: "zstd", unpack: "zstd -dc" },
        [0x04, 0x22, 0x4d, 0x18, ..] => Error::Packed { with: "lz4", unpack: "lz4 -dc" },
        [0xfd, b'7', b'z', b'X', ..] => Error::Packed { with: "xz", unpack: "xz -dc" },
        [b'B', b'Z', b'h', ..] => Error::Packed { with: "bzip2", unpack: "bzip2 -dc" },
        _ => {
            if let Some((what, remedy)) = foreign::named(begin) {
                return Error::Foreign { what, remedy };
            }
            let digits: Vec<String> = begin.iter().take(4).map(|b| format!("{b:02x}")).collect();
            Error::NotACapture { begins_with: digits.join(" ") }
        }
    }
}

/// The order in which a file's numbers were written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// The number at `at`; 0 beyond the end, which callers rule out beforehand.
    #[inline]
    fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let number = bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        match self {
            Self::Little => u32::from_le_bytes(number),
            Self::Big => u32::from_be_bytes(number),
        }
    }

    /// The number at `at`; 0 beyond the end, which callers rule out beforehand.
    #[inline]
    fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let number = bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        match self {
            Self::Little => u16::from_le_bytes(number),
            Self::Big => u16::from_be_bytes(number),
        }
    }

    /// The number at `at`; 0 beyond the end, which callers rule out beforehand.
    fn u64(self, bytes: &[u8], at: usize) -> u64 {
        let number = bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        match self {
            Self::Little => u64::from_le_bytes(number),
            Self::Big => u64::from_be_bytes(number),
        }
    }
}

/// The largest captured length that is believed for a link type.
fn max_captured(link_type: u16) -> u32 {
    match link_type {
        // D-Bus, USB (Linux, Linux with padding, USBPcap), and Elektrobit's.
        189 | 220 | 231 | 249 | 279 => MAX_CAPTURED_MESSAGE,
        _ => MAX_CAPTURED,
    }
}
