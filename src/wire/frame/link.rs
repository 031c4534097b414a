//! Link headers and what stands between them and the network layer.

use etherparse::{EtherType, Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::{Layers, Network, Summary, ip, older, wireless, wrapped};

/// How a frame begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Ethernet II or IEEE 802.3.
    Ethernet,
    /// Linux cooked capture, version 1.
    LinuxSll,
    /// Linux cooked capture, version 2.
    LinuxSll2,
    /// IPv4 or IPv6 without a link header.
    RawIp,
    /// Four bytes of address family in the byte order of the host that captured (BSD loopback),
    /// or big-endian (OpenBSD).
    Null,
    /// PPP, with or without the HDLC address and control bytes (RFC 1662).
    Ppp,
    /// PPP in HDLC framing, or Cisco HDLC in its place (RFC 1547, 4.3.1).
    PppHdlc,
    /// Cisco HDLC.
    CiscoHdlc,
    /// Frame relay.
    FrameRelay,
    /// FDDI.
    Fddi,
    /// IEEE 802.5 token ring.
    TokenRing,
    /// IEEE 802.11.
    Wireless,
    /// IEEE 802.11 behind a radiotap header.
    Radiotap,
    /// IEEE 802.11 behind a Prism or AVS header.
    PrismOrAvs,
    /// A packet of the Linux firewall's log.
    Nflog,
    /// A packet of OpenBSD's firewall log.
    Pflog,
    /// A per-packet information header that names the link type behind it.
    Ppi,
    /// The link header is already passed; this EtherType follows.
    Payload(u16),
    /// A link type that sockpit does not read, by its number in the registry.
    Unknown(u16),
}

impl Link {
    /// From a link type of the registry at <https://www.tcpdump.org/linktypes.html>.
    pub fn from_link_type(number: u16) -> Self {
        match number {
            0 | 108 => Self::Null,
            1 => Self::Ethernet,
            6 => Self::TokenRing,
            9 => Self::Ppp,
            50 => Self::PppHdlc,
            10 => Self::Fddi,
            // 12 and 14 are what LINKTYPE_RAW was written as before it had a number.
            12 | 14 | 101 | 228 | 229 => Self::RawIp,
            104 => Self::CiscoHdlc,
            107 => Self::FrameRelay,
            105 => Self::Wireless,
            113 => Self::LinuxSll,
            117 => Self::Pflog,
            119 | 163 => Self::PrismOrAvs,
            127 => Self::Radiotap,
            192 => Self::Ppi,
            239 => Self::Nflog,
            276 => Self::LinuxSll2,
            _ => Self::Unknown(number),
        }
    }

    /// The number of the registry for what a packet socket delivers.
    pub fn link_type(self) -> u16 {
        match self {
            Self::Ethernet => 1,
            Self::Unknown(number) => number,
            // What has no form to rely on begins with the network header.
            _ => 101,
        }
    }

    /// From an ARPHRD number of linux/if_arp.h, for what a packet socket of type SOCK_RAW
    /// delivers. `None` where the link header has no form of its own to rely on.
    pub fn from_arphrd(number: u16) -> Option<Self> {
        match number {
            // ARPHRD_ETHER, ARPHRD_LOOPBACK.
            1 | 772 => Some(Self::Ethernet),
            // RAWIP, TUNNEL, TUNNEL6, SIT, IPGRE, IP6GRE, NONE.
            519 | 768 | 769 | 776 | 778 | 823 | 0xfffe => Some(Self::RawIp),
            _ => None,
        }
    }
}

const IPV4: u16 = EtherType::IPV4.0;
const IPV6: u16 = EtherType::IPV6.0;
const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
/// Smaller numbers are the length of an IEEE 802.3 frame.
const FIRST_ETHER_TYPE: u16 = 0x0600;
/// More tags than any network uses; what nests deeper is somebody's joke.
const MAX_TAGS: usize = 8;

