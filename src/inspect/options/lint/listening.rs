//! Listeners: queues, groups of SO_REUSEPORT, and what stands beside them on the same port.

use std::collections::BTreeSet;

use crate::model::options::OptionFinding;
use crate::model::socket::{Family, Socket, State};
use crate::sys::options::sysctl;

use super::{Look, finding};

/// The kernel drops handshakes once more than `limit` wait.
pub(super) fn accept_queue_full(look: &Look<'_>) -> Option<OptionFinding> {
    let backlog = look.socket.backlog.filter(|backlog| backlog.is_full())?;
    Some(finding(
        "accept_queue_full",
        format!(
            "the accept queue is full ({} waiting, its limit is {}): new connections wait or fail \
             until the process accepts",
            backlog.queued, backlog.limit
        ),
        format!("{} of {} waiting", backlog.queued, backlog.limit),
        "let the program accept faster or by more threads; a longer backlog only delays it",
    ))
}

pub(super) fn backlog_capped(look: &Look<'_>) -> Option<OptionFinding> {
    let backlog = look.socket.backlog.filter(|_| look.socket.state == State::Listen)?;
    let most: u32 = sysctl("net.core.somaxconn")?.parse().ok()?;
    (backlog.limit == most).then(|| {
        finding(
            "backlog_capped",
            format!(
                "the backlog is exactly net.core.somaxconn ({most}): whatever larger one the \
                 program asked for was cut to it"
            ),
            format!("limit {}; net.core.somaxconn {most}", backlog.limit),
            "raise net.core.somaxconn and let the program listen again, if it needs more",
        )
    })
}

/// Other listeners on the same port.
fn others<'a>(look: &'a Look<'_>) -> impl Iterator<Item = &'a Socket> {
    let own = look.socket.inode;
    look.neighbours
        .iter()
        .filter(move |socket| socket.state == State::Listen && socket.inode != own)
}

fn is_any(socket: &Socket) -> bool {
    socket.local.is_wildcard()
}

pub(super) fn beside_ipv4(look: &Look<'_>) -> Option<OptionFinding> {
    let socket = look.socket;
    let takes_both = socket.state == State::Listen
        && socket.family == Family::Ipv6
        && is_any(socket)
        && look.is_on("IPV6_V6ONLY") == Some(false);
    let beside = others(look).find(|other| other.family == Family::Ipv4 && takes_both)?;
    let port = socket.local.port?;
    let at = beside.local.socket_addr()?;
    Some(finding(
        "v6only_beside_ipv4",
        format!(
            "it takes IPv4 connections, too, and {at} listens on the same port: which of them gets \
             a connection depends on its address, not on the family that the program meant"
        ),
        format!("[::]:{port} with IPV6_V6ONLY off; {at}"),
        "set IPV6_V6ONLY before bind, or close one of them",
    ))
}

/// The other members of its SO_REUSEPORT group.
fn group<'a>(look: &'a Look<'_>) -> Vec<&'a Socket> {
    if look.socket.state != State::Listen || look.is_on("SO_REUSEPORT") != Some(true) {
        return Vec::new();
    }
    let local = &look.socket.local;
    others(look).filter(|other| other.local.addr == local.addr).collect()
}

pub(super) fn reuse_port_users(look: &Look<'_>) -> Option<OptionFinding> {
    let group = group(look);
    let uids = group.iter().map(|other| other.uid).chain([look.socket.uid]);
    let uids: BTreeSet<u32> = uids.flatten().collect();
    (uids.len() > 1).then(|| {
        let uids: Vec<String> = uids.iter().map(u32::to_string).collect();
        finding(
            "reuse_port_users",
            "processes of several users share the port by SO_REUSEPORT: each gets a part of the \
             connections"
                .into(),
            format!("uids {}", uids.join(", ")),
            "find out who else opened the port: sockpit why PORT",
        )
    })
}

pub(super) fn reuse_port_neglected(look: &Look<'_>) -> Option<OptionFinding> {
    let group = group(look);
    let queued = look.socket.backlog?.queued;
    (!group.is_empty() && queued > 0 && look.is_unwatched()).then(|| {
        finding(
            "reuse_port_neglected",
            format!(
                "no thread of its program waits for connections on this member of a SO_REUSEPORT group, and the \
                 kernel still gives it its share: {queued} wait in vain"
            ),
            format!("{} other members; {queued} queued; no epoll, poll or accept", group.len()),
            "close this listener in its program, or accept on it",
        )
    })
}

pub(super) fn defer_accept(look: &Look<'_>) -> Option<OptionFinding> {
    let seconds = look.number("TCP_DEFER_ACCEPT").filter(|seconds| *seconds > 0)?;
    (look.socket.state == State::Listen).then(|| {
        finding(
            "defer_accept",
            format!(
                "a client that sends nothing first is accepted only after {seconds} s: protocols \
                 in which the server speaks first look dead until then"
            ),
            format!("TCP_DEFER_ACCEPT {seconds} s"),
            "switch TCP_DEFER_ACCEPT off where the server speaks first",
        )
    })
}
