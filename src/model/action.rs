//! Plans of actions and their verified outcomes.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::forwarder::Forwarder;
use super::keeper::Keeper;
use super::owner::{Container, ProcessKey, Unit};
use super::signal::Signal;
use super::socket::Socket;

mod parent;
mod supervisor;

pub use parent::{Parent, usual_watch_ms};
pub use supervisor::{Supervisor, SupervisorKind, SupervisorWord};

/// What a kill is aimed at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KillTarget {
    /// Whoever holds a port for serving.
    Port {
        /// Port number.
        port: u16,
        /// TCP, or UDP when written `PORT/udp`.
        udp: bool,
        /// Only sockets bound to this address.
        addr: Option<IpAddr>,
    },
    /// Whoever listens on a UNIX socket.
    Path {
        /// Its path, as it was written.
        path: String,
        /// The sockets that were bound to its file when it was looked at, by inode; empty before.
        #[serde(default)]
        inodes: Vec<u64>,
    },
    /// One process.
    Pid {
        /// Process id.
        pid: u32,
    },
}

impl KillTarget {
    /// As a user writes it, with the address where one narrows it: `8080/tcp`,
    /// `127.0.0.1:53/udp`, `pid 4242`.
    pub fn describe(&self) -> String {
        match self {
            Self::Pid { pid } => format!("pid {pid}"),
            Self::Path { path, .. } => path.clone(),
            Self::Port { port, udp, addr } => {
                let protocol = if *udp { "udp" } else { "tcp" };
                match addr {
                    None => format!("{port}/{protocol}"),
                    Some(addr) => format!("{}/{protocol}", SocketAddr::new(*addr, *port)),
                }
            }
        }
    }

    /// What arguments of `sockpit kill` name; the inverse of [`KillTarget::arguments`].
    pub fn from_arguments(arguments: &[&str]) -> Option<Self> {
        let (target, addr) = match arguments {
            [target] => (*target, None),
            [target, "--addr", addr] => (*target, Some(addr.parse().ok()?)),
            _ => return None,
        };
        if target.starts_with('/') {
            let path = Self::Path { path: target.to_owned(), inodes: Vec::new() };
            return addr.is_none().then_some(path);
        }
        if let Some(pid) = target.strip_prefix("pid:") {
            return pid.parse().ok().filter(|_| addr.is_none()).map(|pid| Self::Pid { pid });
        }
        let (port, udp) = target.strip_suffix("/udp").map_or((target, false), |port| (port, true));
        Some(Self::Port { port: port.parse().ok()?, udp, addr })
    }

    /// The arguments that name it to `sockpit kill`: `8080`, `53/udp --addr 127.0.0.1`,
    /// `pid:4242`.
    pub fn arguments(&self) -> String {
        match self {
            Self::Pid { pid } => format!("pid:{pid}"),
            Self::Path { path, .. } => path.clone(),
            Self::Port { port, udp, addr } => {
                let protocol = if *udp { "/udp" } else { "" };
                let addr = addr.map_or(String::new(), |addr| format!(" --addr {addr}"));
                format!("{port}{protocol}{addr}")
            }
        }
    }
}

/// How sockpit came to plan a process's end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Victim {
    /// Identity: pid and start time.
    #[serde(flatten)]
    pub key: ProcessKey,
    /// Short name, uncleaned.
    pub name: String,
    /// The sockets that make it a victim; empty when named by pid or taken along as a child.
    pub holds: Vec<Socket>,
    /// The signals in the order they would be sent.
    pub signals: Vec<Signal>,
    /// Why it needs a confirmation of its own, in a few words; `None` for ordinary processes.
    pub protected: Option<String>,
    /// The victim that it descends from, when it is taken along as a child.
    pub child_of: Option<u32>,
    /// What tells it from others of its name.
    #[serde(flatten)]
    pub about: About,
}

/// What tells a process from others of its name; what could not be read stays empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// Command line, an element an argument, uncleaned.
    pub cmdline: Vec<Box<str>>,
    /// Working directory, uncleaned.
    pub cwd: Option<Box<str>>,
    /// Its unit.
    pub unit: Option<Unit>,
    /// Its container.
    pub container: Option<Container>,
}

/// A process that holds the port and stays untouched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spared {
    /// Process id.
    pub pid: u32,
    /// Short name, uncleaned.
    pub name: String,
    /// One sentence.
    pub reason: String,
}

/// What else ends with the victims.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BlastRadius {
    /// Their other listening and bound sockets.
    pub other_listeners: Vec<Socket>,
    /// Their open connections; one between two of them counts once.
    pub connections: u64,
    /// Their child processes, by pid.
    pub children: Vec<u32>,
}

/// What stopping a unit or container would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopPlan {
    /// Unit or container, uncleaned.
    pub name: String,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Whom it ends.
    pub victims: Vec<ProcessKey>,
    /// The kills that it stands for: their ports must be free then.
    pub kills: Vec<KillPlan>,
    /// Whether all that those kills would end lives in it.
    pub covers_all: bool,
    /// What else it stops, uncleaned.
    pub stops_also: Vec<String>,
    /// The units that systemd may start then, uncleaned.
    #[serde(default)]
    pub starts: Vec<String>,
    /// Whether it is known to end those processes, or to free their ports.
    pub is_sure: bool,
    /// Who, further out, would undo it, uncleaned.
    pub undone_by: Option<String>,
    /// How long it may take.
    pub timeout_ms: u64,
}

