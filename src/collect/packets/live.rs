//! A capture that runs: the ring, the counter, and the names of what is counted.

mod names;
mod span;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::counter::{Counter, Frame};
use super::each::{Each, Packet};
use super::sightings::Sightings;
use super::snapshot::Limits;
use super::sockets::Sockets;
use super::store::Store;
use super::wanted::Listing;
use crate::collect::Feed;
use crate::model::flow_look::FlowLook;
use crate::model::packets::{CaptureBackend, FlowKey, PacketCounts};
use crate::model::table::SocketTable;
use crate::sys::Capture;
use crate::sys::Result;
pub use crate::sys::capture::{Backend, CaptureOptions};
use crate::sys::capture::{CaptureStatistics, Captured, Drained};
use crate::sys::netns::Namespace;
use crate::wire::filter::Filter;
use crate::wire::frame::{Layers, Summary, decode, detail, ip_packet};
use names::Names;
use span::Span;

/// Bytes of an Ethernet header before its tag or type.
const ADDRESSES: usize = 12;
/// Flows that are counted each on their own for a screen, where nobody reads more: on a host with many
/// short connections all others would take memory for as long as it is open.
const FLOWS_ON_SCREEN: usize = 16_384;
/// How long a wait for packets may last before the caller is asked again.
const PATIENCE: Duration = Duration::from_millis(100);

/// Counts of a live capture. Closing the ring keeps them; opening it again counts on.
#[derive(Debug)]
pub struct LiveCapture {
    options: CaptureOptions,
    /// Where to capture; `None` is sockpit's own namespace.
    netns: Option<Namespace>,
    capture: Option<Capture>,
    counter: Counter,
    /// With more than one interface a packet may be seen several times.
    sightings: Option<Sightings>,
    names: Names,
    sockets: Option<Sockets>,
    /// What the kernel said of captures that were closed.
    past: CaptureStatistics,
    /// What it said of the one that runs when counting began anew.
    before: CaptureStatistics,
    span: Span,
    each: Watch,
    ended: bool,
    /// The filter's text.
    filter: Option<Arc<str>>,
    /// How the last capture was opened.
    backend: Option<CaptureBackend>,
}

