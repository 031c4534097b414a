//! Closing connections: the plan, and its verified outcome.

use serde::{Deserialize, Serialize};

use super::socket::Socket;

/// What a close would do (`--dry-run`, the dialog).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClosePlan {
    /// What would be closed.
    pub targets: Vec<CloseTarget>,
    /// What was selected and stays untouched.
    pub spared: Vec<SocketAndReason>,
    /// How many sockets might have been selected, had more of them been known. None of them
    /// is closed.
    pub undecided: usize,
    /// What would be done, a sentence a step.
    pub steps: Vec<String>,
    /// What the user should weigh.
    pub warnings: Vec<String>,
    /// Whether some targets need a confirmation of their own.
    pub protected: bool,
}

/// A socket that would be closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloseTarget {
    /// The socket as it was when the plan was made.
    pub socket: Socket,
    /// Why it needs a confirmation of its own, as a clause; `None` for ordinary connections.
    pub protected: Option<String>,
}

/// A socket that is left alone, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SocketAndReason {
    /// The socket.
    pub socket: Socket,
    /// A clause.
    pub reason: String,
}

/// A socket that was to be closed and is still there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedClose {
    /// The socket.
    pub socket: Socket,
    /// Why, in one sentence.
    pub reason: String,
    /// Whether the system refused for want of rights.
    pub refused: bool,
}

/// What a close did (`sockpit.close/1`), verified. Sockets are as they were when it was
/// planned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CloseOutcome {
    /// Closed, and seen in the table no more as what they were (a closed listener's process
    /// may still hold the port, BOUND); also the other end of a local connection that went
    /// with it.
    pub closed: Vec<Socket>,
    /// Ended by themselves before they were closed.
    pub ended: Vec<Socket>,
    /// Left alone.
    pub spared: Vec<SocketAndReason>,
    /// Still there.
    pub failed: Vec<FailedClose>,
}
