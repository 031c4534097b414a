//! Stopping the unit or container that would start its processes again: what to run in place
//! of a kill, where systemd or the container runtime itself agrees.
//!
//! [`plans`] is pure. [`execute`] asks once more, since a plan can be old, runs the supervisor's
//! own command, and then proves that the ports are free and stay so.

mod run;

use std::path::Path;
use std::time::Duration;

use super::kill::{self, Progress};
use crate::inspect::Error;
use crate::inspect::supervisor;
use crate::model::action::{KillPlan, StopOutcome, StopPlan, Supervisor, SupervisorWord};
use crate::model::owner::ProcessKey;
use crate::sys;
use crate::sys::command::{Limits, Program, Ran};

pub use run::{Command, Hands, Look, run};

/// systemd gives a service 90 seconds to end before it kills it, and docker ten.
pub const TIMEOUT: Duration = Duration::from_secs(100);
/// What is kept of a command's output.
const OUTPUT_BYTES: usize = 64 << 10;

/// What could be stopped in place of these kills: one plan for each unit or container that was
/// confirmed, those that hold every victim first.
pub fn plans(kills: &[KillPlan]) -> Vec<StopPlan> {
    let mut plans: Vec<StopPlan> = Vec::new();
    for kill in kills {
        for supervisor in &kill.supervisors {
            if let Some(word) = supervisor.word.as_ref().filter(|word| word.confirmed) {
                add(&mut plans, kill, supervisor, word);
            }
        }
    }
    let victims = || kills.iter().flat_map(|kill| &kill.victims);
    for plan in &mut plans {
        plan.covers_all = victims().all(|victim| plan.victims.contains(&victim.key));
    }
    plans.sort_by_key(|plan| !plan.covers_all);
    plans
}

fn add(plans: &mut Vec<StopPlan>, kill: &KillPlan, supervisor: &Supervisor, word: &SupervisorWord) {
    let victim = kill.victims.iter().find(|victim| victim.key.pid == supervisor.pid);
    let Some(key) = victim.map(|victim| victim.key) else { return };
    let known = plans.iter().position(|plan| plan.argv == word.argv);
    let index = known.unwrap_or_else(|| {
        plans.push(StopPlan {
            name: word.name.as_ref().unwrap_or(&supervisor.name).clone(),
            argv: word.argv.clone(),
            victims: Vec::new(),
            kills: Vec::new(),
            covers_all: false,
            timeout_ms: TIMEOUT.as_millis().try_into().unwrap_or(u64::MAX),
        });
        plans.len() - 1
    });
    let plan = &mut plans[index];
    if !plan.victims.contains(&key) {
        plan.victims.push(key);
    }
    if !plan.kills.contains(kill) {
        plan.kills.push(kill.clone());
    }
}

/// Whether all was done that the plan promised: stopped, and every port free.
pub fn is_success(plan: &StopPlan, outcome: &StopOutcome) -> bool {
    outcome.stopped
        && plan
            .kills
            .iter()
            .zip(&outcome.kills)
            .all(|(plan, outcome)| kill::verdict(plan, outcome) == kill::Verdict::Done)
}

/// [`run()`] on this system. Blocks for as long as the command takes, and the second for which
/// each port is watched.
pub fn execute(plan: &StopPlan, tell: &mut dyn FnMut(Progress)) -> Result<StopOutcome, Error> {
    let hands = Hands {
        word: &mut word,
        command: &mut command,
        look: &mut |target, depth| kill::look(target, depth),
    };
    run(plan, hands, tell)
}

/// What the supervisor says of a process now.
fn word(key: ProcessKey) -> Result<Option<SupervisorWord>, Error> {
    let process = sys::processes::read(key.pid)?;
    if process.key() != key {
        return Err(Error::Gone { what: format!("process {}", key.pid) });
    }
    let tree = sys::process::tree()?;
    let guarded = super::guard::lifeline(std::process::id(), &tree);
    let words = supervisor::ask_about(std::iter::once(&process), guarded);
    Ok(words.into_iter().next().map(|(_, word)| word))
}

fn command(
    argv: &[String],
    timeout: Duration,
    tick: &mut dyn FnMut(Duration),
) -> Result<Ran, Error> {
    let (path, arguments) = argv
        .split_first()
        .ok_or_else(|| Error::unsupported("running nothing", "the plan names no command"))?;
    let program = Program::at(Path::new(path))?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    program.run(&arguments, Limits { timeout, output_bytes: OUTPUT_BYTES }, tick)
}

#[cfg(test)]
mod tests;
