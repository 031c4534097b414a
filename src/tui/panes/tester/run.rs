//! A test, as its progress tells of it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::path::Path;
use crate::model::probe::{Hop, ProbeReport, ProbeSummary, Stage, StageName, Verdict};
use crate::probe::Progress;
use crate::tui::event::{Moment, RequestId};

/// Times of the connect stage kept for the graph.
const HISTORY: usize = 120;

/// The newest test: what it has found so far.
#[derive(Debug)]
pub(super) struct Run {
    /// The request.
    pub(super) id: RequestId,
    /// As it was written.
    pub(super) target: String,
    /// When it began.
    pub(super) since: Instant,
    /// Stages of the newest attempt that have ended.
    pub(super) stages: Vec<Stage>,
    /// The stage that runs, and since when.
    pub(super) running: Option<(StageName, Instant)>,
    /// Where the newest attempt goes.
    pub(super) address: Option<SocketAddr>,
    /// The newest answer; kept while the next attempt of a continuous test runs.
    pub(super) verdict: Option<Verdict>,
    /// When that answer came.
    pub(super) answered_at: Option<Timestamp>,
    /// Over all attempts.
    pub(super) summary: ProbeSummary,
    /// Microseconds of the connect stage, newest last; `None` for an attempt without answer.
    pub(super) times: VecDeque<Option<f64>>,
    /// The whole report, once it has ended.
    pub(super) report: Option<Box<ProbeReport>>,
    /// The way to its address, where that was asked for.
    pub(super) path: Option<Path>,
    /// Whether the path is asked for once the address is known.
    pub(super) wants_path: bool,
    continuous: bool,
    ended: bool,
    seq: u64,
}

impl Run {
    pub(super) fn new(id: RequestId, target: String, continuous: bool, now: Instant) -> Self {
        Self {
            id,
            target,
            since: now,
            stages: Vec::new(),
            running: None,
            address: None,
            verdict: None,
            answered_at: None,
            summary: ProbeSummary::default(),
            times: VecDeque::new(),
            report: None,
            path: None,
            wants_path: false,
            continuous,
            ended: false,
            seq: 0,
        }
    }

    /// Whether it has not ended yet.
    pub(super) fn is_running(&self) -> bool {
        !self.ended
    }

    /// Whether it runs until it is stopped.
    pub(super) fn is_continuous(&self) -> bool {
        self.continuous && !self.ended
    }

    /// Whether a stage is under way, so that a clock runs on screen.
    pub(super) fn is_waiting(&self) -> bool {
        !self.ended && (self.running.is_some() || self.verdict.is_none())
    }

    /// Takes a step of the test.
    pub(super) fn progress(&mut self, progress: Progress, now: Moment) {
        match progress {
            Progress::StageStarted { seq, address, name } => {
                self.enter(seq, address);
                self.running = Some((name, now.at));
            }
            Progress::StageDone { seq, address, stage } => {
                self.enter(seq, address);
                self.running = None;
                self.stages.push(stage);
            }
            Progress::AttemptDone { attempt, summary } => {
                self.running = None;
                self.address = attempt.address;
                self.stages.clone_from(&attempt.stages);
                self.verdict = Some(attempt.verdict.clone());
                self.answered_at = Some(now.wall);
                self.summary = summary;
                self.times.push_back(connect_time(&attempt.stages));
                if self.times.len() > HISTORY {
                    self.times.pop_front();
                }
                // The next step belongs to another attempt, even where its number is the same.
                self.seq = 0;
            }
        }
    }

    /// Clears the stages of the attempt before when another one begins.
    fn enter(&mut self, seq: u64, address: Option<SocketAddr>) {
        if self.seq != seq {
            self.stages.clear();
            self.seq = seq;
        }
        self.address = address;
    }

    /// It has ended, by itself or because it was told to.
    pub(super) fn end(&mut self, report: Option<Box<ProbeReport>>) {
        self.ended = true;
        self.running = None;
        self.report = report;
    }

    /// The hops are known, or why they are not.
    pub(super) fn arrived(&mut self, hops: Result<Vec<Hop>, String>) {
        let Some(path) = &mut self.path else { return };
        if let (Some(report), Ok(hops)) = (&mut self.report, &hops) {
            report.path = Some(hops.clone());
        }
        path.hops = Some(hops);
    }
}

fn connect_time(stages: &[Stage]) -> Option<f64> {
    let connect = stages.iter().find(|stage| stage.name() == StageName::Connect && stage.ok)?;
    Some(Duration::from_micros(connect.duration_us).as_secs_f64() * 1e6)
}
