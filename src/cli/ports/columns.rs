//! The text table and CSV, and how they are ordered.

use std::cmp::Ordering;
use std::io::{self, Write};
use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::inspect::sockets::Listing;
use crate::model::socket::Socket;
use crate::text::column::Column::*;
use crate::text::column::{Cell, Column};
use crate::text::csv::Sockets;
use crate::text::table;

/// What a person sees without asking for more.
const TEXT: [Column; 9] = [NetnsName, Proto, Local, Remote, State, Queue, Pid, Name, User];

/// The usual columns of a text table, with the namespaces where there may be several.
pub(super) fn usual(namespaces: bool) -> &'static [Column] {
    if namespaces { &TEXT } else { &TEXT[1..] }
}

impl ValueEnum for Column {
    fn value_variants<'a>() -> &'a [Self] {
        // One look tells no ages: the last column is for those who watch.
        Self::ALL.split_last().map_or(&[], |(_, others)| others)
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

fn head(column: Column) -> table::Column {
    table::Column { title: column.title(), right: column.number().is_some() }
}

/// A column to order by, and in which direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sort {
    column: Column,
    descending: bool,
}

impl Sort {
    /// The column.
    pub(super) fn column(self) -> Column {
        self.column
    }

    /// The order of two sockets, what is not known last; equal ones keep their canonical
    /// order.
    pub(super) fn compare(self, a: &Socket, b: &Socket) -> Ordering {
        match (self.column.key(a), self.column.key(b)) {
            (Some(a), Some(b)) if self.descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
}

impl FromStr for Sort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix('-').unwrap_or(text);
        let named = Column::ALL.into_iter().find(|column| column.name().eq_ignore_ascii_case(name));
        let column = named.ok_or_else(|| {
            let known: Vec<&str> = Column::ALL.iter().map(|column| column.name()).collect();
            format!("there is no column `{name}`; there are {}", known.join(", "))
        })?;
        Ok(Self { column, descending: text.starts_with('-') })
    }
}

/// The table of these sockets.
pub(super) fn table<'a>(
    columns: &[Column],
    sockets: impl Iterator<Item = &'a Socket>,
) -> table::Table {
    let mut table = table::Table::new(columns.iter().map(|column| head(*column)).collect());
    for socket in sockets {
        for &column in columns {
            table.push_cell(Cell { column, socket });
        }
    }
    table
}

/// Comma-separated values, what is not known empty.
pub(super) fn csv(out: &mut impl Write, columns: &[Column], listing: &Listing) -> io::Result<()> {
    let table = Sockets { columns, now: listing.taken_at, unverified: &[] };
    let mut line = String::new();
    table.head(&mut line, &[]);
    for socket in &listing.sockets {
        out.write_all(line.as_bytes())?;
        line.clear();
        table.line(&mut line, &[], socket);
    }
    out.write_all(line.as_bytes())
}
