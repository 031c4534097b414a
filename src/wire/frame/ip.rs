//! IPv4, IPv6 with its extension headers, and the first bytes of the transport header.

use etherparse::err::ipv4::HeaderSliceError;
use etherparse::{EtherType, IpNumber, Ipv4HeaderSlice, Ipv6HeaderSlice, ip_number};

use super::bytes::be16;
use super::extensions::Walk;
use super::summary::{Address, Ip, Layers, Network, Summary, Transport};
use super::tunnel;

/// Bytes of an IPv4 header without options.
const IPV4_FIXED: usize = 20;
/// Where the type of an SCTP packet's first chunk stands, and the type of INIT.
const SCTP_CHUNK: usize = 12;
const INIT: u8 = 1;

/// IPv4 (RFC 791) from its first byte on.
#[inline]
pub(super) fn decode_v4(bytes: &[u8], layers: Layers) -> Summary {
    match Ipv4HeaderSlice::from_slice(bytes) {
        Ok(header) => {
            let start = header.slice().len();
            let end = end_of_packet(usize::from(header.total_len()), start, bytes.len());
            v4(&header, Some(&bytes[start..end]), layers)
        }
        Err(HeaderSliceError::Len(_)) => cut_v4(bytes, layers),
        Err(HeaderSliceError::Content(_)) => Summary { layers, ..Summary::UNREADABLE },
    }
}

/// Where the packet ends within `captured` bytes: padding of the link layer lies beyond its
/// own length. A length shorter than the header stands for "until the end" (segmentation
/// offload writes 0).
fn end_of_packet(own_length: usize, header: usize, captured: usize) -> usize {
    if own_length < header { captured } else { own_length.min(captured) }
}

/// A header that ends early: without its options it may still be read.
fn cut_v4(bytes: &[u8], layers: Layers) -> Summary {
    let fixed = bytes.first_chunk::<IPV4_FIXED>().map(|fixed| {
        let mut fixed = *fixed;
        fixed[0] = 0x45;
        fixed
    });
    let header = fixed.as_ref().and_then(|fixed| Ipv4HeaderSlice::from_slice(fixed).ok());
    let known = match header {
        Some(header) => v4(&header, None, layers),
        None => Summary { layers, network: Network::EtherType(EtherType::IPV4.0), truncated: true },
    };
    Summary { truncated: true, ..known }
}

/// `payload` is `None` where it was cut away together with the header's end.
#[inline]
fn v4(header: &Ipv4HeaderSlice<'_>, payload: Option<&[u8]>, layers: Layers) -> Summary {
    let mut walk = Walk::new(layers, header.protocol(), payload);
    if header.is_fragmenting_payload() {
        walk.layers.insert(Layers::FRAGMENT);
        walk.fragment = Some(u32::from(header.identification()));
        walk.later_fragment = header.fragments_offset().value() > 0;
    }
    if walk.protocol == ip_number::AUTH && !walk.later_fragment {
        walk.authentication();
    }
    walk.finish(header.source().into(), header.destination().into())
}

/// IPv6 (RFC 8200) from its first byte on.
#[inline]
pub(super) fn decode_v6(bytes: &[u8], layers: Layers) -> Summary {
    use etherparse::err::ipv6::HeaderSliceError;
    match Ipv6HeaderSlice::from_slice(bytes) {
        Ok(header) => {
            let start = header.slice().len();
            let own = usize::from(header.payload_length());
            // 0 stands for a jumbogram (RFC 2675) or segmentation offload.
            let end = end_of_packet(if own == 0 { 0 } else { start + own }, start, bytes.len());
            let mut walk = Walk::new(layers, header.next_header(), Some(&bytes[start..end]));
            walk.extensions();
            walk.finish(header.source().into(), header.destination().into())
        }
        Err(HeaderSliceError::Len(_)) => {
            Summary { layers, network: Network::EtherType(EtherType::IPV6.0), truncated: true }
        }
        Err(HeaderSliceError::Content(_)) => Summary { layers, ..Summary::UNREADABLE },
    }
}

impl Walk<'_> {
    /// With the transport header where it ends.
    #[inline]
    fn finish(self, source: Address, destination: Address) -> Summary {
        let (transport, whole) = match self.rest {
            _ if self.later_fragment => (Transport::LaterFragment, true),
            Some(rest) => transport(self.protocol, rest),
            None => (Transport::None, false),
        };
        let inner = match self.rest {
            Some(rest) if !self.later_fragment => tunnel::inner(self.protocol, rest),
            _ => None,
        };
        let (protocol, fragment) = (self.protocol.0, self.fragment);
        Summary {
            layers: self.layers,
            network: Network::Ip(Ip { source, destination, protocol, transport, fragment, inner }),
            truncated: self.truncated || !whole,
        }
    }
}

/// What follows an IPv6 header and its extension headers, and how long that is by the packet's own
/// word.
pub(super) fn behind_v6(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let header = Ipv6HeaderSlice::from_slice(bytes).ok()?;
    let start = header.slice().len();
    let own = usize::from(header.payload_length());
    let end = end_of_packet(if own == 0 { 0 } else { start + own }, start, bytes.len());
    let mut walk = Walk::new(Layers::NONE, header.next_header(), Some(&bytes[start..end]));
    walk.extensions();
    let rest = walk.rest?;
    let passed = end - start - rest.len();
    let length = if own == 0 { rest.len() } else { own.saturating_sub(passed) };
    Some((rest, length))
}

/// What is counted of the transport header, and whether all of that was there.
#[inline]
fn transport(protocol: IpNumber, bytes: &[u8]) -> (Transport, bool) {
    match protocol {
        ip_number::TCP => match ports(bytes) {
            Some((source, destination)) => {
                let flags = bytes.get(13).copied();
                (Transport::Tcp { source, destination, flags }, flags.is_some())
            }
            None => (Transport::None, false),
        },
        ip_number::UDP | ip_number::UDP_LITE | ip_number::SCTP | ip_number::DCCP => {
            match ports(bytes) {
                Some((source, destination)) => {
                    let chunk = bytes.get(SCTP_CHUNK).filter(|_| protocol == ip_number::SCTP);
                    let opens = chunk == Some(&INIT);
                    let is_whole = protocol != ip_number::SCTP || chunk.is_some();
                    (Transport::Ports { source, destination, opens }, is_whole)
                }
                None => (Transport::None, false),
            }
        }
        ip_number::ICMP | ip_number::IPV6_ICMP => match bytes {
            [kind, code, ..] => {
                let is_echo = is_echo(protocol, *kind);
                let ident = if is_echo { be16(bytes, 4) } else { None };
                let is_whole = !is_echo || ident.is_some();
                (Transport::Icmp { kind: *kind, code: *code, ident }, is_whole)
            }
            _ => (Transport::None, false),
        },
        _ => (Transport::None, true),
    }
}

/// Whether an ICMP message is an echo, or the answer to one (RFC 792, RFC 4443).
fn is_echo(protocol: IpNumber, kind: u8) -> bool {
    match protocol {
        ip_number::ICMP => matches!(kind, 0 | 8),
        _ => matches!(kind, 128 | 129),
    }
}

/// All four transports with ports begin with them: source, then destination.
fn ports(bytes: &[u8]) -> Option<(u16, u16)> {
    Some((be16(bytes, 0)?, be16(bytes, 2)?))
}
