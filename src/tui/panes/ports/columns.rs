//! The columns of the socket table, and what stands in their cells.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::style::Style;

use crate::model::owner::OwnershipKind;
use crate::model::socket::{Socket, State};
use crate::text::{address, clean, units};
use crate::tui::arrange::{MARKED_FOR, RowView, SortBy};
use crate::tui::label;
use crate::tui::theme::Theme;
use crate::tui::widgets::table::{Cell, Column};

/// A column of Ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Col {
    /// Selection, mark, new, ended.
    Sign,
    /// One of the columns to sort by.
    By(SortBy),
    /// The network namespace, where there may be several.
    Netns,
}

/// In the order of the screen, with the namespaces where there may be several.
pub(super) fn columns(all_netns: bool) -> &'static [Column<Col>] {
    if all_netns { &COLUMNS } else { &COLUMNS[..COLUMNS.len() - 1] }
}

/// Ranks say which give way first.
static COLUMNS: [Column<Col>; 13] = [
    column(Col::Sign, "", 2, 2, false, 0),
    column(Col::By(SortBy::Protocol), "PROTO", 5, 5, false, 2),
    column(Col::By(SortBy::Local), "LOCAL", 14, 47, false, 0),
    column(Col::By(SortBy::Remote), "REMOTE", 12, 47, false, 3),
    column(Col::By(SortBy::State), "STATE", 9, 10, false, 1),
    column(Col::By(SortBy::Queue), "QUEUE", 8, 10, true, 4),
    column(Col::By(SortBy::Sent), "SENT/S", 7, 7, true, 7),
    column(Col::By(SortBy::Received), "RECV/S", 7, 7, true, 8),
    column(Col::By(SortBy::Pid), "PID", 6, 9, true, 0),
    column(Col::By(SortBy::Name), "NAME", 7, 24, false, 0),
    column(Col::By(SortBy::Age), "AGE", 5, 5, true, 6),
    column(Col::By(SortBy::User), "USER", 8, 12, false, 5),
    column(Col::Netns, "NETNS", 10, 20, false, 0),
];

const fn column(
    id: Col,
    title: &'static str,
    min: u16,
    max: u16,
    right: bool,
    rank: u8,
) -> Column<Col> {
    Column { id, title, min, max, right, rank }
}

/// What a cell needs to know beside its row.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowContext<'a> {
    /// Ages count to this moment.
    pub(super) now: Timestamp,
    /// Names, or numbers alone.
    pub(super) names: bool,
    /// Whether it is the selected row.
    pub(super) selected: bool,
    /// Whether it is marked for a joint action.
    pub(super) marked: bool,
    /// Colours.
    pub(super) theme: &'a Theme,
}

/// The style of a whole row.
pub(super) fn row_style(view: RowView<'_>, cx: &RowContext<'_>) -> Style {
    if view.ended_at.is_some() { cx.theme.dim } else { cx.theme.text }
}

/// What stands in a cell.
pub(super) fn cell<'a>(view: RowView<'a>, col: Col, width: u16, cx: &RowContext<'_>) -> Cell<'a> {
    let socket = &view.row.socket;
    let by = match col {
        Col::Sign => return Cell::new(sign(view, cx), cx.theme.accent),
        Col::Netns => return Cell::plain(label::netns(socket)),
        Col::By(by) => by,
    };
    match by {
        SortBy::Protocol => Cell::plain(address::protocol(socket)),
        SortBy::Local => Cell::plain(label::fit_end(label::local(socket, cx.names), width)),
        SortBy::Remote => remote(socket, width, cx),
        SortBy::State => state(view, cx),
        SortBy::Queue => queue(view, width, cx),
        SortBy::Sent => rate(socket.rates.map(|rates| rates.bytes_sent_per_s), cx),
        SortBy::Received => rate(socket.rates.map(|rates| rates.bytes_received_per_s), cx),
        SortBy::Pid => pid(socket, cx),
        SortBy::Name if socket.owners.is_empty() => Cell::new(label::name(socket), cx.theme.dim),
        SortBy::Name => Cell::plain(label::name(socket)),
        SortBy::Age => Cell::new(age(view, cx), cx.theme.dim),
        SortBy::User => Cell::plain(user(socket, cx.names)),
    }
}

/// `▶` selected; then what matters most: `●` marked, `✕` ended, `+` new, `~` changed.
fn sign(view: RowView<'_>, cx: &RowContext<'_>) -> &'static str {
    let is_ended = view.ended_at.is_some();
    let [resting, selected] = if cx.marked {
        [" ●", "▶●"]
    } else if is_ended {
        [" ✕", "▶✕"]
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
    Cell::plain(label::queue(socket, width))
}

/// What moves stands out from what rests.
fn rate<'a>(bytes_per_s: Option<f32>, cx: &RowContext<'_>) -> Cell<'a> {
    let moves = bytes_per_s.is_some_and(|rate| rate > 0.0);
    Cell::new(label::rate(bytes_per_s), if moves { Style::new() } else { cx.theme.dim })
}

fn remote<'a>(socket: &'a Socket, width: u16, cx: &RowContext<'_>) -> Cell<'a> {
    let style = if socket.remote.is_some() { Style::new() } else { cx.theme.dim };
    Cell::new(label::fit_end(label::remote(socket, cx.names), width), style)
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
        State::CloseWait | State::SynSent => cx.theme.warning,
        State::TimeWait | State::Closed => cx.theme.dim,
        _ => Style::new(),
    };
    Cell::new(label::state(state), style)
}

fn pid<'a>(socket: &'a Socket, cx: &RowContext<'_>) -> Cell<'a> {
    let style = match socket.ownership.kind {
        OwnershipKind::Owned => Style::new(),
        OwnershipKind::Hidden => cx.theme.warning,
        _ => cx.theme.dim,
    };
    Cell::new(label::pid(socket), style)
}

/// The least age that is known: the kernel does not tell a socket's real one.
fn age(view: RowView<'_>, cx: &RowContext<'_>) -> String {
    let Some(seen) = view.row.socket.first_seen else { return units::UNKNOWN.to_owned() };
    let until = view.ended_at.unwrap_or(cx.now);
    let age = Duration::try_from(until.duration_since(seen)).unwrap_or_default();
    let bound = if view.row.appeared { "" } else { "≥" };
    format!("{bound}{}", units::short_age(age))
}

fn user(socket: &Socket, names: bool) -> String {
    match (&socket.user, socket.uid) {
        (Some(user), _) if names => clean(user).into_owned(),
        (Some(user), None) => clean(user).into_owned(),
        (_, Some(uid)) => uid.to_string(),
        (None, None) => units::UNKNOWN.to_owned(),
    }
}
