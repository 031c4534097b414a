//! Sockets that hold the port for serving.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::super::{Scene, sight};
use super::{InWay, finding, remedy};
use crate::inspect::words::counted;
use crate::inspect::{bind, heirs, keepers, words};
use crate::model::forwarder::Forwarder;
use crate::model::keeper::Keeper;
use crate::model::owner::{OwnershipKind, Process};
use crate::model::socket::{Endpoint, Socket};
use crate::model::why::{Remedy, Reuse, WhyFinding, WhyKind};
use crate::text::{address, keeper as keeping};

pub(super) fn findings(scene: &Scene<'_>, in_way: &InWay<'_>) -> Vec<WhyFinding> {
    let mut found = Vec::new();
    for group in by_end(&in_way.serving) {
        found.push(held(WhyKind::Listener, scene, &group));
    }
    for group in by_end(&in_way.bound) {
        found.push(held(WhyKind::BoundNotListening, scene, &group));
    }
    let holders: Vec<&Socket> = in_way.holders().collect();
    found.extend(holders.iter().copied().filter_map(|it| socket_activation(scene, it)));
    found.extend(kept(scene, &holders));
    for group in by_end(&holders) {
        found.extend(relation(scene, &group));
    }
    found.extend(reuse_port_group(scene, in_way));
    found.extend(reuse_addr_share(scene, in_way));
    found.extend(in_way.all().filter(is_hidden).map(|socket| owner_hidden(scene, socket)));
    found
}

/// Sockets on the very same end: the workers of one server.
fn by_end<'a>(sockets: &[&'a Socket]) -> Vec<Vec<&'a Socket>> {
    // Those on one device leave the port to those on another.
    let end = |socket: &Socket| -> (Endpoint, Option<Arc<str>>, bool) {
        (socket.local.clone(), socket.interface.clone(), socket.is_dual_stack())
    };
    let mut sockets = sockets.to_vec();
    sockets.sort_by_cached_key(|socket| end(socket));
    sockets.chunk_by(|a, b| end(a) == end(b)).map(<[&Socket]>::to_vec).collect()
}

fn held(kind: WhyKind, scene: &Scene<'_>, group: &[&Socket]) -> WhyFinding {
    let end = group.first().map_or(String::new(), |socket| address::local(socket).to_string());
    let mut holders: Vec<String> = group.iter().map(|socket| words::holders(socket)).collect();
    holders.dedup();
    let holders = words::list(&holders);
    let reuse = scene.reuse.of(group);
    let shared = shares(reuse);
    let text = match (kind, scene.target.udp) {
        (WhyKind::BoundNotListening, _) => {
            format!("{end} is bound, without listening, by {holders}{shared}")
        }
        (_, true) => format!("a UDP socket holds {end}: {holders}{shared}"),
        (_, false) => format!("a listener holds {end}: {holders}{shared}"),
    };
    let text = match heirs::clause(group) {
        Some(heirs) => format!("{text}; {heirs}"),
        None => text,
    };
    WhyFinding { reuse: Some(reuse), ..finding(kind, text, group, stop(scene, group)) }
}

/// `, with SO_REUSEADDR, without SO_REUSEPORT`; what could not be read is left out.
fn shares(reuse: Reuse) -> String {
    let option = |name: &str, is_set: Option<bool>| match is_set {
        Some(true) => format!(", with {name}"),
        Some(false) => format!(", without {name}"),
        None => String::new(),
    };
    // Without either option no other socket can have the port: the usual case.
    if reuse == (Reuse { reuse_addr: Some(false), reuse_port: Some(false) }) {
        return ", without SO_REUSEADDR and SO_REUSEPORT".to_owned();
    }
    option("SO_REUSEADDR", reuse.reuse_addr) + &option("SO_REUSEPORT", reuse.reuse_port)
}

