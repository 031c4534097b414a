//! Sockets that hold the port for serving.

use super::super::{Scene, sight};
use super::{InWay, finding, remedy};
use crate::inspect::{supervisor, words};
use crate::model::owner::{OwnershipKind, Process};
use crate::model::socket::{Endpoint, Socket, State};
use crate::model::why::{Remedy, WhyFinding, WhyKind};
use crate::text::address;

pub(super) fn findings(scene: &Scene<'_>, in_way: &InWay<'_>) -> Vec<WhyFinding> {
    let mut found = Vec::new();
    for group in by_end(&in_way.serving) {
        found.push(held(WhyKind::Listener, scene, &group));
    }
    for group in by_end(&in_way.bound) {
        found.push(held(WhyKind::BoundNotListening, scene, &group));
    }
    let holders: Vec<&Socket> = in_way.holders().collect();
    found.extend(holders.iter().copied().filter_map(socket_activation));
    for group in by_end(&holders) {
        found.extend(relation(scene, &group));
    }
    found.extend(reuse_port_group(scene, in_way));
    found.extend(in_way.all().filter(is_hidden).map(|socket| owner_hidden(scene, socket)));
    found
}

/// Sockets on the very same end: the workers of one server.
fn by_end<'a>(sockets: &[&'a Socket]) -> Vec<Vec<&'a Socket>> {
    let end =
        |socket: &Socket| -> (Endpoint, bool) { (socket.local.clone(), socket.is_dual_stack()) };
    let mut sockets = sockets.to_vec();
    sockets.sort_by_cached_key(|socket| end(socket));
    sockets.chunk_by(|a, b| end(a) == end(b)).map(<[&Socket]>::to_vec).collect()
}

fn held(kind: WhyKind, scene: &Scene<'_>, group: &[&Socket]) -> WhyFinding {
    let end = group.first().map_or(String::new(), |socket| address::local(socket).to_string());
    let mut holders: Vec<String> = group.iter().map(|socket| words::holders(socket)).collect();
    holders.dedup();
    let holders = words::list(&holders);
    let text = match (kind, scene.target.udp) {
        (WhyKind::BoundNotListening, _) => {
            format!("{end} is bound, without listening, by {holders}")
        }
        (_, true) => format!("a UDP socket holds {end}: {holders}"),
        (_, false) => format!("a listener holds {end}: {holders}"),
    };
    finding(kind, text, group, stop(scene, group))
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
        add(stop_process(scene, process, group));
    }
    remedies
}

fn stop_process(scene: &Scene<'_>, process: &Process, group: &[&Socket]) -> Remedy {
    let port = scene.target.port;
    if is_systemd(process) {
        return list_socket_units();
    }
    if supervisor::is_docker_proxy(&process.name) {
        let filter = format!("publish={port}");
        return remedy("find the container to stop", &["docker", "ps", "--filter", &filter]);
    }
    if let Some(found) = supervisor::supervisor(process).filter(|_| !is_our_own(scene, process)) {
        let text = format!("stop {}, which would start it again", found.name);
        return Remedy { text, argv: found.command };
    }
    let target = scene.target.name();
    let mut argv = vec!["sockpit", "kill", &target];
    // Whoever has the port on other addresses is not meant.
    let addr = group.first().and_then(|socket| socket.local.addr).map(|addr| addr.to_string());
    let mut others = scene.on_port.iter().filter(is_holder);
    let is_elsewhere = |socket: &Socket| group.iter().all(|held| held.local != socket.local);
    if let (Some(addr), true) = (&addr, others.any(is_elsewhere)) {
        argv.extend(["--addr", addr]);
    }
    remedy("end who holds it", &argv)
}

fn is_holder(socket: &&Socket) -> bool {
    socket.is_server() || socket.state == State::Bound
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
    process.pid == 1 && &*process.name == "systemd"
}

fn list_socket_units() -> Remedy {
    remedy("find its socket unit", &["systemctl", "list-sockets", "--no-pager"])
}

fn socket_activation(socket: &Socket) -> Option<WhyFinding> {
    socket.owners.iter().find(|owner| is_systemd(&owner.process))?;
    let end = address::local(socket);
    let unit = socket.owners.iter().filter(|owner| !is_systemd(&owner.process)).find_map(|owner| {
        owner.process.unit.as_ref().map(|unit| format!(" and has passed it to {}", unit.name))
    });
    let text = format!(
        "systemd holds {end} for a socket unit{}: it stays when the service stops",
        unit.unwrap_or_default()
    );
    Some(finding(WhyKind::SocketActivation, text, &[socket], vec![list_socket_units()]))
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
        _ => format!("a bind on every address meets {end}, which is bound to that one alone"),
    };
    Some(finding(kind, text, group, Vec::new()))
}

/// Two listeners on one end have SO_REUSEPORT both; and so has one that lets a trial with it
/// in.
fn reuse_port_group(scene: &Scene<'_>, in_way: &InWay<'_>) -> Option<WhyFinding> {
    if scene.target.udp || in_way.serving.is_empty() {
        return None;
    }
    let is_shared = |group: &Vec<&Socket>| {
        group.len() > 1 && group.iter().all(|socket| socket.interface.is_none())
    };
    let joins = scene.would_get(|trial| trial.reuse_port);
    let group = by_end(&in_way.serving).into_iter().find(is_shared);
    let sockets = match group {
        Some(group) => group,
        None if joins => in_way.serving.clone(),
        None => return None,
    };
    let text = if joins {
        "whoever serves there uses SO_REUSEPORT: a bind with it by the same user joins them, and \
         the kernel shares new connections out"
    } else {
        "whoever serves there shares the port by SO_REUSEPORT; a bind with it by this user does \
         not join them"
    };
    Some(finding(WhyKind::ReusePortGroup, text, &sockets, Vec::new()))
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
    let ask_as_root = || remedy("ask as root", &["sudo", "sockpit", "why", &target]);
    let remedies = scene.more_rights_help.then(ask_as_root).into_iter().collect();
    finding(WhyKind::OwnerHidden, text, &[socket], remedies)
}
