//! Many ports of one host: those that can be connected to are probed, the others are counted.

use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Entry};
use std::io::{IsTerminal, Write};

use super::super::{Exit, Failure, output};
use super::expect::Condition;
use super::running::{interrupted, run_all};
use super::{Format, SCHEMA, are_as_expected, print_attempt};
use crate::model::probe::{Attempt, ProbeReport, StageName};
use crate::probe::{Probe, Settings, Sweep, Target, report_of};
use crate::text;

/// Progress is said each time as many ports are done.
const STEP: usize = 1_000;
/// As many ports that answer are named.
const NAMED: usize = 20;

/// What is swept, and how it is told.
pub(super) struct Plan<'a> {
    pub(super) targets: &'a [Target],
    pub(super) settings: &'a Settings,
    pub(super) format: Format,
    pub(super) concurrency: usize,
}

/// Sweeps, then probes what answers.
pub(super) fn run(
    sweep: Sweep<'_>,
    plan: &Plan<'_>,
    expected: &[Condition],
) -> Result<Exit, Failure> {
    let Plan { targets, settings, format, concurrency } = *plan;
    let mut notes = Notes::new(targets, format, !expected.is_empty());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (open, mut probes) = runtime.block_on(async {
        let open = tokio::select! {
            open = sweep.run(|place, attempt| notes.take(place, attempt)) => open,
            () = interrupted() => Vec::new(),
        };
        let mut probes: Vec<Probe> = open
            .iter()
            .map(|place| Probe::new(targets[*place].clone(), settings.clone()))
            .collect();
        notes.end_progress();
        let ended = run_all(&mut probes, format, concurrency).await;
        ended.map(|()| (open, probes))
    })?;
    runtime.shutdown_background();
    std::mem::replace(&mut notes.error, Ok(()))?;
    let mut reports: BTreeMap<usize, ProbeReport> = BTreeMap::new();
    for (place, probe) in open.into_iter().zip(probes.drain(..)) {
        reports.extend(probe.report().map(|report| (place, report)));
    }
    let open: Vec<usize> = reports.keys().copied().collect();
    for (place, attempts) in std::mem::take(&mut notes.attempts) {
        if let Entry::Vacant(vacant) = reports.entry(place)
            && let Some(report) = report_of(&targets[place], attempts)
        {
            vacant.insert(report);
        }
    }
    let all_ok = reports.len() == targets.len() && are_as_expected(reports.values(), expected);
    match format {
        Format::Json => {
            let reports: Vec<ProbeReport> = reports.into_values().collect();
            output::json_array(SCHEMA, &reports)?;
        }
        Format::Text | Format::Lines => {
            // One that had met itself is refused in the end.
            let connected = reports.iter().filter(|(_, report)| has_connected(report));
            let answering: Vec<u16> =
                connected.filter_map(|(place, _)| targets[*place].port()).collect();
            for (place, report) in reports.iter().filter(|(place, _)| open.contains(place)) {
                if let Some(before) = notes.last.remove(place) {
                    *notes.outcomes.entry(before).or_default() -= 1;
                }
                if !has_connected(report) {
                    *notes.outcomes.entry(report.verdict.outcome.name()).or_default() += 1;
                }
            }
            let sentence = notes.sentence(targets, &answering);
            if format == Format::Text {
                let mut out = output::stdout();
                writeln!(out, "{sentence}")?;
                out.flush()?;
            } else {
                note!("{sentence}");
            }
        }
    }
    Ok(if all_ok { Exit::Yes } else { Exit::No })
}

fn has_connected(report: &ProbeReport) -> bool {
    let stages = report.attempts.iter().flat_map(|attempt| &attempt.stages);
    stages.into_iter().any(|stage| stage.name() == StageName::Connect && stage.ok)
}

/// What the sweep told so far.
struct Notes<'a> {
    targets: &'a [Target],
    format: Format,
    /// Whether the attempts are wanted at the end.
    keeps: bool,
    attempts: BTreeMap<usize, Vec<Attempt>>,
    outcomes: BTreeMap<&'static str, usize>,
    /// Of each port, the outcome that was told last.
    last: HashMap<usize, &'static str>,
    done: usize,
    shows_progress: bool,
    error: Result<(), Failure>,
}

impl<'a> Notes<'a> {
    fn new(targets: &'a [Target], format: Format, keeps: bool) -> Self {
        Self {
            targets,
            format,
            keeps: keeps || format == Format::Json,
            attempts: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            last: HashMap::new(),
            done: 0,
            shows_progress: std::io::stderr().is_terminal(),
            error: Ok(()),
        }
    }

    fn take(&mut self, place: usize, attempt: Attempt) {
        // A port that is tried at a second address is the same port.
        let outcome = attempt.verdict.outcome.name();
        match self.last.insert(place, outcome) {
            Some(before) => *self.outcomes.entry(before).or_default() -= 1,
            None => self.done += 1,
        }
        *self.outcomes.entry(outcome).or_default() += 1;
        match self.format {
            Format::Json => {}
            Format::Lines if self.error.is_ok() => {
                let target = self.targets[place].text();
                let mut out = output::stdout();
                self.error = print_attempt(target, &attempt, self.format, &mut out);
            }
            Format::Lines | Format::Text => {}
        }
        if self.keeps {
            self.attempts.entry(place).or_default().push(attempt);
        }
        if self.shows_progress && self.done.is_multiple_of(STEP) {
            eprint!("\r{} of {} ports", self.done, self.targets.len());
        }
    }

    fn end_progress(&self) {
        if self.shows_progress && self.done >= STEP {
            eprint!("\r                              \r");
        }
    }

    /// `127.0.0.1: of 1000 ports 2 can be connected to (22, 80), 998 refused`.
    fn sentence(&self, targets: &[Target], answering: &[u16]) -> String {
        let host = targets.first().map(|target| target.host().to_string()).unwrap_or_default();
        let named: Vec<String> = answering.iter().take(NAMED).map(ToString::to_string).collect();
        let more = answering.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named =
            if named.is_empty() { String::new() } else { format!(" ({}{more})", named.join(", ")) };
        let others: Vec<String> = self
            .outcomes
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(outcome, count)| format!("{count} {}", outcome.replace('_', " ")))
            .collect();
        let others =
            if others.is_empty() { String::new() } else { format!(", {}", others.join(", ")) };
        format!(
            "{}: of {} ports {} can be connected to{named}{others}",
            text::clean(&host),
            targets.len(),
            answering.len()
        )
    }
}
