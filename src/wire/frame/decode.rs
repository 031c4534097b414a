//! A frame from its link header on.

use etherparse::Ethernet2HeaderSlice;

use super::bytes::be16;
use super::link::Link;
use super::payload::{
    FIRST_ETHER_TYPE, IPV4, IPV6, MAX_TAGS, cut_link, ether_payload, is_tag, llc, ppp, raw_ip,
};
use super::summary::{Address, Ip, Layers, Summary};
use super::{ip, older, wireless, wrapped};

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
        Link::Ppi => match wrapped::behind_ppi(frame) {
            Ok((link, inner)) => decode(link, inner),
            Err(summary) => summary,
        },
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

/// Where the IP header begins that was found in a frame of any kind: where its addresses stand,
/// and the bytes from there on say the same by themselves.
pub(super) fn place_of(ip: &Ip, frame: &[u8]) -> Option<usize> {
    const FURTHEST: usize = 512;
    (0..frame.len().min(FURTHEST)).find(|at| {
        let bytes = &frame[*at..];
        has_addresses(ip, bytes) && raw_ip(bytes).ip() == Some(ip)
    })
}

fn has_addresses(ip: &Ip, bytes: &[u8]) -> bool {
    match (ip.source, ip.destination) {
        (Address::V4(source), Address::V4(destination)) => {
            let addresses = bytes.get(12..20).and_then(|it| it.split_first_chunk::<4>());
            addresses.is_some_and(|(first, second)| {
                *first == source.to_be_bytes() && second == destination.to_be_bytes()
            })
        }
        _ => bytes.first().is_some_and(|byte| byte >> 4 == 6),
    }
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

fn skip_hdlc(frame: &[u8]) -> &[u8] {
    frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame)
}
