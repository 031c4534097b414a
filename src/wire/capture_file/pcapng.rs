//! pcapng: blocks in sections, each section with a byte order and interfaces of its own.

mod resolution;

use std::collections::HashMap;
use std::sync::Arc;

use super::byte_order::ByteOrder;
use super::error::Error;
use super::record::{CaptureInterface, MAX_HEAD, Packet, Step, max_captured};
use crate::wire::frame::Link;
use resolution::Resolution;

/// Bytes needed to open a section: type, length, byte-order magic.
pub(super) const SECTION_HEADER: usize = 12;
/// Type, length, and the length again: a block without a body.
const EMPTY_BLOCK: usize = 12;
/// Where a block's body begins.
const BODY: usize = 8;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Interface descriptions with more options than this make no sense.
const MAX_DESCRIPTION: usize = 64 * 1024;
/// Interfaces of a section, or names of a file, that are believed.
const MAX_INTERFACES: usize = 64 * 1024;

pub(super) struct PcapNg {
    order: ByteOrder,
    section: Vec<Description>,
    /// Drops told by the statistics of this section's interfaces, the newest of each.
    section_dropped: HashMap<usize, u64>,
    /// Drops of earlier sections, and those told packet by packet.
    dropped: Option<u64>,
    interfaces: Vec<CaptureInterface>,
    by_name: HashMap<Option<Arc<str>>, usize>,
}

/// An interface of the current section.
#[derive(Clone, Copy)]
struct Description {
    index: usize,
    link: Link,
    link_type: u16,
    snap_length: u32,
    max_captured: u32,
    resolution: Resolution,
    offset_ns: i64,
}

pub(super) fn is_pcapng(begin: &[u8]) -> bool {
    begin.starts_with(&SECTION.to_be_bytes())
}

/// The byte order of the section whose header block is at hand.
fn section_order(block: &[u8]) -> Option<ByteOrder> {
    match block.get(8..12)? {
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(ByteOrder::Big),
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(ByteOrder::Little),
        _ => None,
    }
}

impl PcapNg {
    pub(super) fn open(begin: &[u8]) -> Result<Self, Error> {
        if begin.len() < SECTION_HEADER {
            return Err(Error::CutHeader { bytes: begin.len() as u64 });
        }
        let Some(order) = section_order(begin) else {
            return Err(Error::NotACapture {
                begins_with: "0a 0d 0d 0a and then no byte-order mark".to_owned(),
            });
        };
        Ok(Self {
            order,
            section: Vec::new(),
            section_dropped: HashMap::new(),
            dropped: None,
            interfaces: Vec::new(),
            by_name: HashMap::new(),
        })
    }

    pub(super) fn interfaces(&self) -> &[CaptureInterface] {
        &self.interfaces
    }

    pub(super) fn dropped(&self) -> Option<u64> {
        let current = self.section_dropped.values().copied().reduce(u64::saturating_add);
        match (self.dropped, current) {
            (None, None) => None,
            (before, now) => Some(before.unwrap_or(0).saturating_add(now.unwrap_or(0))),
        }
    }

    #[inline]
    pub(super) fn step(&mut self, at_hand: &[u8]) -> Result<Step, String> {
        if at_hand.len() < EMPTY_BLOCK {
            return Ok(Step::Need(EMPTY_BLOCK));
        }
        if is_pcapng(at_hand) {
            self.order =
                section_order(at_hand).ok_or("a section begins without a byte-order mark")?;
        }
        let kind = self.order.u32(at_hand, 0);
        let told = self.order.u32(at_hand, 4);
        if (told as usize) < EMPTY_BLOCK {
            return Err(format!("a block of {told} bytes is shorter than its own frame"));
        }
        // Some writers leave the padding out of the length.
        let block = Block { kind, told, length: u64::from(told).next_multiple_of(4) };
        match kind {
            ENHANCED_PACKET | OBSOLETE_PACKET => self.packet(&block, at_hand),
            SIMPLE_PACKET => self.simple_packet(&block, at_hand),
            SECTION => self.whole(&block, at_hand, Self::section),
            INTERFACE => self.whole(&block, at_hand, Self::interface),
            INTERFACE_STATISTICS => self.whole(&block, at_hand, Self::statistics),
            _ => Ok(Step::Other { consume: block.length }),
        }
    }

