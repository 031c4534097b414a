//! What panes and dialogs may use while they handle something.

use super::effect::{Effect, Requests};
use super::event::Moment;
use super::filters::{HISTORY_FILE, SAVED_FILE};
use super::world::World;
use crate::query::Saved;

/// The shared facts, and a place for what should be done about them.
#[derive(Debug)]
pub struct Cx<'a> {
    /// The shared facts.
    pub world: &'a mut World,
    /// What the executor shall do.
    pub effects: &'a mut Vec<Effect>,
    /// Gives out request ids.
    pub requests: &'a mut Requests,
    /// Now, by the event's clock.
    pub now: Moment,
}

impl Cx<'_> {
    /// Puts text on the clipboard; what took it is said when that is known.
    pub fn copy(&mut self, text: String) {
        let id = self.requests.next_id();
        self.effects.push(Effect::Copy(id, text));
    }

    /// Enters a filter into the history, and keeps that.
    pub fn remember_filter(&mut self, text: &str) {
        if let Some(history) = self.world.filters.remember(text) {
            self.keep(HISTORY_FILE, history);
        }
    }

    /// Puts other saved filters in place of those there are, and keeps them.
    pub fn save_filters(&mut self, saved: Saved) {
        let text = saved.own_text();
        self.world.filters.saved = saved;
        self.keep(SAVED_FILE, text);
    }

    fn keep(&mut self, file: &'static str, text: String) {
        self.effects.push(Effect::Keep(self.requests.next_id(), file, text));
    }
}
