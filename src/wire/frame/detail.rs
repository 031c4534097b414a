//! What of a transport header and payload is counted beyond ports and flags.

use super::bytes::be16;
use super::decode::{decode, ip_packet, place_of};
use super::ip::behind_v6;
use super::link::Link;
use super::summary::{Ip, Transport};

/// A TCP segment (RFC 9293, 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Number of its first byte.
    pub sequence: u32,
    /// Number of the byte that the sender expects next.
    pub acknowledgment: u32,
    /// The sender's window, as it is written.
    pub window: u16,
    /// Bytes of payload, captured or not.
    pub payload: u32,
}

/// What a payload is, by its first bytes, and by its port where the bytes alone do not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Application {
    /// Not told.
    #[default]
    Unknown,
    /// A TLS record (RFC 8446, 5.1).
    Tls,
    /// HTTP/1 or the preface of HTTP/2.
    Http,
    /// The identification of SSH (RFC 4253, 4.2).
    Ssh,
    /// DNS at port 53.
    Dns,
    /// DNS at port 5353 (RFC 6762).
    Mdns,
    /// DNS at port 5355 (RFC 4795).
    Llmnr,
    /// A long header of QUIC (RFC 8999).
    Quic,
    /// NTP at port 123.
    Ntp,
    /// DHCP between ports 67 and 68.
    Dhcp,
    /// DHCPv6 between ports 546 and 547.
    Dhcpv6,
    /// HTTP over UDP at port 1900.
    Ssdp,
}

impl Application {
    /// How many there are.
    pub const KINDS: usize = 12;

    /// Lower-case names, by number.
    pub const NAMES: [&'static str; Self::KINDS] = [
        "unknown", "tls", "http", "ssh", "dns", "mdns", "llmnr", "quic", "ntp", "dhcp", "dhcpv6",
        "ssdp",
    ];

    /// Its name; `None` where it is not told.
    pub fn name(self) -> Option<&'static str> {
        (self != Self::Unknown).then(|| Self::NAMES[self as usize])
    }

    /// Whether it is DNS in one of its forms.
    pub fn is_dns(self) -> bool {
        matches!(self, Self::Dns | Self::Mdns | Self::Llmnr)
    }
}

/// What a packet has behind its IP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detail<'a> {
    /// The segment, for TCP whose header is there.
    pub segment: Option<Segment>,
    /// What the payload is.
    pub application: Application,
    /// The payload of TCP and UDP, or what follows the first eight bytes of ICMP, as far as it
    /// was captured.
    pub payload: &'a [u8],
}

/// Reads on where [`super::decode()`] found `ip`.
#[inline]
pub(super) fn detail<'a>(link: Link, frame: &'a [u8], ip: &Ip) -> Detail<'a> {
    let found = match ip.transport {
        Transport::Tcp { source, destination, flags: Some(_) } => transport(link, frame, ip)
            .and_then(|(bytes, length)| tcp(bytes, length, source, destination)),
        Transport::Ports { source, destination, .. } if ip.protocol == 17 => {
            transport(link, frame, ip).and_then(|(bytes, _)| {
                let payload = bytes.get(8..)?;
                let application = datagram(payload, source, destination);
                Some(Detail { segment: None, application, payload })
            })
        }
        Transport::Icmp { .. } => transport(link, frame, ip)
            .and_then(|(bytes, _)| Some(Detail { payload: bytes.get(8..)?, ..Detail::default() })),
        _ => None,
    };
    found.unwrap_or_default()
}

/// What follows the IP header and its extension headers, and how long that is by the packet's
/// own word.
#[inline]
fn transport<'a>(link: Link, frame: &'a [u8], ip: &Ip) -> Option<(&'a [u8], usize)> {
    let packet = match ip_packet(link, frame) {
        Some(packet) => packet,
        None => frame.get(place_of(ip, frame)?..)?,
    };
    match packet.first()? >> 4 {
        4 => {
            let header = usize::from(packet[0] & 0xf) * 4;
            let total = usize::from(be16(packet, 2)?);
            let total = if total < header { packet.len() } else { total };
            let bytes = packet.get(header..total.min(packet.len()))?;
            Some((bytes, total - header))
        }
        6 => behind_v6(packet),
        _ => None,
    }
}

