//! Colours by what they are for. No colour carries a meaning alone: each goes with a word,
//! a sign or a place.

use std::env;

use ratatui::style::{Color, Modifier, Style};

use crate::config::Colours;

/// How many colours to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// None: bold, dim and reverse alone.
    Mono,
    /// The terminal's own sixteen, as its user has set them.
    #[default]
    Sixteen,
    /// Fixed shades of the 256-colour cube.
    Full,
}

impl Palette {
    /// What the user wants, as far as it says; else what the surroundings say: `NO_COLOR`
    /// (no-color.org) and a dumb terminal mean none.
    pub fn of(colours: Colours) -> Self {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        match colours {
            Colours::None => Self::Mono,
            Colours::Auto if is_set("NO_COLOR") || is_dumb => Self::Mono,
            Colours::Auto | Colours::Sixteen => Self::Sixteen,
            Colours::Full => Self::Full,
        }
    }
}

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

impl Theme {
    /// The styles for a number of colours.
    pub fn new(palette: Palette) -> Self {
        let plain = Style::new();
        let dim = plain.add_modifier(Modifier::DIM);
        let bold = plain.add_modifier(Modifier::BOLD);
        let reversed = plain.add_modifier(Modifier::REVERSED);
        let mono = Self {
            text: plain,
            dim,
            accent: bold,
            danger: bold.add_modifier(Modifier::UNDERLINED),
            warning: bold,
            fresh: bold,
            selection: reversed,
            resting: plain.add_modifier(Modifier::UNDERLINED),
            heading: bold,
            frame: dim,
        };
        match palette {
            Palette::Mono => mono,
            Palette::Sixteen => Self {
                accent: bold.fg(Color::Cyan),
                danger: bold.fg(Color::Red),
                warning: plain.fg(Color::Yellow),
                fresh: plain.fg(Color::Green),
                resting: plain.bg(Color::Black).add_modifier(Modifier::UNDERLINED),
                ..mono
            },
            Palette::Full => Self {
                dim: plain.fg(Color::Indexed(245)),
                accent: bold.fg(Color::Indexed(80)),
                danger: bold.fg(Color::Indexed(203)),
                warning: plain.fg(Color::Indexed(179)),
                fresh: plain.fg(Color::Indexed(114)),
                selection: bold.bg(Color::Indexed(24)).fg(Color::Indexed(231)),
                resting: plain.bg(Color::Indexed(237)),
                frame: plain.fg(Color::Indexed(240)),
                ..mono
            },
        }
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self::new(Palette::default())
    }
}
