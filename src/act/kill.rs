//! Ending the processes that hold a port, or one process, without harm to anyone else.
//!
//! [`plan()`] is pure arithmetic over a listing of sockets and the process tree. [`run()`] holds
//! every victim by a pidfd, checks before each signal that it is still the planned process and
//! still holds the planned socket, waits, and then proves that the port is free.

mod advice;
mod command;
mod completion;
mod plan;
mod proof;
mod run;
mod words;

use std::path::Path;
use std::time::Duration;

use crate::inspect::bind::{self, How, Target};
use crate::inspect::forwarders::{Forwarders, Held};
use crate::inspect::{self, Error, elsewhere, reuse, sockets, unix_path};
use crate::model::action::{About, KillOutcome, KillPlan, KillTarget, Parent, Spared, Victim};
use crate::model::activation::Activation;
use crate::model::forwarder::{Behind, Forwarder};
use crate::model::keeper::{Keeper, Standing};
use crate::model::owner::{OwnershipKind, Process};
use crate::model::signal::Signal;
use crate::model::socket::{Protocol, Socket};
use crate::model::tables::{Table, Tables};
use crate::model::tree::ProcessTree;
use crate::sys;

pub use super::action::{Completion, Obstacle};
pub use super::guard::Consent;
pub use command::command;
pub use completion::{completion, obstacle};
pub use plan::{choose, holds_target, plan};
pub use run::run;
pub(super) use run::{Ended, proven};
pub use words::{about, describe_holder, describe_socket, describe_victim, some_of};

/// Looks at the system and plans the end of whoever holds `target`. Blocks.
pub fn prepare(target: &KillTarget, options: &Options) -> Result<KillPlan, Error> {
    let target = &located(target);
    // What else the victims hold may be in any namespace; who holds the port is asked of this
    // one alone.
    let (tables, reach) = (tables(target), sockets::Reach::All);
    let detail = sockets::Detail::Bare;
    let everywhere = sockets::Request { tables, reach, detail, ..Default::default() };
    let sockets = sockets::list(&everywhere)?.sockets;
    let mut facts = Facts::gather()?;
    // Over TCP only SO_REUSEPORT lets two listen on one address.
    if matches!(target, KillTarget::Port { udp: true, .. }) {
        let holders = sockets.iter().filter(|socket| holds_target(target, socket, facts.netns));
        facts.reuse = reuse::Known::read(holders);
    }
    let first = plan(target, &sockets, &facts, options);
    facts.look_at(&first, &sockets);
    Ok(plan(target, &sockets, &facts, options))
}

/// The target with the sockets that are at its path now.
fn located(target: &KillTarget) -> KillTarget {
    match target {
        KillTarget::Path { path, .. } => {
            KillTarget::Path { path: path.clone(), inodes: unix_path::inodes_at(Path::new(path)) }
        }
        other => other.clone(),
    }
}

/// The tables in which a target's holders are.
fn tables(target: &KillTarget) -> Tables {
    match target {
        KillTarget::Path { .. } => Tables::PORTS.or(Table::Unix.into()),
        _ => Tables::PORTS,
    }
}

/// Where else the port of a plan without victims is held, as a clause; `None` when that is
/// nowhere, or cannot be seen. Blocks.
pub fn holder_elsewhere(plan: &KillPlan) -> Option<String> {
    let KillTarget::Port { port, udp, addr } = &plan.target else { return None };
    if !(plan.victims.is_empty() && plan.unattributed.is_empty() && plan.spared.is_empty()) {
        return None;
    }
    let is_there = |socket: &Socket| {
        addr.is_none_or(|addr| socket.local.canonical_addr() == Some(addr.to_canonical()))
    };
    let places = elsewhere::serving(*port, *udp, &is_there);
    let first = places.first()?;
    let holder = first.sockets.iter().flat_map(|socket| &socket.owners).next();
    let who = holder
        .map_or("a socket".to_owned(), |owner| words::who(&owner.process.name, owner.process.pid));
    let more = match places.len() - 1 {
        0 => String::new(),
        more => format!(", as others do in {more} more"),
    };
    Some(format!("{who} holds it in {}{more}; sockpit kill stays in its own", first.describe()))
}

/// What stands against a bind of the port of a plan without victims, where nobody holds it for
/// serving: `why` tells more of it. Blocks.
pub fn obstacle_to_bind(plan: &KillPlan) -> Option<String> {
    let KillTarget::Port { port, udp, addr } = plan.target else { return None };
    if !(plan.victims.is_empty() && plan.unattributed.is_empty() && plan.spared.is_empty()) {
        return None;
    }
    let target = Target { addr, ..Target::everywhere(port, udp) };
    let obstacle = bind::ask(&target, How::PLAIN).ok()?.obstacle()?;
    let protocol = if udp { "/udp" } else { "" };
    Some(format!("it is not free: {obstacle} (see sockpit why {port}{protocol})"))
}

