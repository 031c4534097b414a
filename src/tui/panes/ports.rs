//! Ports: who holds which port. The pane that moves the one selection.

mod aim;
mod beside;
mod close;
mod columns;
mod cursor;
mod draw;
mod filter;
mod header;
mod history;
mod kill;
mod state;
mod successor;
mod trace;
mod why;

use std::net::IpAddr;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::{Position, Rect};

use crate::inspect::names::askable;
use crate::text::column::Column;
use crate::tui::arrange::{Arrange, Arranged, GroupBy, Kept, Line, Listing, Place};
use crate::tui::command::{Command, ExportFormat, Motion};
use crate::tui::dialog::columns::ColumnsDialog;
use crate::tui::dialog::details::Details;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::export::{Content, Export};
use crate::tui::label;
use crate::tui::pane::{Canvas, Cx, Pane, PaneId, Response};
use crate::tui::remembered::View;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::scroll::Scroll;
use crate::tui::widgets::table;
use crate::tui::world::World;

use columns::Col;
use history::{History, Outcome};
use state::Asked;

pub use state::Ports;

impl Pane for Ports {
    fn id(&self) -> PaneId {
        PaneId::Ports
    }

    fn recall(&mut self, view: &View) {
        (self.sort, self.group, self.shows_local) = (view.sort, view.group, view.local);
    }

    fn remember(&self, view: &mut View) {
        (view.sort, view.group, view.local) = (self.sort, self.group, self.shows_local);
    }

    fn subject(&self, world: &World, width: u16) -> String {
        match &self.history {
            Some(history) => history.subject(),
            None => draw::subject(self, world, width),
        }
    }

    fn place(&self) -> Option<(usize, usize)> {
        match &self.history {
            Some(history) => history.place(),
            None => Some((self.cursor?, self.listing.as_ref()?.len())),
        }
    }

    fn draw(&self, world: &World, canvas: Canvas<'_>) {
        match &self.history {
            Some(history) => history.draw(world, canvas),
            None => draw::draw(self, world, canvas),
        }
    }

    fn command(&mut self, command: Command, scroll: &mut Scroll, cx: &mut Cx<'_>) -> Response {
        if let Some(history) = &mut self.history {
            return match history.command(command, scroll, cx) {
                Outcome::Answered(response) => response,
                Outcome::Closed => self.close_history(cx.world),
            };
        }
        match command {
            Command::SavedFilters => return self.filter.open_saved(cx),
            Command::History => self.history = Some(History::default()),
            Command::Move(motion) => self.go(motion, scroll.page(), cx),
            Command::Filter => self.filter.open(&cx.world.filters),
            Command::ClearFilter => self.clear(cx),
            Command::SortNext => self.sort_by(self.next_column(cx.world, scroll), false),
            Command::SortReverse => self.sort_by(self.sort.by, !self.sort.reverse),
            Command::AllNamespaces => all_namespaces(cx),
            Command::LocalSockets => self.toggle_local(cx),
            Command::GroupNext => self.group_by(GroupBy::next(self.group), cx),
            Command::Fold => self.fold(cx),
            Command::Unfold => self.unfold(cx),
            Command::FoldAll => self.fold_all(true, cx),
            Command::UnfoldAll => self.fold_all(false, cx),
            Command::Mark => self.mark(cx),
            Command::Ring => self.ring(cx.world),
            Command::Accept => self.filter.accept(cx),
            Command::Cancel if self.filter.cancel(&cx.world.filters.saved) => self.wish_anew(true),
            Command::Complete => {
                let table = cx.world.ports.value();
                let rows = table.into_iter().flat_map(|table| &table.rows);
                let sockets = rows.map(|row| &row.socket);
                self.filter.complete(&cx.world.filters.saved, sockets);
                self.field_changed(cx);
            }
            Command::Columns => {
                let usual = columns::usual();
                let shown = cx.world.columns.as_ref().unwrap_or(&usual);
                return Response::open(ColumnsDialog::new(shown, usual.clone()));
            }
            Command::Details => match self.line() {
                Some(Line::Row(_)) if self.successor.is_some() => self.follow_successor(cx),
                Some(Line::Row(_)) => return Response::open(Details::default()),
                Some(Line::Header(_)) => self.toggle(cx),
                None => return Response::Ignored,
            },
            Command::Kill => return kill::open(self.aim(), cx),
            Command::CloseConnection => return close::open(self.aim(), cx),
            Command::Why => return why::open(&self.aim(), cx),
            Command::Trace => return trace::open(&self.aim(), cx),
            _ => return Response::Ignored,
        }
        Response::Done
    }

