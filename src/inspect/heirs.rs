//! A listener that outlived its server: a program which the server started has its descriptor and
//! knows nothing of it.

use crate::model::owner::Through;
use crate::model::socket::{Socket, State};
use crate::sys::options::ProcessWaits;

use super::words;

/// No more processes than this are looked at.
const MOST: usize = 8;

/// Says, as a clause, that nobody accepts on these listeners, which are on one end, and that they
/// were most likely inherited. `None` where that is not so or cannot be told.
///
/// It takes that each descriptor lacks close-on-exec, as those that are passed on do, and that
/// every thread of every owner sleeps in a call on something else.
pub(super) fn clause(listeners: &[&Socket]) -> Option<String> {
    let mut heirs: Vec<String> = Vec::new();
    for socket in listeners {
        let count = socket.owners.len();
        if socket.state != State::Listen || count == 0 || count > MOST {
            return None;
        }
        for owner in &socket.owners {
            let process = &owner.process;
            if owner.through != Through::Descriptor {
                return None;
            }
            let waits = ProcessWaits::of(process.pid).ok()?;
            if !waits.neglects(socket.inode?)? {
                return None;
            }
            heirs.push(format!("{} {}", process.name, process.pid));
        }
    }
    heirs.dedup();
    let (have, wait) = if heirs.len() == 1 { ("has", "waits") } else { ("have", "wait") };
    let all_seen = listeners.iter().all(|socket| socket.owners_complete == Some(true));
    let nobody = if all_seen { "nobody" } else { "nobody that can be seen" };
    Some(format!(
        "{nobody} accepts on it: {} {have} it without close-on-exec and {wait} for something else, \
         as a program does that a server started",
        words::list(&heirs)
    ))
}
