//! What stands in a dialog, line by line.

use ratatui::style::Style;

use crate::tui::log::ActionLog;
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::{self, Line};
use crate::tui::world::World;

/// The lines of a dialog in the making, and what they are made from. Texts must be clean.
#[derive(Debug)]
pub struct Page<'a> {
    /// The shared facts.
    pub world: &'a World,
    /// What was done to the system.
    pub log: &'a ActionLog,
    /// Colours.
    pub theme: &'a Theme,
    /// Cells from the left to the right edge.
    pub columns: u16,
    /// Stands before the dialog's field, which then is the first line and does not scroll.
    pub prompt: Option<&'static str>,
    pub(super) lines: Vec<Line>,
    pub(super) chosen: Option<usize>,
}

impl<'a> Page<'a> {
    pub(super) fn new(
        world: &'a World,
        log: &'a ActionLog,
        theme: &'a Theme,
        columns: u16,
    ) -> Self {
        Self { world, log, theme, columns, prompt: None, lines: Vec::new(), chosen: None }
    }

    /// A text, wrapped.
    pub fn add(&mut self, text: &str, style: Style) {
        self.hang("", text, style);
    }

    /// A text, wrapped, whose lines stand to the right of `lead`.
    pub fn hang(&mut self, lead: &str, text: &str, style: Style) {
        self.lead((lead, style), (text, style));
    }

    /// The same with a style for each.
    pub fn lead(&mut self, (lead, of_lead): (&str, Style), (text, style): (&str, Style)) {
        let indent = paint::width(lead);
        let wrapped = paint::wrap(text, self.columns.saturating_sub(indent));
        for (index, part) in wrapped.into_iter().enumerate() {
            let lead = if index == 0 { lead.to_owned() } else { " ".repeat(usize::from(indent)) };
            self.lines.push(vec![(lead, of_lead), (part, style)]);
        }
    }

    /// One line in pieces, cut where it is too long.
    pub fn line(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// An empty line.
    pub fn gap(&mut self) {
        self.lines.push(Vec::new());
    }

    /// What is written next is chosen: it stays on screen.
    pub fn choose_next(&mut self) {
        self.chosen = Some(self.lines.len());
    }
}