/// What stopping a unit or container did, verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopOutcome {
    /// Whether the command was run and succeeded.
    pub stopped: bool,
    /// Why not, in one sentence, uncleaned.
    pub reason: Option<String>,
    /// Whether it was refused for want of rights.
    pub refused: bool,
    /// For each kill of the plan what became of its victims and its port. No signal is sent.
    pub kills: Vec<KillOutcome>,
}

/// What a kill would do (`--dry-run`, the dialog).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KillPlan {
    /// What it is aimed at.
    pub target: KillTarget,
    /// Who would get a signal.
    pub victims: Vec<Victim>,
    /// Who would not, and why.
    pub spared: Vec<Spared>,
    /// Sockets that hold the port and that no process can be named for; each says why.
    pub unattributed: Vec<Socket>,
    /// Sockets on another address that take the target's address too (a wildcard), and stay.
    #[serde(default)]
    pub covering: Vec<Socket>,
    /// What else is lost.
    pub blast_radius: BlastRadius,
    /// Who stands behind the victims, the innermost first.
    #[serde(default)]
    pub keepers: Vec<Keeper>,
    /// Who started the victims and lives on after them, the nearest first.
    #[serde(default)]
    pub parents: Vec<Parent>,
    /// The victims that only forward, or hold the port for a container, and what is behind them;
    /// also one that says so of itself where the holder may not be seen.
    #[serde(default)]
    pub forwarders: Vec<Forwarder>,
    /// Those of them that are units, containers or parents, in the form that came before.
    pub supervisors: Vec<Supervisor>,
    /// How long each signal is waited for.
    pub timeout_ms: u64,
    /// How long the port is watched after their end.
    #[serde(default)]
    pub watch_ms: u64,
    /// What would be done, a sentence a step.
    pub steps: Vec<String>,
    /// What the user should weigh.
    pub warnings: Vec<String>,
    /// Whether victims need a second confirmation (pid 1, sockpit's ancestors).
    pub protected: bool,
}

/// What happened to a victim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VictimOutcome {
    /// Process id.
    pub pid: u32,
    /// Short name, uncleaned.
    pub name: String,
    /// The signals that were sent.
    pub signals: Vec<Signal>,
    /// Whether its end was seen.
    pub exited: bool,
    /// From the first signal to the end.
    pub exit_after_ms: Option<u64>,
    /// Why no signal was sent, or why it did not end.
    pub reason: Option<String>,
    /// Whether the system refused a signal for want of rights.
    pub refused: bool,
}

/// Who took the port again while it was watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Respawn {
    /// Process id.
    pub pid: u32,
    /// Short name, uncleaned.
    pub name: String,
    /// What started it again, where that is known.
    pub supervisor: Option<String>,
}

/// What shows that a port is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortProof {
    /// A bind succeeded.
    Bind,
    /// A bind with SO_REUSEADDR succeeded: closed connections linger on the port.
    BindReuseAddr,
    /// No socket holds it; no bind was tried, or none is permitted.
    Table,
}

/// What a kill did (`sockpit.kill/1`), verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillOutcome {
    /// As the user wrote it, or would have to ([`KillTarget::arguments`]).
    pub target: String,
    /// Each victim's end.
    pub victims: Vec<VictimOutcome>,
    /// Who was left alone.
    pub spared: Vec<Spared>,
    /// Whether the port was proven free; `None` for a kill by pid.
    pub port_free: Option<bool>,
    /// What proved it; `None` when it is not free.
    pub proof: Option<PortProof>,
    /// Why it is not free, in one sentence.
    pub port_reason: Option<String>,
    /// Who took it again.
    pub respawned: Option<Respawn>,
    /// How long it was watched after the victims' end, in milliseconds.
    #[serde(default)]
    pub watched_ms: u64,
    /// Who stood behind the victims, the innermost first.
    #[serde(default)]
    pub keepers: Vec<Keeper>,
    /// Who had started the victims, and lived on when the watch was over.
    #[serde(default)]
    pub parents: Vec<Parent>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_read_from_its_own_arguments() {
        let addr = Some("::1".parse().unwrap());
        for target in [
            KillTarget::Port { port: 8080, udp: false, addr: None },
            KillTarget::Port { port: 53, udp: true, addr },
            KillTarget::Pid { pid: 4242 },
            KillTarget::Path { path: "/run/a.sock".to_owned(), inodes: Vec::new() },
        ] {
            let arguments = target.arguments();
            let arguments: Vec<&str> = arguments.split(' ').collect();
            assert_eq!(KillTarget::from_arguments(&arguments), Some(target));
        }
        for other in [&["x"][..], &[], &["80", "--tree"], &["pid:1", "--addr", "::1"]] {
            assert_eq!(KillTarget::from_arguments(other), None, "{other:?}");
        }
    }
}
