//! The kill dialog: plan, confirmation, progress, outcome.

use std::time::Instant;

use super::Step;
use crate::model::action::{KillOutcome, KillPlan};
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::pane::Cx;

/// A kill from its key to its outcome.
#[derive(Debug)]
pub struct KillDialog {
    /// What was under the key.
    pub subject: String,
    /// How far it has come.
    pub stage: KillStage,
}

/// How far a kill has come.
#[derive(Debug)]
pub enum KillStage {
    /// The plan is being worked out.
    Planning(RequestId),
    /// The plan is on screen.
    Ready {
        /// One for each target.
        plans: Vec<KillPlan>,
        /// A protected process needs the second agreement, and has had the first.
        agreed_once: bool,
    },
    /// It runs.
    Running(RequestId, Instant),
    /// It has ended; one outcome for each plan.
    Done(Vec<Result<KillOutcome, String>>),
    /// There is no plan.
    Failed(String),
}

impl KillDialog {
    /// The dialog while its plan is worked out.
    pub fn planning(id: RequestId, subject: String) -> Self {
        Self { subject, stage: KillStage::Planning(id) }
    }

    /// Enter.
    pub fn accept(&mut self, cx: &mut Cx<'_>) -> Step {
        let KillStage::Ready { plans, agreed_once } = &mut self.stage else {
            return match self.stage {
                KillStage::Done(_) | KillStage::Failed(_) => Step::Close,
                _ => Step::Stay,
            };
        };
        if plans.iter().all(|plan| plan.victims.is_empty()) {
            return Step::Close;
        }
        if plans.iter().any(|plan| plan.protected) && !*agreed_once {
            *agreed_once = true;
            return Step::Stay;
        }
        let id = cx.requests.next_id();
        cx.effects.push(Effect::RunKill(id, std::mem::take(plans)));
        self.stage = KillStage::Running(id, cx.now.at);
        Step::Stay
    }

    /// Takes the plan or the outcome that this dialog waits for.
    pub fn answer(&mut self, id: RequestId, answer: &Answer) {
        match (&self.stage, answer) {
            (KillStage::Planning(asked), Answer::KillPlanned(plans)) if *asked == id => {
                self.stage = match plans {
                    Ok(plans) => KillStage::Ready { plans: plans.clone(), agreed_once: false },
                    Err(why) => KillStage::Failed(why.clone()),
                };
            }
            (KillStage::Running(asked, _), Answer::Killed(outcomes)) if *asked == id => {
                self.stage = KillStage::Done(outcomes.clone());
            }
            _ => {}
        }
    }
}
