//! The columns of the socket table on screen, and what stands in their cells.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::style::Style;

use crate::model::owner::OwnershipKind;
use crate::model::socket::{self, Endpoint, Socket};
use crate::text::column::Column::{self, *};
use crate::text::{self, units};
use crate::tui::arrange::RowView;
use crate::tui::hosts::Hosts;
use crate::tui::label::{self, MARKED_FOR};
use crate::tui::theme::Theme;
use crate::tui::widgets::table::{self, Cell};
use crate::tui::world::World;

/// A column of Ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Col {
    /// Selection, mark, new, ended.
    Sign,
    /// One that the user can choose and sort by.
    Of(Column),
}

/// What is shown until the user chooses, with the rank by which it gives way.
const USUAL: [(Column, u8); 14] = [
    (Proto, 3),
    (Local, 0),
    (Remote, 1),
    (State, 2),
    (Queue, 4),
    (Rate, 7),
    (Pid, 0),
    (Name, 0),
    (Age, 6),
    (User, 5),
    (Supervisor, 8),
    (Rtt, 9),
    (Retransmits, 10),
    (Cmdline, 11),
];

/// From this rank on a column is shown only where all others have enough room: an address
/// that can be read is worth more than any of them.
const EXTRA: u8 = 5;

/// The columns that are shown, where there is room enough, until the user chooses.
pub(super) fn usual() -> Vec<Column> {
    USUAL.iter().map(|(column, _)| *column).collect()
}

/// The columns of an export as CSV: the chosen ones, else those of the command line.
pub(super) fn for_csv(world: &World) -> Vec<Column> {
    let usual = || Column::usual_csv(world.ports.value().is_some_and(|table| table.all_netns));
    world.columns.clone().unwrap_or_else(|| usual().to_vec())
}

/// The columns for the table, with the namespaces where there may be several. Of `chosen` ones
/// the last give way first.
pub(super) fn table(chosen: Option<&[Column]>, namespaces: bool) -> Vec<table::Column<Col>> {
    let mut ranked: Vec<(Column, u8)> = match chosen {
        Some(columns) => columns.iter().copied().zip(1..).collect(),
        None => USUAL.to_vec(),
    };
    if namespaces && !ranked.iter().any(|(column, _)| *column == NetnsName) {
        ranked.push((NetnsName, 0));
    }
    let sign = table::Column {
        id: Col::Sign,
        title: "",
        widths: [2; 4],
        right: false,
        rank: 0,
        extra: false,
        cut: false,
    };
    let shown = ranked.into_iter().map(|(column, rank)| table::Column {
        id: Col::Of(column),
        title: title(column),
        widths: widths(column),
        right: is_right(column),
        rank,
        extra: chosen.is_none() && rank >= EXTRA,
        cut: is_cut(column),
    });
    std::iter::once(sign).chain(shown).collect()
}

/// Numbers get units here, so that their titles need none.
fn title(column: Column) -> &'static str {
    match column {
        Rtt => "RTT",
        Idle => "IDLE",
        Shut => "SHUT",
        other => other.title(),
    }
}

/// Whether two rows may differ anywhere in a text that is too long.
fn is_cut(column: Column) -> bool {
    matches!(column, Local | Remote | Exe | Cgroup)
}

fn is_right(column: Column) -> bool {
    column.number().is_some()
        || matches!(column, Queue | Pid | Fd | Age | Backlog | SentRate | ReceivedRate | Rate)
}

/// See [`table::Column::widths`].
fn widths(column: Column) -> [u16; 4] {
    match column {
        Proto => [5, 5, 7, 7],
        // A short IPv4 address with its port, any IPv4 one, any. The middle of what is longer
        // can be cut.
        Local | Remote => [13, 17, 47, 108],
        State => [9, 11, 12, 12],
        Queue => [7, 8, 10, 12],
        Pid => [6, 6, 9, 9],
        Name => [7, 11, 24, 60],
        User => [6, 8, 12, 32],
        Uid => [5, 6, 10, 10],
        Service => [8, 12, 16, 24],
        Family => [6, 6, 7, 7],
        Fd => [4, 4, 6, 6],
        Cmdline => [12, 24, 60, 240],
        Exe | Cwd => [12, 24, 48, 120],
        Unit => [10, 18, 32, 80],
        Container => [10, 18, 32, 80],
        Ownership => [8, 16, 20, 20],
        RecvQ | SendQ => [6, 7, 10, 10],
        Backlog => [7, 9, 12, 12],
        Drops => [5, 6, 10, 10],
        Timer => [10, 16, 18, 18],
        Interface => [9, 9, 15, 15],
        Inode | Cookie => [8, 9, 12, 20],
        Netns => [11, 11, 11, 20],
        NetnsName => [10, 12, 20, 40],
        Peer => [12, 16, 24, 40],
        Supervisor => [10, 10, 24, 80],
        Rate => [6, 6, 7, 7],
        SentRate | ReceivedRate => [7, 7, 7, 7],
        Cgroup => [12, 24, 48, 160],
        Rtt => [7, 8, 9, 9],
        Cwnd => [5, 5, 6, 6],
        Retransmits => [7, 7, 8, 8],
        BytesSent | BytesReceived => [8, 8, 9, 9],
        Congestion => [10, 10, 10, 10],
        LocalAddr | RemoteAddr => [10, 15, 39, 39],
        LocalPort | RemotePort => [5, 5, 5, 5],
        Idle | Shut | Age => [5, 5, 5, 5],
        Probes => [6, 6, 6, 6],
        Resent => [6, 6, 6, 6],
        Window => [7, 8, 9, 9],
    }
}

