//! A capture that runs: the ring, the counter, and the names of what is counted.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::counter::{Counter, Frame};
use super::each::{Each, Packet};
use super::sightings::Sightings;
use super::snapshot::Limits;
use crate::collect::Feed;
use crate::model::flow_owner::{FlowOwners, PortSet};
use crate::model::packets::{FlowFocus, PacketCounts};
use crate::model::table::{EndedRow, SocketTable};
use crate::sys::Capture;
pub use crate::sys::capture::CaptureOptions;
use crate::sys::capture::{CaptureStatistics, Captured, Drained};
use crate::sys::{self, Result};
use crate::wire::filter::Filter;
use crate::wire::frame::{Layers, Summary, decode, detail, ip_packet};

/// Bytes of an Ethernet header before its tag or type.
const ADDRESSES: usize = 12;
/// For so long a connection that is over still tells whose its packets were.
const RECENT: SignedDuration = SignedDuration::from_secs(10);
/// How long a wait for packets may last before the caller is asked again.
const PATIENCE: Duration = Duration::from_millis(100);

/// Counts of a live capture. Closing the ring keeps them; opening it again counts on.
#[derive(Debug)]
pub struct LiveCapture {
    options: CaptureOptions,
    capture: Option<Capture>,
    counter: Counter,
    /// With more than one interface a packet may be seen several times.
    sightings: Option<Sightings>,
    names: Names,
    sockets: Option<Feed<SocketTable>>,
    /// What the kernel said of captures that were closed.
    past: CaptureStatistics,
    past_duration: Duration,
    opened: Option<Instant>,
    each: Watch,
    ended: bool,
    /// The filter's text.
    filter: Option<Arc<str>>,
}

/// What looks at each packet, and the room for one whose tag is put back.
#[derive(Default)]
struct Watch {
    each: Option<Each>,
    whole: Vec<u8>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

/// Who holds the ends of flows between these ports, as fresh as the socket table's feed.
pub(super) fn owners(sockets: &mut Option<Feed<SocketTable>>, ports: &PortSet) -> FlowOwners {
    let sample = sockets.as_mut().map(Feed::latest);
    let Some(table) = sample.and_then(|sample| sample.value.clone()) else {
        return FlowOwners::default();
    };
    // The ring is in our namespace: equal addresses in another are other sockets.
    let netns = sys::process::own_netns();
    let is_own = |other: u64| Some(other) == netns;
    // A connection may be over before its packets are put down to anyone.
    let now = Timestamp::now();
    let is_recent = |ended: &Arc<EndedRow>| now.duration_since(ended.ended_at) < RECENT;
    let ended: Vec<Arc<EndedRow>> = table.ended.iter().take_while(is_recent).collect();
    // Those that are there come last: they go before others with the same ends.
    let rows = ended.iter().rev().map(|ended| &ended.row).chain(&table.rows);
    let own = rows.filter(|row| row.key.netns.is_none_or(is_own));
    FlowOwners::between(own.map(|row| &row.socket), sys::interfaces::addresses(), ports)
}

/// Interfaces by the numbers that the counter knows them by.
#[derive(Debug, Default)]
struct Names {
    by_index: HashMap<u32, usize>,
    names: Vec<Option<Arc<str>>>,
    /// Names of interfaces that have had no packet yet.
    known: HashMap<u32, Arc<str>>,
    /// The interface of the last packet: mostly that of the next one too.
    last: Option<(u32, usize)>,
}

impl Names {
    #[inline]
    fn number(&mut self, index: u32) -> usize {
        match self.last {
            Some((last, number)) if last == index => number,
            _ => self.find_or_add(index),
        }
    }

    fn find_or_add(&mut self, index: u32) -> usize {
        let next = self.names.len();
        let number = *self.by_index.entry(index).or_insert(next);
        if number == next {
            self.names.push(self.known.get(&index).cloned());
        }
        self.last = Some((index, number));
        number
    }

    /// Asks for the names of interfaces before their packets come.
    fn learn(&mut self, capture: &Capture) {
        /// The system numbers them upwards.
        const MOST: u32 = 2_048;
        let name = |index| Some((index, Arc::from(capture.interface_name(index)?)));
        self.known.extend((1..MOST).filter_map(name));
    }

