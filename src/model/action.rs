//! Plans of actions and their verified outcomes.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::owner::ProcessKey;
use super::socket::Socket;

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
    /// One process.
    Pid {
        /// Process id.
        pid: u32,
    },
}

/// How sockpit came to plan a process's end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Victim {
    /// Identity: pid and start time.
    #[serde(flatten)]
    pub key: ProcessKey,
    /// Short name, uncleaned.
    pub name: String,
    /// The sockets that make it a victim; empty when named by pid.
    pub holds: Vec<Socket>,
    /// Names of the signals in the order they would be sent.
    pub signals: Vec<String>,
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
    /// Their open connections.
    pub connections: u64,
    /// Their child processes, by pid.
    pub children: Vec<u32>,
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
    /// What else is lost.
    pub blast_radius: BlastRadius,
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
    /// Names of the signals that were sent.
    pub signals: Vec<String>,
    /// Whether its end was seen.
    pub exited: bool,
    /// From the first signal to the end.
    pub exit_after_ms: Option<u64>,
    /// Why no signal was sent, or why it did not end.
    pub reason: Option<String>,
}

/// Who took the port again within the second after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Respawn {
    /// Process id.
    pub pid: u32,
    /// Short name, uncleaned.
    pub name: String,
    /// What started it again, where that is known.
    pub supervisor: Option<String>,
}

/// What a kill did (`sockpit.kill/1`), verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillOutcome {
    /// As the user wrote it.
    pub target: String,
    /// Each victim's end.
    pub victims: Vec<VictimOutcome>,
    /// Who was left alone.
    pub spared: Vec<Spared>,
    /// Whether the port was proven free; `None` for a kill by pid.
    pub port_free: Option<bool>,
    /// Who took it again.
    pub respawned: Option<Respawn>,
}
