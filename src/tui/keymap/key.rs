//! A key as it is pressed, and as it is shown.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key as it is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub(super) code: KeyCode,
    control: bool,
    // No binding uses it: see [`without_alt`].
    alt: bool,
}

impl Key {
    /// A key without modifiers.
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, control: false, alt: false }
    }

    /// The key of a character.
    pub const fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// The key of a character, with Control held.
    pub const fn control(c: char) -> Self {
        Self { code: KeyCode::Char(c), control: true, alt: false }
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        let held = |modifier| event.modifiers.contains(modifier);
        Self {
            code: event.code,
            control: held(KeyModifiers::CONTROL),
            alt: held(KeyModifiers::ALT),
        }
    }
}

/// A key that came with Alt, as Esc and the key by itself: a terminal sends the same bytes for
/// both. Where Alt means nothing, two keys were pressed that arrived together.
pub fn without_alt(event: KeyEvent) -> Option<[KeyEvent; 2]> {
    let plain = KeyEvent { modifiers: event.modifiers - KeyModifiers::ALT, ..event };
    let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
    event.modifiers.contains(KeyModifiers::ALT).then_some([escape, plain])
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.control {
            f.write_str("Ctrl-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) if self.control => write!(f, "{}", c.to_ascii_uppercase()),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::Up => f.write_str("↑"),
            KeyCode::Down => f.write_str("↓"),
            KeyCode::Left => f.write_str("←"),
            KeyCode::Right => f.write_str("→"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            KeyCode::BackTab => f.write_str("Shift-Tab"),
            other => write!(f, "{other:?}"),
        }
    }
}
