//! What was done to the system: never stale, bounded, and open to be read.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::event::{Killed, RequestId, Stopped};
use crate::act::kill::{self, Completion};
use crate::act::{self, AnyDone};
use crate::model::action::{KillOutcome, VictimOutcome};
use crate::text::{keeper, shell, units};

/// Outcomes kept.
const KEPT: usize = 200;

/// The log of actions.
#[derive(Debug, Default)]
pub struct ActionLog {
    /// Newest last.
    pub entries: VecDeque<Entry>,
    /// Outcomes that no longer fit.
    pub forgotten: u64,
    /// Failures whose outcome nobody has seen yet.
    pub unseen_failures: usize,
    running: Vec<RequestId>,
}

/// One outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it was known.
    pub at: Timestamp,
    /// What was done and what came of it, uncleaned.
    pub text: String,
    /// Whether it did what was wanted.
    pub ok: bool,
    /// The command line that does the same.
    pub command: Option<String>,
    /// The command line that undoes it.
    pub undo: Option<String>,
}

impl ActionLog {
    /// An action runs from here on.
    pub fn begin(&mut self, id: RequestId) {
        self.running.push(id);
    }

    /// Whether quitting would leave an action alone.
    pub fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// An action has ended; `watched` tells whether a dialog shows how.
    pub fn end(&mut self, id: RequestId, entries: impl IntoIterator<Item = Entry>, watched: bool) {
        self.running.retain(|running| *running != id);
        for entry in entries {
            self.unseen_failures += usize::from(!entry.ok && !watched);
            if self.entries.len() == KEPT {
                self.entries.pop_front();
                self.forgotten += 1;
            }
            self.entries.push_back(entry);
        }
    }
}

impl Entry {
    /// What a kill came to.
    pub fn of_kill(at: Timestamp, killed: &Killed) -> Self {
        Self {
            at,
            text: sentence(killed),
            ok: is_success(killed),
            command: Some(shell::line(&kill::command(&killed.plan, killed.consent))),
            undo: None,
        }
    }
}

impl Entry {
    /// What an action came to.
    pub fn of(at: Timestamp, done: &dyn AnyDone) -> Self {
        let act::Entry { text, ok, command, undo } = done.entry_any();
        Self { at, text, ok, command, undo }
    }
}

impl Entry {
    /// What stopping a unit or container came to.
    pub fn of_stop(at: Timestamp, stopped: &Stopped) -> Self {
        Self {
            at,
            text: stop_lines(stopped).join("; "),
            ok: stopped.is_success(),
            command: Some(shell::line(&stopped.plan.argv)),
            undo: None,
        }
    }
}

/// What a stop came to, a line each; the first says whether it was stopped. Uncleaned.
pub fn stop_lines(stopped: &Stopped) -> Vec<String> {
    let name = &stopped.plan.name;
    let outcome = match &stopped.outcome {
        Ok(outcome) => outcome,
        Err(why) => return vec![format!("{name}: {why}")],
    };
    let first = match &outcome.reason {
        Some(reason) => reason.clone(),
        None => format!("{name} was stopped"),
    };
    let kills = stopped.plan.kills.iter().zip(&outcome.kills);
    let ends = kills.flat_map(|(plan, kill)| {
        let target = plan.target.describe();
        parts(kill).into_iter().map(move |part| format!("{target}: {part}"))
    });
    std::iter::once(first).chain(ends).collect()
}

/// Whether it did what was wanted.
pub fn is_success(killed: &Killed) -> bool {
    let outcome = killed.outcome.as_ref();
    outcome.is_ok_and(|outcome| kill::completion(&killed.plan, outcome) == Completion::Done)
}

/// `8080/tcp: python3 4242 ended after 12 ms; the port is free`, uncleaned.
fn sentence(killed: &Killed) -> String {
    format!("{}: {}", killed.plan.target.describe(), kill_lines(killed).join("; "))
}

/// What a kill came to, a line each, uncleaned.
pub fn kill_lines(killed: &Killed) -> Vec<String> {
    match &killed.outcome {
        Ok(outcome) => parts(outcome),
        Err(why) => vec![why.clone()],
    }
}

fn parts(outcome: &KillOutcome) -> Vec<String> {
    let mut parts: Vec<String> = outcome.victims.iter().map(end).collect();
    let spared = outcome.spared.iter();
    parts.extend(spared.map(|s| format!("{} {} was left alone: {}", s.name, s.pid, s.reason)));
    if let Some(respawn) = &outcome.respawned {
        let by = respawn.supervisor.as_deref();
        let by = by.map(|by| format!(", started by {by}")).unwrap_or_default();
        parts.push(format!("{} {} took the port again{by}", respawn.name, respawn.pid));
    } else {
        parts.extend(match (outcome.port_free, &outcome.port_reason) {
            (Some(true), Some(reason)) => Some(reason.clone()),
            (Some(true), None) => {
                let watched = units::duration(Duration::from_millis(outcome.watched_ms));
                let parent = keeper::lives_on(&outcome.parents);
                let parent = parent.map_or(String::new(), |parent| format!("; {parent}"));
                Some(format!("the port is free, watched for {watched}{parent}"))
            }
            (Some(false), Some(reason)) => Some(format!("the port is not free: {reason}")),
            (Some(false), None) => Some("the port is not free".to_owned()),
            (None, _) => None,
        });
    }
    parts
}

fn end(victim: &VictimOutcome) -> String {
    let who = format!("{} {}", victim.name, victim.pid);
    match (victim.exited, victim.exit_after_ms, &victim.reason) {
        (true, Some(ms), _) => format!("{who} ended after {ms} ms"),
        (true, None, _) => format!("{who} ended"),
        (false, _, Some(reason)) => format!("{who} did not end: {reason}"),
        (false, _, None) => format!("{who} did not end"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded_and_counts_what_it_forgot() {
        let mut log = ActionLog::default();
        let entry = |text: usize| Entry {
            at: Timestamp::UNIX_EPOCH,
            text: text.to_string(),
            ok: true,
            command: None,
            undo: None,
        };
        log.begin(RequestId(1));
        assert!(log.is_running());
        log.end(RequestId(1), (0..KEPT + 3).map(entry), false);
        assert!(!log.is_running());
        assert_eq!((log.entries.len(), log.forgotten), (KEPT, 3));
        assert_eq!(log.entries.front().unwrap().text, "3");
    }
}
