//! Everything about the selected row. While it is open, who is around the socket is looked up
//! anew with each sample; who keeps its holders is asked once for each of them, since programs are
//! run for that.

mod activity;
mod fact;
mod family;
mod lines;
mod tcp;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{Dialog, Page};
use crate::model::owner::ProcessKey;
use crate::model::socket::SocketKey;
use crate::tui::cx::Cx;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::surroundings::LookAround;

/// The details, with the look around that was asked for last.
#[derive(Debug, Default)]
pub struct Details {
    // The row, and the round of the sample.
    asked: Option<(SocketKey, u64)>,
    running: Option<RequestId>,
    // The row whose keepers were asked for last, and its holders.
    keepers_of: Option<(SocketKey, Vec<ProcessKey>)>,
    asking: Option<RequestId>,
}

impl Details {
    /// Asks who keeps those that serve; a connection is ended by other means.
    fn ask_keepers(&mut self, cx: &mut Cx<'_>) {
        let Some(selection) = cx.world.selection.as_ref().filter(|it| it.ended_at.is_none()) else {
            return;
        };
        let row = &selection.row;
        let owners = row.socket.owners.iter().map(|owner| owner.process.key());
        let wanted = Some((row.key, owners.collect::<Vec<ProcessKey>>()));
        let is_kept = row.socket.remote.is_none() && !row.socket.owners.is_empty();
        if !is_kept || self.asking.is_some() || self.keepers_of == wanted {
            return;
        }
        let id = cx.requests.next_id();
        (self.keepers_of, self.asking) = (wanted, Some(id));
        cx.effects.push(Effect::AskKeepers(id, Arc::clone(row)));
    }
}

impl Dialog for Details {
    fn title(&self) -> String {
        "Details".to_owned()
    }

    fn write(&self, page: &mut Page<'_>) {
        let (world, theme) = (page.world, page.theme);
        let Some(selection) = &world.selection else {
            return page.add("No row is selected.", theme.dim);
        };
        let table = world.ports.value();
        let listen = table.and_then(|table| table.listen_in(selection.row.key.netns));
        for (name, value) in lines::lines(selection, listen, world) {
            page.lead((&format!("{name:<12}"), theme.heading), (&value, theme.text));
        }
    }

    fn advance(&mut self, cx: &mut Cx<'_>) {
        self.ask_keepers(cx);
        let (Some(selection), Some(table)) = (&cx.world.selection, cx.world.ports.value()) else {
            return;
        };
        let wanted = Some((selection.row.key, cx.world.ports.sample.seq));
        // One at a time: the next begins when this one has answered.
        if self.running.is_some() || self.asked == wanted {
            return;
        }
        let look = LookAround { row: Arc::clone(&selection.row), table: Arc::clone(table) };
        let id = cx.requests.next_id();
        (self.asked, self.running) = (wanted, Some(id));
        cx.effects.push(Effect::LookAround(id, Box::new(look)));
    }

    fn answer(&mut self, id: RequestId, answer: &Answer, cx: &mut Cx<'_>) {
        if let Answer::LookedAround(found) = answer
            && self.running.take_if(|running| *running == id).is_some()
        {
            cx.world.surroundings = Some(found.clone());
        }
        if let Answer::KeptBy(kept) = answer
            && self.asking.take_if(|asking| *asking == id).is_some()
        {
            cx.world.kept_by = Some(kept.clone());
        }
    }
}
