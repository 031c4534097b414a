//! Sockets and their owners in a few columns of text, cleaned.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::activation::principal_owner;
use jiff::Timestamp;

use crate::model::activity::Stalled;
use crate::model::owner::OwnershipKind;
use crate::model::socket::{Backlog, PacketKind, Protocol, Socket, State};
use crate::text::{address, clean, owner, units};
use crate::tui::arrange::MARKED_FOR;
use crate::tui::widgets::paint;

/// A queue that holds something for less than this is no news.
const STALLED_AFTER: Duration = Duration::from_secs(3);

/// Short enough for a column of ten; [`State::name`] is the full name.
pub fn state(state: State) -> &'static str {
    match state {
        State::Established => "ESTAB",
        State::Unconnected => "UNCONN",
        State::SynReceived => "SYN_RECV",
        other => other.name(),
    }
}

/// The network namespace by its name, or by its inode where it has none.
pub fn netns(socket: &Socket) -> Cow<'_, str> {
    match (&socket.netns_name, socket.netns) {
        (Some(name), _) => clean(name),
        (None, Some(inode)) => inode.to_string().into(),
        (None, None) => units::UNKNOWN.into(),
    }
}

/// This end: `*:22` for a dual-stack wildcard; with `names` a service in place of the port.
pub fn local(socket: &Socket, names: bool) -> String {
    let service = socket.service.as_deref().filter(|_| names && socket.is_server());
    named(address::local(socket).to_string(), socket.local.port, service)
}

/// The other end; `*` where there is none.
pub fn remote(socket: &Socket, names: bool) -> String {
    let service = socket.service.as_deref().filter(|_| names && !socket.is_server());
    let port = socket.remote.as_ref().and_then(|end| end.port);
    named(address::remote(socket).to_string(), port, service)
}

/// The protocol in at most six columns, by the names of `ss` where it has others:
/// [`address::protocol`] is the full name.
pub fn protocol(socket: &Socket) -> &'static str {
    let packet = socket.packet.as_ref().map(|packet| packet.kind);
    match (socket.protocol, packet) {
        (Protocol::Stream, _) => "u_str",
        (Protocol::Dgram, _) => "u_dgr",
        (Protocol::Seqpacket, _) => "u_seq",
        (Protocol::Packet, Some(PacketKind::Dgram)) => "p_dgr",
        (Protocol::Packet, _) => "p_raw",
        (Protocol::Netlink, _) => "nl",
        (Protocol::Udplite, _) => "udpl",
        (Protocol::Mptcp, _) => "mptcp",
        _ => address::protocol(socket),
    }
}

/// An end in so many columns: its address gives way, since its port tells more, and the
/// beginning of a path, since its end does.
pub fn fit_end(end: String, columns: u16) -> String {
    if paint::width(&end) <= columns {
        return end;
    }
    if end.starts_with(['/', '.', '@']) {
        return paint::fit_tail(&end, columns);
    }
    let Some((addr, port)) = end.rsplit_once(':') else { return end };
    match columns.checked_sub(paint::width(port) + 1) {
        Some(room) if room >= 4 => format!("{}:{port}", paint::fit(addr, room)),
        _ => end,
    }
}

fn named(end: String, port: Option<u16>, service: Option<&str>) -> String {
    let (Some(port), Some(service)) = (port, service) else { return end };
    match end.strip_suffix(&format!(":{port}")) {
        Some(addr) => format!("{addr}:{}", clean(service)),
        None => end,
    }
}

/// What waits: `3/128` in an accept queue, with `!` from 80 % on, or `100%!` where there is
/// no room for both numbers; else bytes to read and to be acknowledged.
pub fn queue(socket: &Socket, columns: u16) -> String {
    if let Some(backlog) = socket.backlog {
        let alarm = if is_crowded(socket) { "!" } else { "" };
        let full = format!("{}/{}{alarm}", backlog.queued, backlog.limit);
        return match backlog.percent() {
            Some(percent) if paint::width(&full) > columns => format!("{percent}%{alarm}"),
            _ => full,
        };
    }
    match (socket.recv_q, socket.send_q) {
        (None, None) => units::UNKNOWN.to_owned(),
        (Some(0), Some(0) | None) | (None, Some(0)) => "0".to_owned(),
        (received, sent) => format!("{}:{}", amount(received), amount(sent)),
    }
}

