//! The editor of one option: the value, the plan, what the kernel made of it; and undoing it.

use super::{Dialog, Page, Step};
use crate::act::set::{Request, Wish};
use crate::act::{Action as _, Confirmation, Consent, Done, Mark};
use crate::model::set::{SetOutcome, SetPlan};
use crate::model::socket::Socket;
use crate::text::clean;
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::keymap::Binding;
use crate::tui::widgets::field::Field;

/// More changes than this are not kept for undoing.
const MOST_UNDONE: usize = 100;

/// Setting options of one socket, from the value to the outcome.
#[derive(Debug)]
pub struct SetDialog {
    socket: Socket,
    // What is edited; empty for an undo.
    name: String,
    about: String,
    is_undo: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The value is typed.
    Editing { value: Field, wrong: Option<String> },
    /// The plan is being worked out.
    Planning(RequestId),
    /// The plan is on screen.
    Ready(Box<SetPlan>),
    /// A protected process wants its pid typed.
    Protected { plan: Box<SetPlan>, wanted: Confirmation, typed: Field },
    /// It runs.
    Running(RequestId),
    /// It has ended.
    Done(Box<Done<SetPlan>>),
    /// There is no plan.
    Failed(String),
}

impl SetDialog {
    /// The editor of an option, with its present value.
    pub fn edit(socket: Socket, name: &str, value: &str, about: &str) -> Self {
        let stage = Stage::Editing { value: Field::new(value), wrong: None };
        Self { socket, name: name.to_owned(), about: about.to_owned(), is_undo: false, stage }
    }

    /// The plan of undoing what was set last.
    pub fn undo(socket: Socket, wishes: Vec<Wish>, cx: &mut Cx<'_>) -> Self {
        let stage = Stage::Planning(RequestId::default());
        let mut dialog =
            Self { socket, name: String::new(), about: String::new(), is_undo: true, stage };
        dialog.ask(wishes, cx);
        dialog
    }

    fn ask(&mut self, wishes: Vec<Wish>, cx: &mut Cx<'_>) {
        let id = cx.requests.next_id();
        let request = Request { socket: self.socket.clone(), wishes };
        cx.effects.push(Effect::Prepare(id, Box::new(request)));
        self.stage = Stage::Planning(id);
    }

    fn accept(&mut self, cx: &mut Cx<'_>) -> Step {
        match &mut self.stage {
            Stage::Editing { value, wrong } => {
                match Wish::parse(&format!("{}={}", self.name, value.text().trim())) {
                    Ok(wish) => self.ask(vec![wish], cx),
                    Err(why) => *wrong = Some(why),
                }
            }
            Stage::Planning(_) | Stage::Running(_) => {}
            Stage::Done(_) | Stage::Failed(_) => return Step::Close,
            Stage::Ready(plan) if plan.changes.is_empty() => return Step::Close,
            Stage::Ready(plan) => match plan.confirmation() {
                Some(wanted) => {
                    let plan = plan.clone();
                    self.stage = Stage::Protected { plan, wanted, typed: Field::default() };
                }
                None => {
                    let plan = SetPlan::clone(plan);
                    self.run(plan, Consent { protected: false }, cx);
                }
            },
            Stage::Protected { plan, wanted, typed } => {
                if wanted.typed == typed.text().trim() {
                    let plan = SetPlan::clone(plan);
                    self.run(plan, Consent { protected: true }, cx);
                }
            }
        }
        Step::Stay
    }

    fn run(&mut self, plan: SetPlan, consent: Consent, cx: &mut Cx<'_>) {
        let id = cx.requests.next_id();
        cx.effects.push(Effect::Act(id, Box::new(plan), consent));
        self.stage = Stage::Running(id);
    }

    /// Keeps what undoes this, or forgets what was undone.
    fn keep_undo(&self, done: &Done<SetPlan>, cx: &mut Cx<'_>) {
        let undone = &mut cx.world.set_undo;
        match (&done.outcome, self.is_undo) {
            (Ok(_), true) => _ = undone.pop(),
            (Ok(outcome), false) => {
                let wishes = undoing(outcome);
                if !wishes.is_empty() {
                    undone.push((self.socket.clone(), wishes));
                }
                if undone.len() > MOST_UNDONE {
                    undone.remove(0);
                }
            }
            (Err(_), _) => {}
        }
    }

