//! What stands behind a process that only passes a port on, and which container has an
//! address.
//!
//! [`Forwarders::look`] looks at the machine's containers once; [`Forwarders::of`] tells of
//! one process what [`Forwarder`] it is. Who may not read a namespace still learns what
//! arguments and control groups tell, which are public.

mod ask;
mod recognise;
mod redirect;
mod resolve;
mod stop;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;

use super::{elsewhere, processes};
use crate::model::forwarder::{
    Behind, ContainerBehind, Forwarder, ForwarderKind, ProcessBehind, ToldBy,
};
use crate::model::owner::Process;
use crate::model::tree::ProcessTree;
use crate::model::why::Forward;
use crate::sys::{self, command, nat_rules};
use crate::wire::netfilter::Ruleset;
use crate::wire::{cgroup, monitor};

use ask::Asked;
pub use recognise::Held;
pub use redirect::redirect;
use resolve::{Machine, Running, World};

/// The containers of this machine at one moment, as far as they have been looked at.
#[derive(Default)]
pub struct Forwarders {
    seen: OnceCell<Seen>,
    asked: RefCell<Asked>,
    /// `None` where they may not be read.
    rules: OnceCell<Option<Vec<Ruleset>>>,
}

struct Seen {
    running: Vec<Running>,
    tree: ProcessTree,
}

impl Forwarders {
    /// Nothing is read before the first forwarder is met.
    pub fn look() -> Self {
        Self::default()
    }

    /// What `process` forwards the port that it holds to; `None` for a process that is no
    /// known forwarder. Runtimes are asked, up to three seconds each. Blocks.
    pub fn of(&self, process: &Process, held: Held) -> Option<Forwarder> {
        let told = recognise::recognise(process, held)?;
        let seen = self.seen();
        let machine = ThisMachine::default();
        let world = World { running: &seen.running, tree: &seen.tree, machine: &machine };
        let found = world.behind(process, &told, held);
        let mut container = found.container.map(|running| running.container.clone());
        let mut port = found.port;
        if told.kind == ForwarderKind::Dockerd && container.is_none() {
            container = self.asked.borrow_mut().publisher(&found.losers, held);
        }
        if container.is_none() && told.kind == ForwarderKind::Conmon {
            container = of_arguments(process, &told);
        }
        if let Some(container) = &mut container {
            let published = self.asked.borrow_mut().confirm(container, held);
            port = port.or(published);
        }
        let inside = container.as_ref().and_then(|it| it.first).or(found.inside);
        let netns = inside.and_then(|pid| machine.netns(pid));
        let process_there =
            inside.and_then(|first| behind_port(first, netns, port, held, &seen.tree));
        let containers = found.losers.iter().map(|it| self.named(&it.container)).collect();
        let behind = Behind {
            container,
            addr: found.addr,
            host: told.host,
            port,
            via: told.via,
            netns,
            process: process_there,
        };
        Some(Forwarder {
            pid: process.pid,
            name: process.name.to_string(),
            uid: process.uid,
            kind: told.kind,
            stop: Self::stop(&behind),
            rules: self.rules_to(&behind, told.kind, held, &world),
            behind,
            ending: found.ending,
            containers,
        })
    }

    /// The forwarder that says by its arguments that it holds the port, for a socket whose
    /// holder may not be seen: arguments may. Only a process of the socket's own user is
    /// believed, since anybody can call themselves anything.
    pub fn claiming(&self, uid: u32, held: Held) -> Option<Forwarder> {
        let is_proxy = |name: &str| name == "docker-proxy" || name.starts_with("rootlesskit-doc");
        let proxies = self.seen().tree.iter().filter(|node| is_proxy(&node.name));
        let read = proxies.filter_map(|node| sys::processes::read(node.key.pid).ok());
        let is_it =
            |process: &Process| process.uid == Some(uid) && recognise::is_proxy_for(process, held);
        self.of(&read.into_iter().find(is_it)?, held)
    }

    /// Whether a process came into its container by `docker exec` or the like: it is neither the
    /// container's first process nor a descendant of that, so that the container goes on
    /// without it. `None` where that cannot be told.
    pub fn is_by_exec(&self, process: &Process) -> Option<bool> {
        let container = process.container.as_ref()?;
        let Seen { running, tree } = self.seen();
        let of = running.iter().find(|it| it.container.id == *container.id)?;
        let first = of.container.first?;
        if process.pid == first || tree.ancestors(process.pid).contains(&first) {
            return Some(false);
        }
        // In the host's PID namespace orphans of the container go to its shim, and look alike.
        let has_own_pids = sys::containers::innermost_pid(first) == Some(1);
        has_own_pids.then_some(true)
    }

    /// The container that has an address to which this host's rules send packets, with the
    /// process that serves the port there. Blocks, as [`Forwarders::of`] does.
    pub fn at(&self, addr: IpAddr, held: Held) -> Option<Behind> {
        let seen = self.seen();
        let machine = ThisMachine::default();
        let world = World { running: &seen.running, tree: &seen.tree, machine: &machine };
        let mut container = world.at(addr)?.container.clone();
        self.asked.borrow_mut().confirm(&mut container, held);
        let netns = container.first.and_then(|pid| machine.netns(pid));
        let port = Some(held.port);
        let process =
            container.first.and_then(|first| behind_port(first, netns, port, held, &seen.tree));
        Some(Behind {
            container: Some(container),
            addr: Some(addr),
            port,
            netns,
            process,
            ..Behind::default()
        })
    }