/// What looks at each packet, and the room for one whose tag is put back.
#[derive(Default)]
struct Watch {
    each: Option<Each>,
    store: Option<Store>,
    whole: Vec<u8>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl LiveCapture {
    /// Nothing is captured before [`LiveCapture::open`]. With `sockets`, flows are joined with
    /// the processes of that feed.
    pub fn new(
        options: CaptureOptions,
        netns: Option<Namespace>,
        sockets: Option<Feed<SocketTable>>,
    ) -> Self {
        let sightings = (options.interfaces.len() != 1).then(Sightings::new);
        Self {
            options,
            capture: None,
            counter: Counter::new(),
            sightings,
            names: Names::default(),
            sockets: sockets.map(|table| Sockets::new(table, netns.clone())),
            netns,
            past: CaptureStatistics::default(),
            before: CaptureStatistics::default(),
            span: Span::default(),
            each: Watch::default(),
            ended: false,
            filter: None,
            backend: None,
        }
    }

    /// Whether what looks at packets wants no more of them.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Lets go of what looks at each packet.
    pub fn unwatch(&mut self) {
        self.each.each = None;
    }

    /// Has `each` look at every packet that counts from now on.
    pub(super) fn watch(&mut self, each: Each) {
        self.each.each = Some(each);
    }

    /// Says which filter its options have.
    #[must_use]
    pub fn filtered_by(mut self, filter: &Filter) -> Self {
        self.filter = Some(Arc::from(filter.text()));
        self
    }

    /// Captures something else over the same interfaces, once it is closed and opened again.
    pub(super) fn set_options(&mut self, options: CaptureOptions, filter: Option<&Filter>) {
        self.options = options;
        self.filter = filter.map(|filter| Arc::from(filter.text()));
    }

    /// Counts from nothing again, without a gap where it runs.
    pub(super) fn reset(&mut self) {
        let statistics = self.capture.as_mut().and_then(|capture| capture.statistics().ok());
        self.before = statistics.unwrap_or_default();
        self.past = CaptureStatistics::default();
        self.counter = self.counter.afresh();
        self.span.reset();
        if let Some(store) = &mut self.each.store {
            *store = Store::default();
        }
    }

    /// Has `each` look at every packet that counts from now on.
    #[must_use]
    pub fn watched_by(mut self, each: Each) -> Self {
        self.each.each = Some(each);
        self
    }

    /// For a screen: the last packets are kept, for looks at one flow, and fewer flows.
    #[must_use]
    pub(super) fn for_a_screen(mut self) -> Self {
        self.each.store = Some(Store::default());
        self.counter = Counter::with_flow_limit(FLOWS_ON_SCREEN);
        self
    }

    /// What the last packets tell of a flow; `None` where none are kept.
    pub(super) fn look(&self, key: &FlowKey, counts: &PacketCounts) -> Option<FlowLook> {
        let flow = counts.flows.iter().find(|flow| flow.key() == *key);
        let counted = flow.map_or(0, |flow| flow.count.packets);
        Some(self.each.store.as_ref()?.look(key, counted, &self.names.names))
    }

    /// Starts the capture, unless it runs. Needs CAP_NET_RAW.
    pub fn open(&mut self) -> Result<()> {
        if self.capture.is_none() {
            let capture = Capture::open(&self.options, self.netns.as_ref())?;
            for index in capture.interfaces() {
                self.names.number(*index);
            }
            if capture.interfaces().is_empty() {
                self.names.learn(&capture);
            }
            self.names.resolve(&capture);
            self.backend = Some(CaptureBackend {
                name: capture.backend().name().into(),
                reason: capture.fallback().map(str::to_owned),
            });
            self.capture = Some(capture);
            self.span.open();
        }
        Ok(())
    }

    /// What the kernel has dropped; `None` where that cannot be known now.
    pub(super) fn dropped(&mut self) -> Option<u64> {
        let now = match &mut self.capture {
            Some(capture) => since(capture.statistics().ok()?, self.before),
            None => CaptureStatistics::default(),
        };
        Some(sum(self.past, now).drops)
    }

    /// Why it does not capture in the fastest way, where it was free to.
    pub fn fallback(&self) -> Option<&str> {
        self.backend.as_ref()?.reason.as_deref()
    }

    /// Whether packets are being captured.
    pub fn is_open(&self) -> bool {
        self.capture.is_some()
    }

    /// Lets the ring go. What was in it and not counted yet is not counted.
    pub fn close(&mut self) {
        self.span.close();
        if let Some(mut capture) = self.capture.take() {
            self.names.resolve(&capture);
            // A capture that cannot tell its losses any more has none to add.
            let last = capture.statistics().unwrap_or_default();
            let before = std::mem::take(&mut self.before);
            self.past = sum(self.past, since(last, before));
        }
    }

    /// Takes no more packets, counts what came before, and lets the ring go.
    pub fn finish(&mut self, limit: Option<u64>) -> Result<()> {
        let result = match &mut self.capture {
            Some(capture) if limit.is_none_or(|limit| self.counter.total().packets < limit) => {
                let mut into = Counting {
                    counter: &mut self.counter,
                    sightings: self.sightings.as_mut(),
                    names: &mut self.names,
                    watch: &mut self.each,
                    ended: false,
                };
                capture.finish(|captured| into.count(captured, limit))
            }
            _ => Ok(()),
        };
        self.close();
        result
    }

    /// Counts what arrives until `until`, until `limit` packets are counted in all, or until
    /// `stop` says so; it is asked at least ten times a second.
    pub fn run(
        &mut self,
        until: Instant,
        limit: Option<u64>,
        stop: impl Fn() -> bool,
    ) -> Result<()> {
        let Some(capture) = &mut self.capture else { return Ok(()) };
        let mut into = Counting {
            counter: &mut self.counter,
            sightings: self.sightings.as_mut(),
            names: &mut self.names,
            watch: &mut self.each,
            ended: false,
        };
        while !stop() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let each = |captured: &Captured<'_>| into.count(captured, limit);
            if capture.drain(left.min(PATIENCE), each)? == Drained::Stopped {
                self.ended = into.ended;
                break;
            }
        }
        Ok(())
    }

    /// Packets counted so far.
    pub fn packets(&self) -> u64 {
        self.counter.total().packets
    }

    /// The counts so far, with the kernel's losses, put down to processes.
    pub fn snapshot(&mut self, limits: &Limits, listing: Listing<'_>) -> Result<PacketCounts> {
        let mut statistics = self.past;
        if let Some(capture) = &mut self.capture {
            self.names.resolve(capture);
            statistics = sum(statistics, since(capture.statistics()?, self.before));
        }
        self.attribute();
        let mut counts = self.counter.snapshot(&self.names.names, limits, listing);
        counts.source = self.source();
        counts.filter.clone_from(&self.filter);
        counts.backend.clone_from(&self.backend);
        counts.duration_ms = milliseconds(self.span.captured());
        counts.losses.gap_ms = Some(milliseconds(self.span.gap()));
        counts.losses.kernel = Some(statistics.drops);
        counts.losses.ring = Some(statistics.freezes);
        Ok(counts)
    }