/// What a cell needs to know beside its row.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowContext<'a> {
    /// Ages count to this moment.
    pub(super) now: Timestamp,
    /// Names, or numbers alone.
    pub(super) names: bool,
    /// What addresses are called, where that is shown.
    pub(super) hosts: Option<&'a Hosts>,
    /// Whether it is the selected row.
    pub(super) selected: bool,
    /// Whether it is marked for a joint action.
    pub(super) marked: bool,
    /// Whether its port rings.
    pub(super) rings: bool,
    /// Whether one of its owners is told from memory.
    pub(super) unverified: bool,
    /// Colours.
    pub(super) theme: &'a Theme,
}

impl RowContext<'_> {
    /// The text of an end with its name in place of the address, where that is known.
    fn called(&self, text: String, end: Option<&Endpoint>, names: bool) -> String {
        match (self.hosts, end) {
            (Some(hosts), Some(end)) if names => hosts.put_name(text, end),
            _ => text,
        }
    }
}

/// The style of a whole row.
pub(super) fn row_style(view: RowView<'_>, theme: &Theme) -> Style {
    if view.ended_at.is_some() { theme.dim } else { theme.text }
}

/// What stands in a cell.
pub(super) fn cell<'a>(view: RowView<'a>, col: Col, width: u16, cx: &RowContext<'_>) -> Cell<'a> {
    let socket = &view.row.socket;
    let Col::Of(column) = col else { return Cell::new(sign(view, cx), cx.theme.accent) };
    match column {
        Proto => Cell::plain(label::protocol(socket)),
        Local => {
            let text = |names| cx.called(label::local(socket, names), Some(&socket.local), names);
            Cell::plain(label::end(text, cx.names, width))
        }
        Remote => remote(socket, width, cx),
        State => state(view, cx),
        Queue => queue(view, width, cx),
        Backlog if label::is_crowded(socket) => {
            Cell::new(label::queue(socket, width), cx.theme.danger)
        }
        SentRate => rate(socket.rates.map(|rates| rates.bytes_sent_per_s), cx),
        ReceivedRate => rate(socket.rates.map(|rates| rates.bytes_received_per_s), cx),
        Rate => rate(socket.rates.map(|rates| rates.total() as f32), cx),
        Pid => pid(socket, cx),
        Name if socket.owners.is_empty() => Cell::new(label::name(socket), cx.theme.dim),
        Name => Cell::plain(label::name(socket)),
        Age => Cell::new(age(view, cx), cx.theme.dim),
        Rtt => measure(column, socket, |us| units::duration(Duration::from_micros(us)), cx),
        Idle | Shut => clock(column, view, cx),
        Window | BytesSent | BytesReceived => measure(column, socket, units::bytes, cx),
        NetnsName => Cell::plain(label::netns(socket)),
        other => plain(other, socket, cx),
    }
}

/// A number with its unit.
fn measure<'a>(
    column: Column,
    socket: &Socket,
    text: impl Fn(u64) -> String,
    cx: &RowContext<'_>,
) -> Cell<'a> {
    match column.number().and_then(|number| number(socket)) {
        Some(number) => Cell::plain(text(number)),
        None => Cell::new(units::UNKNOWN, cx.theme.dim),
    }
}

/// A time that runs on since the row was read.
fn clock<'a>(column: Column, view: RowView<'_>, cx: &RowContext<'_>) -> Cell<'a> {
    let Some(ms) = column.number().and_then(|number| number(&view.row.socket)) else {
        return Cell::new(units::UNKNOWN, cx.theme.dim);
    };
    let now = view.ended_at.unwrap_or(cx.now);
    let passed = Duration::try_from(now.duration_since(view.row.observed_at)).unwrap_or_default();
    Cell::plain(units::short_age(Duration::from_millis(ms) + passed))
}

