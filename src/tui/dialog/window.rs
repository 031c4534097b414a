//! The window of the open dialog: title, text, and every key that it knows.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::{Open, Page};
use crate::text::clean;
use crate::tui::command::Command;
use crate::tui::geometry::{centred, inside};
use crate::tui::keymap::Binding;
use crate::tui::log::ActionLog;
use crate::tui::theme::Theme;
use crate::tui::widgets::frame::{border, title_room};
use crate::tui::widgets::paint;
use crate::tui::world::World;

/// Widest that a dialog gets: longer lines are hard to read.
const WIDTH: u16 = 84;
/// A list that is narrowed by typing keeps its height.
const HEIGHT_WITH_PROMPT: u16 = 16;
/// Between two hints.
const GAP: u16 = 3;

impl Open {
    /// Draws it; returns where the cursor belongs. Nothing changes but where it is scrolled to
    /// and where its hints are.
    pub fn draw(
        &mut self,
        world: &World,
        log: &ActionLog,
        theme: &Theme,
        screen: Rect,
        buf: &mut Buffer,
    ) -> Option<Position> {
        let width = WIDTH.min(screen.width.saturating_sub(4));
        let mut page = Page::new(world, log, theme, width.saturating_sub(4));
        self.dialog.write(&mut page);
        let Page { lines, chosen, prompt, .. } = page;

        let hints = Hints::new(self.dialog.keys(), width.saturating_sub(4));
        let edges = 2 + hints.rows_inside();
        let height = match prompt {
            Some(_) => HEIGHT_WITH_PROMPT,
            None => u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(edges).max(4),
        };
        let frame = centred(screen, width, height.min(screen.height.saturating_sub(2)));
        let style = if self.dialog.is_danger() { theme.danger } else { theme.accent };
        window(buf, frame, &clean(&self.dialog.title()), style);

        let mut area = padded(frame);
        area.height = area.height.saturating_sub(hints.rows_inside());
        let cursor = prompt.and_then(|sign| {
            let line = paint::line(area, 0);
            let used = paint::left(buf, line, sign, theme.accent);
            let room = Rect { x: line.x + used, width: line.width.saturating_sub(used), ..line };
            area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
            self.dialog.field()?.draw(buf, room, theme.text)
        });
        let chosen = chosen.filter(|_| self.follows);
        let shown = self.scroll.show(area, lines.len(), chosen);
        let bottom = title_room(paint::line(frame, usize::from(frame.height).saturating_sub(1)));
        if shown.end < lines.len() {
            let has_room = hints.last_width() + paint::width("   ↓ more ") <= bottom.width;
            paint::left(buf, bottom, if has_room { " ↓ more " } else { "↓" }, theme.accent);
        }
        for (on_screen, index) in shown.enumerate() {
            paint::pieces(buf, paint::line(area, on_screen), &lines[index]);
        }
        self.hints = hints.draw(buf, bottom, theme);
        cursor
    }
}

/// An empty window with its title above.
fn window(buf: &mut Buffer, frame: Rect, title: &str, style: Style) {
    for y in frame.top()..frame.bottom() {
        for x in frame.left()..frame.right() {
            buf[(x, y)].reset();
        }
    }
    border(buf, frame, style);
    let top = title_room(paint::line(frame, 0));
    paint::left(buf, top, &format!(" {title} "), style);
}

fn padded(frame: Rect) -> Rect {
    let area = inside(frame);
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

/// The hints of all keys, in as many rows as they need: the last one in the window's edge, the
/// others above it.
struct Hints(Vec<Vec<(Binding, String)>>);

impl Hints {
    fn new(keys: Vec<Binding>, columns: u16) -> Self {
        let mut rows: Vec<Vec<(Binding, String)>> = vec![Vec::new()];
        let columns = columns.saturating_sub(2);
        let mut used = 0;
        for binding in keys {
            let Some(key) = binding.keys.first() else { continue };
            let text = format!("{key} {}", binding.hint);
            let width = paint::width(&text);
            if used > 0 && used + GAP + width > columns {
                rows.push(Vec::new());
                used = 0;
            }
            used += width + if used > 0 { GAP } else { 0 };
            rows.last_mut().expect("there is always a row").push((binding, text));
        }
        Self(rows)
    }

    fn rows_inside(&self) -> u16 {
        u16::try_from(self.0.len()).unwrap_or(u16::MAX).saturating_sub(1)
    }

    fn last_width(&self) -> u16 {
        self.0.last().map_or(0, |row| row_width(row))
    }

    /// Draws them upwards from the window's edge; returns where each is.
    fn draw(self, buf: &mut Buffer, bottom: Rect, theme: &Theme) -> Vec<(Rect, Command)> {
        let mut places = Vec::new();
        for (above, row) in (0..).zip(self.0.iter().rev()) {
            let width = row_width(row).min(bottom.width);
            let line = Rect { y: bottom.y.saturating_sub(above), ..bottom };
            let mut x = line.right() - width;
            paint::right(buf, line, &" ".repeat(usize::from(width)), theme.text);
            x += 1;
            for (binding, text) in row {
                let room = line.right().saturating_sub(x);
                let place = Rect { x, width: paint::width(text).min(room), ..line };
                paint::left(buf, place, text, theme.text);
                places.push((place, binding.command));
                x = (x + paint::width(text) + GAP).min(line.right());
            }
        }
        places
    }
}

/// With a blank at both ends.
fn row_width(row: &[(Binding, String)]) -> u16 {
    let texts: u16 = row.iter().map(|(_, text)| paint::width(text)).sum();
    let gaps = u16::try_from(row.len()).unwrap_or(u16::MAX).saturating_sub(1) * GAP;
    texts + gaps + 2
}
