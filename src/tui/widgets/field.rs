//! A line of text that is being edited.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use tui_input::{Input, InputRequest};

use crate::text;

/// No field takes more than this many characters, also not from a paste.
const MAX_CHARS: usize = 512;

/// A text field.
#[derive(Clone, Debug, Default)]
pub struct Field {
    input: Input,
}

impl Field {
    /// A field with this text, the cursor at its end.
    pub fn new(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()) }
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Replaces the text and puts the cursor at its end.
    pub fn set(&mut self, text: &str) {
        self.input = Input::new(text.to_owned());
    }

    /// Replaces the text and puts the cursor behind so many characters.
    pub fn set_at(&mut self, text: &str, cursor: usize) {
        self.input = Input::new(text.to_owned()).with_cursor(cursor);
    }

    /// Characters before the cursor.
    pub fn cursor(&self) -> usize {
        self.input.cursor()
    }

    /// Whether a key is of use in a field.
    pub fn knows(key: KeyEvent) -> bool {
        request(key).is_some()
    }

    /// Edits by a key; says whether the key was of use here.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let Some(request) = request(key) else { return false };
        if matches!(request, InputRequest::InsertChar(_)) && self.is_full() {
            return true;
        }
        self.input.handle(request);
        true
    }

    /// Puts in what was pasted: one line, without control characters.
    pub fn paste(&mut self, pasted: &str) {
        let line = pasted.trim().replace(['\n', '\r', '\t'], " ");
        for c in text::clean(&line).chars() {
            if self.is_full() {
                return;
            }
            self.input.handle(InputRequest::InsertChar(c));
        }
    }

    fn is_full(&self) -> bool {
        self.input.value().chars().count() >= MAX_CHARS
    }

    /// Draws one line, scrolled so that the cursor is visible. Returns where it is.
    pub fn draw(&self, buf: &mut Buffer, area: Rect, style: Style) -> Option<Position> {
        if area.is_empty() {
            return None;
        }
        let width = usize::from(area.width);
        let skipped = self.input.visual_scroll(width.saturating_sub(1));
        let mut column = 0;
        let mut visible = String::new();
        for c in self.text().chars() {
            if column >= skipped {
                visible.push(c);
            }
            column += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        }
        buf.set_stringn(area.x, area.y, &*text::clean(&visible), width, style);
        let at = self.input.visual_cursor().saturating_sub(skipped).min(width - 1);
        Some(Position::new(area.x + u16::try_from(at).unwrap_or(0), area.y))
    }
}

/// What a key means while typing: the usual keys of a shell's line editor.
fn request(key: KeyEvent) -> Option<InputRequest> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    Some(match key.code {
        KeyCode::Char('a') if control => InputRequest::GoToStart,
        KeyCode::Char('e') if control => InputRequest::GoToEnd,
        KeyCode::Char('w') if control => InputRequest::DeletePrevWord,
        KeyCode::Char('u') if control => InputRequest::DeleteLine,
        KeyCode::Char('k') if control => InputRequest::DeleteTillEnd,
        KeyCode::Char(c) if !control && !alt => InputRequest::InsertChar(c),
        KeyCode::Backspace if control || alt => InputRequest::DeletePrevWord,
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Char('b') if alt => InputRequest::GoToPrevWord,
        KeyCode::Char('f') if alt => InputRequest::GoToNextWord,
        KeyCode::Char('d') if alt => InputRequest::DeleteNextWord,
        KeyCode::Left if control => InputRequest::GoToPrevWord,
        KeyCode::Right if control => InputRequest::GoToNextWord,
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_becomes_one_harmless_line() {
        let mut field = Field::new("a");
        field.paste("b\nc\x1b[31m\n");
        assert_eq!(field.text(), "ab c\u{FFFD}[31m");
        field.paste(&"x".repeat(10_000));
        assert_eq!(field.text().chars().count(), MAX_CHARS);
    }

    #[test]
    fn the_cursor_stays_visible_in_a_long_text() {
        let field = Field::new("0123456789");
        let mut buf = Buffer::empty(Rect::new(0, 0, 6, 1));
        let cursor = field.draw(&mut buf, Rect::new(0, 0, 6, 1), Style::new());
        assert_eq!(cursor, Some(Position::new(5, 0)));
        assert_eq!(buf.cell((4, 0)).map(ratatui::buffer::Cell::symbol), Some("9"));
    }
}
