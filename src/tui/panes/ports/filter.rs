//! The filter of Ports: what holds, and what is being typed.

use std::collections::VecDeque;
use std::sync::Arc;

use super::complete::complete;
use crate::query::{Query, QueryError};
use crate::tui::widgets::field::Field;

/// Filters remembered for the arrow keys.
const HISTORY: usize = 50;

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
    history: VecDeque<String>,
}

#[derive(Debug)]
struct Editing {
    field: Field,
    // What held before, for Esc.
    before: String,
    // Position in the history; its length stands for what is being typed.
    at: usize,
}

impl FilterLine {
    /// The field, while it is open.
    pub(super) fn field(&mut self) -> Option<&mut Field> {
        self.editing.as_mut().map(|editing| &mut editing.field)
    }

    /// The field, for drawing.
    pub(super) fn shown_field(&self) -> Option<&Field> {
        self.editing.as_ref().map(|editing| &editing.field)
    }

    /// Opens the field on the filter that holds.
    pub(super) fn open(&mut self) {
        self.editing = Some(Editing {
            field: Field::new(&self.text),
            before: self.text.clone(),
            at: self.history.len(),
        });
    }

    /// Reads the field anew. `true` when another filter holds now.
    pub(super) fn read(&mut self) -> bool {
        let Some(editing) = &self.editing else { return false };
        let text = editing.field.text().to_owned();
        self.set(text)
    }

    /// Keeps what was typed and closes the field; stays open on an error.
    pub(super) fn accept(&mut self) -> bool {
        if self.error.is_some() {
            return false;
        }
        if self.editing.take().is_some() && !self.text.trim().is_empty() {
            self.history.retain(|old| *old != self.text);
            self.history.push_back(self.text.clone());
            if self.history.len() > HISTORY {
                self.history.pop_front();
            }
        }
        true
    }

    /// Closes the field and goes back to what held before. `true` when that is another filter.
    pub(super) fn cancel(&mut self) -> bool {
        let Some(editing) = self.editing.take() else { return false };
        self.set(editing.before)
    }

    /// Drops the filter. `true` when there was one.
    pub(super) fn clear(&mut self) -> bool {
        self.editing = None;
        self.set(String::new())
    }

    /// Completes the last word in the field.
    pub(super) fn complete(&mut self) {
        let Some(editing) = &mut self.editing else { return };
        if let Some(completed) = complete(editing.field.text()) {
            editing.field.set(&completed);
        }
    }

    /// Puts an earlier (-1) or later (1) filter of the history into the field.
    pub(super) fn recall(&mut self, step: isize) {
        let Some(editing) = &mut self.editing else { return };
        editing.at = editing.at.saturating_add_signed(step).min(self.history.len());
        editing.field.set(self.history.get(editing.at).map_or("", String::as_str));
    }

    fn set(&mut self, text: String) -> bool {
        match Query::parse(&text) {
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

    fn typed(line: &mut FilterLine, text: &str) -> bool {
        line.open();
        line.field().unwrap().set(text);
        line.read()
    }

    #[test]
    fn a_bad_filter_leaves_the_last_good_one_in_force_and_stays_open() {
        let mut line = FilterLine::default();
        assert!(typed(&mut line, "port:80"));
        assert!(line.accept());
        assert!(!typed(&mut line, "prot:80"));
        assert!(line.error.is_some());
        assert!(!line.accept());
        assert!(line.shown_field().is_some());
        assert_eq!(line.text, "port:80");
        line.cancel();
        assert_eq!((line.error.is_none(), line.text.as_str()), (true, "port:80"));
    }

    #[test]
    fn esc_goes_back_to_what_held_before() {
        let mut line = FilterLine::default();
        typed(&mut line, "port:80");
        line.accept();
        assert!(typed(&mut line, "port:8080"));
        assert!(line.cancel());
        assert_eq!(line.text, "port:80");
        assert!(line.clear());
        assert!(!line.clear());
    }

    #[test]
    fn the_arrows_walk_through_the_history() {
        let mut line = FilterLine::default();
        for text in ["port:1", "port:2"] {
            typed(&mut line, text);
            line.accept();
        }
        line.open();
        line.recall(-1);
        assert_eq!(line.shown_field().unwrap().text(), "port:2");
        line.recall(-1);
        line.recall(-1);
        assert_eq!(line.shown_field().unwrap().text(), "port:1");
        line.recall(5);
        assert_eq!(line.shown_field().unwrap().text(), "");
    }
}
