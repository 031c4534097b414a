//! Why a port is busy: the verdict, the evidence, and the remedies to choose from.

mod page;
mod stage;

use super::close::CloseDialog;
use super::kill::KillDialog;
use super::{Dialog, Page, Step};
use crate::inspect::bind::Target;
use crate::model::action::KillTarget;
use crate::model::socket::{Socket, SocketKey};
use crate::model::why::{Remedy, WhyFinding, WhyKind, WhyReport};
use crate::text::{clean, shell};
use crate::tui::command::{Command, Motion};
use crate::tui::cx::Cx;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::keymap::{Binding, Key};

use stage::{Aim, Choice, WhyStage};

/// The question, and its answer.
#[derive(Debug)]
pub struct WhyDialog {
    // What was asked about.
    subject: String,
    stage: WhyStage,
    target: Target,
}

impl WhyDialog {
    /// Asks why `target` is busy, which tries to bind it.
    pub fn ask(target: Target, subject: String, cx: &mut Cx<'_>) -> Self {
        let id = cx.requests.next_id();
        cx.effects.push(Effect::Explain(id, target));
        Self { subject, stage: WhyStage::Asking(id), target }
    }

    /// The chosen remedy.
    fn chosen(&self) -> Option<&Choice> {
        match &self.stage {
            WhyStage::Ready { remedies, chosen, .. } => remedies.get(*chosen),
            _ => None,
        }
    }

    /// The chosen remedy as it would be typed, for the clipboard.
    fn copy(&self) -> Option<String> {
        self.chosen().map(|choice| shell::line(&choice.remedy.argv))
    }

    /// Enter: the plan behind the chosen remedy.
    fn accept(&mut self, cx: &mut Cx<'_>) -> Step {
        let Some(choice) = self.chosen() else { return Step::Close };
        let dialog: Box<dyn Dialog> = match choice.plan.clone() {
            None => {
                let command = clean(&shell::line(&choice.remedy.argv)).into_owned();
                cx.world.complain(format!("sockpit does not run this itself; y copies: {command}"));
                return Step::Stay;
            }
            Some(Aim::Kill(target)) => {
                Box::new(KillDialog::plan(target.describe(), vec![target], 0, cx))
            }
            Some(Aim::Close(keys)) => {
                let subject = format!("what keeps {} busy", self.subject);
                Box::new(CloseDialog::plan(subject, keys, 0, cx))
            }
        };
        Step::Open(dialog)
    }
}

impl Dialog for WhyDialog {
    fn title(&self) -> String {
        format!("Why is it busy? ─ {}", self.subject)
    }

    fn keys(&self) -> Vec<Binding> {
        let copy = Binding::hinted(const { &[Key::char('y')] }, Command::Copy, "copy");
        match (&self.stage, self.chosen()) {
            (WhyStage::Asking(_), _) => vec![Binding::esc("cancel")],
            (_, None) => vec![Binding::close()],
            (_, Some(choice)) if choice.plan.is_some() => {
                vec![Binding::enter("show its plan"), copy, Binding::esc("close")]
            }
            (_, Some(_)) => vec![copy, Binding::esc("close")],
        }
    }

    fn write(&self, page: &mut Page<'_>) {
        page::write(&self.stage, &self.target, page);
    }

    fn choose(&mut self, motion: Motion) -> bool {
        let WhyStage::Ready { remedies, chosen, .. } = &mut self.stage else { return false };
        motion.step(chosen, remedies.len())
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Step {
        match command {
            Command::Accept => self.accept(cx),
            Command::Copy => {
                if let Some(text) = self.copy() {
                    cx.copy(text);
                }
                Step::Stay
            }
            _ => Step::Ignored,
        }
    }

    fn answer(&mut self, id: RequestId, answer: &Answer, cx: &mut Cx<'_>) {
        let (WhyStage::Asking(asked), Answer::Explained(report)) = (&self.stage, answer) else {
            return;
        };
        if *asked != id {
            return;
        }
        // What befalls packets to a port that somebody serves, or that a rule stands before, is told
        // as it happens: nobody waits for it.
        if report.as_ref().is_ok_and(|report| packets_matter(report)) {
            cx.effects.push(Effect::WatchDrops);
        }
        self.stage = match report {
            Ok(report) => WhyStage::Ready {
                remedies: choices(&report.findings, &self.target),
                report: report.clone(),
                chosen: 0,
            },
            Err(why) => WhyStage::Failed(why.clone()),
        };
    }
}

fn packets_matter(report: &WhyReport) -> bool {
    let mut findings = report.findings.iter();
    findings.any(|it| !it.sockets.is_empty() || it.kind == WhyKind::Firewall)
}

fn choices(findings: &[WhyFinding], target: &Target) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    for finding in findings {
        for remedy in &finding.remedies {
            let plan = plan(remedy, finding, target);
            let choice = Choice { remedy: remedy.clone(), plan };
            if !choices.contains(&choice) {
                choices.push(choice);
            }
        }
    }
    choices
}

/// What a remedy's plan is aimed at. Stopping a unit or container is a way of the plan for its
/// holders, which offers it once systemd or the runtime agrees.
fn plan(remedy: &Remedy, finding: &WhyFinding, target: &Target) -> Option<Aim> {
    let words: Vec<&str> = remedy.argv.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["sockpit", "kill", arguments @ ..] => KillTarget::from_arguments(arguments).map(Aim::Kill),
        // The remedy's query means the finding's sockets.
        ["sockpit", "close", ..] => {
            let keys: Option<Vec<_>> = finding.sockets.iter().map(key).collect();
            keys.filter(|keys| !keys.is_empty()).map(Aim::Close)
        }
        ["systemctl" | "docker" | "podman", "stop", ..] | ["systemctl", "--user", "stop", ..] => {
            let socket = finding.sockets.first()?;
            let (udp, addr) = (target.udp, socket.local.addr);
            Some(Aim::Kill(KillTarget::Port { port: target.port, udp, addr }))
        }
        _ => None,
    }
}

/// Without a cookie nothing is closed.
fn key(socket: &Socket) -> Option<SocketKey> {
    socket.cookie.map(|_| socket.key())
}
