//! Units: what systemd itself says of a process that seems to be in one of its.
//!
//! A unit is told from a cgroup path, and whoever owns a delegated subtree can make any path
//! below it. So before a command is offered systemd must know the unit by that very name, run it,
//! and run it in a control group that the process is in.

mod commands;
mod starts;
mod stops;

use super::ask::words;
use super::container::is_daemon;
use super::lineage::{self, Member};
use super::{World, losses};
use crate::model::keeper::{Confirmed, Keeper, KeeperKind};
use crate::wire::cgroup;
use crate::wire::keepers::{self as said, UnitShown};

/// Which of systemd's managers runs a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Manager {
    /// Pid 1.
    System,
    /// A user's.
    User(u32),
    /// That of a machine of systemd-nspawn.
    Machine(String),
}

/// How a process is tied to a unit.
pub(super) struct Tie<'a> {
    /// Who is to end.
    pub holder: &'a Member,
    /// Who must be in the unit's control group: the holder itself, or the client or monitor of
    /// its container.
    pub witness: &'a Member,
    /// What lies before the unit's control group in the witness's path.
    pub prefix: &'a str,
    /// Whether a signal to the witness ends the holder; of a container's client or monitor, which
    /// live apart from it, that is not sure.
    pub reaches_holder: bool,
    /// Whether a supervisor within the unit outlives the holder: then the unit does not fail by
    /// its end, and does not start it again.
    pub is_kept: bool,
}

impl Manager {
    pub(super) fn arguments(&self, world: &World<'_>) -> Result<Vec<String>, String> {
        match self {
            Self::System => Ok(Vec::new()),
            Self::User(uid) if *uid == world.uid => Ok(words(&["--user"])),
            // The bus of another user's manager is open to root alone.
            Self::User(uid) if world.uid == 0 => {
                Ok(words(&["--user", "-M", &format!("{uid}@.host")]))
            }
            Self::User(_) => Err("only root can ask the manager of another user".to_owned()),
            Self::Machine(name) => Ok(words(&["-M", name])),
        }
    }

    /// A stop of one of its units by root, where it cannot be asked.
    pub(super) fn untested(&self, unit: &str) -> Vec<String> {
        let whose = match self {
            Self::System => Vec::new(),
            Self::User(uid) => words(&["--user", "-M", &format!("{uid}@.host")]),
            Self::Machine(name) => words(&["-M", name]),
        };
        std::iter::once("sudo".to_owned()).chain(stop("systemctl", &whose, &[unit])).collect()
    }
}

/// The unit as keeper, and then whatever starts it.
pub(super) fn keepers(
    name: &str,
    manager: &Manager,
    tie: &Tie<'_>,
    world: &mut World<'_>,
) -> Vec<Keeper> {
    let mut keeper = Keeper {
        confirmed: Some(Confirmed::Path),
        instance: Some(name.to_owned()),
        ..Keeper::new(KeeperKind::Systemd, name, tie.holder.pid())
    };
    let systemctl = match manager.arguments(world) {
        Ok(arguments) => arguments,
        Err(why) => {
            keeper.untested = Some(manager.untested(name));
            keeper.reason = Some(why);
            return vec![keeper];
        }
    };
    keeper.untested = Some(stop("systemctl", &systemctl, &[name]));
    match ask(name, &systemctl, tie, world) {
        Ok(answer) => confirmed(keeper, &answer, &systemctl, tie, world),
        Err(NotAsked::Stopped(state)) => {
            keeper.restarts = Some(false);
            keeper.untested = None;
            keeper.reason = Some(format!(
                "systemd has stopped that unit already ({state}), and left this process running"
            ));
            vec![keeper]
        }
        Err(NotAsked::Why(why)) => {
            keeper.reason = Some(why);
            vec![keeper]
        }
    }
}

pub(super) fn stop(program: &str, systemctl: &[String], units: &[&str]) -> Vec<String> {
    let mut argv = vec![program.to_owned()];
    argv.extend(systemctl.iter().cloned());
    argv.push("stop".to_owned());
    // Where it is run there is nobody to type a password.
    argv.extend(program.starts_with('/').then(|| "--no-ask-password".to_owned()));
    argv.push("--".to_owned());
    argv.extend(units.iter().map(|&unit| unit.to_owned()));
    argv
}

/// All socket units, in a question; it is in no command.
pub(super) const ALL_SOCKETS: &str = "*.socket";

