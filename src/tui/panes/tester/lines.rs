//! The lines of a test: stages as a waterfall, the verdict, the sums.

use std::time::{Duration, Instant};

use ratatui::style::Style;
use serde_json::Value;

use super::run::Run;
use crate::model::probe::{OutcomeKind, Side, Stage, Verdict};
use crate::text::{clean, units};
use crate::tui::theme::Theme;
use crate::tui::widgets::paint;
use crate::tui::widgets::sparkline::sparkline;

/// Pieces of text with their styles.
pub(super) type Line = Vec<(String, Style)>;

/// All lines of a test. `target` is what another test would go to.
pub(super) fn of(
    run: &Run,
    target: Option<String>,
    now: Instant,
    width: u16,
    theme: &Theme,
) -> Vec<Line> {
    let mut lines = Vec::new();
    if target.as_ref() != Some(&run.target) {
        lines.push(vec![(format!("tested   {}", clean(&run.target)), theme.dim)]);
    }
    if let Some(address) = run.address {
        lines
            .push(vec![("address  ".to_owned(), theme.heading), (address.to_string(), theme.text)]);
    }
    lines.extend(waterfall(run, now, width, theme));
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
    lines
}

/// A bar for each stage, where it began and how long it took, with its facts.
fn waterfall(run: &Run, now: Instant, width: u16, theme: &Theme) -> Vec<Line> {
    let total: u64 = run.stages.iter().map(|stage| stage.duration_us).sum();
    let columns: u64 = if width >= 60 { 12 } else { 0 };
    let mut before = 0;
    let mut lines = Vec::new();
    for stage in &run.stages {
        let (sign, style) = if stage.ok { ("✓", theme.fresh) } else { ("✗", theme.danger) };
        let time = units::duration(Duration::from_micros(stage.duration_us));
        let mut line = vec![
            (format!("{:<9}", stage.name.name()), theme.heading),
            (format!("{sign} {time:>9} "), style),
        ];
        if columns > 0 {
            line.push((bar(before, stage.duration_us, total, columns), theme.accent));
        }
        line.push((format!(" {}", facts(stage)), theme.dim));
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

fn facts(stage: &Stage) -> String {
    let fact = |(name, value): (&String, &Value)| match value {
        Value::Null => None,
        Value::String(text) => Some(format!("{name} {text}")),
        other => Some(format!("{name} {other}")),
    };
    let facts: Vec<String> = stage.detail.iter().filter_map(fact).collect();
    clean(&facts.join(", ")).into_owned()
}

/// `REFUSED, the peer's side`, and the sentence below it.
fn answer(verdict: &Verdict, width: u16, theme: &Theme, lines: &mut Vec<Line>) {
    let style = if verdict.outcome == OutcomeKind::Ok { theme.fresh } else { theme.danger };
    let side = match verdict.side {
        Some(Side::Local) => ", this host's side",
        Some(Side::Path) => ", on the path",
        Some(Side::Peer) => ", the peer's side",
        None => "",
    };
    let outcome = verdict.outcome.name().to_uppercase();
    lines.push(vec![("verdict  ".to_owned(), theme.heading), (format!("{outcome}{side}"), style)]);
    for text in paint::wrap(&clean(&verdict.text), width.saturating_sub(9)) {
        lines.push(vec![(format!("         {text}"), theme.text)]);
    }
}

/// `p50 0.02 ms  p99 0.31 ms  lost 0 of 12`, and a graph of the connect times.
fn sums(run: &Run, width: u16, theme: &Theme, lines: &mut Vec<Line>) {
    let summary = &run.summary;
    let time = |us: Option<u64>| match us {
        Some(us) => units::duration(Duration::from_micros(us)),
        None => units::UNKNOWN.to_owned(),
    };
    let lost = format!("lost {} of {}", summary.lost, summary.sent);
    lines.push(vec![
        (format!("p50 {}  p99 {}  ", time(summary.p50_us), time(summary.p99_us)), theme.text),
        (lost, if summary.lost > 0 { theme.danger } else { theme.text }),
    ]);
    let times: Vec<Option<f64>> = run.times.iter().copied().collect();
    lines.push(vec![(sparkline(&times, width.into()), theme.accent)]);
}
