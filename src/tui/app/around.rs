//! While the details of a row are open, who is around it is looked up anew with each sample.

use std::sync::Arc;

use super::App;
use crate::model::socket::SocketKey;
use crate::tui::dialog::Dialog;
use crate::tui::effect::Effect;
use crate::tui::event::RequestId;
use crate::tui::surroundings::{LookAround, Surroundings};

/// Which look was asked for last, and whether it is under way.
#[derive(Debug, Default)]
pub(super) struct LookedAround {
    asked: Option<(SocketKey, u64)>,
    running: Option<RequestId>,
}

impl App {
    pub(super) fn look_around(&mut self, effects: &mut Vec<Effect>) {
        let world = &self.world;
        let (Some(Dialog::Details), Some(selection), Some(table)) =
            (&self.dialog, &world.selection, world.ports.value())
        else {
            return;
        };
        let wanted = Some((selection.row.key, world.ports.sample.seq));
        // One at a time: the next begins when this one has answered.
        if self.looked_around.running.is_some() || self.looked_around.asked == wanted {
            return;
        }
        let look = LookAround { row: Arc::clone(&selection.row), table: Arc::clone(table) };
        let id = self.requests.next_id();
        self.looked_around = LookedAround { asked: wanted, running: Some(id) };
        effects.push(Effect::LookAround(id, Box::new(look)));
    }

    pub(super) fn take_surroundings(&mut self, id: RequestId, found: Surroundings) {
        if self.looked_around.running.take_if(|running| *running == id).is_some() {
            self.world.surroundings = Some(found);
        }
    }
}
