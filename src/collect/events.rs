//! What sockets do, as it happens.
//!
//! Nothing is sampled: the kernel tells each event, those of connections included that are over
//! before any table could be read. What finds no room is counted.

use crate::model::event::SocketEvent;

pub use crate::sys::events::{Events, Scope, Watched};

/// At most so many events are kept for one document.
pub const MOST_KEPT: usize = 1_000_000;

/// Events that are kept up to [`MOST_KEPT`]; the rest are counted.
#[derive(Debug, Default)]
pub struct Kept {
    /// The first ones, in the order in which they happened.
    pub events: Vec<SocketEvent>,
    /// Those that found no room here.
    pub dropped: u64,
}

impl Kept {
    /// Keeps it, or counts it.
    pub fn push(&mut self, event: SocketEvent) {
        if self.events.len() < MOST_KEPT {
            self.events.push(event);
        } else {
            self.dropped += 1;
        }
    }
}
