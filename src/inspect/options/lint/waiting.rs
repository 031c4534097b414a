//! Programs that do not care for a socket, or that leave it to others.

use crate::model::options::OptionFinding;
use crate::model::socket::{Protocol, State};

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
        format!("CLOSE_WAIT; {} bytes unread", look.socket.recv_q.unwrap_or(0)),
        "it is for the program to read the end and close: a descriptor leaks where it never does",
    ))
}

pub(super) fn unread_unwatched(look: &Look<'_>) -> Option<OptionFinding> {
    let unread = look.socket.recv_q.filter(|bytes| *bytes > 0)?;
    let is_server = look.socket.state == State::Listen;
    (!is_server && look.is_unwatched()).then(|| {
        finding(
            "unread_unwatched",
            format!("{unread} bytes wait to be read, and no thread of its program waits on it"),
            format!("recv_q {unread}; no epoll, poll or read"),
            "look at what the program does instead: it has forgotten the socket, or is busy",
        )
    })
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
        "open it with SOCK_CLOEXEC, unless it is meant to be handed on",
    ))
}
