//! What panes and dialogs may use while they handle something.

use super::effect::{Effect, Requests};
use super::event::Moment;
use super::world::World;

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
}
