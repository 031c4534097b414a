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
        consequence(scene, group),
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

fn consequence(scene: &Scene<'_>, group: &[&Forward]) -> String {
    let all = |from| group.iter().any(|it| it.from == from && it.conditions.is_empty());
    let listener = match (all(ForwardFrom::Outside), all(ForwardFrom::ThisHost)) {
        (true, true) => "is not reached",
        (true, false) => "is reached from this host alone",
        (false, true) => "is not reached from this host",
        (false, false) => return "those do not reach a listener here".to_owned(),
    };
    format!("a listener here {listener}{}", family(scene, group))
}

/// Which packets the rules see, where a bind of every address is asked about.
fn family(scene: &Scene<'_>, group: &[&Forward]) -> &'static str {
    let takes_both = scene.target.addr.is_none_or(|addr| addr.is_ipv6() && addr.is_unspecified());
    let only = |family| takes_both && group.iter().all(|forward| forward.rule.family == family);
    match (only("ip"), only("ip6")) {
        (true, _) => " over IPv4",
        (_, true) => " over IPv6",
        _ => "",
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
