//! Primitives without an address: `broadcast`, `vlan`, `less 64`, `wlan type data` and the like.

use super::ast::{ByteOperator, Direction, Firewall, LlcType, Special};
use super::code::{Alu, Condition, Jump, Op, Operand, Size};
use super::compile::Compiler;
use super::lexer::{Symbol, TokenKind};
use super::link::{Anchor, LinkKind, Place, Target};
use super::linktype::{IPV4, IPV6};
use super::parser::Parser;
use super::word::{Protocol, Word};
use super::{FilterError, Result, live};

/// Reads a primitive that begins here, behind a protocol if there was one. `None` when none does.
pub(super) fn parse(
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

/// Makes a test of it.
pub(super) fn compile(compiler: &mut Compiler, special: &Special) -> Result<Condition> {
    match special {
        Special::Broadcast(protocol) => broadcast(compiler, *protocol),
        Special::Multicast(protocol) => multicast(compiler, *protocol),
        Special::Less(most) => Ok(length(Jump::Greater, *most).not()),
        Special::Greater(least) => Ok(length(Jump::GreaterOrEqual, *least)),
        Special::Byte { at, operator, value } => Ok(byte_test(compiler, *at, *operator, *value)),
        Special::Inbound => way(compiler, false),
        Special::Outbound => way(compiler, true),
        Special::InterfaceIndex(index) => interface_index(compiler, *index),
        Special::Vlan(_) | Special::Mpls(_) | Special::PppoeSession(_) | Special::Geneve(_) => {
            compiler.encapsulation(special)
        }
        Special::PppoeDiscovery => compiler.link_type(0x8863),
        Special::WirelessType { value, mask } => {
            wireless_only(compiler, "type and subtype")?;
            Ok(compiler.compare_masked(Anchor::LinkHeader, 0, Size::Byte, *value, *mask))
        }
        Special::WirelessDirection(direction) => {
            wireless_only(compiler, "dir")?;
            Ok(compiler.compare_masked(Anchor::LinkHeader, 1, Size::Byte, *direction, 3))
        }
        Special::Llc(kind) => llc_test(compiler, *kind),
        Special::Firewall(firewall) => firewall_test(compiler, firewall),
    }
}

fn wireless_only(compiler: &Compiler, what: &str) -> Result<()> {
    // Behind a per-packet information header the kind of frame is not certain.
    if compiler.layout.is_wireless() && compiler.layout.kind != LinkKind::Ppi {
        return Ok(());
    }
    let name = compiler.layout.name();
    Err(FilterError::new(format!("\"{what}\" are of IEEE 802.11 frames, and this is {name}")))
}

fn length(jump: Jump, bytes: u32) -> Condition {
    Condition::Test { code: vec![Op::LoadLength], jump, operand: Operand::K(bytes) }
}

fn byte_test(compiler: &mut Compiler, at: u32, operator: ByteOperator, value: u32) -> Condition {
    let mut code = compiler.load(Anchor::LinkHeader, at, Size::Byte);
    let (jump, operand, is_negated) = match operator {
        ByteOperator::Equal => (Jump::Equal, value, false),
        ByteOperator::Less => (Jump::GreaterOrEqual, value, true),
        ByteOperator::Greater => (Jump::Greater, value, false),
        ByteOperator::And => {
            code.push(Op::AluK(Alu::And, value));
            (Jump::Equal, 0, true)
        }
        ByteOperator::Or => {
            code.push(Op::AluK(Alu::Or, value));
            (Jump::Equal, 0, true)
        }
    };
    let test = Condition::Test { code, jump, operand: Operand::K(operand) };
    if is_negated { test.not() } else { test }
}

fn broadcast(compiler: &mut Compiler, protocol: Option<Protocol>) -> Result<Condition> {
    match protocol {
        None | Some(Protocol::Link) => {
            compiler.link_host(Direction::Destination, [0xff; 6]).map_err(|_| {
                let name = compiler.layout.name();
                FilterError::new(format!("\"broadcast\" is of link addresses, and {name} has none"))
            })
        }
        // Without a network mask: of all networks or of the local one.
        Some(Protocol::Ip) => {
            let ip = compiler.link_type(IPV4)?;
            let none = compiler.compare(Anchor::Payload, 16, Size::Word, 0);
            let all = compiler.compare(Anchor::Payload, 16, Size::Word, u32::MAX);
            Ok(ip.and(none.or(all)))
        }
        Some(other) => Err(FilterError::new(format!(
            "\"{} broadcast\" means nothing: ether and ip have one",
            other.name()
        ))),
    }
}

fn multicast(compiler: &mut Compiler, protocol: Option<Protocol>) -> Result<Condition> {
    match protocol {
        Some(Protocol::Ip) => {
            let ip = compiler.link_type(IPV4)?;
            Ok(ip.and(compiler.test(Anchor::Payload, 16, Size::Byte, Jump::GreaterOrEqual, 224)))
        }
        Some(Protocol::Ip6) => {
            let ip = compiler.link_type(IPV6)?;
            Ok(ip.and(compiler.compare(Anchor::Payload, 24, Size::Byte, 255)))
        }
        Some(other) if other != Protocol::Link => Err(FilterError::new(format!(
            "\"{} multicast\" means nothing: ether, ip and ip6 have it",
            other.name()
        ))),
        _ => {
            let group = |compiler: &mut Compiler, at| {
                compiler.test(Anchor::LinkHeader, at, Size::Byte, Jump::BitsSet, 1)
            };
            let at = match compiler.layout.kind {
                LinkKind::Ethernet => 0,
                LinkKind::Fddi => 1,
                LinkKind::TokenRing => 2,
                _ if compiler.layout.is_wireless() => {
                    return Ok(compiler.wireless_destination(group));
                }
                _ => {
                    let name = compiler.layout.name();
                    return Err(FilterError::new(format!(
                        "\"multicast\" is of link addresses, and {name} has none"
                    )));
                }
            };
            let test = group(compiler, at);
            Ok(match compiler.has_link_header() {
                Some(check) => check.and(test),
                None => test,
            })
        }
    }
}

/// Which way a packet went, seen from the host that captured it.
fn way(compiler: &mut Compiler, is_out: bool) -> Result<Condition> {
    /// PACKET_OUTGOING of linux/if_packet.h.
    const OUTGOING: u32 = 4;
    let word = if is_out { "outbound" } else { "inbound" };
    let outgoing = match (compiler.layout.target, compiler.layout.kind) {
        (Target::File(_), LinkKind::LinuxSll) => {
            compiler.compare(Anchor::Packet, 0, Size::Half, OUTGOING)
        }
        (Target::File(_), LinkKind::LinuxSll2) => {
            compiler.compare(Anchor::Packet, 10, Size::Byte, OUTGOING)
        }
        (Target::File(_), LinkKind::Pflog) => {
            let direction = if is_out { 2 } else { 1 };
            return Ok(compiler.compare(Anchor::Packet, 60, Size::Byte, direction));
        }
        (Target::File(_), _) => {
            return Err(FilterError::new(format!(
                "\"{word}\" cannot be told: a file of {} does not say which way a frame went",
                compiler.layout.name()
            )));
        }
        _ => Condition::Test {
            code: vec![Op::LoadAbsolute(Size::Half, live::PACKET_TYPE)],
            jump: Jump::Equal,
            operand: Operand::K(OUTGOING),
        },
    };
    Ok(if is_out { outgoing } else { outgoing.not() })
}

fn interface_index(compiler: &mut Compiler, index: u32) -> Result<Condition> {
    match (compiler.layout.target, compiler.layout.kind) {
        (Target::File(_), LinkKind::LinuxSll2) => {
            Ok(compiler.compare(Anchor::Packet, 4, Size::Word, index))
        }
        (Target::File(_), _) => Err(FilterError::new(format!(
            "\"ifindex\" cannot be told: a file of {} has no interface numbers",
            compiler.layout.name()
        ))),
        _ => Ok(Condition::Test {
            code: vec![Op::LoadAbsolute(Size::Word, live::INTERFACE)],
            jump: Jump::Equal,
            operand: Operand::K(index),
        }),
    }
}

fn llc_test(compiler: &mut Compiler, kind: Option<LlcType>) -> Result<Condition> {
    let is_llc = match compiler.layout.kind {
        LinkKind::Ethernet => {
            let length = compiler.is_length();
            // Novell's frames without LLC have a checksum of ones there.
            let novell = compiler.compare(Anchor::BehindLink, 0, Size::Half, 0xffff);
            length.and(novell.not())
        }
        LinkKind::Fddi | LinkKind::TokenRing => Condition::Always(true),
        _ if compiler.layout.is_wireless() => compiler.wireless_data(),
        _ => {
            let name = compiler.layout.name();
            return Err(FilterError::new(format!("\"llc\" is not in {name}")));
        }
    };
    let Some(kind) = kind else { return Ok(is_llc) };
    let control = Anchor::BehindLink;
    let test = match kind {
        LlcType::Information => compiler.test(control, 2, Size::Byte, Jump::BitsSet, 1).not(),
        LlcType::Supervisory => compiler.compare_masked(control, 2, Size::Byte, 1, 3),
        LlcType::Unnumbered => compiler.compare_masked(control, 2, Size::Byte, 3, 3),
        LlcType::Supervise(value) => compiler.compare_masked(control, 2, Size::Byte, value, 0x0f),
        LlcType::Unnumber(value) => compiler.compare_masked(control, 2, Size::Byte, value, 0xef),
    };
    Ok(is_llc.and(test))
}

/// `struct pfloghdr` of OpenBSD's net/if_pflog.h.
fn firewall_test(compiler: &mut Compiler, firewall: &Firewall) -> Result<Condition> {
    if compiler.layout.kind != LinkKind::Pflog {
        let name = compiler.layout.name();
        return Err(FilterError::new(format!(
            "on, rnr, rset, reason and action are of OpenBSD's firewall log, and this is {name}"
        )));
    }
    let mut text = |at: u32, text: &str, room: usize| {
        if text.len() >= room {
            return Err(FilterError::new(format!("\"{text}\" is longer than {} bytes", room - 1)));
        }
        // The last bytes first, as many at once as fit.
        let bytes = text.as_bytes();
        let mut rest = bytes.len();
        let mut all = Condition::Always(true);
        while rest > 0 {
            let width = if rest >= 4 {
                4
            } else if rest >= 2 {
                2
            } else {
                1
            };
            rest -= width;
            let value = bytes[rest..rest + width].iter().fold(0, |v, b| v << 8 | u32::from(*b));
            let size = Size::of(width as u32);
            all = all.and(compiler.compare(Anchor::Packet, at + rest as u32, size, value));
        }
        Ok(all)
    };
    match firewall {
        Firewall::Interface(name) => text(4, name, 16),
        Firewall::RuleSet(name) => text(20, name, 16),
        Firewall::Rule(number) => Ok(compiler.compare(Anchor::Packet, 36, Size::Word, *number)),
        Firewall::SubRule(number) => Ok(compiler.compare(Anchor::Packet, 40, Size::Word, *number)),
        Firewall::Reason(number) => Ok(compiler.compare(Anchor::Packet, 3, Size::Byte, *number)),
        Firewall::Action(number) => Ok(compiler.compare(Anchor::Packet, 2, Size::Byte, *number)),
    }
}

impl Compiler {
    /// In a tunnel: whether a link header stands where one is looked for.
    pub(super) fn has_link_header(&mut self) -> Option<Condition> {
        let (Place { register: Some(link), .. }, Place { register: Some(behind), .. }) =
            (self.layout.link, self.layout.behind)
        else {
            return None;
        };
        self.layout.in_tunnel.then(|| {
            Condition::Test {
                code: vec![Op::LoadMemory(link), Op::LoadXMemory(behind)],
                jump: Jump::Equal,
                operand: Operand::X,
            }
            .not()
        })
    }
}
