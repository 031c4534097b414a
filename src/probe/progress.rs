//! What a probe tells while it runs, so that its waterfall can be drawn as it falls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::model::probe::{
    Attempt, ConnectDetail, Detail, ProbeSummary, Stage, StageName, Verdict,
};

/// One thing that happened, in order. Of one attempt come any number of stages, each begun
/// and done, then its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// A stage has begun.
    StageStarted {
        /// Round of the attempt, from 1.
        seq: u64,
        /// Where it goes; `None` until an address is known.
        address: Option<SocketAddr>,
        /// Which stage.
        name: StageName,
    },
    /// A stage has ended.
    StageDone {
        /// Round of the attempt, from 1.
        seq: u64,
        /// Where it goes; `None` until an address is known.
        address: Option<SocketAddr>,
        /// With its time and what it found.
        stage: Stage,
    },
    /// An attempt has ended.
    AttemptDone {
        /// All of it, its stages included.
        attempt: Arc<Attempt>,
        /// The sums, this attempt included.
        summary: ProbeSummary,
    },
}

/// The stages of one attempt as they run: reports each, and keeps it for the attempt.
pub(super) struct Waterfall<'a> {
    seq: u64,
    address: Option<SocketAddr>,
    stages: Vec<Stage>,
    events: &'a mpsc::Sender<Progress>,
}

impl<'a> Waterfall<'a> {
    pub(super) fn new(seq: u64, events: &'a mpsc::Sender<Progress>) -> Self {
        Self { seq, address: None, stages: Vec::new(), events }
    }

    /// From here on the attempt goes to this address.
    pub(super) fn aim(&mut self, address: SocketAddr) {
        self.address = Some(address);
    }

    pub(super) async fn begin(&self, name: StageName) {
        let (seq, address) = (self.seq, self.address);
        self.tell(Progress::StageStarted { seq, address, name }).await;
    }

    pub(super) async fn end(&mut self, ok: bool, took: Duration, detail: Detail) {
        let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let stage = Stage { detail, ok, duration_us };
        self.stages.push(stage.clone());
        let (seq, address) = (self.seq, self.address);
        self.tell(Progress::StageDone { seq, address, stage }).await;
    }

    /// What was learnt of the connect stage after it had ended: it goes with the whole attempt.
    pub(super) fn amend_connect(&mut self, found: &ConnectDetail) {
        for stage in &mut self.stages {
            if let Detail::Connect(connect) = &mut stage.detail {
                (**connect).clone_from(found);
            }
        }
    }

    pub(super) fn into_attempt(self, verdict: Verdict) -> Attempt {
        Attempt { seq: self.seq, address: self.address, stages: self.stages, verdict }
    }

    /// A reader that has gone away wants to hear no more; the probe runs on for its report.
    async fn tell(&self, progress: Progress) {
        let _ = self.events.send(progress).await;
    }
}
