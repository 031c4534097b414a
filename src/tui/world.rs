//! What all panes share: the newest samples, the one selection, the marks, the clock.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::arrange::Shown;
use super::bell::Bell;
use super::event::{FeedUpdate, Moment};
use super::filters::Filters;
use super::hosts::Hosts;
use super::surroundings::{KeptBy, Surroundings};
use crate::act::set::Wish;
use crate::model::drops::Drops;
use crate::model::interface::Interfaces;
use crate::model::packets::PacketCounts;
use crate::model::sample::Sample;
use crate::model::socket::{Socket, SocketKey};
use crate::model::table::{SocketRow, SocketTable};
use crate::probe::Target;
use crate::text::column::Column;

/// A feed as it is seen: its newest sample, and the value before it, for rates.
#[derive(Debug)]
pub struct Watched<T> {
    /// The newest sample.
    pub sample: Arc<Sample<T>>,
    earlier: Option<(Arc<T>, Instant)>,
}

impl<T> Default for Watched<T> {
    fn default() -> Self {
        Self { sample: Arc::new(Sample::loading()), earlier: None }
    }
}

impl<T> Watched<T> {
    /// The last good value.
    pub fn value(&self) -> Option<&Arc<T>> {
        self.sample.value.as_ref()
    }

    /// The value before, and the time between the two.
    pub fn earlier(&self) -> Option<(&T, Duration)> {
        let (value, taken) = self.earlier.as_ref()?;
        let between = self.sample.taken_mono.checked_duration_since(*taken)?;
        (!between.is_zero()).then_some((value, between))
    }

    fn take(&mut self, sample: Arc<Sample<T>>) {
        let fresh = match (self.value(), &sample.value) {
            (Some(old), Some(new)) => !Arc::ptr_eq(old, new),
            _ => false,
        };
        if fresh && let Some(old) = self.value() {
            self.earlier = Some((Arc::clone(old), self.sample.taken_mono));
        }
        self.sample = sample;
    }
}

/// The row that everything is about.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The last that was known of it.
    pub row: Arc<SocketRow>,
    /// When it was found to have ended.
    pub ended_at: Option<Timestamp>,
    /// Since when it is this one.
    pub since: Instant,
}

/// A sentence for the user that goes away by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The sentence, cleaned when drawn.
    pub text: String,
    /// Whether something went wrong.
    pub is_trouble: bool,
    until: Instant,
}

/// For how long after the last one it is news that connections were turned away.
const ALARM_FOR: Duration = Duration::from_secs(10);

/// For how long a notice stays.
const NOTICE_FOR: Duration = Duration::from_secs(5);

/// What all panes share.
#[derive(Debug)]
pub struct World {
    /// The socket table.
    pub ports: Watched<SocketTable>,
    /// Interface counters.
    pub interfaces: Watched<Interfaces>,
    /// Packet counts.
    pub packets: Watched<PacketCounts>,
    /// Dropped packets and resets.
    pub drops: Watched<Drops>,
    /// What Ports would show without a filter; counted on the worker.
    pub shown: Option<Shown>,
    /// The one selection.
    pub selection: Option<Selection>,
    /// What addresses are called, as far as it was asked for.
    pub hosts: Hosts,
    /// Who is around the row whose details were opened last.
    pub surroundings: Option<Surroundings>,
    /// Who keeps the holders of that row.
    pub kept_by: Option<KeptBy>,
    /// Marked rows, by key.
    pub marks: BTreeSet<SocketKey>,
    /// The process that sockpit is.
    pub own_pid: u32,
    /// Ports that ring.
    pub bell: Bell,
    /// Whether a dialog lies over the panes.
    pub is_covered: bool,
    /// Whether the options of the selected socket are on screen.
    pub shows_options: bool,
    /// Whether the sockets of every network namespace are wanted.
    pub all_netns: bool,
    /// The columns of Ports in their order; `None` for the usual ones.
    pub columns: Option<Vec<Column>>,
    /// Whether packets are never captured, as it is configured.
    pub is_capture_off: bool,
    /// Names where there are any, else numbers alone.
    pub names: bool,
    /// Now, by the last event's clock.
    pub now: Moment,
    /// For the clock in the header.
    pub timezone: TimeZone,
    /// A sentence for the user.
    pub notice: Option<Notice>,
    /// What is remembered of filters.
    pub filters: Filters,
    /// The targets that the configuration has, by name.
    pub targets: Arc<[(String, Target)]>,
    /// What brings back options that were set, the last at the end.
    pub set_undo: Vec<(Socket, Vec<Wish>)>,
    // The last rate above nothing, and the sample that told it.
    turned_away: Option<(f64, Instant)>,
    held: Option<Held>,
}

