//! The lines of the kill dialog.

use std::time::Instant;

use ratatui::style::Style;

use super::Line;
use crate::act::kill::{self, Progress};
use crate::model::action::{KillPlan, Victim};
use crate::text::{clean, units};
use crate::tui::dialog::kill::{KillDialog, KillStage, first_protected};
use crate::tui::event::Killed;
use crate::tui::log;
use crate::tui::theme::Theme;
use crate::tui::widgets::paint;

/// Title, lines and keys of a kill at its present stage.
pub(super) fn content(
    dialog: &KillDialog,
    now: Instant,
    columns: u16,
    theme: &Theme,
) -> (String, Vec<Line>, &'static str) {
    let title = format!("Kill ─ {}", dialog.subject);
    let mut lines = Lines { columns, theme, lines: Vec::new() };
    let keys = match &dialog.stage {
        KillStage::Planning(_) => {
            lines.add("Working out the plan …", theme.dim);
            "Esc leave it"
        }
        KillStage::Failed(why) => {
            lines.add(&format!("! {}", clean(why)), theme.danger);
            "Esc close"
        }
        KillStage::Ready(plans) => {
            lines.plans(plans);
            match plans.iter().all(|plan| plan.victims.is_empty()) {
                true => "Esc close",
                false if first_protected(plans).is_some() => {
                    "Enter agree, then asked once more   Esc leave it"
                }
                false => "Enter run   Esc leave it",
            }
        }
        KillStage::Protected { plans, typed } => {
            lines.plans(plans);
            lines.protected(plans, typed.text());
            "Enter run   Esc leave it"
        }
        KillStage::Running { since, progress, .. } => {
            let elapsed = units::duration(now.saturating_duration_since(*since));
            lines.add(&format!("Running … {elapsed}"), theme.warning);
            if let Some(progress) = progress {
                lines.add(&clean(&sentence(progress)), theme.text);
            }
            "Esc hide; the outcome goes to the log (L)"
        }
        KillStage::Done(killed) => {
            killed.iter().for_each(|killed| lines.done(killed));
            "Esc close"
        }
    };
    (title, lines.lines, keys)
}

/// Lines in the making.
struct Lines<'a> {
    columns: u16,
    theme: &'a Theme,
    lines: Vec<Line>,
}

impl Lines<'_> {
    fn add(&mut self, text: &str, style: Style) {
        let wrapped = paint::wrap(text, self.columns);
        self.lines.extend(wrapped.into_iter().map(|line| vec![(line, style)]));
    }

    fn plans(&mut self, plans: &[KillPlan]) {
        for plan in plans {
            if plans.len() > 1 {
                self.add(&clean(&plan.target.describe()), self.theme.heading);
            }
            self.plan(plan);
        }
    }

    fn plan(&mut self, plan: &KillPlan) {
        for victim in &plan.victims {
            self.victim(victim);
        }
        if let Some(obstacle) = kill::obstacle(plan) {
            self.add(&format!("! {}", clean(&obstacle.sentence)), self.theme.danger);
        }
        for spared in &plan.spared {
            let text = format!("spared {} {}: {}", spared.name, spared.pid, spared.reason);
            self.add(&clean(&text), self.theme.dim);
        }
        let lost = also_lost(plan);
        if !lost.is_empty() {
            self.add(&clean(&format!("also lost  {lost}")), self.theme.warning);
        }
        for supervisor in &plan.supervisors {
            let text = format!("{} may start it again", supervisor.name);
            self.add(&format!("restarts   {}", clean(&text)), self.theme.warning);
            let command = supervisor.command.join(" ");
            self.add(&format!("           $ {}", clean(&command)), self.theme.text);
        }
        for warning in &plan.warnings {
            self.add(&format!("! {}", clean(warning)), self.theme.warning);
        }
        if !plan.steps.is_empty() {
            self.lines.push(Vec::new());
        }
        for (number, step) in plan.steps.iter().enumerate() {
            self.add(&format!("{}. {}", number + 1, clean(step)), self.theme.text);
        }
    }

    /// `python3 4242 holds 0.0.0.0:8080 as listener`.
    fn victim(&mut self, victim: &Victim) {
        self.add(&clean(&kill::describe_victim(victim)), self.theme.accent);
        if let Some(why) = &victim.protected {
            self.add(&clean(&format!("! protected: {why}")), self.theme.danger);
        }
    }

    fn protected(&mut self, plans: &[KillPlan], typed: &str) {
        let Some(victim) = first_protected(plans) else { return };
        self.lines.push(Vec::new());
        let (name, pid) = (clean(&victim.name), victim.key.pid);
        let text = format!("{name} {pid} is protected. Type its pid to end it all the same:");
        self.add(&text, self.theme.danger);
        self.add(&format!("> {}", clean(typed)), self.theme.accent);
    }

    fn done(&mut self, killed: &Killed) {
        let (sign, style) = if log::is_success(killed) {
            ("✓", self.theme.fresh)
        } else {
            ("✗", self.theme.danger)
        };
        self.add(&format!("{sign} {}", clean(&log::sentence(killed))), style);
    }
}

fn also_lost(plan: &KillPlan) -> String {
    let radius = &plan.blast_radius;
    let mut parts: Vec<String> = radius.other_listeners.iter().map(kill::describe_holder).collect();
    if radius.connections > 0 {
        parts.push(format!("{} open connections", units::count(radius.connections)));
    }
    if !radius.children.is_empty() {
        parts.push(format!("{} children", radius.children.len()));
    }
    parts.join(" · ")
}

fn sentence(progress: &Progress) -> String {
    match progress {
        Progress::Signalled { pid, name, signal } => format!("{signal} sent to {name} {pid}"),
        Progress::Ended { pid, name, .. } => format!("{name} {pid} has ended"),
        Progress::Spared(spared) => {
            format!("{} {} is left alone: {}", spared.name, spared.pid, spared.reason)
        }
        Progress::Waiting { alive, elapsed, timeout } => format!(
            "{alive} still alive, {} of {}",
            units::duration(*elapsed),
            units::duration(*timeout)
        ),
        Progress::Watching { elapsed, total } => format!(
            "watching the port, {} of {}",
            units::duration(*elapsed),
            units::duration(*total)
        ),
    }
}
