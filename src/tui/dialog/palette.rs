//! The palette: every command by its name, found by typing parts of it.

use std::borrow::Cow;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};

use super::picker::Picker;
use super::{Dialog, Page, Step};
use crate::tui::command::{Command, Motion};
use crate::tui::cx::Cx;
use crate::tui::keymap::{self, Binding, Offer};
use crate::tui::pane::PaneId;
use crate::tui::widgets::field::Field;

/// The open palette.
#[derive(Debug)]
pub struct Palette {
    picker: Picker<Offer>,
    pane: PaneId,
}

/// An offer under its sentence, for the matcher.
struct Candidate(Cow<'static, str>, Offer);

impl AsRef<str> for Candidate {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Palette {
    /// All commands, those of this pane first.
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
        let texts = |offer: &Offer| (offer.about(), offer.key_names());
        self.picker.write(page, ":", "  No command has that name.", texts);
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
        let candidates = keymap::palette(self.pane).map(|offer| Candidate(offer.about(), offer));
        let found = pattern.match_list(candidates, &mut Matcher::new(Config::DEFAULT));
        self.picker.narrow(found.into_iter().map(|(candidate, _)| candidate.1).collect());
    }

    fn choose(&mut self, motion: Motion) -> bool {
        self.picker.choose(motion)
    }

    fn command(&mut self, command: Command, _: &mut Cx<'_>) -> Step {
        match command {
            Command::Accept => self
                .picker
                .get()
                .map_or(Step::Stay, |offer| Step::Run(offer.pane, offer.binding.command)),
            _ => Step::Ignored,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fixture::Bench;
    use crate::tui::keymap::Context;

    fn command(palette: &mut Palette) -> Option<Command> {
        match palette.command(Command::Accept, &mut Bench::default().cx()) {
            Step::Run(_, command) => Some(command),
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
    fn the_commands_of_other_panes_are_offered_with_the_way_there() {
        let kill = |pane: PaneId| {
            let offered = Palette::new(pane).picker.found;
            let place = offered.iter().position(|it| it.binding.command == Command::Kill).unwrap();
            (offered[place].pane, offered[place].key_names(), place)
        };
        assert_eq!(kill(PaneId::Ports), (None, "K".to_owned(), 0));
        let (pane, keys, place) = kill(PaneId::Tester);
        assert_eq!((pane, keys.as_str()), (Some(PaneId::Ports), "1 K"));
        assert!(place > Context::Pane(PaneId::Tester).bindings().len());
    }
}
