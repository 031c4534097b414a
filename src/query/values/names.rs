//! Values from a closed set: protocols, families, states, kinds of ownership.

use std::fmt;

use crate::model::finding::{self, Finding};
use crate::model::owner::OwnershipKind;
use crate::model::socket::{Family, PacketKind, Protocol, Socket, State};
use crate::model::tables::{Table, Tables};
use crate::query::error::{echo, nearest};
use crate::query::key::SetKey;

/// Any of several names of one key, as a mask of what they stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::query) struct NameSet {
    key: SetKey,
    mask: u64,
    names: Vec<&'static str>,
}

impl NameSet {
    pub(in crate::query) fn new(key: SetKey) -> Self {
        Self { key, mask: 0, names: Vec::new() }
    }

    pub(in crate::query) fn key(&self) -> SetKey {
        self.key
    }

    /// Adds a name in any of its spellings.
    pub(in crate::query) fn add(&mut self, text: &str) -> Result<(), String> {
        let (name, mask) = self.key.find(text).ok_or_else(|| self.key.expectation(text))?;
        self.mask |= mask;
        self.names.push(name);
        Ok(())
    }

    pub(in crate::query) fn append(&mut self, other: &Self) {
        self.mask |= other.mask;
        self.names.extend_from_slice(&other.names);
    }

    pub(in crate::query) fn contains(&self, socket: &Socket) -> bool {
        self.mask & self.key.bit(socket) != 0
    }

    /// Whether it holds something of this protocol, where that is one of a socket, and family.
    pub(in crate::query) fn holds(&self, protocol: Option<Protocol>, family: Family) -> bool {
        let bits = match (self.key, protocol) {
            (SetKey::Protocol, Some(protocol)) => protocol_bit(protocol, family),
            (SetKey::Family, _) => family_bit(family),
            _ => 0,
        };
        self.mask & bits != 0
    }

    /// The states among them.
    pub(in crate::query) fn states(&self) -> impl Iterator<Item = State> {
        let mask = if self.key == SetKey::State { self.mask } else { 0 };
        State::ALL.into_iter().filter(move |state| mask & state_bit(*state) != 0)
    }

    /// The tables that may have a socket with one of these.
    pub(in crate::query) fn tables_with_some(&self) -> Tables {
        Table::ALL.into_iter().filter(|&table| self.mask & self.key.possible(table) != 0).collect()
    }

    /// The tables whose sockets all have one of these.
    pub(in crate::query) fn tables_with_all(&self) -> Tables {
        let has_all = |table: &Table| self.key.possible(*table) & !self.mask == 0;
        Table::ALL.into_iter().filter(has_all).collect()
    }

    /// The tables that these are names of.
    pub(in crate::query) fn tables_named(&self) -> Tables {
        match self.key {
            SetKey::Protocol | SetKey::Family => self.tables_with_some(),
            SetKey::State | SetKey::Ownership | SetKey::Exposure | SetKey::Finding => Tables::NONE,
        }
    }

    /// Whether every TCP and UDP socket has one of these.
    pub(in crate::query) fn contains_all(&self) -> bool {
        let ordinary = self.key.ordinary();
        self.mask & ordinary == ordinary
    }

    /// Whether some TCP or UDP socket has one of these.
    pub(in crate::query) fn contains_any(&self) -> bool {
        self.mask & self.key.ordinary() != 0
    }
}

impl fmt::Display for NameSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join(","))
    }
}

