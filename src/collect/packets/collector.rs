//! The packets feed: a capture that runs while someone looks.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::live::{CaptureOptions, LiveCapture};
use super::recording::Recording;
use super::snapshot::Limits;
use super::sockets::Sockets;
use super::steering::{Orders, Steering};
use super::wanted::Listing;
use crate::collect::{Collector, Control, Feed, Round, spawn as spawn_collector};
use crate::model::health::{Health, Source};
use crate::model::packets::PacketCounts;
use crate::model::table::SocketTable;
use crate::sys;
use crate::wire::filter::Filter;

const SOURCE: Source = Source::Capture;

/// Starts the packets feed, paused: [`Control::resume`] opens the ring, [`Control::pause`] closes
/// it and keeps the counts. With `sockets`, flows are joined with the processes of that feed.
pub fn spawn(
    options: CaptureOptions,
    period: Duration,
    sockets: Option<Feed<SocketTable>>,
) -> io::Result<(Feed<PacketCounts>, Steering)> {
    let steering = Steering::new(options);
    let collector = Packets::new(steering.clone(), sockets);
    Ok((spawn_collector(collector, period, true)?, steering))
}

/// What nobody looks at takes one part in so many of a core.
const BACKGROUND_SHARE: u32 = 10;
/// However dear it is to tell of them, packets are counted for one part in so many of a period.
const LEAST_SHARE: u32 = 50;

struct Packets {
    steering: Steering,
    live: LiveCapture,
    /// What `live` captures with.
    options: CaptureOptions,
    sockets: Option<Feed<SocketTable>>,
    recording: Option<Recording>,
    /// The file that was asked for last.
    file: Option<PathBuf>,
    attended: bool,
    /// What the last snapshot took of the processor.
    telling: Duration,
}

impl Packets {
    fn new(steering: Steering, sockets: Option<Feed<SocketTable>>) -> Self {
        let options = steering.take().options;
        let live = LiveCapture::new(options.clone(), None, sockets.clone()).for_a_screen();
        Self {
            steering,
            live,
            options,
            sockets,
            recording: None,
            file: None,
            attended: true,
            telling: Duration::ZERO,
        }
    }

    fn follow(&mut self, orders: Orders) {
        self.attended = orders.attended;
        if orders.recapture {
            self.end_recording(Some("what is captured was changed"));
            self.options.filter = orders.options.filter;
            self.reopen(orders.filter.as_ref());
        }
        if orders.whole && self.options.snap_length.is_none() {
            self.options.snap_length = Some(CaptureOptions::WHOLE);
            self.reopen(orders.filter.as_ref());
        }
        if orders.restart || orders.recapture {
            self.live.reset();
        }
        if orders.file != self.file {
            self.end_recording(None);
            if let Some(path) = &orders.file {
                self.begin_recording(path, orders.filter.as_ref());
            }
            self.file = orders.file;
        }
    }

    /// Has the next round capture anew, when all that came before is counted.
    fn reopen(&mut self, filter: Option<&Filter>) {
        self.pause();
        self.live.set_options(self.options.clone(), filter);
    }

    fn begin_recording(&mut self, path: &Path, filter: Option<&Filter>) {
        let sockets = self.sockets.clone().map(|table| Sockets::new(table, None));
        let filter = filter.map(Filter::text);
        let (recording, each) = Recording::begin(path, filter, sockets, &self.steering);
        if let Some(each) = each {
            self.live.watch(each);
        }
        self.recording = Some(recording);
    }

    fn end_recording(&mut self, why: Option<&str>) {
        if let Some(recording) = self.recording.as_mut().filter(|recording| recording.is_open()) {
            self.live.unwatch();
            recording.end(self.live.dropped(), why, &self.steering);
        }
    }

    /// Counts what has come, and lets the ring go.
    fn pause(&mut self) {
        if let Err(error) = self.live.finish(None) {
            tracing::debug!(%error, "the last packets of a capture are not counted");
        }
    }

    fn count(&mut self, control: &Control) -> sys::Result<()> {
        if control.is_paused() {
            return Ok(());
        }
        self.live.open()?;
        let until = Instant::now() + control.period();
        let steering = &self.steering;
        let budget = (!self.attended).then(|| budget(control.period(), self.telling));
        let begun = sys::clock::thread_cpu();
        let is_spent = || budget.is_some_and(|budget| spent_since(begun) >= budget);
        let is_called = || control.is_paused() || control.is_stopped() || steering.is_urgent();
        self.live.run(until, None, || is_called() || is_spent())?;
        if is_spent() {
            // The rest of the period is a gap.
            self.pause();
        }
        Ok(())
    }

    fn publish(&mut self, orders: &Orders) -> sys::Result<PacketCounts> {
        let begun = sys::clock::thread_cpu();
        let listing = Listing { focus: orders.focus.as_ref(), wanted: orders.wanted.as_ref() };
        let mut counts = self.live.snapshot(&Limits::LIVE, listing)?;
        let look = orders.look.and_then(|flow| self.live.look(&flow, &counts));
        counts.look = look.map(Arc::new);
        if self.recording.as_ref().is_some_and(Recording::has_failed) {
            self.end_recording(None);
        }
        counts.writing = self.recording.as_ref().map(Recording::status);
        if let Some(recording) = &self.recording {
            recording.flush();
        }
        self.telling = spent_since(begun);
        Ok(counts)
    }
}

/// What counting may take of the processor in a period, beside telling of it.
fn budget(period: Duration, telling: Duration) -> Duration {
    (period / BACKGROUND_SHARE).saturating_sub(telling).max(period / LEAST_SHARE)
}

/// What this thread has taken of the processor; nothing where the system does not tell.
fn spent_since(begun: Option<Duration>) -> Duration {
    let both = sys::clock::thread_cpu().zip(begun);
    both.map_or(Duration::ZERO, |(now, begun)| now.saturating_sub(begun))
}

impl Collector for Packets {
    type Value = PacketCounts;

    fn name(&self) -> &'static str {
        "packets"
    }

    fn sample(&mut self, control: &Control) -> Round<PacketCounts> {
        let begun = sys::clock::thread_cpu();
        self.follow(self.steering.take());
        let result = self.count(control);
        // What was asked for meanwhile is answered at once, as far as it needs no capture anew.
        let orders = self.steering.orders();
        let result = result.and_then(|()| self.publish(&orders));
        let (value, health) = match result {
            Ok(counts) => {
                let health = health_of(&counts);
                (Some(Arc::new(counts)), health)
            }
            Err(error) => {
                // The next round starts with a ring of its own.
                self.live.close();
                (None, error.health(SOURCE))
            }
        };
        // A round lasts the whole period, mostly waiting: its length is not its cost.
        Round { value, health: vec![health], cost: Some(spent_since(begun)) }
    }

    fn fills_period(&self) -> bool {
        self.live.is_open()
    }

    fn rest(&mut self) {
        self.pause();
    }
}

/// What to say beside counts.
pub fn health_of(counts: &PacketCounts) -> Health {
    match counts.losses.kernel {
        Some(dropped) if dropped > 0 => Health::degraded(
            SOURCE,
            format!("the kernel dropped {dropped} packets because sockpit read too slowly"),
        ),
        _ => match counts.backend.as_ref().and_then(|backend| backend.reason.as_deref()) {
            Some(reason) => {
                Health::degraded(SOURCE, format!("it captures packet by packet: {reason}"))
            }
            None => Health::ready(SOURCE),
        },
    }
}
