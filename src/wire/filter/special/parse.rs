//! Reading primitives without an address.

use super::super::ast::{ByteOperator, Firewall, LlcType, Special};
use super::super::cursor::Parser;
use super::super::error::{FilterError, Result};
use super::super::lexer::{Symbol, TokenKind};
use super::super::word::{Protocol, Word};

/// Reads a primitive that begins here, behind a protocol if there was one. `None` when none does.
pub(in super::super) fn parse(
    parser: &mut Parser<'_>,
    protocol: Option<Protocol>,
) -> Result<Option<Special>> {
    let Some(word) = parser.peek_word() else { return Ok(None) };
    let special = match word {
        Word::Broadcast => Special::Broadcast(protocol),
        Word::Multicast => Special::Multicast(protocol),
        Word::Type => return wireless_type(parser).map(Some),
        Word::SubType => return wireless_subtype(parser).map(Some),
        Word::Dir => return wireless_direction(parser).map(Some),
        _ if protocol.is_some() => return Ok(None),
        Word::Inbound => Special::Inbound,
        Word::Outbound => Special::Outbound,
        Word::Pppoed => Special::PppoeDiscovery,
        Word::Less | Word::Greater | Word::InterfaceIndex => {
            parser.advance();
            let number = parser.expect_number()?;
            return Ok(Some(match word {
                Word::Less => Special::Less(number),
                Word::Greater => Special::Greater(number),
                _ => Special::InterfaceIndex(number),
            }));
        }
        Word::Vlan | Word::Mpls | Word::Pppoes | Word::Geneve => {
            parser.advance();
            return numbered(word, parser.take_number()).map(Some);
        }
        Word::Byte => return byte(parser).map(Some),
        Word::Llc => return llc(parser).map(Some),
        Word::IfName
        | Word::RuleSet
        | Word::RuleNumber
        | Word::SubRuleNumber
        | Word::Reason
        | Word::Action => return firewall(parser, word).map(Some),
        _ => return Ok(None),
    };
    parser.advance();
    Ok(Some(special))
}

fn numbered(word: Word, number: Option<u32>) -> Result<Special> {
    let (name, most) = match word {
        Word::Vlan => ("vlan", 4095),
        Word::Mpls => ("mpls", 0xf_ffff),
        Word::Pppoes => ("pppoes", 0xffff),
        _ => ("geneve", 0xff_ffff),
    };
    if let Some(number) = number.filter(|number| *number > most) {
        return Err(FilterError::new(format!("\"{name} {number}\" cannot be: {most} is the most")));
    }
    Ok(match word {
        Word::Vlan => Special::Vlan(number),
        Word::Mpls => Special::Mpls(number),
        Word::Pppoes => Special::PppoeSession(number),
        _ => Special::Geneve(number),
    })
}

fn byte(parser: &mut Parser<'_>) -> Result<Special> {
    parser.advance();
    let at = parser.expect_number()?;
    let operator = match parser.peek() {
        Some(TokenKind::Symbol(Symbol::Equal)) => ByteOperator::Equal,
        Some(TokenKind::Symbol(Symbol::Less)) => ByteOperator::Less,
        Some(TokenKind::Symbol(Symbol::Greater)) => ByteOperator::Greater,
        Some(TokenKind::Symbol(Symbol::Ampersand)) => ByteOperator::And,
        Some(TokenKind::Symbol(Symbol::Bar)) => ByteOperator::Or,
        _ => return Err(parser.unexpected()),
    };
    parser.advance();
    Ok(Special::Byte { at, operator, value: parser.expect_number()? })
}

/// Frame types and subtypes (IEEE 802.11, 9.2.4.1.3), as bits of the frame control field.
const TYPES: [(&str, u32); 5] =
    [("mgt", 0x00), ("management", 0x00), ("ctl", 0x04), ("control", 0x04), ("data", 0x08)];
