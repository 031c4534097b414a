//! For how long a capture ran, and for how long it did not though it had begun.

use std::time::{Duration, Instant};

/// The time since a capture was opened first.
#[derive(Debug, Default)]
pub(super) struct Span {
    captured: Duration,
    gap: Duration,
    opened: Option<Instant>,
    closed: Option<Instant>,
}

impl Span {
    /// It runs from now on.
    pub(super) fn open(&mut self) {
        self.gap += self.closed.take().map_or(Duration::ZERO, |closed| closed.elapsed());
        self.opened = Some(Instant::now());
    }

    /// It runs no more.
    pub(super) fn close(&mut self) {
        if let Some(opened) = self.opened.take() {
            self.captured += opened.elapsed();
            self.closed = Some(Instant::now());
        }
    }

    /// For how long it ran.
    pub(super) fn captured(&self) -> Duration {
        self.captured + self.opened.map_or(Duration::ZERO, |opened| opened.elapsed())
    }

    /// For how long it did not run between two times that it did.
    pub(super) fn gap(&self) -> Duration {
        self.gap
    }

    /// Begins anew, and runs on if it runs.
    pub(super) fn reset(&mut self) {
        let opened = self.opened.map(|_| Instant::now());
        *self = Self { opened, ..Self::default() };
    }
}