/// What is asked of one unit.
fn question(program: &str, systemctl: &[String], unit: &str) -> Vec<String> {
    let asking = ["show", "--no-pager", "-p", said::PROPERTIES, "--", unit];
    let all = systemctl.iter().cloned().chain(words(&asking));
    std::iter::once(program.to_owned()).chain(all).collect()
}

pub(super) fn show(
    units: &[&str],
    systemctl: &[String],
    world: &mut World<'_>,
) -> Result<(String, Vec<UnitShown>), String> {
    let is_permitted = |unit: &&&str| is_unit_name(unit) || **unit == ALL_SOCKETS;
    if let Some(strange) = units.iter().find(|unit| !is_permitted(unit)) {
        return Err(format!("no unit can have such a name as {strange}"));
    }
    let mut question: Vec<&str> = systemctl.iter().map(String::as_str).collect();
    question.extend(["show", "--no-pager", "-p", said::PROPERTIES, "--"]);
    question.extend(units);
    let reply = world.asker.ask("systemctl", &question)?;
    Ok((reply.program, said::units(&reply.text)))
}

/// Why systemd's word on a unit is of no use.
enum NotAsked {
    /// The unit is over, in this state; what it left behind is in its control group yet.
    Stopped(String),
    /// A clause.
    Why(String),
}

impl From<String> for NotAsked {
    fn from(why: String) -> Self {
        Self::Why(why)
    }
}

/// What systemd says of a unit.
struct Answer {
    /// systemctl's path.
    program: String,
    shown: UnitShown,
    /// What comes before the unit's control group in the paths of its processes.
    prefix: String,
}

impl Answer {
    /// Whether a process with these control groups is in the unit.
    fn holds(&self, cgroups: &str) -> bool {
        let path = cgroup::path(cgroups).unwrap_or_default();
        let inner = path.strip_prefix(&*self.prefix);
        inner.is_some_and(|path| cgroup::is_within(path, &self.shown.control_group))
    }
}

/// What systemd says of the unit, if the process is in it.
fn ask(
    name: &str,
    systemctl: &[String],
    tie: &Tie<'_>,
    world: &mut World<'_>,
) -> Result<Answer, NotAsked> {
    let (program, shown) = show(&[name], systemctl, world)?;
    // In a container of its own systemctl says nothing, and succeeds.
    if shown.is_empty() {
        return Err("systemctl does not reach systemd from here".to_owned().into());
    }
    let shown = shown.into_iter().next().filter(|shown| shown.load_state == "loaded");
    let shown = shown.ok_or_else(|| "systemd knows no unit of that name".to_owned())?;
    if shown.id != name {
        return Err(format!("systemd knows it as {}", shown.id).into());
    }
    if matches!(&*shown.active_state, "inactive" | "failed") {
        return Err(NotAsked::Stopped(shown.active_state));
    }
    if !shown.is_active() {
        return Err(format!("systemd says that it is {}", shown.active_state).into());
    }
    // Inside of a machine paths are told from its own root, or from the host's.
    let at = |prefix: &str| Answer {
        program: program.clone(),
        shown: shown.clone(),
        prefix: prefix.to_owned(),
    };
    let mut answers = [tie.prefix, ""].into_iter().map(at);
    let Some(answer) = answers.find(|answer| answer.holds(&tie.witness.cgroups)) else {
        let why = "systemd runs it in another control group than this process is in";
        return Err(why.to_owned().into());
    };
    if let Some(member) = world.guarded.iter().find(|member| answer.holds(&member.cgroups)) {
        let pid = member.pid();
        return Err(format!("process {pid} lives in it, without which sockpit ends").into());
    }
    Ok(answer)
}

