//! Groups of rows: what they have in common, and how many there are.

use std::net::IpAddr;
use std::ops::{AddAssign, Range};

use super::facts::Facts;
use crate::model::activity::Rates;
use crate::model::owner::{OwnershipKind, Process, ProcessKey};
use crate::model::socket::{Socket, State};
use crate::text::column::Column;

/// What rows are brought together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupBy {
    /// The first process that holds the socket.
    Process,
    /// The port of the server's side, as far as that can be told.
    Port,
    /// The address at the other end.
    Remote,
    /// State.
    State,
    /// The process, below its parents.
    Tree,
}

impl GroupBy {
    /// In the order in which a key walks through them.
    pub const ALL: [Self; 5] = [Self::Process, Self::Port, Self::Remote, Self::State, Self::Tree];

    /// The name in titles and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Port => "port",
            Self::Remote => "remote",
            Self::State => "state",
            Self::Tree => "tree",
        }
    }

    /// The kind of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.name() == name)
    }

    /// The kind after this one; none after the last, and the first after none.
    pub fn next(by: Option<Self>) -> Option<Self> {
        let at = by.and_then(|by| Self::ALL.iter().position(|other| *other == by));
        Self::ALL.get(at.map_or(0, |at| at + 1)).copied()
    }

    /// Whether groups stand in an order that this column gives, so that turning that around
    /// turns them too.
    pub(super) fn follows(self, column: Column) -> bool {
        match self {
            Self::Process | Self::Tree => matches!(column, Column::Name | Column::Pid),
            Self::Port => column == Column::Local,
            Self::Remote => column == Column::Remote,
            Self::State => column == Column::State,
        }
    }
}

/// What the rows of a group have in common: its identity from one sample to the next. Groups
/// stand in this order, but for processes, whose names come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupKey {
    /// This process is the first that holds the sockets, or a parent of such a one.
    Process(ProcessKey),
    /// No process is known.
    Unowned(OwnershipKind),
    /// A port of this host.
    LocalPort(u16),
    /// A port elsewhere, of connections that began here.
    RemotePort(u16),
    /// There are no ports.
    NoPort,
    /// There is nobody at the other end.
    NoRemote,
    /// Who is at the other end.
    Remote(IpAddr),
    /// The other end has no address.
    LocalPeer,
    /// A state.
    State(State),
    /// Sockets in TIME_WAIT on a port of this host.
    TimeWait(u16),
    /// Sockets of sockpit itself.
    Own,
}

impl GroupKey {
    /// Whether it is folded until the user unfolds it.
    pub fn is_folded_at_first(self) -> bool {
        matches!(self, Self::TimeWait(_) | Self::Own)
    }
}

/// How many there are in a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows.
    pub sockets: usize,
    /// Listeners among them.
    pub listeners: usize,
    /// Those that have a peer.
    pub connections: usize,
    /// Listeners whose accept queue is at 80 % or more.
    pub crowded: usize,
    /// Bytes a second both ways, as far as that is known of any.
    pub bytes_per_s: Option<u64>,
}

impl Counts {
    pub(super) fn add(&mut self, facts: Facts, socket: &Socket) {
        self.sockets += 1;
        self.add_rate(socket.rates.map(Rates::total));
        self.listeners += usize::from(facts.has(Facts::LISTENS));
        self.connections += usize::from(facts.has(Facts::CONNECTED));
        self.crowded += usize::from(facts.has(Facts::CROWDED));
    }

    fn add_rate(&mut self, rate: Option<u64>) {
        if let Some(rate) = rate {
            self.bytes_per_s = Some(self.bytes_per_s.unwrap_or(0) + rate);
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.sockets += other.sockets;
        self.listeners += other.listeners;
        self.connections += other.connections;
        self.crowded += other.crowded;
        self.add_rate(other.bytes_per_s);
    }
}

/// A group: a header and its rows; in a tree, further groups below them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Identity.
    pub key: GroupKey,
    /// A process's name, uncleaned.
    pub name: Option<Box<str>>,
    /// Groups above it.
    pub depth: u16,
    /// Its own rows' places in the order.
    pub rows: Range<usize>,
    /// Its own and those of the groups below it.
    pub all_rows: Range<usize>,
    /// Its index's successor that is not below it.
    pub next: usize,
    /// How many rows of its own.
    pub own: Counts,
    /// How many with those below it.
    pub all: Counts,
}

impl Group {
    pub(super) fn new(key: GroupKey, process: Option<&Process>) -> Self {
        Self {
            key,
            name: process.map(|process| process.name.clone()),
            depth: 0,
            rows: 0..0,
            all_rows: 0..0,
            next: 0,
            own: Counts::default(),
            all: Counts::default(),
        }
    }
}

/// A group's place, and how deep it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ordered {
    pub(super) id: usize,
    pub(super) depth: u16,
}
