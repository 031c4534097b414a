//! The handshake was done: what the peer did with the connection.

use std::io;
use std::time::Duration;

use super::super::Protocol;
use super::super::conversation::Talked;
use super::super::evidence::listener::Listening;
use super::super::fault::{Ending, Scene};
use super::{QUOTED, rejected, tls};
use crate::model::dialogue::{Answer, AppProtocol, Conclusion, Heard, Refusal};
use crate::model::probe::{ListenerDetail, OutcomeKind, Side, Verdict};
use crate::text::{
    clean,
    clean::clean_to,
    probe::{answer_words, icmp_words},
    units,
};

/// What was asked, and how long things took.
pub(in crate::probe) struct Subject {
    /// How the target is talked to.
    pub protocol: Protocol,
    /// Whether that was told by its port.
    pub guessed: bool,
    /// What was spoken; `None` where the peer was only listened to.
    pub spoken: Option<AppProtocol>,
    /// Whether a certificate of ours could be shown.
    pub has_own_certificate: bool,
    /// How long the handshake of the connection took.
    pub rtt: Duration,
    /// From then to the end of what was said.
    pub waited: Duration,
}

/// The verdict on an attempt whose connection came about.
pub(in crate::probe) fn concluded(
    talked: &Talked,
    ending: Option<Ending>,
    subject: &Subject,
    scene: &Scene,
) -> Verdict {
    if let Some(verdict) = tls::after_the_handshake(talked, subject, scene) {
        return verdict;
    }
    match &talked.conclusion {
        Conclusion::Answered => answered(talked, ending, subject, scene),
        Conclusion::Refused(refusal) => refused(refusal, scene),
        Conclusion::WrongProtocol(heard) => wrong_protocol(heard, ending, subject, scene),
        Conclusion::NoUpgrade { words } => no_upgrade(words.as_deref(), subject, scene),
        Conclusion::Malformed { what } => failed(
            OutcomeKind::ProtocolError,
            format!("{} does not keep to its protocol: {}", scene.place(), clean_to(what, 200)),
        ),
        Conclusion::Silent { .. } if talked.only_listened => {
            answered(talked, ending, subject, scene)
        }
        Conclusion::Silent { heard_bytes } => silent(*heard_bytes, subject, scene),
        Conclusion::Closed { reset: true, .. } => {
            let error = talked.error.as_ref();
            let reset = io::Error::from(io::ErrorKind::ConnectionReset);
            rejected::broken(error.unwrap_or(&reset), scene)
        }
        Conclusion::Closed { reset: false, heard_bytes } => {
            closed(talked, *heard_bytes, subject, scene)
        }
    }
}

fn failed(outcome: OutcomeKind, text: String) -> Verdict {
    Verdict { outcome, side: Some(Side::Peer), text, errno: None }
}

/// All is well.
fn answered(talked: &Talked, ending: Option<Ending>, subject: &Subject, scene: &Scene) -> Verdict {
    let mut text = opening(subject, scene);
    if subject.protocol == Protocol::Tls
        && let Some(version) = scene.layer.as_ref().and_then(|it| it.detail.version.as_deref())
    {
        text.push_str(&format!(" and speaks {version}"));
    }
    text.push_str(&what_was_said(talked));
    close_text(&mut text, ending, scene);
    Verdict { outcome: OutcomeKind::Ok, side: None, text, errno: None }
}

/// `127.0.0.1:80 answers in 40 µs`.
fn opening(subject: &Subject, scene: &Scene) -> String {
    format!("{} answers in {}{}", scene.place(), units::duration(subject.rtt), resent(scene))
}

fn close_text(text: &mut String, ending: Option<Ending>, scene: &Scene) {
    text.push_str(&unaccepted(scene));
    text.push_str(&redirected(scene));
    text.push_str(match ending {
        Some(Ending::Reset) => "; it meets our close with an RST",
        Some(Ending::ResetFirst) => "; it breaks the connection off with an RST after its answer",
        _ => "",
    });
}

fn what_was_said(talked: &Talked) -> String {
    match (&talked.answer, &talked.greeting) {
        (Some(Answer::Http(http)), _) => {
            let reason = clean_to(&http.reason, QUOTED);
            let words = format!("{} {reason}", http.status);
            let to = http.location.as_deref().map(|to| format!(", to {}", clean_to(to, QUOTED)));
            format!(" with HTTP {}{}", words.trim_end(), to.unwrap_or_default())
        }
        (Some(answer), None) => format!(": {}", clean_to(&answer_words(answer), 2 * QUOTED)),
        (_, Some(greeting)) if greeting.text.is_some() => {
            let line = greeting.text.as_deref().unwrap_or_default();
            let line = line.trim_end().lines().next().unwrap_or_default();
            format!(" and says `{}`", clean_to(line, QUOTED))
        }
        _ => String::new(),
    }
}

fn resent(scene: &Scene) -> String {
    let first = scene.connect.icmp.first();
    match (scene.connect.retransmits, first) {
        (None | Some(0), _) => String::new(),
        (Some(times), icmp) => {
            let times = units::counted(times.into(), "time");
            let why = match icmp {
                Some(icmp) => {
                    format!("the one before was answered with ICMP {}", icmp_words(*icmp))
                }
                None => "one was lost on the way, or its accept queue was full".to_owned(),
            };
            format!(", only after its SYN was sent again ({times}): {why}")
        }
    }
}