/// What ends the holders: what supervises them where something does, else a kill.
fn stop(scene: &Scene<'_>, group: &[&Socket]) -> Vec<Remedy> {
    let mut remedies = Vec::new();
    let mut add = |new: Remedy| {
        if !remedies.contains(&new) {
            remedies.push(new);
        }
    };
    let owners = || group.iter().flat_map(|socket| &socket.owners).map(|owner| &*owner.process);
    for process in owners() {
        let forwarder = scene.forwarders.iter().find(|it| it.pid == process.pid);
        // Its end would do more than is meant, or less: its own finding says what helps.
        let is_told = |it: &Forwarder| it.ending.harms_others() || it.kind.is_of_a_container();
        if !forwarder.is_some_and(is_told) {
            add(stop_process(scene, process, group));
        }
    }
    remedies
}

/// A finding for each keeper of the holders, with its command where that costs nothing else.
fn kept(scene: &Scene<'_>, holders: &[&Socket]) -> Vec<WhyFinding> {
    let tell = |(keeper, text): (&Keeper, String)| {
        let is_kept = |socket: &&&Socket| {
            socket.owners.iter().any(|owner| keeper.of.contains(&owner.process.pid))
        };
        let sockets: Vec<&Socket> = holders.iter().filter(is_kept).copied().collect();
        let remedies = narrow(std::slice::from_ref(keeper)).into_iter().collect();
        finding(WhyKind::Keeper, text, &sockets, remedies)
    };
    keeping::clauses(scene.keepers).into_iter().map(tell).collect()
}

/// The command of a keeper that stops only what it keeps.
fn narrow(keepers: &[Keeper]) -> Option<Remedy> {
    let keeper = keepers.iter().find(|keeper| keeper.is_narrow())?;
    let argv = keeping::narrow(std::slice::from_ref(keeper))?;
    Some(Remedy { text: format!("stop {}", keeper.name), argv })
}

fn keepers_of(scene: &Scene<'_>, pid: u32) -> Vec<Keeper> {
    scene.keepers.iter().filter(|keeper| keeper.of.contains(&pid)).cloned().collect()
}

fn stop_process(scene: &Scene<'_>, process: &Process, group: &[&Socket]) -> Remedy {
    let kept_by = keepers_of(scene, process.pid);
    if let Some(remedy) = narrow(&kept_by) {
        return remedy;
    }
    // What costs more is for the plan of a kill, which says what.
    if !kept_by.is_empty() {
        return end_holder(scene, group);
    }
    // The service alone would be started again by the next connection.
    if let Some(socket) = group.iter().find(|socket| socket.activation.is_some()) {
        return stop_socket_unit(socket);
    }
    if is_systemd(process) {
        return list_socket_units();
    }
    if let Some(found) = keepers::claimed(process).filter(|_| !is_our_own(scene, process)) {
        let text = format!("stop {}, which would start it again", found.name);
        return Remedy { text, argv: found.untested.unwrap_or_default() };
    }
    end_holder(scene, group)
}

fn end_holder(scene: &Scene<'_>, group: &[&Socket]) -> Remedy {
    let target = scene.target.name();
    let mut argv = vec!["sockpit", "kill", &target];
    // Whoever has the port on other addresses is not meant.
    let addr = group.first().and_then(|socket| socket.local.addr).map(|addr| addr.to_string());
    let mut others = scene.on_port.iter().filter(|socket| bind::is_holder(socket));
    let is_elsewhere = |socket: &Socket| group.iter().all(|held| held.local != socket.local);
    if let (Some(addr), true) = (&addr, others.any(is_elsewhere)) {
        argv.extend(["--addr", addr]);
    }
    remedy("end who holds it", &argv)
}

/// Stopping what sockpit itself runs in would end sockpit, too.
fn is_our_own(scene: &Scene<'_>, process: &Process) -> bool {
    let Some(own) = &scene.own else { return false };
    match (&process.container, &process.unit) {
        (Some(container), _) => own.container.as_ref() == Some(container),
        (None, unit) => own.unit.is_some() && own.unit == *unit,
    }
}

