//! The socket table in the order, the selection and the groups that the user wants: pure work
//! for a worker thread, because a table can have a hundred thousand rows.
//!
//! From one sample to the next few rows change. The arrangement before tells what the filter
//! said of those that did not, and in which order they stood; only the others are looked at.

mod arranged;
mod facts;
mod follow;
mod gather;
mod group;
mod listing;
mod order;
mod sort;
mod tail;
mod tree;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::model::prominence::Prominence;
use crate::model::socket::{SocketKey, State};
use crate::model::table::{EndedRow, SocketRow, SocketTable};
use crate::model::tables::{Table, Tables};
use crate::model::tree::ProcessTree;
use crate::query::{Query, Subject, Truth};
use crate::tui::label::MARKED_FOR;

pub use arranged::{Arranged, RowView, Shown};
pub use group::{Counts, Group, GroupBy, GroupKey};
pub use listing::{Folds, Line, Listing, Place};
pub use order::Sort;

use facts::Facts;

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
            Some(by) => gather::group(&arranged, by, self.processes.as_deref()),
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

#[cfg(test)]
mod tests;
