//! Who holds a socket, in a few words. Names are uncleaned: whoever shows them cleans the line.

use std::collections::BTreeSet;

use crate::model::owner::OwnershipKind;
use crate::model::socket::Socket;

/// More processes than this are counted.
const MOST: usize = 3;

/// The holders of a socket: `node 977 (bob)`, `python3 12 and python3 13`, `nobody that can be
/// seen`.
pub(super) fn holders(socket: &Socket) -> String {
    let mut seen = BTreeSet::new();
    let mut names: Vec<String> = socket
        .owners
        .iter()
        .filter(|owner| seen.insert(owner.process.pid))
        .map(|owner| format!("{} {}", owner.process.name, owner.process.pid))
        .collect();
    if names.is_empty() {
        return ownerless(socket);
    }
    let user = socket.user.as_ref().map_or(String::new(), |user| format!(" ({user})"));
    if names.len() > MOST {
        let rest = names.split_off(MOST).len();
        names.push(format!("{rest} more"));
    }
    format!("{}{user}", list(&names))
}

fn ownerless(socket: &Socket) -> String {
    match (socket.ownership.kind, &socket.user) {
        (OwnershipKind::Kernel, _) => match &socket.ownership.reason {
            Some(purpose) => format!("the kernel, {purpose}"),
            None => "the kernel".to_owned(),
        },
        (OwnershipKind::Hidden, Some(user)) => format!("a process of {user} that is hidden"),
        (OwnershipKind::Hidden, None) => "a process that is hidden".to_owned(),
        _ => "nobody that can be seen".to_owned(),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}

/// `1 connection`, `2 connections`: `plural` is the whole word.
pub(super) fn counted(count: usize, one: &str, plural: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {plural}") }
}
