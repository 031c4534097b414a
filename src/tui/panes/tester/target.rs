//! The target line: what the selection offers, or what the user typed.

use std::collections::VecDeque;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::probe::Target;
use crate::text::{clean, units};
use crate::tui::theme::Theme;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::paint;
use crate::tui::world::World;

/// Targets remembered for the arrow keys.
const HISTORY: usize = 50;

/// The target line.
#[derive(Debug, Default)]
pub(super) struct TargetLine {
    // Typed by the user: stays when the selection moves on.
    typed: Option<String>,
    editing: Option<Field>,
    recalled: usize,
    history: VecDeque<String>,
}

impl TargetLine {
    /// The typed target, else the one that the selection offers.
    pub(super) fn text(&self, world: &World) -> Option<String> {
        self.typed.clone().or_else(|| offered(world))
    }

    /// Whether the user typed it.
    pub(super) fn is_typed(&self) -> bool {
        self.typed.is_some()
    }

    pub(super) fn is_open(&self) -> bool {
        self.editing.is_some()
    }

    pub(super) fn field(&mut self) -> Option<&mut Field> {
        self.editing.as_mut()
    }

    pub(super) fn open(&mut self, world: &World) {
        self.editing = Some(Field::new(&self.text(world).unwrap_or_default()));
        self.recalled = self.history.len();
    }

    /// Leaves the target as it was.
    pub(super) fn cancel(&mut self) {
        self.editing = None;
    }

    /// Takes what was typed; an empty field follows the selection again. `true` when there
    /// is something to be tested.
    pub(super) fn accept(&mut self) -> bool {
        let Some(field) = self.editing.take() else { return false };
        let text = field.text().trim().to_owned();
        if text.is_empty() {
            self.typed = None;
            return false;
        }
        self.history.retain(|old| *old != text);
        self.history.push_back(text.clone());
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
        self.typed = Some(text);
        true
    }

    /// Tab: the newest target of the history, or the selection's, that begins as typed.
    pub(super) fn complete(&mut self, world: &World) {
        let Some(field) = &mut self.editing else { return };
        let typed = field.text().to_owned();
        let candidates = self.history.iter().rev().cloned().chain(offered(world));
        let mut longer =
            candidates.filter(|known| known.starts_with(&typed) && known.len() > typed.len());
        if let Some(found) = longer.next() {
            field.set(&found);
        }
    }

    /// Puts an earlier (-1) or later (1) target of the history into the field.
    pub(super) fn recall(&mut self, step: isize) {
        let Some(field) = &mut self.editing else { return };
        self.recalled = self.recalled.saturating_add_signed(step).min(self.history.len());
        field.set(self.history.get(self.recalled).map_or("", String::as_str));
    }

    /// Draws the line; returns where the cursor belongs while it is edited.
    pub(super) fn draw(
        &self,
        buf: &mut Buffer,
        line: Rect,
        world: &World,
        theme: &Theme,
    ) -> Option<Position> {
        let used = paint::left(buf, line, "target   ", theme.heading);
        let room = Rect { x: line.x + used, width: line.width.saturating_sub(used), ..line };
        if let Some(field) = &self.editing {
            return field.draw(buf, room, theme.accent);
        }
        let target = self.text(world);
        let (text, style) = match &target {
            Some(target) => (clean(target), theme.accent),
            None => (units::UNKNOWN.into(), theme.dim),
        };
        let origin = match (&self.typed, &target) {
            (Some(_), _) => "  typed; clear it to follow the selection",
            (None, Some(_)) => "  from the selection",
            (None, None) if world.selected_elsewhere().is_some() => {
                "  the selected socket is in another network namespace"
            }
            (None, None) => "",
        };
        paint::spans(buf, room, [(text, style), (origin.into(), theme.dim)]);
        None
    }
}

/// Where a client of the selected socket would knock.
fn offered(world: &World) -> Option<String> {
    // From here its address would lead somewhere else.
    if world.selected_elsewhere().is_some() {
        return None;
    }
    let socket = &world.selection.as_ref()?.row.socket;
    Target::of_socket(socket).map(|target| target.text().to_owned())
}
