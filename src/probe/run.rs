//! A probe from its first round to its report.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::attempt::Attempt as Try;
use super::dialogue::Series;
use super::plan::{self, Known};
use super::progress::{Progress, Waterfall};
use super::summary::Tally;
use super::{Carrier, Host, Proxy, Settings, Target, eyeballs, resolve, verdict};
use crate::model::dialogue::AppProtocol;
use crate::model::health::Health;
use crate::model::probe::{Attempt, Detail, HappyEyeballs, OutcomeKind, ProbeReport, ProbeSummary};

/// The report keeps this many of the newest attempts; the summary counts them all.
const KEPT: usize = 10_000;

/// A probe of one target: run it, drop the run to stop it, and take its report at any time.
#[derive(Debug)]
pub struct Probe {
    target: Target,
    settings: Settings,
    rounds: u64,
    attempts: VecDeque<Arc<Attempt>>,
    forgotten: u64,
    tally: Tally,
    health: Vec<Health>,
    /// The address that answered last: the next round begins with it.
    favourite: Option<SocketAddr>,
    /// The addresses that were tried already.
    seen: HashSet<SocketAddr>,
    /// What greeted the last attempt.
    speaker: Option<AppProtocol>,
    /// What came of the last round in which the addresses were tried side by side.
    eyeballs: Option<HappyEyeballs>,
}

impl Probe {
    /// A probe that has not begun.
    pub fn new(target: Target, settings: Settings) -> Self {
        Self {
            target,
            settings,
            rounds: 0,
            attempts: VecDeque::new(),
            forgotten: 0,
            tally: Tally::default(),
            health: Vec::new(),
            favourite: None,
            seen: HashSet::new(),
            speaker: None,
            eyeballs: None,
        }
    }

    /// What is probed.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Whether it is one round.
    pub fn is_single(&self) -> bool {
        self.settings.count == Some(1)
    }

    /// Runs the rounds that are left, and reports each step to `events`. A full channel slows
    /// the probe down, though not the time of a stage; a closed one is ignored.
    ///
    /// May be dropped at any moment: the attempt under way is then as if it had never begun,
    /// and [`Probe::report`] tells of those before it. Needs a tokio runtime with I/O and time.
    pub async fn run(&mut self, events: &mpsc::Sender<Progress>) {
        let interval = self.settings.interval.max(self.series().interval);
        let mut due = Instant::now();
        while self.settings.count.is_none_or(|count| self.rounds < count) {
            sleep_until(due).await;
            // A round that took longer than the interval delays the next; none is made up for.
            due = Instant::now() + interval;
            self.round(events).await;
        }
    }