    fn wheel(&mut self, lines: isize, _: &mut Scroll, cx: &mut Cx<'_>) {
        if let Some(history) = &mut self.history {
            return history.wheel(lines, cx);
        }
        let motion = if lines < 0 { Motion::PageUp } else { Motion::PageDown };
        self.go(motion, lines.unsigned_abs(), cx);
    }

    fn click(&mut self, at: Position, scroll: &mut Scroll, cx: &mut Cx<'_>) {
        if let Some(history) = &mut self.history {
            return history.click(at, scroll, cx);
        }
        let body = scroll.body;
        let header = Rect { y: body.y.saturating_sub(1), height: 1, ..body };
        let placed = draw::placed(self, cx.world, scroll);
        if let Some(Col::Of(by)) = table::column_at(&placed, header, at) {
            let again = self.sort.by == Some(by);
            self.sort_by(Some(by), again && !self.sort.reverse);
        } else if at.y == body.y
            && body.contains(at)
            && let Some(header) = draw::sticky(self, scroll.offset)
        {
            self.put_cursor(header, cx);
        } else if let Some(line) = scroll.line_at(at) {
            self.put_cursor(line, cx);
            if matches!(self.line(), Some(Line::Header(_))) {
                self.toggle(cx);
            }
        }
    }

    fn point(&mut self, at: Position, scroll: &mut Scroll, cx: &mut Cx<'_>) {
        if let Some(line) = scroll.line_at(at).filter(|_| self.history.is_none()) {
            self.put_cursor(line, cx);
        }
    }

    fn is_typing(&self) -> bool {
        match &self.history {
            Some(history) => history.is_typing(),
            None => self.filter.shown_field().is_some(),
        }
    }

    fn field(&mut self) -> Option<&mut Field> {
        match &mut self.history {
            Some(history) => history.field(),
            None => self.filter.field(),
        }
    }

    fn field_changed(&mut self, cx: &mut Cx<'_>) {
        if let Some(history) = &mut self.history {
            return history.field_changed(cx);
        }
        if self.filter.read(&cx.world.filters.saved) {
            self.wish_anew(true);
        }
    }

    fn field_key(&mut self, key: KeyEvent, cx: &mut Cx<'_>) {
        if let Some(history) = &mut self.history {
            return history.field_key(key, cx);
        }
        match key.code {
            KeyCode::Up => self.filter.recall(-1, &cx.world.filters),
            KeyCode::Down => self.filter.recall(1, &cx.world.filters),
            _ => return,
        }
        self.field_changed(cx);
    }

    fn answer(&mut self, id: RequestId, answer: &mut Option<Answer>, cx: &mut Cx<'_>) {
        let asked = self.asked.take_if(|asked| asked.id == id);
        if let Some(history) = &mut self.history {
            return history.answer(id, answer, cx);
        }
        let Some(asked) = asked else { return };
        let Some(Answer::Arranged(arranged)) = answer.take() else { return };
        let arranged = *arranged;
        // A newer filter or order is wanted by now: this one would only flash by.
        if asked.version.1 == self.wish {
            self.show(arranged, &asked, cx);
        }
    }

    fn advance(&mut self, cx: &mut Cx<'_>) {
        if let Some(history) = &mut self.history {
            return history.advance(cx);
        }
        if let Some(text) = cx.world.filters.chosen.take()
            && self.filter.choose(text, &cx.world.filters.saved)
        {
            self.wish_anew(true);
        }
        // Nothing moves under a dialog; what is selected is followed all the same.
        if cx.world.is_covered && self.shown.is_some_and(|(_, wish)| wish == self.wish) {
            return keep_up(cx.world);
        }
        let Some(table) = cx.world.ports.value() else { return };
        let version = (cx.world.ports.sample.seq, self.wish);
        if self.asked.is_some() || self.shown == Some(version) {
            return;
        }
        // A row that the filter has once left out does not come back by being selected.
        let is_listed = self.cursor.is_some() && !self.reselect;
        // What is out of sight has not ended, but is not shown either.
        let is_in_sight = table.all_netns || cx.world.selected_elsewhere().is_none();
        let selection = cx.world.selection.as_ref().filter(|_| is_listed && is_in_sight);
        let keep = selection.map(|selection| Kept {
            row: Arc::clone(&selection.row),
            ended_at: selection.ended_at,
        });
        let id = cx.requests.next_id();
        self.asked = Some(Asked { id, version, kept: keep.as_ref().map(|kept| kept.row.key) });
        let work = Arrange {
            table: Arc::clone(table),
            filter: self.filter.query.clone(),
            hidden: self.hidden(),
            sort: self.sort,
            group: self.group,
            processes: None,
            keep,
            before: self.listing.as_ref().map(|listing| Arc::clone(listing.arranged())),
            now: cx.now.wall,
            own: cx.world.own_pid,
        };
        cx.effects.push(Effect::Arrange(id, Box::new(work)));
    }

