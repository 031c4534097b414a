//! What is known of the selected socket before anything is sent to it: who holds it, how full its
//! queue is, who is connected, and how it would be talked to.

use jiff::Timestamp;

use crate::model::probe::Verdict;
use crate::model::socket::{Protocol, Socket, State};
use crate::model::table::SocketTable;
use crate::probe::Target;
use crate::text::{clean, owner, units};
use crate::tui::theme::Theme;
use crate::tui::widgets::paint::Line;
use crate::tui::world::World;

/// More clients than this are not counted for a frame.
const MOST_CLIENTS: usize = 10_000;

/// Lines of what is known of the selected socket; empty where there is none.
pub(super) fn lines(world: &World, theme: &Theme) -> Vec<Line> {
    let Some(selection) = &world.selection else { return Vec::new() };
    let socket = &selection.row.socket;
    let mut lines = Vec::new();
    let mut add = |name: &str, value: String| {
        lines.push(vec![
            (format!("{name:<9}"), theme.heading),
            (clean(&value).into_owned(), theme.text),
        ]);
    };
    add("state", socket.state.name().to_owned());
    let held = owner::name(socket).map(|name| match socket.owners.first() {
        Some(first) => format!("{name} {}", first.process.pid),
        None => name.into_owned(),
    });
    add("owner", held.unwrap_or_else(|| units::UNKNOWN.to_owned()));
    if let Some(seen) = socket.first_seen {
        let age = std::time::Duration::try_from(world.now.wall.duration_since(seen));
        add("age", format!("≥ {}", units::short_age(age.unwrap_or_default())));
    }
    if let Some(backlog) = socket.backlog {
        let full = if backlog.is_full() { ": full" } else { "" };
        add(
            "queue",
            format!("{} waiting to be accepted, limit {}{full}", backlog.queued, backlog.limit),
        );
    }
    if socket.state == State::Listen
        && let Some(table) = world.ports.value()
    {
        add("clients", clients(socket, table));
    }
    lines
}

/// How many connections of this host have the listener's port.
fn clients(listener: &Socket, table: &SocketTable) -> String {
    let Some(port) = listener.local.port else { return units::UNKNOWN.to_owned() };
    let is_before =
        |socket: &Socket| (socket.protocol, socket.local.port) < (Protocol::Tcp, Some(port));
    let begin = table.rows.partition_point(|row| is_before(&row.socket));
    let on_port = table.rows[begin..]
        .iter()
        .map(|row| &row.socket)
        .take_while(|socket| socket.protocol == Protocol::Tcp && socket.local.port == Some(port))
        .filter(|socket| socket.netns == listener.netns && socket.state == State::Established);
    match on_port.take(MOST_CLIENTS + 1).count() {
        0 => "none connected".to_owned(),
        1 => "1 connected".to_owned(),
        many if many > MOST_CLIENTS => format!("more than {} connected", units::count(10_000)),
        some => format!("{} connected", units::count(some as u64)),
    }
}

/// What came of the last test of the same target.
pub(super) fn last(at: Timestamp, verdict: &Verdict, world: &World, theme: &Theme) -> Line {
    let at = at.to_zoned(world.timezone.clone()).strftime("%H:%M:%S");
    let outcome = super::lines::outcome(verdict);
    vec![("before   ".to_owned(), theme.heading), (format!("{outcome} ({at})"), theme.text)]
}

/// What Enter would do.
pub(super) fn offer(target: &str) -> String {
    let scheme = target.parse::<Target>().ok().map(|target| target.protocol().scheme());
    match scheme {
        Some("tcp") => {
            "Enter connects and listens, c does so every second; a scheme (e, then http://, \
                        ssh://, …) asks more. Nothing is sent before that."
                .to_owned()
        }
        Some(scheme) => format!(
            "Enter tests it by {scheme}://, c does so every second. Nothing is sent before that."
        ),
        None => "Enter tests the target. Nothing is sent before that.".to_owned(),
    }
}
