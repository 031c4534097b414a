//! A capture file from its beginning to its end.

use std::io::Read;

use super::buffer::Buffer;
use super::error::Error;
use super::record::{CaptureInterface, Packet, Record, Step};
use super::{foreign, pcap, pcapng};

enum Format {
    Pcap(pcap::Pcap),
    PcapNg(pcapng::PcapNg),
}

/// A capture file that is read from its beginning to its end, once.
pub struct CaptureReader<R> {
    pub(super) buffer: Buffer<R>,
    format: Format,
    /// Records or blocks taken so far.
    records: u64,
    /// Bytes in all that the next record is known to need.
    needed: usize,
    /// What comes after the records that were handed out in a block.
    pub(super) failed: Option<Error>,
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
    pub(super) fn next_packet(&mut self) -> Result<Option<(Packet, usize, usize)>, Error> {
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