/// As the command line shows it.
fn plain<'a>(column: Column, socket: &Socket, cx: &RowContext<'_>) -> Cell<'a> {
    let text = text::column::Cell { column, socket }.to_string();
    let style = if text == units::UNKNOWN { cx.theme.dim } else { Style::new() };
    Cell::new(text, style)
}

/// `▶` selected; then what matters most: `●` marked, `✕` ended, `♪` its port rings, `+` new, `~` changed.
fn sign(view: RowView<'_>, cx: &RowContext<'_>) -> &'static str {
    let is_ended = view.ended_at.is_some();
    let [resting, selected] = if cx.marked {
        [" ●", "▶●"]
    } else if is_ended {
        [" ✕", "▶✕"]
    } else if cx.rings {
        [" ♪", "▶♪"]
    } else if is_new(view, cx.now) {
        [" +", "▶+"]
    } else if has_changed(view, cx.now) {
        [" ~", "▶~"]
    } else {
        ["", "▶"]
    };
    if cx.selected { selected } else { resting }
}

/// Whether its state or its owners changed a moment ago.
fn has_changed(view: RowView<'_>, now: Timestamp) -> bool {
    view.row.changed_at.is_some_and(|at| now.duration_since(at) < MARKED_FOR)
}

/// Whether a row appeared a moment ago.
fn is_new(view: RowView<'_>, now: Timestamp) -> bool {
    let seen = view.row.socket.first_seen.filter(|_| view.row.appeared);
    seen.is_some_and(|seen| now.duration_since(seen) < MARKED_FOR)
}

/// What waits, with `!` where it stands still, has no room, or is being dropped.
fn queue<'a>(view: RowView<'_>, width: u16, cx: &RowContext<'_>) -> Cell<'a> {
    let socket = &view.row.socket;
    let now = view.ended_at.unwrap_or(cx.now);
    if label::is_crowded(socket) {
        return Cell::new(label::queue(socket, width), cx.theme.danger);
    }
    if label::is_dropping(socket, now) {
        return Cell::new(label::alarmed_queue(socket, width), cx.theme.danger);
    }
    if label::is_stalled(socket, now) {
        return Cell::new(label::alarmed_queue(socket, width), cx.theme.warning);
    }
    let style = if label::is_idle(socket) { cx.theme.dim } else { Style::new() };
    Cell::new(label::queue(socket, width), style)
}

/// What moves stands out from what rests.
fn rate<'a>(bytes_per_s: Option<f32>, cx: &RowContext<'_>) -> Cell<'a> {
    let moves = bytes_per_s.is_some_and(|rate| rate > 0.0);
    Cell::new(label::rate(bytes_per_s), if moves { Style::new() } else { cx.theme.dim })
}

fn remote<'a>(socket: &'a Socket, width: u16, cx: &RowContext<'_>) -> Cell<'a> {
    let style = if socket.remote.is_some() { Style::new() } else { cx.theme.dim };
    let text = |names| cx.called(label::remote(socket, names), socket.remote.as_ref(), names);
    Cell::new(label::end(text, cx.names, width), style)
}

/// An ended row says so in words; a new one is in the fresh colour, its sign says it too.
fn state<'a>(view: RowView<'_>, cx: &RowContext<'_>) -> Cell<'a> {
    let state = view.row.socket.state;
    if view.ended_at.is_some() {
        return Cell::new("ended", cx.theme.dim);
    }
    let style = match state {
        _ if is_new(view, cx.now) => cx.theme.fresh,
        _ if has_changed(view, cx.now) => cx.theme.accent,
        socket::State::CloseWait | socket::State::SynSent => cx.theme.warning,
        socket::State::TimeWait | socket::State::Closed => cx.theme.dim,
        _ => Style::new(),
    };
    Cell::new(state.name(), style)
}

fn pid<'a>(socket: &Socket, cx: &RowContext<'_>) -> Cell<'a> {
    let style = match socket.ownership.kind {
        OwnershipKind::Owned => Style::new(),
        OwnershipKind::Hidden => cx.theme.warning,
        _ => cx.theme.dim,
    };
    let about = if cx.unverified { "~" } else { "" };
    Cell::new(format!("{about}{}", label::pid(socket)), style)
}

/// The least age that is known: the kernel does not tell a socket's real one.
fn age(view: RowView<'_>, cx: &RowContext<'_>) -> String {
    let Some(seen) = view.row.socket.first_seen else { return units::UNKNOWN.to_owned() };
    let until = view.ended_at.unwrap_or(cx.now);
    let age = Duration::try_from(until.duration_since(seen)).unwrap_or_default();
    let bound = if view.row.appeared { "" } else { "≥" };
    format!("{bound}{}", units::short_age(age))
}
