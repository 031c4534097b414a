//! `packet_diag` of `linux/packet_diag.h`: the request for a dump of packet sockets, and its
//! records.

use std::borrow::Cow;

use super::socket::{self, Names};
use super::{DUMP, HEADER_LEN, Malformed, REQUEST, attributes, inet, u16_at, u32_at};
use crate::model::socket::{Family, PacketKind, PacketSocket, Protocol, Socket, State};

/// Length of a dump request with its netlink header.
pub const REQUEST_LEN: usize = HEADER_LEN + 20;
/// `sizeof(struct packet_diag_msg)`.
pub const RECORD_LEN: usize = 16;

const AF_PACKET: u8 = 17;
/// `PACKET_SHOW_*`: INFO, which brings the user too, RING_CFG, FANOUT, MEMINFO.
const SHOW: u32 = 0x01 | 0x04 | 0x08 | 0x10;

/// The bytes that ask for every packet socket (`struct packet_diag_req`).
pub fn request(sequence: u32) -> [u8; REQUEST_LEN] {
    let mut bytes = [0; REQUEST_LEN];
    bytes[0..4].copy_from_slice(&(REQUEST_LEN as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&inet::BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&(REQUEST | DUMP).to_ne_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
    bytes[16] = AF_PACKET;
    bytes[24..28].copy_from_slice(&SHOW.to_ne_bytes());
    bytes
}

/// Attribute types (`PACKET_DIAG_*`).
pub mod attribute {
    /// `struct packet_diag_info`.
    pub const INFO: u16 = 0;
    /// `struct packet_diag_ring` of the ring for receiving.
    pub const RX_RING: u16 = 2;
    /// The same of the ring for sending.
    pub const TX_RING: u16 = 3;
    /// Group in the lower half, its way of sharing in the upper.
    pub const FANOUT: u16 = 4;
    /// User id.
    pub const UID: u16 = 5;
    /// `SK_MEMINFO_*`, an array of u32.
    pub const MEMINFO: u16 = 6;
}

/// One socket as the kernel dumped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// SOCK_RAW, SOCK_DGRAM or SOCK_PACKET.
    pub kind: PacketKind,
    /// EtherType that it receives; 3 for every one, 0 for none.
    pub ether_type: u16,
    /// sockfs inode, 0 for none.
    pub inode: u32,
    /// Socket cookie.
    pub cookie: u64,
    /// Index of the interface it is bound to, 0 for all.
    pub interface: u32,
    /// Bytes of the ring for receiving.
    pub rx_ring_bytes: Option<u64>,
    /// Bytes of the ring for sending.
    pub tx_ring_bytes: Option<u64>,
    /// Number of the group, and its way of sharing.
    pub fanout: Option<(u16, u16)>,
    /// `SK_MEMINFO_*`, as many as the kernel has.
    pub memory: Option<&'a [u8]>,
    /// User id.
    pub uid: Option<u32>,
}

impl<'a> Record<'a> {
    /// Reads a record from a message's payload. `Ok(None)` for a type of packet socket that
    /// does not exist yet.
    pub fn parse(payload: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let cut = Malformed { what: "packet_diag_msg", need: RECORD_LEN, have: payload.len() };
        let (fixed, rest) = payload.split_at_checked(RECORD_LEN).ok_or(cut)?;
        let word = |at| u32_at(fixed, at).ok_or(cut);
        let mut record = Self {
            kind: PacketKind::Raw,
            ether_type: u16_at(fixed, 2).ok_or(cut)?,
            inode: word(4)?,
            cookie: u64::from(word(8)?) | u64::from(word(12)?) << 32,
            interface: 0,
            rx_ring_bytes: None,
            tx_ring_bytes: None,
            fanout: None,
            memory: None,
            uid: None,
        };
        for attribute in attributes(rest) {
            let (kind, value) = attribute?;
            record.take(kind, value);
        }
        record.kind = match (fixed[0], fixed[1]) {
            (AF_PACKET, 2) => PacketKind::Dgram,
            (AF_PACKET, 3) => PacketKind::Raw,
            (AF_PACKET, 10) => PacketKind::Packet,
            _ => return Ok(None),
        };
        Ok(Some(record))
    }

    /// A value that is shorter than its type counts as not told.
    fn take(&mut self, kind: u16, value: &'a [u8]) {
        // Size of a block, and how many there are.
        let ring = || Some(u64::from(u32_at(value, 0)?) * u64::from(u32_at(value, 4)?));
        match kind {
            attribute::INFO => self.interface = u32_at(value, 0).unwrap_or(0),
            attribute::RX_RING => self.rx_ring_bytes = ring(),
            attribute::TX_RING => self.tx_ring_bytes = ring(),
            attribute::FANOUT => {
                self.fanout = u32_at(value, 0).map(|word| (word as u16, (word >> 16) as u16));
            }
            attribute::UID => self.uid = u32_at(value, 0),
            attribute::MEMINFO => self.memory = Some(value),
            _ => {}
        }
    }
}

/// Overwrites everything in `socket` that a record tells; owners, service and first sight stay
/// as they are.
pub fn fill(socket: &mut Socket, record: &Record<'_>, names: &mut impl Names) {
    socket::forget(socket);
    socket.family = Family::Packet;
    socket.protocol = Protocol::Packet;
    socket.state = State::Unconnected;
    socket.protocol_number = Some(record.ether_type);
    socket.inode = Some(u64::from(record.inode));
    socket.cookie = Some(record.cookie);
    socket.interface = match record.interface {
        0 => None,
        index => names.interface(index).or_else(|| Some(index.to_string().into())),
    };
    socket.uid = record.uid;
    socket.user = socket.uid.and_then(|uid| names.user(uid));
    socket::set_memory(socket, record.memory);
    socket.packet = Some(Box::new(PacketSocket {
        kind: record.kind,
        rx_ring_bytes: record.rx_ring_bytes,
        tx_ring_bytes: record.tx_ring_bytes,
        fanout_group: record.fanout.map(|(group, _)| group),
        fanout_mode: record.fanout.map(|(_, mode)| fanout_mode(mode)),
    }));
}

/// `PACKET_FANOUT_*` of `linux/if_packet.h`, without the flags in the upper half.
fn fanout_mode(mode: u16) -> Cow<'static, str> {
    Cow::Borrowed(match mode & 0xff {
        0 => "hash",
        1 => "lb",
        2 => "cpu",
        3 => "rollover",
        4 => "rnd",
        5 => "qm",
        6 => "cbpf",
        7 => "ebpf",
        other => return Cow::Owned(other.to_string()),
    })
}

#[cfg(test)]
mod tests;
