//! How far a kill has come.

use std::collections::VecDeque;
use std::time::Instant;

use super::methods::Method;
use crate::act::kill::Progress;
use crate::model::action::KillPlan;
use crate::tui::event::{Killed, RequestId, Stopped};
use crate::tui::widgets::field::Field;

/// Events of a run that stay on screen.
const MOST_NEWS: usize = 12;

/// How far a kill has come.
#[derive(Debug)]
pub(super) enum KillStage {
    /// The plan is being worked out.
    Planning(RequestId),
    /// The plans are on screen, with the methods to go about them.
    Ready(Ready),
    /// The first signal is being chosen.
    Signals {
        /// What is on screen before and after.
        ready: Ready,
        /// Place in [`super::methods::SIGNALS`].
        chosen: usize,
    },
    /// The first agreement is given; the second one has to be typed, so that a habit cannot
    /// give it.
    Again {
        /// What was agreed to.
        ready: Ready,
        /// What is typed.
        typed: Field,
    },
    /// It runs.
    Running(Running),
    /// It has ended; one for each plan.
    Done(Vec<Killed>),
    /// A unit or container was stopped instead, or was not.
    Stopped(Box<Stopped>),
    /// There is no plan.
    Failed(String),
}

/// Plans, one for each target, and how to go about them.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// The plans.
    pub plans: Vec<KillPlan>,
    /// The methods; none when there is nobody to end.
    pub methods: Vec<Method>,
    /// The chosen one of them.
    pub chosen: usize,
}

/// A run on its method.
#[derive(Debug)]
pub(super) struct Running {
    /// The request.
    pub id: RequestId,
    /// When it began.
    pub since: Instant,
    /// What has happened, oldest first.
    pub news: VecDeque<Progress>,
    /// What it waits for.
    pub waits: Option<Progress>,
}

impl Ready {
    /// What has to be typed before the chosen method is run, and why; `None` when it is run at
    /// once.
    pub(super) fn confirmation(&self) -> Option<(String, String)> {
        self.methods.get(self.chosen)?.confirmation(&self.plans)
    }
}

impl Running {
    pub(super) fn hear(&mut self, news: &Progress) {
        match news {
            Progress::Waiting { .. } | Progress::Watching { .. } | Progress::Stopping { .. } => {
                self.waits = Some(news.clone());
            }
            Progress::Signalled { .. } | Progress::Ended { .. } | Progress::Spared(_) => {
                if self.news.len() == MOST_NEWS {
                    self.news.pop_front();
                }
                self.news.push_back(news.clone());
            }
        }
    }
}
