//! The socket table in the order and the selection that the user wants: pure work for a
//! worker thread, because a table can have a hundred thousand rows.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::model::socket::{Endpoint, Socket, SocketKey, State};
use crate::model::table::{EndedRow, SocketRow, SocketTable};
use crate::query::{Query, Subject, Truth};

/// For how long an ended row keeps its place, and a new one its mark.
pub const MARKED_FOR: SignedDuration = SignedDuration::from_secs(5);

/// A column to sort by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SortBy {
    /// The documented order: protocol, local port, local address, remote, cookie.
    #[default]
    Protocol,
    /// Local address, then port.
    Local,
    /// Remote address, then port.
    Remote,
    /// State in the order of a connection's life.
    State,
    /// Accept queue fill, or bytes queued.
    Queue,
    /// Bytes sent a second.
    Sent,
    /// Bytes received a second.
    Received,
    /// First owner's process id.
    Pid,
    /// First owner's name.
    Name,
    /// First sight.
    Age,
    /// Name of the user who made it.
    User,
}

impl SortBy {
    /// In the order of the columns.
    pub const ALL: [Self; 11] = [
        Self::Protocol,
        Self::Local,
        Self::Remote,
        Self::State,
        Self::Queue,
        Self::Sent,
        Self::Received,
        Self::Pid,
        Self::Name,
        Self::Age,
        Self::User,
    ];

    /// The column after this one, in a ring.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|by| *by == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }
}

/// An order of rows. Rows whose value is unknown come last either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sort {
    /// By this column.
    pub by: SortBy,
    /// From the greatest to the smallest.
    pub reverse: bool,
}

/// A row that stays in the list whatever the filter says: the selected one.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The last that was known of it.
    pub row: Arc<SocketRow>,
    /// When it ended, if it did.
    pub ended_at: Option<Timestamp>,
}

/// The work order.
#[derive(Clone, Debug)]
pub struct Arrange {
    /// The rows.
    pub table: Arc<SocketTable>,
    /// Only these; `None` for all.
    pub filter: Option<Arc<Query>>,
    /// In this order.
    pub sort: Sort,
    /// And this one in any case.
    pub keep: Option<Kept>,
    /// Rows that ended less than [`MARKED_FOR`] before this are still listed.
    pub now: Timestamp,
}

/// The table as it shall be shown.
#[derive(Debug, Default)]
pub struct Arranged {
    table: Arc<SocketTable>,
    ended: Vec<Arc<EndedRow>>,
    // Indices into the table's rows, then, from its length on, into `ended`.
    order: Vec<u32>,
    /// Position of the kept row.
    pub kept: Option<usize>,
    /// Rows that the filter let through, the kept one aside.
    pub matched: usize,
    /// Rows for which the filter lacked a fact.
    pub undecided: usize,
    /// Listening sockets in the whole table.
    pub listeners: usize,
}

/// A row on screen.
#[derive(Clone, Copy, Debug)]
pub struct RowView<'a> {
    /// The row.
    pub row: &'a Arc<SocketRow>,
    /// When it ended, if it did.
    pub ended_at: Option<Timestamp>,
}

impl Arranged {
    /// How many rows there are to show.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Sockets in the whole table.
    pub fn total(&self) -> usize {
        self.table.rows.len()
    }

    /// The row at a position.
    pub fn row(&self, position: usize) -> Option<RowView<'_>> {
        Some(self.at(*self.order.get(position)? as usize))
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = RowView<'_>> {
        self.order.iter().map(|index| self.at(*index as usize))
    }

    /// Where a socket is listed. Walks the list: for keys and clicks, not for frames.
    pub fn position(&self, key: SocketKey) -> Option<usize> {
        self.rows().position(|view| view.row.key == key)
    }

    fn at(&self, index: usize) -> RowView<'_> {
        match self.table.rows.get(index) {
            Some(row) => RowView { row, ended_at: None },
            None => {
                let ended = &self.ended[index - self.table.rows.len()];
                RowView { row: &ended.row, ended_at: Some(ended.ended_at) }
            }
        }
    }
}

