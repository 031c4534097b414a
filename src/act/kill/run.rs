//! Running a plan: check, signal, wait; and once more with KILL where that was allowed.

use std::time::{Duration, Instant};

use super::plan::holds_target;
use super::words::{target_name, who};
use super::{Consent, Depth, Look, Progress, proof};
use crate::inspect::Error;
use crate::inspect::keepers::Before;
use crate::model::action::{KillOutcome, KillPlan, KillTarget, Spared, Victim, VictimOutcome};
use crate::model::signal::Signal;
use crate::model::socket::Socket;
use crate::sys::process::{self, ProcessHandle};

/// How often a wait reports.
const SLICE: Duration = Duration::from_millis(100);

/// Runs a plan and tells what came of it. Blocks for up to the plan's timeout, twice where
/// KILL is allowed, and for as long as the port is watched.
///
/// Every victim is held by a pidfd; its start time is checked then, and before every signal
/// that it still holds the very socket (cookie, then inode, then descriptor) for which it was
/// planned. Whoever fails a check is spared. Fails only where nothing was done yet: when this
/// system cannot hold processes by pidfd.
pub fn run(
    plan: &KillPlan,
    consent: Consent,
    look: &mut Look<'_>,
    tell: &mut dyn FnMut(Progress),
) -> Result<KillOutcome, Error> {
    let (netns, before) = (process::own_netns(), Before::look(&plan.parents));
    let mut run = Run { plan, look, tell, netns, before, cases: Vec::new() };
    for victim in &plan.victims {
        let fate = run.hold(victim, consent)?;
        run.cases.push(Case { victim, fate, sent: Vec::new(), first_signal: None, refused: false });
    }
    let rounds = plan.victims.iter().map(|victim| victim.signals.len()).max().unwrap_or(0);
    for round in 0..rounds {
        run.signal_all(round);
        run.wait()?;
    }
    run.give_up();
    Ok(run.outcome())
}

struct Run<'a, 'l> {
    plan: &'a KillPlan,
    look: &'a mut Look<'l>,
    tell: &'a mut dyn FnMut(Progress),
    netns: Option<u64>,
    before: Before,
    cases: Vec<Case<'a>>,
}

/// A victim and what became of it so far.
struct Case<'a> {
    victim: &'a Victim,
    fate: Fate,
    sent: Vec<Signal>,
    first_signal: Option<Instant>,
    refused: bool,
}

enum Fate {
    /// Held, and not known to have ended.
    Alive(ProcessHandle),
    /// Its end was seen, so long after the first signal.
    Ended(Option<Duration>),
    /// It is left alone; the reason is a clause.
    Spared(String),
    /// It did not end, or could not be signalled; the reason is a clause.
    Survived(String),
}

impl Run<'_, '_> {
    fn hold(&mut self, victim: &Victim, consent: Consent) -> Result<Fate, Error> {
        if let (Some(reason), false) = (&victim.protected, consent.protected) {
            return Ok(self.spare(victim, format!("{reason}, and that was not confirmed")));
        }
        if victim.signals.is_empty() {
            return Ok(self.spare(victim, "KILL is not allowed without force".to_owned()));
        }
        match ProcessHandle::open(victim.key) {
            Ok(handle) => Ok(Fate::Alive(handle)),
            Err(Error::Gone { .. }) => Ok(self.end(victim, None)),
            Err(error) => Err(error),
        }
    }

    fn signal_all(&mut self, round: usize) {
        for index in 0..self.cases.len() {
            let victim = self.cases[index].victim;
            if let Some(&signal) = victim.signals.get(round) {
                self.signal_one(index, signal);
            }
        }
    }

    fn signal_one(&mut self, index: usize, signal: Signal) {
        let Case { victim, fate: Fate::Alive(handle), .. } = &self.cases[index] else {
            return;
        };
        let victim: &Victim = victim;
        let still = still_planned(self.plan, victim, handle, self.netns, self.look);
        let sent = still.and_then(|()| handle.signal(signal).map_err(Objection::from));
        match sent {
            Ok(()) => {
                let case = &mut self.cases[index];
                case.sent.push(signal);
                case.first_signal.get_or_insert_with(Instant::now);
                let (pid, name) = (victim.key.pid, victim.name.clone());
                (self.tell)(Progress::Signalled { pid, name, signal });
            }
            Err(Objection::Ended) => self.mark_ended(index),
            Err(Objection::Refused(reason)) => {
                self.cases[index].refused = true;
                self.cases[index].fate = Fate::Survived(reason);
            }
            Err(Objection::NotPlanned(reason)) => {
                self.cases[index].fate = self.spare(victim, reason);
            }
        }
    }