    /// What stops what is behind a port, for this user: a text. `None` where a container only lends
    /// its network to the one that serves, which would lose it.
    pub fn stop(behind: &Behind) -> Option<Vec<String>> {
        let container = behind.container.as_ref()?;
        let serving = behind.process.as_ref().filter(|process| process.serves);
        let cgroups = serving.and_then(|it| sys::process::cgroups(it.pid).ok());
        let serving = cgroups.and_then(|cgroups| cgroup::container_of(&cgroups));
        let is_lent = serving.is_some_and(|serving| *serving.id != *container.id);
        let command = || stop::command(container, command::own_uid(), stop::docker_needs_root());
        (!is_lent).then(command)?
    }

    /// The rules that lead from the port to the container behind it.
    fn rules_to(
        &self,
        behind: &Behind,
        kind: ForwarderKind,
        held: Held,
        world: &World<'_>,
    ) -> Option<Vec<Forward>> {
        let rules = || self.rules.get_or_init(|| nat_rules::read().ok()).as_deref();
        let rules = kind.is_of_a_container().then(rules).flatten()?;
        let is_same = |addr: IpAddr, port: u16| {
            let container = behind.container.as_ref();
            let is_its = || world.at(addr).map(|it| &it.container.id) == container.map(|it| &it.id);
            let is_there =
                behind.addr.map_or_else(|| container.is_some() && is_its(), |it| it == addr);
            is_there && behind.port.is_none_or(|it| it == port)
        };
        Some(redirect::to(rules, held, &is_same))
    }

    fn named(&self, container: &ContainerBehind) -> ContainerBehind {
        let mut container = container.clone();
        if container.name.is_none() {
            self.asked.borrow_mut().name(&mut container);
        }
        container
    }

    fn seen(&self) -> &Seen {
        self.seen.get_or_init(|| {
            let tree = processes::tree().unwrap_or_default();
            Seen { running: running(&tree), tree }
        })
    }
}

/// What a monitor's arguments alone tell of its container.
fn of_arguments(process: &Process, told: &recognise::Told) -> Option<ContainerBehind> {
    Some(ContainerBehind {
        runtime: "podman".to_owned(),
        id: told.container.clone()?,
        name: told.container_name.clone(),
        uid: process.uid,
        first: None,
        confirmed: ToldBy::Arguments,
    })
}

/// The containers that have a shim or monitor.
fn running(tree: &ProcessTree) -> Vec<Running> {
    let shims = tree.iter().filter(|node| monitor::is_monitor(&node.name));
    let mut found = Vec::new();
    for shim in shims {
        let Ok(process) = sys::processes::read(shim.key.pid) else { continue };
        let Some(of) = recognise::monitored(&process).filter(|of| !of.is_exec) else { continue };
        let named = |pid: u32| {
            let told = sys::process::cgroups(pid).ok()?;
            cgroup::container_group(&told, &of.id).map(|_| ())
        };
        // A shim may serve a whole pod, and `docker exec` makes it further children.
        let mut children: Vec<_> = tree.children(shim.key.pid).collect();
        children.sort_by_key(|child| child.key.start_time);
        let first = children
            .iter()
            .find(|child| named(child.key.pid).is_some())
            .or_else(|| children.first().filter(|_| children.len() == 1));
        found.push(Running {
            container: ContainerBehind {
                runtime: of.runtime.to_owned(),
                id: of.id.clone(),
                name: of.name.clone(),
                uid: process.uid,
                first: first.map(|child| child.key.pid),
                confirmed: ToldBy::Arguments,
            },
            shim: shim.key.pid,
            started: first.map_or(0, |child| child.key.start_time),
        });
    }
    found
}

/// Who holds the port in the network behind; else the first process there.
fn behind_port(
    first: u32,
    netns: Option<u64>,
    port: Option<u16>,
    held: Held,
    tree: &ProcessTree,
) -> Option<ProcessBehind> {
    let serves = || {
        let (netns, port) = (netns?, port?);
        let places = elsewhere::serving(port, held.udp, &|_| true);
        let place = places.into_iter().find(|place| place.netns == netns)?;
        let owner = place.sockets.iter().flat_map(|socket| &socket.owners).next()?;
        let (pid, name) = (owner.process.pid, owner.process.name.to_string());
        Some(ProcessBehind { pid, name, serves: true })
    };
    serves().or_else(|| {
        let node = tree.get(first)?;
        let (pid, name) = (node.key.pid, node.name.to_string());
        Some(ProcessBehind { pid, name, serves: false })
    })
}

/// What is asked again and again, asked once.
#[derive(Default)]
struct ThisMachine {
    namespaces: RefCell<HashMap<u32, Option<u64>>>,
}

impl Machine for ThisMachine {
    fn netns(&self, pid: u32) -> Option<u64> {
        *self.namespaces.borrow_mut().entry(pid).or_insert_with(|| sys::containers::netns_of(pid))
    }

    fn netns_of_file(&self, path: &str, seen_by: u32) -> Option<u64> {
        sys::containers::netns_of_file(path, seen_by)
    }

    fn addresses(&self, pid: u32) -> Vec<IpAddr> {
        sys::containers::addresses(pid).unwrap_or_default()
    }

    fn group(&self, pid: u32) -> Option<String> {
        let told = sys::process::cgroups(pid).ok()?;
        cgroup::path(&told).map(str::to_owned)
    }

    fn process(&self, pid: u32) -> Option<Process> {
        sys::processes::read(pid).ok()
    }
}

#[cfg(test)]
mod tests;
