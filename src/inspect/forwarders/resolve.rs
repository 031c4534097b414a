//! Which container stands behind a forwarder: drawn from what it tells of itself, from the
//! containers that run, and from who shares a namespace or control group with whom.

use std::net::IpAddr;

use super::recognise::{Held, Told, is_proxy_for, recognise};
use crate::model::forwarder::{ContainerBehind, Ending, ForwarderKind};
use crate::model::owner::Process;
use crate::model::tree::ProcessTree;

/// A container that runs: the child of a shim or monitor that was started for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Running {
    pub container: ContainerBehind,
    /// The shim's or monitor's process id.
    pub shim: u32,
    /// When the container's first process started ([`ProcessKey::start_time`]); 0 without one.
    ///
    /// [`ProcessKey::start_time`]: crate::model::owner::ProcessKey::start_time
    pub started: u64,
}

/// What can be asked of the machine.
pub(super) trait Machine {
    /// Inode of a process's network namespace.
    fn netns(&self, pid: u32) -> Option<u64>;
    /// Inode of a namespace's file, as the process `seen_by` sees it.
    fn netns_of_file(&self, path: &str, seen_by: u32) -> Option<u64>;
    /// Addresses of a process's network namespace.
    fn addresses(&self, pid: u32) -> Vec<IpAddr>;
    /// The control group of a process.
    fn group(&self, pid: u32) -> Option<String>;
    /// A process.
    fn process(&self, pid: u32) -> Option<Process>;
}

/// Everything that containers are looked for in.
pub(super) struct World<'a> {
    pub running: &'a [Running],
    pub tree: &'a ProcessTree,
    pub machine: &'a dyn Machine,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// The container behind the port.
    pub container: Option<&'a Running>,
    /// A process in the namespace behind it, where that is no container's.
    pub inside: Option<u32>,
    /// Where the port leads in there, when its own arguments did not say.
    pub addr: Option<IpAddr>,
    pub port: Option<u16>,
    /// Those that lose something when the forwarder ends.
    pub losers: Vec<&'a Running>,
    pub ending: Ending,
}