    /// Puts what was counted down to the processes that hold the sockets now. To be called now and
    /// then: who ends before the capture does is asked about in time.
    pub fn attribute(&mut self) {
        let Some(sockets) = &mut self.sockets else { return };
        if let Some(ports) = self.counter.ports_to_attribute() {
            self.counter.attribute(&sockets.owners(&ports));
        }
    }

    /// The interfaces by name; `any` for all.
    pub fn source(&self) -> String {
        match &self.options.interfaces[..] {
            [] => "any".to_owned(),
            names => names.join(", "),
        }
    }
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn since(now: CaptureStatistics, before: CaptureStatistics) -> CaptureStatistics {
    CaptureStatistics {
        packets: now.packets.saturating_sub(before.packets),
        drops: now.drops.saturating_sub(before.drops),
        freezes: now.freezes.saturating_sub(before.freezes),
    }
}

fn sum(a: CaptureStatistics, b: CaptureStatistics) -> CaptureStatistics {
    CaptureStatistics {
        packets: a.packets + b.packets,
        drops: a.drops + b.drops,
        freezes: a.freezes + b.freezes,
    }
}

/// Where captured packets go.
struct Counting<'a> {
    counter: &'a mut Counter,
    sightings: Option<&'a mut Sightings>,
    names: &'a mut Names,
    watch: &'a mut Watch,
    /// Whether what looks at packets wants no more.
    ended: bool,
}

impl Counting<'_> {
    #[inline]
    fn count(&mut self, captured: &Captured<'_>, limit: Option<u64>) -> ControlFlow<()> {
        let mut summary: Summary = decode(captured.link, captured.bytes);
        if captured.tag.is_some() {
            summary.layers.insert(Layers::VLAN);
        }
        let interface = self.names.number(captured.interface);
        let again = self.is_seen(captured, interface);
        let ip = summary.ip();
        let detail = ip.map(|ip| detail(captured.link, captured.bytes, ip)).unwrap_or_default();
        self.counter.count(&Frame {
            interface,
            length: captured.length,
            // We cut behind all headers that are counted; only where that failed is it a loss.
            cut: captured.cut && summary.truncated,
            summary,
            detail,
            time_ns: Some(captured.time_ns),
            again,
        });
        if !again && self.watch(captured, interface, &summary).is_break() {
            self.ended = true;
            return ControlFlow::Break(());
        }
        match limit {
            Some(limit) if self.counter.total().packets >= limit => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    #[inline]
    fn watch(
        &mut self,
        captured: &Captured<'_>,
        interface: usize,
        summary: &Summary,
    ) -> ControlFlow<()> {
        let Watch { each, store, whole } = &mut *self.watch;
        if each.is_none() && store.is_none() {
            return ControlFlow::Continue(());
        }
        let bytes = match captured.tag {
            Some((kind, tag)) if captured.bytes.len() >= ADDRESSES => {
                whole.clear();
                whole.extend_from_slice(&captured.bytes[..ADDRESSES]);
                whole.extend_from_slice(&kind.to_be_bytes());
                whole.extend_from_slice(&tag.to_be_bytes());
                whole.extend_from_slice(&captured.bytes[ADDRESSES..]);
                &whole[..]
            }
            _ => captured.bytes,
        };
        let packet = Packet {
            interface,
            interface_name: self.names.names.get(interface).and_then(Option::as_ref),
            link: captured.link,
            link_type: captured.link.link_type(),
            time_ns: Some(captured.time_ns),
            length: captured.length,
            bytes,
            summary,
        };
        if let Some(store) = store {
            store.keep(&packet);
        }
        each.as_mut().map_or(ControlFlow::Continue(()), |each| each(&packet))
    }

    /// Whether another interface saw the packet before.
    #[inline]
    fn is_seen(&mut self, captured: &Captured<'_>, interface: usize) -> bool {
        let Some(sightings) = &mut self.sightings else { return false };
        let Ok(interface) = u8::try_from(interface) else { return false };
        ip_packet(captured.link, captured.bytes)
            .is_some_and(|packet| sightings.is_seen(packet, interface, captured.time_ns))
    }
}
