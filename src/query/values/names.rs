//! Values from a closed set: protocols, families, states, kinds of ownership.

use std::fmt;

use super::bits::{
    COMBINED, FAMILIES, PACKET_KINDS, PROTOCOLS, can_be, family_bit, find_family, find_protocol,
    find_state, finding_bit, kind_bit, kinds_where, packet_kind_bit, protocol_bit,
    protocols_of_family, squeezed, state_bit, states_where, union,
};
use crate::model::finding::{self, Finding};
use crate::model::owner::OwnershipKind;
use crate::model::socket::{Family, Protocol, Socket, State};
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

/// Listeners and bound UDP sockets together.
const SERVER: &str = "server";

/// Whether others may reach a server.
const EXPOSURE: [(&str, u64); 2] = [("yes", 1), ("no", 2)];

/// Whether a mask of protocols holds TCP and UDP over IPv4 and IPv6.
pub(in crate::query) fn is_ordinary(protocols: u64) -> bool {
    let ordinary = SetKey::Protocol.ordinary();
    protocols & ordinary == ordinary
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

/// The tables that this is a spelling of, as a protocol or a family.
pub(in crate::query) fn tables_of_name(spelling: &str) -> Tables {
    let as_protocol = find_protocol(spelling).map_or(0, |(_, bits)| bits);
    let bits = as_protocol | protocols_of_family(spelling);
    let is_meant = |table: &Table| bits & SetKey::Protocol.possible(*table) != 0;
    Table::ALL.into_iter().filter(is_meant).collect()
}

#[cfg(test)]
mod tests {
    use super::super::bits::protocols_where;
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
