//! The lines of an arrangement: rows, and headers under which rows can be folded away.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::arranged::{Arranged, RowView};
use super::group::{Counts, Group, GroupKey};
use crate::model::socket::SocketKey;

/// Which groups are folded. Groups that come up later are as most are.
#[derive(Clone, Debug, Default)]
pub struct Folds {
    // What was last done to all of them.
    all: Option<bool>,
    except: HashSet<GroupKey>,
}

impl Folds {
    /// Whether this group's rows are hidden.
    pub fn hides(&self, key: GroupKey) -> bool {
        self.base(key) != self.except.contains(&key)
    }

    /// Folds or unfolds one group.
    pub fn set(&mut self, key: GroupKey, folded: bool) {
        if folded == self.base(key) {
            self.except.remove(&key);
        } else {
            self.except.insert(key);
        }
    }

    /// Folds or unfolds all groups.
    pub fn set_all(&mut self, folded: bool) {
        *self = Self { all: Some(folded), except: HashSet::new() };
    }

    fn base(&self, key: GroupKey) -> bool {
        self.all.unwrap_or(key.is_folded_at_first())
    }

    /// Forgets groups that are not there any more.
    fn keep(&mut self, groups: &[Group]) {
        // Other kinds of groups keep their folds until there are too many to remember.
        if self.except.len() > 10_000 {
            let listed: HashSet<GroupKey> = groups.iter().map(|group| group.key).collect();
            self.except.retain(|key| listed.contains(key));
        }
    }
}

/// A line.
#[derive(Clone, Copy, Debug)]
pub enum Line<'a> {
    /// A row.
    Row(RowView<'a>),
    /// A group's header.
    Header(&'a Group),
}

/// What a line is about: it follows that from one arrangement to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A socket.
    Row(SocketKey),
    /// A group.
    Header(GroupKey),
}

/// An arrangement as lines. Its size is that of the groups: a plain list needs nothing.
#[derive(Debug)]
pub struct Listing {
    arranged: Arc<Arranged>,
    headers: Vec<Header>,
    len: usize,
}

/// A header that is not folded away itself.
#[derive(Debug)]
struct Header {
    line: usize,
    group: usize,
    /// Rows that follow it directly.
    rows: Range<usize>,
}

impl Listing {
    /// The lines of an arrangement.
    pub fn new(arranged: Arc<Arranged>, folds: &mut Folds) -> Self {
        folds.keep(arranged.groups());
        let mut listing = Self { len: arranged.len(), headers: Vec::new(), arranged };
        listing.fold(folds);
        listing
    }

    /// Lays the lines out anew, with other folds.
    pub fn fold(&mut self, folds: &Folds) {
        let groups = self.arranged.groups();
        if groups.is_empty() {
            return;
        }
        self.headers.clear();
        // Rows may stand before the first header.
        let (mut line, mut at) = (groups[0].all_rows.start, 0);
        while let Some(group) = groups.get(at) {
            let is_folded = folds.hides(group.key);
            let rows =
                if is_folded { group.rows.start..group.rows.start } else { group.rows.clone() };
            self.headers.push(Header { line, group: at, rows: rows.clone() });
            line += 1 + rows.len();
            at = if is_folded { group.next } else { at + 1 };
        }
        self.len = line;
    }

    /// The arrangement.
    pub fn arranged(&self) -> &Arc<Arranged> {
        &self.arranged
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A line.
    pub fn line(&self, line: usize) -> Option<Line<'_>> {
        if line < self.lead() {
            return self.arranged.row(line).map(Line::Row);
        }
        let header = self.header_at(line)?;
        if header.line == line {
            return self.arranged.groups().get(header.group).map(Line::Header);
        }
        let place = header.rows.start + (line - header.line - 1);
        header.rows.contains(&place).then(|| self.arranged.row(place).map(Line::Row))?
    }

    /// What a line is about.
    pub fn place(&self, line: usize) -> Option<Place> {
        self.line(line).map(|line| match line {
            Line::Row(view) => Place::Row(view.row.key),
            Line::Header(group) => Place::Header(group.key),
        })
    }

    /// The line of a row, given its place in the arrangement's order; where it is folded
    /// away, that of the header above it.
    pub fn line_of_row(&self, place: usize) -> Option<usize> {
        if place < self.lead() {
            return Some(place);
        }
        let groups = self.arranged.groups();
        let after = self.headers.partition_point(|h| groups[h.group].rows.start <= place);
        // Groups without rows of their own begin where the next one does.
        let hides = |header: &&Header| groups[header.group].all_rows.contains(&place);
        let header = self.headers[..after].iter().rev().find(hides)?;
        let is_shown = header.rows.contains(&place);
        Some(header.line + if is_shown { 1 + place - header.rows.start } else { 0 })
    }

    /// The line of a group's header; where that is folded away, of the one above it.
    pub fn line_of_group(&self, key: GroupKey) -> Option<usize> {
        let groups = self.arranged.groups();
        let at = groups.iter().position(|group| group.key == key)?;
        let after = self.headers.partition_point(|header| header.group <= at);
        self.headers[..after].last().map(|header| header.line)
    }

    /// The line of whatever a line was about.
    pub fn line_of(&self, place: Place) -> Option<usize> {
        match place {
            Place::Row(key) => self.line_of_row(self.arranged.position(key)?),
            Place::Header(key) => self.line_of_group(key),
        }
    }

    /// The header above a row, or above another header.
    pub fn above(&self, line: usize) -> Option<usize> {
        let header = self.header_at(line)?;
        if header.line < line {
            return Some(header.line);
        }
        let groups = self.arranged.groups();
        let depth = groups[header.group].depth;
        let before = self.headers.partition_point(|other| other.line < line);
        let parent = |other: &&Header| groups[other.group].depth < depth;
        self.headers[..before].iter().rev().find(parent).map(|header| header.line)
    }

    /// The rows that a header stands for: its own, and, while they are folded away with them,
    /// those of the groups below it.
    pub fn rows_of(&self, group: &Group, folds: &Folds) -> impl Iterator<Item = RowView<'_>> {
        let places = if folds.hides(group.key) { &group.all_rows } else { &group.rows };
        places.clone().filter_map(|place| self.arranged.row(place))
    }

    /// How many those are.
    pub fn counts_of(group: &Group, folds: &Folds) -> Counts {
        if folds.hides(group.key) { group.all } else { group.own }
    }

    /// Rows, and so lines, before the first header.
    fn lead(&self) -> usize {
        self.headers.first().map_or(self.len, |header| header.line)
    }

    fn header_at(&self, line: usize) -> Option<&Header> {
        let after = self.headers.partition_point(|header| header.line <= line);
        self.headers[..after].last()
    }
}
