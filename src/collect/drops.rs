//! Packets that the kernel drops and connections that are reset, with the reasons, as the kernel
//! tells them. Only these are asked for, so that a connection without trouble costs nothing.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::events::{Events, Scope, Watched};
use super::{Collector, Control, Feed, Round, spawn as spawn_collector};
use crate::model::drops::{DropCounts, Drops};
use crate::model::health::{Health, Source};
use crate::sys;

/// Counts every `period`, once it is resumed for the first time: nothing is in the kernel before.
pub fn spawn(period: Duration) -> io::Result<Feed<Drops>> {
    spawn_collector(Watching::default(), period, true)
}

#[derive(Default)]
struct Watching {
    counts: DropCounts,
    sight: Sight,
}

#[derive(Default)]
enum Sight {
    #[default]
    Unasked,
    Open(Box<Events>, Timestamp),
    /// What was refused once is not permitted later on.
    Refused(Health),
}

impl Watching {
    fn open(&mut self) {
        if matches!(self.sight, Sight::Unasked) {
            let scope = Scope { all_namespaces: false, watched: Watched::DropsAndResets };
            self.sight = match Events::open(scope) {
                Ok(events) => Sight::Open(Box::new(events), Timestamp::now()),
                Err(error) => Sight::Refused(error.health(Source::Bpf)),
            };
        }
    }

    fn look(&mut self) -> (Option<Drops>, Health) {
        self.open();
        let (events, since) = match &mut self.sight {
            Sight::Open(events, since) => (events, *since),
            Sight::Refused(health) => return (None, health.clone()),
            Sight::Unasked => return (None, Health::ready(Source::Bpf)),
        };
        let counts = &mut self.counts;
        let seen: Result<u64, sys::Error> =
            events.poll(Duration::ZERO, |event| counts.add(&event)).and_then(|()| events.lost());
        match (seen, events.missing()) {
            (Err(error), _) => (None, error.health(Source::Bpf)),
            (Ok(lost), []) => (Some(counts.so_far(since, lost)), Health::ready(Source::Bpf)),
            (Ok(lost), missing) => {
                let health = Health::degraded(Source::Bpf, missing.join("; "));
                (Some(counts.so_far(since, lost)), health)
            }
        }
    }
}

impl Collector for Watching {
    type Value = Drops;

    fn name(&self) -> &'static str {
        "drops"
    }

    fn sample(&mut self, _: &Control) -> Round<Drops> {
        let started = Instant::now();
        let was_open = matches!(self.sight, Sight::Open(..));
        let (value, health) = self.look();
        // It is opened once: that shall not stretch the period.
        let cost = if was_open { started.elapsed() } else { Duration::ZERO };
        Round { value: value.map(Arc::new), health: vec![health], cost: Some(cost) }
    }
}
