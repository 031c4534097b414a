//! Text into cells: cut to fit, from the left or from the right, in one style or several.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A line in pieces, each with its style.
pub type Line = Vec<(String, Style)>;

/// Columns that a text takes.
pub fn width(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// The text, or as much of it as fits, ending in `…`.
pub fn fit(text: &str, columns: u16) -> Cow<'_, str> {
    let columns = usize::from(columns);
    // No character is wider than its bytes are many, but for two-column ones of three bytes.
    if text.len() <= columns || text.width() <= columns {
        return Cow::Borrowed(text);
    }
    if columns == 0 {
        return Cow::Borrowed("");
    }
    let mut cut = String::with_capacity(columns + 3);
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used >= columns {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    Cow::Owned(cut)
}

/// The end of a text, or as much of it as fits behind `…`.
pub fn fit_tail(text: &str, columns: u16) -> String {
    let mut room = usize::from(columns).saturating_sub(1);
    let fits = |c: &char| {
        let left = room.checked_sub(c.width().unwrap_or(0));
        room = left.unwrap_or(0);
        left.is_some()
    };
    let tail: Vec<char> = text.chars().rev().take_while(fits).collect();
    std::iter::once('…').take(columns.into()).chain(tail.into_iter().rev()).collect()
}

/// Writes from the left end of a line. Returns the columns used.
pub fn left(buf: &mut Buffer, line: Rect, text: &str, style: Style) -> u16 {
    if line.is_empty() {
        return 0;
    }
    let text = fit(text, line.width);
    buf.set_stringn(line.x, line.y, &*text, line.width.into(), style);
    width(&text)
}

/// Writes up to the right end of a line. Returns the columns used.
pub fn right(buf: &mut Buffer, line: Rect, text: &str, style: Style) -> u16 {
    if line.is_empty() {
        return 0;
    }
    let text = fit(text, line.width);
    let used = width(&text).min(line.width);
    buf.set_stringn(line.right() - used, line.y, &*text, used.into(), style);
    used
}

/// Writes pieces one after another from the left, as far as they fit.
pub fn spans<'a>(
    buf: &mut Buffer,
    mut line: Rect,
    pieces: impl IntoIterator<Item = (Cow<'a, str>, Style)>,
) -> u16 {
    let start = line.x;
    for (piece, style) in pieces {
        let used = left(buf, line, &piece, style).min(line.width);
        line.x += used;
        line.width -= used;
    }
    line.x - start
}

/// A line, as much of it as fits. Returns the columns that it took.
pub fn pieces(buf: &mut Buffer, place: Rect, line: &Line) -> u16 {
    spans(buf, place, line.iter().map(|(text, style)| (text.as_str().into(), *style)))
}

/// The line at `index` of an area; empty when there is none.
pub fn line(area: Rect, index: usize) -> Rect {
    let index = u16::try_from(index).unwrap_or(u16::MAX);
    if index >= area.height {
        return Rect { height: 0, ..area };
    }
    Rect { y: area.y + index, height: 1, ..area }
}

/// Breaks text into lines of at most `columns`, at spaces where there are any.
pub fn wrap(text: &str, columns: u16) -> Vec<String> {
    let columns = usize::from(columns.max(1));
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(last) if last.width() + 1 + word.width() <= columns => {
                last.push(' ');
                last.push_str(word);
            }
            _ => hard_wrap(word, columns, &mut lines),
        }
    }
    lines
}

/// Puts a word on a new line, cutting it where it is longer than one.
fn hard_wrap(word: &str, columns: usize, lines: &mut Vec<String>) {
    let mut line = String::new();
    for c in word.chars() {
        if !line.is_empty() && line.width() + c.width().unwrap_or(0) > columns {
            lines.push(std::mem::take(&mut line));
        }
        line.push(c);
    }
    lines.push(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_text_says_so_and_never_exceeds_its_columns() {
        assert_eq!(fit("nginx", 5), "nginx");
        assert_eq!(fit("postgres", 5), "post…");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("x", 0), "");
        assert_eq!(fit("postgres", 1), "…");
    }

    #[test]
    fn words_wrap_and_long_ones_break() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh i", 3), ["abc", "def", "gh", "i"]);
        assert_eq!(wrap("", 3), [""]);
    }
}