    /// Asks for the names that are not known yet; an interface may be gone before.
    fn resolve(&mut self, capture: &Capture) {
        for (index, number) in &self.by_index {
            let name = &mut self.names[*number];
            if name.is_none() {
                *name = capture.interface_name(*index).map(Arc::from);
            }
        }
    }
}

impl LiveCapture {
    /// Nothing is captured before [`LiveCapture::open`]. With `sockets`, flows are joined with
    /// the processes of that feed.
    pub fn new(options: CaptureOptions, sockets: Option<Feed<SocketTable>>) -> Self {
        let sightings = (options.interfaces.len() != 1).then(Sightings::new);
        Self {
            options,
            capture: None,
            counter: Counter::new(),
            sightings,
            names: Names::default(),
            sockets,
            past: CaptureStatistics::default(),
            past_duration: Duration::ZERO,
            opened: None,
            each: Watch::default(),
            ended: false,
            filter: None,
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

    /// Says which filter its options have.
    #[must_use]
    pub fn filtered_by(mut self, filter: &Filter) -> Self {
        self.filter = Some(Arc::from(filter.text()));
        self
    }

    /// Has `each` look at every packet that counts from now on.
    #[must_use]
    pub fn watched_by(mut self, each: Each) -> Self {
        self.each.each = Some(each);
        self
    }

    /// Starts the capture, unless it runs. Needs CAP_NET_RAW.
    pub fn open(&mut self) -> Result<()> {
        if self.capture.is_none() {
            let capture = Capture::open(&self.options)?;
            for index in capture.interfaces() {
                self.names.number(*index);
            }
            if capture.interfaces().is_empty() {
                self.names.learn(&capture);
            }
            self.names.resolve(&capture);
            self.capture = Some(capture);
            self.opened = Some(Instant::now());
        }
        Ok(())
    }

    /// Whether packets are being captured.
    pub fn is_open(&self) -> bool {
        self.capture.is_some()
    }

    /// Lets the ring go. What was in it and not counted yet is not counted.
    pub fn close(&mut self) {
        self.past_duration = self.duration();
        self.opened = None;
        if let Some(mut capture) = self.capture.take() {
            self.names.resolve(&capture);
            // A capture that cannot tell its losses any more has none to add.
            let last = capture.statistics().unwrap_or_default();
            self.past = sum(self.past, last);
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
    pub fn snapshot(&mut self, limits: &Limits, focus: Option<&FlowFocus>) -> Result<PacketCounts> {
        let mut statistics = self.past;
        if let Some(capture) = &mut self.capture {
            self.names.resolve(capture);
            statistics = sum(statistics, capture.statistics()?);
        }
        self.attribute();
        let mut counts = self.counter.snapshot(&self.names.names, limits, focus);
        counts.source = self.source();
        counts.filter.clone_from(&self.filter);
        counts.duration_ms = u64::try_from(self.duration().as_millis()).unwrap_or(u64::MAX);
        counts.losses.kernel = Some(statistics.drops);
        counts.losses.ring = Some(statistics.freezes);
        Ok(counts)
    }

    /// Puts what was counted down to the processes that hold the sockets now. To be called now and
    /// then: who ends before the capture does is asked about in time.
    pub fn attribute(&mut self) {
        if let Some(ports) = self.counter.ports_to_attribute() {
            self.counter.attribute(&owners(&mut self.sockets, &ports));
        }
    }

    /// The interfaces by name; `any` for all.
    pub fn source(&self) -> String {
        match &self.options.interfaces[..] {
            [] => "any".to_owned(),
            names => names.join(", "),
        }
    }

    fn duration(&self) -> Duration {
        self.past_duration + self.opened.map_or(Duration::ZERO, |opened| opened.elapsed())
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
        let Some(each) = &mut self.watch.each else { return ControlFlow::Continue(()) };
        let bytes = match captured.tag {
            Some((kind, tag)) if captured.bytes.len() >= ADDRESSES => {
                let whole = &mut self.watch.whole;
                whole.clear();
                whole.extend_from_slice(&captured.bytes[..ADDRESSES]);
                whole.extend_from_slice(&kind.to_be_bytes());
                whole.extend_from_slice(&tag.to_be_bytes());
                whole.extend_from_slice(&captured.bytes[ADDRESSES..]);
                &whole[..]
            }
            _ => captured.bytes,
        };
        each(&Packet {
            interface,
            interface_name: self.names.names.get(interface).and_then(Option::as_ref),
            link: captured.link,
            link_type: captured.link.link_type(),
            time_ns: Some(captured.time_ns),
            length: captured.length,
            bytes,
            summary,
        })
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
