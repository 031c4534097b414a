//! A line of the keymap.

use crossterm::event::KeyCode;

use super::key::Key;
use crate::tui::command::Command;

/// A line of the keymap.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Any of these keys.
    pub keys: &'static [Key],
    /// What they ask for.
    pub command: Command,
    /// One or two words for the hint line; empty for what needs no reminder.
    pub hint: &'static str,
    /// A sentence without its full stop, for help and palette.
    pub about: &'static str,
}

impl Binding {
    /// A key of a dialog: its hint says it all.
    pub const fn hinted(keys: &'static [Key], command: Command, hint: &'static str) -> Self {
        bind(keys, command, hint, hint)
    }

    /// Enter agrees to a dialog.
    pub const fn enter(hint: &'static str) -> Self {
        Self::hinted(const { &[Key::plain(KeyCode::Enter)] }, Command::Accept, hint)
    }

    /// Esc leaves a dialog.
    pub const fn esc(hint: &'static str) -> Self {
        Self::hinted(const { &[Key::plain(KeyCode::Esc)] }, Command::Cancel, hint)
    }

    /// Esc and Enter alike close a dialog that has nothing to agree to.
    pub const fn close() -> Self {
        const KEYS: &[Key] = &[Key::plain(KeyCode::Esc), Key::plain(KeyCode::Enter)];
        Self::hinted(KEYS, Command::Cancel, "close")
    }

    /// The keys, as help lists them.
    pub fn key_names(&self) -> String {
        self.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// A line of a table.
pub(super) const fn bind(
    keys: &'static [Key],
    command: Command,
    hint: &'static str,
    about: &'static str,
) -> Binding {
    Binding { keys, command, hint, about }
}
