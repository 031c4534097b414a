//! A kill's plan, progress and outcome as lines for people.

use std::io::{self, IsTerminal, Stderr, Write};
use std::time::Duration;

use crate::act::kill;
use crate::cli::consent;
use crate::model::action::{KillOutcome, KillPlan, PortProof, VictimOutcome};
use crate::text::{clean, keeper, units};

/// The steps, and what to weigh.
pub(super) fn plan(plan: &KillPlan, out: &mut impl Write) -> io::Result<()> {
    let title = format!("Plan for {}", plan.target.describe());
    consent::show(&title, &plan.steps, &plan.warnings, out)
}

/// A line for each victim, each who was spared, and the port.
pub(super) fn outcome(
    plan: &KillPlan,
    outcome: &KillOutcome,
    out: &mut impl Write,
) -> io::Result<()> {
    for victim in &outcome.victims {
        writeln!(out, "{}", clean(&victim_line(victim)))?;
    }
    for spared in &outcome.spared {
        let line = format!("{} {} was left alone: {}", spared.name, spared.pid, spared.reason);
        writeln!(out, "{}", clean(&line))?;
    }
    if outcome.port_free == Some(true) && outcome.port_reason.is_none() {
        let shown_by = match outcome.proof {
            Some(PortProof::Bind) => "a bind succeeded",
            Some(PortProof::BindReuseAddr) => "a bind with SO_REUSEADDR succeeded",
            Some(PortProof::Table) | None => "no socket holds it",
        };
        let watched = units::duration(Duration::from_millis(outcome.watched_ms));
        let name = plan.target.describe();
        let parent = keeper::lives_on(&outcome.parents);
        let parent = parent.map_or(String::new(), |parent| format!("; {parent}"));
        let line = format!("{name} is free: {shown_by}, watched for {watched}{parent}");
        writeln!(out, "{}", clean(&line))?;
    }
    Ok(())
}

fn victim_line(victim: &VictimOutcome) -> String {
    let who = format!("{} {}", victim.name, victim.pid);
    let signals: Vec<&str> = victim.signals.iter().map(|signal| signal.name()).collect();
    let signals = signals.join(" and ");
    match (victim.exited, victim.exit_after_ms, &victim.reason) {
        (true, Some(ms), _) => {
            // Known to the millisecond: no digits are made up.
            let when = match ms {
                0 => "within 1 ms of".to_owned(),
                1..1000 => format!("{ms} ms after"),
                _ => format!("{} after", units::duration(Duration::from_millis(ms))),
            };
            format!("{who} ended {when} {signals}")
        }
        (true, None, _) => format!("{who} ended by itself"),
        (false, _, Some(reason)) => format!("{who} lives: {reason}"),
        (false, _, None) => format!("{who} lives"),
    }
}

/// Why the work is incomplete, in one sentence without its end.
pub(super) fn shortfall(outcome: &KillOutcome) -> String {
    let refused = outcome.victims.iter().find(|victim| victim.refused);
    if let Some(reason) = refused.and_then(|victim| victim.reason.as_ref()) {
        return reason.clone();
    }
    if let Some(reason) = &outcome.port_reason {
        let supervisor = outcome.respawned.as_ref().and_then(|new| new.supervisor.as_ref());
        let by = supervisor.map_or(String::new(), |name| format!(", started by {name}"));
        return format!("{reason}{by}");
    }
    if let Some(victim) = outcome.victims.iter().find(|victim| !victim.exited) {
        return victim_line(victim);
    }
    match outcome.spared.first() {
        Some(spared) => format!("{} {} was left alone: {}", spared.name, spared.pid, spared.reason),
        None => "nothing was ended".to_owned(),
    }
}

/// Progress on stderr: lines for what happened, and on a terminal one line that counts.
pub(super) struct Progress {
    out: Stderr,
    animated: bool,
    line_open: bool,
}

impl Progress {
    pub(super) fn new(out: Stderr) -> Self {
        let animated = out.is_terminal();
        Self { out, animated, line_open: false }
    }

    /// Tells of one event. That stderr is gone stops no kill.
    pub(super) fn tell(&mut self, event: &kill::Progress) {
        match event {
            kill::Progress::Signalled { pid, name, signal } => {
                self.line(&format!("{signal} sent to {name} {pid}"));
            }
            kill::Progress::Waiting { alive, elapsed, timeout } => self.counter(&format!(
                "waiting for {} to end, {:.1} of {:.1} s",
                kill::some_of(alive),
                elapsed.as_secs_f64(),
                timeout.as_secs_f64()
            )),
            kill::Progress::Watching { elapsed, total } => self.counter(&format!(
                "watching the port, {:.1} of {:.1} s",
                elapsed.as_secs_f64(),
                total.as_secs_f64()
            )),
            // The outcome says it.
            kill::Progress::Ended { .. }
            | kill::Progress::Spared(_)
            | kill::Progress::Stopping { .. } => {}
        }
    }

    /// Leaves no half line behind.
    pub(super) fn finish(&mut self) {
        if self.line_open {
            let _ = write!(self.out, "\r\x1b[K");
            self.line_open = false;
        }
    }

    fn line(&mut self, text: &str) {
        self.finish();
        let _ = writeln!(self.out, "{}", clean(text));
    }

    fn counter(&mut self, text: &str) {
        if self.animated {
            let _ = write!(self.out, "\r\x1b[K{}", clean(text));
            let _ = self.out.flush();
            self.line_open = true;
        }
    }
}
