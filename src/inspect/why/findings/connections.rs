//! Connections that have the port as their own, and what is left of ended ones.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::Scene;
use super::{InWay, finding, wait_until_free};
use crate::inspect::words::{self, counted};
use crate::model::socket::{Socket, TimerKind};
use crate::model::why::{WhyFinding, WhyKind};
use crate::text::units;

/// More holders than this are not named.
const MOST: usize = 3;

pub(super) fn findings(scene: &Scene<'_>, in_way: &InWay<'_>) -> Vec<WhyFinding> {
    let found = [
        time_wait(scene, &in_way.time_wait),
        connected(scene, &in_way.connected),
        kernel(scene, &in_way.kernel),
    ];
    found.into_iter().flatten().collect()
}

fn time_wait(scene: &Scene<'_>, sockets: &[&Socket]) -> Option<WhyFinding> {
    let count = counted(sockets.len(), "closed connection is", "closed connections are");
    let left = sockets
        .iter()
        .filter_map(|socket| socket.timer.filter(|timer| timer.kind == TimerKind::TimeWait))
        .map(|timer| Duration::from_millis(timer.expires_ms.into()))
        .max();
    let left =
        left.map_or(String::new(), |left| format!(", the last for {} more", units::duration(left)));
    let text = format!("{count} in TIME_WAIT on the port{left}{}", passed_over(scene));
    let wait = wait_until_free(scene);
    (!sockets.is_empty()).then(|| finding(WhyKind::TimeWait, text, sockets, vec![wait]))
}

fn connected(scene: &Scene<'_>, sockets: &[&Socket]) -> Option<WhyFinding> {
    let count = counted(sockets.len(), "connection has", "connections have");
    let mut holders: Vec<String> = sockets.iter().map(|socket| words::holders(socket)).collect();
    holders.sort();
    holders.dedup();
    if holders.len() > MOST {
        let rest = holders.split_off(MOST).len();
        holders.push(format!("{rest} more"));
    }
    let holders = words::list(&holders);
    let text = format!("{count} it as local port: {holders}{}", passed_over(scene));
    let wait = wait_until_free(scene);
    (!sockets.is_empty()).then(|| finding(WhyKind::ConnectedLocal, text, sockets, vec![wait]))
}

fn kernel(scene: &Scene<'_>, sockets: &[&Socket]) -> Option<WhyFinding> {
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
    let wait = wait_until_free(scene);
    (!sockets.is_empty()).then(|| finding(WhyKind::KernelSocket, text, sockets, vec![wait]))
}

/// Said only where a trial showed it: it takes SO_REUSEADDR on both sides.
fn passed_over(scene: &Scene<'_>) -> &'static str {
    if scene.would_get(|trial| trial.reuse_addr) {
        "; a bind with SO_REUSEADDR passes over it"
    } else {
        ""
    }
}
