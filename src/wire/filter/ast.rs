//! What an expression says, with the qualifiers that it inherits filled in.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::word::Protocol;

/// A filter expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    /// A protocol alone.
    Protocol(Protocol),
    Host(Qualifiers, Address),
    Port(Qualifiers, PortRange),
    /// `proto NUMBER`.
    Number(Qualifiers, u32),
    Relation(Relation, Box<Arithmetic>, Box<Arithmetic>),
    Special(Special),
}

/// What stands before an address, a port or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Qualifiers {
    pub(super) protocol: Option<Protocol>,
    pub(super) direction: Direction,
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Any,
    Source,
    Destination,
    Both,
    /// An address of an IEEE 802.11 frame.
    Wireless(WirelessAddress),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WirelessAddress {
    First,
    Second,
    Third,
    Fourth,
    Receiver,
    Transmitter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Host,
    Net,
    Port,
    PortRange,
    Protocol,
}

/// An address and the bits of it that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    V4 { address: Ipv4Addr, mask: u32 },
    V6 { address: Ipv6Addr, mask: u128 },
    Mac([u8; 6]),
}

/// Ports of one transport protocol or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PortRange {
    pub(super) first: u16,
    pub(super) last: u16,
    /// IP protocol number; `None` for TCP, UDP and SCTP.
    pub(super) transport: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Greater,
    GreaterOrEqual,
    Equal,
    LessOrEqual,
    Less,
    NotEqual,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Arithmetic {
    Number(u32),
    Length,
    Load { protocol: Protocol, index: Box<Self>, size: u32 },
    Negative(Box<Self>),
    Binary(Operator, Box<Self>, Box<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

/// Primitives without an address.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Special {
    Broadcast(Option<Protocol>),
    Multicast(Option<Protocol>),
    /// At most this long.
    Less(u32),
    /// At least this long.
    Greater(u32),
    Byte {
        at: u32,
        operator: ByteOperator,
        value: u32,
    },
    Inbound,
    Outbound,
    InterfaceIndex(u32),
    Vlan(Option<u32>),
    Mpls(Option<u32>),
    PppoeDiscovery,
    PppoeSession(Option<u32>),
    Geneve(Option<u32>),
    WirelessType {
        value: u32,
        mask: u32,
    },
    WirelessDirection(u32),
    Llc(Option<LlcType>),
    Firewall(Firewall),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOperator {
    Equal,
    Less,
    Greater,
    And,
    Or,
}

/// The control field of an LLC frame (IEEE 802.2, 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LlcType {
    Information,
    Supervisory,
    Unnumbered,
    /// One supervisory function.
    Supervise(u32),
    /// One unnumbered function.
    Unnumber(u32),
}

/// What OpenBSD's firewall logs beside a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Firewall {
    Interface(String),
    RuleSet(String),
    Rule(u32),
    SubRule(u32),
    Reason(u32),
    Action(u32),
}
