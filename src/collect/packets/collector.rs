//! The packets feed: a capture that runs while someone looks.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::live::{CaptureOptions, LiveCapture};
use super::snapshot::Limits;
use super::wanted::{Listing, Wanted};
use crate::collect::{Collector, Control, Feed, Round, spawn as spawn_collector};
use crate::model::health::{Health, Source};
use crate::model::packets::{FlowFocus, FlowKey, PacketCounts};
use crate::model::table::SocketTable;
use crate::sys;
use crate::wire::filter::{Filter, FilterError};

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

/// Steers what a running packets feed counts and lists. Clones steer the same feed.
#[derive(Clone, Debug)]
pub struct Steering(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    focus: Option<FlowFocus>,
    look: Option<FlowKey>,
    wanted: Option<Wanted>,
    options: CaptureOptions,
    /// What `options` has compiled.
    filter: Option<Filter>,
    /// Counts again from nothing.
    restart: bool,
}

impl Steering {
    fn new(options: CaptureOptions) -> Self {
        Self(Arc::new(Mutex::new(State {
            focus: None,
            look: None,
            wanted: None,
            options,
            filter: None,
            restart: false,
        })))
    }

    /// Lists the flows of this socket whatever their rank, from the next snapshot on.
    pub fn set_focus(&self, focus: Option<FlowFocus>) {
        self.lock().focus = focus;
    }

    /// Looks at this flow packet by packet, from the next snapshot on.
    pub fn set_look(&self, flow: Option<FlowKey>) {
        self.lock().look = flow;
    }

    /// Lists only flows that are wanted, from the next snapshot on.
    pub fn set_wanted(&self, wanted: Option<Wanted>) {
        self.lock().wanted = wanted;
    }

    /// Counts again from nothing.
    pub fn restart(&self) {
        self.lock().restart = true;
    }

    /// Captures only what the filter lets through, or everything, and counts again from nothing.
    pub fn capture_only(&self, filter: Option<Filter>) -> Result<(), FilterError> {
        let program = filter.as_ref().map(Filter::for_live).transpose()?;
        let mut state = self.lock();
        state.options.filter = program;
        state.filter = filter;
        state.restart = true;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is valid at every moment: a poisoned lock loses nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Packets {
    steering: Steering,
    live: LiveCapture,
    sockets: Option<Feed<SocketTable>>,
}

impl Packets {
    fn new(steering: Steering, sockets: Option<Feed<SocketTable>>) -> Self {
        let live = capture(&steering.lock(), sockets.as_ref());
        Self { steering, live, sockets }
    }

    fn follow_steering(&mut self) {
        let mut state = self.steering.lock();
        if std::mem::take(&mut state.restart) {
            self.live = capture(&state, self.sockets.as_ref());
        }
    }

    fn count(&mut self, control: &Control) -> sys::Result<()> {
        if control.is_paused() {
            return Ok(());
        }
        self.live.open()?;
        let until = Instant::now() + control.period();
        let steering = &self.steering;
        let stop = || control.is_paused() || control.is_stopped() || steering.lock().restart;
        self.live.run(until, None, stop)
    }

    fn publish(&mut self) -> sys::Result<PacketCounts> {
        let (focus, look, wanted) = {
            let state = self.steering.lock();
            (state.focus, state.look, state.wanted.clone())
        };
        let listing = Listing { focus: focus.as_ref(), wanted: wanted.as_ref() };
        let mut counts = self.live.snapshot(&Limits::LIVE, listing)?;
        counts.look = look.and_then(|flow| self.live.look(&flow, &counts)).map(Arc::new);
        Ok(counts)
    }
}

/// A capture as it is asked for, before it begins.
fn capture(state: &State, sockets: Option<&Feed<SocketTable>>) -> LiveCapture {
    let live = LiveCapture::new(state.options.clone(), None, sockets.cloned()).keeping();
    match &state.filter {
        Some(filter) => live.filtered_by(filter),
        None => live,
    }
}

impl Collector for Packets {
    type Value = PacketCounts;

    fn name(&self) -> &'static str {
        "packets"
    }

    fn sample(&mut self, control: &Control) -> Round<PacketCounts> {
        let before = sys::clock::thread_cpu();
        self.follow_steering();
        let result = self.count(control).and_then(|()| self.publish());
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
        let spent = sys::clock::thread_cpu().zip(before).map(|(now, before)| now - before);
        Round { value, health: vec![health], cost: Some(spent.unwrap_or_default()) }
    }

    fn fills_period(&self) -> bool {
        self.live.is_open()
    }

    fn rest(&mut self) {
        self.live.close();
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
