//! The filter of Ports: what holds, and what is being typed.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::model::socket::Socket;
use crate::query::{Query, QueryError, Saved, complete_with};
use crate::text::clean;
use crate::tui::complete::Offers;
use crate::tui::dialog::filters::FilterList;
use crate::tui::filters::Filters;
use crate::tui::pane::{Cx, Response};
use crate::tui::theme::Theme;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::paint;

/// The filter line.
#[derive(Debug, Default)]
pub(super) struct FilterLine {
    /// The filter that holds; `None` lets everything through.
    pub(super) query: Option<Arc<Query>>,
    /// As it was typed.
    pub(super) text: String,
    /// What is wrong with what is being typed; the last good filter holds meanwhile.
    pub(super) error: Option<QueryError>,
    editing: Option<Editing>,
}

#[derive(Debug)]
struct Editing {
    field: Field,
    // What held before, for Esc.
    before: String,
    // Position in the history; its length stands for what is being typed.
    at: usize,
    // What Tab goes through.
    offers: Option<Offers>,
}

impl FilterLine {
    /// The field, while it is open.
    pub(super) fn field(&mut self) -> Option<&mut Field> {
        self.editing.as_mut().map(|editing| &mut editing.field)
    }

    /// The list of saved filters; the one that holds can be saved there.
    pub(super) fn open_saved(&self, cx: &Cx<'_>) -> Response {
        Response::open(FilterList::new(&cx.world.filters.saved, &self.text))
    }

    /// The field, for drawing.
    pub(super) fn shown_field(&self) -> Option<&Field> {
        self.editing.as_ref().map(|editing| &editing.field)
    }

    /// Opens the field on the filter that holds.
    pub(super) fn open(&mut self, filters: &Filters) {
        self.editing = Some(Editing {
            field: Field::new(&self.text),
            before: self.text.clone(),
            at: filters.len(),
            offers: None,
        });
    }

    /// Reads the field anew. `true` when another filter holds now.
    pub(super) fn read(&mut self, saved: &Saved) -> bool {
        let Some(editing) = &mut self.editing else { return false };
        let Editing { field, offers, .. } = editing;
        offers.take_if(|offers| !offers.is_in(field));
        let text = field.text().to_owned();
        self.set(text, saved)
    }

    /// Keeps what was typed and closes the field; stays open on an error.
    pub(super) fn accept(&mut self, cx: &mut Cx<'_>) {
        if self.error.is_none() && self.editing.take().is_some() {
            cx.remember_filter(&self.text);
        }
    }

    /// Closes the field and goes back to what held before. `true` when that is another filter.
    pub(super) fn cancel(&mut self, saved: &Saved) -> bool {
        let Some(editing) = self.editing.take() else { return false };
        self.set(editing.before, saved)
    }

    /// Drops the filter. `true` when there was one.
    pub(super) fn clear(&mut self) -> bool {
        self.choose(String::new(), &Saved::default())
    }

    /// Takes another filter, whatever is being typed. `true` when it differs.
    pub(super) fn choose(&mut self, text: String, saved: &Saved) -> bool {
        self.editing = None;
        self.set(text, saved)
    }

