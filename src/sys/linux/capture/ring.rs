//! The ring: blocks of packets in memory that the kernel fills and hands over one at a time.

use std::mem::offset_of;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use libc::{c_int, tpacket_hdr_v1, tpacket3_hdr};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use super::{socket, tag};
use crate::sys::capture::Captured;
use crate::sys::error::{Error, Result};
use crate::wire::frame::Link;

/// Blocks of the ring, where no size is asked for.
const BLOCKS: u32 = 32;
/// One is filled while the other is read.
const FEWEST_BLOCKS: u32 = 2;
/// Longer rings are refused by the kernel, whose lists of blocks are of limited length.
const MOST_BLOCKS: u64 = 4096;
/// What a packet takes up beside its bytes: its header, the link address, and room to align.
const BESIDE_PACKET: u32 = 256;
/// Bytes of a block where only headers are captured: hundreds of packets.
const BLOCK_BYTES: u32 = 256 * 1024;
/// Bytes of a block where packets are captured as a whole: the longest fits.
const LARGE_BLOCK_BYTES: u32 = 1024 * 1024;
/// Longer packets go into large blocks.
const LARGE: u32 = 16 * 1024;
/// The least that the kernel shares: its largest page.
const PAGE: u32 = 64 * 1024;
/// Nominal only: packets of a TPACKET_V3 block lie as close as they can.
const FRAME_BYTES: u32 = 2048;

/// `struct tpacket3_hdr` without what is not read.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct PacketHeader {
    next_offset: u32,
    sec: u32,
    nsec: u32,
    snap_length: u32,
    length: u32,
    status: u32,
    mac: u16,
    net: u16,
    hash: u32,
    tag: u32,
    tag_type: u16,
    rest: [u8; 10],
}
const _: () = assert!(size_of::<PacketHeader>() == size_of::<tpacket3_hdr>());
const _: () = assert!(offset_of!(PacketHeader, net) == offset_of!(tpacket3_hdr, tp_net));

/// `struct sockaddr_ll`, which follows each packet header.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct LinkAddress {
    family: u16,
    /// EtherType in network order.
    protocol: u16,
    index: u32,
    hardware: u16,
    rest: [u8; 10],
}
const _: () = assert!(size_of::<LinkAddress>() == size_of::<libc::sockaddr_ll>());

/// Where the header proper lies within a block descriptor.
const HEADER: usize = offset_of!(libc::tpacket_block_desc, hdr);
const STATUS: usize = HEADER + offset_of!(tpacket_hdr_v1, block_status);
const PACKETS: usize = HEADER + offset_of!(tpacket_hdr_v1, num_pkts);
const FIRST_PACKET: usize = HEADER + offset_of!(tpacket_hdr_v1, offset_to_first_pkt);
/// Where the link address lies behind a packet header.
const ADDRESS: usize = size_of::<PacketHeader>().next_multiple_of(libc::TPACKET_ALIGNMENT);

/// `struct tpacket_req3` (linux/if_packet.h).
#[derive(zerocopy::IntoBytes, zerocopy::Immutable)]
#[repr(C)]
struct Request {
    block_size: u32,
    blocks: u32,
    frame_size: u32,
    frames: u32,
    retire_ms: u32,
    private_bytes: u32,
    features: u32,
}

/// The mapped ring. Unmapped when dropped.
#[derive(Debug)]
pub(super) struct Ring {
    base: NonNull<u8>,
    /// The block that is handed over next.
    next: u32,
    size: Size,
}

/// How large a ring is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) block_bytes: u32,
    pub(super) blocks: u32,
}

