//! The options of the selected socket while their pane is open.

use crossterm::event::KeyCode;

use super::{inspected, report};
use crate::model::options::{OptionPart, OptionType, OptionValue, SocketOption};
use crate::tui::event::Answer;
use crate::tui::fixture::Desk;

fn option(name: &str, value: OptionValue) -> SocketOption {
    SocketOption {
        level: "SOL_SOCKET".into(),
        name: name.to_owned().into(),
        winsock: None,
        r#type: OptionType::Bool,
        value,
        raw_hex: None,
        default: None,
        changed: None,
        changed_by: None,
        why: None,
        unit: None,
        writable: true,
        source: None,
        about: "".into(),
        note: None,
        parts: Vec::new(),
    }
}

fn tcp_info(fields: &[(&'static str, i64)]) -> SocketOption {
    let part = |(name, value): &(&'static str, i64)| OptionPart {
        group: "time".into(),
        name: (*name).into(),
        value: OptionValue::Number(*value),
        unit: None,
    };
    let mut info = option("TCP_INFO", OptionValue::Text(String::new()));
    info.r#type = OptionType::Opaque;
    info.parts = fields.iter().map(part).collect();
    info
}

/// Waits for the next look and answers it with these options.
fn look(desk: &mut Desk, options: Vec<SocketOption>) {
    desk.wait(1.0);
    let (id, _) = desk.last(inspected).expect("it was looked at");
    let mut report = report(desk);
    report.options = options;
    desk.answer(id, Answer::Options(Ok(Box::new(report))));
}

fn looks(desk: &Desk) -> usize {
    desk.effects.iter().filter_map(inspected).count()
}

#[test]
fn an_open_pane_looks_again_and_a_value_that_changed_stands_out() {
    let mut desk = Desk::with_rows(160, 40);
    let keep_alive = |on| vec![option("SO_KEEPALIVE", OptionValue::Bool(on))];
    look(&mut desk, keep_alive(false));
    let line = |desk: &mut Desk| {
        let screen = desk.screen();
        let line = screen.lines().find(|line| line.contains("SO_KEEPALIVE"));
        line.unwrap_or_else(|| panic!("{screen}")).to_owned()
    };
    assert!(!line(&mut desk).contains('~'));
    look(&mut desk, keep_alive(true));
    assert_eq!(looks(&desk), 2);
    assert!(line(&mut desk).contains('~'), "{}", line(&mut desk));
    desk.wait(3.0);
    assert!(!line(&mut desk).contains('~'), "only for a moment");
    let before = looks(&desk);
    desk.press(KeyCode::Char(' '));
    look(&mut desk, keep_alive(true));
    desk.wait(5.0);
    assert_eq!(looks(&desk), before, "a frozen view looks at nothing");
}

#[test]
fn a_pane_that_is_not_on_screen_looks_once() {
    let mut desk = Desk::with_rows(80, 24);
    look(&mut desk, vec![option("SO_KEEPALIVE", OptionValue::Bool(false))]);
    desk.wait(5.0);
    assert_eq!(looks(&desk), 1);
}

#[test]
fn a_socket_that_is_gone_keeps_its_last_options_and_says_since_when() {
    let mut desk = Desk::with_rows(160, 40);
    look(&mut desk, vec![option("SO_KEEPALIVE", OptionValue::Bool(false))]);
    desk.wait(1.0);
    let (id, _) = desk.last(inspected).unwrap();
    desk.answer(id, Answer::Options(Err("the socket is gone".to_owned())));
    let screen = desk.screen();
    assert!(
        screen.contains("This socket ended at ") && screen.contains("SO_KEEPALIVE"),
        "{screen}"
    );
    let before = looks(&desk);
    desk.wait(5.0);
    assert_eq!(looks(&desk), before, "there is nothing to look at");
}

#[test]
fn a_connection_has_a_panel_with_its_course() {
    let mut desk = Desk::with_rows(160, 60);
    desk.press(KeyCode::Char('3'));
    desk.press(KeyCode::Char('z'));
    for (rtt, sent) in [(100, 0), (400, 2_000), (800, 6_000)] {
        let fields = [("rtt", rtt), ("snd_cwnd", 10), ("bytes_sent", sent), ("bytes_received", 0)];
        look(&mut desk, vec![tcp_info(&fields)]);
    }
    let screen = desk.screen();
    let line = |name: &str| screen.lines().find(|line| line.contains(name)).unwrap_or_default();
    assert!(line("RTT ").contains("800 µs") && line("RTT ").contains("▂▅█"), "{screen}");
    let cwnd = line("10 segments");
    assert!(cwnd.contains("cwnd ") && cwnd.contains("███"), "{screen}");
    assert_eq!(screen.matches("10 segments").count(), 1, "in one place alone\n{screen}");
    assert!(line("rate ").contains("4.00 kB/s out, 0 B/s in"), "{screen}");
}
