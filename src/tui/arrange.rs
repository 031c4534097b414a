//! The socket table in the order, the selection and the groups that the user wants: pure work
//! for a worker thread, because a table can have a hundred thousand rows.
//!
//! From one sample to the next few rows change. The arrangement before tells what the filter
//! said of those that did not, and in which order they stood; only the others are looked at.

mod follow;
mod group;
mod listing;
mod sort;
mod tail;
mod tree;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::world::Shown;
use crate::model::activation::principal_owner;
use crate::model::finding;
use crate::model::owner::Process;
use crate::model::prominence::Prominence;
use crate::model::socket::{Socket, SocketKey, State};
use crate::model::table::{EndedRow, SocketRow, SocketTable};
use crate::model::tables::{Table, Tables};
use crate::model::tree::ProcessTree;
use crate::query::{Query, Subject, Truth};
use crate::tui::label;

pub use group::{Counts, Group, GroupBy, GroupKey};
pub use listing::{Folds, Line, Listing, Place};
pub use sort::Sort;

/// For how long an ended row keeps its place, and a new one its mark.
pub const MARKED_FOR: SignedDuration = SignedDuration::from_secs(5);

/// For how long a row must have had nothing to say before it moves down.
pub const SILENT_AFTER: SignedDuration = SignedDuration::from_secs(30);

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
    /// Not the sockets of these tables, unless nothing else passes the filter.
    pub hidden: Tables,
    /// In this order.
    pub sort: Sort,
    /// Under headers; `None` for one plain list.
    pub group: Option<GroupBy>,
    /// For the process tree: the processes that hold no socket, but others' parents.
    pub processes: Option<Arc<ProcessTree>>,
    /// And this one in any case.
    pub keep: Option<Kept>,
    /// The arrangement before, to go on from.
    pub before: Option<Arc<Arranged>>,
    /// Rows that ended less than [`MARKED_FOR`] before this are still listed.
    pub now: Timestamp,
    /// The process that sockpit is: its own sockets come last.
    pub own: u32,
}

/// The table as it shall be shown.
#[derive(Debug, Default)]
pub struct Arranged {
    table: Arc<SocketTable>,
    ended: Vec<Arc<EndedRow>>,
    filter: Option<Arc<Query>>,
    hidden: Tables,
    sort: Sort,
    own: u32,
    // By index into the table's rows.
    facts: Vec<Facts>,
    // Indices into the table's rows, then, from its length on, into `ended`.
    sorted: Vec<u32>,
    // Of the live rows, in the usual order alone.
    ranks: Vec<Prominence>,
    // When those that talk, or did a moment ago, were last heard.
    heard: HashMap<SocketKey, Timestamp>,
    // The same, brought together in groups; empty without groups.
    grouped: Vec<u32>,
    groups: Vec<Group>,
    /// Place of the kept row among [`Arranged::rows`].
    pub kept: Option<usize>,
    /// Rows that the filter let through, the kept one aside.
    pub matched: usize,
    /// Rows that the filter let through and that are hidden for their table.
    pub left_out: usize,
    /// Rows for which the filter lacked a fact.
    pub undecided: usize,
    /// In the tables that are shown, whatever the filter says of them.
    pub shown: Shown,
}

/// What is kept of a live row from one arrangement to the next, in a few bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts(u16);

impl Facts {
    /// Nothing is known yet.
    const UNREAD: Self = Self(0);
    const READ: u16 = 1;
    const MATCHES: u16 = 1 << 1;
    const UNDECIDED: u16 = 1 << 2;
    const LISTENS: u16 = 1 << 3;
    const CONNECTED: u16 = 1 << 4;
    const CROWDED: u16 = 1 << 5;
    const HIDDEN: u16 = 1 << 6;
    const OF_HIDDEN_TABLE: u16 = 1 << 7;
    /// Above the rank.
    const FOUND: u16 = 1 << 11;
    /// Three bits for the rank.
    const RANK: u16 = 8;

    /// All but what the filter says.
    fn of(socket: &Socket, own: u32) -> Self {
        let flag = |holds: bool, bit: u16| if holds { bit } else { 0 };
        Self(
            Self::READ
                | flag(socket.state == State::Listen, Self::LISTENS)
                | flag(socket.remote.is_some(), Self::CONNECTED)
                | flag(label::is_crowded(socket), Self::CROWDED)
                | flag(finding::of(socket).next().is_some(), Self::FOUND)
                | (Prominence::of(socket, own) as u16) << Self::RANK,
        )
    }

    /// By the row alone, whenever it was heard before.
    fn rank(self) -> Prominence {
        let rank = (self.0 >> Self::RANK) & 0b111;
        Prominence::ALL[usize::from(rank) % Prominence::ALL.len()]
    }

    /// And this says the filter.
    fn and(self, truth: Truth, is_hidden: bool) -> Self {
        let table = if is_hidden { Self::OF_HIDDEN_TABLE } else { 0 };
        Self(
            self.0
                | table
                | match truth {
                    Truth::Yes if is_hidden => Self::HIDDEN,
                    Truth::Yes => Self::MATCHES,
                    Truth::Undecided if !is_hidden => Self::UNDECIDED,
                    Truth::Undecided | Truth::No => 0,
                },
        )
    }

    fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
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
    /// How many rows there are, folded away or not.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Sockets in the whole table.
    pub fn total(&self) -> usize {
        self.table.rows.len()
    }

    /// The row at a place.
    pub fn row(&self, place: usize) -> Option<RowView<'_>> {
        Some(self.at(*self.order().get(place)?))
    }

    /// All rows in order, group by group where there are groups.
    pub fn rows(&self) -> impl Iterator<Item = RowView<'_>> {
        self.order().iter().map(|index| self.at(*index))
    }

    /// The groups in order, parents before their children; empty without groups.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The place of a socket. Walks the list: for keys and clicks, not for frames.
    pub fn position(&self, key: SocketKey) -> Option<usize> {
        self.rows().position(|view| view.row.key == key)
    }

    fn order(&self) -> &[u32] {
        if self.groups.is_empty() { &self.sorted } else { &self.grouped }
    }

    fn live(&self) -> u32 {
        u32::try_from(self.table.rows.len()).unwrap_or(u32::MAX)
    }

    fn at(&self, index: u32) -> RowView<'_> {
        match self.table.rows.get(index as usize) {
            Some(row) => RowView { row, ended_at: None },
            None => {
                let ended = &self.ended[index as usize - self.table.rows.len()];
                RowView { row: &ended.row, ended_at: Some(ended.ended_at) }
            }
        }
    }

    /// How near to the top a row belongs in the usual order.
    fn prominence(&self, index: u32) -> Prominence {
        self.ranks.get(index as usize).copied().unwrap_or_else(|| self.facts(index).rank())
    }

    fn socket(&self, index: u32) -> &Socket {
        &self.at(index).row.socket
    }

    fn facts(&self, index: u32) -> Facts {
        let of_ended = || Facts::of(self.socket(index), self.own).and(Truth::Yes, false);
        self.facts.get(index as usize).copied().unwrap_or_else(of_ended)
    }
}

impl Arrange {
    /// Filters, sorts and groups.
    pub fn run(mut self) -> Arranged {
        let mut arranged = Arranged {
            table: Arc::clone(&self.table),
            filter: self.filter.clone(),
            hidden: self.hidden,
            sort: self.sort,
            own: self.own,
            ..Arranged::default()
        };
        let follower = self.before.as_deref().and_then(|before| follow::follow(before, &arranged));
        arranged.facts = match &follower {
            Some(follower) => follower.facts(),
            None => vec![Facts::UNREAD; self.table.rows.len()],
        };
        let fresh = self.read(&mut arranged.facts);
        arranged.count();
        if self.filter.is_some() && arranged.matched == 0 && arranged.left_out > 0 {
            self.hidden = Tables::NONE;
            return self.run();
        }
        let kept = self.find_kept(&self.table.rows);
        arranged.ended = self.ended_rows(kept.is_some());
        let ended = (arranged.live()..).take(arranged.ended.len());
        let mut fresh = fresh;
        if self.sort.by.is_none() {
            (arranged.ranks, arranged.heard) = self.ranks(&arranged.facts);
            if let Some(follower) = &follower {
                let known: HashSet<u32> = fresh.iter().copied().collect();
                let moved = follower.moved(&arranged).into_iter();
                fresh.extend(moved.filter(|index| !known.contains(index)));
            }
        }
        let is_listed =
            |index: u32| arranged.facts(index).has(Facts::MATCHES) || Some(index) == kept;
        let survivors = follower.and_then(|follower| follower.survivors(&fresh, is_listed, kept));
        let (settled, fresh): (Vec<u32>, Vec<u32>) = match survivors {
            Some(survivors) => {
                let stray = kept.filter(|kept| !arranged.facts(*kept).has(Facts::MATCHES));
                let fresh = fresh.into_iter().filter(|i| is_listed(*i) && Some(*i) != stray);
                (survivors, fresh.chain(stray).chain(ended).collect())
            }
            None => {
                let listed = (0..arranged.live()).filter(|index| is_listed(*index)).collect();
                (sort::sorted(listed, &arranged), ended.collect())
            }
        };
        arranged.sorted = sort::merged(settled, fresh, &arranged);
        (arranged.groups, arranged.grouped) = match self.group {
            Some(by) => group::group(&arranged, by, self.processes.as_deref()),
            None if self.sort == Sort::default() => tail::fold(&arranged),
            None => Default::default(),
        };
        arranged.kept = self.keep.and_then(|keep| match kept {
            Some(index) => arranged.order().iter().position(|other| *other == index),
            None => arranged.position(keep.row.key),
        });
        arranged
    }

