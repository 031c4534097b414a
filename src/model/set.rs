//! Setting options of a live socket: the plan, and its verified outcome.

use serde::{Deserialize, Serialize};

use super::options::OptionValue;
use super::socket::Socket;

/// What setting would do (`--dry-run`, the dialog).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetPlan {
    /// The socket as it was when the plan was made.
    pub socket: Socket,
    /// The process through whose descriptor it is done.
    pub pid: u32,
    /// That descriptor.
    pub fd: i32,
    /// The table of descriptors is this thread's own; `None` for its process's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tid: Option<u32>,
    /// Who else has the same socket, and so the same options.
    pub shared_with: Vec<Sharer>,
    /// SO_BUF_LOCK as it is: setting a buffer sets it, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer_lock: Option<OptionValue>,
    /// What would be set, in this order.
    pub changes: Vec<PlannedSet>,
    /// What would not be set, with the reason.
    pub refused: Vec<RefusedSet>,
    /// What would be done, a sentence a step.
    pub steps: Vec<String>,
    /// What the user should weigh.
    pub warnings: Vec<String>,
    /// Why it needs a confirmation of its own, as a clause; `None` for ordinary processes.
    pub protected: Option<String>,
}

/// Another holder of the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sharer {
    /// Process id.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// Its descriptor.
    pub fd: Option<i32>,
}

/// One option that would be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedSet {
    /// Name in C.
    pub name: String,
    /// What is asked for.
    pub asked: OptionValue,
    /// What it is now.
    pub before: Option<OptionValue>,
}

/// One option that is not set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusedSet {
    /// Name in C.
    pub name: String,
    /// What was asked for.
    pub asked: OptionValue,
    /// Why, as a clause.
    pub why: String,
}

/// What the kernel made of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetEffect {
    /// It reads back as it was asked for.
    AsAsked,
    /// It reads back as twice that, as buffers do.
    Doubled,
    /// To the next value that the kernel can keep.
    Rounded,
    /// To a limit.
    Clamped,
    /// It was taken and nothing changed.
    Ignored,
    /// It was not taken.
    Refused,
}

impl SetEffect {
    /// Whether that is what was wanted.
    pub fn is_success(self) -> bool {
        matches!(self, Self::AsAsked | Self::Doubled | Self::Rounded)
    }
}

/// What came of one option.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetResult {
    /// Name in C.
    pub name: String,
    /// What was asked for.
    pub asked: OptionValue,
    /// What it was.
    pub before: Option<OptionValue>,
    /// What it reads back as.
    pub after: Option<OptionValue>,
    /// What the kernel made of it.
    pub effect: SetEffect,
    /// Why that, as a clause; `None` where it is as asked.
    pub why: Option<String>,
    /// The error number's name, where the kernel refused.
    pub errno: Option<String>,
    /// The command line that undoes it, program first; empty where there is nothing to undo.
    pub undo: Vec<String>,
}

/// What was set (`sockpit.set/1`), verified.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetOutcome {
    /// The socket as it was when it was planned.
    pub socket: Socket,
    /// Who else has the same socket.
    pub shared_with: Vec<Sharer>,
    /// What came of each option, in the order in which they were asked for.
    pub set: Vec<SetResult>,
}
