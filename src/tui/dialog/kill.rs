//! The kill dialog: plan, the methods to go about it, confirmation, progress, outcome.

mod methods;
mod page;
mod stage;

use std::collections::VecDeque;

use super::{Dialog, Page, Step};
use crate::act::kill::{self, Consent, Options};
use crate::model::action::{KillPlan, KillTarget};
use crate::model::signal::Signal;
use crate::tui::command::{Command, Motion};
use crate::tui::cx::Cx;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, Killed, RequestId};
use crate::tui::keymap::{Binding, Key};
use crate::tui::widgets::field::Field;

use methods::{Method, SIGNALS, first_protected};
use stage::{KillStage, Ready, Running};

const SIGNAL: Command = Command::Own("choose the first signal");
const CHILDREN: Command = Command::Own("children, too");

/// A kill from its key to its outcome.
#[derive(Debug)]
pub struct KillDialog {
    // What was under the key.
    subject: String,
    // Rows that had ended before the key was pressed.
    ended_before: usize,
    // How the victims are to be ended.
    options: Options,
    stage: KillStage,
    targets: Vec<KillTarget>,
}

impl KillDialog {
    /// Asks for the plans of these targets.
    pub fn plan(
        subject: String,
        targets: Vec<KillTarget>,
        ended_before: usize,
        cx: &mut Cx<'_>,
    ) -> Self {
        let stage = KillStage::Planning(RequestId::default());
        let mut dialog =
            Self { subject, ended_before, options: Options::default(), stage, targets };
        dialog.ask(cx);
        dialog
    }

    fn ask(&mut self, cx: &mut Cx<'_>) {
        let id = cx.requests.next_id();
        cx.effects.push(Effect::PlanKill(id, self.targets.clone(), self.options.clone()));
        self.stage = KillStage::Planning(id);
    }

    /// Opens the list of signals.
    fn choose_signal(&mut self) {
        if let KillStage::Ready(ready) = &mut self.stage
            && !ready.methods.is_empty()
        {
            let ready = std::mem::take(ready);
            let chosen = SIGNALS.iter().position(|signal| *signal == self.options.signal);
            self.stage = KillStage::Signals { ready, chosen: chosen.unwrap_or(0) };
        }
    }

    /// Takes the victims' children along, or leaves them behind, and plans anew.
    fn toggle_tree(&mut self, cx: &mut Cx<'_>) {
        if matches!(self.stage, KillStage::Ready(_)) {
            self.options.tree = !self.options.tree;
            self.ask(cx);
        }
    }

    /// Esc: from the list of signals back to the plan, else out.
    fn cancel(&mut self) -> Step {
        match &mut self.stage {
            KillStage::Signals { ready, .. } => {
                self.stage = KillStage::Ready(std::mem::take(ready));
                Step::Stay
            }
            _ => Step::Close,
        }
    }

    /// Enter.
    fn accept(&mut self, cx: &mut Cx<'_>) -> Step {
        match &mut self.stage {
            KillStage::Planning(_) | KillStage::Running(_) => {}
            KillStage::Failed(_) => return Step::Close,
            // What is left can be planned for once more.
            KillStage::Done(killed) if !killed.iter().any(survived) => return Step::Close,
            KillStage::Stopped(stopped) if stopped.is_success() => return Step::Close,
            KillStage::Done(_) | KillStage::Stopped(_) => self.ask(cx),
            KillStage::Ready(ready) => {
                let Some(method) = ready.methods.get(ready.chosen) else { return Step::Close };
                let again = method.confirmation(&ready.plans).is_some();
                let ready = std::mem::take(ready);
                if again {
                    self.stage = KillStage::Again { ready, typed: Field::default() };
                } else {
                    self.run(ready, cx);
                }
            }
            KillStage::Signals { ready, chosen } => {
                self.options.signal = SIGNALS.get(*chosen).copied().unwrap_or(Signal::Term);
                let plans = std::mem::take(&mut ready.plans);
                self.stage = KillStage::Ready(self.ready(plans));
            }
            KillStage::Again { ready, typed } => {
                let wanted = ready.confirmation().map(|(word, _)| word);
                let typed = typed.text().trim();
                if wanted.is_some_and(|wanted| wanted.eq_ignore_ascii_case(typed)) {
                    let ready = std::mem::take(ready);
                    self.run(ready, cx);
                }
            }
        }
        Step::Stay
    }

    fn ready(&self, plans: Vec<KillPlan>) -> Ready {
        let methods = methods::of(&plans, self.options.signal);
        // After a choice of signal its own method is meant, not the unit's.
        let by_signal = self.options.signal != Signal::Term;
        let chosen =
            methods.iter().position(|method| by_signal && matches!(method, Method::Signal { .. }));
        Ready { plans, methods, chosen: chosen.unwrap_or(0) }
    }

