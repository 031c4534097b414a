//! Who stands behind a process: what would start it again, and what stops only that.
//!
//! From the process upwards: parents whose trade it is (through shells and interpreters), the
//! container, the unit within a machine, the unit around all that, and the units that start
//! that one. Each is asked where it can be asked; no command is offered on the word of a path or
//! a name alone.

mod after;
mod ask;
mod container;
mod directory;
mod files;
mod holders;
mod lineage;
mod losses;
mod machine;
mod monit;
mod neighbours;
mod parents;
mod pm2;
mod program;
mod script;
mod socket;
mod supervisord;
mod undone;
mod unit;

use std::path::Path;

use crate::model::activation::Activation;
use crate::model::forwarder::Forwarder;
use crate::model::keeper::{Confirmed, Keeper, KeeperKind};
use crate::model::owner::{Container, Process, Unit, UnitScope};
use crate::model::socket::Socket;
use crate::model::tree::ProcessTree;
use crate::sys::command::{self, Program};
use crate::sys::{containers, process, processes};
use crate::wire::cgroup;

pub use after::{After, after, next};
pub use ask::{Ask, Reply};
pub use holders::{of_places, of_socket, of_sockets};
pub use lineage::Member;
pub use neighbours::{add_neighbours, is_serving, leads_to};
pub use parents::{Before, parents};
pub use pm2::pm2_home;
pub use program::kind as kind_of;

use ask::Asker;
use unit::{Manager, Tie};

/// What the chains are drawn from.
pub struct World<'a> {
    asker: Asker<'a>,
    /// Tells of a process; `None` for one that may not be read.
    pub member: &'a dyn Fn(u32) -> Option<Member>,
    /// The text of a process's control groups; empty where it may not be read.
    pub cgroups: &'a dyn Fn(u32) -> String,
    /// The network namespace of a process, where that may be known.
    pub network: &'a dyn Fn(u32) -> Option<u64>,
    /// Where a program lies that may be run; the error is a clause.
    pub program: &'a dyn Fn(&str) -> Result<String, String>,
    /// The texts of the files that match a pattern, whose last part may hold one `*`.
    pub read: &'a dyn Fn(&str) -> Vec<String>,
    /// Whether root alone can change a file.
    pub trusts: &'a dyn Fn(&str) -> bool,
    /// All processes.
    pub tree: &'a ProcessTree,
    /// The processes that are asked about, which are all to end.
    pub subjects: Vec<u32>,
    /// The user whose rights sockpit has.
    pub uid: u32,
    /// The mount namespace that sockpit is in.
    pub mount_namespace: Option<u64>,
    /// sockpit and what it runs under: what holds one of them is not offered to be stopped.
    pub guarded: Vec<Member>,
}

/// A process to be told about, with what systemd holds a socket of it for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'p> {
    /// The process.
    pub process: &'p Process,
    /// The units of a socket that it holds.
    pub activation: Option<&'p Activation>,
    /// The sockets that are meant, where it is systemd that holds them.
    pub holds: &'p [Socket],
    /// What it is as a forwarder.
    pub forwarder: Option<&'p Forwarder>,
}

/// sockpit and what it runs under: who holds one of them is not to be stopped.
pub fn lifeline(own_pid: u32, tree: &ProcessTree) -> Vec<u32> {
    tree.ancestors(own_pid).into_iter().chain([own_pid]).collect()
}

