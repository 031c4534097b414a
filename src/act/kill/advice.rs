//! A plan in words: what to weigh, and what would be done.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::Facts;
use super::words::{about, counted, describe_socket, describe_victim, list, target_name, who};
use crate::model::action::{BlastRadius, KillPlan, KillTarget, Victim};
use crate::model::forwarder::{Forwarder, ForwarderKind};
use crate::model::keeper::{self, Deafness};
use crate::model::owner::OwnershipKind;
use crate::model::signal::Signal;
use crate::model::socket::{Protocol, Socket};
use crate::model::why::Reuse;
use crate::sys::process::signal_number;
use crate::text::{forwarder as forwarding, keeper as keeping, shell};

/// What the user should weigh before agreeing, the gravest first.
pub(super) fn warnings(plan: &KillPlan, holders: &[&Socket], facts: &Facts) -> Vec<String> {
    let mut warnings = Vec::new();
    warnings.extend(sharing(plan, holders, facts));
    warnings.extend(plan.victims.iter().filter_map(|victim| {
        let reason = victim.protected.as_ref()?;
        let who = who(&victim.name, victim.key.pid);
        Some(format!("{who} is protected: {reason}. It needs a confirmation of its own."))
    }));
    warnings.extend(plan.spared.iter().map(|spared| {
        format!("{} is left alone: {}.", who(&spared.name, spared.pid), spared.reason)
    }));
    warnings.extend(plan.unattributed.iter().map(unattributed));
    warnings.extend(covered(plan));
    if !plan.victims.is_empty() && holders.iter().any(|s| s.owners_complete == Some(false)) {
        let name = target_name(&plan.target);
        warnings.push(format!("Processes that cannot be seen from here may hold {name}, too."));
    }
    warnings.extend(forwards(plan));
    let keepers = keeping::clauses(&plan.keepers);
    warnings.extend(keepers.into_iter().map(|(_, clause)| format!("{clause}.")));
    warnings.extend(losses(&plan.blast_radius, facts));
    warnings.extend(stopped(plan, facts));
    warnings.extend(deaf(plan, facts));
    warnings
}

/// Who only holds the port for something else, which is where to turn. Those that lead to the same
/// place, as docker's do for each family, are told of once.
fn forwards(plan: &KillPlan) -> Vec<String> {
    let mut told: Vec<&Forwarder> = Vec::new();
    for forwarder in &plan.forwarders {
        let is_same = |known: &&Forwarder| {
            forwarder.kind == ForwarderKind::DockerProxy
                && known.behind == forwarder.behind
                && forwarder.behind.container.is_some()
        };
        if !told.iter().any(is_same) {
            told.push(forwarder);
        }
    }
    told.into_iter().map(|forwarder| forward(forwarder, plan)).collect()
}

fn forward(forwarder: &Forwarder, plan: &KillPlan) -> String {
    let mut line = forwarding::sentence(forwarder);
    let is_victim = |victim: &Victim| victim.key.pid == forwarder.pid;
    let is_said = plan.victims.iter().any(|it| is_victim(it) && it.protected.is_some());
    if !is_said {
        let _ = write!(line, "; were it ended, {}", forwarding::ending(forwarder));
    }
    let is_dockers = matches!(
        forwarder.kind,
        ForwarderKind::DockerProxy | ForwarderKind::Dockerd | ForwarderKind::Rootlesskit
    );
    match (&forwarder.stop, &plan.target) {
        // Where it is a victim its keepers tell of the command.
        (Some(stop), _) if !plan.victims.iter().any(is_victim) => {
            let _ = write!(line, "; this would stop it: {}", shell::line(stop));
        }
        (None, KillTarget::Port { port, udp, .. })
            if is_dockers && forwarder.behind.container.is_none() =>
        {
            let filter = crate::inspect::keepers::published(*port, *udp);
            let _ = write!(line, "; find the container to stop: docker ps --filter {filter}");
        }
        _ => {}
    }
    line + "."
}

