//! The lines of a test: stages as a waterfall, the verdict, the sums.

use std::time::Instant;

use super::histogram;
use super::run::Run;
use crate::model::probe::{OutcomeKind, Stage, Verdict};
use crate::text::{clean, probe as words, units};
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::{self, Line};
use crate::tui::widgets::sparkline::sparkline;

/// A stage that the user has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Which of them.
    pub(super) stage: usize,
    /// Whether all that it found is shown.
    pub(super) open: bool,
}

/// The lines of a test, and which of them is the chosen one.
pub(super) struct Page {
    pub(super) lines: Vec<Line>,
    pub(super) chosen: Option<usize>,
}

/// All lines of a test. `target` is what another test would go to.
pub(super) fn of(
    run: &Run,
    chosen: Option<Chosen>,
    target: Option<&str>,
    now: Instant,
    width: u16,
    theme: &Theme,
) -> Page {
    let mut lines = Vec::new();
    if target != Some(&run.target) {
        lines.push(vec![(format!("tested   {}", clean(&run.target)), theme.dim)]);
    }
    if let Some(address) = run.address {
        lines
            .push(vec![("address  ".to_owned(), theme.heading), (address.to_string(), theme.text)]);
    }
    let chosen = chosen.filter(|chosen| chosen.stage < run.stages.len());
    let chosen_line = chosen.map(|chosen| lines.len() + chosen.stage);
    for (index, line) in waterfall(run, now, width, theme).into_iter().enumerate() {
        match chosen.filter(|chosen| chosen.stage == index) {
            Some(chosen) => open(line, &run.stages[index], chosen, width, theme, &mut lines),
            None => lines.push(line),
        }
    }
    match &run.verdict {
        Some(verdict) => answer(verdict, width, theme, &mut lines),
        None if run.is_running() => {
            let elapsed = units::duration(now.saturating_duration_since(run.since));
            lines.push(vec![(format!("testing … {elapsed}; Enter stops it"), theme.dim)]);
        }
        None => lines.push(vec![("stopped before there was an answer".to_owned(), theme.dim)]),
    }
    if run.summary.sent > 1 {
        sums(run, width, theme, &mut lines);
    }
    if let Some(path) = &run.path {
        path.lines(theme, &mut lines);
    }
    Page { lines, chosen: chosen_line }
}

/// The chosen stage, and below it all that it found.
fn open(
    mut line: Line,
    stage: &Stage,
    chosen: Chosen,
    width: u16,
    theme: &Theme,
    lines: &mut Vec<Line>,
) {
    line.iter_mut().for_each(|(_, style)| *style = style.patch(theme.selection));
    lines.push(line);
    if !chosen.open {
        return;
    }
    for (name, value) in words::facts(stage) {
        let room = width.saturating_sub(4).saturating_sub(name.chars().count() as u16);
        for (index, text) in paint::wrap(&value, room.max(20)).into_iter().enumerate() {
            let name = if index == 0 { name.as_str() } else { "" };
            lines.push(vec![(format!("  {name}  "), theme.dim), (text, theme.text)]);
        }
    }
}

/// A bar for each stage, where it began and how long it took, with its facts.
pub(super) fn waterfall(run: &Run, now: Instant, width: u16, theme: &Theme) -> Vec<Line> {
    let total: u64 = run.stages.iter().map(|stage| stage.duration_us).sum();
    let columns: u64 = if width >= 60 { 12 } else { 0 };
    let mut before = 0;
    let mut lines = Vec::new();
    for stage in &run.stages {
        let (sign, style) = if stage.ok { ("✓", theme.fresh) } else { ("✗", theme.danger) };
        let time = words::stage_time(stage);
        let mut line = vec![
            (format!("{:<9}", stage.name().name()), theme.heading),
            (format!("{sign} {time:>9} "), style),
        ];
        if columns > 0 {
            line.push((bar(before, stage.duration_us, total, columns), theme.accent));
        }
        line.push((format!(" {}", words::stage_words(stage)), theme.dim));
        lines.push(line);
        before += stage.duration_us;
    }
    if let Some((name, since)) = run.running {
        let elapsed = units::duration(now.saturating_duration_since(since));
        lines.push(vec![
            (format!("{:<9}", name.name()), theme.heading),
            (format!("… {elapsed:>9}"), theme.warning),
        ]);
    }
    lines
}

/// A bar of at least one cell, at its place between the start and the end of the attempt.
fn bar(before: u64, duration: u64, total: u64, columns: u64) -> String {
    let total = total.max(1);
    let start = (before * columns / total).min(columns - 1);
    let length = (duration * columns / total).clamp(1, columns - start);
    let cells = |n: u64| usize::try_from(n).unwrap_or(0);
    let rest = cells(columns - start - length);
    format!("{}{}{}", " ".repeat(cells(start)), "━".repeat(cells(length)), " ".repeat(rest))
}

/// `REFUSED, peer side`.
pub(super) fn outcome(verdict: &Verdict) -> String {
    let side = verdict.side.map(|side| format!(", {}", words::side(side))).unwrap_or_default();
    format!("{}{side}", words::outcome(verdict.outcome))
}

/// The outcome, and the sentence below it.
fn answer(verdict: &Verdict, width: u16, theme: &Theme, lines: &mut Vec<Line>) {
    let style = if verdict.outcome == OutcomeKind::Ok { theme.fresh } else { theme.danger };
    lines.push(vec![("verdict  ".to_owned(), theme.heading), (outcome(verdict), style)]);
    for text in paint::wrap(&clean(&verdict.text), width.saturating_sub(9)) {
        lines.push(vec![(format!("         {text}"), theme.text)]);
    }
}

/// `p50 0.02 ms  p99 0.31 ms  lost 0 of 12`, and a graph of the connect times.
fn sums(run: &Run, width: u16, theme: &Theme, lines: &mut Vec<Line>) {
    let summary = &run.summary;
    let lost = format!("lost {} of {}", summary.lost, summary.sent);
    lines.push(vec![
        (
            format!(
                "p50 {}  p99 {}  ",
                words::micros(summary.p50_us),
                words::micros(summary.p99_us)
            ),
            theme.text,
        ),
        (lost, if summary.lost > 0 { theme.danger } else { theme.text }),
    ]);
    let times: Vec<Option<f64>> = run.times.iter().copied().collect();
    lines.push(vec![(sparkline(&times, width.into()), theme.accent)]);
    lines.extend(histogram::lines(times.into_iter().flatten(), theme));
}
