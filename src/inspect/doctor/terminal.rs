//! The terminal: what the dashboard would have of it.

use std::env;

use super::HealthState::{Degraded, Unavailable};
use super::{gap, ready};
use crate::model::machine::Ability;

/// The terminal that the dashboard would have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Whether there is one on stdout.
    pub is_there: bool,
    /// `TERM`.
    pub term: Option<String>,
    /// `COLORTERM`.
    pub colorterm: Option<String>,
    /// Whether `NO_COLOR` is set.
    pub no_color: bool,
    /// Whether it runs within tmux or screen.
    pub multiplexed: bool,
}

impl Terminal {
    /// What the environment says.
    pub fn of_environment(is_there: bool) -> Self {
        let text = |name| env::var(name).ok().filter(|value: &String| !value.is_empty());
        Self {
            is_there,
            term: text("TERM"),
            colorterm: text("COLORTERM"),
            no_color: text("NO_COLOR").is_some(),
            multiplexed: text("TMUX").is_some() || text("STY").is_some(),
        }
    }

    /// What the dashboard will look like on it.
    pub(super) fn ability(&self) -> Ability {
        let name = "terminal";
        let effect = "the dashboard does not open, or has no colours";
        let term = match self.term.as_deref() {
            None => return gap(name, Unavailable, "TERM is not set", effect),
            Some("dumb") => return gap(name, Unavailable, "TERM=dumb", effect),
            Some(term) => term,
        };
        let colours = match self.colorterm.as_deref() {
            _ if self.no_color => "no colours (NO_COLOR is set)",
            Some("truecolor" | "24bit") => "all colours",
            _ if term.contains("256color") => "256 colours",
            _ => "16 colours",
        };
        let mouse = if term == "linux" { "no mouse" } else { "mouse" };
        let clipboard = match self.multiplexed {
            _ if term == "linux" => "no clipboard",
            true => "clipboard by OSC 52, if tmux or screen passes it on (it does not say so)",
            false => "clipboard by OSC 52, if the terminal takes it (it does not say so)",
        };
        let reason = format!("{term}: {colours}; {mouse}; {clipboard}");
        if !self.is_there {
            return gap(name, Degraded, format!("stdout is none; {reason}"), effect);
        }
        ready(name, reason)
    }
}
