//! A list below a field that narrows it.

use std::borrow::Cow;

use ratatui::style::Style;

use super::Page;
use crate::tui::command::Motion;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::paint;

/// The field, what it leaves of the list, and the chosen one of that.
#[derive(Debug)]
pub(super) struct Picker<T> {
    /// What is typed.
    pub(super) field: Field,
    /// What fits it, the best first.
    pub(super) found: Vec<T>,
    /// Place of the chosen one.
    pub(super) chosen: usize,
}

impl<T> Picker<T> {
    /// An empty field above these.
    pub(super) fn new(found: Vec<T>) -> Self {
        Self { field: Field::default(), found, chosen: 0 }
    }

    /// What is left of the list has changed.
    pub(super) fn narrow(&mut self, found: Vec<T>) {
        (self.found, self.chosen) = (found, 0);
    }

    /// Moves the choice.
    pub(super) fn choose(&mut self, motion: Motion) -> bool {
        self.chosen = motion.apply(self.chosen, self.found.len(), 1).unwrap_or(0);
        true
    }

    /// The chosen one.
    pub(super) fn get(&self) -> Option<&T> {
        self.found.get(self.chosen)
    }

    /// Writes the list: what stands at the left and at the right of each line, or `empty`.
    pub(super) fn write<'t>(
        &'t self,
        page: &mut Page<'_>,
        prompt: &'static str,
        empty: &str,
        texts: impl Fn(&'t T) -> (Cow<'t, str>, String),
    ) {
        page.prompt = Some(prompt);
        let theme = page.theme;
        if self.found.is_empty() {
            page.add(empty, theme.dim);
        }
        for (index, one) in self.found.iter().enumerate() {
            let is_chosen = index == self.chosen;
            let (left, right) = texts(one);
            // The sign takes two columns, and a blank stands before what is at the right.
            let room = page.columns.saturating_sub(paint::width(&right) + 3);
            let left = paint::fit(&left, room).into_owned();
            let gap = " ".repeat(usize::from(room + 1 - paint::width(&left).min(room + 1)));
            let style =
                |style: Style| if is_chosen { Style::patch(style, theme.selection) } else { style };
            if is_chosen {
                page.choose_next();
            }
            let sign = if is_chosen { "▸ " } else { "  " };
            page.line(vec![
                (sign.to_owned(), style(theme.accent)),
                (left + &gap, style(theme.text)),
                (right, style(theme.dim)),
            ]);
        }
    }
}