fn is_systemd(process: &Process) -> bool {
    process.pid == 1 && process.names().any(|name| name == "systemd")
}

fn list_socket_units() -> Remedy {
    remedy("find its socket unit", &["systemctl", "list-sockets", "--no-pager"])
}

fn stop_socket_unit(socket: &Socket) -> Remedy {
    let named = socket.activation.as_deref();
    let Some(unit) = named.and_then(|activation| activation.socket_unit.as_deref()) else {
        return list_socket_units();
    };
    // A user's manager has a process id of its own.
    let is_system = socket.owners.iter().any(|owner| is_systemd(&owner.process));
    let mut argv = vec!["systemctl"];
    argv.extend((!is_system).then_some("--user"));
    argv.extend(["stop", "--", unit]);
    argv.extend(named.and_then(|activation| activation.unit.as_deref()));
    remedy("stop the socket unit and what it started", &argv)
}

fn socket_activation(scene: &Scene<'_>, socket: &Socket) -> Option<WhyFinding> {
    let activation = socket.activation.as_deref()?;
    let end = address::local(socket);
    let unit = activation.socket_unit.as_deref().unwrap_or("a socket unit");
    let passed = activation.unit.as_ref();
    let passed = passed.map_or(String::new(), |unit| format!(" and has passed it to {unit}"));
    let text = format!("systemd holds {end} for {unit}{passed}: it stays when the service stops");
    let kept = socket.owners.iter().flat_map(|owner| keepers_of(scene, owner.process.pid));
    let kept: Vec<Keeper> = kept.collect();
    let remedy = match narrow(&kept) {
        Some(remedy) => remedy,
        // What costs more is for the plan of a kill.
        None if kept.iter().any(|keeper| keeper.command().is_some()) => {
            end_holder(scene, &[socket])
        }
        None => stop_socket_unit(socket),
    };
    Some(finding(WhyKind::SocketActivation, text, &[socket], vec![remedy]))
}

fn relation(scene: &Scene<'_>, group: &[&Socket]) -> Option<WhyFinding> {
    let socket = group.first()?;
    let kind = sight::relation(scene.target, socket)?;
    // Not `*`: the point is which family it is.
    let end = address::endpoint(&socket.local);
    let text = match (kind, scene.target.addr) {
        (WhyKind::DualStack, Some(addr)) if addr.is_ipv6() => {
            format!(
                "a bind of [{addr}] takes IPv4 as well unless it sets IPV6_V6ONLY, and meets {end}"
            )
        }
        (WhyKind::DualStack, _) => {
            format!("{end} takes IPv4 as well, since it was bound without IPV6_V6ONLY")
        }
        (WhyKind::WildcardConflict, Some(addr)) => {
            format!("{end} stands for every address of its family, {addr} among them")
        }
        _ => format!("a bind on every address meets {end}, which is bound to that address only"),
    };
    Some(finding(kind, text, group, Vec::new()))
}

