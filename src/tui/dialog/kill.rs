//! The kill dialog: plan, confirmation, progress, outcome.

use std::time::Instant;

use super::Step;
use crate::act::kill::{Consent, Progress};
use crate::model::action::{KillPlan, KillTarget, Victim};
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, Killed, RequestId};
use crate::tui::pane::Cx;
use crate::tui::widgets::field::Field;

/// A kill from its key to its outcome.
#[derive(Debug)]
pub struct KillDialog {
    /// What was under the key.
    pub subject: String,
    /// Rows that had ended before the key was pressed.
    pub ended_before: usize,
    /// How far it has come.
    pub stage: KillStage,
}

/// How far a kill has come.
#[derive(Debug)]
pub enum KillStage {
    /// The plan is being worked out.
    Planning(RequestId),
    /// The plans are on screen, one for each target.
    Ready(Vec<KillPlan>),
    /// The first agreement is given; a protected process wants its pid typed, so that a
    /// habit cannot give the second.
    Protected {
        /// The plans.
        plans: Vec<KillPlan>,
        /// What is typed.
        typed: Field,
    },
    /// It runs.
    Running {
        /// The request.
        id: RequestId,
        /// When it began.
        since: Instant,
        /// The newest word of it.
        progress: Option<Progress>,
    },
    /// It has ended; one for each plan.
    Done(Vec<Killed>),
    /// There is no plan.
    Failed(String),
}

impl KillDialog {
    /// Asks for the plans of these targets.
    pub fn plan(
        subject: String,
        targets: Vec<KillTarget>,
        ended_before: usize,
        cx: &mut Cx<'_>,
    ) -> Self {
        let id = cx.requests.next_id();
        cx.effects.push(Effect::PlanKill(id, targets));
        Self { subject, ended_before, stage: KillStage::Planning(id) }
    }

    /// The field for a protected process's pid, while it is asked for.
    pub fn field(&mut self) -> Option<&mut Field> {
        match &mut self.stage {
            KillStage::Protected { typed, .. } => Some(typed),
            _ => None,
        }
    }

    /// Enter.
    pub fn accept(&mut self, cx: &mut Cx<'_>) -> Step {
        match &mut self.stage {
            KillStage::Planning(_) | KillStage::Running { .. } => Step::Stay,
            KillStage::Done(_) | KillStage::Failed(_) => Step::Close,
            KillStage::Ready(plans) if plans.iter().all(|plan| plan.victims.is_empty()) => {
                Step::Close
            }
            KillStage::Ready(plans) => {
                let plans = std::mem::take(plans);
                if first_protected(&plans).is_some() {
                    self.stage = KillStage::Protected { plans, typed: Field::default() };
                } else {
                    self.run(plans, Consent { protected: false }, cx);
                }
                Step::Stay
            }
            KillStage::Protected { plans, typed } => {
                let pid = first_protected(plans).map(|victim| victim.key.pid.to_string());
                if pid.as_deref() != Some(typed.text().trim()) {
                    return Step::Stay;
                }
                let plans = std::mem::take(plans);
                self.run(plans, Consent { protected: true }, cx);
                Step::Stay
            }
        }
    }

    fn run(&mut self, plans: Vec<KillPlan>, consent: Consent, cx: &mut Cx<'_>) {
        let id = cx.requests.next_id();
        cx.effects.push(Effect::RunKill(id, plans, consent));
        self.stage = KillStage::Running { id, since: cx.now.at, progress: None };
    }

    /// Takes what this dialog waits for.
    pub fn answer(&mut self, id: RequestId, answer: &Answer) {
        match (&mut self.stage, answer) {
            (KillStage::Planning(asked), Answer::KillPlanned(plans)) if *asked == id => {
                self.stage = match plans {
                    Ok(plans) => KillStage::Ready(plans.clone()),
                    Err(why) => KillStage::Failed(why.clone()),
                };
            }
            (KillStage::Running { id: asked, progress, .. }, Answer::Killing(news))
                if *asked == id =>
            {
                *progress = Some(news.clone());
            }
            (KillStage::Running { id: asked, .. }, Answer::Killed(killed)) if *asked == id => {
                self.stage = KillStage::Done(killed.clone());
            }
            _ => {}
        }
    }

    /// Whether this dialog shows how the kill with this id ends.
    pub fn is_running(&self, id: RequestId) -> bool {
        matches!(self.stage, KillStage::Running { id: running, .. } if running == id)
    }
}

/// The first victim that needs a confirmation of its own.
pub fn first_protected(plans: &[KillPlan]) -> Option<&Victim> {
    plans.iter().flat_map(|plan| &plan.victims).find(|victim| victim.protected.is_some())
}
