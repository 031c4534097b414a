//! Who starts a service again: systemd itself, by its settings, and the units that start it.

use super::stop;
use crate::inspect::keepers::lineage::Member;
use crate::model::keeper::{Confirmed, Keeper, KeeperKind, TERM};
use crate::wire::keepers::UnitShown;

/// Says when systemd starts the service again after the end of the process; `is_main` when that is
/// the unit's main one, `is_kept` when a supervisor within the unit outlives it.
pub(super) fn again(
    keeper: &mut Keeper,
    shown: &UnitShown,
    is_main: bool,
    is_kept: bool,
    main: Option<&Member>,
) {
    let Some(restart) = &shown.restart else { return };
    // It waits for ever, and so never does.
    let never = shown.restart_after.as_deref() == Some("infinity");
    let forced = shown.restart_even_after.is_some();
    keeper.restarts = match &**restart {
        _ if never => Some(false),
        "no" if !forced => Some(false),
        _ if is_kept => Some(false),
        "always" if is_main && shown.restart_not_after.is_none() => Some(true),
        _ => None,
    };
    let may = restart != "no" || forced;
    let mut policy = format!("Restart={restart}");
    if let Some(after) = shown.restart_after.as_deref().filter(|_| may) {
        policy += &format!(", after {after}");
    }
    if let Some(prevents) = shown.restart_not_after.as_deref().filter(|_| restart != "no") {
        policy += &format!(", but not after exit status {prevents}");
    }
    if let Some(forces) = &shown.restart_even_after {
        policy += &format!(", in any case after exit status {forces}");
    }
    keeper.policy = Some(policy);
    keeper.first = main.map(Member::pid);
    keeper.revives = !never && main.is_some_and(|main| revives(restart, shown, main));
    keeper.delay_ms = shown.restart_after_ms.filter(|_| may && is_main);
}

/// Whether it is started again, or may be, once somebody has ended its main process: with TERM, which
/// is a clean end (`systemd.service(5)`); with KILL where TERM is not heeded.
fn revives(restart: &str, shown: &UnitShown, main: &Member) -> bool {
    let names_term = |list: &Option<String>| {
        list.as_deref().is_some_and(|list| list.split_whitespace().any(|it| it == "TERM"))
    };
    let dies_of_term =
        main.standing.is_deaf_to(TERM).is_none() && main.standing.handles(TERM) == Some(false);
    if dies_of_term && names_term(&shown.restart_even_after) {
        return true;
    }
    if dies_of_term && names_term(&shown.restart_not_after) {
        return false;
    }
    match restart {
        "no" => shown.restart_even_after.is_some() && !dies_of_term,
        "always" | "on-success" => true,
        // A handler may leave with any exit code.
        _ => !dies_of_term,
    }
}

/// A unit that starts the service: stopped together with it, since it would start it again.
pub(super) fn starter(
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
        ends_children: service.ends_children.clone(),
        starts: service.starts.clone(),
        ..Keeper::new(KeeperKind::Systemd, unit.id.clone(), service.of[0])
    };
    if upholds {
        keeper.also(unit.id.clone());
    }
    let others = unit.triggers.iter().filter(|other| **other != service.name);
    others.for_each(|other| keeper.also(other.clone()));
    if unit.refuses_stop {
        keeper.reason = Some("systemd refuses to stop it by hand (RefuseManualStop=yes)".into());
    } else if service.command().is_none() {
        keeper.reason.clone_from(&service.reason);
    } else {
        let argv = stop(program, systemctl, &[&unit.id, &service.name]);
        keeper.set_command(argv, service.needs_root);
    }
    keeper
}
