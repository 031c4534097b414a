//! Addresses, ports and protocols: numbers and names as they are written, and the tests for them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ast::{Address, Direction, Expression, Kind, PortRange, Qualifiers, WirelessAddress};
use super::code::{Condition, Jump, Size};
use super::compile::Compiler;
use super::lexer::{Symbol, TokenKind};
use super::link::{Anchor, LinkKind};
use super::linktype::{IPV4, IPV6};
use super::parser::Parser;
use super::word::{self, Protocol, Word};
use super::{FilterError, Result, number};

/// Reads what stands behind qualifiers.
pub(super) fn parse(parser: &mut Parser<'_>, qualifiers: Qualifiers) -> Result<Expression> {
    let text = parser.text();
    match parser.peek() {
        Some(TokenKind::Number(number)) => {
            parser.advance();
            numbered(qualifiers, number)
        }
        Some(TokenKind::Name) => {
            parser.advance();
            named(parser, qualifiers, text)
        }
        Some(TokenKind::Dotted) => {
            parser.advance();
            only_for_addresses(qualifiers, text)?;
            dotted(parser, qualifiers, text)
        }
        Some(TokenKind::V6(address)) => {
            parser.advance();
            only_for_addresses(qualifiers, text)?;
            v6(parser, qualifiers, address)
        }
        Some(TokenKind::Mac(mac)) => {
            parser.advance();
            let is_host = matches!(qualifiers.kind, None | Some(Kind::Host));
            if qualifiers.protocol == Some(Protocol::Link) && is_host {
                return Ok(Expression::Host(qualifiers, Address::Mac(mac)));
            }
            Err(FilterError::new(format!(
                "the link address {text} stands behind \"ether host\", \"ether src\" and the like"
            )))
        }
        _ => Err(parser.unexpected()),
    }
}

fn only_for_addresses(qualifiers: Qualifiers, text: &str) -> Result<()> {
    let kind = match qualifiers.kind {
        Some(Kind::Port) => "port",
        Some(Kind::PortRange) => "portrange",
        Some(Kind::Protocol) => "proto",
        _ => return Ok(()),
    };
    Err(FilterError::new(format!("\"{kind}\" takes no address, and {text} is one")))
}

fn numbered(qualifiers: Qualifiers, number: u32) -> Result<Expression> {
    match qualifiers.kind {
        Some(Kind::Port | Kind::PortRange) => {
            let port = u16::try_from(number).map_err(|_| no_port(number))?;
            let transport = transport(qualifiers)?;
            Ok(Expression::Port(qualifiers, PortRange { first: port, last: port, transport }))
        }
        Some(Kind::Protocol) => Ok(Expression::Number(qualifiers, number)),
        kind => {
            if qualifiers.protocol == Some(Protocol::Link) {
                return Err(FilterError::new(format!("{number} is no link address")));
            }
            let (mut value, mut mask) = (number, u32::MAX);
            // A short network number stands for its first bytes.
            while kind == Some(Kind::Net) && value != 0 && value >> 24 == 0 {
                value <<= 8;
                mask <<= 8;
            }
            let address = Ipv4Addr::from_bits(value);
            Ok(Expression::Host(qualifiers, Address::V4 { address, mask }))
        }
    }
}

fn no_port(number: u32) -> FilterError {
    FilterError::new(format!("{number} is no port: they end with 65535"))
}

/// The transport protocol that a port is of.
fn transport(qualifiers: Qualifiers) -> Result<Option<u8>> {
    match qualifiers.protocol {
        None => Ok(None),
        Some(Protocol::Tcp) => Ok(Some(6)),
        Some(Protocol::Udp) => Ok(Some(17)),
        Some(Protocol::Sctp) => Ok(Some(132)),
        Some(other) => Err(FilterError::new(format!(
            "\"{} port\" means nothing: tcp, udp and sctp have ports",
            other.name()
        ))),
    }
}

