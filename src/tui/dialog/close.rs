//! The close dialog: plan, confirmation, progress, outcome.

use std::time::Instant;

use super::Step;
use crate::act::close::Consent;
use crate::model::close::{ClosePlan, CloseTarget};
use crate::model::socket::{SocketKey, State};
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, Closed, RequestId};
use crate::tui::pane::Cx;
use crate::tui::widgets::field::Field;

/// The states that are spared until they are asked for.
const WITHOUT_PEER: [State; 2] = [State::Listen, State::Unconnected];

/// A close from its key to its outcome.
#[derive(Debug)]
pub struct CloseDialog {
    /// What was under the key.
    pub subject: String,
    /// Rows that had ended before the key was pressed.
    pub ended_before: usize,
    /// Whether listeners and sockets without a peer are closed, too.
    pub with_servers: bool,
    /// How far it has come.
    pub stage: CloseStage,
    keys: Vec<SocketKey>,
}

/// How far a close has come.
#[derive(Debug)]
pub enum CloseStage {
    /// The plan is being worked out.
    Planning(RequestId),
    /// The plan is on screen.
    Ready(ClosePlan),
    /// The first agreement is given; a protected connection wants its local port typed, so
    /// that a habit cannot give the second.
    Protected {
        /// The plan.
        plan: ClosePlan,
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
    Done(Box<Closed>),
    /// There is no plan.
    Failed(String),
}

impl CloseDialog {
    /// Asks for the plan of closing the sockets with these keys.
    pub fn plan(
        subject: String,
        keys: Vec<SocketKey>,
        ended_before: usize,
        cx: &mut Cx<'_>,
    ) -> Self {
        let stage = CloseStage::Planning(RequestId::default());
        let mut dialog = Self { subject, ended_before, with_servers: false, stage, keys };
        dialog.ask(cx);
        dialog
    }

    fn ask(&mut self, cx: &mut Cx<'_>) {
        let id = cx.requests.next_id();
        let named = if self.with_servers { WITHOUT_PEER.to_vec() } else { Vec::new() };
        cx.effects.push(Effect::PlanClose(id, self.keys.clone(), named));
        self.stage = CloseStage::Planning(id);
    }

    /// The field for a protected connection's port, while it is asked for.
    pub fn field(&mut self) -> Option<&mut Field> {
        match &mut self.stage {
            CloseStage::Protected { typed, .. } => Some(typed),
            _ => None,
        }
    }

    /// How many of the rows have ended by now.
    pub fn ended(&self, plan: &ClosePlan) -> usize {
        let there = plan.targets.len() + plan.spared.len();
        self.ended_before + self.keys.len().saturating_sub(there)
    }

    /// Enter.
    pub fn accept(&mut self, cx: &mut Cx<'_>) -> Step {
        match &mut self.stage {
            CloseStage::Planning(_) | CloseStage::Running { .. } => {}
            CloseStage::Done(_) | CloseStage::Failed(_) => return Step::Close,
            CloseStage::Ready(plan) if plan.targets.is_empty() => return Step::Close,
            CloseStage::Ready(plan) => {
                let plan = std::mem::take(plan);
                if plan.protected {
                    self.stage = CloseStage::Protected { plan, typed: Field::default() };
                } else {
                    self.run(plan, Consent { protected: false }, cx);
                }
            }
            CloseStage::Protected { plan, typed } => {
                if confirmation(plan).as_deref() == Some(typed.text().trim()) {
                    let plan = std::mem::take(plan);
                    self.run(plan, Consent { protected: true }, cx);
                }
            }
        }
        Step::Stay
    }

    /// Takes listeners and sockets without a peer along, or spares them again. Only before
    /// anything was agreed to.
    pub fn toggle_servers(&mut self, cx: &mut Cx<'_>) {
        if matches!(self.stage, CloseStage::Ready(_)) {
            self.with_servers = !self.with_servers;
            self.ask(cx);
        }
    }

    fn run(&mut self, plan: ClosePlan, consent: Consent, cx: &mut Cx<'_>) {
        let id = cx.requests.next_id();
        self.keys.iter().for_each(|key| _ = cx.world.marks.remove(key));
        cx.effects.push(Effect::RunClose(id, Box::new(plan), consent));
        self.stage = CloseStage::Running { id, since: cx.now.at };
    }

    /// Takes what this dialog waits for.
    pub fn answer(&mut self, id: RequestId, answer: &Answer) {
        match (&self.stage, answer) {
            (CloseStage::Planning(asked), Answer::ClosePlanned(plan)) if *asked == id => {
                self.stage = match plan {
                    Ok(plan) => CloseStage::Ready(ClosePlan::clone(plan)),
                    Err(why) => CloseStage::Failed(why.clone()),
                };
            }
            (CloseStage::Running { .. }, Answer::Closed(closed)) if self.is_running(id) => {
                self.stage = CloseStage::Done(closed.clone());
            }
            _ => {}
        }
    }

    /// Whether this dialog shows how the close with this id ends.
    pub fn is_running(&self, id: RequestId) -> bool {
        matches!(self.stage, CloseStage::Running { id: running, .. } if running == id)
    }
}

/// The first connection that needs a confirmation of its own.
pub fn first_protected(plan: &ClosePlan) -> Option<&CloseTarget> {
    plan.targets.iter().find(|target| target.protected.is_some())
}

/// What has to be typed to confirm the end of protected connections: the first one's local
/// port.
fn confirmation(plan: &ClosePlan) -> Option<String> {
    first_protected(plan)?.socket.local.port.map(|port| port.to_string())
}

/// Whether the plan spares somebody whom [`CloseDialog::toggle_servers`] would take along.
pub fn spares_servers(plan: &ClosePlan) -> bool {
    plan.spared.iter().any(|spared| WITHOUT_PEER.contains(&spared.socket.state))
}
