//! Primitives without an address: `broadcast`, `vlan`, `less 64`, `wlan type data` and the like.

mod parse;

use super::ast::{ByteOperator, Direction, Firewall, LlcType, Special};
use super::code::{Alu, Condition, Jump, Op, Operand, Size};
use super::compiler::Compiler;
use super::error::{FilterError, Result};
use super::extension;
use super::link::Target;
use super::linktype::{IPV4, IPV6};
use super::place::{Anchor, LinkKind, Place};
use super::word::Protocol;

pub(super) use parse::parse;

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
            code: vec![Op::LoadAbsolute(Size::Half, extension::PACKET_TYPE)],
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
            code: vec![Op::LoadAbsolute(Size::Word, extension::INTERFACE)],
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
