//! One listing of sockets, whoever made it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::activity::ListenCounters;
use crate::model::health::Health;
use crate::model::owner::Unverified;
use crate::model::socket::{Socket, SocketKey};
use crate::model::table::SocketRow;
use crate::model::tables::Uncounted;
pub use crate::wire::netlink::inet::Detail;

/// Who makes the listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The platform's own interface, used in full.
    Native,
    /// The portable library: fewer facts, and no descriptor numbers.
    Netstat2,
}

/// How far a listing reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// The network namespace that sockpit is in.
    #[default]
    Own,
    /// Every one that can be found and entered.
    All,
}

/// The network namespaces that a listing tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// This one alone; `None` where the platform has no such thing.
    Own(Option<u64>),
    /// Every one but these.
    AllBut(Vec<u64>),
}

impl Default for Coverage {
    fn default() -> Self {
        Self::AllBut(Vec::new())
    }
}

impl Coverage {
    /// Whether a socket of this namespace would have been listed.
    pub fn covers(&self, netns: Option<u64>) -> bool {
        match self {
            Self::Own(own) => own.is_none() || netns.is_none() || *own == netns,
            Self::AllBut(missing) => netns.is_none_or(|netns| !missing.contains(&netns)),
        }
    }
}

/// Rows of an earlier listing, to be handed back when nothing about them changed. Each has a
/// place of its own for as long as it is known, so that whoever keeps more about rows can find
/// it without a search.
#[derive(Clone, Debug, Default)]
pub struct KnownRows {
    places: HashMap<SocketKey, u32, BuildHasherDefault<KeyHasher>>,
    /// By place.
    rows: Vec<Option<Arc<SocketRow>>>,
    /// Places that are nobody's.
    free: Vec<u32>,
}

impl KnownRows {
    /// How many rows are known.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many places there are, those that are free at the moment included.
    pub fn places(&self) -> usize {
        self.rows.len()
    }

    /// The place of this socket.
    pub fn place(&self, key: SocketKey) -> Option<u32> {
        self.places.get(&key).copied()
    }

    /// The row at a place; `None` where a socket was entered and no row set yet.
    pub fn at(&self, place: u32) -> Option<&Arc<SocketRow>> {
        self.rows.get(place as usize)?.as_ref()
    }

    /// A place for a socket that has none.
    pub fn enter(&mut self, key: SocketKey) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.rows.push(None);
            self.rows.len() as u32 - 1
        });
        self.places.insert(key, place);
        place
    }

    /// Forgets the socket that has this place, and returns its row.
    pub fn forget(&mut self, place: u32) -> Option<Arc<SocketRow>> {
        let row = self.rows.get_mut(place as usize)?.take()?;
        self.places.remove(&row.key);
        self.free.push(place);
        Some(row)
    }

    /// Sets the rows of all places, and returns those that were there.
    pub fn replace(&mut self, rows: Vec<Option<Arc<SocketRow>>>) -> Vec<Option<Arc<SocketRow>>> {
        std::mem::replace(&mut self.rows, rows)
    }

    /// Every row as one to which nothing happened.
    pub fn all(&self) -> impl Iterator<Item = Listed> {
        let rows = (0..).zip(&self.rows);
        rows.filter_map(|(place, row)| Some(Listed::Same(Arc::clone(row.as_ref()?), place)))
    }
}

/// Mixes the numbers of a key. Nobody chooses a cookie, so that a quick mixture will do: a large
/// table is looked through several times a look.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyHasher(u64);

impl KeyHasher {
    /// The golden ratio as a fraction of 2^64: neighbours come to lie far apart.
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
}

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(Self::STEP);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        // The map takes its place from the low bits and more from the high ones.
        self.0 ^ self.0 >> 32
    }
}

/// A socket of the listing.
#[derive(Clone, Debug)]
pub enum Listed {
    /// Nothing about it changed since this row, which is known at this place.
    Same(Arc<SocketRow>, u32),
    /// A socket that is new or has changed, as a row that nobody shares yet: made in the place
    /// where it stays. Its service, first sight and changes are not filled in.
    New(Arc<SocketRow>),
}

impl Listed {
    /// What is known of the socket.
    pub fn socket(&self) -> &Socket {
        match self {
            Self::Same(row, _) | Self::New(row) => &row.socket,
        }
    }

    /// A socket that is new or has changed, read at this time.
    pub fn new(key: SocketKey, socket: Socket, observed_at: Timestamp) -> Self {
        let (changed_at, appeared) = (None, false);
        Self::New(Arc::new(SocketRow { key, socket, changed_at, appeared, observed_at }))
    }

    /// The socket's identity.
    pub fn key(&self) -> SocketKey {
        match self {
            Self::Same(row, _) | Self::New(row) => row.key,
        }
    }
}

/// Everything that one look at the sockets found.
#[derive(Debug)]
pub struct Listing<T> {
    /// In the order that the system told them.
    pub sockets: Vec<T>,
    /// How the sources fared.
    pub health: Vec<Health>,
    /// Whether every process could be read.
    pub privileged: bool,
    /// The namespaces whose sockets are among them.
    pub coverage: Coverage,
    /// What listeners turned away in other namespaces than sockpit's.
    pub listen_elsewhere: Vec<ListenCounters>,
    /// Processes whose descriptors are told from memory, in order; empty in a single listing.
    pub unverified: Vec<Unverified>,
    /// Processes with sockets that no table lists and that may not be looked at, by pid. Empty
    /// when those were not asked for.
    pub uncounted: Vec<Uncounted>,
}

/// `Same` when the known row with this key still shows `socket`, else a copy of it.
pub(super) fn reuse(known: &KnownRows, socket: &Socket, at: Timestamp) -> Listed {
    let key = socket.key();
    let place = known.place(key);
    match place.and_then(|place| Some((known.at(place)?, place))) {
        Some((row, place)) if row.still_shows(socket, at) => Listed::Same(Arc::clone(row), place),
        _ => Listed::new(key, socket.clone(), at),
    }
}
