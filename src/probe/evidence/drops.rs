//! Whether this host's own kernel drops the packets of a handshake, and why.
//!
//! Nothing is asked as long as an answer may still come at once. After that the kernel's events are
//! watched: the SYN is sent again, and dropped again. Where they may not be watched there is no such
//! evidence.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::model::event::{EventKind, SocketEvent};
use crate::model::socket::{Endpoint, Protocol};
use crate::sys::events::{Events, Scope, Watched};

/// An answer that comes within this time needs no explanation. The SYN is sent again a second after
/// the first one (RFC 6298).
const LULL: Duration = Duration::from_millis(300);

/// How long events may wait to be fetched.
const PATIENCE: Duration = Duration::from_millis(50);

/// A packet of the handshake that this host's kernel has dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe) struct Drop {
    /// The kernel's name for why.
    pub reason: String,
    /// Whether it was on its way out to the target.
    pub outgoing: bool,
}

/// What watches while a handshake goes on.
#[derive(Debug)]
pub(in crate::probe) struct Watch {
    since: Instant,
    is_over: Arc<AtomicBool>,
    watching: JoinHandle<Option<Drop>>,
}

impl Watch {
    /// Begins to watch for packets to or from `target`, after a while.
    pub(in crate::probe) fn begin(target: SocketAddr) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let watching = tokio::spawn(async move {
            tokio::time::sleep(LULL).await;
            tokio::task::spawn_blocking(move || watch(target, &ends)).await.ok().flatten()
        });
        Self { since: Instant::now(), is_over, watching }
    }

    /// Ends it, since the handshake is done.
    pub(in crate::probe) fn dismiss(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.watching.abort();
    }

    /// The last packet that was dropped; an answer that came at once needs no look.
    pub(in crate::probe) async fn end(self) -> Option<Drop> {
        if self.since.elapsed() < LULL {
            self.dismiss();
            return None;
        }
        self.is_over.store(true, Ordering::Relaxed);
        self.watching.await.ok().flatten()
    }
}

fn watch(target: SocketAddr, is_over: &AtomicBool) -> Option<Drop> {
    let scope = Scope { all_namespaces: false, watched: Watched::Drops };
    let mut events = Events::open(scope).ok()?;
    let mut last = None;
    loop {
        let ends = is_over.load(Ordering::Relaxed);
        let polled = events.poll(if ends { Duration::ZERO } else { PATIENCE }, |event| {
            last = of(&event, target).or(last.take());
        });
        if ends || polled.is_err() {
            return last;
        }
    }
}

/// The drop that an event tells of, if it is one of a packet between the target and anyone.
fn of(event: &SocketEvent, target: SocketAddr) -> Option<Drop> {
    let is_it = event.event == EventKind::Dropped && event.protocol == Some(Protocol::Tcp);
    let reason = event.reason.clone().filter(|_| is_it)?;
    let is_target = |end: &Endpoint| {
        end.port == Some(target.port()) && end.addr == Some(target.ip().to_canonical())
    };
    // Who comes in to a target on this host is its remote end.
    is_target(&event.local)
        .then_some(false)
        .or_else(|| is_target(&event.remote).then_some(true))
        .map(|outgoing| Drop { reason, outgoing })
}
