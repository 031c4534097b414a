//! Connections that have the port as their own, and what is left of ended ones.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::Scene;
use super::{InWay, finding, wait_until_free};
use crate::inspect::words::{self, counted};
use crate::model::owner::OwnershipKind;
use crate::model::socket::{Socket, State, TimerKind};
use crate::model::why::{Remedy, WhyFinding, WhyKind};
use crate::text::{address, units};

/// More holders than this are not named.
const MOST: usize = 3;

pub(super) fn findings(scene: &Scene<'_>, in_way: &InWay<'_>) -> Vec<WhyFinding> {
    let left = [time_wait(scene, in_way), connected(scene, in_way), kernel(scene, in_way)];
    let own = in_way.kernel.iter().copied().filter(is_own).map(own_port);
    left.into_iter().flatten().chain(own).collect()
}

/// Whether the kernel holds it for something of its own, such as a tunnel, and not as what is
/// left of a connection.
fn is_own(socket: &&Socket) -> bool {
    socket.ownership.reason.is_some()
}

/// A port that no process holds and that is not given back by waiting.
fn own_port(socket: &Socket) -> WhyFinding {
    let text = format!("{} is held by {}", address::local(socket), words::holders(socket));
    let told = &socket.ownership;
    let what = match told.detail.as_deref() {
        Some("fou") => "end the encapsulation",
        Some("l2tp") => "delete the tunnel",
        Some("mptcp_endpoint") => "delete the endpoint",
        _ => "delete the device",
    };
    let command = told.freed_by.iter();
    let remedies =
        command.map(|argv| Remedy { text: what.to_owned(), argv: argv.to_vec() }).collect();
    finding(WhyKind::KernelSocket, text, &[socket], remedies)
}

fn time_wait(scene: &Scene<'_>, in_way: &InWay<'_>) -> Option<WhyFinding> {
    let sockets = &in_way.time_wait;
    let count = counted(sockets.len(), "closed connection is", "closed connections are");
    let left = sockets
        .iter()
        .filter_map(|socket| socket.timer.filter(|timer| timer.kind == TimerKind::TimeWait))
        .map(|timer| Duration::from_millis(timer.expires_ms.into()))
        .max();
    let left =
        left.map_or(String::new(), |left| format!(", the last for {} more", units::duration(left)));
    let text = format!("{count} in TIME_WAIT on the port{left}{}", passed_over(scene));
    (!sockets.is_empty())
        .then(|| finding(WhyKind::TimeWait, text, sockets, remedies(scene, in_way, sockets)))
}

fn connected(scene: &Scene<'_>, in_way: &InWay<'_>) -> Option<WhyFinding> {
    let sockets = &in_way.connected;
    let count = counted(sockets.len(), "connection has", "connections have");
    let mut holders: Vec<String> = sockets.iter().map(|socket| words::holders(socket)).collect();
    holders.sort();
    holders.dedup();
    if holders.len() > MOST {
        let rest = holders.split_off(MOST).len();
        holders.push(format!("{rest} more"));
    }
    let holders = words::list(&holders);
    let ended = if sockets.iter().all(|socket| !may_end_by_itself(socket)) {
        ", ended by one side and kept open by its program"
    } else {
        ""
    };
    let text = format!("{count} it as local port: {holders}{ended}{}", passed_over(scene));
    (!sockets.is_empty())
        .then(|| finding(WhyKind::ConnectedLocal, text, sockets, remedies(scene, in_way, sockets)))
}

fn kernel(scene: &Scene<'_>, in_way: &InWay<'_>) -> Option<WhyFinding> {
    let sockets: Vec<&Socket> =
        in_way.kernel.iter().copied().filter(|socket| !is_own(socket)).collect();
    let sockets = &sockets;
    let count = counted(sockets.len(), "connection", "connections");
    let states: BTreeSet<&str> = sockets.iter().map(|socket| socket.state.name()).collect();
    let why: BTreeSet<&str> = sockets
        .iter()
        .filter_map(|socket| socket.ownership.detail.as_deref())
        .map(|detail| match detail {
            "accept_queue" => "waiting to be accepted",
            "half_open" => "half open",
            "orphan" => "which the kernel finishes",
            other => other,
        })
        .collect();
    let both: Vec<&str> = states.into_iter().chain(why).collect();
    let text = format!("{count} on the port without a process: {}", both.join(", "));
    (!sockets.is_empty())
        .then(|| finding(WhyKind::KernelSocket, text, sockets, remedies(scene, in_way, sockets)))
}

/// To wait; or to close them, where that would help: not while somebody else holds the port,
/// nor over UDP, where the kernel leaves a closed socket its port.
fn remedies(scene: &Scene<'_>, in_way: &InWay<'_>, sockets: &[&Socket]) -> Vec<Remedy> {
    if in_way.holders().next().is_some() {
        return Vec::new();
    }
    // Not while one stays for as long as its program likes.
    let passes = in_way.all().all(may_end_by_itself);
    let mut remedies: Vec<Remedy> = passes.then(|| wait_until_free(scene)).into_iter().collect();
    if scene.target.udp {
        return remedies;
    }
    let states: BTreeSet<String> = sockets
        .iter()
        .flat_map(|socket| [Some(socket.state), soon(socket.state)])
        .flatten()
        .map(|state| state.name().to_ascii_lowercase())
        .collect();
    let states: Vec<String> = states.into_iter().collect();
    let mut argv = vec![
        "sockpit".to_owned(),
        "close".to_owned(),
        "proto:tcp".to_owned(),
        format!("lport:{}", scene.target.port),
        format!("state:{}", states.join(",")),
    ];
    // Connections of other addresses are not meant.
    let addr = scene.target.addr.map(|addr| addr.to_canonical());
    if let Some(addr) = addr.filter(|addr| !addr.is_unspecified()) {
        argv.push(format!("laddr:{addr}"));
    }
    let text = if sockets.len() == 1 { "close it" } else { "close them" };
    remedies.push(Remedy { text: text.to_owned(), argv });
    remedies
}

/// Whether a socket goes by waiting: a connection that has ended and whose program keeps its
/// descriptor stays for as long as that, and one that nobody accepts as long as the listener.
fn may_end_by_itself(socket: &Socket) -> bool {
    let is_kept = socket.ownership.kind != OwnershipKind::Kernel;
    match socket.state {
        State::FinWait1 | State::FinWait2 | State::CloseWait => !is_kept,
        _ => socket.ownership.detail.as_deref() != Some("accept_queue"),
    }
}

/// The state that a connection has a round trip later, before anyone can type a command.
fn soon(state: State) -> Option<State> {
    (state == State::FinWait1).then_some(State::FinWait2)
}

/// Said only where a trial showed it: it takes SO_REUSEADDR on both sides.
fn passed_over(scene: &Scene<'_>) -> &'static str {
    if scene.would_get(|trial| trial.reuse_addr) {
        "; a bind with SO_REUSEADDR passes over it"
    } else {
        ""
    }
}
