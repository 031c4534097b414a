//! The palette: every command by its name, found by typing parts of it.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};

use super::picker::Picker;
use super::{Dialog, Page, Step};
use crate::tui::command::{Command, Motion};
use crate::tui::cx::Cx;
use crate::tui::keymap::{self, Binding};
use crate::tui::pane::PaneId;
use crate::tui::widgets::field::Field;

/// The open palette.
#[derive(Debug)]
pub struct Palette {
    picker: Picker<&'static Binding>,
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
        Self { picker: Picker::new(keymap::palette(pane).collect()), pane }
    }
}

impl Dialog for Palette {
    fn title(&self) -> String {
        "Palette".to_owned()
    }

    fn keys(&self) -> Vec<Binding> {
        vec![Binding::enter("run"), Binding::esc("close")]
    }

    fn write(&self, page: &mut Page<'_>) {
        let texts = |binding: &&'static Binding| (binding.about.into(), binding.key_names());
        self.picker.write(page, ":", "  no command is called so", texts);
    }

    fn field(&self) -> Option<&Field> {
        Some(&self.picker.field)
    }

    fn field_mut(&mut self) -> Option<&mut Field> {
        Some(&mut self.picker.field)
    }

    fn field_changed(&mut self) {
        let typed = self.picker.field.text();
        let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
        let candidates = keymap::palette(self.pane).map(Candidate);
        let found = pattern.match_list(candidates, &mut Matcher::new(Config::DEFAULT));
        self.picker.narrow(found.into_iter().map(|(candidate, _)| candidate.0).collect());
    }

    fn choose(&mut self, motion: Motion) -> bool {
        self.picker.choose(motion)
    }

    fn command(&mut self, command: Command, _: &mut Cx<'_>) -> Step {
        match command {
            Command::Accept => {
                self.picker.get().map_or(Step::Stay, |binding| Step::Run(binding.command))
            }
            _ => Step::Ignored,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fixture::Bench;

    fn command(palette: &mut Palette) -> Option<Command> {
        match palette.command(Command::Accept, &mut Bench::default().cx()) {
            Step::Run(command) => Some(command),
            _ => None,
        }
    }

    #[test]
    fn parts_of_a_sentence_find_its_command() {
        let mut palette = Palette::new(PaneId::Ports);
        palette.picker.field.set("freez");
        palette.field_changed();
        assert_eq!(command(&mut palette), Some(Command::Freeze));
        palette.picker.field.set("zzzzqx");
        palette.field_changed();
        palette.choose(Motion::Down);
        assert_eq!(command(&mut palette), None);
    }

    #[test]
    fn a_panes_own_commands_are_offered_there_alone() {
        let offers = |pane: PaneId| {
            let offered = Palette::new(pane).picker.found;
            offered.iter().any(|binding| binding.command == Command::Kill)
        };
        assert!(offers(PaneId::Ports));
        assert!(!offers(PaneId::Tester));
    }
}