/// The service answers, and says no.
fn refused(refusal: &Refusal, scene: &Scene) -> Verdict {
    let line = refusal.words.trim_end().lines().next().unwrap_or_default();
    let text = format!("{} refuses its service: `{}`", scene.place(), clean_to(line, 120));
    failed(OutcomeKind::Refused, text)
}

fn wrong_protocol(
    heard: &Heard,
    ending: Option<Ending>,
    subject: &Subject,
    scene: &Scene,
) -> Verdict {
    let speaker = match (heard.protocol, &heard.software) {
        (Some(protocol), Some(software)) => {
            format!("{} ({})", protocol.title(), clean_to(software, QUOTED))
        }
        (Some(protocol), None) => protocol.title().to_owned(),
        (None, _) => "something unknown".to_owned(),
    };
    let line = heard.text.trim_end().lines().next().unwrap_or_default();
    let words =
        if line.is_empty() { String::new() } else { format!(": `{}`", clean_to(line, 120)) };
    let expected = subject.protocol.scheme();
    if subject.guessed {
        let mut text = format!(
            "{}, and speaks {speaker} where {expected}:// was guessed by its port{words}",
            opening(subject, scene)
        );
        close_text(&mut text, ending, scene);
        return Verdict { outcome: OutcomeKind::Ok, side: None, text, errno: None };
    }
    let hint = match heard.protocol {
        Some(AppProtocol::Tls) if subject.protocol == Protocol::Http => "; write https://",
        Some(AppProtocol::Tls) => "; the port speaks TLS from the first byte",
        _ => "",
    };
    let text = format!("{} speaks {speaker}, not {expected}{words}{hint}", scene.place());
    failed(OutcomeKind::ProtocolError, text)
}

fn no_upgrade(words: Option<&str>, subject: &Subject, scene: &Scene) -> Verdict {
    let why = match words {
        Some(words) => format!("declines the upgrade to TLS: `{}`", clean_to(words, 120)),
        None => "offers no upgrade to TLS".to_owned(),
    };
    let text = format!("{} speaks {} and {why}", scene.place(), subject.protocol.scheme());
    failed(OutcomeKind::TlsFailed, text)
}

/// Connected, and then nothing that is an answer.
fn silent(heard_bytes: u64, subject: &Subject, scene: &Scene) -> Verdict {
    let waited = units::duration(subject.waited);
    let what = match heard_bytes {
        0 => "says nothing".to_owned(),
        1 => "says 1 byte and no more".to_owned(),
        count => format!("says {} and comes to no end", units::counted(count, "byte")),
    };
    let guess = guess_words(subject);
    let behind = unaccepted(scene);
    let text = match behind.strip_prefix(", but ") {
        Some(behind) => format!("{} connects and {what} within {waited}: {behind}", scene.place()),
        None => format!(
            "{} connects and {what} within {waited}: its process hangs, or it speaks something \
             other than {}{guess}",
            scene.place(),
            subject.protocol.scheme()
        ),
    };
    let side = if scene.evidence.unaccepted { Side::Local } else { Side::Peer };
    Verdict { outcome: OutcomeKind::Timeout, side: Some(side), text, errno: None }
}

fn guess_words(subject: &Subject) -> String {
    match subject.guessed {
        true => format!(
            " ({} is a guess by its port; tcp:// asks for a connection alone)",
            subject.protocol.scheme()
        ),
        false => String::new(),
    }
}

/// The peer closed before it had answered.
fn closed(talked: &Talked, heard_bytes: u64, subject: &Subject, scene: &Scene) -> Verdict {
    let address = scene.place();
    let greeted = talked.greeting.as_ref().and_then(|greeting| greeting.text.as_deref());
    let text = match (heard_bytes, subject.spoken) {
        (0, Some(_)) if let Some(line) = greeted.and_then(|text| text.lines().next()) => format!(
            "{address} greets with `{}` and closes the connection in place of an answer{}",
            clean_to(line, QUOTED),
            redirected(scene)
        ),
        (0, None) => format!(
            "{address} accepts the connection and closes it at once without a word, as an access \
             rule does, or a forwarder whose own target is down{}",
            redirected(scene)
        ),
        (0, Some(_)) => format!(
            "{address} closes the connection without a word: it speaks something other than {}, \
             or an access rule or a forwarder cuts it{}",
            subject.protocol.scheme(),
            guess_words(subject)
        ),
        (count, _) => {
            let heard = units::counted(count, "byte");
            format!("{address} closes the connection after {heard} of an answer")
        }
    };
    failed(OutcomeKind::Closed, text)
}

/// Only the kernel has answered so far.
pub(super) fn unaccepted(scene: &Scene) -> String {
    if !scene.evidence.unaccepted {
        return String::new();
    }
    match &scene.evidence.listening {
        Listening::Here(ListenerDetail { owner, stopped: Some(true), .. }) => format!(
            ", but only its kernel does: {owner} is stopped (SIGSTOP, Ctrl-Z or a debugger) and \
             does not accept"
        ),
        Listening::Here(ListenerDetail { owner, backlog, .. }) => {
            let queued = backlog.map(|backlog| format!(" ({} waiting)", backlog.queued));
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
