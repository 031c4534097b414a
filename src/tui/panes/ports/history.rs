//! The history of ended sockets: the newest first, in place of the table while it is open.

mod columns;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Position;

use super::filter::FilterLine;
use crate::collect::ports::ledger;
use crate::model::socket::SocketKey;
use crate::model::table::EndedRow;
use crate::text::{clean, units};
use crate::tui::command::{Command, ExportFormat, Motion};
use crate::tui::dialog::details::Details;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::export::{Content, Export};
use crate::tui::history::{Found, Search};
use crate::tui::label;
use crate::tui::pane::{Canvas, Cx, Response};
use crate::tui::widgets::field::Field;
use crate::tui::widgets::message;
use crate::tui::widgets::scroll::Scroll;
use crate::tui::widgets::table::{self, Table};
use crate::tui::world::World;

use columns::COLUMNS;

/// The open history.
#[derive(Debug, Default)]
pub(super) struct History {
    filter: FilterLine,
    found: Option<Found>,
    // Position of the selected row in `found`, and its key, which it follows.
    cursor: usize,
    selected: Option<SocketKey>,
    // Counts changes of the filter; with the number of ends it tells which search is wanted.
    wish: u64,
    asked: Option<(RequestId, Version)>,
    shown: Option<Version>,
}

/// Sockets that ever ended, the namespaces that are shown, and the wish.
type Version = (u64, bool, u64);

/// What became of a command.
pub(super) enum Outcome {
    /// The history answers it.
    Answered(Response),
    /// The history closes.
    Closed,
}

impl History {
    /// `25 of at most 10,000 ended, 0 forgotten`, and the filter.
    pub(super) fn subject(&self) -> String {
        let Some(found) = &self.found else { return "history".to_owned() };
        let count = |n: usize| units::count(n as u64);
        let mut parts = vec![format!(
            "history: {} of at most {}, {} forgotten",
            count(found.total),
            count(ledger::HISTORY),
            units::count(found.forgotten)
        )];
        let text = self.filter.text.trim();
        if !text.is_empty() {
            parts.push(format!("/{}", clean(text)));
            parts.push(format!("{} of {}", count(found.rows.len()), count(found.total)));
        }
        if found.undecided > 0 {
            parts.push(format!("{} undecided", count(found.undecided)));
        }
        parts.join(" ─ ")
    }

    /// Where the cursor is, and of how many rows.
    pub(super) fn place(&self) -> Option<(usize, usize)> {
        let rows = self.found.as_ref()?.rows.len();
        (rows > 0).then_some((self.cursor, rows))
    }

    pub(super) fn draw(&self, world: &World, canvas: Canvas<'_>) {
        let Canvas { buf, area, scroll, theme, focused, cursor } = canvas;
        let area = self.filter.draw(buf, area, theme, cursor);
        let Some(found) = &self.found else { return };
        if found.rows.is_empty() {
            let text = match (found.total, self.filter.text.trim()) {
                (0, _) => {
                    "No socket has ended since sockpit started. H goes back to Ports.".to_owned()
                }
                (total, text) => format!(
                    "None of {total} ended sockets matches {}. Esc clears the filter.",
                    clean(text)
                ),
            };
            return message::centred(buf, area, &[(text, theme.dim)]);
        }
        let selection = if focused { theme.selection } else { theme.resting };
        let table = Table {
            columns: &COLUMNS,
            len: found.rows.len(),
            selected: Some((self.cursor, selection)),
            heading: theme.heading,
        };
        table.draw(
            buf,
            area,
            scroll,
            |column| column.title.into(),
            |_| table::Line::Row(theme.text),
            |index, column, width| {
                let is_selected = index == self.cursor;
                columns::cell(&found.rows[index], column, width, is_selected, world)
            },
        );
    }

    pub(super) fn command(
        &mut self,
        command: Command,
        scroll: &mut Scroll,
        cx: &mut Cx<'_>,
    ) -> Outcome {
        match command {
            Command::History => return Outcome::Closed,
            Command::ClearFilter if !self.filter.clear() => return Outcome::Closed,
            Command::ClearFilter => self.wish += 1,
            Command::Move(motion) => self.go(motion, scroll.page(), cx),
            Command::SavedFilters => {
                return Outcome::Answered(self.filter.open_saved(cx));
            }
            Command::Filter => self.filter.open(&cx.world.filters),
            Command::Accept => self.filter.accept(cx),
            Command::Cancel => {
                self.wish += u64::from(self.filter.cancel(&cx.world.filters.saved));
            }
            Command::Complete => {
                let table = cx.world.ports.value();
                let ended: Vec<_> =
                    table.into_iter().flat_map(|table| table.ended.iter()).collect();
                let sockets = ended.iter().map(|ended| &ended.row.socket);
                self.filter.complete(&cx.world.filters.saved, sockets);
                self.field_changed(cx);
            }
            Command::Details if self.row().is_some() => {
                return Outcome::Answered(Response::open(Details::default()));
            }
            Command::Kill | Command::CloseConnection => {
                cx.world.say("It has ended: there is nothing left to close");
            }
            _ => return Outcome::Answered(Response::Ignored),
        }
        Outcome::Answered(Response::Done)
    }

