//! What is known of the packet that is followed.

use std::net::IpAddr;

use super::Question;
use super::bytes::{Byte, Field, unknown};
use super::conditions::Holds;
use crate::wire::netfilter::expression::Base;
use crate::wire::netfilter::{Hook, TableFamily, xt};

/// A packet of one family at one hook.
#[derive(Clone, Copy)]
pub(super) struct Packet<'a> {
    pub(super) question: &'a Question,
    pub(super) hook: Hook,
    pub(super) is_v6: bool,
    pub(super) known: Known<'a>,
}

/// What is known besides the question, where the packet belongs to a certain connection.
#[derive(Clone, Copy, Default)]
pub(super) struct Known<'a> {
    pub(super) source: Option<IpAddr>,
    pub(super) source_port: Option<u16>,
    /// Name and index of the interface that it comes in or leaves by.
    pub(super) interface: Option<(&'a str, u32)>,
    /// Whether its destination is this host; the question means one that is, without a word.
    pub(super) to_another_host: bool,
    /// Whether it answers a packet that went the other way.
    pub(super) is_answer: bool,
}

impl<'a> Known<'a> {
    fn name(&self) -> Option<Vec<Byte>> {
        let (name, _) = self.interface?;
        let bytes = name.bytes().chain(std::iter::repeat(0)).take(16);
        Some(bytes.map(Byte::Known).collect())
    }

    fn index(&self) -> Option<Vec<Byte>> {
        let (_, index) = self.interface?;
        Some(index.to_ne_bytes().map(Byte::Known).to_vec())
    }
}

impl Packet<'_> {
    /// A packet from outside never has a loopback address as destination.
    pub(super) fn exists(&self) -> bool {
        self.question.addr.is_none_or(|addr| {
            let is_ours = self.hook == Hook::Output || self.known.source.is_some();
            addr.is_ipv6() == self.is_v6 && (is_ours || !addr.is_loopback())
        })
    }

    /// Whether a table of that family sees it.
    pub(super) fn is_of(&self, family: TableFamily) -> bool {
        match family {
            TableFamily::Inet => true,
            TableFamily::Ip => !self.is_v6,
            TableFamily::Ip6 => self.is_v6,
        }
    }

    pub(super) fn payload(&self, base: Base, offset: u32, len: u32) -> Vec<Byte> {
        // No register is longer.
        let len = len.min(64);
        (offset..offset.saturating_add(len)).map(|at| self.byte(base, at)).collect()
    }

    fn byte(&self, base: Base, at: u32) -> Byte {
        let port = self.question.port.to_be_bytes();
        let of = |field: Field| Byte::Of { field, mask: 0xff };
        let addr_len = if self.is_v6 { 16 } else { 4 };
        let octet = |addr: Option<IpAddr>, at: u32| match addr {
            Some(IpAddr::V4(addr)) => addr.octets().get(at as usize).copied(),
            Some(IpAddr::V6(addr)) => addr.octets().get(at as usize).copied(),
            None => None,
        };
        let destination = |at: u32| {
            let certain = self.question.addr.filter(|addr| !addr.is_unspecified());
            octet(certain, at).map_or(of(Field::Destination(addr_len)), Byte::Known)
        };
        let source =
            |at: u32| octet(self.known.source, at).map_or(of(Field::Source(addr_len)), Byte::Known);
        let source_port = |at: u32| match self.known.source_port {
            Some(port) => Byte::Known(port.to_be_bytes()[at as usize]),
            None => of(Field::SourcePort),
        };
        match (base, self.is_v6, at) {
            (Base::Transport, _, 0 | 1) => source_port(at),
            (Base::Transport, _, 2 | 3) => Byte::Known(port[at as usize - 2]),
            (Base::Network, false, 9) | (Base::Network, true, 6) => {
                Byte::Known(self.question.protocol())
            }
            (Base::Network, false, 12..16) => source(at - 12),
            (Base::Network, false, 16..20) => destination(at - 16),
            (Base::Network, true, 8..24) => source(at - 8),
            (Base::Network, true, 24..40) => destination(at - 24),
            _ => of(Field::Other("the packet's header".to_owned())),
        }
    }

    /// `NFT_META_*`.
    pub(super) fn meta(&self, key: u32) -> Vec<Byte> {
        let name = |field| self.known.name().unwrap_or_else(|| unknown(&field, 16));
        let index = |field| self.known.index().unwrap_or_else(|| unknown(&field, 4));
        // Where a packet comes in it is not known yet by what it leaves, and vice versa.
        let no_name = || vec![Byte::Known(0); 16];
        match key {
            6 if self.hook == Hook::Output => no_name(),
            7 if self.hook != Hook::Output => no_name(),
            4 if self.hook == Hook::Output => vec![Byte::Known(0); 4],
            5 if self.hook != Hook::Output => vec![Byte::Known(0); 4],
            3 => unknown(&Field::Mark, 4),
            6 => name(Field::InputName),
            7 => name(Field::OutputName),
            15 => vec![Byte::Known(if self.is_v6 { 10 } else { 2 })],
            16 => vec![Byte::Known(self.question.protocol())],
            4 => index(Field::InputIndex),
            5 => index(Field::Other("the interface".to_owned())),
            10 | 11 => unknown(&Field::Other("the user".to_owned()), 4),
            _ => unknown(&Field::Other("the packet's meta data".to_owned()), 16),
        }
    }

    /// That the destination is an address of this host is what the question means, unless it
    /// is known to be another's.
    pub(super) fn fib(&self, result: u32, flags: u32) -> Vec<Byte> {
        const ADDRESS_TYPE: u32 = 3;
        const DESTINATION: u32 = 2;
        /// `RTN_LOCAL`.
        const LOCAL: u32 = 2;
        /// `RTN_UNICAST`.
        const UNICAST: u32 = 1;
        if result == ADDRESS_TYPE && flags & DESTINATION != 0 {
            if self.known.to_another_host {
                return UNICAST.to_ne_bytes().map(Byte::Known).to_vec();
            }
            return LOCAL.to_ne_bytes().map(Byte::Known).to_vec();
        }
        unknown(&Field::Other("the routing table".to_owned()), 16)
    }

    pub(super) fn matches(&self, found: &xt::Match) -> Holds {
        match found {
            xt::Match::Always => Holds::Yes,
            xt::Match::Never => Holds::No,
            xt::Match::ToLocal if self.known.to_another_host => Holds::No,
            xt::Match::NotToLocal if self.known.to_another_host => Holds::Yes,
            xt::Match::ToLocal => Holds::Yes,
            xt::Match::NotToLocal => Holds::No,
            xt::Match::Other(name) => Holds::If(format!("by a condition on {name}")),
            xt::Match::Ports { protocol, destination, inverted, more } => {
                if protocol.is_some_and(|protocol| protocol != self.question.protocol()) {
                    return Holds::No;
                }
                let has = destination.iter().any(|range| range.contains(&self.question.port));
                match (has != *inverted, more) {
                    (false, _) => Holds::No,
                    (true, false) => Holds::Yes,
                    (true, true) => Holds::If("by its source port or flags".to_owned()),
                }
            }
        }
    }
}