const SUBTYPES: [(&str, u32, u32); 44] = [
    ("assocreq", 0, 0x00),
    ("assoc-req", 0, 0x00),
    ("assocresp", 0, 0x10),
    ("assoc-resp", 0, 0x10),
    ("reassocreq", 0, 0x20),
    ("reassoc-req", 0, 0x20),
    ("reassocresp", 0, 0x30),
    ("reassoc-resp", 0, 0x30),
    ("probereq", 0, 0x40),
    ("probe-req", 0, 0x40),
    ("proberesp", 0, 0x50),
    ("probe-resp", 0, 0x50),
    ("beacon", 0, 0x80),
    ("atim", 0, 0x90),
    ("disassoc", 0, 0xa0),
    ("disassociation", 0, 0xa0),
    ("auth", 0, 0xb0),
    ("authentication", 0, 0xb0),
    ("deauth", 0, 0xc0),
    ("deauthentication", 0, 0xc0),
    ("ps-poll", 4, 0xa0),
    ("rts", 4, 0xb0),
    ("cts", 4, 0xc0),
    ("ack", 4, 0xd0),
    ("cf-end", 4, 0xe0),
    ("cf-end-ack", 4, 0xf0),
    ("data", 8, 0x00),
    ("data-cf-ack", 8, 0x10),
    ("data-cf-poll", 8, 0x20),
    ("data-cf-ack-poll", 8, 0x30),
    ("null", 8, 0x40),
    ("cf-ack", 8, 0x50),
    ("cf-poll", 8, 0x60),
    ("cf-ack-poll", 8, 0x70),
    ("qos-data", 8, 0x80),
    ("qos-data-cf-ack", 8, 0x90),
    ("qos-data-cf-poll", 8, 0xa0),
    ("qos-data-cf-ack-poll", 8, 0xb0),
    ("qos", 8, 0xc0),
    ("qos-cf-poll", 8, 0xe0),
    ("qos-cf-ack-poll", 8, 0xf0),
    ("block-ack-req", 4, 0x80),
    ("block-ack", 4, 0x90),
    ("control-wrapper", 4, 0x70),
];

fn wireless_type(parser: &mut Parser<'_>) -> Result<Special> {
    parser.advance();
    let (text, number) = name_or_number(parser)?;
    let kind = match number {
        Some(number) if number & !0x0c == 0 => Some(number),
        Some(_) => None,
        None => TYPES.iter().find(|(name, _)| *name == text).map(|(_, value)| *value),
    };
    let kind = kind.ok_or_else(|| {
        FilterError::new(format!("\"{text}\" is no type of IEEE 802.11: mgt, ctl and data are"))
    })?;
    if !parser.take_word(Word::SubType) {
        return Ok(Special::WirelessType { value: kind, mask: 0x0c });
    }
    let (text, number) = name_or_number(parser)?;
    let found = match number {
        Some(number) if number & !0xf0 == 0 => Some(number),
        Some(_) => None,
        None => SUBTYPES
            .iter()
            .find(|(name, of, _)| *name == text && *of == kind)
            .map(|(_, _, value)| *value),
    };
    let subtype = found.ok_or_else(|| no_subtype(text))?;
    Ok(Special::WirelessType { value: kind | subtype, mask: 0xfc })
}

fn wireless_subtype(parser: &mut Parser<'_>) -> Result<Special> {
    parser.advance();
    let (text, number) = name_or_number(parser)?;
    if number.is_some() {
        return Err(FilterError::new(format!(
            "the subtype {text} needs its type before it, as in \"type data subtype {text}\""
        )));
    }
    let found = SUBTYPES.iter().find(|(name, _, _)| *name == text);
    let (_, kind, subtype) = found.ok_or_else(|| no_subtype(text))?;
    Ok(Special::WirelessType { value: kind | subtype, mask: 0xfc })
}

fn no_subtype(text: &str) -> FilterError {
    FilterError::new(format!("\"{text}\" is no subtype of IEEE 802.11, or not of that type"))
}

