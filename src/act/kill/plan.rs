//! From a listing to a plan: who is a victim, who is not, and what else is lost.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::guard;
use super::{Facts, Options, Subject, advice};
use crate::inspect::keepers::is_serving;
use crate::model::action::{
    BlastRadius, KillPlan, KillTarget, Parent, Spared, Supervisor, Victim, usual_watch_ms,
};
use crate::model::forwarder::Forwarder;
use crate::model::keeper::Keeper;
use crate::model::owner::{Process, ProcessKey};
use crate::model::signal::Signal;
use crate::model::socket::{Endpoint, Family, Protocol, Socket, State};
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
        KillTarget::Port { .. } | KillTarget::Path { .. } => draft.add_owners(&holders),
        KillTarget::Pid { pid } => draft.add_pid(*pid, sockets),
    }
    if options.tree {
        draft.add_descendants();
    }
    let Draft { victims, spared, .. } = draft;
    let keepers = keepers(&victims, facts);
    let parents = parents(&victims, facts);
    let watch = options.watch.map(|watch| watch.as_millis().try_into().unwrap_or(u64::MAX));
    let mut plan = KillPlan {
        target: target.clone(),
        unattributed: holders.iter().filter(|socket| socket.owners.is_empty()).map(own).collect(),
        covering: sockets
            .iter()
            .filter(|socket| covers_target(target, socket, facts.netns))
            .map(|socket| own(&socket))
            .collect(),
        blast_radius: blast_radius(&victims, sockets, &holders, facts),
        supervisors: keepers.iter().flat_map(Supervisor::of).collect(),
        watch_ms: watch.unwrap_or_else(|| usual_watch_ms(&keepers, &parents)),
        keepers,
        parents,
        // What listens at a path does so for itself.
        forwarders: match target {
            KillTarget::Path { .. } => Vec::new(),
            _ => forwarders(&victims, facts),
        },
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
    let (port, udp, addr) = match target {
        KillTarget::Port { port, udp, addr } => (port, udp, addr),
        // A path is found from every network namespace.
        KillTarget::Path { inodes, .. } => {
            let is_there = socket.inode.is_some_and(|inode| inodes.contains(&inode));
            return socket.family == Family::Unix && socket.is_server() && is_there;
        }
        KillTarget::Pid { .. } => return false,
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
                about: self.subject(key.pid).map(|it| it.about.clone()).unwrap_or_default(),
            });
            self.victims.len() - 1
        });
        let holds = &mut self.victims[index].holds;
        // Several descriptors of one process may refer to one socket.
        holds.extend(socket.filter(|socket| !holds.contains(socket)).cloned());
    }

    fn protection(&self, pid: u32) -> Option<String> {
        let Facts { own_pid, tree, .. } = self.facts;
        let reason = guard::process(pid, *own_pid, tree).map(str::to_owned);
        reason.or_else(|| guard::shared(pid, tree, self.subject(pid)?))
    }

    fn subject(&self, pid: u32) -> Option<&Subject> {
        self.facts.subjects.iter().find(|(of, _)| *of == pid).map(|(_, subject)| subject)
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
    let takes_along = |pid: u32| {
        let subject = facts.subjects.iter().find(|(of, _)| *of == pid).map(|(_, subject)| subject);
        guard::takes_children(pid, &facts.tree, subject.unwrap_or(&Subject::default()))
    };
    let children = |pid: &u32| facts.tree.children(*pid).collect::<Vec<&ProcessNode>>();
    BlastRadius {
        other_listeners: lost.iter().filter(|socket| is_serving(socket)).map(own).collect(),
        connections: connections(&lost),
        children: pids
            .iter()
            .filter(|pid| !takes_along(**pid))
            .flat_map(children)
            .map(|child| child.key.pid)
            .filter(|pid| !pids.contains(pid))
            .collect(),
    }
}

fn is_connection(socket: &Socket) -> bool {
    matches!(socket.family, Family::Ipv4 | Family::Ipv6)
        && socket.remote.is_some()
        && !is_serving(socket)
}

/// Connections of which each counts once, also when both of its ends are lost.
fn connections(lost: &[&Socket]) -> u64 {
    type Ends<'s> = (Option<u64>, Protocol, &'s Endpoint, Option<&'s Endpoint>);
    let all: Vec<&Socket> = lost.iter().copied().filter(|socket| is_connection(socket)).collect();
    let ends: BTreeSet<Ends<'_>> =
        all.iter().map(|s| (s.netns, s.protocol, &s.local, s.remote.as_ref())).collect();
    let mut count = 0;
    for socket in &all {
        let other = socket.remote.as_ref().filter(|remote| {
            ends.contains(&(socket.netns, socket.protocol, *remote, Some(&socket.local)))
        });
        // Of two ends the lesser one counts.
        count += u64::from(other.is_none_or(|other| socket.local <= *other));
    }
    count
}

/// The victims that are forwarders, and who says so of itself.
fn forwarders(victims: &[Victim], facts: &Facts) -> Vec<Forwarder> {
    let is_victim = |pid: u32| victims.iter().any(|victim| victim.key.pid == pid);
    let subjects = facts.subjects.iter().filter(|(pid, _)| is_victim(*pid));
    let known = subjects.filter_map(|(_, subject)| subject.forwarder.clone());
    known.chain(facts.claiming.clone()).collect()
}

/// The keepers of these victims; one that is a victim itself keeps nobody any more.
fn keepers(victims: &[Victim], facts: &Facts) -> Vec<Keeper> {
    let is_victim = |pid: u32| victims.iter().any(|victim| victim.key.pid == pid);
    let lives_on = |keeper: &&Keeper| !keeper.pid.is_some_and(is_victim);
    let mut keepers: Vec<Keeper> = facts.keepers.iter().filter(lives_on).cloned().collect();
    for keeper in &mut keepers {
        keeper.of.retain(|pid| is_victim(*pid));
    }
    keepers.retain(|keeper| !keeper.of.is_empty());
    keepers
}

/// The parents of these victims; one that is a victim itself does not live on.
fn parents(victims: &[Victim], facts: &Facts) -> Vec<Parent> {
    let is_victim = |pid: u32| victims.iter().any(|victim| victim.key.pid == pid);
    let lives_on = |parent: &&Parent| !is_victim(parent.key.pid);
    let mut parents: Vec<Parent> = facts.parents.iter().filter(lives_on).cloned().collect();
    for parent in &mut parents {
        parent.of.retain(|pid| is_victim(*pid));
    }
    parents.retain(|parent| !parent.of.is_empty());
    parents
}

#[cfg(test)]
mod tests;
