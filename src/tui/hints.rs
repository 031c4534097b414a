//! Hints for keys on the edges of panes and in the last line. They are drawn and clicked by the
//! same places, so that what looks like a button is one.

use ratatui::layout::Rect;

use super::command::Command;
use super::keymap::{Context, Key};
use super::pane::Pane;
use super::widgets::frame::title_room;
use super::widgets::paint;
use crate::text::units;

/// A hint and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Its cells.
    pub place: Rect,
    /// The key.
    pub key: Key,
    /// What the key does, in a word or two.
    pub word: &'static str,
    /// What is asked for, by the key or a click.
    pub command: Command,
}

/// The hints of a context, as many as fit whole into a line.
pub fn places(context: Context, mut line: Rect) -> Vec<Hint> {
    let mut places = Vec::new();
    for (key, word, command) in context.hints() {
        let width = paint::width(&key.to_string()) + paint::width(word) + 3;
        if width > line.width {
            break;
        }
        places.push(Hint { place: Rect { width, ..line }, key, word, command });
        (line.x, line.width) = (line.x + width, line.width - width);
    }
    places
}

/// Where a pane's own hints stand: on the lower edge of its frame, which ends with the row.
pub fn line(pane: &dyn Pane, frame: Rect) -> Rect {
    let bottom = title_room(paint::line(frame, usize::from(frame.height).saturating_sub(1)));
    let taken = row(pane).map_or(0, |text| paint::width(&text));
    Rect { width: bottom.width.saturating_sub(taken), ..bottom }
}

/// ` row 12 of 340 `, in a pane with a cursor.
pub fn row(pane: &dyn Pane) -> Option<String> {
    let count = |n: usize| units::count(n as u64);
    let (at, of) = pane.place().filter(|(_, of)| *of > 0)?;
    Some(format!(" row {} of {} ", count(at + 1), count(of)))
}
