//! What was done to the system: never stale, bounded, and open to be read.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::event::RequestId;
use crate::model::action::KillOutcome;

/// Outcomes kept.
const KEPT: usize = 200;

/// The log of actions.
#[derive(Debug, Default)]
pub struct ActionLog {
    /// Newest last.
    pub entries: VecDeque<Entry>,
    /// Outcomes that no longer fit.
    pub forgotten: u64,
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

    /// An action has ended.
    pub fn end(&mut self, id: RequestId, entries: impl IntoIterator<Item = Entry>) {
        self.running.retain(|running| *running != id);
        for entry in entries {
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
    pub fn of_kill(at: Timestamp, outcome: &Result<KillOutcome, String>) -> Self {
        match outcome {
            Ok(outcome) => Self {
                at,
                text: kill_sentence(outcome),
                ok: is_success(outcome),
                command: Some(format!("sockpit kill {}", outcome.target)),
            },
            Err(why) => Self { at, text: why.clone(), ok: false, command: None },
        }
    }
}

/// Whether every victim ended, and the port, if one was named, is free and stayed so.
pub fn is_success(outcome: &KillOutcome) -> bool {
    !outcome.victims.is_empty()
        && outcome.victims.iter().all(|victim| victim.exited)
        && outcome.port_free != Some(false)
        && outcome.respawned.is_none()
}

/// `8080: python3 4242 ended after 12 ms; the port is free`.
pub fn kill_sentence(outcome: &KillOutcome) -> String {
    let mut parts: Vec<String> = Vec::new();
    for victim in &outcome.victims {
        let who = format!("{} {}", victim.name, victim.pid);
        parts.push(match (victim.exited, victim.exit_after_ms, &victim.reason) {
            (true, Some(ms), _) => format!("{who} ended after {ms} ms"),
            (true, None, _) => format!("{who} ended"),
            (false, _, Some(reason)) => format!("{who} did not end: {reason}"),
            (false, _, None) => format!("{who} did not end"),
        });
    }
    if outcome.victims.is_empty() {
        parts.push("nobody got a signal".to_owned());
    }
    match (outcome.port_free, &outcome.respawned) {
        (_, Some(respawn)) => {
            let by = respawn.supervisor.as_deref();
            let by = by.map(|by| format!(", started by {by}")).unwrap_or_default();
            parts.push(format!("{} {} took the port again{by}", respawn.name, respawn.pid));
        }
        (Some(true), None) => parts.push("the port is free".to_owned()),
        (Some(false), None) => parts.push("the port is still taken".to_owned()),
        (None, None) => {}
    }
    format!("{}: {}", outcome.target, parts.join("; "))
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
        };
        log.begin(RequestId(1));
        assert!(log.is_running());
        log.end(RequestId(1), (0..KEPT + 3).map(entry));
        assert!(!log.is_running());
        assert_eq!((log.entries.len(), log.forgotten), (KEPT, 3));
        assert_eq!(log.entries.front().unwrap().text, "3");
    }
}