/// Two listeners on one end have SO_REUSEPORT both; and so has one that lets a trial with it
/// in. Over UDP, where a trial would do harm, what the holders themselves have set decides.
fn reuse_port_group(scene: &Scene<'_>, in_way: &InWay<'_>) -> Option<WhyFinding> {
    let joins = scene.would_get(|trial| trial.reuse_port);
    let sockets = by_end(&in_way.serving).into_iter().find(|group| {
        let may_share = scene.reuse.of(group).reuse_port != Some(false);
        let is_shared = group.len() > 1 && group.iter().all(|socket| socket.interface.is_none());
        let is_told = scene.reuse.of(group).reuse_port == Some(true);
        is_told || (!scene.target.udp && may_share && (is_shared || joins))
    })?;
    let members = counted(sockets.len(), "socket has", "sockets have");
    let users: BTreeSet<String> = sockets.iter().map(|socket| user(socket)).collect();
    let users: Vec<String> = users.into_iter().collect();
    let users = words::list(&users);
    let wanted = scene.target.addr.map(|addr| addr.to_canonical());
    let is_here = |held: IpAddr| wanted.map_or(held.is_unspecified(), |wanted| wanted == held);
    let held = sockets.first().and_then(|socket| socket.local.canonical_addr());
    // The kernel compares the users by number (`sk_reuseport_match`).
    let text = if let (true, Some(held)) = (joins, held.filter(|held| !is_here(*held))) {
        format!(
            "{members} SO_REUSEPORT on {held} alone, of {users}: a bind with it by the same user \
             gets the port on another address, but does not join them; what comes to {held} stays \
             with them"
        )
    } else if joins {
        format!(
            "{members} SO_REUSEPORT there, of {users}: a bind with it by the same user joins \
             them, and the kernel shares out what comes in"
        )
    } else if scene.target.udp && in_way.all().all(|it| sockets.contains(&it)) {
        format!("{members} SO_REUSEPORT there, of {users}: a bind with it by that user joins them")
    } else if scene.target.udp {
        format!("{members} SO_REUSEPORT there, of {users}; who lacks it is in the way of joining")
    } else if sockets.iter().all(|socket| is_of_our_user(scene, socket)) {
        format!(
            "{members} SO_REUSEPORT there, of {users}; a bind with it does not join them, since \
             others are in the way, too"
        )
    } else {
        format!(
            "{members} SO_REUSEPORT there, of {users}; a bind with it by this user does not join \
             them"
        )
    };
    Some(finding(WhyKind::ReusePortGroup, text, &sockets, Vec::new()))
}

/// Over UDP SO_REUSEADDR on both sides is enough, as every mDNS program does it.
fn reuse_addr_share(scene: &Scene<'_>, in_way: &InWay<'_>) -> Option<WhyFinding> {
    let sockets: Vec<&Socket> = in_way.all().collect();
    let shares = scene.reuse.of(&sockets).reuse_addr == Some(true);
    let have = counted(sockets.len(), "socket has", "sockets have");
    let text = format!(
        "{have} SO_REUSEADDR there: a bind with it shares the port. Multicast and broadcast \
         datagrams then reach every socket, any other datagram only the one bound last"
    );
    (scene.target.udp && shares)
        .then(|| finding(WhyKind::ReuseAddrShare, text, &sockets, Vec::new()))
}

fn is_of_our_user(scene: &Scene<'_>, socket: &Socket) -> bool {
    let own = scene.own.as_ref().and_then(|process| process.uid);
    own.is_some() && own == socket.uid
}

fn user(socket: &Socket) -> String {
    match (&socket.user, socket.uid) {
        (Some(name), _) => name.to_string(),
        (None, Some(65_534)) => "a user that this user namespace does not map".to_owned(),
        (None, Some(uid)) => format!("user {uid}"),
        (None, None) => "a user that is not known".to_owned(),
    }
}

fn is_hidden(socket: &&Socket) -> bool {
    socket.ownership.kind == OwnershipKind::Hidden
}

fn owner_hidden(scene: &Scene<'_>, socket: &Socket) -> WhyFinding {
    let end = address::local(socket);
    let user = socket.user.as_ref().map_or(String::new(), |user| format!(", made by {user}"));
    let reason = socket.ownership.reason.as_deref();
    let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
    let text = format!("who holds {end}{user}, cannot be seen{reason}");
    let target = scene.target.name();
    let addr = scene.target.named_addr();
    let ask_as_root = || {
        let mut argv = vec!["sudo", "sockpit", "why", &target];
        argv.extend(addr.iter().flat_map(|addr| ["--addr", addr]));
        remedy("ask as root", &argv)
    };
    let is_root = scene.own.as_ref().is_some_and(|own| own.uid == Some(0));
    let remedies = (scene.more_rights_help && !is_root).then(ask_as_root).into_iter().collect();
    finding(WhyKind::OwnerHidden, text, &[socket], remedies)
}