    pub(super) fn wheel(&mut self, lines: isize, cx: &mut Cx<'_>) {
        let motion = if lines < 0 { Motion::PageUp } else { Motion::PageDown };
        self.go(motion, lines.unsigned_abs(), cx);
    }

    pub(super) fn click(&mut self, at: Position, scroll: &Scroll, cx: &mut Cx<'_>) {
        if let Some(line) = scroll.line_at(at) {
            self.put_cursor(line, cx);
        }
    }

    pub(super) fn is_typing(&self) -> bool {
        self.filter.shown_field().is_some()
    }

    pub(super) fn field(&mut self) -> Option<&mut Field> {
        self.filter.field()
    }

    pub(super) fn field_changed(&mut self, cx: &mut Cx<'_>) {
        self.wish += u64::from(self.filter.read(&cx.world.filters.saved));
    }

    pub(super) fn field_key(&mut self, key: KeyEvent, cx: &mut Cx<'_>) {
        match key.code {
            KeyCode::Up => self.filter.recall(-1, &cx.world.filters),
            KeyCode::Down => self.filter.recall(1, &cx.world.filters),
            _ => return,
        }
        self.field_changed(cx);
    }

    pub(super) fn answer(&mut self, id: RequestId, answer: &mut Option<Answer>, cx: &mut Cx<'_>) {
        let Some((_, version)) = self.asked.take_if(|(asked, _)| *asked == id) else { return };
        let Some(Answer::History(found)) = answer.take() else { return };
        // A newer filter is wanted by now: this one would only flash by.
        if version.2 != self.wish {
            return;
        }
        let is_it = |row: &Arc<EndedRow>| Some(row.row.key) == self.selected;
        let position = found.rows.iter().position(is_it).unwrap_or(self.cursor);
        self.cursor = position.min(found.rows.len().saturating_sub(1));
        self.found = Some(found);
        self.shown = Some(version);
        self.put_cursor(self.cursor, cx);
    }

    /// Asks for a search when more has ended, or another filter holds.
    pub(super) fn advance(&mut self, cx: &mut Cx<'_>) {
        if let Some(text) = cx.world.filters.chosen.take() {
            self.wish += u64::from(self.filter.choose(text, &cx.world.filters.saved));
        }
        let Some(table) = cx.world.ports.value() else { return };
        let ended = table.forgotten + table.ended.len() as u64;
        let version = (ended, table.all_netns, self.wish);
        if self.asked.is_some() || self.shown == Some(version) {
            return;
        }
        let id = cx.requests.next_id();
        self.asked = Some((id, version));
        let search = Search { table: Arc::clone(table), filter: self.filter.query.clone() };
        cx.effects.push(Effect::SearchHistory(id, Box::new(search)));
    }

    pub(super) fn export(&self, world: &World, format: ExportFormat) -> Option<Export> {
        let (found, table) = (self.found.as_ref()?, world.ports.value()?);
        let content = Content::History {
            rows: found.rows.clone(),
            columns: super::columns::for_csv(world),
            taken_at: world.ports.sample.taken_at,
            host: Arc::clone(&table.host),
            forgotten: found.forgotten,
            health: world.ports.sample.health.clone(),
        };
        Some(Export { content, format, at: world.now.wall })
    }

    pub(super) fn copy(&self) -> Option<String> {
        self.row().map(|ended| label::line(&ended.row.socket))
    }

    fn row(&self) -> Option<&Arc<EndedRow>> {
        self.found.as_ref()?.rows.get(self.cursor)
    }

    fn go(&mut self, motion: Motion, page: usize, cx: &mut Cx<'_>) {
        let len = self.found.as_ref().map_or(0, |found| found.rows.len());
        if let Some(to) = motion.apply(self.cursor, len, page) {
            self.put_cursor(to, cx);
        }
    }

    /// The one selection goes along.
    fn put_cursor(&mut self, to: usize, cx: &mut Cx<'_>) {
        let Some(ended) = self.found.as_ref().and_then(|found| found.rows.get(to)) else { return };
        cx.world.select(Arc::clone(&ended.row), Some(ended.ended_at));
        self.selected = Some(ended.row.key);
        self.cursor = to;
    }
}
