//! Whether packets to a port are dropped or refused right now: the kernel is asked for a while, where
//! it may be asked.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Target;
use crate::inspect::Error;
use crate::model::drops::{DropCause, DropCounts, Drops};
use crate::model::event::EventKind;
use crate::model::health::{Health, Source};
use crate::model::why::{WhyFinding, WhyKind, WhyReport};
use crate::sys::events::{self, Events, Scope};
use crate::text::{drops as words, units};

/// How long events may wait to be fetched.
const PATIENCE: Duration = Duration::from_millis(50);

/// What was seen.
#[derive(Debug)]
pub struct Watched {
    seen: Result<Drops, Error>,
    span: Duration,
}

/// Watches the ports of all these for so long. Where it is not permitted there is no wait. Blocks.
pub fn watch(targets: &[Target], span: Duration) -> Watched {
    Watched { seen: see(targets, span), span }
}

fn see(targets: &[Target], span: Duration) -> Result<Drops, Error> {
    let scope = Scope { all_namespaces: false, watched: events::Watched::DropsAndResets };
    let mut events = Events::open(scope)?;
    let (since, start) = (Timestamp::now(), Instant::now());
    let ports: BTreeSet<u16> = targets.iter().map(|target| target.port).collect();
    let mut counts = DropCounts::default();
    loop {
        let left = span.saturating_sub(start.elapsed());
        // What has happened up to the end is fetched.
        events.poll(PATIENCE.min(left), |event| {
            if event.local.port.is_some_and(|port| ports.contains(&port)) {
                counts.add(&event);
            }
        })?;
        if left.is_zero() {
            return Ok(counts.so_far(since, events.lost()?));
        }
    }
}

impl Watched {
    /// Puts what was seen of the target into its report.
    pub fn complete(&self, target: &Target, report: &mut WhyReport) {
        let drops = match &self.seen {
            Ok(drops) => drops,
            Err(error) => {
                let what = "whether packets to the port are dropped or refused is not known";
                let health = Health::unavailable(Source::Bpf, format!("{what}: {error}"));
                return report.health.push(health);
            }
        };
        let span = format!("within {}", units::duration(self.span));
        let causes = drops.at_port(target.protocol(), target.port, target.one_addr());
        report.findings.extend(causes.iter().map(|cause| finding(cause, &span)));
        report.watched_ms = u64::try_from(self.span.as_millis()).ok();
        if drops.lost > 0 {
            let lost = units::counted(drops.lost, "event");
            let text = format!("{lost} of dropped packets and resets found no room");
            report.health.push(Health::degraded(Source::Bpf, text));
        }
    }
}

fn finding(cause: &DropCause, span: &str) -> WhyFinding {
    let kind = match cause.event {
        EventKind::Dropped => WhyKind::Dropped,
        _ => WhyKind::Reset,
    };
    super::findings::finding(kind, words::at_port(cause, span), &[], Vec::new())
}
