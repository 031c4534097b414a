//! Keepers: who stands behind a process, would start it again, and what stops only that.

use serde::{Deserialize, Serialize};

/// One that stands behind a process: a supervisor that is its parent, the first process of its
/// PID namespace, its container, a unit, a machine. A chain of them begins with the innermost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeper {
    /// What it is.
    pub kind: KeeperKind,
    /// What it is called, uncleaned: `web.service`, `supervisord 220`, a container's name.
    pub name: String,
    /// Which of its instances the process is, uncleaned: a program's name, a service directory,
    /// a unit, a container's id.
    pub instance: Option<String>,
    /// Its own process, where it is one.
    pub pid: Option<u32>,
    /// The processes that it keeps, of those that were asked about.
    pub of: Vec<u32>,
    /// The first process of its instance, by whose end that is over; `None` where unknown.
    #[serde(skip)]
    pub first: Option<u32>,
    /// Whether it starts the instance again, or may, when `first` has ended by a signal.
    #[serde(skip)]
    pub revives: bool,
    /// Whether it starts again what ends without it being asked; `None` where that depends.
    pub restarts: Option<bool>,
    /// When it does, in its own words: `Restart=always`, `restart policy always`.
    pub policy: Option<String>,
    /// How long it takes to bring the process back, in milliseconds.
    pub delay_ms: Option<u64>,
    /// Program and arguments that stop this instance. `None` unless it was looked into that the
    /// program exists, runs as this user, and knows this instance by that name.
    pub stop: Option<Vec<String>>,
    /// The command as far as it can be told; text alone, when `stop` is `None`.
    pub untested: Option<Vec<String>>,
    /// Whether `untested` was looked into, and only lacks the rights: it begins with `sudo`.
    #[serde(default)]
    pub needs_root: bool,
    /// Program and arguments that ask the keeper how this instance does. `None` where it cannot be
    /// asked, or was not.
    #[serde(default)]
    pub asks: Option<Vec<String>>,
    /// Why no command is offered, as a clause, uncleaned.
    pub reason: Option<String>,
    /// Whether the command ends the process itself. `Some(false)`: it only frees the socket;
    /// `None`: it ends what started the process, and that may leave the process behind.
    pub ends_holder: Option<bool>,
    /// Who, further out, would undo the command.
    pub undone_by: Option<String>,
    /// What else the command stops, uncleaned.
    pub stops_also: Vec<String>,
    /// What the process itself has started and what ends with it by the command, uncleaned.
    #[serde(default)]
    pub ends_children: Vec<String>,
    /// Whether the command ends the process alone, and leaves what lives beside it
    /// (`KillMode=process`).
    #[serde(default)]
    pub ends_alone: bool,
    /// The units that systemd starts once it has ended (`OnSuccess=`), uncleaned.
    #[serde(default)]
    pub starts: Vec<String>,
    /// Whether it is removed with all that was written to it once it has ended (`--rm`).
    #[serde(default)]
    pub is_temporary: bool,
    /// Whether the process only passes its port on to this, or watches it: this goes on when the
    /// process ends, and does not start that again.
    #[serde(default)]
    pub is_behind: bool,
    /// The units that start this one, uncleaned.
    #[serde(default)]
    pub triggered_by: Vec<String>,
    /// Who says so.
    pub confirmed: Option<Confirmed>,
}

/// What kind of keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeeperKind {
    /// A unit of systemd's: a service, or the socket, timer or unit that starts one.
    Systemd,
    /// A container of docker, podman, containerd, a kubelet.
    Container,
    /// A pod of podman's: containers that share a network.
    Pod,
    /// A machine of systemd-nspawn or LXC, with processes of its own.
    Machine,
    /// A service of docker's swarm.
    Swarm,
    /// The first process of a PID namespace.
    Init,
    /// supervisord.
    Supervisord,
    /// runit's runsv.
    Runit,
    /// s6-supervise.
    S6,
    /// supervise of daemontools.
    Daemontools,
    /// pm2's daemon.
    Pm2,
    /// uwsgi's emperor.
    Emperor,
    /// One that starts its child again when a file changes: nodemon, `node --watch`.
    Watcher,
    /// cron, which starts it again by its table.
    Cron,
    /// monit, which looks for it again and again, and is no parent of it.
    Monit,
    /// inetd or xinetd, which listens itself for what it starts.
    SuperServer,
    /// Another parent whose trade it is.
    Parent,
}

/// Who says that a process is kept by a keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirmed {
    /// The keeper itself, or whoever runs it, was asked.
    Asked,
    /// A cgroup path claims it, which whoever owns a subtree can forge.
    Path,
    /// The name and the arguments of a parent process.
    Name,
}

/// The number of TERM, which most keepers send first; it is the same everywhere.
pub const TERM: i32 = 15;