fn named(parser: &Parser<'_>, qualifiers: Qualifiers, name: &str) -> Result<Expression> {
    match qualifiers.kind {
        Some(Kind::Port) => {
            let (port, transport) = named_port(parser, qualifiers, name)?;
            Ok(Expression::Port(qualifiers, PortRange { first: port, last: port, transport }))
        }
        Some(Kind::PortRange) => {
            let (first, last) = name.split_once('-').unwrap_or((name, name));
            let (first, transport) = named_port(parser, qualifiers, first)?;
            let (last, other) = named_port(parser, qualifiers, last)?;
            let transport = transport.filter(|_| transport == other);
            let (first, last) = (first.min(last), first.max(last));
            Ok(Expression::Port(qualifiers, PortRange { first, last, transport }))
        }
        Some(Kind::Protocol) => {
            let number = match qualifiers.protocol {
                Some(Protocol::Link) => word::ether_type(name),
                Some(Protocol::Iso) => match name {
                    "clnp" => Some(0x81),
                    "esis" | "es-is" => Some(0x82),
                    _ => None,
                },
                _ => word::ip_protocol(name),
            };
            let number = number.ok_or_else(|| {
                FilterError::new(format!("\"{name}\" is no protocol that sockpit has a number for"))
            })?;
            Ok(Expression::Number(qualifiers, number))
        }
        Some(Kind::Net) => Err(FilterError::new(format!(
            "the network name \"{name}\" is not looked up: write its address"
        ))),
        None | Some(Kind::Host) => host(parser, qualifiers, name),
    }
}

fn named_port(
    parser: &Parser<'_>,
    qualifiers: Qualifiers,
    name: &str,
) -> Result<(u16, Option<u8>)> {
    let wanted = transport(qualifiers)?;
    if let Ok(port) = number::read(name) {
        return Ok((u16::try_from(port).map_err(|_| no_port(port))?, wanted));
    }
    let known = (parser.names.ports)(name);
    let found: Vec<(u8, u16)> = known
        .iter()
        .copied()
        .filter(|(protocol, _)| wanted.is_none_or(|wanted| wanted == *protocol))
        .collect();
    match (found.first(), known.is_empty()) {
        (Some((protocol, port)), _) => {
            let is_of_one = found.iter().all(|(other, _)| other == protocol);
            Ok((*port, wanted.or(is_of_one.then_some(*protocol))))
        }
        (None, true) => Err(FilterError::new(format!("no service is named \"{name}\""))),
        (None, false) => Err(FilterError::new(format!(
            "the service \"{name}\" is not one of the protocol that stands before it"
        ))),
    }
}

fn host(parser: &Parser<'_>, qualifiers: Qualifiers, name: &str) -> Result<Expression> {
    if qualifiers.protocol == Some(Protocol::Link) {
        return Err(FilterError::new(format!("\"{name}\" is no link address")));
    }
    let wants = |address: &IpAddr| match qualifiers.protocol {
        Some(Protocol::Ip | Protocol::Arp | Protocol::Rarp) => address.is_ipv4(),
        Some(Protocol::Ip6) => address.is_ipv6(),
        _ => true,
    };
    let found = (parser.names.hosts)(name).into_iter().filter(wants);
    let tests = found.map(|address| {
        let address = match address {
            IpAddr::V4(address) => Address::V4 { address, mask: u32::MAX },
            IpAddr::V6(address) => Address::V6 { address, mask: u128::MAX },
        };
        Expression::Host(qualifiers, address)
    });
    tests
        .reduce(|first, second| Expression::Or(first.into(), second.into()))
        .ok_or_else(|| FilterError::new(format!("no host \"{name}\" is known")))
}

fn dotted(parser: &mut Parser<'_>, qualifiers: Qualifiers, text: &str) -> Result<Expression> {
    let wrong = |text: &str| FilterError::new(format!("{text} is no IPv4 address"));
    let (value, bits) = number::dotted(text).ok_or_else(|| wrong(text))?;
    let value = value << (32 - bits);
    if qualifiers.protocol == Some(Protocol::Link) {
        return Err(FilterError::new(format!("{text} is no link address")));
    }
    let mask = if parser.take_symbol(Symbol::Slash) {
        let length = parser.expect_number()?;
        if length > 32 {
            return Err(FilterError::new(format!("/{length} is too long for an IPv4 address")));
        }
        u32::MAX.checked_shl(32 - length).unwrap_or(0)
    } else if parser.take_word(Word::Mask) {
        let text = parser.text();
        if parser.peek() != Some(TokenKind::Dotted) {
            return Err(parser.unexpected());
        }
        parser.advance();
        let (mask, bits) = number::dotted(text).ok_or_else(|| wrong(text))?;
        mask << (32 - bits)
    } else {
        let mask = u32::MAX << (32 - bits);
        let address = Ipv4Addr::from_bits(value);
        return Ok(Expression::Host(qualifiers, Address::V4 { address, mask }));
    };
    let address = Ipv4Addr::from_bits(value);
    if value & !mask != 0 {
        let network = Ipv4Addr::from_bits(value & mask);
        return Err(FilterError::new(format!(
            "{address} is not the address of a network with that mask; {network} would be"
        )));
    }
    only_for_networks(qualifiers, text)?;
    Ok(Expression::Host(qualifiers, Address::V4 { address, mask }))
}

