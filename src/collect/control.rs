//! How a reader steers a collector thread.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Steers one collector: period, pause, refresh, stop. Shared between readers and the thread.
#[derive(Debug)]
pub struct Control {
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Clone, Copy, Debug)]
struct State {
    period: Duration,
    paused: bool,
    refresh: bool,
    stopped: bool,
}

/// What the collector thread does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Take a sample.
    Sample,
    /// Say that it is paused, then wait again.
    Pause,
    /// End the thread.
    Stop,
}

impl Control {
    pub(super) fn new(period: Duration, paused: bool) -> Self {
        Self {
            state: Mutex::new(State { period, paused, refresh: false, stopped: false }),
            woken: Condvar::new(),
        }
    }

    /// Takes a sample as soon as possible, even while paused.
    pub fn refresh(&self) {
        self.update(|state| state.refresh = true);
    }

    /// Sets the wished period; a dear collector stretches it.
    pub fn set_period(&self, period: Duration) {
        self.update(|state| state.period = period);
    }

    /// Stops sampling until [`Control::resume`].
    pub fn pause(&self) {
        self.update(|state| state.paused = true);
    }

    /// Samples again.
    pub fn resume(&self) {
        self.update(|state| state.paused = false);
    }

    /// Ends the collector for good.
    pub fn stop(&self) {
        self.update(|state| state.stopped = true);
    }

    /// The wished period.
    pub fn period(&self) -> Duration {
        self.lock().period
    }

    /// Whether the collector has been told to end.
    pub fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Whether the collector has been told to rest.
    pub fn is_paused(&self) -> bool {
        self.lock().paused
    }

    /// Blocks until the next sample is due, at `earliest` unless someone asks for a refresh.
    /// `was_paused` is what the caller last reported, so that a pause is reported once.
    pub(super) fn wait(&self, earliest: Instant, was_paused: bool) -> Next {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Next::Stop;
            }
            if state.refresh {
                state.refresh = false;
                return Next::Sample;
            }
            if state.paused {
                if !was_paused {
                    return Next::Pause;
                }
                state = self.woken.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let left = earliest.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Next::Sample;
            }
            state = self.woken.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.woken.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is plain flags, valid at every moment: a poisoned lock loses nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
