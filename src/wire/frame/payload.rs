//! What stands between a link header and the network layer: tags, labels, LLC, PPP.

use etherparse::{EtherType, SingleVlanHeaderSlice};

use super::ip;
use super::summary::{Layers, Network, Summary};

pub(super) const IPV4: u16 = EtherType::IPV4.0;

pub(super) const IPV6: u16 = EtherType::IPV6.0;

const MPLS: u16 = 0x8847;

const MPLS_MULTICAST: u16 = 0x8848;

const PPPOE_SESSION: u16 = 0x8864;

/// Smaller numbers are the length of an IEEE 802.3 frame.
pub(super) const FIRST_ETHER_TYPE: u16 = 0x0600;

/// More tags than any network uses; what nests deeper is somebody's joke.
pub(super) const MAX_TAGS: usize = 8;

pub(super) fn cut_link() -> Summary {
    Summary { truncated: true, ..Summary::UNREADABLE }
}

pub(super) fn raw_ip(frame: &[u8]) -> Summary {
    match frame.first().map(|byte| byte >> 4) {
        Some(4) => ip::decode_v4(frame, Layers::NONE),
        Some(6) => ip::decode_v6(frame, Layers::NONE),
        Some(_) => Summary::UNREADABLE,
        None => cut_link(),
    }
}

/// Follows tags and labels down to the network layer.
#[inline]
pub(super) fn ether_payload(ether_type: u16, payload: &[u8]) -> Summary {
    match ether_type {
        IPV4 => ip::decode_v4(payload, Layers::NONE),
        IPV6 => ip::decode_v6(payload, Layers::NONE),
        _ => tagged_payload(ether_type, payload),
    }
}

fn tagged_payload(mut ether_type: u16, mut payload: &[u8]) -> Summary {
    let mut layers = Layers::NONE;
    for _ in 0..MAX_TAGS {
        if !is_tag(ether_type) {
            return untagged_payload(ether_type, payload, layers);
        }
        layers.insert(Layers::VLAN);
        match SingleVlanHeaderSlice::from_slice(payload) {
            Ok(tag) => {
                ether_type = tag.ether_type().0;
                payload = &payload[tag.slice().len()..];
            }
            Err(_) => return Summary { layers, network: Network::Beyond, truncated: true },
        }
    }
    Summary { layers, network: Network::Beyond, truncated: false }
}

pub(super) fn is_tag(ether_type: u16) -> bool {
    matches!(
        EtherType(ether_type),
        EtherType::VLAN_TAGGED_FRAME
            | EtherType::PROVIDER_BRIDGING
            | EtherType::VLAN_DOUBLE_TAGGED_FRAME
    )
}

fn untagged_payload(ether_type: u16, payload: &[u8], layers: Layers) -> Summary {
    match ether_type {
        IPV4 => ip::decode_v4(payload, layers),
        IPV6 => ip::decode_v6(payload, layers),
        MPLS | MPLS_MULTICAST => mpls(payload, layers),
        PPPOE_SESSION => pppoe(payload, layers),
        0..FIRST_ETHER_TYPE => llc(payload, layers),
        _ => Summary { layers, network: Network::EtherType(ether_type), truncated: false },
    }
}

/// IEEE 802.2 LLC, and SNAP behind it (RFC 1042).
pub(super) fn llc(payload: &[u8], layers: Layers) -> Summary {
    match payload {
        // An EtherType follows the OUIs of RFC 1042, of bridge tunnels (IEEE 802.1H) and of Apple.
        [0xaa, 0xaa, 3, 0, 0, 0 | 0xf8, high, low, rest @ ..]
        | [0xaa, 0xaa, 3, 8, 0, 7, high, low, rest @ ..] => {
            let ether_type = u16::from_be_bytes([*high, *low]);
            match ether_type {
                IPV4 => ip::decode_v4(rest, layers),
                IPV6 => ip::decode_v6(rest, layers),
                _ => Summary { layers, network: Network::EtherType(ether_type), truncated: false },
            }
        }
        [0xaa, 0xaa, 3, 0, 0, 0x0c, high, low, ..] => {
            let network = Network::Cisco(u16::from_be_bytes([*high, *low]));
            Summary { layers, network, truncated: false }
        }
        [destination, ..] => {
            let snap_cut =
                payload.len() < 8 && [0xaa, 0xaa, 3].starts_with(&payload[..payload.len().min(3)]);
            Summary { layers, network: Network::Llc(*destination), truncated: snap_cut }
        }
        [] if layers.is_empty() => cut_link(),
        [] => Summary { layers, network: Network::Beyond, truncated: true },
    }
}

/// Labels down to the bottom of the stack; the payload's kind is told by its first nibble
/// alone (RFC 4928).
fn mpls(payload: &[u8], mut layers: Layers) -> Summary {
    layers.insert(Layers::MPLS);
    let bottom = payload.chunks_exact(4).position(|label| label[2] & 1 == 1);
    let rest = bottom.and_then(|index| payload.get(4 * (index + 1)..));
    match rest.and_then(<[u8]>::split_first) {
        Some((first, _)) if first >> 4 == 4 => ip::decode_v4(rest.unwrap_or_default(), layers),
        Some((first, _)) if first >> 4 == 6 => ip::decode_v6(rest.unwrap_or_default(), layers),
        found => Summary { layers, network: Network::Beyond, truncated: found.is_none() },
    }
}

fn pppoe(payload: &[u8], mut layers: Layers) -> Summary {
    layers.insert(Layers::PPPOE);
    match payload.get(6..) {
        Some(rest) => ppp(rest, layers),
        None => Summary { layers, network: Network::Beyond, truncated: true },
    }
}

/// PPP from its protocol number on, which may be compressed to one byte (RFC 1661, 6.5).
pub(super) fn ppp(payload: &[u8], layers: Layers) -> Summary {
    match payload {
        [0x00, 0x21, rest @ ..] | [0x21, rest @ ..] => ip::decode_v4(rest, layers),
        [0x00, 0x57, rest @ ..] | [0x57, rest @ ..] => ip::decode_v6(rest, layers),
        // MPLS, unicast and multicast (RFC 3032, 4.3).
        [0x02, 0x81 | 0x83, rest @ ..] => mpls(rest, layers),
        [_, _, ..] if layers.is_empty() => Summary::UNREADABLE,
        [_, _, ..] => Summary { layers, network: Network::Beyond, truncated: false },
        _ if layers.is_empty() => cut_link(),
        _ => Summary { layers, network: Network::Beyond, truncated: true },
    }
}
