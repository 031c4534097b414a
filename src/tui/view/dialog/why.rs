//! The lines of the answer to "why is it busy".

use super::Content;
use super::lines::Lines;
use crate::model::why::{TrialBind, WhyReport};
use crate::text::{clean, shell, why};
use crate::tui::dialog::why::{Choice, WhyDialog, WhyStage};
use crate::tui::theme::Theme;

/// Title, lines and keys of the question at its present stage.
pub(super) fn content(dialog: &WhyDialog, columns: u16, theme: &Theme) -> Content {
    let mut lines = Lines::new(columns, theme);
    let mut chosen_line = None;
    let keys = match &dialog.stage {
        WhyStage::Asking(_) => {
            lines.add("Looking at who holds it, and trying to bind it …", theme.dim);
            "Esc leave it"
        }
        WhyStage::Failed(error) => {
            lines.hang("! ", &clean(error), theme.danger);
            "Esc close"
        }
        WhyStage::Ready { report, remedies, chosen } => {
            answer(&mut lines, report);
            trials(&mut lines, report);
            chosen_line = choices(&mut lines, remedies, *chosen);
            match remedies.get(*chosen) {
                None => "Esc close",
                Some(choice) if choice.plan.is_some() => "Enter show its plan   y copy   Esc close",
                Some(_) => "y copy   Esc close",
            }
        }
    };
    let title = format!("Why is it busy? ─ {}", dialog.subject);
    Content { title, lines: lines.lines, keys, chosen: chosen_line }
}

fn answer(lines: &mut Lines<'_>, report: &WhyReport) {
    let theme = lines.theme;
    let (sign, style) =
        if report.bindable { ("✓ ", theme.fresh) } else { ("✗ ", theme.danger) };
    lines.hang(sign, &why::verdict(report), style);
    for (lead, text) in why::evidence(report) {
        lines.hang(&lead, &text, theme.text);
    }
}

/// What was tried: a trial bind can disturb, so nobody shall have to guess.
fn trials(lines: &mut Lines<'_>, report: &WhyReport) {
    let theme = lines.theme;
    lines.gap();
    lines.add("Tried, never listening, and closed at once:", theme.heading);
    for trial in &report.trial {
        lines.hang(
            "  ",
            &format!("{}: {}", why::bind(trial, report.port), result(trial)),
            theme.dim,
        );
    }
}

fn result(trial: &TrialBind) -> String {
    match (trial.tried, trial.error.as_deref()) {
        (false, _) => "left out, since it would take datagrams away".to_owned(),
        (true, None) => "succeeds".to_owned(),
        (true, Some(error)) => clean(error).into_owned(),
    }
}

/// The remedies; returns the line of the chosen one.
fn choices(lines: &mut Lines<'_>, remedies: &[Choice], chosen: usize) -> Option<usize> {
    let theme = lines.theme;
    if remedies.is_empty() {
        return None;
    }
    lines.gap();
    lines.add("What would help:", theme.heading);
    let mut at = None;
    for (index, choice) in remedies.iter().enumerate() {
        let (sign, style) =
            if index == chosen { ("▸ ", theme.accent) } else { ("  ", theme.text) };
        if index == chosen {
            at = Some(lines.lines.len());
        }
        lines.hang(sign, &shell::line(&choice.remedy.argv), style);
        lines.hang("    ", &clean(&choice.remedy.text), theme.dim);
    }
    at
}