/// Draws the chains of these processes, as this system itself tells them. Keepers that several of
/// them share stand once. Blocks for up to ten seconds
/// where a keeper does not answer, and for 25 at most.
pub fn of(subjects: &[Subject<'_>], tree: &ProcessTree, guarded: &[u32]) -> Vec<Keeper> {
    let mut ask = ask::system;
    let mut world = World {
        asker: Asker::new(&mut ask),
        member: &member,
        cgroups: &|pid| process::cgroups(pid).unwrap_or_default(),
        network: &containers::netns_of,
        program: &|name| {
            let found = Program::find(name).map_err(|error| error.to_string())?;
            Ok(found.path().display().to_string())
        },
        read: &files::matching,
        trusts: &|path| command::is_trusted(Path::new(path)),
        tree,
        subjects: subjects.iter().map(|subject| subject.process.pid).collect(),
        uid: command::own_uid(),
        mount_namespace: process::standing(std::process::id())
            .ok()
            .and_then(|it| it.mount_namespace),
        guarded: guarded.iter().filter_map(|pid| member(*pid)).collect(),
    };
    let mut chains = Vec::new();
    let mut workers = Vec::new();
    for subject in subjects {
        let Some(found) = member(subject.process.pid) else { continue };
        let holder = Member { process: subject.process.clone(), ..found };
        match world.master(&holder) {
            Some(master) => workers.push((master, holder.pid())),
            None => chains.push(world.chain(holder, subject)),
        }
    }
    let mut all = merged(chains);
    for (master, worker) in workers {
        let of_master = all.iter_mut().filter(|keeper| keeper.of.contains(&master));
        of_master.for_each(|keeper| keeper.of.push(worker));
    }
    all
}

/// One process, as it is now.
fn member(pid: u32) -> Option<Member> {
    let process = processes::read(pid).ok()?;
    let cgroups = process::cgroups(pid).unwrap_or_default();
    let standing = process::standing(pid).unwrap_or_default();
    Some(Member { process, cgroups, standing })
}

/// The keepers of all chains, those of one instance taken together.
fn merged(chains: Vec<Vec<Keeper>>) -> Vec<Keeper> {
    let mut all: Vec<Keeper> = Vec::new();
    for keeper in chains.into_iter().flatten() {
        match all.iter_mut().find(|known| known.is_same(&keeper)) {
            Some(known) => known.join(keeper),
            None => all.push(keeper),
        }
    }
    socket::without_repetition(&mut all);
    all
}

impl<'a> World<'a> {
    fn find(&self, program: &str) -> Result<String, String> {
        (self.program)(program)
    }

    /// The process that started this one as a worker, to run the same program, where that is to
    /// end as well: what keeps it keeps both.
    fn master(&self, worker: &Member) -> Option<u32> {
        let line = lineage::of(worker.clone(), self.member);
        let above = line[1..].iter().rev().filter(|it| self.subjects.contains(&it.pid()));
        let mut masters = above.filter(|it| lineage::is_same_program(it, worker));
        masters.next().map(Member::pid)
    }

    /// The chain of one process, the innermost keeper first.
    fn chain(&mut self, holder: Member, subject: &Subject<'_>) -> Vec<Keeper> {
        let Subject { activation, holds, forwarder, .. } = *subject;
        let line = lineage::of(holder, self.member);
        let holder = &line[0];
        if !holds.is_empty()
            && let Some(manager) = manager(holder)
        {
            return socket::keepers(holder, activation, holds, &manager, self);
        }
        let mut chain: Vec<Keeper> = (1..line.len())
            // What runs a container or a unit is told by those themselves.
            .take_while(|at| line[*at].pid() != 1)
            .filter_map(|at| program::keeper(&line, at, self))
            .collect();
        match program::kind(holder).filter(|_| !holds.is_empty()) {
            Some(KeeperKind::Pm2) => chain.insert(0, pm2::cluster(holder, self)),
            Some(KeeperKind::SuperServer) => chain.insert(0, program::super_server(holder)),
            _ => {}
        }
        // A script that may start it again may as well end with it.
        let stays =
            |keeper: &Keeper| keeper.kind != KeeperKind::Parent || keeper.restarts.is_some();
        let is_kept = chain.iter().any(|keeper| keeper.pid.is_some() && stays(keeper));
        chain.extend(monit::keeper(&line, self));
        chain.extend(init(&line));
        let claimed = cgroup::container_of(&holder.cgroups);
        if self.is_our_own_place(holder) {
            // Stopping it would end sockpit, too.
        } else if let Some(container) = claimed.as_ref().or(holder.process.container.as_ref()) {
            chain.extend(match &*container.runtime {
                "systemd-nspawn" | "lxc" => machine::keepers(&line, container, self),
                _ => container::keepers(&line, container, self),
            });
        } else if let Some(forwarder) = forwarder.filter(|it| is_for_others(it)) {
            if let Some(container) = &forwarder.behind.container {
                chain.extend(container::behind(&line, forwarder, container, self));
            }
        } else if let Some(unit) = own_unit(holder) {
            let manager = match unit.scope {
                UnitScope::System => Manager::System,
                UnitScope::User => match cgroup::path(&holder.cgroups).and_then(cgroup::user) {
                    Some(uid) => Manager::User(uid),
                    None => Manager::User(holder.process.uid.unwrap_or(self.uid)),
                },
            };
            let tie = Tie { holder, witness: holder, prefix: "", reaches_holder: true, is_kept };
            chain.extend(unit::keepers(&unit.name, &manager, &tie, self));
        }
        self.add_siblings(&line, &mut chain);
        undone::mark(&line, &mut chain);
        chain
    }

    /// Whether sockpit itself runs in the container or the unit that the holder is in.
    fn is_our_own_place(&self, holder: &Member) -> bool {
        let Some(own) = self.guarded.last() else { return false };
        let (ours, theirs) = [own, holder].map(|it| cgroup::container_of(&it.cgroups)).into();
        let in_container = ours.is_some() || theirs.is_some();
        if in_container {
            ours == theirs
        } else {
            own_unit(own).is_some() && own_unit(own) == own_unit(holder)
        }
    }

    /// Whoever stops a unit stops what else a supervisor within it runs.
    fn add_siblings(&self, line: &[Member], chain: &mut [Keeper]) {
        let pids: Vec<u32> = line.iter().map(Member::pid).collect();
        for at in 0..chain.len() {
            let (within, keeper) = chain.split_at_mut(at);
            let keeper = &mut keeper[0];
            if keeper.kind != KeeperKind::Systemd || keeper.command().is_none() {
                continue;
            }
            // Those that the holder itself listens for are its children.
            let listens = within.iter().find(|inner| listens_for_others(inner));
            let inner = within.iter().filter(|inner| inner.kind != KeeperKind::Machine);
            let inner = inner.filter_map(|inner| inner.pid).chain(listens.map(|_| pids[0]));
            let inner: Vec<u32> = inner.filter(|pid| pids.contains(pid)).collect();
            let siblings = inner.iter().flat_map(|pid| self.tree.children(*pid));
            let siblings = siblings.filter(|node| !pids.contains(&node.key.pid));
            let siblings = siblings.map(|node| format!("{} {}", node.name, node.key.pid));
            siblings.for_each(|sibling| keeper.also(sibling));
            keeper.ends_children.retain(|child| !keeper.stops_also.contains(child));
            let listens = listens.filter(|inner| inner.kind == KeeperKind::SuperServer);
            let others = listens.map(|inner| format!("every other service of {}", inner.name));
            others.into_iter().for_each(|others| keeper.also(others));
        }
    }
}

/// Whether a keeper is the holder itself, which listens for what it starts.
fn listens_for_others(keeper: &Keeper) -> bool {
    keeper.pid.is_none() && matches!(keeper.kind, KeeperKind::Pm2 | KeeperKind::SuperServer)
}

/// The service that a process is in. A scope or slice only groups processes; a user's whole
/// manager runs more than anybody wants to stop for one port; and a daemon that holds a port for
/// a container is not what is to be stopped.
fn own_unit(holder: &Member) -> Option<Unit> {
    let told = cgroup::path(&holder.cgroups).and_then(cgroup::unit);
    let unit = told.or_else(|| holder.process.unit.clone())?;
    let is_manager = unit.scope == UnitScope::System && unit.name.starts_with("user@");
    (unit.name.ends_with(".service") && !is_manager).then_some(unit)
}

/// Whether a process is systemd: pid 1, or a user's manager.
pub fn is_manager(process: &Process) -> bool {
    &*process.name == "systemd"
}

/// Which manager a process is, if it is one that can be asked: pid 1, a user's, or a machine's.
fn manager(holder: &Member) -> Option<Manager> {
    if !is_manager(&holder.process) {
        return None;
    }
    if holder.pid() == 1 {
        return Some(Manager::System);
    }
    if holder.standing.is_inner_init() {
        let machine = cgroup::container_of(&holder.cgroups)?;
        return (&*machine.runtime == "systemd-nspawn")
            .then(|| Manager::Machine(machine.id.to_string()));
    }
    cgroup::path(&holder.cgroups).and_then(cgroup::user).map(Manager::User)
}

/// Whether a forwarder's own unit is nothing to stop for the sake of one port: it is of a container,
/// whose daemon or user runs more than that, or more than the port goes with it.
fn is_for_others(forwarder: &Forwarder) -> bool {
    forwarder.kind.is_of_a_container() || forwarder.ending.harms_others()
}

/// The first process of the PID namespace where it is known to start again what it runs.
fn init(line: &[Member]) -> Option<Keeper> {
    let member = line.iter().skip(1).find(|member| member.standing.is_inner_init())?;
    let is_init = member.names().contains(&"init") && !is_manager(&member.process);
    is_init.then(|| Keeper {
        pid: Some(member.pid()),
        policy: Some("respawn in its inittab".to_owned()),
        confirmed: Some(Confirmed::Name),
        reason: Some("its inittab says what it runs".to_owned()),
        ..Keeper::new(KeeperKind::Init, member.who(), line[0].pid())
    })
}

/// Whether a process of this system restarts its children, by what it is.
pub fn is_restarter(pid: u32) -> bool {
    member(pid).is_some_and(|member| program::kind(&member).is_some())
}

/// The keeper of a process as its control group alone tells it: nobody is asked, and no command
/// is tested. `None` for what forwards for containers: it lives in the daemon's own unit, which
/// nobody should stop for the sake of one port.
pub fn claimed(process: &Process) -> Option<Keeper> {
    if matches!(
        &*process.name,
        "docker-proxy" | "dockerd" | "conmon" | "rootlesskit" | "rootlessport"
    ) {
        return None;
    }
    let (kind, name, command) = match (&process.container, &process.unit) {
        (Some(container), _) => {
            let name = container.name.as_ref().unwrap_or(&container.id);
            (KeeperKind::Container, name, stop_container(container, name))
        }
        (None, Some(unit))
            if unit.name.ends_with(".service")
                && !(unit.scope == UnitScope::System && unit.name.starts_with("user@")) =>
        {
            let user: &[&str] = if unit.scope == UnitScope::User { &["--user"] } else { &[] };
            let command = [&["systemctl"], user, &["stop", "--", &unit.name]].concat();
            (KeeperKind::Systemd, &unit.name, ask::words(&command))
        }
        _ => return None,
    };
    Some(Keeper {
        instance: Some(name.to_string()),
        untested: Some(command),
        confirmed: Some(Confirmed::Path),
        ..Keeper::new(kind, &**name, process.pid)
    })
}

fn stop_container(container: &Container, name: &str) -> Vec<String> {
    match &*container.runtime {
        runtime @ ("docker" | "podman") => ask::words(&[runtime, "stop", "--", name]),
        "lxc" => ask::words(&["lxc-stop", "--name", name]),
        "systemd-nspawn" => ask::words(&["machinectl", "terminate", "--", name]),
        "containerd" => ask::words(&["nerdctl", "stop", "--", name]),
        _ => ask::words(&["crictl", "stop", &container.id]),
    }
}

/// The filter of `docker ps` for who publishes a port; one without a protocol means TCP.
pub fn published(port: u16, udp: bool) -> String {
    let protocol = if udp { "/udp" } else { "" };
    format!("publish={port}{protocol}")
}

#[cfg(test)]
mod tests;
