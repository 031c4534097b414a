//! Reading addresses, ports and protocols: numbers and names as they are written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::ast::{Address, Expression, Kind, PortRange, Qualifiers};
use super::super::cursor::Parser;
use super::super::error::{FilterError, Result};
use super::super::lexer::{Symbol, TokenKind};
use super::super::number;
use super::super::word::{self, Protocol, Word};

/// Reads what stands behind qualifiers.
pub(in super::super) fn parse(
    parser: &mut Parser<'_>,
    qualifiers: Qualifiers,
) -> Result<Expression> {
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
