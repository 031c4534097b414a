//! Rules that send packets for the port elsewhere, and processes that pass it on.

use super::super::Scene;
use super::{InWay, finding, remedy};
use crate::inspect::forwarders::Forwarders;
use crate::inspect::keepers;
use crate::inspect::words::list;
use crate::model::forwarder::{Behind, ContainerBehind, Forwarder, ForwarderKind};
use crate::model::keeper::{Keeper, KeeperKind};
use crate::model::socket::Socket;
use crate::model::why::{Forward, ForwardFrom, Remedy, WhyFinding, WhyKind};
use crate::text::{forwarder as words, keeper as keeping};

/// More rules than this are not described one by one.
const MOST: usize = 4;

/// What the holders of the port only pass on: one finding for all that lead to the same place.
pub(super) fn forwarders(scene: &Scene<'_>, in_way: &InWay<'_>) -> Vec<WhyFinding> {
    let holds = |pid: u32| {
        move |socket: &&Socket| socket.owners.iter().any(|owner| owner.process.pid == pid)
    };
    let mut found: Vec<(&Behind, WhyFinding)> = Vec::new();
    for forwarder in scene.forwarders {
        let mut sockets: Vec<&Socket> = in_way.holders().filter(holds(forwarder.pid)).collect();
        if sockets.is_empty() {
            // One that only its arguments tell of.
            sockets.extend(in_way.holders().filter(|socket| socket.owners.is_empty()));
        }
        if sockets.is_empty() {
            continue;
        }
        // docker has a process for each family.
        let same = found.iter_mut().find(|(behind, _)| {
            forwarder.kind == ForwarderKind::DockerProxy
                && behind.container.is_some()
                && **behind == forwarder.behind
        });
        match same {
            Some((_, finding)) => finding.sockets.extend(sockets.into_iter().cloned()),
            None => found.push((&forwarder.behind, passed_on(scene, forwarder, &sockets))),
        }
    }
    found.into_iter().map(|(_, finding)| finding).collect()
}

fn passed_on(scene: &Scene<'_>, forwarder: &Forwarder, sockets: &[&Socket]) -> WhyFinding {
    let text =
        format!("{}; were it ended, {}", words::sentence(forwarder), words::ending(forwarder));
    finding(WhyKind::Forwarder, text, sockets, turn_to(scene, forwarder))
}

/// What ends what is behind a forwarder, in place of the forwarder.
fn turn_to(scene: &Scene<'_>, forwarder: &Forwarder) -> Vec<Remedy> {
    let container = forwarder.behind.container.as_ref();
    let is_dockers = matches!(
        forwarder.kind,
        ForwarderKind::DockerProxy | ForwarderKind::Dockerd | ForwarderKind::Rootlesskit
    );
    match container {
        Some(container) => stop(scene, container, forwarder.stop.as_ref()).into_iter().collect(),
        None if is_dockers => vec![find_container(scene)],
        None => Vec::new(),
    }
}

/// What stops a container: as its keeper was asked, and nothing where that costs more than the port;
/// where it could not be asked, the command as far as it can be told.
fn stop(
    scene: &Scene<'_>,
    container: &ContainerBehind,
    told: Option<&Vec<String>>,
) -> Option<Remedy> {
    let is_it = |keeper: &&Keeper| {
        keeper.kind == KeeperKind::Container && keeper.instance.as_deref() == Some(&container.id)
    };
    let keeper = scene.keepers.iter().find(is_it).filter(|keeper| keeper.command().is_some());
    let argv = match keeper {
        Some(keeper) => keeping::narrow(std::slice::from_ref(keeper))?,
        None => told?.clone(),
    };
    Some(Remedy { text: format!("stop container {}", container.shown()), argv })
}

fn find_container(scene: &Scene<'_>) -> Remedy {
    let filter = keepers::published(scene.target.port, scene.target.udp);
    remedy("find the container to stop", &["docker", "ps", "--filter", &filter])
}

/// One finding for each new destination.
pub(super) fn findings(scene: &Scene<'_>) -> Vec<WhyFinding> {
    let mut groups: Vec<Vec<&Forward>> = Vec::new();
    for forward in scene.forwards {
        let same = groups
            .iter_mut()
            .find(|group| words::destination(group[0]) == words::destination(forward));
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
        "packets to {}/{protocol} {} go to {}{}: {}",
        scene.target.port,
        list(&ways),
        words::destination(group[0]),
        container_there(scene, group[0]),
        consequence(scene, group),
    );
    let mut remedies: Vec<Remedy> = behind(scene, group[0])
        .and_then(|behind| {
            stop(scene, behind.container.as_ref()?, Forwarders::stop(behind).as_ref())
        })
        .into_iter()
        .collect();
    for forward in group {
        let new = look(scene, forward);
        if !remedies.contains(&new) && remedies.len() < MOST {
            remedies.push(new);
        }
    }
    let forwards = group.iter().map(|forward| (*forward).clone()).collect();
    WhyFinding { forwards, ..finding(WhyKind::NatForward, text, &[], remedies) }
}

/// What is known of the container at a rule's new destination.
fn behind<'a>(scene: &Scene<'a>, forward: &Forward) -> Option<&'a Behind> {
    let addr = forward.addr.filter(|_| !forward.to_this_host)?;
    let port = forward.port.unwrap_or(scene.target.port);
    scene.behind.iter().find(|behind| behind.addr == Some(addr) && behind.port == Some(port))
}

/// `, container web (docker), where httpd 577 serves`.
fn container_there(scene: &Scene<'_>, forward: &Forward) -> String {
    let Some(behind) = behind(scene, forward) else { return String::new() };
    let there = Behind { addr: None, port: None, ..behind.clone() };
    words::behind(&there).map_or(String::new(), |there| format!(" ({there})"))
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
    if rule.chain == "DOCKER" && behind(scene, forward).is_none() {
        return find_container(scene);
    }
    let text = "show the rule (as root)";
    if rule.program == "nftables" {
        let argv = ["nft", "-a", "list", "chain", &rule.family, &rule.table, &rule.chain];
        return remedy(text, &argv);
    }
    let program = if rule.family == "ip6" { "ip6tables-legacy" } else { "iptables-legacy" };
    remedy(text, &[program, "-t", &rule.table, "-S", &rule.chain])
}
