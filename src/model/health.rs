//! What a source of facts can and cannot tell right now, as data that every view shows.

use serde::{Deserialize, Serialize};

/// Whether a source delivers what it promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// Everything that this source can tell is there.
    Ready,
    /// Something is missing or late; `reason` says what.
    Degraded,
    /// Nothing comes from this source; `reason` says why.
    Unavailable,
}

/// One line of honesty: a source, its state, and what would mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The source, by a short stable name: `sock_diag`, `owners`, `capture`.
    pub source: String,
    /// How it fares.
    pub state: HealthState,
    /// One sentence: what is missing and why. `None` when ready.
    pub reason: Option<String>,
    /// What the user can do about it, if anything.
    pub remedy: Option<String>,
}

impl Health {
    /// A source that delivers everything.
    pub fn ready(source: impl Into<String>) -> Self {
        Self { source: source.into(), state: HealthState::Ready, reason: None, remedy: None }
    }

    /// A source that delivers a part.
    pub fn degraded(source: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            state: HealthState::Degraded,
            reason: Some(reason.into()),
            remedy: None,
        }
    }

    /// A source that delivers nothing.
    pub fn unavailable(source: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { state: HealthState::Unavailable, ..Self::degraded(source, reason) }
    }

    /// The same, with what would mend it.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Whether the user should be told.
    pub fn is_troubled(&self) -> bool {
        self.state != HealthState::Ready
    }
}
