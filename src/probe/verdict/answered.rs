//! The handshake was done: what the peer did with the connection.

use std::time::Duration;

use super::super::evidence::listener::Listening;
use super::super::fault::{Ending, Manners, Scene};
use super::QUOTED;
use crate::model::probe::{ListenerDetail, OutcomeKind, Side, Verdict};
use crate::text::{clean, clean::clean_to, units};

/// The verdict on an attempt whose connection came about.
pub(in crate::probe) fn answered(took: Duration, manners: &Manners, scene: &Scene) -> Verdict {
    if manners.greeting.is_none() && manners.ending == Ending::PeerFirst {
        return closed(scene);
    }
    let mut text = format!("{} answers in {}", scene.address, units::duration(took));
    text.push_str(&resent(scene));
    if let Some(greeting) = &manners.greeting {
        let line = greeting.trim_end().lines().next().unwrap_or_default();
        text.push_str(&format!(" and says `{}`", clean_to(line, QUOTED)));
    }
    text.push_str(&unaccepted(scene));
    text.push_str(&redirected(scene));
    if manners.ending == Ending::Reset {
        text.push_str("; it meets our close with an RST");
    }
    Verdict { outcome: OutcomeKind::Ok, side: None, text, errno: None }
}

/// Accepted and closed at once, without a word.
fn closed(scene: &Scene) -> Verdict {
    let text = format!(
        "{} accepts the connection and closes it at once without a word, as an access rule does, \
         or a forwarder whose own target is down{}",
        scene.address,
        redirected(scene)
    );
    Verdict { outcome: OutcomeKind::Closed, side: Some(Side::Peer), text, errno: None }
}

fn resent(scene: &Scene) -> String {
    let first = scene.connect.icmp.first();
    match (scene.connect.retransmits, first) {
        (None | Some(0), _) => String::new(),
        (Some(times), icmp) => {
            let times = if times == 1 { "1 time".to_owned() } else { format!("{times} times") };
            let why = match icmp {
                Some(icmp) => format!(
                    "the one before was answered with ICMP {}",
                    crate::text::probe::icmp_words(*icmp)
                ),
                None => "one was lost on the way, or its accept queue was full".to_owned(),
            };
            format!(", only after its SYN was sent again ({times}): {why}")
        }
    }
}

/// Only the kernel has answered so far.
fn unaccepted(scene: &Scene) -> String {
    if !scene.evidence.unaccepted {
        return String::new();
    }
    match &scene.evidence.listening {
        Listening::Here(ListenerDetail { owner, stopped: Some(true), .. }) => format!(
            ", but only its kernel does: {owner} is stopped (SIGSTOP, Ctrl-Z or a debugger) and \
             does not accept"
        ),
        Listening::Here(ListenerDetail { owner, backlog, .. }) => {
            let queued = backlog.map(|backlog| format!(" ({} wait)", backlog.queued));
            format!(
                ", but only its kernel does: {owner} has not accepted the connection yet{}",
                queued.unwrap_or_default()
            )
        }
        _ => ", but only its kernel does: nobody has accepted the connection yet".to_owned(),
    }
}

/// Another host's address that a rule of this host sends to this host.
fn redirected(scene: &Scene) -> String {
    let Some(ListenerDetail { at, owner, .. }) = &scene.evidence.redirected_to else {
        return String::new();
    };
    let rule = match &scene.evidence.rules.forward {
        Some(forward) => format!(
            " ({} table {} {}, chain {}, handle {})",
            forward.rule.program,
            forward.rule.family,
            clean(&forward.rule.table),
            clean(&forward.rule.chain),
            forward.rule.handle
        ),
        None => String::new(),
    };
    format!(
        "; but a redirect of this host takes it to {owner} on {at} here{rule}: {} was not asked",
        scene.address.ip()
    )
}