    fn write_plan(plan: &SetPlan, page: &mut Page<'_>) {
        let theme = page.theme;
        for step in &plan.steps {
            page.add(&clean(step), theme.text);
        }
        for warning in &plan.warnings {
            page.hang("! ", &clean(warning), theme.warning);
        }
    }
}

/// What brings back the values from before, the last first.
fn undoing(outcome: &SetOutcome) -> Vec<Wish> {
    let assignments = outcome.set.iter().rev().flat_map(|result| result.undo.iter());
    assignments
        .filter(|word| word.contains('='))
        .filter_map(|word| Wish::parse(word).ok())
        .collect()
}

impl Dialog for SetDialog {
    fn title(&self) -> String {
        match self.is_undo {
            true => "Undo the last option that was set".to_owned(),
            false => format!("Set {}", self.name),
        }
    }

    fn is_danger(&self) -> bool {
        true
    }

    fn keys(&self) -> Vec<Binding> {
        match &self.stage {
            Stage::Editing { .. } => vec![Binding::enter("plan"), Binding::esc("leave it")],
            Stage::Planning(_) => vec![Binding::esc("leave it")],
            Stage::Ready(plan) if plan.changes.is_empty() => vec![Binding::close()],
            Stage::Ready(_) | Stage::Protected { .. } => {
                vec![Binding::enter("set it"), Binding::esc("leave it")]
            }
            Stage::Running(_) => vec![Binding::esc("hide; the outcome goes to the log (L)")],
            Stage::Done(_) | Stage::Failed(_) => vec![Binding::close()],
        }
    }

    fn write(&self, page: &mut Page<'_>) {
        let theme = page.theme;
        match &self.stage {
            Stage::Editing { value, wrong } => {
                page.add(&clean(&self.about), theme.dim);
                page.gap();
                page.choose_next();
                page.add(&format!("{} = {}", self.name, clean(value.text())), theme.accent);
                if let Some(wrong) = wrong {
                    page.hang("! ", &clean(wrong), theme.danger);
                }
            }
            Stage::Planning(_) => page.add("Working out the plan …", theme.dim),
            Stage::Ready(plan) => Self::write_plan(plan, page),
            Stage::Protected { plan, wanted, typed } => {
                Self::write_plan(plan, page);
                page.gap();
                page.add(&clean(&wanted.question), theme.danger);
                page.choose_next();
                page.add(&format!("> {}", clean(typed.text())), theme.accent);
            }
            Stage::Running(_) => page.add("Setting …", theme.warning),
            Stage::Failed(why) => page.add(&format!("! {}", clean(why)), theme.danger),
            Stage::Done(done) => {
                for part in done.parts() {
                    let (sign, style) = match part.mark {
                        Mark::Done => ("✓ ", theme.fresh),
                        Mark::Beside | Mark::Spared => ("· ", theme.text),
                        Mark::Failed => ("✗ ", theme.danger),
                    };
                    page.hang(sign, &clean(&part.text), style);
                }
                page.add("U undoes it; the log (L) keeps the command line.", theme.dim);
            }
        }
    }

    fn field(&self) -> Option<&Field> {
        match &self.stage {
            Stage::Editing { value, .. } => Some(value),
            Stage::Protected { typed, .. } => Some(typed),
            _ => None,
        }
    }