/// Whether the accept queue is at 80 % or more.
pub fn is_crowded(socket: &Socket) -> bool {
    socket.backlog.and_then(Backlog::percent).is_some_and(|percent| percent >= 80)
}

/// For how long a queue has not moved at least; `None` while that means nothing yet: two
/// looks apart, any busy queue can hold something.
pub fn stood_still(since: Timestamp, now: Timestamp) -> Option<Duration> {
    let time = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    (time >= STALLED_AFTER).then_some(time)
}

/// Whether one of its queues stands still.
pub fn is_stalled(socket: &Socket, now: Timestamp) -> bool {
    let since = socket.stalled.as_deref().and_then(Stalled::since);
    since.is_some_and(|since| stood_still(since, now).is_some())
}

/// Whether it dropped packets a moment ago.
pub fn is_dropping(socket: &Socket, now: Timestamp) -> bool {
    let last = socket.drop_growth.as_deref().map(|growth| growth.last_at);
    last.is_some_and(|at| now.duration_since(at) < MARKED_FOR)
}

/// The queues of a socket where something is wrong: `4096:0!`, or both together where there
/// is no room.
pub fn alarmed_queue(socket: &Socket, columns: u16) -> String {
    let full = format!("{}!", queue(socket, columns));
    if paint::width(&full) <= columns {
        return full;
    }
    let both = u64::from(socket.recv_q.unwrap_or(0)) + u64::from(socket.send_q.unwrap_or(0));
    format!("{}!", amount(Some(u32::try_from(both).unwrap_or(u32::MAX))))
}

/// A rate in at most six columns: `0`, `812`, `12.4k`, `1.20M`; `-` where nobody knows it.
pub fn rate(bytes_per_s: Option<f32>) -> String {
    let Some(rate) = bytes_per_s else { return units::UNKNOWN.to_owned() };
    units::bytes(rate.max(0.0).round() as u64).replace([' ', 'B'], "")
}

/// Bytes in at most four columns.
fn amount(bytes: Option<u32>) -> String {
    match bytes {
        None => units::UNKNOWN.to_owned(),
        Some(bytes @ 0..=9_999) => bytes.to_string(),
        Some(bytes @ 10_000..=999_999) => format!("{}k", bytes / 1_000),
        Some(bytes) => format!("{}M", bytes / 1_000_000),
    }
}

/// The principal owner's pid, and how many processes more: `4300+3`; else the kind of ownership.
pub fn pid(socket: &Socket) -> String {
    let Some(first) = principal_owner(socket) else {
        return match socket.ownership.kind {
            OwnershipKind::Owned => units::UNKNOWN.to_owned(),
            kind => kind.name().to_owned(),
        };
    };
    match other_processes(socket) {
        0 => first.process.pid.to_string(),
        more => format!("{}+{more}", first.process.pid),
    }
}

/// Processes that hold the socket beside that one.
fn other_processes(socket: &Socket) -> usize {
    let mut pids: Vec<u32> = socket.owners.iter().map(|owner| owner.process.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    pids.len().saturating_sub(1)
}

/// The principal owner's name, or what systemd holds the socket for; for the kernel's own,
/// what they are.
pub fn name(socket: &Socket) -> Cow<'_, str> {
    match (owner::name(socket), &socket.ownership.detail) {
        (Some(name), _) => name,
        (None, Some(detail)) => clean(detail),
        (None, None) => Cow::Borrowed(""),
    }
}

