//! While names are shown, those of the addresses on screen are asked for.

use std::net::IpAddr;

use super::App;
use crate::inspect::names::NameAnswer;
use crate::tui::effect::Effect;

impl App {
    /// Asks for what is missing on screen, a few at a time.
    pub(super) fn ask_for_names(&mut self, effects: &mut Vec<Effect>) {
        let Some(geometry) = self.geometry().filter(|_| self.world.names) else { return };
        let shown = self.slots.iter().filter(|slot| geometry.shows(slot.pane.id()));
        let wanted: Vec<IpAddr> =
            shown.flat_map(|slot| slot.pane.addresses(&slot.scroll)).collect();
        for addr in self.world.hosts.ask(wanted.into_iter(), self.world.now.at) {
            let id = self.requests.next_id();
            effects.push(Effect::Name(id, addr));
        }
    }

    pub(super) fn take_name(&mut self, addr: IpAddr, answer: NameAnswer) {
        self.world.hosts.take(addr, answer, self.world.now.at);
    }
}
