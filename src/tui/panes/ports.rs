//! Ports: who holds which port. The pane that moves the one selection.

mod aim;
mod close;
mod columns;
mod complete;
mod details;
mod filter;
mod history;
mod kill;
mod why;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::{Position, Rect};

use crate::model::socket::SocketKey;
use crate::tui::arrange::{Arrange, Arranged, Kept, RowView, Sort, SortBy};
use crate::tui::command::{Command, ExportFormat, Motion};
use crate::tui::dialog::Dialog;
use crate::tui::dialog::filters::FilterList;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::export::{Content, Export};
use crate::tui::label;
use crate::tui::pane::{Canvas, Cx, Pane, PaneId, Response};
use crate::tui::widgets::field::Field;
use crate::tui::widgets::message;
use crate::tui::widgets::scroll::Scroll;
use crate::tui::widgets::table::{self, Table};
use crate::tui::world::World;

use columns::{Col, RowContext, columns};
use filter::FilterLine;
use history::{History, Outcome};

pub use details::lines as details;

/// The state of Ports.
#[derive(Debug, Default)]
pub struct Ports {
    arranged: Option<Arranged>,
    // Position of the selected row in `arranged`, if it is listed.
    cursor: Option<usize>,
    sort: Sort,
    filter: FilterLine,
    // Counts changes of sort and filter; with the sample it tells which order is wanted.
    wish: u64,
    // The user has asked for other rows: the selected one must earn its place.
    reselect: bool,
    asked: Option<Asked>,
    shown: Option<(u64, u64)>,
    // In place of the table while it is open.
    history: Option<History>,
}

/// A work order that is under way.
#[derive(Debug)]
struct Asked {
    id: RequestId,
    // Round of the sample, and the wish.
    version: (u64, u64),
    kept: Option<SocketKey>,
}

impl Pane for Ports {
    fn id(&self) -> PaneId {
        PaneId::Ports
    }

    fn subject(&self, world: &World) -> String {
        if let Some(history) = &self.history {
            return history.subject();
        }
        let mut parts = Vec::new();
        if world.all_netns {
            parts.push("all network namespaces".to_owned());
        }
        if !world.marks.is_empty() {
            parts.push(format!("{} marked", world.marks.len()));
        }
        if let Some(arranged) = &self.arranged {
            if !self.filter.text.trim().is_empty() {
                parts.push(format!("/{}", crate::text::clean(self.filter.text.trim())));
                parts.push(format!("{} of {}", arranged.matched, arranged.total()));
            }
            if arranged.undecided > 0 {
                parts.push(format!("{} undecided", arranged.undecided));
            }
        }
        if world.ports.sample.stale {
            parts.push("stale".to_owned());
        }
        parts.join(" ─ ")
    }

    fn draw(&self, world: &World, canvas: Canvas<'_>) {
        if let Some(history) = &self.history {
            return history.draw(world, canvas);
        }
        let Canvas { buf, area, scroll, theme, focused, cursor } = canvas;
        let area = self.filter.draw(buf, area, theme, cursor);
        let sample = &world.ports.sample;
        let Some(arranged) = &self.arranged else {
            return message::no_value(buf, area, theme, sample, "Reading this machine's sockets …");
        };
        let area = message::troubles(buf, area, theme, sample);
        if arranged.is_empty() {
            let text = self.empty_text(arranged);
            return message::centred(buf, area, &[(text, theme.dim)]);
        }
        let context = |index: usize| RowContext {
            now: world.now.wall,
            names: world.names,
            selected: self.cursor == Some(index),
            marked: arranged.row(index).is_some_and(|view| world.marks.contains(&view.row.key)),
            theme,
        };
        let view = |index| arranged.row(index).expect("the table asks only for rows that exist");
        let placed = table::fit(columns(shows_namespaces(world)), area.width);
        let selection = if focused { theme.selection } else { theme.resting };
        let table = Table {
            columns: &placed,
            len: arranged.len(),
            selected: self.cursor.map(|cursor| (cursor, selection)),
            heading: theme.heading,
        };
        table.draw(
            buf,
            area,
            scroll,
            |column| self.title(column.id, column.title),
            |index| columns::row_style(view(index), &context(index)),
            |index, col, width| columns::cell(view(index), col, width, &context(index)),
        );
    }

