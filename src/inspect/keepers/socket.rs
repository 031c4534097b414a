//! Sockets that systemd itself holds, or a user's manager: for which unit, and what stops that.

use std::net::SocketAddr;

use super::World;
use super::container::is_daemon;
use super::lineage::Member;
use super::unit::{ALL_SOCKETS, Manager, show, stop};
use crate::model::activation::Activation;
use crate::model::keeper::{Confirmed, Keeper, KeeperKind};
use crate::model::socket::{Protocol, Socket};
use crate::wire::keepers::{Listens, UnitShown};

/// The units for which a manager holds these sockets: as their control group says it; else those
/// that listen on that address; else the service that left the socket with the manager.
pub(super) fn keepers(
    holder: &Member,
    activation: Option<&Activation>,
    holds: &[Socket],
    manager: &Manager,
    world: &mut World<'_>,
) -> Vec<Keeper> {
    let service = activation.and_then(|activation| activation.unit.as_deref());
    let services: Vec<&str> = service.into_iter().collect();
    if let Some(unit) = activation.and_then(|activation| activation.socket_unit.as_deref()) {
        return vec![keeper(holder, unit, &services, holds, manager, world)];
    }
    let mut units: Vec<String> = Vec::new();
    for unit in listening(holds, manager, world) {
        if !units.contains(&unit) {
            units.push(unit);
        }
    }
    match (&*units, service) {
        ([], Some(service)) => vec![keeper(holder, service, &[], holds, manager, world)],
        (units, _) => units
            .iter()
            .map(|unit| keeper(holder, unit, &services, holds, manager, world))
            .collect(),
    }
}

/// The active socket units that listen where one of these sockets does.
fn listening(holds: &[Socket], manager: &Manager, world: &mut World<'_>) -> Vec<String> {
    let shown = manager
        .arguments(world)
        .and_then(|systemctl| show(&[ALL_SOCKETS], &systemctl, world))
        .map_or_else(|_| Vec::new(), |(_, shown)| shown);
    let is_it = |unit: &&UnitShown| {
        unit.is_active()
            && (unit.listens.iter().any(|listens| holds.iter().any(|held| is_at(listens, held)))
                || unit.paths.iter().any(|path| holds.iter().any(|held| is_path(path, held))))
    };
    shown.iter().filter(is_it).map(|unit| unit.id.clone()).collect()
}

/// A socket has its path as systemd bound it; `/var/run` is a link to `/run`.
fn is_path(path: &str, socket: &Socket) -> bool {
    let bare = |path: &str| path.strip_prefix("/var/run/").map(str::to_owned);
    let whole = |path: &str| bare(path).map_or(path.to_owned(), |rest| format!("/run/{rest}"));
    socket.local.path.as_deref().is_some_and(|held| whole(held) == whole(path))
}

fn is_at(listens: &Listens, socket: &Socket) -> bool {
    let is_udp = socket.protocol == Protocol::Udp;
    let (Some(addr), Some(port)) = (socket.local.canonical_addr(), socket.local.port) else {
        return false;
    };
    let (there, here) = (listens.addr, SocketAddr::new(addr, port));
    let both_any = there.ip().is_unspecified() && here.ip().is_unspecified();
    let is_same = there.ip().to_canonical() == here.ip() || both_any;
    listens.udp == is_udp && is_same && there.port() == here.port()
}

/// What becomes of the connections of a unit with `Accept=yes`.
fn accepted(connections: u32) -> String {
    let going_on = match connections {
        0 => "which has none now".to_owned(),
        1 => "of which 1 goes on without it".to_owned(),
        many => format!("of which {many} go on without it"),
    };
    format!("Accept=yes: a service for each connection, {going_on}")
}