    /// Waits for those who got a signal, as long as the plan says.
    fn wait(&mut self) -> Result<(), Error> {
        let timeout = Duration::from_millis(self.plan.timeout_ms);
        let start = Instant::now();
        loop {
            let left = timeout.saturating_sub(start.elapsed());
            let alive = self.alive_after(left.min(SLICE))?;
            if alive.is_empty() || left.is_zero() {
                return Ok(());
            }
            (self.tell)(Progress::Waiting { alive, elapsed: start.elapsed(), timeout });
        }
    }

    /// Who is alive when one has ended or the time is over.
    fn alive_after(&mut self, timeout: Duration) -> Result<Vec<String>, Error> {
        let alive: Vec<(usize, &ProcessHandle)> = self
            .cases
            .iter()
            .enumerate()
            .filter_map(|(index, case)| match &case.fate {
                Fate::Alive(handle) => Some((index, handle)),
                _ => None,
            })
            .collect();
        if alive.is_empty() {
            return Ok(Vec::new());
        }
        let (indices, handles): (Vec<usize>, Vec<&ProcessHandle>) = alive.into_iter().unzip();
        let ended = process::ended(&handles, timeout)?;
        let mut left = Vec::new();
        for (index, ended) in indices.into_iter().zip(ended) {
            if ended {
                self.mark_ended(index);
            } else {
                let victim = self.cases[index].victim;
                left.push(who(&victim.name, victim.key.pid));
            }
        }
        Ok(left)
    }

    /// The time is over for those who are still alive.
    fn give_up(&mut self) {
        for index in 0..self.cases.len() {
            let Case { victim, sent, fate: Fate::Alive(handle), .. } = &self.cases[index] else {
                continue;
            };
            let still = still_planned(self.plan, victim, handle, self.netns, self.look);
            let sent = sent.iter().map(|signal| signal.name()).collect::<Vec<_>>().join(" and ");
            let reason = match still {
                Err(Objection::Ended) => {
                    self.mark_ended(index);
                    continue;
                }
                Err(Objection::NotPlanned(reason)) => format!("it is still alive, but {reason}"),
                _ => format!("it did not end within the time after {sent}"),
            };
            self.cases[index].fate = Fate::Survived(reason);
        }
    }

    fn mark_ended(&mut self, index: usize) {
        let case = &self.cases[index];
        let (victim, after) = (case.victim, case.first_signal.map(|at| at.elapsed()));
        self.cases[index].fate = self.end(victim, after);
    }

    fn end(&mut self, victim: &Victim, after: Option<Duration>) -> Fate {
        let (pid, name) = (victim.key.pid, victim.name.clone());
        (self.tell)(Progress::Ended { pid, name, after });
        Fate::Ended(after)
    }

    fn spare(&mut self, victim: &Victim, reason: String) -> Fate {
        (self.tell)(Progress::Spared(spared(victim, &reason)));
        Fate::Spared(reason)
    }

    fn outcome(self) -> KillOutcome {
        let all_ended = self.cases.iter().all(|case| matches!(case.fate, Fate::Ended(_)));
        let mut spared: Vec<Spared> = self.plan.spared.clone();
        let mut victims = Vec::new();
        for case in self.cases {
            match case.outcome() {
                Ok(outcome) => victims.push(outcome),
                Err(left_alone) => spared.push(left_alone),
            }
        }
        let ended = Ended { victims, spared, all: all_ended, before: self.before };
        proven(self.plan, ended, self.look, self.tell)
    }
}

/// What became of the processes that a plan would end.
pub(in crate::act) struct Ended {
    /// Each victim's end.
    pub victims: Vec<VictimOutcome>,
    /// Who was left alone.
    pub spared: Vec<Spared>,
    /// Whether only the kernel's own tidying is left to wait for.
    pub all: bool,
    /// What the victims' parents had started before.
    pub before: Before,
}

