//! Names of protocols, families, states and kinds of ownership, each with a bit in a mask.

use crate::model::finding::Finding;
use crate::model::owner::OwnershipKind;
use crate::model::socket::{Family, PacketKind, Protocol, Socket, State};

pub(super) const PROTOCOLS: [Protocol; 11] = [
    Protocol::Tcp,
    Protocol::Udp,
    Protocol::Udplite,
    Protocol::Mptcp,
    Protocol::Raw,
    Protocol::Icmp,
    Protocol::Stream,
    Protocol::Dgram,
    Protocol::Seqpacket,
    Protocol::Packet,
    Protocol::Netlink,
];
pub(super) const FAMILIES: [Family; 16] = [
    Family::Ipv4,
    Family::Ipv6,
    Family::Unix,
    Family::Packet,
    Family::Netlink,
    Family::Vsock,
    Family::Xdp,
    Family::Alg,
    Family::Bluetooth,
    Family::Can,
    Family::Key,
    Family::Tipc,
    Family::Smc,
    Family::Rds,
    Family::Qrtr,
    Family::Other,
];

/// Names of `proto:` that add a family to a protocol, or leave the protocol open.
pub(super) const COMBINED: [(&str, Option<Protocol>, Family); 18] = [
    ("tcp4", Some(Protocol::Tcp), Family::Ipv4),
    ("tcp6", Some(Protocol::Tcp), Family::Ipv6),
    ("udp4", Some(Protocol::Udp), Family::Ipv4),
    ("udp6", Some(Protocol::Udp), Family::Ipv6),
    ("raw4", Some(Protocol::Raw), Family::Ipv4),
    ("raw6", Some(Protocol::Raw), Family::Ipv6),
    ("icmp4", Some(Protocol::Icmp), Family::Ipv4),
    ("icmp6", Some(Protocol::Icmp), Family::Ipv6),
    ("mptcp4", Some(Protocol::Mptcp), Family::Ipv4),
    ("mptcp6", Some(Protocol::Mptcp), Family::Ipv6),
    ("udplite4", Some(Protocol::Udplite), Family::Ipv4),
    ("udplite6", Some(Protocol::Udplite), Family::Ipv6),
    ("u_str", Some(Protocol::Stream), Family::Unix),
    ("u_dgr", Some(Protocol::Dgram), Family::Unix),
    ("u_seq", Some(Protocol::Seqpacket), Family::Unix),
    ("unix", None, Family::Unix),
    ("vsock", None, Family::Vsock),
    ("xdp", None, Family::Xdp),
];

/// Types of packet socket by the names of `ss`.
pub(super) const PACKET_KINDS: [(&str, u64); 2] = [("p_raw", 1 << 60), ("p_dgr", 1 << 61)];

/// Spellings of `ss`, `netstat` and Windows, and habits, without `_` and `-`.
const STATE_ALIASES: [(&str, State); 13] = [
    ("LISTENING", State::Listen),
    ("ESTAB", State::Established),
    ("SYNRECV", State::SynReceived),
    ("SYNRCVD", State::SynReceived),
    ("FINWAIT1", State::FinWait1),
    ("FINWAIT2", State::FinWait2),
    ("CLOSE", State::Closed),
    ("UNCONN", State::Unconnected),
    ("CONN", State::Connected),
    ("CONNECT", State::Connected),
    ("SYNREC", State::SynReceived),
    ("TIMEW", State::TimeWait),
    ("CLOSEW", State::CloseWait),
];
const FAMILY_ALIASES: [(&str, Family); 10] = [
    ("inet", Family::Ipv4),
    ("inet6", Family::Ipv6),
    ("ip4", Family::Ipv4),
    ("ip6", Family::Ipv6),
    ("v4", Family::Ipv4),
    ("v6", Family::Ipv6),
    ("4", Family::Ipv4),
    ("6", Family::Ipv6),
    ("local", Family::Unix),
    ("link", Family::Packet),
];

/// The bit of a protocol in a family.
pub(in crate::query) fn protocol_bit(protocol: Protocol, family: Family) -> u64 {
    match family {
        Family::Ipv4 | Family::Ipv6 | Family::Unix | Family::Packet | Family::Netlink => {
            1 << (protocol as u32 * 5 + family as u32)
        }
        Family::Vsock => match protocol {
            Protocol::Stream => 1 << 55,
            Protocol::Dgram => 1 << 56,
            _ => 1 << 57,
        },
        Family::Xdp => 1 << 58,
        // These are told apart by their family.
        _ => 1 << 59,
    }
}

/// The bits of the protocols whose names on screen (`tcp`, `tcp6`) are chosen.
pub(in crate::query) fn protocols_where(chosen: impl Fn(&str) -> bool) -> u64 {
    let mut mask = 0;
    for family in FAMILIES {
        let suffix = match family {
            Family::Ipv4 => "4",
            Family::Ipv6 => "6",
            _ => "",
        };
        for protocol in PROTOCOLS.into_iter().filter(|&protocol| can_be(family, protocol)) {
            let shown = format!("{}{suffix}", protocol.name());
            if chosen(&shown) || chosen(protocol.name()) {
                mask |= protocol_bit(protocol, family);
            }
        }
    }
    mask
}

