//! The columns of the history.

use std::time::Duration;

use crate::model::socket::State;
use crate::model::table::EndedRow;
use crate::model::tcp::TcpInfo;
use crate::text::{address, units};
use crate::tui::label;
use crate::tui::widgets::table::{Cell, Column};
use crate::tui::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Col {
    Sign,
    Ended,
    Seen,
    Protocol,
    Local,
    Remote,
    State,
    Pid,
    Name,
    Sent,
    Received,
    Rtt,
}

/// In the order of the screen. Ranks say which give way first.
pub(super) static COLUMNS: [Column<Col>; 12] = [
    column(Col::Sign, "", [1; 4], false, 0),
    column(Col::Ended, "ENDED", [8; 4], false, 0),
    column(Col::Seen, "SEEN", [5; 4], true, 4),
    column(Col::Protocol, "PROTO", [5; 4], false, 3),
    column(Col::Local, "LOCAL", [14, 21, 28, 47], false, 0),
    column(Col::Remote, "REMOTE", [12, 21, 28, 47], false, 1),
    column(Col::State, "LAST", [9, 11, 12, 12], false, 2),
    column(Col::Pid, "PID", [6, 7, 9, 9], true, 0),
    column(Col::Name, "NAME", [7, 12, 16, 40], false, 0),
    column(Col::Sent, "SENT", [6, 7, 7, 7], true, 5),
    column(Col::Received, "RECV", [6, 7, 7, 7], true, 6),
    column(Col::Rtt, "RTT", [8, 9, 9, 9], true, 7),
];

const fn column(
    id: Col,
    title: &'static str,
    widths: [u16; 4],
    right: bool,
    rank: u8,
) -> Column<Col> {
    let cut = matches!(id, Col::Local | Col::Remote);
    Column { id, title, widths, right, rank, extra: false, cut }
}

/// What stands in a cell: the last that was known.
pub(super) fn cell<'a>(
    ended: &'a EndedRow,
    col: Col,
    width: u16,
    is_selected: bool,
    world: &World,
) -> Cell<'a> {
    let socket = &ended.row.socket;
    let tcp = socket.tcp.as_deref().filter(|_| socket.state != State::Listen);
    match col {
        Col::Sign => Cell::plain(if is_selected { "▶" } else { "" }),
        Col::Ended => {
            let at = ended.ended_at.to_zoned(world.timezone.clone());
            Cell::plain(at.strftime("%H:%M:%S").to_string())
        }
        Col::Seen => Cell::plain(seen(ended)),
        Col::Protocol => Cell::plain(address::protocol(socket)),
        Col::Local => {
            Cell::plain(label::end(|names| label::local(socket, names), world.names, width))
        }
        Col::Remote => {
            Cell::plain(label::end(|names| label::remote(socket, names), world.names, width))
        }
        Col::State => Cell::plain(socket.state.name()),
        Col::Pid => Cell::plain(label::pid(socket)),
        Col::Name => Cell::plain(label::name(socket)),
        Col::Sent => Cell::plain(bytes(tcp.and_then(|tcp| tcp.bytes_sent))),
        Col::Received => Cell::plain(bytes(tcp.and_then(|tcp| tcp.bytes_received))),
        Col::Rtt => Cell::plain(rtt(tcp)),
    }
}

/// For how long it was seen: from first sight to the look that missed it. It may have begun
/// before sockpit did.
fn seen(ended: &EndedRow) -> String {
    let Some(first) = ended.row.socket.first_seen else { return units::UNKNOWN.to_owned() };
    let time = Duration::try_from(ended.ended_at.duration_since(first)).unwrap_or_default();
    let bound = if ended.row.appeared { "" } else { "≥" };
    format!("{bound}{}", units::short_age(time))
}

fn bytes(bytes: Option<u64>) -> String {
    bytes.map_or(units::UNKNOWN.to_owned(), |bytes| units::bytes(bytes).replace([' ', 'B'], ""))
}

fn rtt(tcp: Option<&TcpInfo>) -> String {
    let us = tcp.and_then(|tcp| tcp.rtt_us);
    let rtt = us.map(|us| units::duration(Duration::from_micros(us.into())));
    rtt.unwrap_or(units::UNKNOWN.to_owned())
}
