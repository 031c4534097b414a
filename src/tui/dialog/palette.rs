//! The palette: every command by its name, found by typing parts of it.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};

use crate::tui::command::{Command, Motion};
use crate::tui::keymap::{self, Binding};
use crate::tui::pane::PaneId;
use crate::tui::widgets::field::Field;

/// The open palette.
#[derive(Debug)]
pub struct Palette {
    /// What is typed.
    pub field: Field,
    /// Commands that match, the best first.
    pub matches: Vec<&'static Binding>,
    /// The chosen one of them.
    pub chosen: usize,
    pane: PaneId,
}

/// A binding under its sentence, for the matcher.
struct Candidate(&'static Binding);

impl AsRef<str> for Candidate {
    fn as_ref(&self) -> &str {
        self.0.about
    }
}

impl Palette {
    /// All commands of a pane and of the whole.
    pub fn new(pane: PaneId) -> Self {
        let matches = keymap::palette(pane).collect();
        Self { field: Field::default(), matches, chosen: 0, pane }
    }

    /// Matches anew what is typed.
    pub fn search(&mut self) {
        let pattern = Pattern::parse(self.field.text(), CaseMatching::Ignore, Normalization::Smart);
        let candidates = keymap::palette(self.pane).map(Candidate);
        let found = pattern.match_list(candidates, &mut Matcher::new(Config::DEFAULT));
        self.matches = found.into_iter().map(|(candidate, _)| candidate.0).collect();
        self.chosen = 0;
    }

    /// Moves the choice.
    pub fn go(&mut self, motion: Motion, page: usize) {
        self.chosen = motion.apply(self.chosen, self.matches.len(), page).unwrap_or(0);
    }

    /// The chosen command.
    pub fn command(&self) -> Option<Command> {
        self.matches.get(self.chosen).map(|binding| binding.command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_sentence_find_its_command() {
        let mut palette = Palette::new(PaneId::Ports);
        palette.field.set("freez");
        palette.search();
        assert_eq!(palette.command(), Some(Command::Freeze));
        palette.field.set("zzzzqx");
        palette.search();
        assert_eq!(palette.command(), None);
        palette.go(Motion::Down, 1);
        assert_eq!(palette.chosen, 0);
    }

    #[test]
    fn a_panes_own_commands_are_offered_there_alone() {
        let offers = |pane: PaneId| {
            Palette::new(pane).matches.iter().any(|binding| binding.command == Command::Kill)
        };
        assert!(offers(PaneId::Ports));
        assert!(!offers(PaneId::Tester));
    }
}
