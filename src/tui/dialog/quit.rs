//! Whether to quit while an action runs.

use super::{Dialog, Page, Step};
use crate::tui::command::Command;
use crate::tui::cx::Cx;
use crate::tui::effect::Effect;
use crate::tui::keymap::Binding;

/// The question.
#[derive(Debug)]
pub struct Quit;

impl Dialog for Quit {
    fn title(&self) -> String {
        "Quit?".to_owned()
    }

    fn is_danger(&self) -> bool {
        true
    }

    fn keys(&self) -> Vec<Binding> {
        vec![Binding::enter("quit anyway"), Binding::esc("stay")]
    }

    fn write(&self, page: &mut Page<'_>) {
        let style = page.theme.text;
        page.add("An action is still running. It may be left half done.", style);
        page.add("Nobody would see how it ends.", style);
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Step {
        match command {
            Command::Accept | Command::Quit => {
                cx.effects.push(Effect::Quit);
                Step::Stay
            }
            _ => Step::Ignored,
        }
    }
}
