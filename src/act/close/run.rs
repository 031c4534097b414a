//! Running a plan: look, close, look again.

use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::Duration;

use super::mptcp;
use super::plan::{Pair, mirrored, pair};
use crate::act::Consent;
use crate::inspect::Error;
use crate::model::close::{CloseOutcome, ClosePlan, CloseTarget, FailedClose, SocketAndReason};
use crate::model::socket::{Socket, SocketKey, State};

/// How often what is still there is looked for again.
const LOOKS: u32 = 10;
/// The time between two such looks.
const PAUSE: Duration = Duration::from_millis(30);

/// Runs a plan and tells what came of it. Blocks for up to a third of a second beside the
/// looks themselves.
///
/// A socket is closed only if a look right before finds its cookie with the same ends, and
/// the kernel compares both once more. It counts as closed when a look after no longer finds
/// it. `look` gives the table as it is at that moment, or as much of it as holds the plan's
/// sockets; `carried` gives the MPTCP connections, whose subflows may be among what was closed. Fails only where nothing was done yet: when the first look fails.
pub fn run(
    plan: &ClosePlan,
    consent: Consent,
    look: &mut dyn FnMut() -> Result<Vec<Socket>, Error>,
    destroy: &mut dyn FnMut(&Socket) -> Result<(), Error>,
    carried: &mut dyn FnMut() -> Result<Vec<Socket>, Error>,
) -> Result<CloseOutcome, Error> {
    let table = look()?;
    let now = by_cookie(&table);
    let outcome = CloseOutcome { spared: plan.spared.clone(), ..CloseOutcome::default() };
    let mut run = Run { destroy, asked: Vec::new(), refusal: None, outcome };
    for CloseTarget { socket, protected } in &plan.targets {
        match protected {
            Some(reason) if !consent.protected => {
                run.outcome.spared.push(unconfirmed(socket, reason));
            }
            _ if is_there(socket, &now) => run.close(socket),
            _ => run.outcome.ended.push(socket.clone()),
        }
    }
    verify(&run.asked, look, &mut run.outcome);
    let living = mptcp::living(&run.outcome.closed, carried);
    let is_living = |socket: &Socket| living.iter().any(|left| left.socket.key() == socket.key());
    run.outcome.spared.retain(|spared| !is_living(&spared.socket));
    run.outcome.failed.extend(living);
    Ok(run.outcome)
}

struct Run<'a, 'f> {
    destroy: &'f mut dyn FnMut(&Socket) -> Result<(), Error>,
    /// What the kernel was asked to close, and whether it found it.
    asked: Vec<(&'a Socket, bool)>,
    /// Why the kernel will close none: rights do not change from one socket to the next.
    refusal: Option<String>,
    outcome: CloseOutcome,
}

impl<'a> Run<'a, '_> {
    fn close(&mut self, socket: &'a Socket) {
        if let Some(reason) = &self.refusal {
            self.outcome.failed.push(failed(socket, reason, true));
            return;
        }
        match (self.destroy)(socket) {
            Ok(()) => self.asked.push((socket, true)),
            Err(Error::Gone { .. }) => self.asked.push((socket, false)),
            Err(error) => {
                let (refused, reason) =
                    (matches!(error, Error::NotPermitted { .. }), error.to_string());
                self.outcome.failed.push(failed(socket, &reason, refused));
                self.refusal = refused.then_some(reason);
            }
        }
    }
}

/// The outcome of a plan that is not run, since all its targets are protected and nobody
/// confirmed that.
pub fn nothing_closed(plan: &ClosePlan) -> CloseOutcome {
    let targets = plan.targets.iter();
    let protected = targets
        .filter_map(|target| Some(unconfirmed(&target.socket, target.protected.as_deref()?)));
    let spared = plan.spared.iter().cloned().chain(protected).collect();
    CloseOutcome { spared, ..CloseOutcome::default() }
}

