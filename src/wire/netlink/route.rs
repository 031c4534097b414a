//! `rtnetlink(7)`: the question which way a packet would go, and its answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{HEADER_LEN, Malformed, REQUEST, aligned, attributes, u16_at, u32_at};
use crate::model::probe::RouteKind;

/// `RTM_GETROUTE`.
const GET_ROUTE: u16 = 26;
/// `sizeof(struct rtmsg)`.
const ROUTE_LEN: usize = 12;
/// Protocol number of TCP.
const TCP: u8 = 6;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// Attribute types (`RTA_*`).
mod attribute {
    pub(super) const DST: u16 = 1;
    pub(super) const SRC: u16 = 2;
    pub(super) const OIF: u16 = 4;
    pub(super) const GATEWAY: u16 = 5;
    pub(super) const PREFSRC: u16 = 7;
    pub(super) const VIA: u16 = 18;
    pub(super) const IP_PROTO: u16 = 27;
    pub(super) const DPORT: u16 = 29;
}

/// Which way would a TCP segment go?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteRequest {
    /// To where; the scope of an IPv6 address is the interface to leave by.
    pub destination: SocketAddr,
    /// From this address, if the sender insists on one.
    pub source: Option<IpAddr>,
}

impl RouteRequest {
    /// The bytes to send.
    pub fn encode(&self, sequence: u32) -> Vec<u8> {
        let destination = self.destination.ip();
        let family = if destination.is_ipv4() { AF_INET } else { AF_INET6 };
        let bits = |address: IpAddr| if address.is_ipv4() { 32 } else { 128 };
        let mut bytes = vec![0; HEADER_LEN + ROUTE_LEN];
        bytes[4..6].copy_from_slice(&GET_ROUTE.to_ne_bytes());
        bytes[6..8].copy_from_slice(&REQUEST.to_ne_bytes());
        bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        bytes[HEADER_LEN] = family;
        bytes[HEADER_LEN + 1] = bits(destination);
        push_address(&mut bytes, attribute::DST, destination);
        if let Some(source) = self.source {
            bytes[HEADER_LEN + 2] = bits(source);
            push_address(&mut bytes, attribute::SRC, source);
        }
        if let SocketAddr::V6(v6) = self.destination
            && v6.scope_id() != 0
        {
            push(&mut bytes, attribute::OIF, &v6.scope_id().to_ne_bytes());
        }
        // Rules may route by protocol and port.
        push(&mut bytes, attribute::IP_PROTO, &[TCP]);
        push(&mut bytes, attribute::DPORT, &self.destination.port().to_be_bytes());
        let length = bytes.len() as u32;
        bytes[0..4].copy_from_slice(&length.to_ne_bytes());
        bytes
    }
}

fn push_address(bytes: &mut Vec<u8>, kind: u16, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => push(bytes, kind, &v4.octets()),
        IpAddr::V6(v6) => push(bytes, kind, &v6.octets()),
    }
}

fn push(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    // No value here is longer than an address.
    let length = 4 + value.len() as u16;
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(aligned(bytes.len()), 0);
}

/// The kernel's decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// What the destination is; `None` for a kind that has no name here.
    pub kind: Option<RouteKind>,
    /// Index of the interface that the packet leaves by.
    pub interface: Option<u32>,
    /// The router it goes to first; `None` where the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// The source address that it would bear.
    pub source: Option<IpAddr>,
}

impl Route {
    /// Reads the payload of an `RTM_NEWROUTE`.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let cut = Malformed { what: "a route", need: ROUTE_LEN, have: payload.len() };
        let (Some(&kind), Some(rest)) = (payload.get(7), payload.get(ROUTE_LEN..)) else {
            return Err(cut);
        };
        let mut route = Self { kind: kind_of(kind), ..Self::default() };
        for attribute in attributes(rest) {
            let (kind, value) = attribute?;
            match kind {
                attribute::OIF => route.interface = u32_at(value, 0),
                attribute::GATEWAY => route.gateway = address(value),
                attribute::VIA => route.gateway = via(value),
                attribute::PREFSRC => route.source = address(value),
                _ => {}
            }
        }
        Ok(route)
    }
}

