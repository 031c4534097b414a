//! Packets that a firewall logged, and frames behind a header that names their link type.

use super::bytes::be16;
use super::ip;
use super::link::Link;
use super::payload::{cut_link, raw_ip};
use super::summary::{Layers, Summary};

/// The Linux firewall's log (LINKTYPE_NFLOG): family, version, resource, then attributes of
/// linux/netfilter/nfnetlink_log.h in the byte order of the host that captured.
pub(super) fn nflog(frame: &[u8]) -> Summary {
    const HEADER: usize = 4;
    const PAYLOAD: u16 = 9;
    let Some(mut rest) = frame.get(HEADER..) else { return cut_link() };
    while let [l0, l1, t0, t1, ..] = *rest {
        // A length that fits tells the byte order: the other one is mostly far too large.
        let (little, big) = (u16::from_le_bytes([l0, l1]), u16::from_be_bytes([l0, l1]));
        let (length, kind) = match usize::from(little) {
            length if (4..=rest.len()).contains(&length) => (length, u16::from_le_bytes([t0, t1])),
            _ => (usize::from(big), u16::from_be_bytes([t0, t1])),
        };
        if length < 4 {
            return Summary::UNREADABLE;
        }
        // The payload comes last; the capture may have cut it.
        if kind == PAYLOAD {
            return raw_ip(&rest[4..length.min(rest.len())]);
        }
        let Some(next) = rest.get(length.next_multiple_of(4)..) else { return cut_link() };
        rest = next;
    }
    cut_link()
}

/// OpenBSD's firewall log (LINKTYPE_PFLOG): its length without padding, the address family.
pub(super) fn pflog(frame: &[u8]) -> Summary {
    let [length, family, ..] = *frame else { return cut_link() };
    let Some(packet) = frame.get(usize::from(length).next_multiple_of(4)..) else {
        return cut_link();
    };
    match family {
        2 => ip::decode_v4(packet, Layers::NONE),
        // AF_INET6 of OpenBSD, FreeBSD, macOS.
        24 | 28 | 30 => ip::decode_v6(packet, Layers::NONE),
        _ => Summary::UNREADABLE,
    }
}

/// The frame behind per-packet information (LINKTYPE_PPI: version, flags, length, link type,
/// little-endian), and how it begins; else all that can be said.
pub(super) fn behind_ppi(frame: &[u8]) -> Result<(Link, &[u8]), Summary> {
    const PPI: u16 = 192;
    let (Some(length), Some(link_type)) = (be16(frame, 2), be16(frame, 4)) else {
        return Err(cut_link());
    };
    let (length, link_type) = (usize::from(length.swap_bytes()), link_type.swap_bytes());
    match frame.get(length..) {
        // Nobody nests it, and a header of no length would never end.
        Some(_) if length < 8 || link_type == PPI => Err(Summary::UNREADABLE),
        Some(inner) => Ok((Link::from_link_type(link_type), inner)),
        None => Err(cut_link()),
    }
}
