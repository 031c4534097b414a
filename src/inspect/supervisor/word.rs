//! What systemd or a container runtime itself says of a process that seems to be its own.
//!
//! A unit or container is told from a cgroup path, and whoever owns a delegated subtree can
//! make any path below it. So before anything is offered to be run the supervisor is asked: it
//! must know the unit or container by that very name, run it, and run it in a control group
//! that the process is in.

use std::collections::HashMap;
use std::time::Duration;

use super::Error;
use crate::model::action::SupervisorWord;
use crate::model::owner::{Container, Process, Unit, UnitScope};
use crate::sys::command::{Limits, Program, own_uid};
use crate::sys::process;
use crate::wire::{cgroup, supervisor as said};

/// A supervisor that does not answer in this time says nothing.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(3), output_bytes: 1 << 20 };
/// Not more questions than this for one plan.
const MOST_QUESTIONS: usize = 16;

/// A program that was asked: its full path, and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The program's full path.
    pub program: String,
    /// What it printed.
    pub text: String,
}

/// Asks a program, by its name, with these arguments. An error is a clause.
pub type Ask<'a> = dyn FnMut(&str, &[&str]) -> Result<Reply, String> + 'a;

/// Tells the text of `/proc/PID/cgroup`.
pub type Cgroups<'a> = dyn Fn(u32) -> Result<String, Error> + 'a;

/// Asks supervisors, each question once.
pub struct Words<'a> {
    ask: &'a mut Ask<'a>,
    cgroups: &'a Cgroups<'a>,
    /// Whose user units may be asked about.
    uid: u32,
    /// sockpit and what it runs under: what holds one of them is not offered to be stopped.
    guarded: Vec<u32>,
    replies: HashMap<Vec<String>, Result<Reply, String>>,
}

/// Asks this system's own supervisors about processes. Blocks for up to three seconds each.
/// `guarded` are sockpit and what it runs under.
pub fn ask_about<'p>(
    processes: impl Iterator<Item = &'p Process>,
    guarded: Vec<u32>,
) -> Vec<(u32, SupervisorWord)> {
    let mut ask = ask;
    let mut words = Words::new(&mut ask, &process::cgroups, own_uid(), guarded);
    processes.filter_map(|process| Some((process.pid, words.of(process)?))).collect()
}

fn ask(program: &str, arguments: &[&str]) -> Result<Reply, String> {
    let found = Program::find(program).map_err(|error| error.to_string())?;
    let ran = found.run(arguments, LIMITS, &mut |_| {}).map_err(|error| error.to_string())?;
    if ran.timed_out {
        let seconds = LIMITS.timeout.as_secs();
        return Err(format!("{program} has not answered within {seconds} s"));
    }
    if ran.exit_code != Some(0) {
        let complaint = ran.stderr.lines().find(|line| !line.trim().is_empty());
        return Err(format!("{program} says: {}", complaint.unwrap_or("nothing, but fails")));
    }
    Ok(Reply { program: found.path().display().to_string(), text: ran.stdout })
}

impl<'a> Words<'a> {
    /// Asks through `ask`, and reads cgroups through `cgroups`.
    pub fn new(
        ask: &'a mut Ask<'a>,
        cgroups: &'a Cgroups<'a>,
        uid: u32,
        guarded: Vec<u32>,
    ) -> Self {
        Self { ask, cgroups, uid, guarded, replies: HashMap::new() }
    }

    /// The word about a process; `None` for one that nothing supervises.
    pub fn of(&mut self, process: &Process) -> Option<SupervisorWord> {
        let word = match (&process.container, &process.unit) {
            (Some(container), _) => self.of_container(process, container),
            (None, Some(unit)) => self.of_unit(process, unit),
            (None, None) => return None,
        };
        Some(word.unwrap_or_else(SupervisorWord::silent))
    }