fn only_for_networks(qualifiers: Qualifiers, text: &str) -> Result<()> {
    match qualifiers.kind {
        Some(Kind::Net) => Ok(()),
        _ => Err(FilterError::new(format!("{text} has a mask: only \"net\" takes one"))),
    }
}

fn v6(parser: &mut Parser<'_>, qualifiers: Qualifiers, address: Ipv6Addr) -> Result<Expression> {
    let length = match parser.take_symbol(Symbol::Slash) {
        true => parser.expect_number()?,
        false => 128,
    };
    if length > 128 {
        return Err(FilterError::new(format!("/{length} is too long for an IPv6 address")));
    }
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    if address.to_bits() & !mask != 0 {
        let network = Ipv6Addr::from_bits(address.to_bits() & mask);
        return Err(FilterError::new(format!(
            "{address} is not the address of a network with that mask; {network} would be"
        )));
    }
    if length != 128 {
        only_for_networks(qualifiers, &format!("{address}/{length}"))?;
    }
    Ok(Expression::Host(qualifiers, Address::V6 { address, mask }))
}

impl Compiler {
    pub(super) fn host(&mut self, qualifiers: &Qualifiers, address: &Address) -> Result<Condition> {
        let direction = qualifiers.direction;
        match *address {
            Address::Mac(mac) => self.link_host(direction, mac),
            _ if matches!(direction, Direction::Wireless(_)) => Err(FilterError::new(
                "addr1 to addr4, ra and ta stand before link addresses of IEEE 802.11 only",
            )),
            Address::V4 { address, mask } => {
                let (value, protocol) = (address.to_bits(), qualifiers.protocol);
                let mut in_header = |ether_type, source, destination| {
                    self.host4(direction, (value, mask), ether_type, source, destination)
                };
                match protocol {
                    Some(Protocol::Ip) => in_header(IPV4, 12, 16),
                    Some(Protocol::Arp) => in_header(0x0806, 14, 24),
                    Some(Protocol::Rarp) => in_header(0x8035, 14, 24),
                    Some(other) => Err(wrong_protocol(other, &address.to_string())),
                    None => {
                        let ip = in_header(IPV4, 12, 16)?;
                        if self.layout.labels > 0 {
                            return Ok(ip);
                        }
                        let mut in_header =
                            |ether_type| self.host4(direction, (value, mask), ether_type, 14, 24);
                        let arp = in_header(0x0806)?;
                        Ok(ip.or(arp.or(in_header(0x8035)?)))
                    }
                }
            }
            Address::V6 { address, mask } => match qualifiers.protocol {
                None | Some(Protocol::Ip6) => self.host6(direction, address.to_bits(), mask),
                Some(other) => Err(wrong_protocol(other, &address.to_string())),
            },
        }
    }

    fn host4(
        &mut self,
        direction: Direction,
        (value, mask): (u32, u32),
        ether_type: u32,
        source: u32,
        destination: u32,
    ) -> Result<Condition> {
        self.either_end(direction, source, destination, |compiler, at| {
            let carries = compiler.link_type(ether_type)?;
            Ok(carries.and(compiler.compare_masked(Anchor::Payload, at, Size::Word, value, mask)))
        })
    }

    fn host6(&mut self, direction: Direction, value: u128, mask: u128) -> Result<Condition> {
        self.either_end(direction, 8, 24, |compiler, at| {
            let mut all = compiler.link_type(IPV6)?;
            for word in 0..4 {
                let shift = 96 - 32 * word;
                let (value, mask) = ((value >> shift) as u32, (mask >> shift) as u32);
                let at = at + 4 * word;
                let same = compiler.compare_masked(Anchor::Payload, at, Size::Word, value, mask);
                all = all.and(same);
            }
            Ok(all)
        })
    }

    fn either_end(
        &mut self,
        direction: Direction,
        source: u32,
        destination: u32,
        mut test: impl FnMut(&mut Self, u32) -> Result<Condition>,
    ) -> Result<Condition> {
        match direction {
            Direction::Source => test(self, source),
            Direction::Destination => test(self, destination),
            Direction::Both => Ok(test(self, source)?.and(test(self, destination)?)),
            Direction::Any | Direction::Wireless(_) => {
                Ok(test(self, source)?.or(test(self, destination)?))
            }
        }
    }