fn tcp(bytes: &[u8], length: usize, source: u16, destination: u16) -> Option<Detail<'_>> {
    let header = usize::from(bytes.get(12)? >> 4) * 4;
    if header < 20 {
        return None;
    }
    let number = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let segment = Segment {
        sequence: number(4)?,
        acknowledgment: number(8)?,
        window: be16(bytes, 14)?,
        payload: u32::try_from(length.saturating_sub(header)).unwrap_or(u32::MAX),
    };
    let payload = bytes.get(header..).unwrap_or_default();
    let application = stream(payload, source, destination);
    Some(Detail { segment: Some(segment), application, payload })
}

fn stream(payload: &[u8], source: u16, destination: u16) -> Application {
    match payload {
        [20..=24, 3, 0..=4, high, _, ..] if *high <= 0x48 => Application::Tls,
        [b'G', b'E', b'T', b' ', ..]
        | [b'P', b'O', b'S', b'T', b' ', ..]
        | [b'P', b'U', b'T', b' ', ..]
        | [b'H', b'E', b'A', b'D', b' ', ..]
        | [b'H', b'T', b'T', b'P', b'/', ..]
        | [b'D', b'E', b'L', b'E', b'T', b'E', b' ', ..]
        | [b'P', b'A', b'T', b'C', b'H', b' ', ..]
        | [b'O', b'P', b'T', b'I', b'O', b'N', b'S', b' ', ..]
        | [b'C', b'O', b'N', b'N', b'E', b'C', b'T', b' ', ..]
        | [b'P', b'R', b'I', b' ', b'*', b' ', ..] => Application::Http,
        [b'S', b'S', b'H', b'-', ..] => Application::Ssh,
        [_, _, rest @ ..] if (source == 53 || destination == 53) && is_dns(rest) => {
            Application::Dns
        }
        _ => Application::Unknown,
    }
}

fn datagram(payload: &[u8], source: u16, destination: u16) -> Application {
    let is = |port| source == port || destination == port;
    match payload {
        _ if is(53) && is_dns(payload) => Application::Dns,
        _ if is(5353) && is_dns(payload) => Application::Mdns,
        _ if is(5355) && is_dns(payload) => Application::Llmnr,
        // Long header with the fixed bit, and a version that is in use.
        [0xc0..=0xff, 0, 0, 0, 1, ..]
        | [0xc0..=0xff, 0x6b, 0x33, 0x43, 0xcf, ..]
        | [0xc0..=0xff, 0xff, 0, 0, _, ..] => Application::Quic,
        [first, ..] if is(123) && payload.len() >= 48 && matches!(first >> 3 & 7, 1..=4) => {
            Application::Ntp
        }
        [1 | 2, 1, 6, ..] if (is(67) || is(68)) && payload.len() >= 236 => Application::Dhcp,
        [1..=13, _, _, _, ..] if is(546) || is(547) => Application::Dhcpv6,
        [b'M', b'-', b'S', b'E', b'A', ..] | [b'N', b'O', b'T', b'I', b'F', ..] if is(1900) => {
            Application::Ssdp
        }
        _ => Application::Unknown,
    }
}

/// A header of DNS with a known operation and few questions.
fn is_dns(payload: &[u8]) -> bool {
    matches!(payload, [_, _, flags, _, 0, 0..=32, _, _, _, _, _, _, ..] if flags >> 3 & 0xf <= 6)
}

/// The IP packet that an error message of ICMP speaks of, as far as the message has it.
pub(super) fn spoken_of(ip: &Ip, payload: &[u8]) -> Option<Ip> {
    let Transport::Icmp { kind, .. } = ip.transport else { return None };
    let is_error = match ip.source.is_v4() {
        true => matches!(kind, 3 | 4 | 5 | 11 | 12),
        false => matches!(kind, 1..=4),
    };
    let inner = is_error.then(|| decode(Link::RawIp, payload))?;
    inner.ip().copied()
}