fn confirmed(
    mut keeper: Keeper,
    answer: &Answer,
    systemctl: &[String],
    tie: &Tie<'_>,
    world: &mut World<'_>,
) -> Vec<Keeper> {
    let Answer { program, shown, .. } = answer;
    let name = shown.id.clone();
    keeper.confirmed = Some(Confirmed::Asked);
    keeper.asks = Some(question(program, systemctl, &name));
    // A manager counts pids in its own namespace.
    let inner_pid = tie.witness.standing.pids.last().copied();
    let is_main = shown.main_pid.is_some()
        && (shown.main_pid == inner_pid || shown.main_pid == Some(tie.witness.pid()));
    keeper.pid = None;
    let line = lineage::of(tie.witness.clone(), world.member);
    let is_first = |it: &&Member| {
        shown.main_pid.is_some() && it.standing.pids.last().copied() == shown.main_pid
    };
    let main = line.iter().find(is_first);
    starts::again(&mut keeper, shown, is_main, tie.is_kept, main);
    keeper.starts.clone_from(&shown.on_success);
    let others = shown.on_failure.iter().filter(|unit| !shown.on_success.contains(unit));
    keeper.starts.extend(others.cloned());
    let has_heirs = main.is_some_and(|main| losses::leaves_heirs(main, true, world));
    let ends = stops::ends(shown, is_main, has_heirs, tie);
    keeper.untested = None;
    if shown.refuses_stop {
        keeper.reason = Some("systemd refuses to stop it by hand (RefuseManualStop=yes)".into());
    } else if ends == stops::Ends::No {
        let mode = shown.kill_mode.as_deref().unwrap_or_default();
        keeper.reason = Some(format!("stopping it leaves this process running (KillMode={mode})"));
    } else {
        let is_own = systemctl.iter().any(|argument| argument == "--user");
        let argv = stop(program, systemctl, &[&name]);
        keeper.set_command(argv, world.uid != 0 && !is_own);
        keeper.ends_holder = (ends == stops::Ends::Yes).then_some(true);
    }
    stops::along(shown, systemctl, world).into_iter().for_each(|unit| keeper.also(unit));
    commands::add(&mut keeper, shown, systemctl, world);
    keeper.ends_alone =
        shown.kill_mode.as_deref() == Some("process") && shown.stop_commands.is_empty();
    if !keeper.ends_alone {
        add_losses(&mut keeper, answer, tie, world);
    }
    if is_daemon(&name) {
        keeper.also(format!("the containers of {name}"));
    }
    with_starters(keeper, answer, systemctl, world)
}

/// What else lives in the unit. What serves in a container that the unit runs is told of by the
/// container.
fn add_losses(keeper: &mut Keeper, answer: &Answer, tie: &Tie<'_>, world: &World<'_>) {
    let line = lineage::of(tie.witness.clone(), world.member);
    let is_apart = tie.witness.pid() != tie.holder.pid();
    let in_container = |cgroups: &str| is_apart && cgroup::container_of(cgroups).is_some();
    let within = |pid: u32| {
        let cgroups = (world.cgroups)(pid);
        answer.holds(&cgroups) && !in_container(&cgroups)
    };
    losses::add(keeper, &line, &within, world);
}

/// The service, and the units that start it.
fn with_starters(
    mut keeper: Keeper,
    answer: &Answer,
    systemctl: &[String],
    world: &mut World<'_>,
) -> Vec<Keeper> {
    let Answer { program, shown, .. } = answer;
    let starting: Vec<&str> = [&shown.triggered_by, &shown.upheld_by]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .filter(|unit| is_unit_name(unit))
        .collect();
    let active = if starting.is_empty() {
        Vec::new()
    } else {
        show(&starting, systemctl, world).map_or_else(|_| Vec::new(), |(_, shown)| shown)
    };
    let active: Vec<&UnitShown> = active.iter().filter(|unit| unit.is_active()).collect();
    let mut found = Vec::new();
    for (starters, upholds) in [(&shown.triggered_by, false), (&shown.upheld_by, true)] {
        for unit in active.iter().filter(|unit| starters.contains(&unit.id)) {
            found.push(starts::starter(&keeper, unit, program, systemctl, upholds));
        }
    }
    keeper.triggered_by = found.iter().map(|starter| starter.name.clone()).collect();
    let starter = found.first().map(|starter| starter.name.clone());
    keeper.undone_by = starter.or(keeper.undone_by.take());
    // Each of several starters undoes the stop of another.
    let names = keeper.triggered_by.clone();
    for starter in &mut found {
        starter.undone_by = names.iter().find(|other| **other != starter.name).cloned();
    }
    found.insert(0, keeper);
    found
}

/// `systemd.unit(5)`: letters, digits and a few signs, at most 255 of them. What else is in a
/// name could be a pattern, which `systemctl stop` would take for several units.
fn is_unit_name(name: &str) -> bool {
    let permitted = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    let is_whole = name.rsplit_once('.').is_some_and(|(stem, kind)| {
        !stem.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase()) && !kind.is_empty()
    });
    name.len() <= 255 && is_whole && name.bytes().all(permitted)
}
