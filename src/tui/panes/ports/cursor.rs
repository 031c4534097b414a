//! The cursor of Ports: where it is, what it is about, and what folds and marks do at it.
//!
//! On a row the cursor makes the one selection. On a header nothing is selected: the header
//! stands for its rows, and for those below it while they are folded away with them. `m` and
//! `K` act on all of these.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::aim::Aim;
use super::header;
use super::state::Ports;
use crate::model::socket::SocketKey;
use crate::tui::arrange::{Group, GroupBy, GroupKey, Line, Listing, Place};
use crate::tui::command::Motion;
use crate::tui::pane::Cx;
use crate::tui::world::World;

impl Ports {
    /// The line under the cursor.
    pub(super) fn line(&self) -> Option<Line<'_>> {
        self.listing.as_ref()?.line(self.cursor?)
    }

    /// The header under the cursor.
    fn header(&self) -> Option<&Group> {
        match self.line()? {
            Line::Header(group) => Some(group),
            Line::Row(_) => None,
        }
    }

    /// What an action at the cursor is about.
    pub(super) fn aim(&self) -> Aim<'_> {
        match (self.line(), &self.listing) {
            (Some(Line::Row(view)), _) => Aim::Row(view),
            (Some(Line::Header(group)), Some(listing)) => Aim::Group {
                title: header::title(group),
                of_process: matches!(group.key, GroupKey::Process(_)),
                rows: listing.rows_of(group, &self.folds).collect(),
            },
            _ => Aim::Nothing,
        }
    }

    pub(super) fn go(&mut self, motion: Motion, page: usize, cx: &mut Cx<'_>) {
        let len = self.listing.as_ref().map_or(0, Listing::len);
        if let Some(to) = motion.apply(self.cursor.unwrap_or(0), len, page) {
            self.put_cursor(to, cx);
        }
    }

    pub(super) fn put_cursor(&mut self, to: usize, cx: &mut Cx<'_>) {
        let Some(listing) = &self.listing else { return };
        match listing.line(to) {
            Some(Line::Row(view)) => cx.world.select(Arc::clone(view.row), view.ended_at),
            Some(Line::Header(_)) => cx.world.selection = None,
            None => return,
        }
        self.follows = listing.place(to);
        self.cursor = Some(to);
    }

    /// Marks the row, or takes the mark away, and stays there; a header's rows are marked
    /// together.
    pub(super) fn mark(&mut self, cx: &mut Cx<'_>) {
        let marks = &mut cx.world.marks;
        match self.aim() {
            Aim::Nothing => {}
            Aim::Row(view) => {
                let key = view.row.key;
                if !marks.remove(&key) {
                    marks.insert(key);
                }
            }
            Aim::Group { rows, .. } => {
                let live = rows.iter().filter(|view| view.ended_at.is_none());
                let keys: BTreeSet<SocketKey> = live.map(|view| view.row.key).collect();
                if keys.is_subset(marks) {
                    marks.retain(|key| !keys.contains(key));
                } else {
                    marks.extend(keys);
                }
            }
        }
    }

    /// Has the port of the row ring, or be silent.
    pub(super) fn ring(&self, world: &mut World) {
        let (Some(Line::Row(view)), Some(table)) = (self.line(), world.ports.value().cloned())
        else {
            return world.complain("No row is selected: a row's port can ring");
        };
        match world.bell.toggle(&view.row.socket, &table) {
            Ok(said) => world.say(said),
            Err(why) => world.complain(why),
        }
    }

    /// Brings the rows together by something else. From a header the cursor follows the
    /// first of its rows.
    pub(super) fn group_by(&mut self, by: Option<GroupBy>, cx: &mut Cx<'_>) {
        let row = match self.aim() {
            Aim::Group { rows, .. } => rows.first().map(|v| (Arc::clone(v.row), v.ended_at)),
            _ => None,
        };
        if let Some((row, ended_at)) = row {
            self.follows = Some(Place::Row(row.key));
            cx.world.select(row, ended_at);
        }
        self.group = by;
        self.wish_anew(false);
    }

    /// Left: folds the group; from a row, or a group that is folded, to the header above.
    pub(super) fn fold(&mut self, cx: &mut Cx<'_>) {
        match self.header().map(|group| group.key) {
            Some(key) if !self.folds.hides(key) => self.set_fold(key, true, cx),
            _ => {
                let above = self.listing.as_ref().zip(self.cursor);
                if let Some(line) = above.and_then(|(listing, line)| listing.above(line)) {
                    self.put_cursor(line, cx);
                }
            }
        }
    }

    /// Right: unfolds the group, or goes to its first line.
    pub(super) fn unfold(&mut self, cx: &mut Cx<'_>) {
        match self.header().map(|group| group.key) {
            Some(key) if self.folds.hides(key) => self.set_fold(key, false, cx),
            Some(_) => self.go(Motion::Down, 1, cx),
            None => {}
        }
    }

    /// Folds or unfolds the group whose header is under the cursor.
    pub(super) fn toggle(&mut self, cx: &mut Cx<'_>) {
        if let Some(key) = self.header().map(|group| group.key) {
            self.set_fold(key, !self.folds.hides(key), cx);
        }
    }

    pub(super) fn fold_all(&mut self, folded: bool, cx: &mut Cx<'_>) {
        self.folds.set_all(folded);
        self.lay_out(cx);
    }

    fn set_fold(&mut self, key: GroupKey, folded: bool, cx: &mut Cx<'_>) {
        self.folds.set(key, folded);
        self.lay_out(cx);
    }

    /// Lines have come or gone: the cursor stays with what it is about.
    fn lay_out(&mut self, cx: &mut Cx<'_>) {
        let Some(listing) = &mut self.listing else { return };
        listing.fold(&self.folds);
        if let Some(line) = self.follows.and_then(|place| listing.line_of(place)) {
            self.put_cursor(line, cx);
        }
    }
}