/// Who will not heed the first signal, and why.
fn deaf(plan: &KillPlan, facts: &Facts) -> Vec<String> {
    let tell = |victim: &Victim| {
        let signal = *victim.signals.first().filter(|signal| **signal != Signal::Kill)?;
        let subject = &facts.subjects.iter().find(|(pid, _)| *pid == victim.key.pid)?.1;
        let who = who(&victim.name, victim.key.pid);
        let why = match subject.standing.is_deaf_to(signal_number(signal))? {
            Deafness::Ignores => format!("{who} ignores {signal}"),
            Deafness::InitWithoutHandler => format!(
                "{who} is pid 1 of its PID namespace and has no handler for {signal}, which the \
                 kernel does not deliver then"
            ),
        };
        Some(format!("{why}: of the signals only KILL will end it (--force)."))
    };
    plan.victims.iter().filter_map(tell).collect()
}

/// Names those who share one socket, and the sockets that share one address.
fn sharing(plan: &KillPlan, holders: &[&Socket], facts: &Facts) -> Vec<String> {
    let mut warnings = Vec::new();
    for socket in holders {
        let pids: BTreeSet<u32> = socket.owners.iter().map(|owner| owner.process.pid).collect();
        if pids.len() > 1 {
            let sharers = plan.victims.iter().filter(|victim| pids.contains(&victim.key.pid));
            let names = list(sharers.map(|victim| who(&victim.name, victim.key.pid)));
            let end = describe_socket(socket);
            warnings.push(format!("{names} hold the same socket {end} (a fork, or passed on)."));
        }
    }
    let mut seen = BTreeSet::new();
    for socket in holders {
        let same = |other: &&&Socket| other.local == socket.local;
        let group: Vec<&Socket> = holders.iter().filter(same).copied().collect();
        if group.len() > 1 && seen.insert(&socket.local) {
            let owners = group.iter().flat_map(|socket| &socket.owners);
            let pids: BTreeSet<(u32, &str)> =
                owners.map(|owner| (owner.process.pid, &*owner.process.name)).collect();
            let names = list(pids.into_iter().map(|(pid, name)| who(name, pid)));
            let (count, end) = (group.len(), describe_socket(socket));
            let option = shared_by(&group, facts);
            warnings.push(format!("{count} sockets share {end} ({option}): {names}."));
        }
    }
    warnings
}

/// The option by which sockets have one address together.
fn shared_by(group: &[&Socket], facts: &Facts) -> &'static str {
    if group.iter().any(|socket| socket.protocol != Protocol::Udp) {
        return "SO_REUSEPORT";
    }
    let Reuse { reuse_addr, reuse_port } = facts.reuse.of(group);
    match (reuse_addr, reuse_port) {
        (_, Some(true)) => "SO_REUSEPORT",
        (Some(true), _) => "SO_REUSEADDR",
        _ => "SO_REUSEADDR or SO_REUSEPORT",
    }
}

/// Who keeps the target's address from being free, though nothing is done to them.
fn covered(plan: &KillPlan) -> Option<String> {
    let holder = |socket: &Socket| match socket.owners.first() {
        Some(owner) => {
            let who = who(&owner.process.name, owner.process.pid);
            format!("{} of {who}", describe_socket(socket))
        }
        None => describe_socket(socket),
    };
    let name = target_name(&plan.target);
    let others = list(plan.covering.iter().map(holder));
    let is_any = !plan.covering.is_empty() && !plan.victims.is_empty();
    is_any.then(|| format!("{name} will not be free for a bind: {others} covers it, and stays."))
}

fn unattributed(socket: &Socket) -> String {
    let end = describe_socket(socket);
    let why = socket.ownership.reason.as_deref();
    match socket.ownership.kind {
        OwnershipKind::Hidden => {
            format!("{end} is held by a process that cannot be seen: {}", sentence(why))
        }
        OwnershipKind::Kernel => format!("{end} is held by the kernel, not by a process."),
        _ => format!("{end} is held, but by which process is not known: {}", sentence(why)),
    }
}

fn sentence(why: Option<&str>) -> String {
    let why = why.unwrap_or("no reason was given");
    format!("{}.", why.trim_end_matches('.'))
}

