//! The close dialog: plan, confirmation, progress, outcome.

mod page;
mod stage;

use super::{Dialog, Page, Step};
use crate::act::close::Request;
use crate::act::{Action as _, Consent};
use crate::model::close::ClosePlan;
use crate::model::socket::{SocketKey, State};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::keymap::{Binding, Key};
use crate::tui::widgets::field::Field;

use stage::CloseStage;

/// The states that are spared until they are asked for.
const WITHOUT_PEER: [State; 2] = [State::Listen, State::Unconnected];

const SERVERS: Command = Command::Own("close listeners, too");

/// A close from its key to its outcome.
#[derive(Debug)]
pub struct CloseDialog {
    // What was under the key.
    subject: String,
    // Rows that had ended before the key was pressed.
    ended_before: usize,
    // Whether listeners and sockets without a peer are closed, too.
    with_servers: bool,
    stage: CloseStage,
    keys: Vec<SocketKey>,
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
        let request = Request { keys: self.keys.clone(), named };
        cx.effects.push(Effect::Prepare(id, Box::new(request)));
        self.stage = CloseStage::Planning(id);
    }

    /// Enter.
    fn accept(&mut self, cx: &mut Cx<'_>) -> Step {
        match &mut self.stage {
            CloseStage::Planning(_) | CloseStage::Running { .. } => {}
            CloseStage::Done(_) | CloseStage::Failed(_) => return Step::Close,
            CloseStage::Ready(plan) if plan.targets.is_empty() => return Step::Close,
            CloseStage::Ready(plan) => {
                let plan = std::mem::take(plan);
                match plan.confirmation() {
                    Some(wanted) => {
                        let typed = Field::default();
                        self.stage = CloseStage::Protected { plan, wanted, typed };
                    }
                    None => self.run(plan, Consent { protected: false }, cx),
                }
            }
            CloseStage::Protected { plan, wanted, typed } => {
                if wanted.typed == typed.text().trim() {
                    let plan = std::mem::take(plan);
                    self.run(plan, Consent { protected: true }, cx);
                }
            }
        }
        Step::Stay
    }

    /// Takes listeners and sockets without a peer along, or spares them again. Only before
    /// anything was agreed to.
    fn toggle_servers(&mut self, cx: &mut Cx<'_>) {
        if matches!(self.stage, CloseStage::Ready(_)) {
            self.with_servers = !self.with_servers;
            self.ask(cx);
        }
    }

    fn run(&mut self, plan: ClosePlan, consent: Consent, cx: &mut Cx<'_>) {
        let id = cx.requests.next_id();
        self.keys.iter().for_each(|key| _ = cx.world.marks.remove(key));
        cx.effects.push(Effect::Act(id, Box::new(plan), consent));
        self.stage = CloseStage::Running { id, since: cx.now.at };
    }
}

impl Dialog for CloseDialog {
    fn title(&self) -> String {
        format!("Close ─ {}", self.subject)
    }

    fn is_danger(&self) -> bool {
        true
    }

    fn keys(&self) -> Vec<Binding> {
        const LISTENERS: &[Key] = &[Key::char('l')];
        let servers = |hint| Binding::hinted(LISTENERS, SERVERS, hint);
        match &self.stage {
            CloseStage::Planning(_) => vec![Binding::esc("cancel")],
            CloseStage::Failed(_) | CloseStage::Done(_) => vec![Binding::close()],
            CloseStage::Ready(plan) => {
                let toggle = if self.with_servers {
                    Some(servers("spare listeners"))
                } else {
                    spares_servers(plan).then(|| servers("close listeners, too"))
                };
                let agree = if plan.protected { "agree; it asks again first" } else { "run" };
                let (run, leave) = match plan.targets.is_empty() {
                    true => (None, Binding::close()),
                    false => (Some(Binding::enter(agree)), Binding::esc("cancel")),
                };
                run.into_iter().chain(toggle).chain([leave]).collect()
            }
            CloseStage::Protected { .. } => vec![Binding::enter("run"), Binding::esc("cancel")],
            CloseStage::Running { .. } => {
                vec![Binding::esc("hide; the outcome goes to the log (L)")]
            }
        }
    }

    fn write(&self, page: &mut Page<'_>) {
        let rows = self.ended_before + self.keys.len();
        page::write(&self.stage, rows, page);
    }

    fn field(&self) -> Option<&Field> {
        match &self.stage {
            CloseStage::Protected { typed, .. } => Some(typed),
            _ => None,
        }
    }

    fn field_mut(&mut self) -> Option<&mut Field> {
        match &mut self.stage {
            CloseStage::Protected { typed, .. } => Some(typed),
            _ => None,
        }
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Step {
        match command {
            Command::Accept => self.accept(cx),
            SERVERS => {
                self.toggle_servers(cx);
                Step::Stay
            }
            _ => Step::Ignored,
        }
    }

    fn answer(&mut self, id: RequestId, answer: &Answer, _: &mut Cx<'_>) {
        match &self.stage {
            CloseStage::Planning(asked) if *asked == id => match answer.prepared::<ClosePlan>() {
                Some(Ok(plan)) => self.stage = CloseStage::Ready(plan.clone()),
                Some(Err(why)) => self.stage = CloseStage::Failed(why.to_owned()),
                None => {}
            },
            CloseStage::Running { id: running, .. } if *running == id => {
                if let Some(done) = answer.acted::<ClosePlan>() {
                    self.stage = CloseStage::Done(Box::new(done.clone()));
                }
            }
            _ => {}
        }
    }

    fn shows(&self, id: RequestId) -> bool {
        matches!(self.stage, CloseStage::Running { id: running, .. } if running == id)
    }
}

/// Whether the plan spares somebody whom [`CloseDialog::toggle_servers`] would take along.
fn spares_servers(plan: &ClosePlan) -> bool {
    plan.spared.iter().any(|spared| WITHOUT_PEER.contains(&spared.socket.state))
}