/// What came in while the view was frozen: the newest of each feed.
#[derive(Debug)]
struct Held {
    since: Timestamp,
    ports: Option<Arc<Sample<SocketTable>>>,
    interfaces: Option<Arc<Sample<Interfaces>>>,
    packets: Option<Arc<Sample<PacketCounts>>>,
    drops: Option<Arc<Sample<Drops>>>,
}

impl Held {
    fn since(since: Timestamp) -> Self {
        Self { since, ports: None, interfaces: None, packets: None, drops: None }
    }
}

impl World {
    /// Nothing known yet.
    pub fn new(now: Moment, timezone: TimeZone) -> Self {
        Self {
            ports: Watched::default(),
            interfaces: Watched::default(),
            packets: Watched::default(),
            drops: Watched::default(),
            shown: None,
            selection: None,
            hosts: Hosts::default(),
            surroundings: None,
            kept_by: None,
            marks: BTreeSet::new(),
            own_pid: 0,
            bell: Bell::default(),
            is_covered: false,
            shows_options: false,
            all_netns: false,
            columns: None,
            is_capture_off: false,
            names: false,
            now,
            timezone,
            notice: None,
            filters: Filters::default(),
            targets: Arc::from([]),
            set_undo: Vec::new(),
            turned_away: None,
            held: None,
        }
    }

    /// Takes a sample, or keeps it for later while frozen.
    pub fn take(&mut self, update: FeedUpdate) {
        match (&mut self.held, update) {
            (None, FeedUpdate::Ports(sample)) => self.take_ports(sample),
            (None, FeedUpdate::Interfaces(sample)) => self.interfaces.take(sample),
            (None, FeedUpdate::Packets(sample)) => self.packets.take(sample),
            (None, FeedUpdate::Drops(sample)) => self.drops.take(sample),
            (Some(held), FeedUpdate::Ports(sample)) => held.ports = Some(sample),
            (Some(held), FeedUpdate::Interfaces(sample)) => held.interfaces = Some(sample),
            (Some(held), FeedUpdate::Packets(sample)) => held.packets = Some(sample),
            (Some(held), FeedUpdate::Drops(sample)) => held.drops = Some(sample),
        }
    }

    fn take_ports(&mut self, sample: Arc<Sample<SocketTable>>) {
        self.ports.take(sample);
        let growth = self.ports.earlier().and_then(|(before, between)| {
            let (before, now) = (before.listen?, self.ports.value()?.listen?);
            let more = now.drops.checked_sub(before.drops).filter(|_| before.netns == now.netns)?;
            Some((more, more as f64 / between.as_secs_f64()))
        });
        // A whole table that nobody looks at any more.
        self.ports.earlier = None;
        if let Some((_, per_s)) = growth.filter(|(more, _)| *more > 0) {
            self.turned_away = Some((per_s, self.ports.sample.taken_mono));
        }
    }

    /// Connections a second that listeners turned away, for as long as that is news.
    pub fn turned_away(&self) -> Option<f64> {
        let (per_s, at) = self.turned_away?;
        (self.ports.sample.taken_mono.duration_since(at) < ALARM_FOR).then_some(per_s)
    }

