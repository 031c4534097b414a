//! From a listing to a plan: who is a victim, who is not, and what else is lost.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::guard;
use super::{Facts, Options, advice};
use crate::inspect::supervisor;
use crate::model::action::{BlastRadius, KillPlan, KillTarget, Spared, Supervisor, Victim};
use crate::model::owner::{Process, ProcessKey};
use crate::model::signal::Signal;
use crate::model::socket::{Family, Protocol, Socket, State};
use crate::model::tree::ProcessNode;

/// Plans the end of whoever holds `target`. Pure: `sockets` is a listing with owners, best of
/// all namespaces' sockets that sockpit knows, since they tell what else would be lost.
///
/// A plan without victims is an answer, too: see [`super::obstacle`].
pub fn plan(target: &KillTarget, sockets: &[Socket], facts: &Facts, options: &Options) -> KillPlan {
    let holders: Vec<&Socket> =
        sockets.iter().filter(|socket| holds_target(target, socket, facts.netns)).collect();
    let mut draft = Draft { facts, options, victims: Vec::new(), spared: Vec::new() };
    match target {
        KillTarget::Port { .. } => draft.add_owners(&holders),
        KillTarget::Pid { pid } => draft.add_pid(*pid, sockets),
    }
    if options.tree {
        draft.add_descendants();
    }
    let Draft { victims, spared, .. } = draft;
    let mut plan = KillPlan {
        target: target.clone(),
        unattributed: holders.iter().filter(|socket| socket.owners.is_empty()).map(own).collect(),
        covering: sockets
            .iter()
            .filter(|socket| covers_target(target, socket, facts.netns))
            .map(|socket| own(&socket))
            .collect(),
        blast_radius: blast_radius(&victims, sockets, &holders, facts),
        supervisors: supervisors(&victims, sockets, facts),
        timeout_ms: options.timeout.as_millis().try_into().unwrap_or(u64::MAX),
        protected: victims.iter().any(|victim| victim.protected.is_some()),
        steps: Vec::new(),
        warnings: Vec::new(),
        victims,
        spared,
    };
    plan.warnings = advice::warnings(&plan, &holders, facts);
    plan.steps = advice::steps(&plan);
    plan
}

/// The same plan with another first signal; with `force` KILL may be it, or follow it.
#[must_use]
pub fn choose(mut plan: KillPlan, signal: Signal, force: bool) -> KillPlan {
    let signals = signals(&Options { signal, force, ..Options::default() });
    plan.victims.iter_mut().for_each(|victim| victim.signals.clone_from(&signals));
    plan.steps = advice::steps(&plan);
    plan
}

/// Whether a socket holds the target's port for serving: LISTEN or BOUND over TCP, any state
/// over UDP, in sockpit's own namespace, and bound to exactly the address that narrows it.
/// A connection never does.
pub fn holds_target(target: &KillTarget, socket: &Socket, netns: Option<u64>) -> bool {
    let KillTarget::Port { port, udp, addr } = target else {
        return false;
    };
    let here = netns.is_none() || socket.netns.is_none() || socket.netns == netns;
    let role = match socket.protocol {
        Protocol::Tcp | Protocol::Mptcp => {
            !udp && matches!(socket.state, State::Listen | State::Bound)
        }
        Protocol::Udp => *udp,
        _ => false,
    };
    let there = addr.is_none_or(|addr| socket.local.canonical_addr() == Some(addr.to_canonical()));
    here && role && there && socket.local.port == Some(*port)
}

/// Whether a socket leaves no room at the target's address though it is bound to another one:
/// it has the wildcard address, or the target has.
pub(super) fn covers_target(target: &KillTarget, socket: &Socket, netns: Option<u64>) -> bool {
    let KillTarget::Port { port, udp, addr: Some(addr) } = *target else {
        return false;
    };
    let addr = addr.to_canonical();
    let family_fits = match socket.local.canonical_addr() {
        Some(IpAddr::V4(_)) => addr.is_ipv4(),
        Some(IpAddr::V6(_)) => addr.is_ipv6() || socket.is_dual_stack(),
        None => false,
    };
    let overlaps = socket.local.is_wildcard() || addr.is_unspecified();
    let everywhere = KillTarget::Port { port, udp, addr: None };
    family_fits
        && overlaps
        && holds_target(&everywhere, socket, netns)
        && !holds_target(target, socket, netns)
}

fn own(socket: &&Socket) -> Socket {
    (*socket).clone()
}

/// Victims and spared, while they are collected.
struct Draft<'a> {
    facts: &'a Facts,
    options: &'a Options,
    victims: Vec<Victim>,
    spared: Vec<Spared>,
}

