//! How far a close has come.

use std::time::Instant;

use crate::act::{Confirmation, Done};
use crate::model::close::ClosePlan;
use crate::tui::event::RequestId;
use crate::tui::widgets::field::Field;

/// How far a close has come.
#[derive(Debug)]
pub(super) enum CloseStage {
    /// The plan is being worked out.
    Planning(RequestId),
    /// The plan is on screen.
    Ready(ClosePlan),
    /// The first agreement is given; a protected connection wants its local port typed, so
    /// that a habit cannot give the second.
    Protected {
        /// The plan.
        plan: ClosePlan,
        /// What has to be typed, and why.
        wanted: Confirmation,
        /// What is typed.
        typed: Field,
    },
    /// It runs.
    Running {
        /// The request.
        id: RequestId,
        /// When it began.
        since: Instant,
    },
    /// It has ended.
    Done(Box<Done<ClosePlan>>),
    /// There is no plan.
    Failed(String),
}
