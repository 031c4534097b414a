//! What each command does.

use super::App;
use crate::sys::host;
use crate::tui::command::{Command, ExportFormat};
use crate::tui::dialog::Step;
use crate::tui::dialog::action_log::ActionLogDialog;
use crate::tui::dialog::doctor::DoctorDialog;
use crate::tui::dialog::help::Help;
use crate::tui::dialog::palette::Palette;
use crate::tui::dialog::quit::Quit;
use crate::tui::effect::Effect;
use crate::tui::pane::PaneId;

impl App {
    pub(super) fn perform(&mut self, command: Command, effects: &mut Vec<Effect>) {
        if self.dialog.is_some() {
            return self.in_dialog(command, effects);
        }
        match command {
            Command::Quit => self.quit(effects),
            Command::Suspend => effects.push(Effect::Suspend),
            Command::Help => self.open(Box::new(Help::new(self.focus))),
            Command::Palette => self.open(Box::new(Palette::new(self.focus))),
            Command::ActionLog => {
                self.log.unseen_failures = 0;
                self.open(Box::new(ActionLogDialog));
            }
            Command::Doctor => {
                let id = self.requests.next_id();
                effects.push(Effect::Examine(id));
                self.open(Box::new(DoctorDialog::waiting_for(id)));
            }
            Command::Focus(pane) => self.focus(pane),
            Command::FocusNext => self.focus(self.focus.step(1)),
            Command::FocusPrevious => self.focus(self.focus.step(PaneId::ALL.len() - 1)),
            Command::MoveSplit { down } => self.split = self.split.moved(down),
            Command::Zoom => self.zoom = !self.zoom,
            Command::Mouse => {
                self.mouse = !self.mouse;
                effects.push(Effect::Mouse(self.mouse));
                self.world.say(if self.mouse {
                    "The mouse is sockpit's again"
                } else {
                    "The mouse is the terminal's: it selects text; M takes it back"
                });
            }
            Command::Freeze => self.world.toggle_freeze(),
            Command::Names => self.world.names = !self.world.names,
            Command::Copy => self.copy(effects),
            Command::Export(format) => self.export(format, effects),
            Command::Refresh => {
                effects.push(Effect::Refresh);
                self.tell(PaneId::Options, command, effects);
            }
            Command::Filter => {
                self.focus = PaneId::Ports;
                self.tell(PaneId::Ports, command, effects);
            }
            _ => self.tell(self.focus, command, effects),
        }
    }

    /// Quits, or asks once while an action runs.
    fn quit(&mut self, effects: &mut Vec<Effect>) {
        if self.log.is_running() {
            self.open(Box::new(Quit));
        } else {
            effects.push(Effect::Quit);
        }
    }

    fn copy(&mut self, effects: &mut Vec<Effect>) {
        let pane = &self.slots[self.focus.index()].pane;
        match pane.copy(&self.world) {
            Some(text) => {
                let id = self.requests.next_id();
                effects.push(Effect::Copy(id, text));
            }
            None => self.world.complain(format!("{} has nothing to copy", self.focus.name())),
        }
    }

    /// Says what was done, and nothing more: a terminal does not tell whether it obeys. Without
    /// any clipboard a file is the last way.
    pub(super) fn copied(
        &mut self,
        text: &str,
        tool: Option<&'static str>,
        effects: &mut Vec<Effect>,
    ) {
        const FILE: &str = "copied.txt";
        match (tool, host::state::path(FILE)) {
            (Some(tool), _) => self.world.say(format!("Copied by {tool}: {text}")),
            (None, _) if self.has_clipboard => {
                self.world.say(format!("Sent to the terminal's clipboard, if it has one: {text}"));
                effects.push(Effect::CopyToTerminal(text.to_owned()));
            }
            (None, Some(path)) => {
                let path = path.display();
                self.world.say(format!("No clipboard here: written to {path}: {text}"));
                let id = self.requests.next_id();
                effects.push(Effect::Keep(id, FILE, format!("{text}\n")));
            }
            (None, None) => {
                self.world.complain("There is no clipboard here, and no HOME for a file");
            }
        }
    }

    fn export(&mut self, format: ExportFormat, effects: &mut Vec<Effect>) {
        let pane = &self.slots[self.focus.index()].pane;
        match pane.export(&self.world, format) {
            Some(export) => {
                let id = self.requests.next_id();
                effects.push(Effect::Export(id, Box::new(export)));
            }
            None => self.world.complain(format!("{} has nothing to export yet", self.focus.name())),
        }
    }

    fn in_dialog(&mut self, command: Command, effects: &mut Vec<Effect>) {
        match self.with_dialog(effects, |dialog, cx| dialog.command(command, cx)) {
            None | Some(Step::Stay) => {}
            Some(Step::Ignored) if command == Command::Quit => self.quit(effects),
            Some(Step::Ignored) => {}
            Some(Step::Close) => self.dialog = None,
            Some(Step::Open(dialog)) => self.open(dialog),
            Some(Step::Run(pane, command)) => {
                self.dialog = None;
                if let Some(pane) = pane {
                    self.focus(pane);
                }
                self.perform(command, effects);
            }
        }
    }
}
