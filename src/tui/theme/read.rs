//! The file of a theme: a style for each role, and what it was made for.

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny};

use super::roles::Theme;
use crate::catalog::themes;

/// Why a text is no theme: a sentence with the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Wrong {
    /// Counts from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// A file as it is written. What it was made for is for whoever measures it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "grounds")]
    _grounds: Option<IgnoredAny>,
    #[serde(rename = "foreground")]
    _foreground: Option<IgnoredAny>,
    text: Role,
    dim: Role,
    accent: Role,
    danger: Role,
    warning: Role,
    fresh: Role,
    selection: Role,
    resting: Role,
    heading: Role,
    frame: Role,
}

/// A style as it is written.
struct Role(Style);

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        style(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

impl Theme {
    /// One of those that are compiled in.
    pub fn named(name: &str) -> Option<Self> {
        // Each of them is read by a test.
        themes::find(name).and_then(|text| Self::read(text).ok())
    }

    /// A theme from the text of its file.
    pub fn read(text: &str) -> Result<Self, Wrong> {
        let file: File = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = 1 + text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count();
            Wrong { line, what: error.message().trim().replace('\n', "; ") }
        })?;
        Ok(Self {
            text: file.text.0,
            dim: file.dim.0,
            accent: file.accent.0,
            danger: file.danger.0,
            warning: file.warning.0,
            fresh: file.fresh.0,
            selection: file.selection.0,
            resting: file.resting.0,
            heading: file.heading.0,
            frame: file.frame.0,
        })
    }
}

/// `80 bold`, `231 on 24`, `bright-red underline`, or nothing at all.
pub(super) fn style(text: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        style = match word {
            "bold" => style.add_modifier(Modifier::BOLD),
            "dim" => style.add_modifier(Modifier::DIM),
            "underline" => style.add_modifier(Modifier::UNDERLINED),
            "reverse" => style.add_modifier(Modifier::REVERSED),
            "on" => {
                let colour = words.next().ok_or("a colour belongs after `on`")?;
                style.bg(self::colour(colour)?)
            }
            colour => style.fg(self::colour(colour)?),
        };
    }
    Ok(style)
}

/// A number of the 256, `#rrggbb`, or one of the sixteen by its name.
pub(super) fn colour(word: &str) -> Result<Color, String> {
    let wrong = || {
        format!(
            "`{word}` is no colour: a number from 0 to 255, #rrggbb, or black, red, green, \
             yellow, blue, magenta, cyan or white, each also as bright-red and so on"
        )
    };
    if let Some(hex) = word.strip_prefix('#') {
        let bits = u32::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 6);
        return bits.map(Color::from_u32).ok_or_else(wrong);
    }
    if let Ok(number) = word.parse() {
        return Ok(Color::Indexed(number));
    }
    Ok(match word {
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "white" => Color::Gray,
        "bright-black" => Color::DarkGray,
        "bright-red" => Color::LightRed,
        "bright-green" => Color::LightGreen,
        "bright-yellow" => Color::LightYellow,
        "bright-blue" => Color::LightBlue,
        "bright-magenta" => Color::LightMagenta,
        "bright-cyan" => Color::LightCyan,
        "bright-white" => Color::White,
        _ => return Err(wrong()),
    })
}