/// How long a port is watched after its holder's end when nothing keeps it.
const UNKEPT_MS: u64 = 1_000;
/// The same when something does, but how long it takes is not known.
const KEPT_MS: u64 = 3_000;
/// Added to a delay that is known: starting a program takes its time, too.
const START_MS: u64 = 1_000;
/// Nobody is made to wait longer than this unasked.
const LONGEST_MS: u64 = 15_000;

impl Keeper {
    /// A keeper of which only this is known.
    pub fn new(kind: KeeperKind, name: impl Into<String>, of: u32) -> Self {
        Self {
            kind,
            name: name.into(),
            instance: None,
            pid: None,
            of: vec![of],
            first: None,
            revives: false,
            restarts: None,
            policy: None,
            delay_ms: None,
            stop: None,
            untested: None,
            needs_root: false,
            asks: None,
            reason: None,
            ends_holder: None,
            undone_by: None,
            stops_also: Vec::new(),
            ends_children: Vec::new(),
            ends_alone: false,
            starts: Vec::new(),
            is_temporary: false,
            is_behind: false,
            triggered_by: Vec::new(),
            confirmed: None,
        }
    }

    /// Whether it may start the process again by itself.
    pub fn may_restart(&self) -> bool {
        self.restarts != Some(false)
    }

    /// The command that was looked into, whether sockpit may run it or root alone.
    pub fn command(&self) -> Option<&[String]> {
        self.stop.as_deref().or(self.untested.as_deref().filter(|_| self.needs_root))
    }

    /// Takes the command that was looked into; one that this user may not run becomes a text.
    pub fn set_command(&mut self, argv: Vec<String>, needs_root: bool) {
        self.needs_root = needs_root;
        if needs_root {
            self.untested = Some(std::iter::once("sudo".to_owned()).chain(argv).collect());
        } else {
            self.untested = None;
            self.stop = Some(argv);
        }
    }

    /// Whether its command does what a kill is for, and no more: it frees the port, ends nothing
    /// else, nobody further out undoes it, and nothing is started by it.
    pub fn is_narrow(&self) -> bool {
        self.command().is_some()
            && self.ends_holder.is_some()
            && self.undone_by.is_none()
            && self.stops_also.is_empty()
            && self.starts.is_empty()
    }

    /// Adds to what its command stops, unless that is known under its name already.
    pub fn also(&mut self, what: String) {
        let is_known = |known: &String| *known == what || known.ends_with(&format!(" {what}"));
        if !self.stops_also.iter().any(is_known) {
            self.stops_also.push(what);
        }
    }

    /// Whether two tell of one instance and one command.
    pub fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.name == other.name
            && self.instance == other.instance
            && self.command() == other.command()
            && self.reason == other.reason
    }

    /// Takes in what another one tells of the same instance, for other processes: what is true of
    /// any of them is true of all.
    pub fn join(&mut self, other: Self) {
        self.of
            .extend(other.of.into_iter().filter(|pid| !self.of.contains(pid)).collect::<Vec<_>>());
        self.restarts = match (self.restarts, other.restarts) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
        self.delay_ms = self.delay_ms.max(other.delay_ms);
        self.ends_holder = self.ends_holder.and(other.ends_holder).and(self.ends_holder);
        self.undone_by = self.undone_by.take().or(other.undone_by);
        self.policy = self.policy.take().or(other.policy);
        other.stops_also.into_iter().for_each(|what| self.also(what));
        let new = other.ends_children.into_iter().filter(|it| !self.ends_children.contains(it));
        self.ends_children.extend(new.collect::<Vec<_>>());
    }
}

/// How long a port is to be watched after its holder's end: as long as its keepers may take to
/// bring it back, and a second more.
pub fn watch_ms<'a>(keepers: impl IntoIterator<Item = &'a Keeper>) -> u64 {
    let each = keepers.into_iter().filter_map(|keeper| {
        let again = keeper.delay_ms.map_or(KEPT_MS, |delay| delay + START_MS);
        let next = (!keeper.starts.is_empty()).then_some(KEPT_MS);
        keeper.may_restart().then_some(again).max(next)
    });
    each.max().map_or(UNKEPT_MS, |longest| longest.clamp(UNKEPT_MS, LONGEST_MS))
}

/// The keeper that would bring the process back after so long a watch has ended; `None` where
/// none is known to.
pub fn later<'a>(
    keepers: impl IntoIterator<Item = &'a Keeper>,
    watched_ms: u64,
) -> Option<&'a Keeper> {
    let is_later = |keeper: &&Keeper| {
        keeper.restarts == Some(true)
            && keeper.delay_ms.is_some_and(|delay| delay.saturating_add(500) > watched_ms)
    };
    keepers.into_iter().find(is_later)
}