fn keeper(
    holder: &Member,
    unit: &str,
    services: &[&str],
    holds: &[Socket],
    manager: &Manager,
    world: &mut World<'_>,
) -> Keeper {
    let mut keeper = Keeper {
        confirmed: Some(Confirmed::Path),
        instance: Some(unit.to_owned()),
        restarts: Some(false),
        ..Keeper::new(KeeperKind::Systemd, unit, holder.pid())
    };
    let asked = manager.arguments(world).and_then(|systemctl| {
        let (program, shown) = show(&[unit], &systemctl, world)?;
        let shown = shown.into_iter().next().filter(UnitShown::is_active);
        let shown = shown.ok_or("systemd runs no such unit")?;
        Ok((program, systemctl, shown))
    });
    match asked {
        Ok((program, systemctl, shown)) if !shown.refuses_stop => {
            // The service would go on with the socket that it was given.
            let units = [&[unit], services].concat();
            let needs_root = world.uid != 0 && !matches!(manager, Manager::User(_));
            keeper.set_command(stop(&program, &systemctl, &units), needs_root);
            keeper.ends_holder = Some(false);
            keeper.policy = shown.accepts.then(|| accepted(shown.connections));
            beside(&shown, holds).into_iter().for_each(|what| keeper.also(what));
            keeper.undone_by = bound_to(unit, services, &systemctl, world);
            let daemons = units.iter().filter(|unit| is_daemon(unit));
            daemons.for_each(|daemon| keeper.also(format!("the containers of {daemon}")));
            keeper.confirmed = Some(Confirmed::Asked);
        }
        Ok(_) => keeper.reason = Some("systemd refuses to stop it by hand".to_owned()),
        Err(why) => {
            keeper.untested = Some(match manager.arguments(world) {
                Ok(systemctl) => stop("systemctl", &systemctl, &[unit]),
                Err(_) => manager.untested(unit),
            });
            keeper.reason = Some(why);
        }
    }
    keeper
}

/// Where a socket unit listens besides.
fn beside(shown: &UnitShown, holds: &[Socket]) -> Vec<String> {
    let of = |what: String| format!("{what} of {}", shown.id);
    let others = shown.listens.iter().filter(|at| !holds.iter().any(|held| is_at(at, held)));
    let ports = others.map(|at| {
        let protocol = if at.udp { "udp" } else { "tcp" };
        of(format!("{}/{protocol}", at.addr))
    });
    let others = shown.paths.iter().filter(|path| !holds.iter().any(|held| is_path(path, held)));
    ports.chain(others.map(|path| of(path.clone()))).collect()
}

/// Another unit that starts one of these services, where that service brings this socket unit with it
/// (`Sockets=`).
fn bound_to(
    unit: &str,
    services: &[&str],
    systemctl: &[String],
    world: &mut World<'_>,
) -> Option<String> {
    let mut ask = |units: &[&str]| {
        // Without a name systemctl tells of the manager.
        let asked = (!units.is_empty()).then(|| show(units, systemctl, world))?;
        asked.ok().map(|(_, shown)| shown)
    };
    let shown = ask(services)?;
    let bringing = shown.iter().filter(|service| service.needs.iter().any(|it| it == unit));
    let others = bringing.flat_map(|service| &service.triggered_by).filter(|other| *other != unit);
    let others: Vec<&str> = others.map(String::as_str).collect();
    ask(&others)?.into_iter().find(UnitShown::is_active).map(|other| other.id)
}

/// The service's chain names its socket units as what starts it; where the command for one of them is
/// that of the unit which holds the very socket, the latter knows better what comes of it.
pub(super) fn without_repetition(keepers: &mut Vec<Keeper>) {
    let holding =
        |keeper: &Keeper| keeper.kind == KeeperKind::Systemd && keeper.ends_holder == Some(false);
    let held: Vec<Keeper> = keepers.iter().filter(|it| holding(it)).cloned().collect();
    let is_repeated = |keeper: &Keeper| {
        !holding(keeper)
            && keeper.command().is_some()
            && held.iter().any(|it| it.name == keeper.name && it.command() == keeper.command())
    };
    let repeated: Vec<Keeper> = keepers.iter().filter(|it| is_repeated(it)).cloned().collect();
    keepers.retain(|keeper| !is_repeated(keeper));
    for one in repeated {
        let same = keepers.iter_mut().find(|it| it.command() == one.command() && holding(it));
        let Some(same) = same else { continue };
        let new = one.of.iter().filter(|pid| !same.of.contains(pid));
        same.of.extend(new.copied().collect::<Vec<u32>>());
        one.stops_also.into_iter().for_each(|what| same.also(what));
        same.ends_children.extend(one.ends_children);
        same.starts.extend(one.starts);
    }
}
