//! Classic pcap: one link type for the whole file, records one after the other.

use super::byte_order::ByteOrder;
use super::error::Error;
use super::record::{MAX_HEAD, Packet, Step, max_captured};
use crate::wire::frame::Link;

/// Bytes of the file header.
pub(super) const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
/// Records of A. Kuznetsov's variant add interface, protocol and packet type.
const MODIFIED_RECORD_HEADER: usize = 24;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;

#[derive(Clone, Copy)]
pub(super) struct Pcap {
    order: ByteOrder,
    /// Nanoseconds in a unit of the time stamp's fraction.
    fraction_ns: i64,
    record_header: usize,
    lengths: Lengths,
    link: Link,
    link_type: u16,
    max_captured: u32,
}

/// Which of a record's two lengths comes first: it changed with version 2.3 of the format.
#[derive(Clone, Copy)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    /// The smaller one is the captured one.
    Either,
}

fn magic(begin: &[u8]) -> Option<(ByteOrder, u32)> {
    if begin.len() < 4 {
        return None;
    }
    [ByteOrder::Little, ByteOrder::Big].into_iter().find_map(|order| {
        let magic = order.u32(begin, 0);
        matches!(magic, MICROSECONDS | NANOSECONDS | MODIFIED).then_some((order, magic))
    })
}

pub(super) fn is_pcap(begin: &[u8]) -> bool {
    magic(begin).is_some()
}

impl Pcap {
    pub(super) fn open(header: &[u8]) -> Result<Self, Error> {
        let (Some((order, magic)), true) = (magic(header), header.len() >= FILE_HEADER) else {
            return Err(Error::CutHeader { bytes: header.len() as u64 });
        };
        // The upper bits tell of a frame check sequence.
        let link_type = (order.u32(header, 20) & 0xffff) as u16;
        Ok(Self {
            order,
            fraction_ns: if magic == NANOSECONDS { 1 } else { 1_000 },
            record_header: if magic == MODIFIED { MODIFIED_RECORD_HEADER } else { RECORD_HEADER },
            lengths: match (order.u16(header, 4), order.u16(header, 6)) {
                (2, 0..=2) | (543, _) => Lengths::WireFirst,
                (2, 3) => Lengths::Either,
                _ => Lengths::CapturedFirst,
            },
            link: Link::from_link_type(link_type),
            link_type,
            max_captured: max_captured(link_type),
        })
    }

    #[inline]
    pub(super) fn step(&self, at_hand: &[u8]) -> Result<Step, String> {
        let Some(header) = at_hand.get(..self.record_header) else {
            return Ok(Step::Need(self.record_header));
        };
        let (captured, length) = self.lengths(header);
        if captured > self.max_captured {
            return Err(format!(
                "it claims {captured} captured bytes, more than the {} a record can have",
                self.max_captured
            ));
        }
        let head = (captured as usize).min(MAX_HEAD);
        if at_hand.len() < self.record_header + head {
            return Ok(Step::Need(self.record_header + head));
        }
        let seconds = i64::from(self.order.u32(header, 0));
        let fraction = i64::from(self.order.u32(header, 4));
        Ok(Step::Packet {
            packet: Packet {
                interface: 0,
                link: self.link,
                link_type: self.link_type,
                time_ns: Some(seconds * 1_000_000_000 + fraction * self.fraction_ns),
                length: length.max(captured),
                captured,
            },
            head_at: self.record_header,
            head,
            consume: self.record_header as u64 + u64::from(captured),
        })
    }

    /// Captured and wire length.
    #[inline]
    fn lengths(&self, header: &[u8]) -> (u32, u32) {
        let first = self.order.u32(header, 8);
        let second = self.order.u32(header, 12);
        match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::WireFirst => (second, first),
            Lengths::Either => (first.min(second), first.max(second)),
        }
    }
}
