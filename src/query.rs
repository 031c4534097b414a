//! The filter language over tables of model rows: one grammar for the dashboard and the command
//! line, over every table that declares its keys.
//!
//! ```text
//! query = group { ("or" | "||") group }          group = part { ["and" | "&&"] part }
//! part  = ("not" | "!") part | "(" query ")" | key ":" values | word | "@" name
//! ```
//!
//! Parts that stand side by side must all hold. A comparison with a value that nobody knows
//! is neither true nor false, and neither is its negation ([`Truth::Undecided`]).
#![forbid(unsafe_code)]

mod ast;
mod bare;
mod complete;
mod error;
mod eval;
mod help;
mod key;
mod lexer;
mod named;
mod needle;
mod parser;
mod resolve;
mod rows;
mod saved;
mod tables;
mod trivial;
mod values;
mod word;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::model::packets::Flow;
use crate::model::socket::State;
use crate::model::tables::Tables;

use ast::{Expr, Test};
use key::{Key, NumberKey};

pub use complete::{Completion, complete, complete_flows, complete_with};
pub use error::QueryError;
pub use eval::Truth;
pub use help::{KEYS, KeyHelp, NOTES, SYNTAX, Table, help_text};
pub use named::is_name;
pub use rows::Subject;
pub use saved::{Saved, SavedError};

/// A parsed filter. Cloning is cheap; two are equal when they ask the same in the same order.
///
/// Displays as its canonical text, which parses to an equal query. That text may hold what a
/// user typed between quotes, so it needs cleaning before it reaches a terminal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    root: Option<Arc<Expr>>,
}

impl Query {
    /// Reads a query. Blank text is the empty query, which every row matches.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        Self::parse_with(text, &Saved::default())
    }

    /// The same where `@name` stands for a saved filter.
    pub fn parse_with(text: &str, mut saved: &Saved) -> Result<Self, QueryError> {
        let root = parser::parse(&Table::SOCKETS, text, &[], &mut saved)?;
        Ok(Self { root: root.map(Arc::new) })
    }

    /// The same over a table, whose keys are the only ones.
    pub fn parse_for(table: &Table, text: &str, mut saved: &Saved) -> Result<Self, QueryError> {
        let root = parser::parse(table, text, &[], &mut saved)?;
        Ok(Self { root: root.map(Arc::new) })
    }

    /// Reads the words of a command line, which stand side by side for *and*.
    ///
    /// Columns in errors count in the words joined by single spaces. A word that holds
    /// spaces was quoted for the shell: where it is a query by itself, it is a group, so that
    /// `'port:80 or port:443' name:nginx` asks for both halves.
    pub fn parse_args<S: AsRef<str>>(words: &[S]) -> Result<Self, QueryError> {
        Self::parse_args_with(words, &Saved::default())
    }

    /// The same where `@name` stands for a saved filter.
    pub fn parse_args_with<S: AsRef<str>>(
        words: &[S],
        mut saved: &Saved,
    ) -> Result<Self, QueryError> {
        let mut text = String::new();
        let mut groups = Vec::new();
        for word in words.iter().map(AsRef::as_ref) {
            if !text.is_empty() {
                text.push(' ');
            }
            let start = text.len();
            text.push_str(word);
            let has_spaces = word.trim().contains(char::is_whitespace);
            if has_spaces && Self::parse_with(word, saved).is_ok_and(|query| !query.is_empty()) {
                groups.push(start..text.len());
            }
        }
        let root = parser::parse(&Table::SOCKETS, &text, &groups, &mut saved)?;
        Ok(Self { root: root.map(Arc::new) })
    }

    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Whether no TCP or UDP socket with known values could fail to match: the empty query,
    /// `*`, `/.*/`, a range of all ports, `x or not x`. What changes the system refuses such.
    pub fn matches_everything(&self) -> bool {
        self.root.as_ref().is_none_or(|root| trivial::is_always_true(root))
    }

    /// The states that the query asks for by name (`state:listen`), also those that other
    /// parts narrow. `!state:estab` and bare words name none.
    pub fn named_states(&self) -> Vec<State> {
        let mut named = Vec::new();
        if let Some(root) = &self.root {
            root.collect_named_states(&mut named);
        }
        named
    }

    /// Whether it asks for what only several looks can tell: rates, and queues that have not
    /// moved.
    pub fn compares_looks(&self) -> bool {
        let compares = |test: &Test| match test {
            Test::Number { key, .. } | Test::Present(Key::Number(key)) => {
                matches!(key, NumberKey::Rate | NumberKey::Stalled)
            }
            _ => false,
        };
        self.root.as_ref().is_some_and(|root| root.has(&compares))
    }

    /// Whether it asks for socket options, which have to be read apart
    /// ([`Subject::with_options`]).
    pub fn asks_options(&self) -> bool {
        let asks = |test: &Test| matches!(test, Test::Option(_) | Test::Present(Key::Option));
        self.root.as_ref().is_some_and(|root| root.has(&asks))
    }

    /// The tables that can have a socket which matches, or of which nobody can tell: the others
    /// need not be asked for.
    pub fn tables(&self) -> Tables {
        self.root.as_ref().map_or(Tables::ALL, |root| tables::possible(root, true))
    }

    /// The tables that the query asks for by name (`family:unix`, `proto:stream`, a path, an
    /// inode), so that their sockets are expected among what matches.
    pub fn named_tables(&self) -> Tables {
        self.root.as_ref().map_or(Tables::NONE, |root| tables::named(root))
    }

    /// Whether the answer for a row can change while the row stays the same: ages grow.
    pub fn depends_on_time(&self) -> bool {
        let runs = |test: &Test| {
            matches!(test, Test::Number { key: NumberKey::Age | NumberKey::Stalled, .. })
        };
        self.root.as_ref().is_some_and(|root| root.has(&runs))
    }

    /// Whether a socket matches.
    pub fn matches(&self, subject: &Subject<'_>) -> Truth {
        self.ask(subject)
    }

    /// Whether a flow matches; the query is one over [`Table::FLOWS`].
    pub fn matches_flow(&self, flow: &Flow) -> Truth {
        self.ask(flow)
    }

    fn ask(&self, row: &impl eval::Row) -> Truth {
        self.root.as_ref().map_or(Truth::Yes, |root| eval::ask(root, row).into())
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.as_ref().map_or(Ok(()), |root| write!(f, "{root}"))
    }
}

impl std::str::FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Self::parse(text)
    }
}
