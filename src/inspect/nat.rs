//! Where packets for a port really go: the rules that translate destinations, followed for one
//! packet of which only the protocol and port are certain.

mod bytes;
mod conditions;
pub mod firewall;
mod journey;
mod packet;
mod rule;
mod sets;
mod walk;

use std::net::IpAddr;

use super::Error;
use crate::model::health::{Health, Source};
use crate::model::why::Forward;
use crate::wire::netfilter::Ruleset;

/// The packets that are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Destination port.
    pub port: u16,
    /// UDP instead of TCP.
    pub udp: bool,
    /// Destination; `None` for every address of this host, of both families.
    pub addr: Option<IpAddr>,
}

impl Question {
    /// Its number in IP.
    fn protocol(&self) -> u8 {
        if self.udp { 17 } else { 6 }
    }
}

/// What the rules do with such packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NatAnswer {
    /// Rules that may send them elsewhere, in the kernel's order.
    pub forwards: Vec<Forward>,
    /// Rules on their way that are not understood, and could.
    pub unread: usize,
}

/// Follows the rules. Those that leave destination and port as they are count for nothing.
pub fn follow(rulesets: &[Ruleset], question: &Question) -> NatAnswer {
    let mut answer = NatAnswer::default();
    for ruleset in rulesets {
        answer.unread += ruleset.unread;
        walk::walk(ruleset, question, packet::Known::default(), &mut answer);
    }
    answer
}

/// What the rules do with one connection of this host's own.
pub use journey::{Journey, Leg};

/// The first rule that sends packets of a port elsewhere, in a few words.
pub(super) fn taker(rulesets: &[Ruleset], port: u16, udp: bool) -> Option<String> {
    let answer = follow(rulesets, &Question { port, udp, addr: None });
    let rule = &answer.forwards.first()?.rule;
    Some(format!(
        "a rule of {} (table {} {}, chain {})",
        rule.program, rule.family, rule.table, rule.chain
    ))
}

/// That the rules could not be read.
pub(super) fn unknown(error: &Error) -> Health {
    let what = "whether rules of nftables or iptables send packets for the port elsewhere";
    let health = Health::unavailable(Source::Nat, format!("{what} is not known: {error}"));
    match error {
        Error::NotPermitted { remedy, .. } => health.with_remedy(remedy.clone()),
        _ => health,
    }
}

#[cfg(test)]
mod tests;
