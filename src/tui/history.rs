//! The history of ended sockets, searched: work for a worker thread.

use std::sync::Arc;

use crate::model::table::{EndedRow, SocketTable};
use crate::query::{Query, Subject, Truth};

/// The work order.
#[derive(Clone, Debug)]
pub struct Search {
    /// Its ended rows.
    pub table: Arc<SocketTable>,
    /// Only these; `None` for all.
    pub filter: Option<Arc<Query>>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Newest first.
    pub rows: Vec<Arc<EndedRow>>,
    /// Rows in the whole history.
    pub total: usize,
    /// Rows that no longer fit it.
    pub forgotten: u64,
    /// Rows for which the filter lacked a fact.
    pub undecided: usize,
}

impl Search {
    /// Filters. A row is asked about as it was when it ended.
    pub fn run(self) -> Found {
        let Self { table, filter } = self;
        let mut found =
            Found { total: table.ended.len(), forgotten: table.forgotten, ..Found::default() };
        for ended in table.ended.iter() {
            let subject = Subject::of_row(&ended.row, ended.ended_at);
            match filter.as_ref().map_or(Truth::Yes, |filter| filter.matches(&subject)) {
                Truth::Yes => found.rows.push(ended),
                Truth::Undecided => found.undecided += 1,
                Truth::No => {}
            }
        }
        found
    }
}
