//! Keys, mouse and pastes: who gets them, and what they ask for.

use std::time::Duration;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::App;
use crate::tui::command::Command;
use crate::tui::effect::Effect;
use crate::tui::geometry::{self, Geometry};
use crate::tui::keymap::{Context, Key};

/// Two clicks on one cell within this time are a double click.
const DOUBLE_CLICK: Duration = Duration::from_millis(400);
/// Lines for one notch of the wheel.
const NOTCH: isize = 3;

impl App {
    pub(super) fn key(&mut self, key: KeyEvent, effects: &mut Vec<Effect>) {
        self.dirty = true;
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
            MouseEventKind::Down(MouseButton::Left) => self.click(at, &geometry, effects),
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
        if let Some(pane) = geometry.tab_at(at) {
            return self.perform(Command::Focus(pane), effects);
        }
        let Some(pane) = geometry.pane_at(at) else { return };
        self.focus = pane;
        if is_double {
            return self.perform(Command::Zoom, effects);
        }
        let frame = geometry.panes.iter().find(|(id, _)| *id == pane).map(|(_, frame)| *frame);
        if frame.is_some_and(|frame| geometry::inside(frame).contains(at)) {
            self.with_pane(pane, effects, |slot, cx| slot.pane.click(at, &mut slot.scroll, cx));
        }
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
