//! The lines of the kill dialog.

use std::time::Instant;

use super::Content;
use super::lines::Lines;
use crate::act::kill::{self, Progress};
use crate::model::action::{KillPlan, Victim};
use crate::text::{clean, units};
use crate::tui::dialog::kill::{KillDialog, KillStage, first_protected};
use crate::tui::event::Killed;
use crate::tui::log;
use crate::tui::theme::Theme;

/// Title, lines and keys of a kill at its present stage.
pub(super) fn content(dialog: &KillDialog, now: Instant, columns: u16, theme: &Theme) -> Content {
    let title = format!("Kill ─ {}", dialog.subject);
    let mut page = Page(Lines::new(columns, theme));
    let keys = match &dialog.stage {
        KillStage::Planning(_) => {
            page.0.add("Working out the plan …", theme.dim);
            "Esc leave it"
        }
        KillStage::Failed(why) => {
            page.0.add(&format!("! {}", clean(why)), theme.danger);
            "Esc close"
        }
        KillStage::Ready(plans) => {
            page.plans(dialog, plans);
            match plans.iter().all(|plan| plan.victims.is_empty()) {
                true => "Esc close",
                false if first_protected(plans).is_some() => {
                    "Enter agree, then asked once more   Esc leave it"
                }
                false => "Enter run   Esc leave it",
            }
        }
        KillStage::Protected { plans, typed } => {
            page.plans(dialog, plans);
            page.protected(plans, typed.text());
            "Enter run   Esc leave it"
        }
        KillStage::Running { since, progress, .. } => {
            let elapsed = units::duration(now.saturating_duration_since(*since));
            page.0.add(&format!("Running … {elapsed}"), theme.warning);
            if let Some(progress) = progress {
                page.0.add(&clean(&sentence(progress)), theme.text);
            }
            "Esc hide; the outcome goes to the log (L)"
        }
        KillStage::Done(killed) => {
            killed.iter().for_each(|killed| page.done(killed));
            "Esc close"
        }
    };
    Content { title, lines: page.0.lines, keys, chosen: None }
}

struct Page<'a>(Lines<'a>);

impl Page<'_> {
    fn plans(&mut self, dialog: &KillDialog, plans: &[KillPlan]) {
        if dialog.ended_before > 0 {
            let (ended, style) = (dialog.ended_before, self.0.theme.warning);
            let rows = if ended == 1 { "row has" } else { "rows have" };
            self.0.add(&format!("! {ended} marked {rows} ended meanwhile"), style);
        }
        for plan in plans {
            if plans.len() > 1 {
                self.0.add(&clean(&plan.target.describe()), self.0.theme.heading);
            }
            self.plan(plan);
        }
    }

    fn plan(&mut self, plan: &KillPlan) {
        for victim in &plan.victims {
            self.victim(victim);
        }
        if let Some(obstacle) = kill::obstacle(plan) {
            self.0.add(&format!("! {}", clean(&obstacle.sentence)), self.0.theme.danger);
        }
        for spared in &plan.spared {
            let text = format!("spared {} {}: {}", spared.name, spared.pid, spared.reason);
            self.0.add(&clean(&text), self.0.theme.dim);
        }
        let lost = also_lost(plan);
        if !lost.is_empty() {
            self.0.add(&clean(&format!("also lost  {lost}")), self.0.theme.warning);
        }
        for supervisor in &plan.supervisors {
            let text = format!("{} may start it again", supervisor.name);
            self.0.add(&format!("restarts   {}", clean(&text)), self.0.theme.warning);
            let command = supervisor.command.join(" ");
            self.0.add(&format!("           $ {}", clean(&command)), self.0.theme.text);
        }
        for warning in &plan.warnings {
            self.0.add(&format!("! {}", clean(warning)), self.0.theme.warning);
        }
        if !plan.steps.is_empty() {
            self.0.gap();
        }
        for (number, step) in plan.steps.iter().enumerate() {
            self.0.add(&format!("{}. {}", number + 1, clean(step)), self.0.theme.text);
        }
    }

    /// `python3 4242 holds 0.0.0.0:8080 as listener`.
    fn victim(&mut self, victim: &Victim) {
        self.0.add(&clean(&kill::describe_victim(victim)), self.0.theme.accent);
        if let Some(why) = &victim.protected {
            self.0.add(&clean(&format!("! protected: {why}")), self.0.theme.danger);
        }
    }

    fn protected(&mut self, plans: &[KillPlan], typed: &str) {
        let Some(victim) = first_protected(plans) else { return };
        self.0.gap();
        let (name, pid) = (clean(&victim.name), victim.key.pid);
        let text = format!("{name} {pid} is protected. Type its pid to end it all the same:");
        self.0.add(&text, self.0.theme.danger);
        self.0.add(&format!("> {}", clean(typed)), self.0.theme.accent);
    }

    fn done(&mut self, killed: &Killed) {
        let (sign, style) = if log::is_success(killed) {
            ("✓", self.0.theme.fresh)
        } else {
            ("✗", self.0.theme.danger)
        };
        self.0.add(&format!("{sign} {}", clean(&log::sentence(killed))), style);
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
