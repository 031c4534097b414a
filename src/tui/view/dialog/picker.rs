//! A list below a field that narrows it.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{centred, padded, window};
use crate::tui::theme::Theme;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::paint;

/// What is drawn.
pub(super) struct Picker<'a> {
    pub(super) title: &'static str,
    pub(super) keys: &'static str,
    /// Stands before the field.
    pub(super) sign: &'static str,
    pub(super) field: &'a Field,
    /// What stands at the left and at the right of each line, cleaned.
    pub(super) lines: Vec<(Cow<'a, str>, String)>,
    pub(super) chosen: usize,
    /// In place of the lines where there are none.
    pub(super) empty: &'static str,
}

impl Picker<'_> {
    /// Draws it; returns where the cursor belongs.
    pub(super) fn draw(
        self,
        screen: Rect,
        width: u16,
        theme: &Theme,
        buf: &mut Buffer,
    ) -> Position {
        let height = 16.min(screen.height.saturating_sub(2));
        let frame = centred(screen, width, height);
        window(buf, frame, self.title, self.keys, theme.accent, theme);
        let area = padded(frame);
        let line = paint::line(area, 0);
        let used = paint::left(buf, line, self.sign, theme.accent);
        let room = Rect { x: line.x + used, width: line.width.saturating_sub(used), ..line };
        let cursor = self.field.draw(buf, room, theme.text);
        if self.lines.is_empty() {
            paint::left(buf, paint::line(area, 1), self.empty, theme.dim);
        }
        let rows = usize::from(area.height.saturating_sub(1));
        let first = (self.chosen + 1).saturating_sub(rows);
        let visible = self.lines.into_iter().enumerate().skip(first).take(rows);
        for (on_screen, (index, (left, right))) in visible.enumerate() {
            let line = paint::line(area, on_screen + 1);
            let sign = if index == self.chosen { "▸ " } else { "  " };
            paint::spans(buf, line, [(sign.into(), theme.accent), (left, theme.text)]);
            paint::right(buf, line, &right, theme.dim);
            if index == self.chosen {
                buf.set_style(line, theme.selection);
            }
        }
        cursor.unwrap_or(Position::new(area.x, area.y))
    }
}
