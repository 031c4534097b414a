//! The lines of the answer to "why is it busy".

use super::stage::{Choice, WhyStage};
use crate::inspect::bind::Target;
use crate::model::why::{TrialBind, WhyReport};
use crate::text::{clean, drops, shell, why};
use crate::tui::dialog::Page;

/// Writes the answer, as far as it is known.
pub(super) fn write(stage: &WhyStage, target: &Target, page: &mut Page<'_>) {
    let theme = page.theme;
    match stage {
        WhyStage::Asking(_) => {
            page.add("Looking at who holds it, and trying to bind it …", theme.dim);
        }
        WhyStage::Failed(error) => page.hang("! ", &clean(error), theme.danger),
        WhyStage::Ready { report, remedies, chosen } => {
            answer(page, report);
            dropped(page, target);
            trials(page, report);
            choices(page, remedies, *chosen);
        }
    }
}

fn answer(page: &mut Page<'_>, report: &WhyReport) {
    let theme = page.theme;
    let (sign, style) =
        if report.bindable { ("✓ ", theme.fresh) } else { ("✗ ", theme.danger) };
    page.hang(sign, &why::verdict(report), style);
    for (lead, text) in why::evidence(report) {
        page.hang(&lead, &text, theme.text);
    }
}

/// What the kernel has told of packets to the port since it is asked.
fn dropped(page: &mut Page<'_>, target: &Target) {
    let (world, theme) = (page.world, page.theme);
    let Some(told) = world.drops.value() else { return };
    let since = told.since.to_zoned(world.timezone.clone()).strftime("since %H:%M:%S").to_string();
    for cause in told.at_port(target.protocol(), target.port, target.one_addr()) {
        page.hang("  ! ", &drops::at_port(&cause, &since), theme.warning);
    }
}

/// What was tried: a trial bind can disturb, so nobody shall have to guess.
fn trials(page: &mut Page<'_>, report: &WhyReport) {
    let theme = page.theme;
    page.gap();
    page.add("Tried, never listening, and closed at once:", theme.heading);
    for trial in &report.trial {
        page.hang(
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

fn choices(page: &mut Page<'_>, remedies: &[Choice], chosen: usize) {
    let theme = page.theme;
    if remedies.is_empty() {
        return;
    }
    page.gap();
    page.add("What would help:", theme.heading);
    for (index, choice) in remedies.iter().enumerate() {
        let (sign, style) =
            if index == chosen { ("▸ ", theme.accent) } else { ("  ", theme.text) };
        if index == chosen {
            page.choose_next();
        }
        page.hang(sign, &shell::line(&choice.remedy.argv), style);
        page.hang("    ", &clean(&choice.remedy.text), theme.dim);
    }
}