    fn field_mut(&mut self) -> Option<&mut Field> {
        match &mut self.stage {
            Stage::Editing { value, .. } => Some(value),
            Stage::Protected { typed, .. } => Some(typed),
            _ => None,
        }
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Step {
        match command {
            Command::Accept => self.accept(cx),
            _ => Step::Ignored,
        }
    }

    fn answer(&mut self, id: RequestId, answer: &Answer, cx: &mut Cx<'_>) {
        match &self.stage {
            Stage::Planning(asked) if *asked == id => match answer.prepared::<SetPlan>() {
                Some(Ok(plan)) => self.stage = Stage::Ready(Box::new(plan.clone())),
                Some(Err(why)) => self.stage = Stage::Failed(why.to_owned()),
                None => {}
            },
            Stage::Running(running) if *running == id => {
                if let Some(done) = answer.acted::<SetPlan>() {
                    self.keep_undo(done, cx);
                    self.stage = Stage::Done(Box::new(done.clone()));
                }
            }
            _ => {}
        }
    }

    fn shows(&self, id: RequestId) -> bool {
        matches!(self.stage, Stage::Running(running) if running == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::options::OptionValue;
    use crate::model::set::{PlannedSet, SetEffect, SetResult};
    use crate::model::socket::{Endpoint, Family, Protocol, State};
    use crate::tui::fixture::Bench;

    fn socket() -> Socket {
        let local = Endpoint::ip([127, 0, 0, 1], 8080);
        Socket::new(Family::Ipv4, Protocol::Tcp, State::Listen, local)
    }

    fn done(undo: &[&str]) -> Done<SetPlan> {
        let change = PlannedSet {
            name: "SO_KEEPALIVE".to_owned(),
            asked: OptionValue::Bool(true),
            before: Some(OptionValue::Bool(false)),
        };
        let plan = SetPlan {
            socket: socket(),
            pid: 7,
            fd: 3,
            tid: None,
            shared_with: Vec::new(),
            buffer_lock: None,
            changes: vec![change],
            refused: Vec::new(),
            steps: Vec::new(),
            warnings: Vec::new(),
            protected: None,
        };
        let result = SetResult {
            name: "SO_KEEPALIVE".to_owned(),
            asked: OptionValue::Bool(true),
            before: Some(OptionValue::Bool(false)),
            after: Some(OptionValue::Bool(true)),
            effect: SetEffect::AsAsked,
            why: None,
            errno: None,
            undo: undo.iter().map(|word| (*word).to_owned()).collect(),
        };
        let outcome = SetOutcome { socket: socket(), shared_with: Vec::new(), set: vec![result] };
        Done { plan, consent: Consent { protected: false }, outcome: Ok(outcome) }
    }

    #[test]
    fn a_wrong_value_stays_in_the_editor_and_a_right_one_asks_for_the_plan() {
        let mut bench = Bench::default();
        let mut dialog = SetDialog::edit(socket(), "SO_KEEPALIVE", "maybe", "");
        assert!(matches!(dialog.accept(&mut bench.cx()), Step::Stay));
        assert!(bench.effects.is_empty());
        let Stage::Editing { wrong: Some(wrong), .. } = &dialog.stage else {
            panic!("{:?}", dialog.stage)
        };
        assert!(wrong.contains("on or off"), "{wrong}");
        dialog.field_mut().expect("a field").set("on");
        dialog.accept(&mut bench.cx());
        assert!(matches!(bench.effects.last(), Some(Effect::Prepare(..))));
        assert!(matches!(dialog.stage, Stage::Planning(_)));
    }

    #[test]
    fn what_was_set_can_be_undone_once() {
        let mut bench = Bench::default();
        let dialog = SetDialog::edit(socket(), "SO_KEEPALIVE", "on", "");
        let undo = ["sockpit", "opts", "set", "7/3", "SO_KEEPALIVE=off"];
        dialog.keep_undo(&done(&undo), &mut bench.cx());
        let (of, wishes) = bench.world.set_undo.last().cloned().expect("it is kept");
        assert_eq!(wishes, [Wish { name: "SO_KEEPALIVE".into(), value: OptionValue::Bool(false) }]);
        let undoing = SetDialog::undo(of, wishes, &mut bench.cx());
        assert!(matches!(bench.effects.last(), Some(Effect::Prepare(..))));
        undoing.keep_undo(&done(&[]), &mut bench.cx());
        assert!(bench.world.set_undo.is_empty());
    }
}
