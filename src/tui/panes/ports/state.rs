//! What Ports remembers, and the wishes that change it.

use crate::model::socket::SocketKey;
use crate::model::table::SocketRow;
use crate::model::tables::{Table, Tables};
use crate::text::column::Column;
use crate::tui::arrange::{Folds, GroupBy, Listing, Place, Sort};
use crate::tui::event::RequestId;
use crate::tui::pane::{Cx, Response};
use crate::tui::world::World;

use super::filter::FilterLine;
use super::history::History;

/// The state of Ports.
#[derive(Debug, Default)]
pub struct Ports {
    pub(super) listing: Option<Listing>,
    // Line of the cursor, if there are lines, and what it is about.
    pub(super) cursor: Option<usize>,
    pub(super) follows: Option<Place>,
    pub(super) sort: Sort,
    pub(super) group: Option<GroupBy>,
    pub(super) folds: Folds,
    pub(super) filter: FilterLine,
    // Whether UNIX and netlink sockets are listed without having been asked for.
    pub(super) shows_local: bool,
    // Counts changes of sort, groups and filter; with the sample it tells what is wanted.
    pub(super) wish: u64,
    // The user has asked for other rows: the selected one must earn its place.
    pub(super) reselect: bool,
    pub(super) asked: Option<Asked>,
    pub(super) shown: Option<(u64, u64)>,
    // Who holds the port of the selected row again, which has ended.
    pub(super) successor: Option<SocketKey>,
    // Flows that the filter would let through and that no row stands for.
    pub(super) beside: usize,
    // In place of the table while it is open.
    pub(super) history: Option<History>,
}

/// A work order that is under way.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: RequestId,
    // Round of the sample, and the wish.
    pub(super) version: (u64, u64),
    pub(super) kept: Option<SocketKey>,
}

impl Ports {
    /// Back to the table, where the selected row is kept in any case.
    pub(super) fn close_history(&mut self, world: &World) -> Response {
        self.history = None;
        self.follows = world.selection.as_ref().map(|it| Place::Row(it.row.key));
        self.cursor.get_or_insert(0);
        self.wish_anew(false);
        Response::Done
    }

    /// Esc: the filter first, then the marks.
    pub(super) fn clear(&mut self, cx: &mut Cx<'_>) {
        if self.filter.clear() {
            self.wish_anew(false);
        } else {
            cx.world.marks.clear();
        }
    }

    /// The tables that are left out: those of sockets that concern no network, unless the filter
    /// names them.
    pub(super) fn hidden(&self) -> Tables {
        let named = self.filter.query.as_ref().map_or(Tables::NONE, |query| query.named_tables());
        if self.shows_local { Tables::NONE } else { Tables::LOCAL.without(named) }
    }

    /// Shows UNIX and netlink sockets, or hides them. Marks on rows that go out of sight are
    /// dropped: no action shall meet what is not shown.
    pub(super) fn toggle_local(&mut self, cx: &mut Cx<'_>) {
        self.shows_local = !self.shows_local;
        let hidden = self.hidden();
        if let (false, Some(table)) = (hidden.is_empty(), cx.world.ports.value()) {
            let is_shown = |row: &SocketRow| !hidden.contains(Table::of(&row.socket));
            cx.world.marks.retain(|key| table.find(*key).is_none_or(|row| is_shown(row)));
        }
        self.wish_anew(true);
    }

    pub(super) fn sort_by(&mut self, by: Option<Column>, reverse: bool) {
        self.sort = Sort { by, reverse };
        self.wish_anew(false);
    }

    pub(super) fn wish_anew(&mut self, reselect: bool) {
        self.wish += 1;
        self.reselect |= reselect;
    }
}
