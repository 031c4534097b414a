//! A close in words, and whether it is a yes or a no. Names in sentences are uncleaned:
//! whoever shows them cleans the line.

use std::collections::BTreeSet;

use crate::act::{Completion, Confirmation, Consent, Mark, Obstacle, Part};
use crate::model::close::{CloseOutcome, ClosePlan, CloseTarget};
use crate::model::owner::OwnershipKind;
use crate::model::socket::{Socket, State};
use crate::text::address;

/// More steps than this are counted.
const MOST_STEPS: usize = 100;

/// A socket in a sentence: `tcp 127.0.0.1:8080 -> 127.0.0.1:51544 ESTABLISHED`.
pub fn describe(socket: &Socket) -> String {
    let (protocol, state) = (socket.protocol.name(), socket.state.name());
    let local = address::local(socket);
    match &socket.remote {
        Some(_) => format!("{protocol} {local} -> {} {state}", address::remote(socket)),
        None => format!("{protocol} {local} {state}"),
    }
}

/// The same with who holds it: `… ESTABLISHED of nginx 812 and 3 more`.
fn describe_with_owner(socket: &Socket) -> String {
    let what = describe(socket);
    let pids: BTreeSet<u32> = socket.owners.iter().map(|owner| owner.process.pid).collect();
    match (socket.owners.first(), socket.ownership.kind) {
        (Some(owner), _) => {
            let more = pids.len() - 1;
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{what} of {} {}{more}", owner.process.name, owner.process.pid)
        }
        (None, OwnershipKind::Kernel) => format!("{what}, which the kernel alone holds"),
        (None, _) => format!("{what}, whose owner is not known"),
    }
}

/// What would be done, a sentence a step.
pub(super) fn steps(plan: &ClosePlan) -> Vec<String> {
    let mut ordinary: Vec<&CloseTarget> = plan.targets.iter().collect();
    ordinary.sort_by_key(|target| target.protected.is_some());
    let more = ordinary.len().saturating_sub(MOST_STEPS);
    let mut steps: Vec<String> = ordinary
        .into_iter()
        .take(MOST_STEPS)
        .map(|target| {
            let what = describe_with_owner(&target.socket);
            let condition = if target.protected.is_some() { ", if that is confirmed" } else { "" };
            format!("Close {what}{condition}.")
        })
        .collect();
    if more > 0 {
        steps.push(format!("Close {more} more."));
    }
    if !steps.is_empty() {
        steps.push("Look once more whether they are gone.".to_owned());
    }
    steps
}

/// What the user should weigh, the gravest first.
pub(super) fn warnings(plan: &ClosePlan) -> Vec<String> {
    let mut warnings: Vec<String> = plan
        .targets
        .iter()
        .filter_map(|target| {
            let reason = target.protected.as_ref()?;
            Some(format!("{} is protected: {reason}.", describe(&target.socket)))
        })
        .collect();
    let targets = || plan.targets.iter().map(|target| &target.socket);
    if targets().any(|socket| socket.state == State::Listen) {
        let text = "A listener that is closed takes no more connections and loses those in its \
                    accept queue; its process keeps the port until it closes the socket, too.";
        warnings.push(text.to_owned());
    }
    if targets().any(|socket| socket.ownership.kind == OwnershipKind::Hidden) {
        let text = "The owner of some cannot be seen; it may be a process that sockpit runs under.";
        warnings.push(text.to_owned());
    }
    warnings.extend(
        plan.spared.iter().take(MOST_STEPS).map(|spared| {
            format!("{} is left alone: {}.", describe(&spared.socket), spared.reason)
        }),
    );
    let more = plan.spared.len().saturating_sub(MOST_STEPS);
    if more > 0 {
        warnings.push(format!("{more} more are left alone."));
    }
    if plan.undecided > 0 && !plan.targets.is_empty() {
        let count = sockets(plan.undecided);
        warnings.push(format!("{count} might match, too, but not enough is known: left alone."));
    }
    warnings
}

fn sockets(count: usize) -> String {
    if count == 1 { "1 socket".to_owned() } else { format!("{count} sockets") }
}

/// Why a plan closes nothing with this consent; `None` when it closes something.
pub(super) fn obstacle(plan: &ClosePlan, consent: Consent) -> Option<Obstacle> {
    let closable = |target: &CloseTarget| consent.protected || target.protected.is_none();
    if plan.targets.iter().any(closable) {
        return None;
    }
    let spared = plan.spared.first().map(|spared| (&spared.socket, &spared.reason));
    let protected = plan.targets.first();
    let protected = protected.and_then(|target| Some((&target.socket, target.protected.as_ref()?)));
    let sentence = match (protected, spared, plan.undecided) {
        (Some((socket, reason)), ..) => {
            format!("{} is protected: {reason}; --protected allows closing it", describe(socket))
        }
        (None, Some((socket, reason)), _) => {
            format!("nothing was closed: {} is left alone: {reason}", describe(socket))
        }
        (None, None, 0) => "no socket matches: there is nothing to close".to_owned(),
        (None, None, undecided) => {
            let count = sockets(undecided);
            format!("nothing matched for certain; {count} might, but not enough is known")
        }
    };
    let not_permitted = protected.is_none() && spared.is_none() && plan.undecided > 0;
    Some(Obstacle { sentence, not_permitted })
}

/// How much of a plan that was run came true.
pub(super) fn completion(outcome: &CloseOutcome) -> Completion {
    if outcome.failed.iter().any(|failed| failed.refused) {
        Completion::NotPermitted
    } else if !outcome.failed.is_empty() || (outcome.closed.is_empty() && outcome.ended.is_empty())
    {
        Completion::Incomplete
    } else {
        Completion::Done
    }
}

/// What came of it, socket by socket.
pub(super) fn parts(outcome: &CloseOutcome) -> Vec<Part> {
    let closed = outcome.closed.iter();
    let closed = closed.map(|socket| (Mark::Done, format!("closed {}", describe(socket))));
    let ended = outcome.ended.iter();
    let ended =
        ended.map(|socket| (Mark::Beside, format!("{} had already ended", describe(socket))));
    let failed = outcome.failed.iter().map(|failed| {
        let what = describe(&failed.socket);
        (Mark::Failed, format!("{what} is not closed: {}", failed.reason))
    });
    let spared = outcome.spared.iter().map(|spared| {
        let what = describe(&spared.socket);
        (Mark::Spared, format!("{what} was left alone: {}", spared.reason))
    });
    let parts = closed.chain(ended).chain(failed).chain(spared);
    parts.map(|(mark, text)| Part::new(mark, text)).collect()
}

/// What has to be typed to confirm the end of protected connections: the first one's local
/// port.
pub(super) fn confirmation(plan: &ClosePlan) -> Option<Confirmation> {
    let target = plan.targets.iter().find(|target| target.protected.is_some())?;
    let port = target.socket.local.port?;
    let what = describe(&target.socket);
    let question = format!("{what} is protected. Type its local port to close it anyway:");
    Some(Confirmation { typed: port.to_string(), question })
}