impl Arrange {
    /// Filters and sorts.
    pub fn run(self) -> Arranged {
        let mut arranged = self.select();
        let socket = |index: u32| &arranged.at(index as usize).row.socket;
        let order = sorted(&arranged.order, self.sort, socket);
        arranged.order = order;
        arranged.kept = self.keep.and_then(|kept| arranged.position(kept.row.key));
        arranged
    }

    /// The rows that belong on screen, live ones first.
    fn select(&self) -> Arranged {
        let mut arranged = Arranged { table: Arc::clone(&self.table), ..Arranged::default() };
        let kept_key = self.keep.as_ref().map(|kept| kept.row.key);
        let mut kept_lives = false;
        for (index, row) in (0_u32..).zip(&self.table.rows) {
            arranged.listeners += usize::from(row.socket.state == State::Listen);
            let is_kept = Some(row.key) == kept_key;
            kept_lives |= is_kept;
            let matches = self.matches(row);
            arranged.matched += usize::from(matches == Truth::Yes);
            arranged.undecided += usize::from(matches == Truth::Undecided);
            if is_kept || matches == Truth::Yes {
                arranged.order.push(index);
            }
        }
        arranged.ended = self.ended_rows(kept_lives);
        let live = u32::try_from(self.table.rows.len()).unwrap_or(u32::MAX);
        arranged.order.extend((live..).take(arranged.ended.len()));
        arranged
    }

    fn matches(&self, row: &SocketRow) -> Truth {
        let ask = |filter: &Arc<Query>| filter.matches(&Subject::of_row(row, self.now));
        self.filter.as_ref().map_or(Truth::Yes, ask)
    }

    /// The rows that ended a moment ago, and the kept one if it has ended.
    fn ended_rows(&self, kept_lives: bool) -> Vec<Arc<EndedRow>> {
        let fresh = |ended: &&Arc<EndedRow>| self.now.duration_since(ended.ended_at) < MARKED_FOR;
        let wanted = |ended: &&Arc<EndedRow>| self.matches(&ended.row) == Truth::Yes;
        // Newest first: the first one that is too old ends the walk.
        let recent = self.table.ended.iter().take_while(fresh);
        let mut rows: Vec<_> = recent.filter(wanted).cloned().collect();
        let listed: HashSet<SocketKey> = rows.iter().map(|ended| ended.row.key).collect();
        if let Some(kept) = &self.keep
            && !kept_lives
            && !listed.contains(&kept.row.key)
        {
            let remembered = self.table.find_ended(kept.row.key).cloned();
            rows.push(remembered.unwrap_or_else(|| {
                let ended_at = kept.ended_at.unwrap_or(self.now);
                Arc::new(EndedRow { row: Arc::clone(&kept.row), ended_at })
            }));
        }
        rows
    }
}

/// The indices in the wanted order; equal ones keep the table's order.
fn sorted<'a>(order: &[u32], sort: Sort, socket: impl Fn(u32) -> &'a Socket) -> Vec<u32> {
    let first = |index: u32| socket(index).owners.first();
    match sort.by {
        SortBy::Protocol => canonical(order, sort.reverse, socket),
        SortBy::Local => by(order, sort.reverse, |index| address(Some(&socket(index).local))),
        SortBy::Remote => by(order, sort.reverse, |i| address(socket(i).remote.as_ref())),
        SortBy::State => by(order, sort.reverse, |index| Some(socket(index).state)),
        SortBy::Queue => by(order, sort.reverse, |index| queued(socket(index))),
        // The bits of floats that are not negative are in the order of their values.
        SortBy::Sent => by(order, sort.reverse, |index| {
            socket(index).rates.map(|rates| rates.bytes_sent_per_s.to_bits())
        }),
        SortBy::Received => by(order, sort.reverse, |index| {
            socket(index).rates.map(|rates| rates.bytes_received_per_s.to_bits())
        }),
        SortBy::Pid => by(order, sort.reverse, |index| first(index).map(|o| o.process.pid)),
        SortBy::Name => by_text(order, sort.reverse, |i| first(i).map(|o| &*o.process.name)),
        SortBy::Age => by(order, sort.reverse, |index| {
            // Youngest first seen is the smallest age: the order of ages is the reverse.
            socket(index).first_seen.map(std::cmp::Reverse)
        }),
        SortBy::User => by_text(order, sort.reverse, |index| socket(index).user.as_deref()),
    }
}

