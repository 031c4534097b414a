//! Keepers in the form in which plans named them first, for who reads the JSON.

use serde::{Deserialize, Serialize};

use crate::model::keeper::{Confirmed, Keeper, KeeperKind};

/// Who may start a victim again, and the command that stops it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervisor {
    /// The victim.
    pub pid: u32,
    /// What kind of supervisor.
    pub kind: SupervisorKind,
    /// Unit, container or parent, uncleaned.
    pub name: String,
    /// What to run instead; text only unless `word` confirms it.
    pub command: Vec<String>,
    /// What the keeper itself says; `None` when nobody was to be asked.
    #[serde(default)]
    pub word: Option<SupervisorWord>,
}

/// What a keeper says of a process that seems to be its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisorWord {
    /// Whether it agrees.
    pub confirmed: bool,
    /// Why not, or why no command is offered, as a clause, uncleaned.
    pub reason: Option<String>,
    /// What it calls the unit or container, uncleaned.
    pub name: Option<String>,
    /// When it starts what it runs again: `Restart=always`.
    pub restart: Option<String>,
    /// After how long, in its own words: `100ms`, `1min 30s`.
    #[serde(default)]
    pub restart_after: Option<String>,
    /// The socket, timer and other units that start it, uncleaned.
    #[serde(default)]
    pub triggered_by: Vec<String>,
    /// What stops it. Empty unless confirmed.
    pub argv: Vec<String>,
}

/// Kinds of supervisors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupervisorKind {
    /// A systemd unit.
    Systemd,
    /// A container or machine.
    Container,
    /// A parent process whose purpose it is.
    Parent,
}

/// `always` and `100ms` of `Restart=always, after 100ms`; `always` of `restart policy always`.
fn parts(policy: &str) -> (String, Option<String>) {
    let bare = policy.strip_prefix("Restart=").or_else(|| policy.strip_prefix("restart policy "));
    let bare = bare.unwrap_or(policy);
    match bare.split_once(", after ") {
        Some((bare, after)) => (bare.to_owned(), Some(after.to_owned())),
        None => (bare.to_owned(), None),
    }
}

impl Supervisor {
    /// One for each process that a keeper keeps.
    pub fn of(keeper: &Keeper) -> impl Iterator<Item = Self> + '_ {
        let kind = match keeper.kind {
            KeeperKind::Systemd => SupervisorKind::Systemd,
            KeeperKind::Container | KeeperKind::Pod | KeeperKind::Machine => {
                SupervisorKind::Container
            }
            _ => SupervisorKind::Parent,
        };
        let confirmed = keeper.confirmed == Some(Confirmed::Asked);
        let (restart, restart_after) = keeper.policy.as_deref().map(parts).unzip();
        let word = SupervisorWord {
            confirmed: confirmed && keeper.stop.is_some(),
            reason: keeper.reason.clone(),
            name: confirmed.then(|| keeper.name.clone()),
            restart,
            restart_after: restart_after.flatten(),
            triggered_by: keeper.triggered_by.clone(),
            argv: keeper.stop.clone().filter(|_| confirmed).unwrap_or_default(),
        };
        keeper.of.iter().map(move |&pid| Self {
            pid,
            kind,
            name: keeper.name.clone(),
            command: keeper.stop.as_ref().or(keeper.untested.as_ref()).cloned().unwrap_or_default(),
            word: (kind != SupervisorKind::Parent || confirmed).then(|| word.clone()),
        })
    }
}
