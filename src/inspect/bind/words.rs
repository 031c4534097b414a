//! What stands against a bind, in a clause.

use std::collections::BTreeSet;

use super::{BindAnswer, Outcome, is_holder};
use crate::inspect::words::counted;
use crate::model::socket::Socket;
use crate::text::address;

pub(super) fn obstacle(answer: &BindAnswer) -> Option<String> {
    if answer.is_free() {
        return None;
    }
    if let Some(holder) = answer.against.iter().find(|socket| is_holder(socket)) {
        let (end, state) = (address::local(holder), holder.state.name());
        return Some(match answer.against.len() {
            1 => format!("{end} {state} holds it"),
            count => format!("{end} {state} and {} more hold it", count - 1),
        });
    }
    if !answer.against.is_empty() {
        return Some(connections(&answer.against));
    }
    Some(match &answer.outcome {
        Outcome::Refused { errno } if errno.ends_with("EADDRINUSE") => {
            format!("a bind is refused ({errno}) though no socket that can be seen holds it")
        }
        Outcome::Refused { errno } => format!("a bind is refused ({errno})"),
        _ => "something holds it".to_owned(),
    })
}

/// `2 connections have it as their local port (ESTABLISHED, TIME_WAIT)`.
fn connections(sockets: &[Socket]) -> String {
    let have = counted(sockets.len(), "connection has it as its", "connections have it as their");
    let states: BTreeSet<&str> = sockets.iter().map(|socket| socket.state.name()).collect();
    let states: Vec<&str> = states.into_iter().collect();
    format!("{have} local port ({})", states.join(", "))
}
