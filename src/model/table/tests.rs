use super::*;
use crate::model::owner::{Owner, Process};
use crate::model::socket::{Endpoint, Family, Protocol, SocketId, State, Timer, TimerKind};
use crate::model::tcp::TcpInfo;

fn connection() -> Socket {
    let local = Endpoint::ip([127, 0, 0, 1], 8080);
    let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Established, local);
    socket.timer = Some(Timer { kind: TimerKind::Keepalive, expires_ms: 7_000, unanswered: 0 });
    socket.tcp = Some(Box::new(TcpInfo {
        bytes_sent: Some(10),
        last_data_sent_ms: Some(100),
        ..TcpInfo::default()
    }));
    socket
}

fn row() -> SocketRow {
    SocketRow {
        key: SocketKey { netns: None, id: SocketId::Cookie(1) },
        socket: connection(),
        changed_at: None,
        appeared: false,
        observed_at: Timestamp::from_millisecond(1_000_000).unwrap(),
    }
}

fn later(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_000_000 + ms).unwrap()
}

#[test]
fn clocks_run_on_in_a_row_that_is_kept() {
    let row = row();
    let later = row.observed_at + jiff::SignedDuration::from_millis(1_500);
    let socket = row.as_of(later);
    assert_eq!(socket.timer.unwrap().expires_ms, 5_500);
    assert_eq!(socket.tcp.as_ref().unwrap().last_data_sent_ms, Some(1_600));
    assert_eq!(*row.as_of(row.observed_at), row.socket);
}

#[test]
fn a_row_whose_clocks_only_ran_on_is_unchanged() {
    let mut socket = connection();
    socket.timer.as_mut().unwrap().expires_ms = 5_010;
    socket.tcp.as_mut().unwrap().last_data_sent_ms = Some(2_090);
    assert!(row().still_shows(&socket, later(2_000)));
}

#[test]
fn a_timer_that_was_set_again_is_a_change() {
    let mut socket = connection();
    socket.tcp.as_mut().unwrap().last_data_sent_ms = Some(2_100);
    assert!(!row().still_shows(&socket, later(2_000)), "the timer did not run down");
    socket.timer = None;
    assert!(!row().still_shows(&socket, later(2_000)), "the timer stopped");
}

#[test]
fn traffic_is_a_change() {
    let mut socket = connection();
    socket.tcp.as_mut().unwrap().bytes_sent = Some(11);
    assert!(!row().still_shows(&socket, later(0)));
    let mut socket = connection();
    socket.tcp.as_mut().unwrap().last_data_sent_ms = Some(0);
    assert!(!row().still_shows(&socket, later(2_000)));
}

#[test]
fn owners_and_first_sight_are_not_compared() {
    let mut socket = connection();
    socket.first_seen = Some(later(0));
    socket.service = Some("http-alt".into());
    assert!(row().still_shows(&socket, later(0)));
}

#[test]
fn an_owner_told_from_memory_says_as_of_when() {
    let owner = |pid| Owner::new(Some(3), Arc::new(Process::named(pid, 7, "x")));
    let mut row = row();
    row.socket.owners = vec![owner(1), owner(2)];
    row.socket.owners_complete = Some(true);
    let key = |pid, start_time| ProcessKey { pid, start_time };
    let unverified = |process, ms| Unverified { process, as_of: later(ms) };
    // The same pid with another start is another process.
    let unverified = vec![unverified(key(1, 8), 0), unverified(key(2, 7), 5)];
    let table = SocketTable { unverified, ..SocketTable::default() };
    assert_eq!((table.as_of(key(1, 7)), table.as_of(key(2, 7))), (None, Some(later(5))));
    assert_eq!(table.owners_as_of(&row.socket), Some(later(5)));
    let told = serde_json::to_value(Told { socket: &row.socket, unverified: &table.unverified });
    let told = told.unwrap();
    assert_eq!(told["owners_complete"], false);
    assert_eq!(told["owners"][0].get("as_of"), None);
    assert_eq!(told["owners"][1]["as_of"], later(5).to_string());
    let certain = serde_json::to_value(Told { socket: &row.socket, unverified: &[] }).unwrap();
    assert_eq!(certain, serde_json::to_value(&row.socket).unwrap());
}