    /// Waits until a block that is not a packet is there as a whole, then reads its body.
    fn whole(
        &mut self,
        block: &Block,
        at_hand: &[u8],
        read: fn(&mut Self, &[u8]) -> Result<(), String>,
    ) -> Result<Step, String> {
        let length = usize::try_from(block.length).unwrap_or(usize::MAX);
        if length > MAX_DESCRIPTION {
            return Err(format!("a description of {length} bytes makes no sense"));
        }
        let Some(bytes) = at_hand.get(..length) else { return Ok(Step::Need(length)) };
        self.check_trailer(block, bytes)?;
        read(self, &bytes[BODY..length - 4])?;
        Ok(Step::Other { consume: block.length })
    }

    /// The length stands at both ends of a block.
    #[inline]
    fn check_trailer(&self, block: &Block, bytes: &[u8]) -> Result<(), String> {
        let again = self.order.u32(bytes, bytes.len() - 4);
        if again == block.told {
            return Ok(());
        }
        Err(format!("its length is {} at its beginning and {again} at its end", block.told))
    }

    fn section(&mut self, body: &[u8]) -> Result<(), String> {
        if body.len() < 16 {
            return Err("a section header ends early".to_owned());
        }
        let major = self.order.u16(body, 4);
        if major != 1 {
            return Err(format!("a section of version {major}, and only 1 is known"));
        }
        self.dropped = self.dropped();
        self.section_dropped.clear();
        self.section.clear();
        Ok(())
    }

    fn interface(&mut self, body: &[u8]) -> Result<(), String> {
        if body.len() < 8 {
            return Err("an interface description ends early".to_owned());
        }
        if self.section.len() >= MAX_INTERFACES {
            return Err(format!("more than {MAX_INTERFACES} interfaces"));
        }
        let link_type = self.order.u16(body, 0);
        let mut name = None;
        let mut resolution = Resolution::MICROSECONDS;
        let mut offset_ns = 0i64;
        for (code, value) in self.options(&body[8..]) {
            match (code, value) {
                (2, name_bytes) => name = Some(Arc::from(String::from_utf8_lossy(name_bytes))),
                (9, &[value]) => resolution = Resolution::from_option(value),
                (14, value) if value.len() == 8 => {
                    let seconds = self.order.u64(value, 0) as i64;
                    offset_ns = seconds.saturating_mul(1_000_000_000);
                }
                _ => {}
            }
        }
        let description = Description {
            index: self.index_of(name)?,
            link: Link::from_link_type(link_type),
            link_type,
            snap_length: self.order.u32(body, 4),
            max_captured: max_captured(link_type),
            resolution,
            offset_ns,
        };
        self.section.push(description);
        Ok(())
    }