impl<'a> World<'a> {
    /// What stands behind the forwarder `process`.
    pub(super) fn behind(&self, process: &Process, told: &Told, held: Held) -> Found<'a> {
        let mut found = Found {
            container: None,
            inside: None,
            addr: told.addr,
            port: told.port,
            losers: Vec::new(),
            ending: ending(told.kind),
        };
        let is_docker = |running: &&Running| running.container.runtime == "docker";
        match told.kind {
            ForwarderKind::DockerProxy => {
                let rightful = self.of_user(process.uid).filter(is_docker).collect();
                found.container = told.addr.and_then(|addr| self.with_address(rightful, addr));
            }
            ForwarderKind::Dockerd | ForwarderKind::Rootlesskit => {
                found.losers = self.of_user(process.uid).filter(is_docker).collect();
                if let Some(proxy) = self.proxy_below(process.pid, held) {
                    (found.addr, found.port) = (proxy.addr, proxy.port);
                    found.container =
                        proxy.addr.and_then(|addr| self.with_address(found.losers.clone(), addr));
                }
            }
            ForwarderKind::Conmon => {
                let of = |running: &&Running| running.shim == process.pid;
                found.container = self.running.iter().find(of);
            }
            ForwarderKind::Rootlessport => {
                found.container = self
                    .tree
                    .children(process.pid)
                    .find_map(|child| self.in_netns_of(process.uid, child.key.pid))
                    .or_else(|| self.beside(process));
            }
            ForwarderKind::Slirp4netns | ForwarderKind::Pasta => {
                self.network(process, told, &mut found);
            }
            _ => {}
        }
        if found.losers.is_empty() {
            found.losers.extend(found.container);
        }
        found
    }

    /// A container at an address of this host's networks: a rootful runtime's.
    pub(super) fn at(&self, addr: IpAddr) -> Option<&'a Running> {
        self.with_address(self.of_user(Some(0)).collect(), addr)
    }

    fn of_user(&self, uid: Option<u32>) -> impl Iterator<Item = &'a Running> {
        self.running.iter().filter(move |running| uid.is_some() && running.container.uid == uid)
    }

    /// Of those in the one network namespace that has the address, the one that ran first: the
    /// others have joined it. `None` where namespaces differ: networks may use the same
    /// addresses.
    fn with_address(&self, among: Vec<&'a Running>, addr: IpAddr) -> Option<&'a Running> {
        let mut with = Vec::new();
        for running in among {
            let Some(first) = running.container.first else { continue };
            if self.machine.addresses(first).contains(&addr) {
                with.push(running);
            }
        }
        let netns = |running: &Running| self.machine.netns(running.container.first?);
        let first = with.iter().copied().min_by_key(|running| running.started)?;
        let is_one =
            |running: &&Running| netns(running).is_some() && netns(running) == netns(first);
        (with.len() == 1 || with.iter().all(is_one)).then_some(first)
    }

    /// A docker-proxy among the descendants, which says where a port leads.
    fn proxy_below(&self, pid: u32, held: Held) -> Option<Told> {
        let below = self.tree.descendants(pid);
        let mut read = below.iter().filter_map(|node| self.machine.process(node.key.pid));
        let proxy = read.find(|process| is_proxy_for(process, held))?;
        recognise(&proxy, held)
    }

    fn in_netns_of(&self, uid: Option<u32>, pid: u32) -> Option<&'a Running> {
        let wanted = self.machine.netns(pid)?;
        self.in_netns(uid, wanted)
    }

    fn in_netns(&self, uid: Option<u32>, wanted: u64) -> Option<&'a Running> {
        let is_in = |running: &&Running| {
            running.container.first.and_then(|pid| self.machine.netns(pid)) == Some(wanted)
        };
        self.of_user(uid).filter(is_in).min_by_key(|running| running.started)
    }

    /// The only container whose monitor is in the process's control group: podman makes a
    /// scope for each container that it starts, with its helpers.
    fn beside(&self, process: &Process) -> Option<&'a Running> {
        let group = self.machine.group(process.pid).filter(|group| group.ends_with(".scope"))?;
        let is_beside =
            |running: &&Running| self.machine.group(running.shim).as_ref() == Some(&group);
        let mut beside = self.of_user(process.uid).filter(is_beside);
        let only = beside.next()?;
        beside.next().is_none().then_some(only)
    }

    /// slirp4netns and pasta are the network of one container, of all that a user has on
    /// bridges, or of a rootless daemon.
    fn network(&self, process: &Process, told: &Told, found: &mut Found<'a>) {
        let by_id = |id: &String| self.running.iter().find(|it| it.container.id == *id);
        let is_of_daemon = told.of_pid.is_some_and(|pid| self.is_rootlesskits(pid));
        let is_of_bridges = told.netns_file.as_deref().is_some_and(|path| {
            path.rsplit('/').next().is_some_and(|name| name.starts_with("rootless-netns"))
        });
        if is_of_daemon || is_of_bridges {
            let runtime = if is_of_daemon { "docker" } else { "podman" };
            let is_on_it = |running: &&Running| running.container.runtime == runtime;
            found.losers = self.of_user(process.uid).filter(is_on_it).collect();
            return;
        }
        found.container = told
            .container
            .as_ref()
            .and_then(by_id)
            .filter(|running| running.container.uid == process.uid)
            .or_else(|| self.in_netns_of(process.uid, told.of_pid?))
            .or_else(|| self.by_netns_file(process, told.netns_file.as_deref()?))
            .or_else(|| self.beside(process));
        if found.container.is_none() {
            // pasta's own child lives in the namespace that it made.
            let mut children = self.tree.children(process.pid).map(|child| child.key.pid);
            found.inside = told.of_pid.or_else(|| children.next());
        }
    }

    fn is_rootlesskits(&self, pid: u32) -> bool {
        let parent = self.tree.get(pid).map_or(0, |node| node.ppid);
        [pid, parent]
            .iter()
            .any(|pid| self.tree.get(*pid).is_some_and(|it| &*it.name == "rootlesskit"))
    }

    fn by_netns_file(&self, process: &Process, path: &str) -> Option<&'a Running> {
        self.of_user(process.uid).find(|running| {
            let file = self.machine.netns_of_file(path, running.shim);
            let first = running.container.first.and_then(|pid| self.machine.netns(pid));
            file.is_some() && file == first
        })
    }
}

/// What the end of such a program does.
fn ending(kind: ForwarderKind) -> Ending {
    match kind {
        ForwarderKind::Dockerd | ForwarderKind::Rootlesskit => Ending::Daemon,
        ForwarderKind::Conmon => Ending::Monitor,
        ForwarderKind::Slirp4netns | ForwarderKind::Pasta => Ending::Network,
        ForwarderKind::SshSession => Ending::Session,
        ForwarderKind::Gvproxy => Ending::Machine,
        ForwarderKind::DockerProxy
        | ForwarderKind::Rootlessport
        | ForwarderKind::SshClient
        | ForwarderKind::KubectlPortForward
        | ForwarderKind::Socat
        | ForwarderKind::SystemdSocketProxyd => Ending::Port,
    }
}