/// The look at this system's socket table that [`execute`] uses: with owners the whole table,
/// without them the sockets on the target's port alone.
pub fn look(target: &KillTarget, depth: Depth) -> Result<Vec<Socket>, Error> {
    match (target, depth) {
        (KillTarget::Port { port, udp, .. }, Depth::Sockets) => {
            sockets::on_port(if *udp { Protocol::Udp } else { Protocol::Tcp }, *port)
        }
        // By the path, so that a new socket there is found.
        (KillTarget::Path { path, .. }, _) => unix_path::sockets_at(Path::new(path)),
        // What else its victims serve is told by ports, too.
        _ => {
            let detail = sockets::Detail::Bare;
            let tables = Tables::PORTS;
            let ports = sockets::Request { tables, detail, ..Default::default() };
            Ok(sockets::list(&ports)?.sockets)
        }
    }
}

/// [`run()`] on this system. Blocks.
pub fn execute(
    plan: &KillPlan,
    consent: Consent,
    tell: &mut dyn FnMut(Progress),
) -> Result<KillOutcome, Error> {
    run(plan, consent, &mut |depth| look(&plan.target, depth), tell)
}

/// The number of a signal on this platform.
pub fn signal_number(signal: Signal) -> i32 {
    sys::process::signal_number(signal)
}

/// How long a signal is waited for unless told otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// How the victims are to be ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The first signal.
    pub signal: Signal,
    /// How long each signal is waited for.
    pub timeout: Duration,
    /// Allows KILL: as `signal`, and after the timeout. Without it KILL is never sent.
    pub force: bool,
    /// Takes the victims' descendants along.
    pub tree: bool,
    /// How long the port is watched afterwards; by itself as long as the keepers may take.
    pub watch: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            signal: Signal::Term,
            timeout: DEFAULT_TIMEOUT,
            force: false,
            tree: false,
            watch: None,
        }
    }
}

/// What a plan needs to know beside the sockets.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// sockpit's own pid.
    pub own_pid: u32,
    /// The inode of sockpit's own network namespace, where the platform has such a thing.
    pub netns: Option<u64>,
    /// Every process that could be seen.
    pub tree: ProcessTree,
    /// Who stands behind the victims.
    pub keepers: Vec<Keeper>,
    /// Who started the victims, lives on after them, and is no keeper.
    pub parents: Vec<Parent>,
    /// What UDP sockets on the port let others share.
    pub reuse: reuse::Known,
    /// A forwarder that says of itself that it holds the port, where the holder may not be seen.
    pub claiming: Option<Forwarder>,
    /// What is known of each victim beyond the socket table, by pid.
    pub subjects: Vec<(u32, Subject)>,
}

/// A process that may be a victim, as it was found beyond the socket table.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// What tells it from others of its name.
    pub about: About,
    /// Its namespaces, signals and directory.
    pub standing: Standing,
    /// What it is as a forwarder.
    pub forwarder: Option<Forwarder>,
    /// The other processes of a PID namespace whose first one it is, victims apart.
    pub fellows: u64,
}

impl Facts {
    /// Looks at the system: one pass over all processes. Blocks for a few milliseconds.
    pub fn gather() -> Result<Self, Error> {
        let own_pid = std::process::id();
        let (netns, tree) = (sys::process::own_netns(), sys::process::tree()?);
        Ok(Self { own_pid, netns, tree, ..Self::default() })
    }

    /// Looks closer at the victims of a first plan, and asks who stands behind them.
    fn look_at(&mut self, plan: &KillPlan, sockets: &[Socket]) {
        let processes: Vec<Process> = plan
            .victims
            .iter()
            .filter_map(|victim| {
                let process = sys::processes::read(victim.key.pid).ok()?;
                (process.key() == victim.key).then_some(process)
            })
            .collect();
        let victims: Vec<u32> = plan.victims.iter().map(|victim| victim.key.pid).collect();
        let forwarders = Forwarders::look();
        let told = |process: &Process| {
            let forwarder = forwarders.of(process, held_by(process.pid, &plan.target, sockets));
            let subject = Subject { forwarder, ..subject(process, &self.tree, &victims) };
            (process.pid, subject)
        };
        self.subjects = processes.iter().map(told).collect();
        self.claiming = claiming(plan, &forwarders);
        let children = |victim: &&Victim| victim.child_of.is_some();
        let is_child = |pid| plan.victims.iter().filter(children).any(|v| v.key.pid == pid);
        let asked = processes.iter().filter(|process| !is_child(process.pid));
        let is_path = matches!(plan.target, KillTarget::Path { .. });
        let asked: Vec<inspect::keepers::Subject<'_>> = asked
            .map(|process| inspect::keepers::Subject {
                process,
                activation: activation(process, plan),
                holds: holds(process, plan),
                forwarder: self.subjects.iter().find_map(|(pid, subject)| {
                    let is_meant = *pid == process.pid && !is_path;
                    subject.forwarder.as_ref().filter(|_| is_meant)
                }),
            })
            .collect();
        let lifeline = inspect::keepers::lifeline(self.own_pid, &self.tree);
        self.keepers = inspect::keepers::of(&asked, &self.tree, &lifeline);
        self.parents = inspect::keepers::parents(&victims, &self.keepers, &lifeline);
        // What a forwarder leads to is what is meant to be stopped.
        let forwarders = self.subjects.iter().filter_map(|(_, it)| it.forwarder.as_ref());
        let behind: Vec<&Behind> = forwarders.map(|forwarder| &forwarder.behind).collect();
        let is_meant = |process: &Process, socket: &Socket| {
            plan.victims.iter().any(|victim| victim.key.pid == process.pid)
                || behind.iter().any(|it| inspect::keepers::leads_to(it, process, socket))
        };
        inspect::keepers::add_neighbours(&mut self.keepers, sockets, &is_meant);
    }
}