impl Draft<'_> {
    fn add_owners(&mut self, holders: &[&Socket]) {
        for socket in holders {
            for owner in &socket.owners {
                self.add(owner.process.key(), &owner.process.name, Some(socket), None);
            }
        }
    }

    fn add_pid(&mut self, pid: u32, sockets: &[Socket]) {
        if let Some(node) = self.facts.tree.get(pid) {
            self.add(node.key, &node.name, None, None);
        } else if let Some(process) = process_in(sockets, pid) {
            self.add(process.key(), &process.name, None, None);
        }
    }

    fn add_descendants(&mut self) {
        let heads: Vec<u32> = self.victims.iter().map(|victim| victim.key.pid).collect();
        for head in heads {
            for node in self.facts.tree.descendants(head) {
                self.add(node.key, &node.name, None, Some(head));
            }
        }
    }

    fn add(&mut self, key: ProcessKey, name: &str, socket: Option<&Socket>, child_of: Option<u32>) {
        if self.facts.tree.get(key.pid).is_some_and(|node| node.kernel_thread) {
            return self.spare(key.pid, name, "it is a kernel thread");
        }
        let known = self.victims.iter().position(|victim| victim.key == key);
        let index = known.unwrap_or_else(|| {
            self.victims.push(Victim {
                key,
                name: name.to_owned(),
                holds: Vec::new(),
                signals: signals(self.options),
                protected: self.protection(key.pid),
                child_of,
            });
            self.victims.len() - 1
        });
        let holds = &mut self.victims[index].holds;
        // Several descriptors of one process may refer to one socket.
        holds.extend(socket.filter(|socket| !holds.contains(socket)).cloned());
    }

    fn protection(&self, pid: u32) -> Option<String> {
        let reason = guard::process(pid, self.facts.own_pid, &self.facts.tree)?;
        Some(reason.to_owned())
    }

    fn spare(&mut self, pid: u32, name: &str, reason: &str) {
        if self.spared.iter().all(|spared| spared.pid != pid) {
            self.spared.push(Spared { pid, name: name.to_owned(), reason: reason.to_owned() });
        }
    }
}

/// KILL is in it only by force, whatever was asked for.
fn signals(options: &Options) -> Vec<Signal> {
    let mut signals = vec![options.signal];
    if options.signal != Signal::Kill {
        signals.push(Signal::Kill);
    }
    signals.retain(|signal| options.force || *signal != Signal::Kill);
    signals
}

fn process_in(sockets: &[Socket], pid: u32) -> Option<&Process> {
    let mut owners = sockets.iter().flat_map(|socket| &socket.owners);
    owners.find(|owner| owner.process.pid == pid).map(|owner| &*owner.process)
}

/// What only the victims hold, and their children.
fn blast_radius(
    victims: &[Victim],
    sockets: &[Socket],
    holders: &[&Socket],
    facts: &Facts,
) -> BlastRadius {
    let pids: BTreeSet<u32> = victims.iter().map(|victim| victim.key.pid).collect();
    let lost: Vec<&Socket> = sockets
        .iter()
        .filter(|socket| !socket.owners.is_empty())
        .filter(|socket| socket.owners.iter().all(|owner| pids.contains(&owner.process.pid)))
        .filter(|socket| !holders.contains(socket))
        .collect();
    let children = |pid: &u32| facts.tree.children(*pid).collect::<Vec<&ProcessNode>>();
    BlastRadius {
        other_listeners: lost.iter().filter(|socket| is_serving(socket)).map(own).collect(),
        connections: lost.iter().filter(|socket| is_connection(socket)).count() as u64,
        children: pids
            .iter()
            .flat_map(children)
            .map(|child| child.key.pid)
            .filter(|pid| !pids.contains(pid))
            .collect(),
    }
}

fn is_serving(socket: &Socket) -> bool {
    matches!(socket.state, State::Listen | State::Bound)
        || (socket.protocol == Protocol::Udp && socket.state == State::Unconnected)
}

fn is_connection(socket: &Socket) -> bool {
    matches!(socket.family, Family::Ipv4 | Family::Ipv6)
        && socket.remote.is_some()
        && !is_serving(socket)
}

fn supervisors(victims: &[Victim], sockets: &[Socket], facts: &Facts) -> Vec<Supervisor> {
    let shared = |process: &&Process| {
        (process.container.is_some() && process.container == facts.container)
            || (process.container.is_none() && process.unit.is_some() && process.unit == facts.unit)
    };
    let processes = victims.iter().filter_map(|victim| process_in(sockets, victim.key.pid));
    let mut found: Vec<Supervisor> =
        processes.filter(|process| !shared(process)).filter_map(supervisor::supervisor).collect();
    for supervisor in &mut found {
        let word = facts.words.iter().find(|(pid, _)| *pid == supervisor.pid);
        supervisor.word = word.map(|(_, word)| word.clone());
    }
    let is_victim = |pid: u32| victims.iter().any(|victim| victim.key.pid == pid);
    let parents = facts.parents.iter().filter(|(_, parent)| !is_victim(parent.pid));
    found.extend(parents.filter_map(|(pid, parent)| supervisor::of_parent(*pid, parent)));
    found
}

/// The processes of a plan that something seems to supervise.
pub(super) fn supervised<'a>(
    plan: &'a KillPlan,
    sockets: &'a [Socket],
) -> impl Iterator<Item = &'a Process> {
    plan.supervisors.iter().filter_map(|supervisor| process_in(sockets, supervisor.pid))
}

#[cfg(test)]
mod tests;