impl Size {
    /// Of a ring for packets of which so many bytes are taken, of at most `bytes` in all unless
    /// that is less than a few of them need.
    pub(super) fn of(snap_length: u32, bytes: Option<u64>) -> Self {
        let usual = if snap_length > LARGE { LARGE_BLOCK_BYTES } else { BLOCK_BYTES };
        let Some(bytes) = bytes else { return Self { block_bytes: usual, blocks: BLOCKS } };
        let least = (snap_length + BESIDE_PACKET).next_power_of_two().max(PAGE);
        let share = u32::try_from(bytes / u64::from(FEWEST_BLOCKS)).unwrap_or(usual);
        let share = share.checked_ilog2().map_or(0, |power| 1 << power);
        let block_bytes = share.clamp(least, usual.max(least));
        let blocks = bytes / u64::from(block_bytes);
        let blocks = blocks.clamp(u64::from(FEWEST_BLOCKS), MOST_BLOCKS) as u32;
        Self { block_bytes, blocks }
    }

    fn bytes(self) -> usize {
        self.block_bytes as usize * self.blocks as usize
    }
}

// SAFETY: the mapping belongs to this value alone and is not tied to a thread.
unsafe impl Send for Ring {}

impl Ring {
    /// Gives `socket` a ring, whose blocks are handed over after `timeout` when they are not full.
    pub(super) fn map(socket: &OwnedFd, size: Size, timeout: Duration) -> Result<Self> {
        let version = libc::tpacket_versions::TPACKET_V3 as c_int;
        socket::set(socket, libc::SOL_PACKET, libc::PACKET_VERSION, &version)
            .map_err(|error| unsupported_or_os("choose TPACKET_V3", error))?;
        let request = Request {
            block_size: size.block_bytes,
            blocks: size.blocks,
            frame_size: FRAME_BYTES,
            frames: size.block_bytes / FRAME_BYTES * size.blocks,
            // 0 would leave it to the kernel.
            retire_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX).max(1),
            private_bytes: 0,
            features: 0,
        };
        socket::set(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)
            .map_err(|error| Error::os("set up the capture ring", error))?;
        // SAFETY: a fresh shared mapping at an address of the kernel's choice touches no memory
        // that Rust knows of.
        let base = unsafe {
            mmap(
                std::ptr::null_mut(),
                size.bytes(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                socket,
                0,
            )
        };
        let base = base.map_err(|error| Error::os("map the capture ring", error))?;
        let base = NonNull::new(base.cast())
            .ok_or_else(|| Error::os("map the capture ring", Errno::NOMEM))?;
        Ok(Self { base, next: 0, size })
    }

