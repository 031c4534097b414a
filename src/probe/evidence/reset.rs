//! From how far away an RST comes. Who refuses in the target's name and stands before it is nearer:
//! what it sends arrives after fewer hops than what the target sends itself, and the time to live
//! tells (RFC 791, 3.2). Only a capture shows that of an RST.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::model::probe::RstDetail;
use crate::sys::Capture;
use crate::sys::capture::{Backend, CaptureOptions, Captured};
use crate::wire::filter::{Filter, Names};
use crate::wire::frame::{self, TCP_ACK, TCP_RST, TCP_SYN, Transport};

/// How long packets may wait to be fetched.
const PATIENCE: Duration = Duration::from_millis(20);
/// A handful of packets needs no more room.
const ROOM: u64 = 1 << 20;

/// Systems begin with one of these times to live (Linux and BSD, Windows, routers).
const FIRST_TTLS: [u8; 3] = [64, 128, 255];

/// The times to live that were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::probe) struct Seen {
    rst: Option<u8>,
    syn_ack: Option<u8>,
}

/// A capture of what comes from a target while an attempt is made at it.
pub(in crate::probe) struct Watch {
    is_over: Arc<AtomicBool>,
    watching: JoinHandle<Option<Seen>>,
}

impl Watch {
    /// Begins, at the interface by which the target is reached: an RST of this host's own comes over
    /// the loopback. `None` where nothing may be captured.
    pub(in crate::probe) async fn begin(target: SocketAddr, interface: u32) -> Option<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let (ready, is_ready) = oneshot::channel();
        let watching = tokio::task::spawn_blocking(move || {
            let mut capture = open(target)?;
            ready.send(()).ok()?;
            watch(&mut capture, interface, &ends)
        });
        is_ready.await.ok()?;
        Some(Self { is_over, watching })
    }

    /// Ends it, once the attempt has.
    pub(in crate::probe) async fn end(self) -> Option<Seen> {
        self.is_over.store(true, Ordering::Relaxed);
        self.watching.await.ok().flatten()
    }
}

impl Seen {
    /// What that says beside the time to live of the target's echo reply; `None` without an RST.
    pub(in crate::probe) fn beside(self, echo: Option<u8>, has_gateway: bool) -> Option<RstDetail> {
        let ttl = self.rst?;
        let target_is = echo.into_iter().chain(self.syn_ack).map(hops).max();
        let before_target = match target_is {
            Some(target_is) => hops(ttl) < target_is,
            // From this very link, where the target is not.
            None => has_gateway && hops(ttl) == 0,
        };
        Some(RstDetail { ttl, syn_ack_ttl: self.syn_ack, echo_ttl: echo, before_target })
    }
}

/// After how many hops a packet arrives with this time to live.
pub(in crate::probe) fn hops(ttl: u8) -> u8 {
    let first = FIRST_TTLS.into_iter().find(|first| *first >= ttl);
    first.map_or(0, |first| first - ttl)
}

fn open(target: SocketAddr) -> Option<Capture> {
    let words = format!("tcp and src host {} and src port {}", target.ip(), target.port());
    let filter = Filter::parse(&words, Names::NONE).ok()?.for_live().ok()?;
    let options = CaptureOptions {
        filter: Some(filter),
        ring_bytes: Some(ROOM),
        backend: Some(Backend::Socket),
        ..CaptureOptions::default()
    };
    Capture::open(&options, None).ok()
}

fn watch(capture: &mut Capture, interface: u32, is_over: &AtomicBool) -> Option<Seen> {
    let mut seen = Seen::default();
    loop {
        let ends = is_over.load(Ordering::Relaxed);
        let patience = if ends { Duration::ZERO } else { PATIENCE };
        let drained = capture.drain(patience, |captured| {
            if captured.interface == interface {
                take(captured, &mut seen);
            }
            ControlFlow::Continue(())
        });
        if ends || drained.is_err() {
            return Some(seen);
        }
    }
}

fn take(captured: &Captured<'_>, seen: &mut Seen) {
    let summary = frame::decode(captured.link, captured.bytes);
    let Some(Transport::Tcp { flags: Some(flags), .. }) = summary.ip().map(|ip| ip.transport)
    else {
        return;
    };
    let ttl = frame::ip_at(captured.link, captured.bytes).and_then(|at| ttl(&captured.bytes[at..]));
    match () {
        () if flags & TCP_RST != 0 => seen.rst = seen.rst.or(ttl),
        () if flags & (TCP_SYN | TCP_ACK) == TCP_SYN | TCP_ACK => {
            seen.syn_ack = seen.syn_ack.or(ttl);
        }
        () => {}
    }
}

/// The time to live of an IPv4 header (RFC 791, 3.1), the hop limit of an IPv6 one (RFC 8200, 3).
fn ttl(packet: &[u8]) -> Option<u8> {
    let at = if packet.first()? >> 4 == 4 { 8 } else { 7 };
    packet.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_before(rst: u8, syn_ack: Option<u8>, echo: Option<u8>, has_gateway: bool) -> bool {
        let seen = Seen { rst: Some(rst), syn_ack };
        seen.beside(echo, has_gateway).unwrap().before_target
    }

    #[test]
    fn only_what_comes_from_nearer_comes_from_before_the_target() {
        assert!(is_before(64, None, Some(63), true));
        assert!(is_before(255, Some(50), None, true));
        // Its system begins with another time to live for each, and the hops are the same.
        assert!(!is_before(60, None, Some(251), true));
        assert!(!is_before(50, Some(60), Some(60), true));
        // Nothing to compare with: a hop away is where the target may be.
        assert!(is_before(64, None, None, true));
        assert!(!is_before(63, None, None, true));
        assert!(!is_before(64, None, None, false));
        assert!(Seen::default().beside(Some(64), true).is_none());
    }

    #[test]
    fn the_time_to_live_is_read_in_both_versions() {
        let mut packet = [0; 40];
        (packet[0], packet[8]) = (0x45, 61);
        assert_eq!(ttl(&packet), Some(61));
        (packet[0], packet[7]) = (0x60, 57);
        assert_eq!(ttl(&packet), Some(57));
        assert_eq!(ttl(&packet[..7]), None);
        assert_eq!(ttl(&[]), None);
    }
}
