//! Units: what systemd itself says of a process that seems to be in one of its.
//!
//! A unit is told from a cgroup path, and whoever owns a delegated subtree can make any path
//! below it. So before a command is offered systemd must know the unit by that very name, run it,
//! and run it in a control group that the process is in.

use super::World;
use super::ask::words;
use super::lineage::Member;
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
    /// Whether a stop of the witness ends the holder.
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
            keeper.untested = Some(words(&["systemctl", "--user", "stop", "--", name]));
            keeper.reason = Some(why);
            return vec![keeper];
        }
    };
    keeper.untested = Some(stop("systemctl", &systemctl, &[name]));
    match ask(name, &systemctl, tie, world) {
        Ok((program, shown)) => confirmed(keeper, &program, &systemctl, &shown, tie, world),
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

/// What systemd says of the unit, if the process is in it.
fn ask(
    name: &str,
    systemctl: &[String],
    tie: &Tie<'_>,
    world: &mut World<'_>,
) -> Result<(String, UnitShown), NotAsked> {
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
    let within = |member: &Member| {
        let path = cgroup::path(&member.cgroups).unwrap_or_default();
        // Inside of a machine paths are told from its own root, or from the host's.
        let inner = path.strip_prefix(tie.prefix).unwrap_or(path);
        cgroup::is_within(inner, &shown.control_group)
            || cgroup::is_within(path, &shown.control_group)
    };
    if !within(tie.witness) {
        let why = "systemd runs it in another control group than this process is in";
        return Err(why.to_owned().into());
    }
    if let Some(member) = world.guarded.iter().find(|member| within(member)) {
        let pid = member.pid();
        return Err(format!("process {pid} lives in it, without which sockpit ends").into());
    }
    Ok((program, shown))
}

/// Whether a stop of the unit ends a process in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Yes,
    Perhaps,
    No,
}

fn confirmed(
    mut keeper: Keeper,
    program: &str,
    systemctl: &[String],
    shown: &UnitShown,
    tie: &Tie<'_>,
    world: &mut World<'_>,
) -> Vec<Keeper> {
    let name = shown.id.clone();
    keeper.confirmed = Some(Confirmed::Asked);
    // A manager counts pids in its own namespace.
    let inner_pid = tie.witness.standing.pids.last().copied();
    let is_main = shown.main_pid.is_some()
        && (shown.main_pid == inner_pid || shown.main_pid == Some(tie.witness.pid()));
    keeper.pid = None;
    restarts(&mut keeper, shown, is_main, tie.is_kept);
    // What ExecStop= does is its own business: it may well end what KillMode= would spare.
    let spared = if shown.has_stop_command { Ends::Perhaps } else { Ends::No };
    let ends = match shown.kill_mode.as_deref() {
        Some("process") if !is_main => spared,
        Some("none") => spared,
        _ => Ends::Yes,
    };
    if shown.refuses_stop {
        keeper.untested = None;
        keeper.reason = Some("systemd refuses to stop it by hand (RefuseManualStop=yes)".into());
    } else if ends == Ends::No {
        keeper.untested = None;
        let mode = shown.kill_mode.as_deref().unwrap_or_default();
        keeper.reason = Some(format!("stopping it leaves this process running (KillMode={mode})"));
    } else {
        keeper.stop = Some(stop(program, systemctl, &[&name]));
        keeper.untested = None;
        keeper.ends_holder = (tie.reaches_holder && ends == Ends::Yes).then_some(true);
    }
    let related: Vec<&str> = [&shown.triggered_by, &shown.upheld_by, &shown.dragged]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .filter(|unit| is_unit_name(unit))
        .collect();
    let active = if related.is_empty() {
        Vec::new()
    } else {
        show(&related, systemctl, world).map_or_else(|_| Vec::new(), |(_, shown)| shown)
    };
    let active: Vec<&UnitShown> = active.iter().filter(|unit| unit.is_active()).collect();
    let is_active = |unit: &String| active.iter().any(|active| active.id == *unit);
    keeper.stops_also = shown.dragged.iter().filter(|unit| is_active(unit)).cloned().collect();
    let mut found = Vec::new();
    for unit in active.iter().filter(|unit| shown.triggered_by.contains(&unit.id)) {
        found.push(starter(&keeper, unit, program, systemctl, false));
    }
    for unit in active.iter().filter(|unit| shown.upheld_by.contains(&unit.id)) {
        found.push(starter(&keeper, unit, program, systemctl, true));
    }
    keeper.triggered_by = found.iter().map(|starter| starter.name.clone()).collect();
    keeper.undone_by = found.first().map(|starter| starter.name.clone());
    // Each of several starters undoes the stop of another.
    if let [first, .., last] = &mut *found {
        first.undone_by = Some(last.name.clone());
    }
    found.insert(0, keeper);
    found
}

fn restarts(keeper: &mut Keeper, shown: &UnitShown, is_main: bool, is_kept: bool) {
    let Some(restart) = &shown.restart else { return };
    keeper.restarts = match (&**restart, is_main) {
        ("no", _) => Some(false),
        _ if is_kept => Some(false),
        ("always", true) => Some(true),
        _ => None,
    };
    let after = shown.restart_after.as_deref().filter(|_| restart != "no");
    let after = after.map_or(String::new(), |after| format!(", after {after}"));
    keeper.policy = Some(format!("Restart={restart}{after}"));
    keeper.delay_ms = shown.restart_after_ms.filter(|_| restart != "no" && is_main);
}

/// A unit that starts the service: stopped together with it, since it would start it again.
fn starter(
    service: &Keeper,
    unit: &UnitShown,
    program: &str,
    systemctl: &[String],
    upholds: bool,
) -> Keeper {
    let policy = match unit.id.rsplit_once('.').map(|(_, kind)| kind) {
        _ if upholds => "Upholds=, at once",
        Some("socket") => "with the next connection",
        Some("timer") => "by the clock",
        _ => "when a file changes",
    };
    let mut keeper = Keeper {
        policy: Some(policy.to_owned()),
        restarts: upholds.then_some(true),
        instance: service.instance.clone(),
        confirmed: Some(Confirmed::Asked),
        ends_holder: service.ends_holder,
        stops_also: service.stops_also.clone(),
        ..Keeper::new(KeeperKind::Systemd, unit.id.clone(), service.of[0])
    };
    if upholds {
        keeper.stops_also.push(unit.id.clone());
    }
    let others = unit.triggers.iter().filter(|other| **other != service.name);
    keeper.stops_also.extend(others.cloned());
    if unit.refuses_stop {
        keeper.reason = Some("systemd refuses to stop it by hand (RefuseManualStop=yes)".into());
    } else if service.stop.is_none() {
        keeper.reason.clone_from(&service.reason);
    } else {
        keeper.stop = Some(stop(program, systemctl, &[&unit.id, &service.name]));
    }
    keeper
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
