//! UNIX and netlink sockets: out of sight until they are asked for.

use super::*;
use crate::model::socket::{Endpoint, Family, Protocol, Socket, State};
use crate::model::table::SocketTable;
use crate::tui::fixture::{owned, process, row, tcp};

/// A TCP listener, and a UNIX listener of another process.
fn both() -> SocketTable {
    let web = owned(tcp(State::Listen, [127, 0, 0, 1], 8080), process(11, "python3"));
    let local = Endpoint::unix("/run/app\u{1b}[31m.sock");
    let app = Socket::new(Family::Unix, Protocol::Stream, State::Listen, local);
    table(vec![row(7, web), row(8, owned(app, process(22, "app")))])
}

fn desk() -> Desk {
    let mut desk = Desk::new(160, 40);
    desk.ports(both());
    desk
}

#[test]
fn unix_sockets_are_counted_in_the_title_and_shown_by_a_key() {
    let mut desk = desk();
    let screen = desk.screen();
    assert!(screen.contains("127.0.0.1:8080") && !screen.contains("[31m.sock"), "{screen}");
    assert!(screen.contains("u: 1 local hidden"), "{screen}");
    desk.press(KeyCode::Char('u'));
    let screen = desk.screen();
    let line = screen.lines().find(|line| line.contains("u_str")).unwrap();
    assert!(line.contains("app\u{fffd}[31m.sock"), "{line}");
    assert!(!screen.contains("local hidden"), "{screen}");
    desk.press(KeyCode::Char('u'));
    assert!(!desk.screen().contains("[31m.sock"));
}

#[test]
fn a_filter_that_names_them_shows_them() {
    for text in ["family:unix", "proto:stream", "addr:/run/app", "app"] {
        let mut desk = desk();
        desk.press(KeyCode::Char('/'));
        desk.type_text(text);
        desk.press(KeyCode::Enter);
        let screen = desk.screen();
        assert!(screen.contains("[31m.sock"), "{text}: {screen}");
        assert!(!screen.contains("8080"), "{text}: {screen}");
    }
}

#[test]
fn a_mark_on_what_goes_out_of_sight_is_dropped() {
    let mut desk = desk();
    desk.press(KeyCode::Char('u'));
    desk.press(KeyCode::Char('G'));
    desk.press(KeyCode::Char('m'));
    assert!(desk.screen().contains("1 marked"));
    desk.press(KeyCode::Char('u'));
    assert!(!desk.screen().contains("marked"));
}

#[test]
fn killing_who_holds_a_unix_socket_aims_at_the_process() {
    let mut desk = desk();
    desk.press(KeyCode::Char('u'));
    desk.press(KeyCode::Char('G'));
    desk.press(KeyCode::Char('K'));
    let targets = desk.last(|effect| match effect {
        Effect::PlanKill(_, targets, _) => Some(targets.clone()),
        _ => None,
    });
    assert_eq!(targets, Some(vec![KillTarget::Pid { pid: 22 }]));
}
