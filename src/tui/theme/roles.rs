//! A style for each role.

use ratatui::style::{Modifier, Style};

/// A style for each role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// What is there, but matters less.
    pub dim: Style,
    /// The focus, and keys in hints.
    pub accent: Style,
    /// What is wrong, or destroys.
    pub danger: Style,
    /// What wants attention, but is not wrong.
    pub warning: Style,
    /// What is new, or went well.
    pub fresh: Style,
    /// The selected row of the focused pane.
    pub selection: Style,
    /// The selected row of any other pane.
    pub resting: Style,
    /// Headings of columns and sections.
    pub heading: Style,
    /// Frames of panes without the focus.
    pub frame: Style,
}

impl Default for Theme {
    /// Without any colour.
    fn default() -> Self {
        let plain = Style::new();
        let dim = plain.add_modifier(Modifier::DIM);
        let bold = plain.add_modifier(Modifier::BOLD);
        let underlined = plain.add_modifier(Modifier::UNDERLINED);
        Self {
            text: plain,
            dim,
            accent: bold,
            danger: bold.add_modifier(Modifier::UNDERLINED),
            warning: bold,
            fresh: bold,
            selection: plain.add_modifier(Modifier::REVERSED),
            resting: underlined,
            heading: bold,
            frame: dim,
        }
    }
}
