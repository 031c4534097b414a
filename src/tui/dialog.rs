//! What lies over the panes and has the keyboard: help, palette, details, plans of actions.
//!
//! A dialog is one file here. The application holds the open one and knows none of them by name.

pub mod action_log;
pub mod close;
pub mod columns;
pub mod details;
pub mod doctor;
pub mod filters;
pub mod help;
pub mod kill;
mod page;
pub mod palette;
mod picker;
pub mod quit;
pub mod set;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod why;
mod window;

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::{Position, Rect};

pub use page::Page;

use super::command::{Command, Motion, PaneId};
use super::cx::Cx;
use super::event::{Answer, RequestId};
use super::keymap::{self, Binding, Key};
use super::widgets::field::Field;
use super::widgets::scroll::Scroll;

/// A dialog: its state, its keys, what stands in it, and what it makes of commands and answers.
pub trait Dialog: fmt::Debug {
    /// Its title, uncleaned.
    fn title(&self) -> String;

    /// Whether it may change the system.
    fn is_danger(&self) -> bool {
        false
    }

    /// The keys that it knows right now, each with its hint. Motions and Ctrl-C come for free.
    fn keys(&self) -> Vec<Binding> {
        vec![Binding::close()]
    }

    /// Writes what stands in it.
    fn write(&self, page: &mut Page<'_>);

    /// The text field that has the keyboard, if one is open.
    fn field(&self) -> Option<&Field> {
        None
    }

    /// The same, to be typed into.
    fn field_mut(&mut self) -> Option<&mut Field> {
        None
    }

    /// A key, or a paste, has changed the field.
    fn field_changed(&mut self) {}

    /// Moves a choice; `false` where there is none in that direction, so that the text moves.
    fn choose(&mut self, _motion: Motion) -> bool {
        false
    }

    /// Obeys a command; motions come as [`Dialog::choose`].
    fn command(&mut self, _command: Command, _cx: &mut Cx<'_>) -> Step {
        Step::Ignored
    }

    /// Takes the answer that it waits for, if this is it.
    fn answer(&mut self, _id: RequestId, _answer: &Answer, _cx: &mut Cx<'_>) {}

    /// Whether it shows how the action with this id ends.
    fn shows(&self, _id: RequestId) -> bool {
        false
    }

    /// Something has happened: do what is due.
    fn advance(&mut self, _cx: &mut Cx<'_>) {}
}

/// What a dialog made of a command.
#[derive(Debug)]
pub enum Step {
    /// It has nothing to say to it: Esc and Enter close.
    Ignored,
    /// It stays open.
    Stay,
    /// It closes.
    Close,
    /// It closes and asks for this, of another pane where one is named.
    Run(Option<PaneId>, Command),
    /// Another one takes its place.
    Open(Box<dyn Dialog>),
}

/// The open dialog. Only one is open at a time.
#[derive(Debug)]
pub struct Open {
    dialog: Box<dyn Dialog>,
    scroll: Scroll,
    // Whether the text scrolls along with the choice.
    follows: bool,
    // Where the hints were drawn.
    hints: Vec<(Rect, Command)>,
}

impl Open {
    /// A dialog as it opens.
    pub fn new(dialog: Box<dyn Dialog>) -> Self {
        Self { dialog, scroll: Scroll::default(), follows: false, hints: Vec::new() }
    }

    /// The title, uncleaned.
    pub fn title(&self) -> String {
        self.dialog.title()
    }

    /// Whether a text field has the keyboard.
    pub fn is_typing(&self) -> bool {
        self.dialog.field().is_some()
    }

    /// The command that a key asks for.
    pub fn command_of(&self, key: Key) -> Option<Command> {
        keymap::command_in_dialog(&self.dialog.keys(), self.is_typing(), key)
    }

    /// The command whose hint is under a point.
    pub fn hint_at(&self, at: Position) -> Option<Command> {
        self.hints.iter().find(|(area, _)| area.contains(at)).map(|(_, command)| *command)
    }

    /// Obeys a command.
    pub fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Step {
        if let Command::Move(motion) = command {
            self.follows = self.dialog.choose(motion);
            if !self.follows {
                self.scroll.go(motion);
            }
            return Step::Stay;
        }
        let step = self.dialog.command(command, cx);
        if command == Command::Accept {
            // What is asked for next shall be seen.
            self.scroll = Scroll::default();
        }
        match (step, command) {
            (Step::Ignored, Command::Accept | Command::Cancel) => Step::Close,
            (Step::Ignored, _) => Step::Ignored,
            (step, _) => {
                self.follows = true;
                step
            }
        }
    }

    /// A key for the open field: it edits, or, where the field has no use for it, moves.
    pub fn type_key(&mut self, key: KeyEvent) {
        if self.dialog.field_mut().is_some_and(|field| field.key(key)) {
            self.dialog.field_changed();
        } else {
            _ = match key.code {
                KeyCode::Up => self.dialog.choose(Motion::Up),
                KeyCode::Down => self.dialog.choose(Motion::Down),
                _ => return,
            };
        }
        self.follows = true;
    }

    /// A paste; without a field, keys are all it could be taken for.
    pub fn paste(&mut self, text: &str) {
        if let Some(field) = self.dialog.field_mut() {
            field.paste(text);
            self.dialog.field_changed();
            self.follows = true;
        }
    }

    /// The wheel was turned, by so many lines downwards.
    pub fn wheel(&mut self, lines: isize) {
        let motion = if lines < 0 { Motion::Up } else { Motion::Down };
        self.follows = self.is_typing() && self.dialog.choose(motion);
        if !self.follows {
            self.scroll.by(lines);
        }
    }

    /// Hands an answer on.
    pub fn answer(&mut self, id: RequestId, answer: &Answer, cx: &mut Cx<'_>) {
        self.dialog.answer(id, answer, cx);
    }

    /// Whether it shows how the action with this id ends.
    pub fn shows(&self, id: RequestId) -> bool {
        self.dialog.shows(id)
    }

    /// Does what is due.
    pub fn advance(&mut self, cx: &mut Cx<'_>) {
        self.dialog.advance(cx);
    }
}