/// A stopped process takes no signal but KILL before it is continued.
fn stopped(plan: &KillPlan, facts: &Facts) -> Vec<String> {
    let is_stopped = |victim: &&Victim| {
        let node = facts.tree.get(victim.key.pid);
        node.is_some_and(|node| node.key == victim.key && node.stopped)
    };
    let tell = |victim: &Victim| {
        let (who, pid) = (who(&victim.name, victim.key.pid), victim.key.pid);
        format!("{who} is stopped and will heed no signal but KILL until: kill -CONT {pid}")
    };
    plan.victims.iter().filter(is_stopped).map(tell).collect()
}

fn losses(radius: &BlastRadius, facts: &Facts) -> Vec<String> {
    let mut lost = Vec::new();
    if !radius.other_listeners.is_empty() {
        let sockets = list(radius.other_listeners.iter().map(|socket| {
            let is_here = facts.netns.is_none() || socket.netns.is_none();
            let elsewhere = !is_here && socket.netns != facts.netns;
            let place = if elsewhere { " in another network namespace" } else { "" };
            format!("{}{place}", describe_socket(socket))
        }));
        let count = radius.other_listeners.len() as u64;
        let kind = counted(count, "other serving socket", "other serving sockets");
        lost.push(format!("Also lost: {kind}: {sockets}."));
    }
    if radius.connections > 0 {
        let count = counted(radius.connections, "open connection", "open connections");
        lost.push(format!("Also lost: {count}."));
    }
    if !radius.children.is_empty() {
        let pids = list(radius.children.iter().map(ToString::to_string));
        let count = counted(radius.children.len() as u64, "child", "children");
        lost.push(format!("Left behind: {count}: {pids}."));
    }
    lost
}

/// What would be done, a sentence a step.
pub(super) fn steps(plan: &KillPlan) -> Vec<String> {
    if plan.victims.is_empty() {
        return Vec::new();
    }
    let mut steps: Vec<String> = Vec::new();
    for victim in &plan.victims {
        let first = victim.signals.first();
        let Some(signal) = first else {
            steps.push("Send nothing: KILL is not allowed without force.".to_owned());
            return steps;
        };
        let about = about(victim).map_or(String::new(), |about| format!(" ({about})"));
        steps.push(format!("Send {signal}: {}{about}.", describe_victim(victim)));
    }
    let seconds = plan.timeout_ms as f64 / 1000.0;
    let count = counted(plan.victims.len() as u64, "process", "processes");
    steps.push(format!("Wait up to {seconds} s for {count} to end."));
    if plan.victims.iter().any(|victim| victim.signals.len() > 1) {
        steps.push(format!("Send KILL to what is left, and wait up to {seconds} s again."));
    }
    if !matches!(plan.target, KillTarget::Pid { .. }) {
        let name = target_name(&plan.target);
        let seconds = plan.watch_ms as f64 / 1000.0;
        let restarter = plan.keepers.iter().find(|keeper| keeper.may_restart());
        let later = keeper::later(&plan.keepers, plan.watch_ms).and_then(|keeper| keeper.delay_ms);
        steps.push(match (restarter, later) {
            (_, None) if matches!(plan.target, KillTarget::Path { .. }) => {
                format!("Watch {name} for {seconds} s, and look whether its file is left.")
            }
            (None, _) => {
                let why = keeping::lives_on(&plan.parents);
                let why = why.map_or(String::new(), |why| format!(", since {why}"));
                format!(
                    "Watch {name} for {seconds} s{why}, then prove by one bind that it is free."
                )
            }
            (Some(keeper), None) => format!(
                "Watch {name} for {seconds} s, and on while it is being started again; no trial \
                 bind, since {} may be about to restart what it runs.",
                keeper.name
            ),
            (Some(keeper), Some(delay)) => format!(
                "Watch {name} for {seconds} s; {} brings it back after about {} s, which --watch \
                 waits for.",
                keeper.name,
                delay as f64 / 1000.0
            ),
        });
    }
    steps
}
