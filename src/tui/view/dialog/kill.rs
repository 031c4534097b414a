//! The lines of the kill dialog.

use std::time::Instant;

use super::Line;
use crate::model::action::{KillOutcome, KillPlan, KillTarget, Spared, Victim};
use crate::model::socket::Socket;
use crate::text::{clean, units};
use crate::tui::dialog::kill::{KillDialog, KillStage};
use crate::tui::label;
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
    let one = |text: &str, style| vec![vec![(text.to_owned(), style)]];
    match &dialog.stage {
        KillStage::Planning(_) => (title, one("Working out the plan …", theme.dim), "Esc leave it"),
        KillStage::Failed(why) => {
            let mut lines = Vec::new();
            wrapped(&format!("! {}", clean(why)), columns, theme.danger, &mut lines);
            (title, lines, "Esc close")
        }
        KillStage::Ready { plans, agreed_once } => {
            let lines = ready(plans, *agreed_once, columns, theme);
            let nobody = plans.iter().all(|plan| plan.victims.is_empty());
            let asks_again = plans.iter().any(|plan| plan.protected) && !agreed_once;
            let keys = match (nobody, asks_again) {
                (true, _) => "Esc close",
                (false, true) => "Enter agree (asks once more)   Esc leave it",
                (false, false) => "Enter run   Esc leave it",
            };
            (title, lines, keys)
        }
        KillStage::Running(_, since) => {
            let elapsed = units::duration(now.saturating_duration_since(*since));
            let text = format!("Running … {elapsed}");
            (title, one(&text, theme.warning), "Esc hide; the outcome goes to the log (L)")
        }
        KillStage::Done(outcomes) => (title, done(outcomes, columns, theme), "Esc close"),
    }
}

fn ready(plans: &[KillPlan], agreed_once: bool, columns: u16, theme: &Theme) -> Vec<Line> {
    let mut lines = Vec::new();
    for plan in plans {
        if plans.len() > 1 {
            lines.push(vec![(target(&plan.target), theme.heading)]);
        }
        plan_lines(plan, columns, theme, &mut lines);
    }
    if agreed_once {
        lines.push(Vec::new());
        let text = "A protected process is among them. Enter once more ends it all the same.";
        wrapped(text, columns, theme.danger, &mut lines);
    }
    lines
}

fn plan_lines(plan: &KillPlan, columns: u16, theme: &Theme, lines: &mut Vec<Line>) {
    for victim in &plan.victims {
        victim_lines(victim, columns, theme, lines);
    }
    if plan.victims.is_empty() {
        lines.push(vec![("No process would get a signal.".to_owned(), theme.text)]);
    }
    for spared in &plan.spared {
        spared_line(spared, columns, theme, lines);
    }
    let lost = also_lost(plan);
    if !lost.is_empty() {
        wrapped(&format!("also lost  {lost}"), columns, theme.warning, lines);
    }
    for warning in &plan.warnings {
        wrapped(&format!("! {}", clean(warning)), columns, theme.warning, lines);
    }
    if !plan.steps.is_empty() {
        lines.push(Vec::new());
    }
    for (number, step) in plan.steps.iter().enumerate() {
        wrapped(&format!("{}. {}", number + 1, clean(step)), columns, theme.text, lines);
    }
}

/// `python3 4242  holds 0.0.0.0:8080 LISTEN`.
fn victim_lines(victim: &Victim, columns: u16, theme: &Theme, lines: &mut Vec<Line>) {
    let who = format!("{} {}", clean(&victim.name), victim.key.pid);
    let holds: Vec<String> = victim.holds.iter().map(short).collect();
    let holds = match holds.len() {
        0 => String::new(),
        _ => format!("  holds {}", holds.join(", ")),
    };
    let signals = victim.signals.join(", then ");
    wrapped(&format!("{who}{holds}  gets {signals}"), columns, theme.accent, lines);
}

fn spared_line(spared: &Spared, columns: u16, theme: &Theme, lines: &mut Vec<Line>) {
    let who = format!("{} {}", clean(&spared.name), spared.pid);
    wrapped(&format!("spared {who}: {}", clean(&spared.reason)), columns, theme.dim, lines);
}

fn short(socket: &Socket) -> String {
    format!("{} {}", label::local(socket, false), socket.state.name())
}

fn also_lost(plan: &KillPlan) -> String {
    let radius = &plan.blast_radius;
    let mut parts: Vec<String> = radius.other_listeners.iter().map(short).collect();
    if radius.connections > 0 {
        parts.push(format!("{} open connections", units::count(radius.connections)));
    }
    if !radius.children.is_empty() {
        parts.push(format!("{} children", radius.children.len()));
    }
    parts.join(" · ")
}

fn target(target: &KillTarget) -> String {
    match target {
        KillTarget::Port { port, udp, addr } => {
            let protocol = if *udp { "udp" } else { "tcp" };
            let addr = addr.map(|addr| format!(" on {addr}")).unwrap_or_default();
            format!("{protocol} port {port}{addr}")
        }
        KillTarget::Pid { pid } => format!("process {pid}"),
    }
}

fn done(outcomes: &[Result<KillOutcome, String>], columns: u16, theme: &Theme) -> Vec<Line> {
    let mut lines = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(outcome) if log::is_success(outcome) => {
                let text = format!("✓ {}", clean(&log::kill_sentence(outcome)));
                wrapped(&text, columns, theme.fresh, &mut lines);
            }
            Ok(outcome) => {
                let text = format!("✗ {}", clean(&log::kill_sentence(outcome)));
                wrapped(&text, columns, theme.danger, &mut lines);
            }
            Err(why) => wrapped(&format!("✗ {}", clean(why)), columns, theme.danger, &mut lines),
        }
    }
    lines
}

fn wrapped(text: &str, columns: u16, style: ratatui::style::Style, lines: &mut Vec<Line>) {
    lines.extend(paint::wrap(text, columns).into_iter().map(|line| vec![(line, style)]));
}
