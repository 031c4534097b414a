//! Running a stop: ask once more, run the command, wait, and prove that the ports are free.

use std::time::{Duration, Instant};

use super::super::kill::{self, Depth, Ended, Progress};
use crate::inspect::Error;
use crate::inspect::keepers::Before;
use crate::model::action::{
    KillOutcome, KillPlan, KillTarget, StopOutcome, StopPlan, VictimOutcome,
};
use crate::model::owner::ProcessKey;
use crate::model::socket::Socket;
use crate::sys::command::Ran;
use crate::sys::process::{self, ProcessHandle};

/// How long the processes may still take when the command says that it is done.
const SETTLE: Duration = Duration::from_secs(3);
/// How often a wait reports.
const SLICE: Duration = Duration::from_millis(100);

/// What a run does to the system, so that it can be tried without a supervisor.
pub struct System<'a> {
    /// Whether a process still has a keeper that this plan's command stops; else why not.
    pub still: &'a mut Still<'a>,
    /// Runs a command for at most so long, and tells now and then for how long it has run.
    pub command: &'a mut Command<'a>,
    /// A look at the socket table.
    pub look: &'a mut Look<'a>,
}

/// See [`System::still`].
pub type Still<'a> = dyn FnMut(ProcessKey, &StopPlan) -> Result<Result<(), String>, Error> + 'a;

/// See [`System::look`].
pub type Look<'a> = dyn FnMut(&KillTarget, Depth) -> Result<Vec<Socket>, Error> + 'a;

/// See [`System::command`].
pub type Command<'a> =
    dyn FnMut(&[String], Duration, &mut dyn FnMut(Duration)) -> Result<Ran, Error> + 'a;

/// Runs a plan and tells what came of it. The command is run only if a victim of the plan
/// still lives and its keeper still says the same. Fails only where nothing was done.
pub fn run(
    plan: &StopPlan,
    system: System<'_>,
    tell: &mut dyn FnMut(Progress),
) -> Result<StopOutcome, Error> {
    let System { still, command, look } = system;
    let mut victims = Victims::hold(plan)?;
    let mut outcome = StopOutcome { stopped: false, reason: None, refused: false, kills: vec![] };
    match victims.first_alive() {
        None => outcome.reason = Some("every process of the plan had already ended".to_owned()),
        Some(alive) => match still(alive, plan)? {
            Err(why) => outcome.reason = Some(format!("{} was not stopped: {why}", plan.name)),
            Ok(()) => stop(plan, command, tell, &mut outcome)?,
        },
    }
    if outcome.stopped {
        victims.wait(plan, tell)?;
    }
    for kill in &plan.kills {
        let ended: Vec<VictimOutcome> =
            kill.victims.iter().map(|victim| victims.outcome(victim.key, &victim.name)).collect();
        let proven = prove(kill, ended, look, tell);
        outcome.kills.push(proven);
    }
    Ok(outcome)
}

fn stop(
    plan: &StopPlan,
    command: &mut Command<'_>,
    tell: &mut dyn FnMut(Progress),
    outcome: &mut StopOutcome,
) -> Result<(), Error> {
    let timeout = Duration::from_millis(plan.timeout_ms);
    let mut told = Instant::now();
    let ran = command(&plan.argv, timeout, &mut |elapsed| {
        if told.elapsed() >= SLICE {
            told = Instant::now();
            tell(Progress::Stopping { elapsed, timeout });
        }
    })?;
    // sv exits with 1 and says so where it had to send KILL, as it was told to.
    let by_force = plan.argv.iter().any(|word| word == "force-stop")
        && ran.exit_code == Some(1)
        && ran.stdout.starts_with("kill: ");
    outcome.stopped = ran.exit_code == Some(0) || by_force;
    if !outcome.stopped {
        outcome.reason = Some(complaint(plan, &ran));
        outcome.refused = is_refusal(&ran.stderr);
    }
    Ok(())
}