/// Live rows come in canonical order already; only the ended ones must be put among them.
fn canonical<'a>(order: &[u32], reverse: bool, socket: impl Fn(u32) -> &'a Socket) -> Vec<u32> {
    let mut order = order.to_vec();
    // Finds runs that are sorted already, so that this is one pass and a merge.
    order.sort_by(|a, b| socket(*a).cmp_canonical(socket(*b)));
    if reverse {
        order.reverse();
    }
    order
}

fn by<K: Ord>(order: &[u32], reverse: bool, key: impl Fn(u32) -> Option<K>) -> Vec<u32> {
    let (mut known, mut unknown) = (Vec::with_capacity(order.len()), Vec::new());
    for index in order {
        match key(*index) {
            Some(key) => known.push((key, *index)),
            None => unknown.push(*index),
        }
    }
    if reverse {
        known.sort_unstable_by(|(a, i), (b, j)| b.cmp(a).then(i.cmp(j)));
    } else {
        known.sort_unstable();
    }
    known.into_iter().map(|(_, index)| index).chain(unknown).collect()
}

/// By a text that many rows share, as names are: each different one is compared once, then
/// numbers are sorted.
fn by_text<'a>(order: &[u32], reverse: bool, text: impl Fn(u32) -> Option<&'a str>) -> Vec<u32> {
    let mut ids: HashMap<&str, u32> = HashMap::new();
    let mut id_of = |text| {
        let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        *ids.entry(text).or_insert(next)
    };
    let id_by_row: Vec<Option<u32>> =
        order.iter().map(|index| text(*index).map(&mut id_of)).collect();
    let mut texts: Vec<(&str, u32)> = ids.into_iter().collect();
    texts.sort_unstable();
    let mut rank_by_id = vec![0_u32; texts.len()];
    for (rank, (_, id)) in (0..).zip(texts) {
        rank_by_id[id as usize] = rank;
    }
    let ranks: Vec<Option<u32>> =
        id_by_row.into_iter().map(|id| id.map(|id| rank_by_id[id as usize])).collect();
    let places: Vec<u32> = (0..).take(order.len()).collect();
    let sorted = by(&places, reverse, |place| ranks[place as usize]);
    sorted.into_iter().map(|place| order[place as usize]).collect()
}

fn address(end: Option<&Endpoint>) -> Option<(bool, u128, u16)> {
    let end = end?;
    let (is_v6, bits) = match end.addr? {
        IpAddr::V4(addr) => (false, u128::from(addr.to_bits())),
        IpAddr::V6(addr) => (true, addr.to_bits()),
    };
    Some((is_v6, bits, end.port.unwrap_or(0)))
}

/// What waits: connections in an accept queue, else bytes either way.
fn queued(socket: &Socket) -> Option<u64> {
    match (socket.backlog, socket.recv_q, socket.send_q) {
        (Some(backlog), _, _) => Some(u64::from(backlog.queued)),
        (None, None, None) => None,
        (None, received, sent) => {
            Some(u64::from(received.unwrap_or(0)) + u64::from(sent.unwrap_or(0)))
        }
    }
}

#[cfg(test)]
mod tests;