/// The bits of the states with a chosen name.
pub(in crate::query) fn states_where(chosen: impl Fn(&str) -> bool) -> u64 {
    State::ALL.into_iter().filter(|state| chosen(state.name())).map(state_bit).sum()
}

/// The bits of the kinds of ownership with a chosen name.
pub(in crate::query) fn kinds_where(chosen: impl Fn(&str) -> bool) -> u64 {
    OwnershipKind::ALL.into_iter().filter(|kind| chosen(kind.name())).map(kind_bit).sum()
}

pub(in crate::query) fn state_bit(state: State) -> u64 {
    1 << state as u32
}

pub(in crate::query) fn kind_bit(kind: OwnershipKind) -> u64 {
    1 << kind as u32
}

pub(super) fn finding_bit(finding: Finding) -> u64 {
    1 << finding as u32
}

pub(super) fn family_bit(family: Family) -> u64 {
    1 << family as u32
}

/// Whether the protocol is one of the family.
pub(super) fn can_be(family: Family, protocol: Protocol) -> bool {
    let is_local = matches!(protocol, Protocol::Stream | Protocol::Dgram | Protocol::Seqpacket);
    match family {
        Family::Unix => is_local,
        Family::Packet => protocol == Protocol::Packet,
        Family::Netlink => protocol == Protocol::Netlink,
        Family::Ipv4 | Family::Ipv6 => !matches!(protocol, Protocol::Packet | Protocol::Netlink),
        Family::Vsock => is_local,
        Family::Xdp => protocol == Protocol::Raw,
        _ => is_local || protocol == Protocol::Raw,
    }
}

pub(super) fn packet_kind_bit(socket: &Socket) -> u64 {
    match socket.packet.as_ref().map(|packet| packet.kind) {
        Some(PacketKind::Raw) => PACKET_KINDS[0].1,
        Some(PacketKind::Dgram) => PACKET_KINDS[1].1,
        Some(PacketKind::Packet) | None => 0,
    }
}

/// A protocol in any of its spellings, in lower case.
pub(in crate::query) fn find_protocol(spelling: &str) -> Option<(&'static str, u64)> {
    let of_family = |protocol: Protocol, family| protocol_bit(protocol, family);
    let spelling = match spelling {
        "icmpv6" | "ping6" => "icmp6",
        "ping" => "icmp",
        "tcpv4" => "tcp4",
        "tcpv6" => "tcp6",
        "udpv4" => "udp4",
        "udpv6" => "udp6",
        "seq" => "seqpacket",
        "nl" => "netlink",
        "udp-lite" => "udplite",
        spelling => spelling,
    };
    if let Some(protocol) = PROTOCOLS.into_iter().find(|protocol| protocol.name() == spelling) {
        let families = FAMILIES.into_iter().filter(|&family| can_be(family, protocol));
        let mask = union(families.map(|family| of_family(protocol, family)));
        return Some((protocol.name(), mask));
    }
    if let Some((name, bit)) = PACKET_KINDS.into_iter().find(|(name, _)| *name == spelling) {
        return Some((name, bit));
    }
    let (name, protocol, family) = COMBINED.into_iter().find(|(name, ..)| *name == spelling)?;
    let mask = match protocol {
        Some(protocol) => of_family(protocol, family),
        None => protocols_in(family),
    };
    Some((name, mask))
}

pub(super) fn find_family(spelling: &str) -> Option<(&'static str, u64)> {
    let alias = FAMILY_ALIASES.iter().find(|(alias, _)| *alias == spelling);
    let family = match alias {
        Some((_, family)) => *family,
        None => FAMILIES.into_iter().find(|family| family.name() == spelling)?,
    };
    Some((family.name(), family_bit(family)))
}

/// The bits of all protocols of the family with this name.
pub(in crate::query) fn protocols_of_family(name: &str) -> u64 {
    let family = FAMILIES.into_iter().find(|family| family.name() == name);
    family.map_or(0, protocols_in)
}

/// The bits of all protocols of a family.
fn protocols_in(family: Family) -> u64 {
    let protocols = PROTOCOLS.into_iter().filter(|&protocol| can_be(family, protocol));
    union(protocols.map(|protocol| protocol_bit(protocol, family)))
}

pub(super) fn union(bits: impl Iterator<Item = u64>) -> u64 {
    bits.fold(0, |all, bit| all | bit)
}

/// A state in any of its spellings.
pub(in crate::query) fn find_state(spelling: &str) -> Option<(&'static str, u64)> {
    let spelling = squeezed(spelling);
    let alias = STATE_ALIASES.iter().find(|(alias, _)| *alias == spelling);
    let state = match alias {
        Some((_, state)) => *state,
        None => State::ALL.into_iter().find(|state| squeezed(state.name()) == spelling)?,
    };
    Some((state.name(), state_bit(state)))
}

/// `time-wait`, `TimeWait` and `TIME_WAIT` are the same.
pub(super) fn squeezed(spelling: &str) -> String {
    spelling.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_uppercase()).collect()
}