#[inline]
pub(super) fn decode(link: Link, frame: &[u8]) -> Summary {
    match link {
        Link::Ethernet => match Ethernet2HeaderSlice::from_slice(frame) {
            Ok(header) => ether_payload(header.ether_type().0, &frame[header.slice().len()..]),
            Err(_) => cut_link(),
        },
        Link::LinuxSll => cooked(frame, 14, 16),
        Link::LinuxSll2 => cooked(frame, 0, 20),
        Link::RawIp => raw_ip(frame),
        Link::Null => null(frame),
        Link::Ppp => ppp(skip_hdlc(frame), Layers::NONE),
        Link::PppHdlc => match frame {
            // Cisco's addresses of one station and of all.
            [0x0f | 0x8f, 0, ..] => older::cisco_hdlc(frame),
            _ => ppp(skip_hdlc(frame), Layers::NONE),
        },
        Link::CiscoHdlc => older::cisco_hdlc(frame),
        Link::FrameRelay => older::frame_relay(frame),
        Link::Fddi => older::fddi(frame),
        Link::TokenRing => older::token_ring(frame),
        Link::Wireless => wireless::ieee80211(frame),
        Link::Radiotap => wireless::radiotap(frame),
        Link::PrismOrAvs => wireless::prism_or_avs(frame),
        Link::Nflog => wrapped::nflog(frame),
        Link::Pflog => wrapped::pflog(frame),
        Link::Ppi => wrapped::ppi(frame),
        Link::Payload(ether_type) => ether_payload(ether_type, frame),
        Link::Unknown(_) => Summary::UNREADABLE,
    }
}

/// See [`super::ip_packet`].
#[inline]
pub(super) fn ip_packet(link: Link, frame: &[u8]) -> Option<&[u8]> {
    const ADDRESSES: usize = 12;
    let (mut ether_type, mut rest) = match link {
        Link::RawIp => return Some(frame),
        Link::Payload(ether_type) => (ether_type, frame),
        Link::Ethernet => (be16(frame, ADDRESSES)?, frame.get(ADDRESSES + 2..)?),
        Link::LinuxSll => (be16(frame, 14)?, frame.get(16..)?),
        Link::LinuxSll2 => (be16(frame, 0)?, frame.get(20..)?),
        _ => return None,
    };
    for _ in 0..MAX_TAGS {
        match ether_type {
            IPV4 | IPV6 => return Some(rest),
            tag if is_tag(tag) => (ether_type, rest) = (be16(rest, 2)?, rest.get(4..)?),
            _ => return None,
        }
    }
    None
}

pub(super) fn cut_link() -> Summary {
    Summary { truncated: true, ..Summary::UNREADABLE }
}

/// A header of `length` bytes with the protocol at `protocol_at`.
fn cooked(frame: &[u8], protocol_at: usize, length: usize) -> Summary {
    match (be16(frame, protocol_at), frame.get(length..)) {
        // ETH_P_802_2 of linux/if_ether.h; its other small numbers are not of a network.
        (Some(4), Some(rest)) => llc(rest, Layers::NONE),
        (Some(protocol), Some(_)) if protocol < FIRST_ETHER_TYPE => Summary::UNREADABLE,
        (Some(protocol), Some(rest)) => ether_payload(protocol, rest),
        _ => cut_link(),
    }
}

pub(super) fn raw_ip(frame: &[u8]) -> Summary {
    match frame.first().map(|byte| byte >> 4) {
        Some(4) => ip::decode_v4(frame, Layers::NONE),
        Some(6) => ip::decode_v6(frame, Layers::NONE),
        Some(_) => Summary::UNREADABLE,
        None => cut_link(),
    }
}

fn null(frame: &[u8]) -> Summary {
    let Some((family, rest)) = frame.split_first_chunk::<4>() else { return cut_link() };
    // An address family is a small number: in the wrong order it is a large one.
    let family = u32::from_be_bytes(*family).min(u32::from_le_bytes(*family));
    match family {
        2 => ip::decode_v4(rest, Layers::NONE),
        // AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS.
        10 | 24 | 28 | 30 => ip::decode_v6(rest, Layers::NONE),
        _ => Summary::UNREADABLE,
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

fn is_tag(ether_type: u16) -> bool {
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

fn skip_hdlc(frame: &[u8]) -> &[u8] {
    frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame)
}

/// PPP from its protocol number on, which may be compressed to one byte (RFC 1661, 6.5).
fn ppp(payload: &[u8], layers: Layers) -> Summary {
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

pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