/// The port by which a process may be a forwarder: the target's; for a process that was named by
/// its pid, the first one that it serves.
pub(super) fn held_by(pid: u32, target: &KillTarget, sockets: &[Socket]) -> Held {
    if let KillTarget::Port { port, udp, .. } = *target {
        return Held { port, udp };
    }
    let serves = |socket: &&Socket| {
        inspect::keepers::is_serving(socket)
            && socket.owners.iter().any(|owner| owner.process.pid == pid)
    };
    let served = sockets.iter().find(serves);
    Held {
        port: served.and_then(|socket| socket.local.port).unwrap_or_default(),
        udp: served.is_some_and(|socket| socket.protocol == Protocol::Udp),
    }
}

/// Who says by its arguments that it holds a port whose holder may not be seen.
fn claiming(plan: &KillPlan, forwarders: &Forwarders) -> Option<Forwarder> {
    let KillTarget::Port { port, udp, .. } = plan.target else { return None };
    let is_hidden = |socket: &&Socket| socket.ownership.kind == OwnershipKind::Hidden;
    let mut hidden = plan.unattributed.iter().filter(is_hidden).filter_map(|socket| socket.uid);
    hidden.find_map(|uid| forwarders.claiming(uid, Held { port, udp }))
}

/// The units for which systemd holds a planned socket.
fn activation<'p>(process: &Process, plan: &'p KillPlan) -> Option<&'p Activation> {
    holds(process, plan).iter().find_map(|socket| socket.activation.as_deref())
}

/// The planned sockets of a victim.
fn holds<'p>(process: &Process, plan: &'p KillPlan) -> &'p [Socket] {
    let victim = plan.victims.iter().find(|victim| victim.key == process.key());
    victim.map_or(&[], |victim| &*victim.holds)
}

fn subject(process: &Process, tree: &ProcessTree, victims: &[u32]) -> Subject {
    let standing = sys::process::standing(process.pid).unwrap_or_default();
    let about = About {
        cmdline: process.cmdline.clone(),
        cwd: standing.cwd.clone(),
        unit: process.unit.clone(),
        container: process.container.clone(),
    };
    // Whatever is in a PID namespace descends from its first process.
    let fellows = if standing.is_inner_init() {
        let all = tree.descendants(process.pid);
        all.iter().filter(|node| !victims.contains(&node.key.pid)).count() as u64
    } else {
        0
    };
    Subject { about, standing, fellows, forwarder: None }
}

/// How much a look at the socket table must tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The sockets on the target's port: addresses, states, inodes and cookies.
    Sockets,
    /// Every socket, with its owners.
    Owners,
}

/// A look at the socket table as it is at that moment.
pub type Look<'a> = dyn FnMut(Depth) -> Result<Vec<Socket>, Error> + 'a;

/// What happens while a plan runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A signal was sent.
    Signalled {
        /// To which process.
        pid: u32,
        /// Its short name, uncleaned.
        name: String,
        /// Which signal.
        signal: Signal,
    },
    /// A victim has ended.
    Ended {
        /// Which.
        pid: u32,
        /// Its short name, uncleaned.
        name: String,
        /// Since its first signal; `None` when it ended before one was sent.
        after: Option<Duration>,
    },
    /// A victim is left alone after all.
    Spared(Spared),
    /// A unit or container is being stopped; comes about ten times a second.
    Stopping {
        /// Since the command began.
        elapsed: Duration,
        /// When it is given up.
        timeout: Duration,
    },
    /// Waiting for victims to end; comes about ten times a second.
    Waiting {
        /// Who is still alive: `python3 4242`, uncleaned.
        alive: Vec<String>,
        /// Since the last signal.
        elapsed: Duration,
        /// When this wait is over.
        timeout: Duration,
    },
    /// The port is watched for a new holder.
    Watching {
        /// Since the watch began.
        elapsed: Duration,
        /// When it is over.
        total: Duration,
    },
}
