//! Sockets and their owners in a few columns of text, cleaned.

use std::borrow::Cow;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::activation::principal_owner;
use crate::model::activity::Stalled;
use crate::model::owner::OwnershipKind;
use crate::model::socket::{Backlog, PacketKind, Protocol, Socket};
use crate::text::column::{Cell, Column};
use crate::text::{address, clean, owner, units};
use crate::tui::widgets::paint;

/// For how long what has just happened is marked, and an ended row keeps its place.
pub const MARKED_FOR: SignedDuration = SignedDuration::from_secs(5);

/// A queue that holds something for less than this is no news.
const STALLED_AFTER: Duration = Duration::from_secs(3);

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

/// An end with the names that are wanted, if there is room for them; what remains too long is
/// cut by who shows it.
pub fn end(text: impl Fn(bool) -> String, names: bool, columns: u16) -> String {
    let named = text(names);
    if names && paint::width(&named) > columns { text(false) } else { named }
}

fn named(end: String, port: Option<u16>, service: Option<&str>) -> String {
    let (Some(port), Some(service)) = (port, service) else { return end };
    match end.strip_suffix(&format!(":{port}")) {
        Some(addr) => format!("{addr}:{}", clean(service)),
        None => end,
    }
}

/// What waits, as [`Cell`] has it; where there is no room for that, `103%!` of an
/// accept queue and `128k:0` bytes.
pub fn queue(socket: &Socket, columns: u16) -> String {
    let full = Cell { column: Column::Queue, socket }.to_string();
    if paint::width(&full) <= columns {
        return full;
    }
    match socket.backlog {
        Some(backlog) => {
            format!("{}%{}", backlog.percent(), if backlog.is_crowded() { "!" } else { "" })
        }
        None => format!("{}:{}", amount(socket.recv_q), amount(socket.send_q)),
    }
}

/// Whether the accept queue is at 80 % or more.
pub fn is_crowded(socket: &Socket) -> bool {
    socket.backlog.is_some_and(Backlog::is_crowded)
}

/// Whether nothing waits.
pub fn is_idle(socket: &Socket) -> bool {
    let waiting = socket.backlog.map_or(0, |backlog| backlog.queued);
    (waiting, socket.recv_q.unwrap_or(0), socket.send_q.unwrap_or(0)) == (0, 0, 0)
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

/// The queues of a socket where something is wrong: `4096:0!`, or both together where there is
/// no room.
pub fn alarmed_queue(socket: &Socket, columns: u16) -> String {
    let full = format!("{}!", queue(socket, columns.saturating_sub(1)));
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
    owner::name(socket).or_else(|| owner::kernel(socket)).unwrap_or_default()
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
    use crate::model::socket::State;
    use crate::model::socket::{Endpoint, Family};

    fn listener(family: Family, local: Endpoint) -> Socket {
        Socket::new(family, Protocol::Tcp, State::Listen, local)
    }

    #[test]
    fn an_address_is_worth_more_than_a_service_name() {
        let text = |names| if names { "10.0.0.5:postgresql" } else { "10.0.0.5:5432" }.to_owned();
        assert_eq!(end(text, true, 19), "10.0.0.5:postgresql");
        assert_eq!(end(text, true, 18), "10.0.0.5:5432");
        assert_eq!(end(text, false, 99), "10.0.0.5:5432");
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
        let mut told = |queued, limit, columns| {
            socket.backlog = Some(Backlog { queued, limit });
            queue(&socket, columns)
        };
        assert_eq!(told(103, 128, 10), "103/128");
        assert_eq!(told(104, 128, 10), "104/128!");
        assert_eq!(told(104, 128, 7), "80%!");
        // One more than the limit finds room.
        assert_eq!([told(0, 0, 10), told(1, 0, 10)], ["0/0", "1/0!"]);
        assert_eq!([told(1, 1, 10), told(2, 1, 10)], ["1/1", "2/1!"]);
    }

    #[test]
    fn the_queues_of_the_dashboard_are_those_of_the_command_line() {
        let mut socket = listener(Family::Ipv4, Endpoint::ip([0, 0, 0, 0], 80));
        socket.state = State::Established;
        (socket.recv_q, socket.send_q) = (Some(128_512), Some(0));
        assert_eq!(queue(&socket, 10), "128512:0");
        assert_eq!(queue(&socket, 7), "128k:0");
        socket.send_q = None;
        assert_eq!(queue(&socket, 10), "128512:-");
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
