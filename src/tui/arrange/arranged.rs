//! The socket table as it shall be shown, and what the next arrangement goes on from.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::facts::Facts;
use super::group::Group;
use super::order::Sort;
use crate::model::prominence::Prominence;
use crate::model::socket::{Socket, SocketKey};
use crate::model::table::{EndedRow, SocketRow, SocketTable};
use crate::model::tables::Tables;
use crate::query::{Query, Truth};

/// How much there is to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Sockets.
    pub sockets: usize,
    /// Listeners among them.
    pub listeners: usize,
    /// Sockets with something wrong about them, as `finding:*` lists them.
    pub findings: usize,
}

/// The table as it shall be shown.
#[derive(Debug, Default)]
pub struct Arranged {
    pub(super) table: Arc<SocketTable>,
    pub(super) ended: Vec<Arc<EndedRow>>,
    pub(super) filter: Option<Arc<Query>>,
    pub(super) hidden: Tables,
    pub(super) sort: Sort,
    pub(super) own: u32,
    // By index into the table's rows.
    pub(super) facts: Vec<Facts>,
    // Indices into the table's rows, then, from its length on, into `ended`.
    pub(super) sorted: Vec<u32>,
    // Of the live rows, in the usual order alone.
    pub(super) ranks: Vec<Prominence>,
    // When those that talk, or did a moment ago, were last heard.
    pub(super) heard: HashMap<SocketKey, Timestamp>,
    // The same, brought together in groups; empty without groups.
    pub(super) grouped: Vec<u32>,
    pub(super) groups: Vec<Group>,
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

    pub(super) fn order(&self) -> &[u32] {
        if self.groups.is_empty() { &self.sorted } else { &self.grouped }
    }

    pub(super) fn live(&self) -> u32 {
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
    pub(super) fn prominence(&self, index: u32) -> Prominence {
        self.ranks.get(index as usize).copied().unwrap_or_else(|| self.facts(index).rank())
    }

    pub(super) fn socket(&self, index: u32) -> &Socket {
        &self.at(index).row.socket
    }

    pub(super) fn known_row(&self, index: u32) -> &SocketRow {
        self.at(index).row
    }

    pub(super) fn facts(&self, index: u32) -> Facts {
        let of_ended = || Facts::of(self.socket(index), self.own).and(Truth::Yes, false);
        self.facts.get(index as usize).copied().unwrap_or_else(of_ended)
    }
    /// Counts what the facts say, once they are there.
    pub(super) fn count(&mut self) {
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
