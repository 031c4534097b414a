//! Counters of the TCP stack, where nobody tells them.

use crate::model::activity::ListenCounters;

/// What listeners turned away: not known.
pub fn listen() -> Option<ListenCounters> {
    None
}