    /// Whether a block waits to be taken.
    pub(super) fn is_ready(&self) -> bool {
        self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// Hands over the packets of all blocks that are ready, at most once around the ring. `None` when
    /// none is.
    pub(super) fn take_round(
        &mut self,
        mut each: impl FnMut(&Captured<'_>) -> ControlFlow<()>,
    ) -> Option<ControlFlow<()>> {
        let mut taken = None;
        for _ in 0..self.size.blocks {
            match self.take_block(&mut each) {
                None => break,
                Some(ControlFlow::Break(())) => return Some(ControlFlow::Break(())),
                continued => taken = continued,
            }
        }
        taken
    }

    /// Hands over the packets of the next block and gives it back to the kernel. `None` when no
    /// block is ready.
    fn take_block(
        &mut self,
        each: impl FnMut(&Captured<'_>) -> ControlFlow<()>,
    ) -> Option<ControlFlow<()>> {
        if !self.is_ready() {
            return None;
        }
        let flow = packets(self.block(), each);
        self.status().store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = (self.next + 1) % self.size.blocks;
        Some(flow)
    }

    /// The status word of the next block, which kernel and reader use to pass the block on.
    fn status(&self) -> &AtomicU32 {
        // SAFETY: the word lies within the mapping, is aligned as blocks are page-aligned, lives
        // as long as `self`, and is only accessed atomically on this side.
        unsafe { AtomicU32::from_ptr(self.next_block().add(STATUS).cast().as_ptr()) }
    }

    /// The bytes of the next block, which must be ready, behind the status word.
    fn block(&self) -> &[u8] {
        // SAFETY: the bytes lie within the mapping. The kernel leaves a block that it handed over
        // alone until its status is reset, which happens after this borrow ends: it needs
        // `&mut self` in `take_block`. The status word itself is left out of the slice.
        unsafe {
            let start = self.next_block().add(AFTER_STATUS);
            std::slice::from_raw_parts(
                start.as_ptr(),
                self.size.block_bytes as usize - AFTER_STATUS,
            )
        }
    }

    fn next_block(&self) -> NonNull<u8> {
        let offset = self.next as usize * self.size.block_bytes as usize;
        // SAFETY: `next` is less than the number of blocks, so the offset lies within the mapping.
        unsafe { self.base.add(offset) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the range is the one that mmap gave, and nothing borrows from it any more.
        let unmapped = unsafe { munmap(self.base.as_ptr().cast(), self.size.bytes()) };
        debug_assert!(unmapped.is_ok());
    }
}

const AFTER_STATUS: usize = STATUS + size_of::<u32>();

fn unsupported_or_os(what: &str, error: std::io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::EINVAL | libc::ENOPROTOOPT) => Error::unsupported(
            "packet capture",
            "this kernel has no TPACKET_V3 rings, which came with Linux 3.2",
        ),
        _ => Error::os(what, error),
    }
}

fn number(block: &[u8], at: usize) -> usize {
    let bytes = block.get(at - AFTER_STATUS..).and_then(<[u8]>::first_chunk).copied();
    u32::from_ne_bytes(bytes.unwrap_or_default()) as usize
}

/// Walks the packets of a block, given from behind its status word. Offsets that lead out of it
/// end the walk: they would be the kernel's fault, but no reason to read elsewhere.
fn packets(
    block: &[u8],
    mut each: impl FnMut(&Captured<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut at = number(block, FIRST_PACKET);
    for _ in 0..number(block, PACKETS) {
        let Some(packet) = at.checked_sub(AFTER_STATUS).and_then(|at| block.get(at..)) else {
            break;
        };
        let Some((captured, next)) = packet_at(packet) else { break };
        each(&captured)?;
        at += next;
    }
    ControlFlow::Continue(())
}

/// The packet whose header begins `bytes`, and the way from there to the next.
#[inline]
fn packet_at(bytes: &[u8]) -> Option<(Captured<'_>, usize)> {
    let (header, _) = PacketHeader::ref_from_prefix(bytes).ok()?;
    let (address, _) = LinkAddress::ref_from_prefix(bytes.get(ADDRESS..)?).ok()?;
    let mac = usize::from(header.mac);
    let end = mac + header.snap_length as usize;
    let (link, start) = match Link::from_arphrd(address.hardware) {
        Some(link) => (link, mac),
        // A link header of no form to rely on: the kernel says where the network header is.
        None => (Link::Payload(u16::from_be(address.protocol)), usize::from(header.net)),
    };
    let tag = tag::of(header.status, header.tag as u16, header.tag_type);
    let captured = Captured {
        interface: address.index,
        link,
        time_ns: i64::from(header.sec) * 1_000_000_000 + i64::from(header.nsec),
        length: header.length + if tag.is_some() { tag::BYTES } else { 0 },
        cut: header.snap_length < header.length,
        tag,
        bytes: bytes.get(start..end.max(start))?,
    };
    Some((captured, header.next_offset as usize))
}

/// Walks a block that begins with nonsense.
#[cfg(test)]
pub(super) fn read_block_for_test(bytes: &mut [u8], first: u32) {
    let at = FIRST_PACKET - AFTER_STATUS;
    if let Some(offset) = bytes.get_mut(at..at + size_of::<u32>()) {
        offset.copy_from_slice(&first.to_ne_bytes());
    }
    let flow = packets(bytes, |captured| {
        assert!(captured.bytes.len() <= 600);
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue());
}
