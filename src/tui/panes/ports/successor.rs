//! Whoever holds the port of the selected row again after that row has ended.

use super::state::Ports;
use crate::model::socket::Socket;
use crate::tui::arrange::{Line, Place};
use crate::tui::pane::Cx;
use crate::tui::world::World;

impl Ports {
    /// Looks for a live row in the place of the selected one, where that has ended. A server
    /// alone can have a successor: a connection is not held again.
    pub(super) fn look_for_successor(&mut self, world: &World) {
        let ended = match self.line() {
            Some(Line::Row(view)) if view.ended_at.is_some() => Some(&view.row.socket),
            _ => None,
        };
        let table = ended.filter(|socket| socket.is_server()).zip(world.ports.value());
        self.successor = table.and_then(|(ended, table)| {
            table.rows.iter().find(|row| holds_again(&row.socket, ended)).map(|row| row.key)
        });
    }

    /// Puts the cursor on the successor.
    pub(super) fn follow_successor(&mut self, cx: &mut Cx<'_>) {
        let Some(key) = self.successor else { return };
        match self.listing.as_ref().and_then(|listing| listing.line_of(Place::Row(key))) {
            Some(line) => {
                self.put_cursor(line, cx);
                self.successor = None;
                // The ended row needs no place of its own any more.
                self.wish_anew(false);
            }
            None => {
                let row = cx.world.ports.value().and_then(|table| table.find(key)).cloned();
                let held_by = row.map(|row| crate::tui::label::owner(&row.socket));
                let by = held_by.unwrap_or_default();
                cx.world.complain(format!("{by} holds the port again; the filter leaves it out"));
            }
        }
    }
}

/// Whether a socket serves where the other did.
fn holds_again(socket: &Socket, ended: &Socket) -> bool {
    socket.is_server()
        && socket.local.port == ended.local.port
        && (socket.netns, socket.protocol, socket.family)
            == (ended.netns, ended.protocol, ended.family)
        && socket.local == ended.local
}