    fn command(&mut self, command: Command, scroll: &mut Scroll, cx: &mut Cx<'_>) -> Response {
        if let Some(history) = &mut self.history {
            return match history.command(command, scroll, cx) {
                Outcome::Answered(response) => response,
                Outcome::Closed => self.close_history(),
            };
        }
        match command {
            Command::SavedFilters => return saved_filters(&self.filter, cx),
            Command::History => self.history = Some(History::default()),
            Command::Move(motion) => self.go(motion, scroll.page(), cx),
            Command::Filter => self.filter.open(&cx.world.filters),
            Command::ClearFilter => self.clear(cx),
            Command::SortNext => self.sort_by(self.sort.by.next(), false),
            Command::SortReverse => self.sort_by(self.sort.by, !self.sort.reverse),
            Command::AllNamespaces => all_namespaces(cx),
            Command::Mark => self.mark(scroll.page(), cx),
            Command::Accept => self.filter.accept(cx),
            Command::Cancel if self.filter.cancel(&cx.world.filters.saved) => self.wish_anew(true),
            Command::Complete => {
                self.filter.complete(&cx.world.filters.saved);
                self.field_changed(cx);
            }
            Command::Details if self.selected().is_some() => {
                return Response::Open(Box::new(Dialog::Details));
            }
            Command::Kill => return kill::open(self.selected(), cx),
            Command::CloseConnection => return close::open(self.selected(), cx),
            Command::Why => return why::open(self.selected(), cx),
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
        let placed = table::fit(columns(shows_namespaces(cx.world)), body.width);
        if let Some(Col::By(by)) = table::column_at(&placed, header, at) {
            let again = self.sort.by == by;
            self.sort_by(by, again && !self.sort.reverse);
        } else if let Some(line) = scroll.line_at(at) {
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
        let Some(table) = cx.world.ports.value() else { return };
        let version = (cx.world.ports.sample.seq, self.wish);
        if self.asked.is_some() || self.shown == Some(version) {
            return;
        }
        // A row that the filter has once left out does not come back by being selected.
        let is_listed = self.cursor.is_some() && !self.reselect;
        let selection = cx.world.selection.as_ref().filter(|_| is_listed);
        let keep = selection.map(|selection| Kept {
            row: Arc::clone(&selection.row),
            ended_at: selection.ended_at,
        });
        let id = cx.requests.next_id();
        self.asked = Some(Asked { id, version, kept: keep.as_ref().map(|kept| kept.row.key) });
        let work = Arrange {
            table: Arc::clone(table),
            filter: self.filter.query.clone(),
            sort: self.sort,
            keep,
            now: cx.now.wall,
        };
        cx.effects.push(Effect::Arrange(id, Box::new(work)));
    }

    fn export(&self, world: &World, format: ExportFormat) -> Option<Export> {
        if let Some(history) = &self.history {
            return history.export(world, format);
        }
        let (arranged, table) = (self.arranged.as_ref()?, world.ports.value()?);
        let live = arranged.rows().filter(|view| view.ended_at.is_none());
        let content = Content::Ports {
            rows: live.map(|view| Arc::clone(view.row)).collect(),
            taken_at: world.ports.sample.taken_at,
            host: Arc::clone(&table.host),
            privileged: table.privileged,
            health: world.ports.sample.health.clone(),
        };
        Some(Export { content, format, at: world.now.wall })
    }

    fn copy(&self, _: &World) -> Option<String> {
        match &self.history {
            Some(history) => history.copy(),
            None => self.selected().map(|view| label::line(&view.row.socket)),
        }
    }
}

/// The list of filters with a name; the one that holds can be saved.
fn saved_filters(filter: &FilterLine, cx: &Cx<'_>) -> Response {
    let list = FilterList::new(&cx.world.filters.saved, &filter.text);
    Response::Open(Box::new(Dialog::Filters(list)))
}

/// Rows of other namespaces may still be there when they are wanted no more.
fn shows_namespaces(world: &World) -> bool {
    world.ports.value().is_some_and(|table| table.all_netns)
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
    /// The row under the cursor.
    fn selected(&self) -> Option<RowView<'_>> {
        self.arranged.as_ref()?.row(self.cursor?)
    }

    /// Back to the table, where the selected row is kept in any case.
    fn close_history(&mut self) -> Response {
        self.history = None;
        self.cursor.get_or_insert(0);
        self.wish_anew(false);
        Response::Done
    }

    fn go(&mut self, motion: Motion, page: usize, cx: &mut Cx<'_>) {
        let len = self.arranged.as_ref().map_or(0, Arranged::len);
        if let Some(to) = motion.apply(self.cursor.unwrap_or(0), len, page) {
            self.put_cursor(to, cx);
        }
    }

    fn put_cursor(&mut self, to: usize, cx: &mut Cx<'_>) {
        let Some(view) = self.arranged.as_ref().and_then(|arranged| arranged.row(to)) else {
            return;
        };
        cx.world.select(Arc::clone(view.row), view.ended_at);
        self.cursor = Some(to);
    }

    fn mark(&mut self, page: usize, cx: &mut Cx<'_>) {
        let Some(key) = self.selected().map(|view| view.row.key) else { return };
        if !cx.world.marks.remove(&key) {
            cx.world.marks.insert(key);
        }
        self.go(Motion::Down, page, cx);
    }

    /// Esc: the filter first, then the marks.
    fn clear(&mut self, cx: &mut Cx<'_>) {
        if self.filter.clear() {
            self.wish_anew(false);
        } else {
            cx.world.marks.clear();
        }
    }

    fn sort_by(&mut self, by: SortBy, reverse: bool) {
        self.sort = Sort { by, reverse };
        self.wish_anew(false);
    }

    fn wish_anew(&mut self, reselect: bool) {
        self.wish += 1;
        self.reselect |= reselect;
    }

    /// Takes a finished order. The cursor follows the selected row; where that is not listed,
    /// it stays where it was on screen, or goes to the top of a new filter's rows.
    fn show(&mut self, arranged: Arranged, asked: &Asked, cx: &mut Cx<'_>) {
        let selected = cx.world.selected_key();
        let position = match selected {
            Some(key) if Some(key) == asked.kept => arranged.kept,
            Some(key) => arranged.position(key),
            None => None,
        };
        let fallback = if self.reselect { 0 } else { self.cursor.unwrap_or(0) };
        let last = arranged.len().checked_sub(1);
        let position = position.or(last.map(|last| fallback.min(last)));
        cx.world.listeners = Some(arranged.listeners);
        self.shown = Some(asked.version);
        self.arranged = Some(arranged);
        self.cursor = None;
        self.reselect = false;
        if let Some(position) = position {
            self.put_cursor(position, cx);
        }
    }

    fn title(&self, col: Col, title: &'static str) -> std::borrow::Cow<'static, str> {
        if col != Col::By(self.sort.by) || self.sort == Sort::default() {
            return title.into();
        }
        format!("{title}{}", if self.sort.reverse { '▼' } else { '▲' }).into()
    }

    fn empty_text(&self, arranged: &Arranged) -> String {
        match (arranged.total(), self.filter.text.trim()) {
            (0, _) => "No sockets here.".to_owned(),
            (total, "") => format!("None of {total} sockets can be shown."),
            (total, text) => {
                format!("None of {total} sockets matches {}", crate::text::clean(text))
            }
        }
    }
}