fn wireless_direction(parser: &mut Parser<'_>) -> Result<Special> {
    parser.advance();
    let (text, number) = name_or_number(parser)?;
    let direction = match (number, text) {
        (Some(number), _) => Some(number),
        (None, "nods") => Some(0),
        (None, "tods") => Some(1),
        (None, "fromds") => Some(2),
        (None, "dstods") => Some(3),
        _ => None,
    };
    let direction = direction.ok_or_else(|| {
        FilterError::new(format!(
            "\"{text}\" is no direction of IEEE 802.11: nods, tods, fromds and dstods are"
        ))
    })?;
    Ok(Special::WirelessDirection(direction))
}

fn name_or_number<'a>(parser: &mut Parser<'a>) -> Result<(&'a str, Option<u32>)> {
    let text = parser.text();
    let number = match parser.peek() {
        Some(TokenKind::Number(number)) => Some(number),
        Some(TokenKind::Name) => None,
        _ => return Err(parser.unexpected()),
    };
    parser.advance();
    Ok((text, number))
}

fn llc(parser: &mut Parser<'_>) -> Result<Special> {
    parser.advance();
    let text = parser.text();
    if parser.take_word(Word::RuleNumber) {
        return Ok(Special::Llc(Some(LlcType::Supervise(0x05))));
    }
    if parser.peek() != Some(TokenKind::Name) {
        return Ok(Special::Llc(None));
    }
    parser.advance();
    Ok(Special::Llc(Some(match text {
        "i" => LlcType::Information,
        "s" => LlcType::Supervisory,
        "u" => LlcType::Unnumbered,
        "rr" => LlcType::Supervise(0x01),
        "rnr" => LlcType::Supervise(0x05),
        "rej" => LlcType::Supervise(0x09),
        "ui" => LlcType::Unnumber(0x03),
        "ua" => LlcType::Unnumber(0x63),
        "disc" => LlcType::Unnumber(0x43),
        "sabme" => LlcType::Unnumber(0x6f),
        "test" => LlcType::Unnumber(0xe3),
        "xid" => LlcType::Unnumber(0xaf),
        "frmr" => LlcType::Unnumber(0x87),
        "dm" => LlcType::Unnumber(0x0f),
        _ => return Err(FilterError::new(format!("\"{text}\" is no type of LLC frame"))),
    })))
}

fn firewall(parser: &mut Parser<'_>, word: Word) -> Result<Special> {
    const REASONS: [&str; 16] = [
        "match",
        "bad-offset",
        "fragment",
        "short",
        "normalize",
        "memory",
        "bad-timestamp",
        "congestion",
        "ip-option",
        "proto-cksum",
        "state-mismatch",
        "state-insert",
        "state-limit",
        "src-limit",
        "synproxy",
        "translate",
    ];
    const ACTIONS: [(&str, u32); 13] = [
        ("pass", 0),
        ("accept", 0),
        ("drop", 1),
        ("block", 1),
        ("scrub", 2),
        ("noscrub", 3),
        ("nat", 4),
        ("nonat", 5),
        ("binat", 6),
        ("nobinat", 7),
        ("rdr", 8),
        ("nordr", 9),
        ("synproxy-drop", 10),
    ];
    parser.advance();
    if matches!(word, Word::RuleNumber | Word::SubRuleNumber) {
        let number = parser.expect_number()?;
        return Ok(Special::Firewall(match word {
            Word::RuleNumber => Firewall::Rule(number),
            _ => Firewall::SubRule(number),
        }));
    }
    let (text, number) = name_or_number(parser)?;
    let unknown = |what: &str| FilterError::new(format!("\"{text}\" is no {what} of a firewall"));
    Ok(Special::Firewall(match word {
        Word::IfName if number.is_none() => Firewall::Interface(text.to_owned()),
        Word::RuleSet if number.is_none() => Firewall::RuleSet(text.to_owned()),
        Word::Reason => {
            let found = REASONS.iter().position(|name| *name == text).map(|at| at as u32);
            Firewall::Reason(number.or(found).ok_or_else(|| unknown("reason"))?)
        }
        Word::Action => {
            let found = ACTIONS.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
            Firewall::Action(number.or(found).ok_or_else(|| unknown("action"))?)
        }
        _ => return Err(FilterError::new(format!("a name must stand in the place of {text}"))),
    }))
}
