//! The reading end of a collector.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::control::Control;
use crate::model::sample::Sample;

/// The reading end of a collector: its newest sample, and the means to steer it.
#[derive(Debug)]
pub struct Feed<T> {
    pub(super) samples: watch::Receiver<Arc<Sample<T>>>,
    pub(super) control: Arc<Control>,
}

// Not derived: a feed is cheap to clone whatever `T` is.
impl<T> Clone for Feed<T> {
    fn clone(&self) -> Self {
        Self { samples: self.samples.clone(), control: Arc::clone(&self.control) }
    }
}

impl<T> Feed<T> {
    /// The newest sample, marked as seen.
    pub fn latest(&mut self) -> Arc<Sample<T>> {
        self.samples.borrow_and_update().clone()
    }

    /// Waits until there is a sample that [`Feed::latest`] has not returned yet.
    /// `false` means the collector has stopped.
    pub async fn changed(&mut self) -> bool {
        self.samples.changed().await.is_ok()
    }

    /// Asks for a sample now, and waits for one that is taken after this call, up to `limit`. For
    /// threads that may block.
    pub fn refresh_within(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let before = self.latest().seq;
        self.control.refresh();
        while self.latest().seq == before && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Steers the collector.
    pub fn control(&self) -> &Control {
        &self.control
    }
}