    fn run(&mut self, ready: Ready, cx: &mut Cx<'_>) {
        let Ready { plans, mut methods, chosen } = ready;
        let id = cx.requests.next_id();
        let protected = first_protected(&plans).is_some();
        let effect = match methods.swap_remove(chosen) {
            Method::Stop(plan) => Effect::RunStop(id, plan),
            Method::Signal { signal, then_kill } => {
                let choose = |plan| kill::choose(plan, signal, then_kill || signal == Signal::Kill);
                let plans = plans.into_iter().map(choose).collect();
                Effect::RunKill(id, plans, Consent { protected })
            }
        };
        if self.targets.len() > 1 || self.ended_before > 0 {
            cx.world.marks.clear();
        }
        cx.effects.push(effect);
        let (news, waits) = (VecDeque::new(), None);
        self.stage = KillStage::Running(Running { id, since: cx.now.at, news, waits });
    }
}

impl Dialog for KillDialog {
    fn title(&self) -> String {
        format!("Kill ─ {}", self.subject)
    }

    fn is_danger(&self) -> bool {
        true
    }

    fn keys(&self) -> Vec<Binding> {
        let again = || vec![Binding::enter("plan again"), Binding::esc("close")];
        match &self.stage {
            KillStage::Planning(_) => vec![Binding::esc("cancel")],
            KillStage::Failed(_) => vec![Binding::close()],
            KillStage::Ready(ready) if ready.methods.is_empty() => vec![Binding::close()],
            KillStage::Ready(ready) => {
                let agree = if ready.confirmation().is_some() { "agree" } else { "run" };
                let tree = if self.options.tree { "no children" } else { "children too" };
                vec![
                    Binding::enter(agree),
                    Binding::hinted(const { &[Key::char('s')] }, SIGNAL, "signal"),
                    Binding::hinted(const { &[Key::char('t')] }, CHILDREN, tree),
                    Binding::esc("cancel"),
                ]
            }
            KillStage::Signals { .. } => vec![Binding::enter("take it"), Binding::esc("back")],
            KillStage::Again { .. } => vec![Binding::enter("run"), Binding::esc("cancel")],
            KillStage::Running(_) => vec![Binding::esc("hide; the outcome goes to the log (L)")],
            KillStage::Done(killed) if killed.iter().any(survived) => again(),
            KillStage::Stopped(stopped) if !stopped.is_success() => again(),
            KillStage::Done(_) | KillStage::Stopped(_) => vec![Binding::close()],
        }
    }

    fn write(&self, page: &mut Page<'_>) {
        page::write(&self.stage, self.ended_before, self.options.timeout, page);
    }

    fn field(&self) -> Option<&Field> {
        match &self.stage {
            KillStage::Again { typed, .. } => Some(typed),
            _ => None,
        }
    }

    fn field_mut(&mut self) -> Option<&mut Field> {
        match &mut self.stage {
            KillStage::Again { typed, .. } => Some(typed),
            _ => None,
        }
    }

    fn choose(&mut self, motion: Motion) -> bool {
        let (chosen, len) = match &mut self.stage {
            KillStage::Ready(ready) => (&mut ready.chosen, ready.methods.len()),
            KillStage::Signals { chosen, .. } => (chosen, SIGNALS.len()),
            _ => return false,
        };
        motion.step(chosen, len)
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Step {
        match command {
            Command::Accept => return self.accept(cx),
            Command::Cancel => return self.cancel(),
            SIGNAL => self.choose_signal(),
            CHILDREN => self.toggle_tree(cx),
            _ => return Step::Ignored,
        }
        Step::Stay
    }

    fn answer(&mut self, id: RequestId, answer: &Answer, _: &mut Cx<'_>) {
        match (&mut self.stage, answer) {
            (KillStage::Planning(asked), Answer::KillPlanned(plans)) if *asked == id => {
                self.stage = match plans {
                    Ok(plans) => KillStage::Ready(self.ready(plans.clone())),
                    Err(why) => KillStage::Failed(why.clone()),
                };
            }
            (KillStage::Running(running), Answer::Killing(news)) if running.id == id => {
                running.hear(news);
            }
            (KillStage::Running(running), Answer::Killed(killed)) if running.id == id => {
                self.stage = KillStage::Done(killed.clone());
            }
            (KillStage::Running(running), Answer::Stopped(stopped)) if running.id == id => {
                self.stage = KillStage::Stopped(stopped.clone());
            }
            _ => {}
        }
    }

    fn shows(&self, id: RequestId) -> bool {
        matches!(&self.stage, KillStage::Running(running) if running.id == id)
    }
}

/// Whether somebody lives on whom more than a signal, or another one, might end.
fn survived(killed: &Killed) -> bool {
    let outcome = killed.outcome.as_ref();
    outcome.is_ok_and(|outcome| outcome.victims.iter().any(|v| !v.exited && !v.refused))
}
