//! What a stop of a unit ends: the process that is meant, or not; and units that go with it.

use super::{Tie, World, is_unit_name, show};
use crate::inspect::keepers::lineage::Member;
use crate::model::keeper::TERM;
use crate::wire::keepers::UnitShown;

/// More steps than this are not followed from unit to unit.
const MOST_STEPS: usize = 8;

/// Signals that end no process which has no handler for them (`signal(7)`): CHLD, CONT, STOP, TSTP,
/// TTIN, TTOU, URG and WINCH.
const HARMLESS: [i32; 8] = [17, 18, 19, 20, 21, 22, 23, 28];
/// Signals whose handlers end a process, as their names ask for: INT, QUIT and TERM.
const ENDING: [i32; 3] = [2, 3, TERM];

/// Whether a stop of a unit ends a process in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    Yes,
    Perhaps,
    No,
}

/// Whether a stop of the unit ends the holder, and who has the socket as well; `has_heirs` where the
/// main process may leave some of these behind.
pub(super) fn ends(shown: &UnitShown, is_main: bool, has_heirs: bool, tie: &Tie<'_>) -> Ends {
    let has_command = !shown.stop_commands.is_empty();
    // The client or the monitor of a container ends, and the container may not.
    if !tie.reaches_holder {
        let ends_container = |command: &String| {
            let mut words = command.split_whitespace();
            words.any(|word| word.ends_with("/podman") || word.ends_with("/docker"))
                && words.any(|word| matches!(word, "stop" | "rm" | "kill"))
        };
        let is_sure = shown.stop_commands.iter().any(ends_container);
        return if is_sure { Ends::Yes } else { Ends::Perhaps };
    }
    // What ExecStop= does is its own business: it may well end what KillMode= would spare.
    let spared = if has_command { Ends::Perhaps } else { Ends::No };
    let heeds = heeds(tie.holder, shown.kill_signal.unwrap_or(TERM));
    match shown.kill_mode.as_deref() {
        Some("process") if !is_main => spared,
        Some("process") if has_heirs => Ends::Perhaps,
        Some("none") => spared,
        // Others than the main process are sent KILL alone.
        Some("mixed") if shown.never_kills && !is_main => Ends::Perhaps,
        _ if shown.never_kills && !heeds => Ends::Perhaps,
        _ => Ends::Yes,
    }
}

/// Whether a signal ends a process for certain.
fn heeds(member: &Member, signal: i32) -> bool {
    let standing = &member.standing;
    match standing.handles(signal) {
        _ if standing.is_deaf_to(signal).is_some() => false,
        Some(true) => ENDING.contains(&signal),
        _ => !HARMLESS.contains(&signal),
    }
}

/// The active units that go with `unit`: those that cannot be without it, those that cannot be
/// without these, and so on; and what was only there because one of them needed it
/// (`StopWhenUnneeded=`).
pub(super) fn along(unit: &UnitShown, systemctl: &[String], world: &mut World<'_>) -> Vec<String> {
    let mut stopping = vec![unit.clone()];
    let mut known: Vec<UnitShown> = Vec::new();
    for _ in 0..MOST_STEPS {
        let dragged = stopping.iter().flat_map(|unit| &unit.dragged);
        let needed = stopping.iter().flat_map(|unit| &unit.needs);
        let wanted: Vec<String> = dragged.chain(needed).cloned().collect();
        learn(&wanted, &mut known, systemctl, world);
        let needing: Vec<String> = known
            .iter()
            .filter(|unit| unit.stops_unneeded && unit.is_active())
            .flat_map(|unit| unit.needed_by.iter().cloned())
            .collect();
        learn(&needing, &mut known, systemctl, world);
        let new = stopped_by(&stopping, &known);
        if new.is_empty() {
            break;
        }
        stopping.extend(new);
    }
    stopping.into_iter().skip(1).map(|unit| unit.id).collect()
}

/// The units that are stopped next.
fn stopped_by(stopping: &[UnitShown], known: &[UnitShown]) -> Vec<UnitShown> {
    let is_stopping = |id: &String| stopping.iter().any(|unit| unit.id == *id);
    let is_running = |id: &String| known.iter().any(|unit| unit.id == *id && unit.is_active());
    let is_dragged = |unit: &UnitShown| stopping.iter().any(|it| it.dragged.contains(&unit.id));
    let is_unneeded = |unit: &UnitShown| {
        unit.stops_unneeded
            && stopping.iter().any(|it| it.needs.contains(&unit.id))
            && unit.needed_by.iter().all(|by| is_stopping(by) || !is_running(by))
    };
    let active = known.iter().filter(|unit| unit.is_active() && !is_stopping(&unit.id));
    active.filter(|unit| is_dragged(unit) || is_unneeded(unit)).cloned().collect()
}

/// Asks for those of the units that are not known yet.
fn learn(
    wanted: &[String],
    known: &mut Vec<UnitShown>,
    systemctl: &[String],
    world: &mut World<'_>,
) {
    let is_known = |id: &str| known.iter().any(|unit| unit.id == id);
    let mut new: Vec<&str> =
        wanted.iter().map(String::as_str).filter(|id| is_unit_name(id) && !is_known(id)).collect();
    new.sort_unstable();
    new.dedup();
    if !new.is_empty()
        && let Ok((_, shown)) = show(&new, systemctl, world)
    {
        known.extend(shown);
    }
}
