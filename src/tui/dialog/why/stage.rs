//! How far the question has come, and what can be chosen once it is answered.

use crate::model::action::KillTarget;
use crate::model::socket::SocketKey;
use crate::model::why::{Remedy, WhyReport};
use crate::tui::event::RequestId;

/// How far a question has come.
#[derive(Debug)]
pub(super) enum WhyStage {
    /// It is being found out.
    Asking(RequestId),
    /// The answer.
    Ready {
        /// All that was found out.
        report: Box<WhyReport>,
        /// The remedies of all findings, each once.
        remedies: Vec<Choice>,
        /// The chosen one of them.
        chosen: usize,
    },
    /// It cannot be found out.
    Failed(String),
}

/// A remedy that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The remedy.
    pub remedy: Remedy,
    /// What a plan would be aimed at; `None` where sockpit runs nothing for it.
    pub plan: Option<Aim>,
}

/// What a remedy's plan is aimed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// The end of a port's holders, or of a process.
    Kill(KillTarget),
    /// The end of exactly these connections.
    Close(Vec<SocketKey>),
}