fn complaint(plan: &StopPlan, ran: &Ran) -> String {
    let name = &plan.name;
    if ran.timed_out {
        let seconds = plan.timeout_ms / 1000;
        return format!("stopping {name} has not ended within {seconds} s and was given up");
    }
    let words = ran.stderr.lines().chain(ran.stdout.lines());
    match words.map(str::trim).find(|line| !line.is_empty()) {
        Some(words) => format!("{name} was not stopped: {words}"),
        None => format!("{name} was not stopped: the command failed without a word"),
    }
}

/// Whether the command says, in the plain locale that it runs in, that rights are missing.
fn is_refusal(stderr: &str) -> bool {
    let text = stderr.to_ascii_lowercase();
    ["access denied", "authentication required", "permission denied", "not permitted"]
        .iter()
        .any(|words| text.contains(words))
}

/// The plan's victims, each held by a pidfd.
struct Victims {
    held: Vec<Held>,
    start: Instant,
}

struct Held {
    key: ProcessKey,
    /// `None` for one that had ended before.
    handle: Option<ProcessHandle>,
    ended_after: Option<Duration>,
}

impl Victims {
    fn hold(plan: &StopPlan) -> Result<Self, Error> {
        let mut held = Vec::new();
        for &key in &plan.victims {
            let handle = match ProcessHandle::open(key) {
                Ok(handle) => Some(handle),
                Err(Error::Gone { .. }) => None,
                Err(error) => return Err(error),
            };
            held.push(Held { key, handle, ended_after: None });
        }
        Ok(Self { held, start: Instant::now() })
    }

    fn first_alive(&self) -> Option<ProcessKey> {
        self.held.iter().find(|held| held.handle.is_some()).map(|held| held.key)
    }

    /// Waits until all have ended, or long enough.
    fn wait(&mut self, plan: &StopPlan, tell: &mut dyn FnMut(Progress)) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            let alive: Vec<usize> = (0..self.held.len()).filter(|at| self.is_alive(*at)).collect();
            let handles: Vec<&ProcessHandle> =
                alive.iter().filter_map(|at| self.held[*at].handle.as_ref()).collect();
            if handles.is_empty() || start.elapsed() >= SETTLE {
                return Ok(());
            }
            let ended = process::ended(&handles, SLICE)?;
            let mut left = Vec::new();
            for (at, ended) in alive.into_iter().zip(ended) {
                if ended {
                    self.held[at].ended_after = Some(self.start.elapsed());
                } else {
                    left.push(name_of(plan, self.held[at].key));
                }
            }
            let elapsed = start.elapsed();
            tell(Progress::Waiting { alive: left, elapsed, timeout: SETTLE });
        }
    }

    fn is_alive(&self, at: usize) -> bool {
        self.held[at].handle.is_some() && self.held[at].ended_after.is_none()
    }

    /// What became of a victim of a kill that the stop stands for.
    fn outcome(&self, key: ProcessKey, name: &str) -> VictimOutcome {
        let held = self.held.iter().find(|held| held.key == key);
        let (exited, after, reason) = match held {
            None => (false, None, Some("it lives elsewhere, and was left alone")),
            Some(Held { handle: None, .. }) => (true, None, Some("it ended before")),
            Some(Held { ended_after: Some(after), .. }) => (true, Some(*after), None),
            Some(_) => (false, None, Some("it is still alive")),
        };
        VictimOutcome {
            pid: key.pid,
            name: name.to_owned(),
            signals: Vec::new(),
            exited,
            exit_after_ms: after.and_then(|after| after.as_millis().try_into().ok()),
            reason: reason.map(str::to_owned),
            refused: false,
        }
    }
}

fn name_of(plan: &StopPlan, key: ProcessKey) -> String {
    let mut victims = plan.kills.iter().flat_map(|kill| &kill.victims);
    let name = victims.find(|victim| victim.key == key).map_or("process", |victim| &victim.name);
    format!("{name} {}", key.pid)
}

fn prove(
    kill: &KillPlan,
    victims: Vec<VictimOutcome>,
    look: &mut Look<'_>,
    tell: &mut dyn FnMut(Progress),
) -> KillOutcome {
    let all_ended = victims.iter().all(|victim| victim.exited);
    let spared = kill.spared.clone();
    let ended = Ended { victims, spared, all: all_ended, before: Before::default() };
    kill::proven(kill, ended, &mut |depth| look(&kill.target, depth), tell)
}
