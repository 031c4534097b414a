//! Lines of a dialog in the making.

use ratatui::style::Style;

use super::Line;
use crate::tui::theme::Theme;
use crate::tui::widgets::paint;

/// Collects lines, wrapped to the dialog's width.
pub(super) struct Lines<'a> {
    columns: u16,
    pub(super) theme: &'a Theme,
    pub(super) lines: Vec<Line>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(columns: u16, theme: &'a Theme) -> Self {
        Self { columns, theme, lines: Vec::new() }
    }

    /// A text, which must be clean.
    pub(super) fn add(&mut self, text: &str, style: Style) {
        self.hang("", text, style);
    }

    /// A text whose lines stand to the right of `lead`.
    pub(super) fn hang(&mut self, lead: &str, text: &str, style: Style) {
        let indent = paint::width(lead);
        let wrapped = paint::wrap(text, self.columns.saturating_sub(indent));
        for (index, part) in wrapped.into_iter().enumerate() {
            let lead = if index == 0 { lead.to_owned() } else { " ".repeat(usize::from(indent)) };
            self.lines.push(vec![(lead, style), (part, style)]);
        }
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.lines.push(Vec::new());
    }
}
