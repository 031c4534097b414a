//! Where a list is scrolled to: the only thing that drawing may change.

use ratatui::layout::{Position, Rect};

use crate::tui::command::Motion;

/// A window over a list, as it was last drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll {
    /// Index of the first line on screen.
    pub offset: usize,
    /// Lines in all.
    pub len: usize,
    /// Where the lines are on screen.
    pub body: Rect,
}

impl Scroll {
    /// Takes note of what is drawn, keeps the window inside the list, and `shown`, if given,
    /// inside the window. Returns the indices on screen.
    pub fn show(&mut self, body: Rect, len: usize, shown: Option<usize>) -> std::ops::Range<usize> {
        self.body = body;
        self.len = len;
        let height = usize::from(body.height);
        if let Some(shown) = shown {
            let first = (shown + 1).saturating_sub(height.max(1));
            self.offset = self.offset.clamp(first, shown);
        }
        self.offset = self.offset.min(len.saturating_sub(height));
        self.offset..len.min(self.offset + height)
    }

    /// Lines that fit on screen.
    pub fn page(&self) -> usize {
        usize::from(self.body.height)
    }

    /// Moves the window; the next frame keeps it inside the list.
    pub fn by(&mut self, lines: isize) {
        let last = self.len.saturating_sub(self.page());
        self.offset = self.offset.saturating_add_signed(lines).min(last);
    }

    /// Moves the window of a list without a cursor.
    pub fn go(&mut self, motion: Motion) {
        let page = isize::try_from(self.page()).unwrap_or(isize::MAX);
        self.by(match motion {
            Motion::Up => -1,
            Motion::Down => 1,
            Motion::PageUp => -page,
            Motion::PageDown => page,
            Motion::First => isize::MIN,
            Motion::Last => isize::MAX,
        });
    }

    /// The line under a point.
    pub fn line_at(&self, at: Position) -> Option<usize> {
        if !self.body.contains(at) {
            return None;
        }
        let line = self.offset + usize::from(at.y - self.body.y);
        (line < self.len).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_follows_what_must_be_seen_and_never_leaves_the_list() {
        let body = Rect::new(0, 0, 10, 4);
        let mut scroll = Scroll::default();
        assert_eq!(scroll.show(body, 10, Some(7)), 4..8);
        assert_eq!(scroll.show(body, 10, Some(5)), 4..8);
        assert_eq!(scroll.show(body, 10, Some(2)), 2..6);
        assert_eq!(scroll.show(body, 3, Some(2)), 0..3);
        scroll.by(100);
        assert_eq!(scroll.show(body, 3, None), 0..3);
        assert_eq!(scroll.show(Rect::new(0, 0, 10, 0), 3, Some(1)), 1..1);
    }

    #[test]
    fn points_outside_of_the_lines_are_no_line() {
        let mut scroll = Scroll::default();
        scroll.show(Rect::new(2, 3, 10, 4), 2, None);
        assert_eq!(scroll.line_at(Position::new(2, 4)), Some(1));
        assert_eq!(scroll.line_at(Position::new(2, 5)), None);
        assert_eq!(scroll.line_at(Position::new(1, 4)), None);
    }
}