    /// The moment that ages on screen count to: it stands still with the view.
    pub fn shown_at(&self) -> Timestamp {
        self.held.as_ref().map_or(self.now.wall, |held| held.since)
    }

    /// Whether the view is held still.
    pub fn is_frozen(&self) -> bool {
        self.held.is_some()
    }

    /// Holds the view still, or catches up with what came in meanwhile.
    pub fn toggle_freeze(&mut self) {
        let Some(held) = self.held.take() else {
            self.held = Some(Held::since(self.now.wall));
            return;
        };
        if let Some(sample) = held.ports {
            self.take_ports(sample);
        }
        if let Some(sample) = held.interfaces {
            self.interfaces.take(sample);
        }
        if let Some(sample) = held.packets {
            self.packets.take(sample);
        }
        if let Some(sample) = held.drops {
            self.drops.take(sample);
        }
    }

    /// Selects a row. Selecting the same one again does not restart its rest.
    pub fn select(&mut self, row: Arc<SocketRow>, ended_at: Option<Timestamp>) {
        let since = match &self.selection {
            Some(old) if old.row.key == row.key => old.since,
            _ => self.now.at,
        };
        self.selection = Some(Selection { row, ended_at, since });
    }

    /// Whether the table has sockets of every namespace: those may still be there when they are
    /// wanted no more.
    pub fn shows_namespaces(&self) -> bool {
        self.ports.value().is_some_and(|table| table.all_netns)
    }

    /// Whether a socket is in another network namespace than sockpit.
    pub fn is_elsewhere(&self, socket: &Socket) -> bool {
        self.ports.value().is_some_and(|table| table.is_elsewhere(socket.netns))
    }

    /// Where the selected socket is, if that is another network namespace than sockpit's: its
    /// addresses mean something else there than they do here.
    pub fn selected_elsewhere(&self) -> Option<&Socket> {
        Some(&self.selection.as_ref()?.row.socket).filter(|socket| self.is_elsewhere(socket))
    }

    /// The selected socket's key.
    pub fn selected_key(&self) -> Option<SocketKey> {
        self.selection.as_ref().map(|selection| selection.row.key)
    }

    /// Tells the user something.
    pub fn say(&mut self, text: impl Into<String>) {
        self.put(text.into(), false);
    }

    /// Tells the user that something went wrong.
    pub fn complain(&mut self, text: impl Into<String>) {
        self.put(text.into(), true);
    }

    fn put(&mut self, text: String, is_trouble: bool) {
        self.notice = Some(Notice { text, is_trouble, until: self.now.at + NOTICE_FOR });
    }

    /// When the notice should go away.
    pub fn notice_until(&self) -> Option<Instant> {
        self.notice.as_ref().map(|notice| notice.until)
    }

    /// Drops a notice that has been there long enough.
    pub fn expire_notice(&mut self) {
        if self.notice_until().is_some_and(|until| until <= self.now.at) {
            self.notice = None;
        }
    }

    /// Bytes a second sent and received over all interfaces but loopback.
    pub fn traffic(&self) -> Option<(f64, f64)> {
        let now = self.interfaces.value()?;
        let (before, between) = self.interfaces.earlier()?;
        let (mut sent, mut received) = (0, 0);
        for new in now.list.iter().filter(|interface| !is_loopback(interface)) {
            let Some(old) = before.list.iter().find(|old| old.name == new.name) else { continue };
            sent += new.tx_bytes.saturating_sub(old.tx_bytes);
            received += new.rx_bytes.saturating_sub(old.rx_bytes);
        }
        let seconds = between.as_secs_f64();
        Some((sent as f64 / seconds, received as f64 / seconds))
    }
}

fn is_loopback(interface: &crate::model::interface::Interface) -> bool {
    interface.addresses.iter().any(|(addr, _)| addr.is_loopback())
}
