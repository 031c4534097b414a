//! What each command does.

use super::App;
use crate::tui::command::{Command, ExportFormat, Motion};
use crate::tui::dialog::palette::Palette;
use crate::tui::dialog::{Dialog, Step};
use crate::tui::effect::Effect;
use crate::tui::pane::{Cx, PaneId};
use crate::tui::widgets::scroll::Scroll;

impl App {
    pub(super) fn perform(&mut self, command: Command, effects: &mut Vec<Effect>) {
        if self.dialog.is_some() {
            return self.in_dialog(command, effects);
        }
        match command {
            Command::Quit => self.quit(effects),
            Command::Suspend => effects.push(Effect::Suspend),
            Command::Help => self.open(Dialog::Help(self.focus)),
            Command::Palette => self.open(Dialog::Palette(Palette::new(self.focus))),
            Command::ActionLog => {
                self.log.unseen_failures = 0;
                self.open(Dialog::ActionLog);
            }
            Command::Focus(pane) => self.focus = pane,
            Command::FocusNext => self.focus = self.focus.step(1),
            Command::FocusPrevious => self.focus = self.focus.step(PaneId::ALL.len() - 1),
            Command::Zoom => self.zoom = !self.zoom,
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
            self.open(Dialog::Quit);
        } else {
            effects.push(Effect::Quit);
        }
    }

    fn copy(&mut self, effects: &mut Vec<Effect>) {
        let pane = &self.slots[self.focus.index()].pane;
        match pane.copy(&self.world) {
            Some(text) => {
                self.world.say(format!("Copied: {text}"));
                effects.push(Effect::Copy(text));
            }
            None => self.world.complain(format!("{} has nothing to copy", self.focus.name())),
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
        let is_quit_dialog = matches!(self.dialog, Some(Dialog::Quit));
        let step = match command {
            Command::Quit if is_quit_dialog => Step::Run(Command::Quit),
            Command::Quit => return self.quit(effects),
            Command::Cancel => match &mut self.dialog {
                Some(Dialog::Kill(kill)) => kill.cancel(),
                _ => Step::Close,
            },
            Command::Accept => self.accept_dialog(effects),
            Command::Move(motion) => self.move_in_dialog(motion),
            Command::Copy => self.copy_from_dialog(effects),
            Command::ToggleServers | Command::ToggleTree | Command::ChooseSignal => {
                self.change_plan(command, effects)
            }
            Command::Toggle | Command::Earlier | Command::Later | Command::Reset => {
                self.choose_columns(command)
            }
            _ => Step::Stay,
        };
        match step {
            Step::Stay => {}
            Step::Close => self.dialog = None,
            Step::Open(dialog) => self.open(*dialog),
            Step::Run(Command::Quit) if is_quit_dialog => effects.push(Effect::Quit),
            Step::Run(command) => {
                self.dialog = None;
                self.perform(command, effects);
            }
        }
    }

    fn accept_dialog(&mut self, effects: &mut Vec<Effect>) -> Step {
        let Self { dialog, world, requests, log, dialog_scroll, dialog_follow, .. } = self;
        match dialog {
            Some(Dialog::Quit) => Step::Run(Command::Quit),
            Some(Dialog::Palette(palette)) => palette.command().map_or(Step::Stay, Step::Run),
            Some(dialog) => {
                // What is asked for next shall be seen.
                (*dialog_scroll, *dialog_follow) = (Scroll::default(), true);
                let now = world.now;
                let mut cx = Cx { world, effects, requests, now };
                let step = match dialog {
                    Dialog::Kill(kill) => kill.accept(&mut cx),
                    Dialog::Close(close) => close.accept(&mut cx),
                    Dialog::Why(why) => why.accept(&mut cx),
                    Dialog::Filters(list) => list.accept(&mut cx),
                    Dialog::Columns(columns) => {
                        cx.world.columns = columns.columns();
                        Step::Close
                    }
                    _ => Step::Close,
                };
                effects.iter().filter_map(Effect::action).for_each(|id| log.begin(id));
                step
            }
            None => Step::Close,
        }
    }

    /// A choice moves first; where there is none, the text.
    fn move_in_dialog(&mut self, motion: Motion) -> Step {
        self.dialog_follow = match &mut self.dialog {
            Some(Dialog::Why(why)) => why.go(motion),
            Some(Dialog::Kill(kill)) => kill.go(motion),
            Some(Dialog::Columns(columns)) => columns.go(motion),
            _ => false,
        };
        if !self.dialog_follow {
            self.dialog_scroll.go(motion);
        }
        Step::Stay
    }

    fn copy_from_dialog(&mut self, effects: &mut Vec<Effect>) -> Step {
        let text = match &self.dialog {
            Some(Dialog::Why(why)) => why.copy(),
            _ => None,
        };
        if let Some(text) = text {
            self.world.say(format!("Copied: {text}"));
            effects.push(Effect::Copy(text));
        }
        Step::Stay
    }

    fn choose_columns(&mut self, command: Command) -> Step {
        if let Some(Dialog::Columns(columns)) = &mut self.dialog {
            match command {
                Command::Toggle => columns.toggle(),
                Command::Earlier => columns.shift(true),
                Command::Later => columns.shift(false),
                _ => columns.reset(),
            }
            self.dialog_follow = true;
        }
        Step::Stay
    }

    /// A key that changes the plan on screen.
    fn change_plan(&mut self, command: Command, effects: &mut Vec<Effect>) -> Step {
        let Self { dialog, world, requests, .. } = self;
        let now = world.now;
        let mut cx = Cx { world, effects, requests, now };
        match (dialog, command) {
            (Some(Dialog::Close(close)), Command::ToggleServers) => close.toggle_servers(&mut cx),
            (Some(Dialog::Kill(kill)), Command::ToggleTree) => kill.toggle_tree(&mut cx),
            (Some(Dialog::Kill(kill)), Command::ChooseSignal) => kill.choose_signal(),
            _ => {}
        }
        Step::Stay
    }
}
