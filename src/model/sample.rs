//! One publication of a feed: the newest value with everything needed to judge it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::health::Health;

/// What a collector publishes. No value yet means loading; a failed round keeps the
/// last good value, and `health` says so.
#[derive(Debug)]
pub struct Sample<T> {
    /// The last good value.
    pub value: Option<Arc<T>>,
    /// How the sources fared in the newest round.
    pub health: Vec<Health>,
    /// Wall-clock time of the round that produced `value`.
    pub taken_at: Timestamp,
    /// The same moment on the monotonic clock, for rates.
    pub taken_mono: Instant,
    /// Counts rounds; 0 before the first.
    pub seq: u64,
    /// What the newest round cost in CPU time of its thread.
    pub cost: Duration,
    /// The period in force, longer when rounds are expensive.
    pub period: Duration,
    /// Whether `value` is from an earlier round because the newest one failed.
    pub stale: bool,
    /// Whether the collector is paused.
    pub paused: bool,
}

// Not derived: a sample is cheap to clone whatever `T` is.
impl<T> Clone for Sample<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), health: self.health.clone(), ..*self }
    }
}

impl<T> Sample<T> {
    /// The state before the first round.
    pub fn loading() -> Self {
        Self {
            value: None,
            health: Vec::new(),
            taken_at: Timestamp::now(),
            taken_mono: Instant::now(),
            seq: 0,
            cost: Duration::ZERO,
            period: Duration::ZERO,
            stale: false,
            paused: false,
        }
    }

    /// Whether no round has finished yet.
    pub fn is_loading(&self) -> bool {
        self.seq == 0
    }

    /// The health lines that the user should see.
    pub fn troubles(&self) -> impl Iterator<Item = &Health> {
        self.health.iter().filter(|health| health.is_troubled())
    }
}
