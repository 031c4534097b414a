//! Which theme fits a terminal of which this is known.

/// What lies behind the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// What the surroundings say of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Colours are wanted, and the terminal has some (`NO_COLOR`, no-color.org; a dumb one).
    pub has_colours: bool,
    /// It has 256 of them, or more.
    pub has_256: bool,
}

impl Terminal {
    /// By its environment; `var` reads a variable.
    pub fn of(var: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name: &str| var(name).is_some_and(|value| !value.is_empty());
        let term = var("TERM").unwrap_or_default();
        let many = ["256color", "kitty", "alacritty", "foot", "ghostty", "wezterm", "direct"];
        Self {
            has_colours: !is_set("NO_COLOR") && term != "dumb",
            has_256: is_set("COLORTERM") || many.iter().any(|name| term.contains(name)),
        }
    }
}

/// The name of the theme for a terminal whose ground is known, or is not.
pub fn choose(terminal: Terminal, ground: Option<Ground>) -> &'static str {
    match (terminal.has_colours, terminal.has_256, ground) {
        (false, ..) => "none",
        (_, true, Some(Ground::Light)) => "light",
        (_, true, Some(Ground::Dark)) => "dark",
        (_, false, Some(Ground::Light)) => "16-light",
        // The terminal's own colours were chosen for its ground, whatever that is.
        (_, _, None) | (_, false, Some(Ground::Dark)) => "16",
    }
}
