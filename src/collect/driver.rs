//! The thread that turns a [`Collector`] into a [`Feed`].

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::control::{Control, Next};
use super::feed::Feed;
use crate::model::health::Health;
use crate::model::sample::Sample;

/// At most one part in this many of a core goes to one collector. What follows from its samples,
/// to arrange and draw them, takes about a fifth as much: together that stays below a tenth.
const CPU_SHARE: u32 = 13;

/// Something that can be sampled again and again, blocking its own thread.
pub trait Collector: Send + 'static {
    /// What a round yields.
    type Value: Send + Sync + 'static;

    /// Name of the thread, and of the source in health lines. At most 15 bytes.
    fn name(&self) -> &'static str;

    /// Takes one sample. Returning early is right when `control` says stop or pause.
    fn sample(&mut self, control: &Control) -> Round<Self::Value>;

    /// Whether a round lasts the period by itself, so that the next one follows at once: who
    /// drains a ring must not be kept from it.
    fn fills_period(&self) -> bool {
        false
    }

    /// Lets go of what costs something while paused (a capture ring).
    fn rest(&mut self) {}
}

/// The result of one round. `value` is `None` when the round failed; `health` says why.
#[derive(Debug)]
pub struct Round<T> {
    /// The snapshot.
    pub value: Option<Arc<T>>,
    /// How the sources fared.
    pub health: Vec<Health>,
    /// CPU time that the round took; `None` counts its wall-clock time instead.
    pub cost: Option<Duration>,
}

/// Starts the collector on a thread of its own. The thread ends when told to stop, or when
/// every reader of the feed is gone.
pub fn spawn<C: Collector>(
    mut collector: C,
    period: Duration,
    paused: bool,
) -> io::Result<Feed<C::Value>> {
    let control = Arc::new(Control::new(period, paused));
    let (publish, samples) = watch::channel(Arc::new(Sample::loading()));
    let steering = Arc::clone(&control);
    thread::Builder::new()
        .name(collector.name().to_owned())
        .spawn(move || run(&mut collector, &steering, &publish))?;
    Ok(Feed { samples, control })
}

fn run<C: Collector>(
    collector: &mut C,
    control: &Control,
    publish: &watch::Sender<Arc<Sample<C::Value>>>,
) {
    let mut current = Sample::loading();
    let mut earliest = Instant::now();
    while !publish.is_closed() {
        match control.wait(earliest, current.paused) {
            Next::Stop => return,
            Next::Pause => {
                collector.rest();
                current.paused = true;
            }
            Next::Sample => {
                let started = Instant::now();
                let round = collector.sample(control);
                current = merge(&current, round, started);
                current.paused = control.is_paused();
                // Told to pause during the round, or refreshed while it was paused.
                if current.paused {
                    collector.rest();
                }
                if collector.fills_period() {
                    current.period = control.period();
                    earliest = Instant::now();
                } else {
                    current.period = stretched(control.period(), current.cost);
                    earliest = started + current.period;
                }
            }
        }
        if publish.send(Arc::new(current.clone())).is_err() {
            return;
        }
    }
}

/// The sample after `round`: a failed one keeps the last good value and is marked stale.
fn merge<T>(last: &Sample<T>, round: Round<T>, started: Instant) -> Sample<T> {
    let cost = round.cost.unwrap_or_else(|| started.elapsed());
    let seq = last.seq + 1;
    match round.value {
        Some(value) => Sample {
            value: Some(value),
            health: round.health,
            taken_at: Timestamp::now(),
            taken_mono: Instant::now(),
            seq,
            cost,
            stale: false,
            ..Sample::loading()
        },
        None => {
            Sample { health: round.health, seq, cost, stale: last.value.is_some(), ..last.clone() }
        }
    }
}

/// The wished period, or as long as keeps the collector within its share of a core.
fn stretched(wished: Duration, cost: Duration) -> Duration {
    wished.max(cost * CPU_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::health::Source;

    struct Counter {
        rounds: u32,
        fail_from: u32,
    }

    impl Collector for Counter {
        type Value = u32;

        fn name(&self) -> &'static str {
            "counter"
        }

        fn sample(&mut self, _: &Control) -> Round<u32> {
            self.rounds += 1;
            let failed = self.rounds >= self.fail_from;
            Round {
                value: (!failed).then(|| Arc::new(self.rounds)),
                health: vec![if failed {
                    Health::unavailable(Source::Sockets, "told to fail")
                } else {
                    Health::ready(Source::Sockets)
                }],
                cost: Some(Duration::ZERO),
            }
        }
    }

    fn feed(fail_from: u32, paused: bool) -> Feed<u32> {
        spawn(Counter { rounds: 0, fail_from }, Duration::from_millis(1), paused).unwrap()
    }

    #[tokio::test]
    async fn a_failed_round_keeps_the_last_value_and_says_so() {
        let mut feed = feed(2, false);
        loop {
            assert!(feed.changed().await);
            let sample = feed.latest();
            if sample.seq >= 2 {
                assert_eq!(sample.value.as_deref(), Some(&1));
                assert!(sample.stale);
                assert_eq!(sample.troubles().count(), 1);
                return;
            }
        }
    }

    #[tokio::test]
    async fn a_paused_collector_samples_only_on_refresh() {
        let mut feed = feed(u32::MAX, true);
        assert!(feed.changed().await);
        assert!(feed.latest().is_loading());
        feed.control().refresh();
        while feed.latest().is_loading() {
            assert!(feed.changed().await);
        }
        let sample = feed.latest();
        assert_eq!((sample.seq, sample.paused), (1, true));
    }

    /// Pauses itself in its first round, and tells when it rests.
    struct Sleeper(std::sync::mpsc::Sender<()>);

    impl Collector for Sleeper {
        type Value = ();

        fn name(&self) -> &'static str {
            "sleeper"
        }

        fn sample(&mut self, control: &Control) -> Round<()> {
            control.pause();
            Round { value: Some(Arc::new(())), health: Vec::new(), cost: None }
        }

        fn rest(&mut self) {
            self.0.send(()).unwrap();
        }
    }

    #[test]
    fn a_collector_that_is_paused_during_its_round_rests() {
        let (tell, rested) = std::sync::mpsc::channel();
        let feed = spawn(Sleeper(tell), Duration::from_millis(1), false).unwrap();
        rested.recv_timeout(Duration::from_secs(10)).unwrap();
        drop(feed);
    }

    #[tokio::test]
    async fn stopping_ends_the_thread_and_the_feed() {
        let mut feed = feed(u32::MAX, false);
        feed.control().stop();
        while feed.changed().await {}
    }

    #[test]
    fn an_expensive_collector_runs_less_often() {
        let second = Duration::from_secs(1);
        assert_eq!(stretched(second, Duration::from_millis(10)), second);
        assert_eq!(stretched(second, Duration::from_millis(250)), Duration::from_millis(3250));
    }
}
