//! Why a path can or cannot be bound by a UNIX socket.

use serde::{Deserialize, Serialize};

use super::health::Health;
use super::why::{TrialBind, WhyFinding};

/// The answer to `why PATH` (`sockpit.why/1`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathReport {
    /// As the user wrote it.
    pub target: String,
    /// The same without symbolic links, where something is there.
    pub real_path: Option<String>,
    /// Whether a bind would succeed. By evidence: a trial would leave a file behind.
    pub bindable: bool,
    /// What a bind is refused with; `None` where it would succeed.
    pub error: Option<String>,
    /// Whether something is there.
    pub exists: bool,
    /// Whether that is a socket; `None` where nothing is there, or it may not be looked at.
    pub is_socket: Option<bool>,
    /// Whether a process of this host listens on it, or receives datagrams there; `None` where
    /// that cannot be told.
    pub listening: Option<bool>,
    /// No bind is tried.
    pub trial: Vec<TrialBind>,
    /// What stands in the way or ought to be known.
    pub findings: Vec<WhyFinding>,
    /// What the sources could not tell.
    pub health: Vec<Health>,
}