    fn addresses(&self, scroll: &Scroll) -> Vec<IpAddr> {
        let Some(listing) = &self.listing else { return Vec::new() };
        let shown = scroll.offset..scroll.offset + scroll.page();
        let sockets = shown.filter_map(|line| match listing.line(line)? {
            Line::Row(view) => Some(&view.row.socket),
            Line::Header(_) => None,
        });
        let ends = sockets.flat_map(|socket| socket.remote.iter().chain([&socket.local]));
        ends.filter_map(askable).collect()
    }

    fn export(&self, world: &World, format: ExportFormat) -> Option<Export> {
        if let Some(history) = &self.history {
            return history.export(world, format);
        }
        let (listing, table) = (self.listing.as_ref()?, world.ports.value()?);
        let live = listing.arranged().rows().filter(|view| view.ended_at.is_none());
        let content = Content::Ports {
            rows: live.map(|view| Arc::clone(view.row)).collect(),
            columns: columns::for_csv(world),
            taken_at: world.ports.sample.taken_at,
            host: Arc::clone(&table.host),
            privileged: table.privileged,
            unverified: table.unverified.clone(),
            health: world.ports.sample.health.clone(),
        };
        Some(Export { content, format, at: world.now.wall })
    }

    fn copy(&self, _: &World) -> Option<String> {
        if let Some(history) = &self.history {
            return history.copy();
        }
        Some(match self.line()? {
            Line::Row(view) => label::line(&view.row.socket),
            Line::Header(group) => {
                let counts = Listing::counts_of(group, &self.folds);
                format!("{}: {}", header::title(group), header::counts(counts))
            }
        })
    }
}

/// Takes the newest of the selected row without listing anything anew.
fn keep_up(world: &mut World) {
    let Some((table, key)) = world.ports.value().cloned().zip(world.selected_key()) else { return };
    if let Some(row) = table.find(key) {
        world.select(Arc::clone(row), None);
    } else if let Some(ended) = table.find_ended(key) {
        world.select(Arc::clone(&ended.row), Some(ended.ended_at));
    }
}

/// Wants every namespace, or sockpit's own. Marks on rows that go out of sight are dropped: no
/// action shall meet what is not shown.
fn all_namespaces(cx: &mut Cx<'_>) {
    let World { all_netns, marks, ports, .. } = &mut *cx.world;
    *all_netns = !*all_netns;
    if let (false, Some(table)) = (*all_netns, ports.value()) {
        marks.retain(|key| !table.is_elsewhere(key.netns));
    }
    cx.effects.push(Effect::AllNamespaces(*all_netns));
}

impl Ports {
    /// The column after the one that is sorted by, of those that are on screen; after the last
    /// comes the usual order.
    fn next_column(&self, world: &World, scroll: &Scroll) -> Option<Column> {
        let shown: Vec<Column> = draw::placed(self, world, scroll)
            .iter()
            .filter_map(|placed| match placed.id {
                Col::Of(column) => Some(column),
                Col::Sign => None,
            })
            .collect();
        let at = shown.iter().position(|column| Some(*column) == self.sort.by);
        shown.get(at.map_or(0, |at| at + 1)).copied()
    }

    /// Takes a finished order. The cursor follows what it is about; where that is not listed,
    /// it stays where it was on screen, or goes to the top of a new filter's rows.
    fn show(&mut self, arranged: Arranged, asked: &Asked, cx: &mut Cx<'_>) {
        cx.world.shown = Some(arranged.shown);
        self.shown = Some(asked.version);
        let listing = Listing::new(Arc::new(arranged), &mut self.folds);
        let line = match self.follows {
            Some(Place::Row(key)) if Some(key) == asked.kept => {
                listing.arranged().kept.and_then(|place| listing.line_of_row(place))
            }
            Some(place) => listing.line_of(place),
            None => None,
        };
        let fallback = if self.reselect { 0 } else { self.cursor.unwrap_or(0) };
        let last = listing.len().checked_sub(1);
        let line = line.or(last.map(|last| fallback.min(last)));
        self.listing = Some(listing);
        self.cursor = None;
        self.reselect = false;
        match line {
            Some(line) => self.put_cursor(line, cx),
            // The other panes shall not go on about what is not there.
            None => cx.world.selection = None,
        }
        self.look_for_successor(cx.world);
        self.beside = beside::count(self.filter.query.as_deref(), cx.world);
    }
}
