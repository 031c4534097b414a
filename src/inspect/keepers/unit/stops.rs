//! Units that a stop of one unit stops, too.

use super::{World, is_unit_name, show};
use crate::wire::keepers::UnitShown;

/// More steps than this are not followed from unit to unit.
const MOST_STEPS: usize = 8;

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