/// `python3 4242`, or the kind of ownership.
pub fn owner(socket: &Socket) -> String {
    match principal_owner(socket) {
        Some(owner) => format!("{} {}", clean(&owner.process.name), pid(socket)),
        None => socket.ownership.kind.name().to_owned(),
    }
}

/// One line for the clipboard and for sentences: `tcp 0.0.0.0:8080 LISTEN python3 4242`.
pub fn line(socket: &Socket) -> String {
    let mut line = format!("{} {}", address::protocol(socket), local(socket, false));
    if socket.remote.is_some() {
        line.push_str(" -> ");
        line.push_str(&remote(socket, false));
    }
    format!("{line} {} {}", socket.state.name(), owner(socket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::activity::DropGrowth;
    use crate::model::socket::{Endpoint, Family};

    fn listener(family: Family, local: Endpoint) -> Socket {
        Socket::new(family, Protocol::Tcp, State::Listen, local)
    }

    #[test]
    fn a_long_end_keeps_its_port() {
        let fit = |end: &str, columns| fit_end(end.to_owned(), columns);
        assert_eq!(fit("127.0.0.1:51544", 15), "127.0.0.1:51544");
        assert_eq!(fit("127.0.0.1:51544", 12), "127.0…:51544");
        assert_eq!(fit("[2001:db8::1]:443", 12), "[2001:d…:443");
        assert_eq!(fit("/run/app.sock", 9), "…app.sock");
        assert_eq!(fit("@abc:80", 4), "…:80");
        assert_eq!(fit("/日本", 4), "…本");
    }

    #[test]
    fn names_stand_in_for_ports() {
        let mut socket = listener(Family::Ipv4, Endpoint::ip([0, 0, 0, 0], 22));
        socket.service = Some("ssh".into());
        assert_eq!(local(&socket, true), "0.0.0.0:ssh");
        assert_eq!(local(&socket, false), "0.0.0.0:22");
        assert_eq!(remote(&socket, true), "*");
    }

    #[test]
    fn a_crowded_accept_queue_is_marked_by_a_sign() {
        let mut socket = listener(Family::Ipv4, Endpoint::ip([0, 0, 0, 0], 80));
        assert_eq!(queue(&socket, 10), "-");
        socket.backlog = Some(Backlog { queued: 102, limit: 128 });
        assert_eq!(queue(&socket, 10), "102/128");
        socket.backlog = Some(Backlog { queued: 103, limit: 128 });
        assert_eq!(queue(&socket, 10), "103/128!");
        assert_eq!(queue(&socket, 7), "80%!");
    }

    #[test]
    fn a_queue_that_stands_still_is_marked_by_a_sign() {
        let mut socket = listener(Family::Ipv4, Endpoint::ip([0, 0, 0, 0], 80));
        (socket.state, socket.recv_q, socket.send_q) = (State::Established, Some(9_000), Some(20));
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(!is_stalled(&socket, at(100)));
        socket.stalled = Some(Box::new(Stalled { recv_since: Some(at(98)), send_since: None }));
        assert!(!is_stalled(&socket, at(100)));
        assert!(is_stalled(&socket, at(101)));
        assert_eq!(alarmed_queue(&socket, 10), "9000:20!");
        assert_eq!(alarmed_queue(&socket, 7), "9020!");
        assert!(!is_dropping(&socket, at(100)));
        socket.drop_growth = Some(Box::new(DropGrowth { packets: 1, last_at: at(96) }));
        assert!(is_dropping(&socket, at(100)) && !is_dropping(&socket, at(101)));
    }

    #[test]
    fn rates_are_short() {
        let rates = [None, Some(0.0), Some(812.4), Some(12_400.0), Some(1.2e9)];
        assert_eq!(rates.map(rate), ["-", "0", "812", "12.4k", "1.20G"]);
    }

    #[test]
    fn hostile_names_are_cleaned() {
        let socket = listener(Family::Unix, Endpoint::unix("@a\x1b[2J"));
        assert_eq!(local(&socket, false), "@a\u{FFFD}[2J");
    }
}