    /// Completes the word at the cursor from what is known and what these rows have; once more
    /// takes the next way to go on.
    pub(super) fn complete<'a>(
        &mut self,
        saved: &Saved,
        rows: impl IntoIterator<Item = &'a Socket>,
    ) {
        let Some(Editing { field, offers, .. }) = &mut self.editing else { return };
        match offers {
            Some(offers) if offers.goes_on(field) => offers.advance(),
            _ => {
                let complete = |text: &str, at| complete_with(text, at, saved, rows);
                *offers = Offers::find(field, complete);
            }
        }
        if let Some(offers) = offers {
            let (text, cursor) = offers.applied();
            field.set_at(&text, cursor);
        }
    }

    /// Puts an earlier (-1) or later (1) filter of the history into the field.
    pub(super) fn recall(&mut self, step: isize, filters: &Filters) {
        let Some(editing) = &mut self.editing else { return };
        editing.at = editing.at.saturating_add_signed(step).min(filters.len());
        editing.field.set(filters.at(editing.at).unwrap_or_default());
    }

    /// The line of the open filter, with what is wrong below it. Returns the rest of the area.
    pub(super) fn draw(
        &self,
        buf: &mut Buffer,
        area: Rect,
        theme: &Theme,
        cursor: &mut Option<Position>,
    ) -> Rect {
        let Some(field) = self.shown_field() else { return area };
        let line = paint::line(area, 0);
        let used = paint::left(buf, line, " /", theme.accent);
        let room = Rect { x: line.x + used, width: line.width.saturating_sub(used), ..line };
        *cursor = field.draw(buf, room, theme.text);
        let mut lines = 1;
        let offers = self.editing.as_ref().and_then(|editing| editing.offers.as_ref());
        if let Some(offers) = offers {
            paint::spans(buf, paint::line(area, lines), offers.line(theme));
            lines += 1;
        }
        if let Some(error) = &self.error {
            let text = format!(" ! column {}: {}", error.column, clean(&error.message));
            for piece in paint::wrap(&text, area.width) {
                paint::left(buf, paint::line(area, lines), &piece, theme.danger);
                lines += 1;
            }
        }
        let lines = u16::try_from(lines).unwrap_or(u16::MAX).min(area.height);
        Rect { y: area.y + lines, height: area.height - lines, ..area }
    }

    fn set(&mut self, text: String, saved: &Saved) -> bool {
        match Query::parse_with(&text, saved) {
            Ok(query) => {
                let query = (!query.is_empty()).then(|| Arc::new(query));
                let changed = query != self.query;
                (self.query, self.text, self.error) = (query, text, None);
                changed
            }
            Err(error) => {
                self.error = Some(error);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fixture::Bench;

    fn typed(line: &mut FilterLine, text: &str) -> bool {
        line.open(&Filters::default());
        line.field().unwrap().set(text);
        line.read(&Saved::default())
    }

    #[test]
    fn a_bad_filter_leaves_the_last_good_one_in_force_and_stays_open() {
        let mut bench = Bench::default();
        let mut line = FilterLine::default();
        assert!(typed(&mut line, "port:80"));
        line.accept(&mut bench.cx());
        assert!(!typed(&mut line, "prot:80"));
        assert!(line.error.is_some());
        line.accept(&mut bench.cx());
        assert!(line.shown_field().is_some());
        assert_eq!(line.text, "port:80");
        line.cancel(&Saved::default());
        assert_eq!((line.error.is_none(), line.text.as_str()), (true, "port:80"));
    }

    #[test]
    fn esc_goes_back_to_what_held_before() {
        let mut line = FilterLine::default();
        typed(&mut line, "port:80");
        line.accept(&mut Bench::default().cx());
        assert!(typed(&mut line, "port:8080"));
        assert!(line.cancel(&Saved::default()));
        assert_eq!(line.text, "port:80");
        assert!(line.clear());
        assert!(!line.clear());
    }

    #[test]
    fn the_arrows_walk_through_the_history() {
        let mut bench = Bench::default();
        let mut line = FilterLine::default();
        for text in ["port:1", "port:2"] {
            typed(&mut line, text);
            line.accept(&mut bench.cx());
        }
        let filters = &bench.world.filters;
        line.open(filters);
        line.recall(-1, filters);
        assert_eq!(line.shown_field().unwrap().text(), "port:2");
        line.recall(-1, filters);
        line.recall(-1, filters);
        assert_eq!(line.shown_field().unwrap().text(), "port:1");
        line.recall(5, filters);
        assert_eq!(line.shown_field().unwrap().text(), "");
        assert_eq!(bench.effects.len(), 2, "each new one is kept");
    }

    #[test]
    fn tab_goes_through_what_the_rows_have_and_typing_ends_that() {
        let rows = crate::tui::fixture::rows();
        let sockets = || rows.iter().map(|row| &row.socket);
        let saved = Saved::default();
        let mut line = FilterLine::default();
        line.open(&Filters::default());
        line.field().unwrap().set("name:n port:80");
        line.field().unwrap().set_at("name:n port:80", 6);
        line.complete(&saved, sockets());
        assert_eq!(line.shown_field().unwrap().text(), "name:nginx port:80");
        assert!(line.read(&saved));
        line.field().unwrap().set("state:");
        line.complete(&saved, sockets());
        let first = line.shown_field().unwrap().text().to_owned();
        line.complete(&saved, sockets());
        assert_ne!(line.shown_field().unwrap().text(), first);
        line.field().unwrap().set("state:li");
        line.read(&saved);
        line.complete(&saved, sockets());
        assert_eq!(line.shown_field().unwrap().text(), "state:listen");
    }

    #[test]
    fn a_saved_filter_holds_by_its_name() {
        let saved = Saved::new([("web", "port:80")]).unwrap();
        let mut line = FilterLine::default();
        line.open(&Filters::default());
        line.field().unwrap().set("name:x @w");
        line.complete(&saved, []);
        assert_eq!(line.shown_field().unwrap().text(), "name:x @web");
        assert!(line.read(&saved));
        assert_eq!(line.query.as_ref().unwrap().to_string(), "name:x port:80");
    }
}