/// What must be known of a process beside its name to say what a signal does to it, and in which
/// namespaces it lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its ids, from this process's PID namespace inwards (`NSpid`); one where it is not nested.
    pub pids: Vec<u32>,
    /// Its process group, as this process's PID namespace counts; `None` where unknown.
    pub group: Option<u32>,
    /// The signals that it ignores: bit N-1 for signal N (`SigIgn`); `None` where unknown.
    pub ignores: Option<u64>,
    /// The signals that it has handlers for, or waits for (`SigCgt`, `SigBlk`).
    pub catches: Option<u64>,
    /// Its working directory.
    pub cwd: Option<Box<str>>,
    /// Inode of its PID namespace.
    pub pid_namespace: Option<u64>,
    /// Inode of its mount namespace.
    pub mount_namespace: Option<u64>,
}

impl Standing {
    /// Whether it is the first process of a PID namespace further in than sockpit's own.
    pub fn is_inner_init(&self) -> bool {
        self.pids.len() > 1 && self.pids.last() == Some(&1)
    }

    /// Whether it has a handler for a signal with this number; `None` where unknown.
    pub fn handles(&self, number: i32) -> Option<bool> {
        let bit = u32::try_from(number - 1).ok().filter(|bit| *bit < 64)?;
        Some(self.catches? & (1u64 << bit) != 0)
    }

    /// Whether it will not heed a signal with this number, sent from outside of its namespace:
    /// it ignores it; or it is the first process of a namespace and has no handler, and the kernel
    /// then drops all signals but KILL and STOP (`pid_namespaces(7)`).
    pub fn is_deaf_to(&self, number: i32) -> Option<Deafness> {
        let bit = u32::try_from(number - 1).ok().filter(|bit| *bit < 64).map(|bit| 1u64 << bit)?;
        if self.ignores.is_some_and(|ignores| ignores & bit != 0) {
            return Some(Deafness::Ignores);
        }
        let without_handler = self.handles(number) == Some(false);
        (self.is_inner_init() && without_handler).then_some(Deafness::InitWithoutHandler)
    }
}

/// Why a signal does nothing to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deafness {
    /// It has set the signal to be ignored.
    Ignores,
    /// It is the first process of a PID namespace and has no handler for the signal.
    InitWithoutHandler,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeper(restarts: Option<bool>, delay_ms: Option<u64>) -> Keeper {
        Keeper { restarts, delay_ms, ..Keeper::new(KeeperKind::Systemd, "a.service", 7) }
    }

    #[test]
    fn the_watch_lasts_as_long_as_the_slowest_keeper_and_a_second() {
        assert_eq!(watch_ms(&[]), 1_000);
        assert_eq!(watch_ms(&[keeper(Some(false), Some(9_000))]), 1_000);
        assert_eq!(watch_ms(&[keeper(None, None)]), 3_000);
        let starts = vec!["next.service".to_owned()];
        assert_eq!(watch_ms(&[Keeper { starts, ..keeper(Some(false), None) }]), 3_000);
        assert_eq!(watch_ms(&[keeper(Some(true), Some(100))]), 1_100);
        assert_eq!(watch_ms(&[keeper(Some(true), Some(2_000)), keeper(None, None)]), 3_000);
        assert_eq!(watch_ms(&[keeper(Some(true), Some(5_000))]), 6_000);
        assert_eq!(watch_ms(&[keeper(Some(true), Some(50_000))]), 15_000);
    }

    #[test]
    fn who_comes_back_after_the_watch_is_known() {
        let slow = [keeper(Some(true), Some(50_000))];
        assert_eq!(later(&slow, watch_ms(&slow)).map(|keeper| keeper.delay_ms), Some(Some(50_000)));
        let quick = [keeper(Some(true), Some(2_000)), keeper(None, Some(50_000))];
        assert_eq!(later(&quick, 3_000), None);
        assert!(later(&quick, 1_000).is_some(), "a shorter watch was asked for");
    }

    #[test]
    fn a_first_process_without_a_handler_hears_no_term() {
        let inner = Standing {
            pids: vec![4242, 1],
            ignores: Some(0),
            catches: Some(0),
            ..Standing::default()
        };
        assert_eq!(inner.is_deaf_to(15), Some(Deafness::InitWithoutHandler));
        let handling = Standing { catches: Some(1 << 14), ..inner.clone() };
        assert_eq!(handling.is_deaf_to(15), None);
        let ordinary = Standing { pids: vec![4242], ..inner };
        assert_eq!(ordinary.is_deaf_to(15), None);
        let ignoring = Standing { ignores: Some(1 << 14), ..ordinary };
        assert_eq!(ignoring.is_deaf_to(15), Some(Deafness::Ignores));
        assert_eq!(Standing::default().is_deaf_to(15), None);
    }
}