    fn index_of(&mut self, name: Option<Arc<str>>) -> Result<usize, String> {
        if let Some(index) = self.by_name.get(&name) {
            return Ok(*index);
        }
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(format!("more than {MAX_INTERFACES} interfaces"));
        }
        let index = self.interfaces.len();
        self.interfaces.push(CaptureInterface { name: name.clone() });
        self.by_name.insert(name, index);
        Ok(index)
    }

    /// What the capturing system says it lost.
    fn statistics(&mut self, body: &[u8]) -> Result<(), String> {
        if body.len() < 12 {
            return Err("interface statistics end early".to_owned());
        }
        let interface = self.order.u32(body, 0) as usize;
        let mut dropped = None::<u64>;
        for (code, value) in self.options(&body[12..]) {
            // isb_ifdrop by the interface, isb_osdrop by the operating system.
            if matches!(code, 5 | 7) && value.len() == 8 {
                let more = self.order.u64(value, 0);
                dropped = Some(dropped.unwrap_or(0).saturating_add(more));
            }
        }
        if let (Some(dropped), true) = (dropped, interface < self.section.len()) {
            self.section_dropped.insert(interface, dropped);
        }
        Ok(())
    }

    /// Code and value of each option until their end; a cut one ends them too.
    fn options<'a>(&self, mut rest: &'a [u8]) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let order = self.order;
        std::iter::from_fn(move || {
            let (header, after) = rest.split_first_chunk::<4>()?;
            let code = order.u16(header, 0);
            let length = usize::from(order.u16(header, 2));
            let value = after.get(..length)?;
            rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
            (code != 0).then_some((code, value))
        })
    }

    /// Enhanced and obsolete packet blocks: the same but for the interface's number.
    #[inline]
    fn packet(&mut self, block: &Block, at_hand: &[u8]) -> Result<Step, String> {
        const HEADER: usize = 28;
        let Some(header) = at_hand.get(..HEADER) else { return Ok(Step::Need(HEADER)) };
        let interface = if block.kind == ENHANCED_PACKET {
            self.order.u32(header, 8) as usize
        } else {
            usize::from(self.order.u16(header, 8))
        };
        let description = self.description(interface)?;
        let captured = self.order.u32(header, 20);
        if let Some(step) = self.check_packet(block, &description, HEADER, captured, at_hand)? {
            return Ok(step);
        }
        if block.kind == OBSOLETE_PACKET {
            self.count_drops(self.order.u16(header, 10));
        }
        let units =
            u64::from(self.order.u32(header, 12)) << 32 | u64::from(self.order.u32(header, 16));
        let time_ns = description.resolution.nanoseconds(units);
        let length = self.order.u32(header, 24);
        Ok(Step::Packet {
            packet: Packet {
                interface: description.index,
                link: description.link,
                link_type: description.link_type,
                time_ns: Some(time_ns.saturating_add(description.offset_ns)),
                length: length.max(captured),
                captured,
            },
            head_at: HEADER,
            head: (captured as usize).min(MAX_HEAD),
            consume: block.length,
        })
    }

    /// `drops_count` of an obsolete packet block; all ones stand for unknown.
    fn count_drops(&mut self, drops: u16) {
        if drops != u16::MAX {
            self.dropped = Some(self.dropped.unwrap_or(0).saturating_add(u64::from(drops)));
        }
    }

    fn simple_packet(&self, block: &Block, at_hand: &[u8]) -> Result<Step, String> {
        const HEADER: usize = 12;
        let description = self.description(0)?;
        let length = self.order.u32(at_hand, 8);
        let room = u32::try_from(block.length).unwrap_or(u32::MAX).saturating_sub(16);
        let snap_length = match description.snap_length {
            0 => u32::MAX,
            limit => limit,
        };
        let captured = length.min(snap_length).min(room);
        if let Some(step) = self.check_packet(block, &description, HEADER, captured, at_hand)? {
            return Ok(step);
        }
        Ok(Step::Packet {
            packet: Packet {
                interface: description.index,
                link: description.link,
                link_type: description.link_type,
                time_ns: None,
                length,
                captured,
            },
            head_at: HEADER,
            head: (captured as usize).min(MAX_HEAD),
            consume: block.length,
        })
    }

    #[inline]
    fn description(&self, interface: usize) -> Result<Description, String> {
        self.section.get(interface).copied().ok_or_else(|| {
            format!(
                "it is of interface {interface}, and its section describes {}",
                self.section.len()
            )
        })
    }

    /// Whether a packet block can be taken; `Some` asks for more bytes.
    #[inline]
    fn check_packet(
        &self,
        block: &Block,
        description: &Description,
        header: usize,
        captured: u32,
        at_hand: &[u8],
    ) -> Result<Option<Step>, String> {
        if captured > description.max_captured {
            return Err(format!(
                "it claims {captured} captured bytes, more than the {} a record can have",
                description.max_captured
            ));
        }
        let content = header as u64 + u64::from(captured) + 4;
        if content > block.length {
            return Err(format!(
                "it claims {captured} captured bytes in a block of {}",
                block.told
            ));
        }
        // A block that fits is taken whole, so that a cut one is not counted.
        let wanted = block.length.min((header + MAX_HEAD) as u64) as usize;
        let Some(bytes) = at_hand.get(..wanted) else { return Ok(Some(Step::Need(wanted))) };
        if wanted as u64 == block.length {
            self.check_trailer(block, bytes)?;
        }
        Ok(None)
    }
}

/// The frame of a block.
struct Block {
    kind: u32,
    /// Length as written.
    told: u32,
    /// Length with padding.
    length: u64,
}
