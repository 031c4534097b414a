//! What an IP tunnel carries: one header deep, which is enough to say what travels.

use etherparse::{EtherType, IpNumber, Ipv4HeaderSlice, Ipv6HeaderSlice, ip_number};

use super::bytes::be16;
use super::extensions::protocol_v6;
use super::summary::Inner;

/// GRE header bits (RFC 2784, RFC 2890): a field of four bytes each.
const CHECKSUM: u16 = 0x8000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
/// Source routing (RFC 1701) and versions other than 0: headers of another form.
const OTHER_FORMS: u16 = 0x4007;

/// The IP header in the payload of `protocol`, where that is a tunnel and the header is there.
#[inline]
pub(super) fn inner(protocol: IpNumber, payload: &[u8]) -> Option<Inner> {
    match protocol {
        ip_number::IPV4 => v4(payload),
        ip_number::IPV6 => v6(payload),
        ip_number::GRE => gre(payload),
        _ => None,
    }
}

fn gre(bytes: &[u8]) -> Option<Inner> {
    let flags = be16(bytes, 0)?;
    if flags & OTHER_FORMS != 0 {
        return None;
    }
    let fields = (flags & (CHECKSUM | KEY | SEQUENCE)).count_ones() as usize;
    let payload = bytes.get(4 + 4 * fields..)?;
    match EtherType(be16(bytes, 2)?) {
        EtherType::IPV4 => v4(payload),
        EtherType::IPV6 => v6(payload),
        _ => None,
    }
}

fn v4(bytes: &[u8]) -> Option<Inner> {
    let header = Ipv4HeaderSlice::from_slice(bytes).ok()?;
    Some(Inner { is_v4: true, protocol: header.protocol().0 })
}

fn v6(bytes: &[u8]) -> Option<Inner> {
    let header = Ipv6HeaderSlice::from_slice(bytes).ok()?;
    let rest = &bytes[header.slice().len()..];
    Some(Inner { is_v4: false, protocol: protocol_v6(&header, rest) })
}
