//! Rules that send packets for the port elsewhere.

use std::net::SocketAddr;

use super::super::Scene;
use super::{finding, remedy};
use crate::inspect::supervisor;
use crate::inspect::words::list;
use crate::model::why::{Forward, ForwardFrom, Remedy, WhyFinding, WhyKind};

/// More rules than this are not described one by one.
const MOST: usize = 4;

/// One finding for each new destination.
pub(super) fn findings(scene: &Scene<'_>) -> Vec<WhyFinding> {
    let mut groups: Vec<Vec<&Forward>> = Vec::new();
    for forward in scene.forwards {
        let same = groups.iter_mut().find(|group| destination(group[0]) == destination(forward));
        match same {
            Some(group) => group.push(forward),
            None => groups.push(vec![forward]),
        }
    }
    groups.into_iter().map(|group| forwarded(scene, &group)).collect()
}

fn forwarded(scene: &Scene<'_>, group: &[&Forward]) -> WhyFinding {
    let mut ways: Vec<String> = group.iter().map(|forward| way(forward)).collect();
    ways.dedup();
    if ways.len() > MOST {
        let rest = ways.split_off(MOST).len();
        ways.push(format!("by {rest} more rules"));
    }
    let protocol = if scene.target.udp { "udp" } else { "tcp" };
    let text = format!(
        "packets to {}/{protocol} {} go to {}: {}",
        scene.target.port,
        list(&ways),
        destination(group[0]),
        consequence(group),
    );
    let mut remedies = Vec::new();
    for forward in group {
        let new = look(scene, forward);
        if !remedies.contains(&new) && remedies.len() < MOST {
            remedies.push(new);
        }
    }
    let forwards = group.iter().map(|forward| (*forward).clone()).collect();
    WhyFinding { forwards, ..finding(WhyKind::NatForward, text, &[], remedies) }
}

/// Where to: `172.17.0.2:80`, `port 9000 of this host`.
fn destination(forward: &Forward) -> String {
    match (forward.to_this_host, forward.addr, forward.port) {
        (true, _, Some(port)) => format!("port {port} of this host"),
        (true, _, None) => "another port of this host".to_owned(),
        (false, Some(addr), Some(port)) => SocketAddr::new(addr, port).to_string(),
        (false, Some(addr), None) => addr.to_string(),
        (false, None, Some(port)) => format!("port {port} of another address"),
        (false, None, None) => "another address".to_owned(),
    }
}

/// Whose packets, and by which rule.
fn way(forward: &Forward) -> String {
    let from = match forward.from {
        ForwardFrom::Outside => "from outside",
        ForwardFrom::ThisHost => "from this host",
    };
    let rule = &forward.rule;
    let number = if rule.program == "nftables" { "handle" } else { "rule" };
    let conditions: String =
        forward.conditions.iter().map(|condition| format!("; {condition}")).collect();
    format!(
        "{from} ({} table {} {}, chain {}, {number} {}{conditions})",
        rule.program, rule.family, rule.table, rule.chain, rule.handle
    )
}

fn consequence(group: &[&Forward]) -> &'static str {
    let all = |from| group.iter().any(|it| it.from == from && it.conditions.is_empty());
    match (all(ForwardFrom::Outside), all(ForwardFrom::ThisHost)) {
        (true, true) => "a listener here is not reached",
        (true, false) => "a listener here is reached from this host alone",
        (false, true) => "a listener here is not reached from this host",
        (false, false) => "those do not reach a listener here",
    }
}

/// How to see the rule, or who made it where its name says so.
fn look(scene: &Scene<'_>, forward: &Forward) -> Remedy {
    let rule = &forward.rule;
    if rule.chain == "DOCKER" {
        let filter = supervisor::published(scene.target.port, scene.target.udp);
        return remedy("find the container to stop", &["docker", "ps", "--filter", &filter]);
    }
    let text = "show the rule (as root)";
    if rule.program == "nftables" {
        let argv = ["nft", "-a", "list", "chain", &rule.family, &rule.table, &rule.chain];
        return remedy(text, &argv);
    }
    let program = if rule.family == "ip6" { "ip6tables-legacy" } else { "iptables-legacy" };
    remedy(text, &[program, "-t", &rule.table, "-S", &rule.chain])
}
