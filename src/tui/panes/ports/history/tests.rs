use crossterm::event::KeyCode;

use crate::model::owner::Ownership;
use crate::model::socket::{Endpoint, State};
use crate::model::table::SocketTable;
use crate::model::tcp::TcpInfo;
use crate::tui::effect::Effect;
use crate::tui::fixture::{Desk, ended, key_of, owned, process, row, rows, table, tcp};

/// The sockets of the fixture, and three that have ended.
fn past() -> SocketTable {
    let mut web = owned(tcp(State::Established, [10, 0, 0, 5], 8080), process(4242, "python3"));
    web.remote = Some(Endpoint::ip([192, 0, 2, 7], 40_000));
    web.tcp = Some(Box::new(TcpInfo {
        rtt_us: Some(1_200),
        bytes_sent: Some(12_400_000),
        bytes_received: Some(812),
        ..TcpInfo::default()
    }));
    let mut waiting = tcp(State::TimeWait, [10, 0, 0, 5], 443);
    waiting.ownership = Ownership::kernel("time_wait");
    let shell = owned(tcp(State::Established, [10, 0, 0, 5], 22), process(812, "sshd"));
    let ended = [
        ended(&row(103, shell), -1.0),
        ended(&row(102, waiting), -20.0),
        ended(&row(101, web), -30.0),
    ];
    SocketTable { ended: ended.into(), forgotten: 7, ..table(rows()) }
}

fn desk() -> Desk {
    let mut desk = Desk::new(140, 40);
    desk.ports(past());
    desk.press(KeyCode::Char('z'));
    desk.press(KeyCode::Char('H'));
    desk
}

#[test]
fn the_history_is_opened_walked_filtered_and_closed() {
    let mut desk = desk();
    let screen = desk.screen();
    assert!(screen.contains("history: 3 of at most 10,000, 7 forgotten"), "{screen}");
    let web = screen.lines().find(|line| line.contains("192.0.2.7")).unwrap();
    for part in ["12:04:01", "≥10m", "10.0.0.5:8080", "ESTAB", "4242", "12.4M", "812", "1.20 ms"]
    {
        assert!(web.contains(part), "{part}: {web}");
    }
    assert_eq!(desk.selected(), Some(key_of(103)), "the newest");
    desk.press(KeyCode::Down);
    assert_eq!(desk.selected(), Some(key_of(102)));

    desk.press(KeyCode::Char('/'));
    desk.type_text("name:python");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.selected(), Some(key_of(101)));
    assert!(desk.screen().contains("/name:python ─ 1 of 3"), "{}", desk.screen());
    desk.press(KeyCode::Enter);
    assert!(desk.shows_dialog("Details"));
    assert!(desk.screen().contains("ended at 12:04:01"), "{}", desk.screen());
    desk.press(KeyCode::Esc);

    desk.press(KeyCode::Esc);
    assert!(desk.screen().contains("192.0.2.7"), "the filter is dropped first");
    desk.press(KeyCode::Esc);
    let screen = desk.screen();
    assert!(!screen.contains("history"), "{screen}");
    assert_eq!(desk.selected(), Some(key_of(101)), "the selection stays, though it has ended");
    assert!(screen.lines().any(|line| line.contains("192.0.2.7") && line.contains("ended")));
}

#[test]
fn the_cursor_follows_its_row_while_more_ends() {
    let mut desk = desk();
    desk.press(KeyCode::Down);
    let mut later = past();
    let one_more = ended(&row(104, tcp(State::Closed, [10, 0, 0, 5], 25)), 1.0);
    later.ended.push_front(one_more);
    desk.ports(later);
    assert!(desk.screen().contains("history: 4 of"));
    assert_eq!(desk.selected(), Some(key_of(102)));
}

#[test]
fn what_has_ended_is_neither_killed_nor_closed() {
    let mut desk = desk();
    for key in ['K', 'X'] {
        desk.press(KeyCode::Char(key));
        assert!(desk.app.dialog.is_none());
        assert!(desk.screen().contains("It has ended"));
    }
}

#[test]
fn the_history_is_exported_with_what_it_forgot() {
    let mut desk = desk();
    desk.press(KeyCode::Char('E'));
    let Some(Effect::Export(_, export)) = desk.effects.last() else { panic!("no export") };
    assert!(export.file_name().starts_with("sockpit-history-"));
    let value: serde_json::Value = serde_json::from_str(&export.render().unwrap()).unwrap();
    assert_eq!(value["schema"], "sockpit.history/1");
    assert_eq!((&value["forgotten"], &value["limit"]), (&7.into(), &10_000.into()));
    let oldest = &value["ended"][2];
    assert_eq!(oldest["seen_ms"], 600_000);
    assert_eq!(oldest["ended_at"], "2026-03-14T12:04:01Z");
    assert_eq!(oldest["socket"]["tcp"]["bytes_sent"], 12_400_000);
}

#[test]
fn an_empty_history_says_so() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('H'));
    assert!(desk.screen().contains("No socket has ended since sockpit started."));
    desk.press(KeyCode::Char('H'));
    assert!(desk.screen().contains("*:22"));
}
