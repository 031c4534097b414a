//! One connection of this host's own: which rules keep its packets, or the answers, away.

use std::net::SocketAddr;

use super::firewall::{Block, at_hook};
use super::packet::{Known, Packet};
use super::walk::walk;
use super::{NatAnswer, Question};
use crate::model::why::{Forward, ForwardFrom};
use crate::wire::netfilter::{Hook, Ruleset};

/// The interface by which this host talks to itself.
const LOOPBACK: (&str, u32) = ("lo", 1);

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journey<'a> {
    /// This host's end; its port may be 0 where it is not known.
    pub from: SocketAddr,
    /// The other end.
    pub to: SocketAddr,
    /// UDP instead of TCP.
    pub udp: bool,
    /// Whether the other end is this host, too.
    pub to_self: bool,
    /// Name and index of the interface between them.
    pub interface: Option<(&'a str, u32)>,
}

/// On which part of the way a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// What this host sends leaves it.
    Out,
    /// The same comes in again, where the other end is this host.
    In,
    /// What the other end answers comes in.
    Back,
}

impl Journey<'_> {
    /// The rules that keep its first packet or the answer away, in the kernel's order. Those with
    /// conditions may not be meant.
    pub fn blocks(&self, rulesets: &[Ruleset]) -> Vec<(Leg, Block)> {
        let mut told = Vec::new();
        let mut open = Some(Vec::new());
        for (leg, hook) in self.hooks() {
            let Some(entered) = open.take() else { break };
            let (question, known) = self.packet(leg);
            let packet = Packet { question: &question, hook, is_v6: self.to.is_ipv6(), known };
            let (mut found, mut unread) = (Vec::new(), 0);
            open = at_hook(rulesets, packet, entered, &mut found, &mut unread);
            told.extend(found.into_iter().map(|block| (leg, block)));
        }
        told
    }

    /// The rule that sends its packets elsewhere; `None` where none does for certain.
    pub fn forward(&self, rulesets: &[Ruleset]) -> Option<Forward> {
        let (question, known) = self.packet(Leg::Out);
        let mut answer = NatAnswer::default();
        for ruleset in rulesets {
            walk(ruleset, &question, known, &mut answer);
        }
        let is_sure = |it: &Forward| it.from == ForwardFrom::ThisHost && it.conditions.is_empty();
        answer.forwards.into_iter().find(is_sure)
    }

    fn hooks(&self) -> impl Iterator<Item = (Leg, Hook)> {
        use Hook::{Input, Output, Prerouting};
        let to_self = [(Leg::Out, Output), (Leg::In, Prerouting), (Leg::In, Input)];
        let away = [(Leg::Out, Output), (Leg::Back, Prerouting), (Leg::Back, Input)];
        if self.to_self { to_self } else { away }.into_iter()
    }

    fn packet(&self, leg: Leg) -> (Question, Known<'_>) {
        let port = |address: SocketAddr| Some(address.port()).filter(|port| *port != 0);
        let ask = |to: SocketAddr| Question { port: to.port(), udp: self.udp, addr: Some(to.ip()) };
        let interface = if self.to_self { Some(LOOPBACK) } else { self.interface };
        let mut facts = Known { interface, ..Known::default() };
        let (from, to) = if leg == Leg::Back { (self.to, self.from) } else { (self.from, self.to) };
        facts.source = Some(from.ip());
        facts.source_port = port(from);
        facts.is_answer = leg == Leg::Back;
        facts.to_another_host = leg == Leg::Out && !self.to_self;
        (ask(to), facts)
    }
}
