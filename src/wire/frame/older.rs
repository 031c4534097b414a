//! Link headers of older networks, which captures that are passed around still hold.

use super::bytes::be16;
use super::ip;
use super::payload::{cut_link, ether_payload, llc};
use super::summary::{Layers, Network, Summary};

/// Cisco HDLC: address, control, EtherType.
pub(super) fn cisco_hdlc(frame: &[u8]) -> Summary {
    /// Cisco's serial line keep-alive and address resolution, which has RARP's number.
    const SLARP: u16 = 0x8035;
    /// Cisco Discovery Protocol.
    const CDP: u16 = 0x2000;
    match (be16(frame, 2), frame.get(4..)) {
        (Some(number @ (SLARP | CDP)), Some(_)) => {
            let network = Network::Cisco(number);
            Summary { layers: Layers::NONE, network, truncated: false }
        }
        (Some(ether_type), Some(rest)) => ether_payload(ether_type, rest),
        _ => cut_link(),
    }
}

/// Frame relay with multiprotocol encapsulation (RFC 2427, 3 and 4.1).
pub(super) fn frame_relay(frame: &[u8]) -> Summary {
    /// Unnumbered information.
    const CONTROL: u8 = 0x03;
    // The address ends with the byte whose lowest bit is set.
    let Some(end) = frame.iter().take(4).position(|byte| byte & 1 == 1) else {
        return if frame.len() < 4 { cut_link() } else { Summary::UNREADABLE };
    };
    match &frame[end + 1..] {
        [CONTROL, 0, payload @ ..] | [CONTROL, payload @ ..] => multiprotocol(payload),
        // Cisco's own encapsulation: the EtherType stands where the control byte would.
        [high, low, rest @ ..] => ether_payload(u16::from_be_bytes([*high, *low]), rest),
        _ => cut_link(),
    }
}

/// What follows the network layer protocol identifier (ISO/IEC TR 9577).
fn multiprotocol(payload: &[u8]) -> Summary {
    match payload {
        [0xcc, rest @ ..] => ip::decode_v4(rest, Layers::NONE),
        [0x8e, rest @ ..] => ip::decode_v6(rest, Layers::NONE),
        [0x80, 0, 0, 0, high, low, rest @ ..] => {
            ether_payload(u16::from_be_bytes([*high, *low]), rest)
        }
        [0x80, snap @ ..] if snap.len() < 5 => cut_link(),
        [] => cut_link(),
        _ => Summary::UNREADABLE,
    }
}

/// FDDI: frame control, two addresses, LLC.
pub(super) fn fddi(frame: &[u8]) -> Summary {
    after(frame, 13)
}

/// IEEE 802.5 token ring: access and frame control, two addresses, perhaps a source route,
/// LLC.
pub(super) fn token_ring(frame: &[u8]) -> Summary {
    const HEADER: usize = 14;
    let is_source_routed = frame.get(8).is_some_and(|source| source & 0x80 != 0);
    match frame.get(HEADER) {
        Some(control) if is_source_routed => after(frame, HEADER + usize::from(control & 0x1f)),
        Some(_) => after(frame, HEADER),
        None => cut_link(),
    }
}

fn after(frame: &[u8], header: usize) -> Summary {
    frame.get(header..).map_or_else(cut_link, |rest| llc(rest, Layers::NONE))
}