/// `RTN_*`. The kinds that refuse (blackhole, unreachable, prohibit) come as errors instead.
fn kind_of(number: u8) -> Option<RouteKind> {
    Some(match number {
        1 => RouteKind::Unicast,
        2 => RouteKind::Local,
        3 => RouteKind::Broadcast,
        4 => RouteKind::Anycast,
        5 => RouteKind::Multicast,
        _ => return None,
    })
}

/// An address by its length.
pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(v4).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| Ipv6Addr::from(v6).into())
}

/// `struct rtvia`: a gateway of another family than the destination's.
fn via(bytes: &[u8]) -> Option<IpAddr> {
    u16_at(bytes, 0)?;
    address(bytes.get(2..)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::netlink::messages;

    /// `default via 10.9.0.254 dev (3) src 10.9.0.1`, as Linux 6.18 answers for 192.0.2.1.
    fn by_a_gateway() -> Vec<u8> {
        let mut bytes = vec![
            AF_INET, 32, 0, 0, // rtm_family, rtm_dst_len, rtm_src_len, rtm_tos
            254, 0, 0, 1, // rtm_table: main, rtm_protocol, rtm_scope, rtm_type: RTN_UNICAST
        ];
        bytes.extend(0x200_u32.to_ne_bytes()); // rtm_flags: RTM_F_CLONED
        push(&mut bytes, attribute::DST, &[192, 0, 2, 1]);
        push(&mut bytes, attribute::OIF, &3_u32.to_ne_bytes());
        push(&mut bytes, attribute::PREFSRC, &[10, 9, 0, 1]);
        push(&mut bytes, attribute::GATEWAY, &[10, 9, 0, 254]);
        bytes
    }

    #[test]
    fn a_gateway_route_is_read() {
        let route = Route::parse(&by_a_gateway()).unwrap();
        assert_eq!(
            route,
            Route {
                kind: Some(RouteKind::Unicast),
                interface: Some(3),
                gateway: Some("10.9.0.254".parse().unwrap()),
                source: Some("10.9.0.1".parse().unwrap()),
            }
        );
    }

    #[test]
    fn an_ipv6_gateway_of_an_ipv4_route_is_read() {
        let mut bytes = vec![AF_INET, 32, 0, 0, 254, 0, 0, 2, 0, 0, 0, 0];
        let mut value = u16::from(AF_INET6).to_ne_bytes().to_vec();
        let gateway: Ipv6Addr = "fe80::1".parse().unwrap();
        value.extend(gateway.octets());
        push(&mut bytes, attribute::VIA, &value);
        let route = Route::parse(&bytes).unwrap();
        assert_eq!((route.gateway, route.kind), (Some(gateway.into()), Some(RouteKind::Local)));
    }

    #[test]
    fn no_prefix_of_an_answer_makes_it_panic() {
        let whole = by_a_gateway();
        for length in 0..whole.len() {
            let cut = Route::parse(&whole[..length]);
            // A cut between two attributes cannot be told from a shorter answer.
            assert!(cut.is_err() || length % 4 == 0, "{length}: {cut:?}");
        }
        assert!(Route::parse(&whole[..ROUTE_LEN - 1]).is_err());
    }

    #[test]
    fn a_request_is_one_message_with_its_attributes() {
        let request = RouteRequest {
            destination: "[fe80::2%3]:80".parse().unwrap(),
            source: Some("fe80::1".parse().unwrap()),
        };
        let bytes = request.encode(9);
        let message = messages(&bytes).next().unwrap().unwrap();
        assert_eq!((message.kind, message.sequence), (GET_ROUTE, 9));
        assert_eq!(message.payload[..3], [AF_INET6, 128, 128]);
        let found: Vec<_> =
            attributes(&message.payload[ROUTE_LEN..]).map(|a| a.unwrap().0).collect();
        use attribute::{DPORT, DST, IP_PROTO, OIF, SRC};
        assert_eq!(found, [DST, SRC, OIF, IP_PROTO, DPORT]);
    }
}