const PROTOCOLS: [Protocol; 11] = [
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
const FAMILIES: [Family; 16] = [
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
const COMBINED: [(&str, Option<Protocol>, Family); 18] = [
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
const PACKET_KINDS: [(&str, u64); 2] = [("p_raw", 1 << 60), ("p_dgr", 1 << 61)];

/// Listeners and bound UDP sockets together.
const SERVER: &str = "server";

/// Whether others may reach a server.
const EXPOSURE: [(&str, u64); 2] = [("yes", 1), ("no", 2)];

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

/// Whether a mask of protocols holds TCP and UDP over IPv4 and IPv6.
pub(in crate::query) fn is_ordinary(protocols: u64) -> bool {
    let ordinary = SetKey::Protocol.ordinary();
    protocols & ordinary == ordinary
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

fn finding_bit(finding: Finding) -> u64 {
    1 << finding as u32
}

fn family_bit(family: Family) -> u64 {
    1 << family as u32
}

impl SetKey {
    /// The canonical names of all values, as completion offers them.
    pub(in crate::query) fn names(self) -> Vec<&'static str> {
        match self {
            Self::Protocol => {
                let combined = COMBINED.iter().map(|(name, ..)| *name);
                PROTOCOLS.into_iter().map(Protocol::name).chain(combined).collect()
            }
            Self::Family => FAMILIES.into_iter().map(Family::name).collect(),
            Self::State => State::ALL.into_iter().map(State::name).chain([SERVER]).collect(),
            Self::Ownership => OwnershipKind::ALL.into_iter().map(OwnershipKind::name).collect(),
            Self::Exposure => EXPOSURE.iter().map(|(name, _)| *name).collect(),
            Self::Finding => Finding::ALL.into_iter().map(Finding::name).collect(),
        }
    }

    /// The canonical name and the bits of a spelling.
    pub(in crate::query) fn find(self, spelling: &str) -> Option<(&'static str, u64)> {
        match self {
            Self::Protocol => find_protocol(&spelling.to_ascii_lowercase()),
            Self::Family => find_family(&spelling.to_ascii_lowercase()),
            Self::State if squeezed(spelling).trim_end_matches('S') == "SERVER" => {
                Some((SERVER, state_bit(State::Listen) | state_bit(State::Unconnected)))
            }
            Self::State => find_state(spelling),
            Self::Exposure => {
                EXPOSURE.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(spelling))
            }
            Self::Finding => Finding::ALL
                .into_iter()
                .find(|finding| finding.name().eq_ignore_ascii_case(spelling))
                .map(|finding| (finding.name(), finding_bit(finding))),
            Self::Ownership => OwnershipKind::ALL
                .into_iter()
                .find(|kind| kind.name().eq_ignore_ascii_case(spelling))
                .map(|kind| (kind.name(), kind_bit(kind))),
        }
    }

    fn bit(self, socket: &Socket) -> u64 {
        match self {
            Self::Protocol => {
                protocol_bit(socket.protocol, socket.family) | packet_kind_bit(socket)
            }
            Self::Family => family_bit(socket.family),
            Self::State => state_bit(socket.state),
            Self::Ownership => kind_bit(socket.ownership.kind),
            Self::Exposure => EXPOSURE[usize::from(!socket.is_exposed())].1,
            Self::Finding => finding::of(socket).map(finding_bit).sum(),
        }
    }

    /// The bits that sockets of a table can have.
    fn possible(self, table: Table) -> u64 {
        let combinations = FAMILIES.into_iter().flat_map(|f| PROTOCOLS.map(|p| (f, p)));
        let of_table = combinations.filter(|(family, protocol)| {
            can_be(*family, *protocol) && Table::with(*family, *protocol) == table
        });
        match self {
            Self::Protocol => {
                let kinds = PACKET_KINDS.iter().map(|(_, bit)| bit).sum::<u64>();
                let kinds = if table == Table::Packet { kinds } else { 0 };
                union(of_table.map(|(family, protocol)| protocol_bit(protocol, family))) | kinds
            }
            Self::Family => of_table.fold(0, |bits, (family, _)| bits | family_bit(family)),
            Self::State | Self::Ownership | Self::Finding => u64::MAX,
            Self::Exposure => EXPOSURE.iter().map(|(_, bit)| bit).sum(),
        }
    }

    /// The bits that TCP and UDP sockets can have.
    fn ordinary(self) -> u64 {
        match self {
            Self::Protocol => [Protocol::Tcp, Protocol::Udp]
                .into_iter()
                .flat_map(|protocol| [Family::Ipv4, Family::Ipv6].map(|f| (protocol, f)))
                .map(|(protocol, family)| protocol_bit(protocol, family))
                .sum(),
            Self::Family => family_bit(Family::Ipv4) | family_bit(Family::Ipv6),
            Self::State => states_where(|_| true),
            Self::Ownership => kinds_where(|_| true),
            Self::Exposure => EXPOSURE.iter().map(|(_, bit)| bit).sum(),
            // Most have none.
            Self::Finding => u64::MAX,
        }
    }

    fn expectation(self, text: &str) -> String {
        let names = self.names();
        let what = match self {
            Self::Protocol => "protocol",
            Self::Family => "family",
            Self::State => "state",
            Self::Ownership => "kind of ownership",
            Self::Exposure => "answer",
            Self::Finding => "finding",
        };
        let meant = nearest(text, names.iter().copied())
            .map_or_else(String::new, |meant| format!(" did you mean {meant}?"));
        format!("unknown {what} {}:{meant} one of {}", echo(text), names.join(" "))
    }
}

/// Whether the protocol is one of the family.
fn can_be(family: Family, protocol: Protocol) -> bool {
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

fn packet_kind_bit(socket: &Socket) -> u64 {
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

fn find_family(spelling: &str) -> Option<(&'static str, u64)> {
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

fn union(bits: impl Iterator<Item = u64>) -> u64 {
    bits.fold(0, |all, bit| all | bit)
}

/// The tables that this is a spelling of, as a protocol or a family.
pub(in crate::query) fn tables_of_name(spelling: &str) -> Tables {
    let as_protocol = find_protocol(spelling).map_or(0, |(_, bits)| bits);
    let bits = as_protocol | protocols_of_family(spelling);
    let is_meant = |table: &Table| bits & SetKey::Protocol.possible(*table) != 0;
    Table::ALL.into_iter().filter(is_meant).collect()
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
fn squeezed(spelling: &str) -> String {
    spelling.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_has_a_bit_of_its_own() {
        for key in [SetKey::Protocol, SetKey::Family, SetKey::State, SetKey::Ownership] {
            for name in key.names() {
                assert_eq!(key.find(name).map(|(found, _)| found), Some(name));
                assert_eq!(key.find(&name.to_uppercase()).map(|(found, _)| found), Some(name));
            }
        }
        assert_eq!(states_where(|_| true).count_ones(), 14);
        assert_eq!(kinds_where(|_| true).count_ones(), 6);
        assert_eq!(protocols_where(|_| true).count_ones(), 28);
    }

    #[test]
    fn states_take_the_spellings_of_other_tools() {
        for (state, spellings) in [
            (State::Listen, "listen LISTENING listening"),
            (State::Established, "estab ESTAB established ESTABLISHED"),
            (State::SynReceived, "syn-recv SYN_RECV SYN_RCVD syn_received SYN_RECEIVED"),
            (State::SynSent, "syn-sent SYN_SENT"),
            (State::FinWait1, "fin-wait-1 FIN_WAIT1 FIN_WAIT_1"),
            (State::FinWait2, "fin-wait-2 FIN_WAIT2 FIN_WAIT_2"),
            (State::CloseWait, "close-wait CLOSE_WAIT"),
            (State::LastAck, "last-ack LAST_ACK"),
            (State::TimeWait, "time-wait TIME_WAIT timewait"),
            (State::Closed, "close CLOSE closed"),
            (State::Unconnected, "unconn UNCONN unconnected"),
        ] {
            for spelling in spellings.split(' ') {
                let found = SetKey::State.find(spelling).map(|(name, _)| name);
                assert_eq!(found, Some(state.name()), "{spelling}");
            }
        }
    }

    #[test]
    fn an_unknown_name_is_told_the_names() {
        let complaint = NameSet::new(SetKey::State).add("listn").unwrap_err();
        assert!(complaint.contains("did you mean LISTEN?"), "{complaint}");
        assert!(complaint.contains("TIME_WAIT"), "{complaint}");
    }
}
