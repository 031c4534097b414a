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

/// `always` of `Restart=always, after 100ms` and of `restart policy always`.
fn bare_policy(policy: &str) -> String {
    let bare = policy.strip_prefix("Restart=").or_else(|| policy.strip_prefix("restart policy "));
    let bare = bare.unwrap_or(policy);
    bare.split_once(", after").map_or(bare, |(bare, _)| bare).to_owned()
}

impl Supervisor {
    /// One for each process that a keeper keeps.
    pub fn of(keeper: &Keeper) -> impl Iterator<Item = Self> + '_ {
        let kind = match keeper.kind {
            KeeperKind::Systemd => SupervisorKind::Systemd,
            KeeperKind::Container | KeeperKind::Machine => SupervisorKind::Container,
            _ => SupervisorKind::Parent,
        };
        let confirmed = keeper.confirmed == Some(Confirmed::Asked);
        let word = SupervisorWord {
            confirmed: confirmed && keeper.stop.is_some(),
            reason: keeper.reason.clone(),
            name: confirmed.then(|| keeper.name.clone()),
            restart: keeper.policy.as_deref().map(bare_policy),
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