    /// Why the rounds come slower than was wished, where their server would count or punish them.
    pub fn holds_back(&self) -> Option<&'static str> {
        let series = self.series();
        let is_series = self.settings.count != Some(1);
        (is_series && series.interval > self.settings.interval).then_some(series.why)
    }

    fn series(&self) -> Series {
        plan::exchange(&self.target, &self.settings, Known::default()).series()
    }

    /// All that ended so far; `None` before the first attempt did.
    pub fn report(&self) -> Option<ProbeReport> {
        let last = self.attempts.back()?;
        Some(ProbeReport {
            target: self.target.text().to_owned(),
            attempts: self.attempts.iter().map(|attempt| Attempt::clone(attempt)).collect(),
            attempts_forgotten: self.forgotten,
            verdict: self.picked().unwrap_or(last).verdict.clone(),
            summary: self.summary(),
            path: None,
            happy_eyeballs: self.eyeballs,
            health: self.health.clone(),
        })
    }

    /// The newest attempt at the address that happy eyeballs would use.
    fn picked(&self) -> Option<&Arc<Attempt>> {
        let picked = self.eyeballs?.picked?;
        self.attempts.iter().rev().find(|attempt| attempt.address == Some(picked))
    }

    /// The sums over every attempt that ended so far.
    pub fn summary(&self) -> ProbeSummary {
        self.tally.summary()
    }

    /// One round: the addresses in order, until one can be connected to; for a bare name at its
    /// second port then.
    async fn round(&mut self, events: &mpsc::Sender<Progress>) {
        let seq = self.rounds + 1;
        let mut next = Some(self.target.clone());
        while let Some(target) = next.take() {
            let connected = self.at(&target, seq, events).await;
            next = target.fallback().filter(|_| !connected);
        }
        self.rounds = seq;
    }

    /// Tries a target at one of its ports. `true` where there is nothing more to try.
    async fn at(&mut self, target: &Target, seq: u64, events: &mpsc::Sender<Progress>) -> bool {
        let mut waterfall = Waterfall::new(seq, events);
        let settings = self.settings.clone();
        if let Host::Path(path) = target.host() {
            let attempt =
                Try { target, settings: &settings, first: self.rounds == 0, speaker: None };
            let tried = attempt.path(path, &mut waterfall).await;
            self.health = tried.health.into_iter().collect();
            self.keep(waterfall.into_attempt(tried.verdict), events).await;
            return true;
        }
        // Through a proxy its own address is gone to; the target's name is the proxy's matter.
        let next_stop = settings.via.as_ref().map_or(target, Proxy::target);
        let addresses = match resolve::addresses(next_stop, &settings, &mut waterfall).await {
            Ok(addresses) => addresses,
            Err(fault) => {
                let verdict = verdict::nowhere(&fault, next_stop.host());
                self.keep(waterfall.into_attempt(verdict), events).await;
                return true;
            }
        };
        let is_stream = matches!(target.protocol().carrier(), Carrier::Tcp | Carrier::Tls);
        if settings.every_address && is_stream {
            return self.side_by_side(target, &addresses, waterfall, events).await;
        }
        for address in self.favourite_first(addresses) {
            let first = self.seen.insert(address);
            let speaker = self.speaker;
            let attempt = Try { target, settings: &settings, first, speaker };
            let tried = match target.protocol().carrier() {
                Carrier::Udp | Carrier::Icmp => {
                    attempt.datagrams(address, seq, &mut waterfall).await
                }
                Carrier::Tcp | Carrier::Tls | Carrier::Unix => {
                    attempt.stream(address, &mut waterfall).await
                }
            };
            // What is missing now is what counts.
            self.health = tried.health.into_iter().collect();
            self.keep(waterfall.into_attempt(tried.verdict), events).await;
            if tried.connected {
                return true;
            }
            waterfall = Waterfall::new(seq, events);
        }
        false
    }

    /// Tries all addresses at once; the first attempt has the stages that are known already.
    async fn side_by_side(
        &mut self,
        target: &Target,
        addresses: &[SocketAddr],
        first: Waterfall<'_>,
        events: &mpsc::Sender<Progress>,
    ) -> bool {
        let (seq, speaker, settings) = (self.rounds + 1, self.speaker, self.settings.clone());
        let more = std::iter::repeat_with(|| Waterfall::new(seq, events));
        let tries =
            std::iter::once(first).chain(more).zip(addresses).map(|(waterfall, address)| {
                let (address, first) = (*address, self.seen.insert(*address));
                let attempt = Try { target, settings: &settings, first, speaker };
                let mut waterfall = waterfall;
                async move {
                    let tried = attempt.stream(address, &mut waterfall).await;
                    (tried.connected, tried.health, waterfall.into_attempt(tried.verdict))
                }
            });
        let tries: Vec<_> = tries.collect();
        let done = join_all(tries).await;
        let connected = done.iter().any(|(connected, ..)| *connected);
        let attempts: Vec<Attempt> = done.iter().map(|(.., attempt)| attempt.clone()).collect();
        self.eyeballs = Some(eyeballs::of(&attempts));
        for (_, health, attempt) in done {
            self.health = health.into_iter().collect();
            self.keep(attempt, events).await;
        }
        connected
    }

    fn favourite_first(&self, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        addresses.sort_by_key(|address| Some(*address) != self.favourite);
        addresses
    }

    async fn keep(&mut self, attempt: Attempt, events: &mpsc::Sender<Progress>) {
        if attempt.verdict.outcome == OutcomeKind::Ok {
            self.favourite = attempt.address;
        }
        self.speaker = greeted_by(&attempt).or(self.speaker);
        self.tally.add(&attempt);
        if self.attempts.len() == KEPT {
            self.attempts.pop_front();
            self.forgotten += 1;
        }
        let attempt = Arc::new(attempt);
        self.attempts.push_back(Arc::clone(&attempt));
        let done = Progress::AttemptDone { attempt, summary: self.summary() };
        // A reader that has gone away wants to hear no more.
        let _ = events.send(done).await;
    }
}

fn greeted_by(attempt: &Attempt) -> Option<AppProtocol> {
    attempt.stages.iter().find_map(|stage| match &stage.detail {
        Detail::Greeting(found) => found.greeting.protocol,
        _ => None,
    })
}

#[cfg(test)]
mod tests;