    /// A link address.
    pub(super) fn link_host(&mut self, direction: Direction, mac: [u8; 6]) -> Result<Condition> {
        if self.layout.is_wireless() {
            return self.wireless_host(direction, mac);
        }
        if let Direction::Wireless(_) = direction {
            return Err(FilterError::new(format!(
                "addr1 to addr4, ra and ta are addresses of IEEE 802.11, and this is {}",
                self.layout.name()
            )));
        }
        let (destination, source) = match self.layout.kind {
            LinkKind::Ethernet => (0, 6),
            LinkKind::Fddi => (1, 7),
            LinkKind::TokenRing => (2, 8),
            _ => {
                return Err(FilterError::new(format!(
                    "\"ether\" addresses are not in {}",
                    self.layout.name()
                )));
            }
        };
        let test = self.either_end(direction, source, destination, |compiler, at| {
            Ok(compiler.compare_mac(at, mac))
        })?;
        Ok(match self.has_link_header() {
            Some(check) => check.and(test),
            None => test,
        })
    }

    fn wireless_host(&mut self, direction: Direction, mac: [u8; 6]) -> Result<Condition> {
        let address = match direction {
            Direction::Source => return Ok(self.wireless_source(mac)),
            Direction::Destination => {
                return Ok(self.wireless_destination(|compiler, at| compiler.compare_mac(at, mac)));
            }
            Direction::Both | Direction::Any => {
                let source = self.wireless_source(mac);
                let destination =
                    self.wireless_destination(|compiler, at| compiler.compare_mac(at, mac));
                return Ok(match direction {
                    Direction::Both => source.and(destination),
                    _ => source.or(destination),
                });
            }
            Direction::Wireless(address) => address,
        };
        let is_control = self.wireless_frame(0x0c, 0x04);
        let is_not_management = self.test(Anchor::LinkHeader, 0, Size::Byte, Jump::BitsSet, 0x08);
        let has_second = {
            // Clear-to-send and acknowledgement have one address.
            let short = self.wireless_frame(0xf0, 0xc0).or(self.wireless_frame(0xf0, 0xd0));
            is_control.clone().and(short).not()
        };
        Ok(match address {
            WirelessAddress::First => self.compare_mac(4, mac),
            WirelessAddress::Second => has_second.and(self.compare_mac(10, mac)),
            WirelessAddress::Third => is_control.not().and(self.compare_mac(16, mac)),
            WirelessAddress::Fourth => {
                let both = self.compare_masked(Anchor::LinkHeader, 1, Size::Byte, 3, 3);
                both.and(self.compare_mac(24, mac))
            }
            WirelessAddress::Receiver => is_not_management.and(self.compare_mac(4, mac)),
            WirelessAddress::Transmitter => {
                is_not_management.and(has_second).and(self.compare_mac(10, mac))
            }
        })
    }

    fn wireless_frame(&mut self, mask: u32, value: u32) -> Condition {
        self.compare_masked(Anchor::LinkHeader, 0, Size::Byte, value, mask)
    }

    fn wireless_source(&mut self, mac: [u8; 6]) -> Condition {
        let to = |c: &mut Self| c.test(Anchor::LinkHeader, 1, Size::Byte, Jump::BitsSet, 0x01);
        let from = |c: &mut Self| c.test(Anchor::LinkHeader, 1, Size::Byte, Jump::BitsSet, 0x02);
        let data = |c: &mut Self| c.test(Anchor::LinkHeader, 0, Size::Byte, Jump::BitsSet, 0x08);
        let control = self.test(Anchor::LinkHeader, 0, Size::Byte, Jump::BitsSet, 0x04);
        let management = data(self).not().and(self.compare_mac(10, mac));
        let plain = from(self).not().and(self.compare_mac(10, mac));
        let relayed = to(self).not().and(self.compare_mac(16, mac));
        let between = to(self).and(self.compare_mac(24, mac));
        let from_system = from(self).and(relayed.or(between));
        let in_data = data(self).and(plain.or(from_system));
        control.not().and(management.or(in_data))
    }

    /// Tests the destination of a management or data frame, wherever it stands.
    pub(super) fn wireless_destination(
        &mut self,
        mut test: impl FnMut(&mut Self, u32) -> Condition,
    ) -> Condition {
        let to = |c: &mut Self| c.test(Anchor::LinkHeader, 1, Size::Byte, Jump::BitsSet, 0x01);
        let data = |c: &mut Self| c.test(Anchor::LinkHeader, 0, Size::Byte, Jump::BitsSet, 0x08);
        let control = self.test(Anchor::LinkHeader, 0, Size::Byte, Jump::BitsSet, 0x04);
        let management = data(self).not().and(test(self, 4));
        let direct = to(self).not().and(test(self, 4));
        let relayed = to(self).and(test(self, 16));
        let in_data = data(self).and(direct.or(relayed));
        control.not().and(management.or(in_data))
    }
}

fn wrong_protocol(protocol: Protocol, address: &str) -> FilterError {
    FilterError::new(format!("\"{}\" cannot stand before the address {address}", protocol.name()))
}