/// The outcome when all that could be done to the victims is done: with what is found out about
/// the port.
pub(in crate::act) fn proven(
    plan: &KillPlan,
    ended: Ended,
    look: &mut Look<'_>,
    tell: &mut dyn FnMut(Progress),
) -> KillOutcome {
    let Ended { victims, spared, all, before } = ended;
    let proof = (!matches!(plan.target, KillTarget::Pid { .. }))
        .then(|| proof::prove(plan, all, before, look, tell));
    let watched_ms = proof.as_ref().map_or(0, |proof| proof.watched_ms);
    let (port_free, proof, port_reason, respawned) = match proof {
        None => (None, None, None, None),
        Some(proof) => (Some(proof.free), proof.shown_by, proof.reason, proof.respawned),
    };
    KillOutcome {
        target: plan.target.arguments(),
        victims,
        spared,
        port_free,
        proof,
        port_reason,
        respawned,
        watched_ms,
        keepers: plan.keepers.clone(),
        parents: Before::living(&plan.parents),
    }
}

impl Case<'_> {
    fn outcome(self) -> Result<VictimOutcome, Spared> {
        let (exited, after, reason) = match self.fate {
            Fate::Spared(reason) if self.sent.is_empty() => {
                return Err(spared(self.victim, &reason));
            }
            Fate::Ended(after @ Some(_)) => (true, after, None),
            Fate::Ended(None) => (true, None, Some("it ended before any signal".to_owned())),
            Fate::Spared(reason) | Fate::Survived(reason) => (false, None, Some(reason)),
            Fate::Alive(_) => (false, None, None),
        };
        Ok(VictimOutcome {
            pid: self.victim.key.pid,
            name: self.victim.name.clone(),
            signals: self.sent,
            exited,
            exit_after_ms: after.and_then(|after| after.as_millis().try_into().ok()),
            reason,
            refused: self.refused,
        })
    }
}

fn spared(victim: &Victim, reason: &str) -> Spared {
    Spared { pid: victim.key.pid, name: victim.name.clone(), reason: reason.to_owned() }
}

/// Why a victim gets no signal after all.
enum Objection {
    Ended,
    NotPlanned(String),
    Refused(String),
}

impl From<Error> for Objection {
    fn from(error: Error) -> Self {
        match error {
            Error::Gone { .. } => Self::Ended,
            error => Self::Refused(error.to_string()),
        }
    }
}

/// Whether the held process is still who was planned. A victim by its port must still hold
/// one of its planned sockets, and that socket must still hold the port.
fn still_planned(
    plan: &KillPlan,
    victim: &Victim,
    handle: &ProcessHandle,
    netns: Option<u64>,
    look: &mut Look<'_>,
) -> Result<(), Objection> {
    if victim.holds.is_empty() {
        return if handle.has_ended()? { Err(Objection::Ended) } else { Ok(()) };
    }
    let name = target_name(&plan.target);
    let table = look(Depth::Sockets)
        .map_err(|error| Objection::NotPlanned(format!("a second look failed: {error}")))?;
    let mut inodes = victim.holds.iter().filter_map(|planned| {
        let now = table.iter().find(|now| is_same(planned, now))?;
        now.inode.filter(|&inode| inode != 0 && holds_target(&plan.target, now, netns))
    });
    // The descriptor comes last: what is found here is true of the next moment, too.
    let held = inodes.try_fold(false, |held, inode| Ok(held || handle.holds_socket(inode)?));
    match held {
        Ok(true) => Ok(()),
        Ok(false) if handle.has_ended()? => Err(Objection::Ended),
        Ok(false) => Err(Objection::NotPlanned(format!("it no longer holds {name}"))),
        Err(Error::Gone { .. }) => Err(Objection::Ended),
        Err(error) => Err(Objection::NotPlanned(error.to_string())),
    }
}

/// The cookie alone identifies a socket; where there is none the inode must do.
fn is_same(planned: &Socket, now: &Socket) -> bool {
    match (planned.cookie, now.cookie) {
        (Some(planned), Some(now)) => planned == now,
        _ => planned.inode.is_some() && planned.inode == now.inode,
    }
}
