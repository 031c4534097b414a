//! Processes that started a victim and live on after it.

use serde::{Deserialize, Serialize};

use super::super::keeper::{self, Keeper};
use super::super::owner::ProcessKey;

/// A process that started victims and lives on after them. Nothing says that it starts them
/// again, nor that it does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Identity: pid and start time.
    #[serde(flatten)]
    pub key: ProcessKey,
    /// Short name, uncleaned.
    pub name: String,
    /// The victims that it started, some of them through others.
    pub of: Vec<u32>,
    /// Whether it is there to run one command after the other, as a shell is: the next one that
    /// it runs may be a pause before it starts the same again.
    pub runs_commands: bool,
}

/// How long a port is watched where a parent lives on, in milliseconds.
const PARENT_MS: u64 = 3_000;

/// How long a port is to be watched by itself, in milliseconds.
pub fn usual_watch_ms(keepers: &[Keeper], parents: &[Parent]) -> u64 {
    let least = if parents.is_empty() { 0 } else { PARENT_MS };
    keeper::watch_ms(keepers).max(least)
}