    /// Looks at the rows of which nothing is known yet, and tells which those were.
    ///
    /// Rows lie scattered in memory, and waiting for them takes most of the time. A short loop
    /// that only fetches some of them waits for many at once; the filter then finds them near.
    fn read(&self, facts: &mut [Facts]) -> Vec<u32> {
        const NEAR: usize = 256;
        let mut fresh = Vec::new();
        let chunks = self.table.rows.chunks(NEAR).zip(facts.chunks_mut(NEAR));
        for ((rows, facts), start) in chunks.zip((0_u32..).step_by(NEAR)) {
            let first = fresh.len();
            for ((index, row), facts) in (start..).zip(rows).zip(&mut *facts) {
                if *facts == Facts::UNREAD {
                    *facts = Facts::of(&row.socket, self.own);
                    fresh.push(index);
                }
            }
            for index in &fresh[first..] {
                let at = (index - start) as usize;
                let is_hidden = self.hidden.contains(Table::of(&rows[at].socket));
                facts[at] = facts[at].and(self.matches(&rows[at]), is_hidden);
            }
        }
        fresh
    }

    /// The rank of each row. A row that talked keeps its place for a while after.
    fn ranks(&self, facts: &[Facts]) -> (Vec<Prominence>, HashMap<SocketKey, Timestamp>) {
        let before = self.before.as_deref().map(|before| &before.heard);
        let before = before.filter(|heard| !heard.is_empty());
        let mut heard = HashMap::new();
        let rank = |(row, facts): (&Arc<SocketRow>, &Facts)| match (facts.rank(), before) {
            (Prominence::Talking, _) => {
                heard.insert(row.key, self.now);
                Prominence::Talking
            }
            (Prominence::Quiet, Some(before)) => match before.get(&row.key) {
                Some(at) if self.now.duration_since(*at) < SILENT_AFTER => {
                    heard.insert(row.key, *at);
                    Prominence::Talking
                }
                _ => Prominence::Quiet,
            },
            (rank, _) => rank,
        };
        let ranks = self.table.rows.iter().zip(facts).map(rank).collect();
        (ranks, heard)
    }

    fn matches(&self, row: &SocketRow) -> Truth {
        let ask = |filter: &Arc<Query>| filter.matches(&Subject::of_row(row, self.now));
        self.filter.as_ref().map_or(Truth::Yes, ask)
    }

    /// What has ended is in no state, and nothing waits in it: a filter for what lives leaves it
    /// out, whatever it was when it was seen last.
    fn matches_ended(&self, row: &SocketRow) -> bool {
        let Some(filter) = &self.filter else { return true };
        let mut gone = row.clone();
        gone.socket.state = State::Closed;
        (gone.socket.recv_q, gone.socket.send_q, gone.socket.backlog) = (None, None, None);
        gone.socket.rates = None;
        filter.matches(&Subject::of_row(&gone, self.now)) == Truth::Yes
    }

    /// The index of the kept row, if it lives. Mostly it is the very row that was selected;
    /// only when it is not must every row be looked at.
    fn find_kept(&self, rows: &[Arc<SocketRow>]) -> Option<u32> {
        let kept = &self.keep.as_ref()?.row;
        let position = rows.iter().position(|row| Arc::ptr_eq(row, kept)).or_else(|| {
            let has_ended = self.table.find_ended(kept.key).is_some();
            if has_ended { None } else { rows.iter().position(|row| row.key == kept.key) }
        });
        position.and_then(|index| u32::try_from(index).ok())
    }

    /// The rows that ended a moment ago, and the kept one if it has ended.
    fn ended_rows(&self, kept_lives: bool) -> Vec<Arc<EndedRow>> {
        let fresh = |ended: &Arc<EndedRow>| self.now.duration_since(ended.ended_at) < MARKED_FOR;
        let wanted = |ended: &Arc<EndedRow>| {
            self.matches_ended(&ended.row) && !self.hidden.contains(Table::of(&ended.row.socket))
        };
        // Newest first: the first one that is too old ends the walk.
        let recent = self.table.ended.iter().take_while(fresh);
        let mut rows: Vec<_> = recent.filter(wanted).collect();
        let listed: HashSet<SocketKey> = rows.iter().map(|ended| ended.row.key).collect();
        if let Some(kept) = &self.keep
            && !kept_lives
            && !listed.contains(&kept.row.key)
        {
            let remembered = self.table.find_ended(kept.row.key);
            rows.push(remembered.unwrap_or_else(|| {
                let ended_at = kept.ended_at.unwrap_or(self.now);
                Arc::new(EndedRow { row: Arc::clone(&kept.row), ended_at })
            }));
        }
        rows
    }
}

impl Arranged {
    fn count(&mut self) {
        for facts in &self.facts {
            self.matched += usize::from(facts.has(Facts::MATCHES));
            self.left_out += usize::from(facts.has(Facts::HIDDEN));
            self.undecided += usize::from(facts.has(Facts::UNDECIDED));
            if !facts.has(Facts::OF_HIDDEN_TABLE) {
                self.shown.sockets += 1;
                self.shown.listeners += usize::from(facts.has(Facts::LISTENS));
                self.shown.findings += usize::from(facts.has(Facts::FOUND));
            }
        }
    }
}

/// The process that a row is shown under, the one that is named in it.
fn holder(socket: &Socket) -> Option<&Arc<Process>> {
    principal_owner(socket).map(|owner| &owner.process)
}

#[cfg(test)]
mod tests;