fn unconfirmed(socket: &Socket, reason: &str) -> SocketAndReason {
    let reason = format!("{reason}, and that was not confirmed");
    SocketAndReason { socket: socket.clone(), reason }
}

/// Sorts the sockets that the kernel was asked to close by what became of them. With each
/// comes whether the kernel found it.
fn verify(
    asked: &[(&Socket, bool)],
    look: &mut dyn FnMut() -> Result<Vec<Socket>, Error>,
    outcome: &mut CloseOutcome,
) {
    let left = match still_there(asked, look) {
        Ok(left) => left,
        Err(error) => {
            let reason = format!("whether it is gone is not known: {error}");
            outcome.failed.extend(asked.iter().map(|(socket, _)| failed(socket, &reason, false)));
            return;
        }
    };
    let found = asked.iter().filter(|(_, found)| *found);
    let aborted: HashSet<Pair> = found.filter_map(|(socket, _)| pair(socket)).collect();
    let went_with_its_other_end =
        |socket: &Socket| pair(socket).is_some_and(|pair| aborted.contains(&mirrored(pair)));
    for ((socket, found), left) in asked.iter().zip(left) {
        if left {
            outcome.failed.push(failed(socket, why_still_there(socket, *found), false));
        } else if *found || went_with_its_other_end(socket) {
            outcome.closed.push((*socket).clone());
        } else {
            outcome.ended.push((*socket).clone());
        }
    }
}

/// Looks until none is left, or long enough.
fn still_there(
    asked: &[(&Socket, bool)],
    look: &mut dyn FnMut() -> Result<Vec<Socket>, Error>,
) -> Result<Vec<bool>, Error> {
    let mut left = vec![false; asked.len()];
    if asked.is_empty() {
        return Ok(left);
    }
    for attempt in 0..LOOKS {
        if attempt > 0 {
            thread::sleep(PAUSE);
        }
        let table = look()?;
        let now = by_cookie(&table);
        left = asked.iter().map(|(socket, _)| is_there(socket, &now)).collect();
        if !left.contains(&true) {
            break;
        }
    }
    Ok(left)
}

fn by_cookie(table: &[Socket]) -> HashMap<SocketKey, &Socket> {
    let with_cookie = table.iter().filter(|socket| socket.cookie.is_some());
    with_cookie.map(|socket| (socket.key(), socket)).collect()
}

/// Whether the table still has this socket with these ends.
fn is_there(planned: &Socket, table: &HashMap<SocketKey, &Socket>) -> bool {
    let identity = planned.cookie.map(|_| planned.key());
    identity.and_then(|identity| table.get(&identity)).is_some_and(|now| {
        now.protocol == planned.protocol
            && now.local.port == planned.local.port
            && now.remote == planned.remote
            && has_same_role(planned.state, now.state)
    })
}

/// A connection goes through many states and stays the same. When the kernel aborts it, its
/// owner's descriptor may keep the port: BOUND, no connection any more.
fn has_same_role(planned: State, now: State) -> bool {
    let without_peer =
        |state| matches!(state, State::Listen | State::Bound | State::Closed | State::Unconnected);
    if without_peer(planned) { planned == now } else { !without_peer(now) }
}

fn failed(socket: &Socket, reason: &str, refused: bool) -> FailedClose {
    FailedClose { socket: socket.clone(), reason: reason.to_owned(), refused }
}

fn why_still_there(socket: &Socket, found: bool) -> &'static str {
    match (found, socket.state) {
        (true, State::Unconnected) => {
            "the kernel woke its owner with an error, but a UDP socket that was bound to its \
             port stays bound until its owner closes it"
        }
        (true, _) => "the kernel agreed to close it, but it is still there",
        (false, State::Bound) => {
            "the kernel closes no socket that only holds a port; sockpit kill ends its owner"
        }
        (false, _) => {
            "the kernel did not find it by its addresses; another socket may share them \
             (SO_REUSEPORT)"
        }
    }
}

#[cfg(test)]
mod tests;
