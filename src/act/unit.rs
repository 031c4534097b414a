//! Stopping what would start its processes again, a unit, a container or a supervisor's program:
//! what to run in place of a kill, where the keeper itself agrees.
//!
//! [`plans`] is pure. [`execute`] asks once more, since a plan can be old, runs the supervisor's
//! own command, and then proves that the ports are free and stay so.

mod run;

use std::path::Path;
use std::time::Duration;

use super::kill::{self, Progress};
use crate::inspect::Error;
use crate::inspect::forwarders::Forwarders;
use crate::inspect::keepers;
use crate::model::action::{KillPlan, KillTarget, StopOutcome, StopPlan};
use crate::model::keeper::{self, Confirmed, Keeper};
use crate::model::owner::ProcessKey;
use crate::model::socket::Socket;
use crate::sys;
use crate::sys::command::{Limits, Program, Ran};

pub use run::{Command, Look, Still, System, run};

/// systemd gives a service 90 seconds to end before it kills it, and docker ten.
pub const TIMEOUT: Duration = Duration::from_secs(100);
/// After a stop the port is watched for this long at least.
const LEAST_WATCH_MS: u64 = 1_500;
/// What is kept of a command's output.
const OUTPUT_BYTES: usize = 64 << 10;

/// What could be stopped in place of these kills: one plan for each keeper that was asked and has
/// a command. First come those that hold every victim, are sure to end it, last, and cost nothing
/// else.
pub fn plans(kills: &[KillPlan]) -> Vec<StopPlan> {
    let mut plans: Vec<StopPlan> = Vec::new();
    for kill in kills {
        for keeper in kill.keepers.iter().filter(|it| it.confirmed == Some(Confirmed::Asked)) {
            if let Some(stop) = &keeper.stop {
                add(&mut plans, kill, keeper, stop);
            }
        }
    }
    let victims = || kills.iter().flat_map(|kill| &kill.victims);
    for plan in &mut plans {
        plan.covers_all = victims().all(|victim| plan.victims.contains(&victim.key));
        // What another one of the kills ends is meant to.
        let is_meant = |what: &String| {
            let mut names = victims().map(|victim| format!("{} {}", victim.name, victim.key.pid));
            names.any(|name| *what == name || what.starts_with(&format!("{name} at ")))
                || kills.iter().any(|kill| is_target(&kill.target, what))
        };
        plan.stops_also.retain(|what| !is_meant(what));
    }
    plans.sort_by_key(|plan| (!plan.is_narrow(), !plan.covers_all, plan.undone_by.is_some()));
    plans
}

/// Whether that is a port of a socket unit which another one of the kills is to free.
fn is_target(target: &KillTarget, what: &str) -> bool {
    let KillTarget::Port { port, udp, addr: None } = target else { return false };
    let protocol = if *udp { "udp" } else { "tcp" };
    what.contains(&format!(":{port}/{protocol} of "))
}

fn add(plans: &mut Vec<StopPlan>, kill: &KillPlan, keeper: &Keeper, stop: &[String]) {
    let kept = kill.victims.iter().filter(|victim| keeper.of.contains(&victim.key.pid));
    let keys: Vec<ProcessKey> = kept.map(|victim| victim.key).collect();
    let known = plans.iter().position(|plan| plan.argv == stop);
    let index = known.unwrap_or_else(|| {
        plans.push(StopPlan {
            name: called(keeper),
            argv: stop.to_vec(),
            victims: Vec::new(),
            kills: Vec::new(),
            covers_all: false,
            stops_also: Vec::new(),
            starts: keeper.starts.clone(),
            is_sure: true,
            undone_by: keeper.undone_by.clone(),
            timeout_ms: TIMEOUT.as_millis().try_into().unwrap_or(u64::MAX),
        });
        plans.len() - 1
    });
    let plan = &mut plans[index];
    let also = keeper.stops_also.iter().filter(|what| !plan.stops_also.contains(what));
    let also: Vec<String> = also.cloned().collect();
    plan.stops_also.extend(also);
    plan.is_sure &= keeper.ends_holder.is_some();
    let new: Vec<ProcessKey> = keys.into_iter().filter(|key| !plan.victims.contains(key)).collect();
    plan.victims.extend(new);
    if !plan.kills.iter().any(|known| known.target == kill.target) {
        plan.kills.push(afterwards(kill, keeper));
    }
}

