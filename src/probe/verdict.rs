//! From what happened to what it means: the outcome, the side that failed, one sentence.
//!
//! Pure: every error is an argument, so that each mapping is a line in a test. The outcome is
//! what was observed, the cause goes into side and sentence. A plain TCP target is `ok` once its
//! handshake is done, unless the peer closes at once without a word.

mod answered;
mod datagram;
mod nowhere;
mod proxy;
mod rejected;
mod silence;
mod tls;
mod unix;
mod untried;

use std::io;

use super::fault::{Fault, Scene};
use crate::inspect::nat::firewall::Block;
use crate::model::probe::{OutcomeKind, Side, Verdict};
use crate::sys::errno;
use crate::text::clean;

pub(super) use answered::{Subject, concluded};
pub(super) use datagram::{echoed, no_echoes, unheard};
pub(super) use nowhere::nowhere;
pub(super) use proxy::short_of_the_proxy;
pub(super) use rejected::by_a_device_before;
pub(super) use unix::{PathKind, unix_failure};

/// As much of text from outside as a sentence quotes.
const QUOTED: usize = 60;

/// The verdict on an attempt that failed.
pub(super) fn of(fault: &Fault, scene: &Scene) -> Verdict {
    match fault {
        Fault::Local(error) | Fault::Connect { error, at_once: true } => {
            untried::refused_here(error, scene)
        }
        Fault::Broadcast => untried::broadcast(scene),
        Fault::Connect { error, at_once: false } => rejected::rejected(error, scene),
        Fault::Here(error) => untried::lacking(error, scene),
        Fault::OnlyItself => untried::only_itself(scene),
        Fault::Silence => silence::silence(scene, None),
        Fault::Broken(error) => rejected::broken(error, scene),
        Fault::Proxy { status, reason, conclusion, is_http } => {
            proxy::of((*status, reason, *is_http), conclusion, scene)
        }
        Fault::NoServerName => tls::no_name(scene),
        Fault::Tls(failure) => tls::of(failure, scene),
        Fault::TlsSilence(waited) => tls::silence(*waited, scene),
    }
}

fn failed(outcome: OutcomeKind, side: Side, text: String, error: &io::Error) -> Verdict {
    let errno = errno::name(error).map(str::to_owned);
    Verdict { outcome, side: Some(side), text, errno }
}

/// `nftables table inet filter, chain output, handle 4`, `…, its policy`.
fn rule_words(block: &Block) -> String {
    let rule = &block.rule;
    let number = match (block.is_policy, rule.program.as_str()) {
        (true, _) => "its policy".to_owned(),
        (false, "nftables") => format!("handle {}", rule.handle),
        (false, _) => format!("rule {}", rule.handle),
    };
    let (table, chain) = (clean(&rule.table), clean(&rule.chain));
    format!("{} table {} {table}, chain {chain}, {number}", rule.program, rule.family)
}

#[cfg(test)]
mod tests;
