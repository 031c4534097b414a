//! Programs that do not care for a socket, or that leave it to others.

use crate::model::options::OptionFinding;
use crate::model::socket::{Protocol, State, Unread};

use super::{Look, finding};

pub(super) fn close_wait(look: &Look<'_>) -> Option<OptionFinding> {
    if look.socket.state != State::CloseWait {
        return None;
    }
    let nobody =
        if look.is_unwatched() { ", and no thread of it waits on this socket" } else { "" };
    Some(finding(
        "close_wait",
        format!("the peer has ended the connection and the program has not closed it{nobody}"),
        match look.socket.unread() {
            None => "CLOSE_WAIT".to_owned(),
            Some(unread) if unread.is_nothing() => "CLOSE_WAIT; nothing unread".to_owned(),
            Some(unread) => format!("CLOSE_WAIT; unread: {}", amount(unread)),
        },
        "it is for the program to read the end and close: a descriptor leaks where it never does",
    ))
}

pub(super) fn unread_unwatched(look: &Look<'_>) -> Option<OptionFinding> {
    let unread = look.socket.unread().filter(|unread| !unread.is_nothing())?;
    // Another finding has the word on an end that is not read.
    let is_end = matches!(unread, Unread::Stream { bytes: 0, .. });
    (!is_end && look.is_unwatched()).then(|| {
        let amount = amount(unread);
        finding(
            "unread_unwatched",
            format!("data waits to be read ({amount}), and no thread of its program waits on it"),
            format!("unread: {amount}; no epoll, poll or read"),
            "look at what the program does instead: it has forgotten the socket, or is busy",
        )
    })
}

/// What waits to be read, in a few words.
fn amount(unread: Unread) -> String {
    let bytes = |bytes| if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") };
    match unread {
        Unread::Stream { bytes: 0, end: true } => "the peer's end".to_owned(),
        Unread::Stream { bytes: of, end: true } => format!("{} and the peer's end", bytes(of)),
        Unread::Stream { bytes: of, end: false } => bytes(of),
        Unread::Memory(of) => format!("datagrams in {} of memory", bytes(of)),
        Unread::FirstOf(of) => format!("datagrams, the first of {}", bytes(of)),
    }
}

pub(super) fn receive_drops(look: &Look<'_>) -> Option<OptionFinding> {
    let drops = look.socket.drops.filter(|drops| *drops > 0)?;
    let is_datagram = matches!(look.socket.protocol, Protocol::Udp | Protocol::Udplite);
    let size = look.number("SO_RCVBUF");
    is_datagram.then(|| {
        finding(
            "receive_drops",
            format!(
                "{drops} datagrams were dropped here: the program reads too slowly for its buffer"
            ),
            format!(
                "drops {drops}; SO_RCVBUF {}",
                size.map_or("unknown".into(), |n| n.to_string())
            ),
            "read faster, or raise SO_RCVBUF (and net.core.rmem_max)",
        )
    })
}

/// A listener that programs get which its owner starts: they keep the port when the owner ends.
pub(super) fn passed_on(look: &Look<'_>) -> Option<OptionFinding> {
    let waits = look.waits.filter(|_| look.socket.state == State::Listen)?;
    let pid = waits.passed_on.iter().find(|pid| look.parents.contains(pid))?;
    Some(finding(
        "passed_on",
        format!(
            "the listener has no close-on-exec, and process {pid} starts others: each that it \
             starts keeps the port open after the owner ends"
        ),
        format!("no O_CLOEXEC at process {pid}, which has children"),
        "open it with SOCK_CLOEXEC, unless child processes should inherit it",
    ))
}