    fn of_unit(&mut self, process: &Process, unit: &Unit) -> Result<SupervisorWord, String> {
        let name = &*unit.name;
        if !is_unit_name(name) {
            return Err("no unit can have such a name".to_owned());
        }
        let manager: &[&str] = match unit.scope {
            UnitScope::System => &[],
            UnitScope::User if process.uid == Some(self.uid) => &["--user"],
            UnitScope::User => {
                return Err("only one's own systemd is asked about a user's units".to_owned());
            }
        };
        let question = ["show", "--no-pager", "-p", said::UNIT_PROPERTIES, "--", name];
        let reply = self.reply("systemctl", &[manager, &question].concat())?;
        let shown = said::unit(&reply.text);
        if shown.id != name || shown.load_state != "loaded" {
            return Err("systemd knows no unit of that name".to_owned());
        }
        if !matches!(&*shown.active_state, "active" | "activating" | "reloading" | "refreshing") {
            return Err(format!("systemd says that it is {}", shown.active_state));
        }
        if !self.is_in_group(process.pid, &shown.control_group)? {
            return Err("systemd runs it in another control group than this process is in".into());
        }
        let within = |pid: &u32| self.is_in_group(*pid, &shown.control_group) == Ok(true);
        if let Some(pid) = self.guarded.iter().find(|pid| within(pid)) {
            return Err(format!("process {pid} lives in it, without which sockpit ends"));
        }
        let stop = ["stop", "--no-ask-password", "--", name];
        let arguments = [manager, &stop].concat().into_iter().map(str::to_owned);
        Ok(SupervisorWord {
            confirmed: true,
            reason: None,
            name: Some(shown.id),
            restart: shown.restart,
            restart_after: shown.restart_after,
            triggered_by: shown.triggered_by,
            argv: std::iter::once(reply.program).chain(arguments).collect(),
        })
    }

    fn of_container(
        &mut self,
        process: &Process,
        container: &Container,
    ) -> Result<SupervisorWord, String> {
        let (runtime, id) = (&*container.runtime, &*container.id);
        if !matches!(runtime, "docker" | "podman") {
            return Err(format!("sockpit does not ask {runtime}"));
        }
        if id.len() != 64 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("{runtime} gives its containers longer ids"));
        }
        let reply = self.reply(runtime, &["inspect", "--type", "container", "--", id])?;
        let shown = said::container(&reply.text).map_err(|why| format!("{runtime}: {why}"))?;
        if shown.id != id || !shown.running {
            return Err(format!("{runtime} runs no container of that id"));
        }
        let first = shown.pid.ok_or_else(|| format!("{runtime} names no process of it"))?;
        let group = self.container_group(first, id)?;
        if group.is_none() || self.container_group(process.pid, id)? != group {
            return Err(format!("{runtime} runs it in another control group than this process"));
        }
        let within = |pid: &u32| self.container_group(*pid, id) == Ok(group.clone());
        if let Some(pid) = self.guarded.iter().find(|pid| within(pid)) {
            return Err(format!("process {pid} lives in it, without which sockpit ends"));
        }
        let arguments = ["stop", "--", id].into_iter().map(str::to_owned);
        Ok(SupervisorWord {
            confirmed: true,
            reason: None,
            name: Some(shown.name),
            restart: shown.restart,
            restart_after: None,
            triggered_by: Vec::new(),
            argv: std::iter::once(reply.program).chain(arguments).collect(),
        })
    }

    fn reply(&mut self, program: &str, arguments: &[&str]) -> Result<Reply, String> {
        let question: Vec<String> =
            std::iter::once(&program).chain(arguments).map(|word| (*word).to_owned()).collect();
        if let Some(known) = self.replies.get(&question) {
            return known.clone();
        }
        if self.replies.len() >= MOST_QUESTIONS {
            return Err(format!("{MOST_QUESTIONS} others were asked about already"));
        }
        let reply = (self.ask)(program, arguments);
        self.replies.insert(question, reply.clone());
        reply
    }

    fn is_in_group(&self, pid: u32, group: &str) -> Result<bool, String> {
        let content = (self.cgroups)(pid).map_err(|error| error.to_string())?;
        Ok(cgroup::path(&content).is_some_and(|path| cgroup::is_within(path, group)))
    }

    fn container_group(&self, pid: u32, id: &str) -> Result<Option<String>, String> {
        let content = (self.cgroups)(pid).map_err(|error| error.to_string())?;
        Ok(cgroup::container_group(&content, id).map(str::to_owned))
    }
}

/// `systemd.unit(5)`: letters, digits and a few signs, at most 255 of them. What else is in a
/// name could be a pattern, which `systemctl stop` would take for several units.
fn is_unit_name(name: &str) -> bool {
    let permitted = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    name.len() <= 255 && name.ends_with(".service") && name.bytes().all(permitted)
}

#[cfg(test)]
mod tests;
