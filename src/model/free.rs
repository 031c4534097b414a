//! Ports that a bind would get.

use serde::{Deserialize, Serialize};

use super::health::Health;

/// The answer to "which ports are free" (`sockpit.free/1`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreePorts {
    /// Ports that a plain bind got a moment ago, the best first.
    pub ports: Vec<u16>,
    /// Ports that were passed over, in ascending order; [`FreePorts::MOST_SKIPPED`] at most.
    pub skipped: Vec<SkippedPort>,
    /// How many more were passed over.
    pub skipped_more: u32,
    /// What the sources could not tell.
    pub health: Vec<Health>,
}

impl FreePorts {
    /// More skipped ports than this are only counted.
    pub const MOST_SKIPPED: usize = 1_000;
}

/// A port that was passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedPort {
    /// Port number.
    pub port: u16,
    /// In a few words, beginning with the kind: `in use`, `reserved`, `ephemeral`,
    /// `privileged`, or the system's own word. Names in it are uncleaned.
    pub reason: String,
}
