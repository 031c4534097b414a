//! Keys, mouse and pastes: who gets them, and what they ask for.

use std::time::Duration;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::App;
use crate::tui::command::Command;
use crate::tui::effect::Effect;
use crate::tui::geometry::{self, Geometry};
use crate::tui::hints;
use crate::tui::keymap::{self, Context, Key};
use crate::tui::widgets::field::Field;

/// Two clicks on one cell within this time are a double click.
const DOUBLE_CLICK: Duration = Duration::from_millis(400);
/// Lines for one notch of the wheel.
const NOTCH: isize = 3;

impl App {
    pub(super) fn key(&mut self, key: KeyEvent, effects: &mut Vec<Effect>) {
        self.dirty = true;
        if let Some(keys) = keymap::without_alt(key).filter(|_| !self.knows(key)) {
            return keys.into_iter().for_each(|key| self.key(key, effects));
        }
        if let Some(dialog) = &mut self.dialog {
            match dialog.command_of(Key::from(key)) {
                Some(command) => self.perform(command, effects),
                None => dialog.type_key(key),
            }
            return;
        }
        let context = self.context();
        match context.command(Key::from(key)) {
            Some(command) => self.perform(command, effects),
            None if context == Context::Field => self.type_key(key, effects),
            None => {}
        }
    }

    /// Whether a key means something here.
    fn knows(&self, key: KeyEvent) -> bool {
        let (is_typing, command) = match &self.dialog {
            Some(dialog) => (dialog.is_typing(), dialog.command_of(Key::from(key))),
            None => {
                let context = self.context();
                (context == Context::Field, context.command(Key::from(key)))
            }
        };
        command.is_some() || is_typing && Field::knows(key)
    }

    pub(super) fn paste(&mut self, text: &str, effects: &mut Vec<Effect>) {
        self.dirty = true;
        if let Some(dialog) = &mut self.dialog {
            return dialog.paste(text);
        }
        if self.context() != Context::Field {
            // Taken for keys, a paste could do anything.
            return;
        }
        self.with_pane(self.focus, effects, |slot, cx| {
            if let Some(field) = slot.pane.field() {
                field.paste(text);
                slot.pane.field_changed(cx);
            }
        });
    }

    /// A key for the open field: it edits, or, where the field has no use for it, moves.
    fn type_key(&mut self, key: KeyEvent, effects: &mut Vec<Effect>) {
        self.with_pane(self.focus, effects, |slot, cx| {
            let Some(field) = slot.pane.field() else { return };
            if field.key(key) {
                slot.pane.field_changed(cx);
            } else {
                slot.pane.field_key(key, cx);
            }
        });
    }

    pub(super) fn mouse(&mut self, mouse: MouseEvent, effects: &mut Vec<Effect>) {
        let at = Position::new(mouse.column, mouse.row);
        let Some(geometry) = self.geometry() else { return };
        match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                self.dragging = self.dialog.is_none() && geometry.is_split(at);
                self.click(at, &geometry, effects);
            }
            MouseEventKind::Down(MouseButton::Right) => self.offer_actions(at, &geometry, effects),
            MouseEventKind::Drag(MouseButton::Left) if self.dragging => {
                self.split = geometry.split_at(at.y).unwrap_or(self.split);
            }
            MouseEventKind::ScrollUp => self.wheel(at, -NOTCH, &geometry, effects),
            MouseEventKind::ScrollDown => self.wheel(at, NOTCH, &geometry, effects),
            _ => return,
        }
        self.dirty = true;
    }

    fn click(&mut self, at: Position, geometry: &Geometry, effects: &mut Vec<Effect>) {
        let now = self.world.now.at;
        let is_double = self
            .clicked
            .is_some_and(|(then, place)| place == at && now.duration_since(then) < DOUBLE_CLICK);
        self.clicked = (!is_double).then_some((now, at));
        if let Some(dialog) = &self.dialog {
            if let Some(command) = dialog.hint_at(at) {
                self.perform(command, effects);
            }
            return;
        }
        // A click elsewhere ends typing the way Enter does.
        if self.context() == Context::Field {
            self.perform(Command::Accept, effects);
        }
        if let Some(command) = self.hint_at(at, geometry) {
            self.clicked = None;
            return self.perform(command, effects);
        }
        if let Some(pane) = geometry.tab_at(at) {
            return self.perform(Command::Focus(pane), effects);
        }
        let Some(pane) = geometry.pane_at(at) else { return };
        self.focus(pane);
        if is_double {
            return self.perform(Command::Zoom, effects);
        }
        if geometry.frame(pane).is_some_and(|frame| geometry::inside(frame).contains(at)) {
            self.with_pane(pane, effects, |slot, cx| slot.pane.click(at, &mut slot.scroll, cx));
        }
    }

    /// The command of the hint under a point.
    fn hint_at(&self, at: Position, geometry: &Geometry) -> Option<Command> {
        let pane = &*self.slots[self.focus.index()].pane;
        let of_pane = geometry.frame(self.focus).map(|frame| hints::line(pane, frame));
        let of_all = self.reminders(geometry.footer);
        let lines = [(Context::Pane(self.focus), of_pane), (Context::Global, of_all)];
        let places = lines
            .into_iter()
            .filter_map(|(context, line)| Some(hints::places(context, line?)))
            .flatten();
        places.into_iter().find(|hint| hint.place.contains(at)).map(|hint| hint.command)
    }

    /// The right button: the row under it, and what can be done with it.
    fn offer_actions(&mut self, at: Position, geometry: &Geometry, effects: &mut Vec<Effect>) {
        if self.dialog.is_some() || self.context() == Context::Field {
            return;
        }
        let Some(pane) = geometry.pane_at(at) else { return };
        self.focus(pane);
        self.with_pane(pane, effects, |slot, cx| slot.pane.point(at, &mut slot.scroll, cx));
        self.perform(Command::Palette, effects);
    }

    fn wheel(
        &mut self,
        at: Position,
        lines: isize,
        geometry: &Geometry,
        effects: &mut Vec<Effect>,
    ) {
        match &mut self.dialog {
            Some(dialog) => dialog.wheel(lines),
            None => {
                let Some(pane) = geometry.pane_at(at) else { return };
                self.with_pane(pane, effects, |slot, cx| {
                    slot.pane.wheel(lines, &mut slot.scroll, cx);
                });
            }
        }
    }
}