/// What is stopped, in a sentence: a unit by its name, an instance by its own and its keeper's.
fn called(keeper: &Keeper) -> String {
    match &keeper.instance {
        Some(instance) if keeper.pid.is_some() && *instance != keeper.name => {
            format!("{instance} of {}", keeper.name)
        }
        _ => keeper.name.clone(),
    }
}

/// The kill as it is to be proven once the keeper has been told: it and what it is within are
/// asked for by that command, and only who stands further out may still bring the process back.
fn afterwards(kill: &KillPlan, stopped: &Keeper) -> KillPlan {
    let at = kill.keepers.iter().position(|keeper| keeper == stopped).unwrap_or(0);
    let outer = kill.keepers.iter().skip(at + 1);
    let keepers: Vec<Keeper> =
        outer.filter(|keeper| Some(&keeper.name) == stopped.undone_by.as_ref()).cloned().collect();
    // What systemd starts once it has ended may take the port as well.
    let starts = Keeper { restarts: Some(false), ..stopped.clone() };
    let starts = Some(starts).filter(|stopped| !stopped.starts.is_empty());
    let keepers: Vec<Keeper> = starts.into_iter().chain(keepers).collect();
    let watch_ms = keeper::watch_ms(&keepers).max(kill.watch_ms.min(LEAST_WATCH_MS));
    KillPlan { keepers, parents: Vec::new(), watch_ms, ..kill.clone() }
}

impl StopPlan {
    /// Whether it is what a kill is for and no more: it ends all that the kills would, lasts, and
    /// costs nothing else.
    pub fn is_narrow(&self) -> bool {
        self.covers_all
            && self.is_sure
            && self.undone_by.is_none()
            && self.stops_also.is_empty()
            && self.starts.is_empty()
    }
}

/// Whether all was done that the plan promised: stopped, and every port free.
pub fn is_success(plan: &StopPlan, outcome: &StopOutcome) -> bool {
    outcome.stopped
        && plan
            .kills
            .iter()
            .zip(&outcome.kills)
            .all(|(plan, outcome)| kill::completion(plan, outcome) == kill::Completion::Done)
}

/// [`run()`] on this system. Blocks for as long as the command takes, and for as long as each port
/// is watched.
pub fn execute(plan: &StopPlan, tell: &mut dyn FnMut(Progress)) -> Result<StopOutcome, Error> {
    let system = System {
        still: &mut still,
        command: &mut command,
        look: &mut |target, depth| kill::look(target, depth),
    };
    run(plan, system, tell)
}

/// Whether a process still has a keeper that is stopped by this command; the error is why not.
fn still(key: ProcessKey, plan: &StopPlan) -> Result<Result<(), String>, Error> {
    let process = sys::processes::read(key.pid)?;
    if process.key() != key {
        return Err(Error::Gone { what: format!("process {}", key.pid) });
    }
    let tree = sys::process::tree()?;
    let guarded = keepers::lifeline(std::process::id(), &tree);
    let victims = plan.kills.iter().flat_map(|kill| &kill.victims).filter(|v| v.key == key);
    let holds: Vec<Socket> = victims.flat_map(|victim| victim.holds.iter().cloned()).collect();
    let activation = holds.iter().find_map(|socket| socket.activation.as_deref());
    let kill = plan.kills.iter().find(|kill| kill.victims.iter().any(|v| v.key == key));
    let forwarder = kill.and_then(|kill| {
        Forwarders::look().of(&process, kill::held_by(key.pid, &kill.target, &holds))
    });
    let subject = keepers::Subject {
        process: &process,
        activation,
        holds: &holds,
        forwarder: forwarder.as_ref(),
    };
    let found = keepers::of(&[subject], &tree, &guarded);
    if found.iter().any(|keeper| keeper.stop.as_ref() == Some(&plan.argv)) {
        return Ok(Ok(()));
    }
    // One that has not answered names no instance.
    let is_it = |keeper: &Keeper| {
        called(keeper) == plan.name || plan.name.ends_with(&format!(" of {}", keeper.name))
    };
    let reason = found.into_iter().find(is_it);
    let reason = reason.and_then(|keeper| keeper.reason);
    Ok(Err(reason.unwrap_or_else(|| "it is not what it was when planned".to_owned())))
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
