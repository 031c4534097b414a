//! What moves on the screen by itself: alarms and marks.

use std::sync::Arc;

use crossterm::event::KeyCode;

use crate::model::activity::ListenCounters;
use crate::model::ephemeral::Fullest;
use crate::model::table::SocketTable;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, RequestId};
use crate::tui::fixture::{Desk, ended, key_of, rows, table, wall};

#[test]
fn what_listeners_turn_away_is_in_the_header_while_it_is_news() {
    let listen = |drops| ListenCounters { netns: Some(1), overflows: drops, drops };
    let with = |drops| SocketTable { listen: Some(listen(drops)), ..table(rows()) };
    let mut desk = Desk::new(160, 40);
    desk.ports(with(40));
    assert!(!desk.screen().contains("turn away"), "what was before is no news");
    desk.ports(with(43));
    assert!(desk.screen().contains("listeners turn away 3.0/s!"), "{}", desk.screen());
    desk.ports(with(43));
    assert!(desk.screen().contains("listeners turn away 3.0/s!"), "for some seconds");
    desk.wait(10.0);
    desk.ports(with(43));
    assert!(!desk.screen().contains("turn away"));
}

#[test]
fn outgoing_ports_that_run_out_are_in_the_header() {
    let mut desk = Desk::new(160, 40);
    let remote = "10.0.0.7:443".parse().unwrap();
    let fullest = Some(Fullest { local_addr: [10, 0, 0, 1].into(), remote, percent: 82 });
    desk.ports(SocketTable { fullest, ..table(rows()) });
    let screen = desk.screen();
    assert!(screen.contains("outgoing ports to 10.0.0.7:443 82 % used!"), "{screen}");
}

#[test]
fn new_changed_and_ended_rows_are_marked_for_some_seconds() {
    let mut all = rows();
    Arc::make_mut(&mut all[1]).changed_at = Some(wall(0.0));
    let gone = all.pop().unwrap();
    let mut desk = Desk::with_rows(140, 40);
    (0..4).for_each(|_| desk.press(KeyCode::Down));
    assert_eq!(desk.selected(), Some(key_of(6)));
    let now = SocketTable { ended: [ended(&gone, 1.5)].into(), ..table(all) };
    desk.ports(now.clone());
    let screen = desk.screen();
    let line = |part: &str| screen.lines().find(|line| line.contains(part)).unwrap().to_owned();
    assert!(line(":5432").contains(" ~ "), "{screen}");
    assert!(line(":8443").contains(" + "), "{screen}");
    let ended = line("0.0.0.0:68");
    assert!(ended.contains("▶✕") && ended.contains("ended"), "in its place: {screen}");
    desk.wait(10.0);
    desk.ports(now);
    assert_eq!(desk.selected(), Some(key_of(6)), "it stays selected");
    let screen = desk.screen();
    assert!(!screen.contains(" ~ ") && !screen.contains(" + "), "{screen}");
}

#[test]
fn a_filter_is_saved_under_a_name_chosen_and_used() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('F'));
    assert!(desk.screen().contains("None is saved yet"), "{}", desk.screen());
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Char('/'));
    desk.type_text("port:8443 or port:22");
    desk.press(KeyCode::Enter);
    desk.press(KeyCode::Char('F'));
    desk.type_text("mine");
    assert!(desk.screen().contains("save port:8443 or port:22 as @mine"), "{}", desk.screen());
    desk.press(KeyCode::Enter);
    assert!(desk.screen().contains("Saved as @mine"));
    let kept = |effect: &Effect| match effect {
        Effect::Keep(_, name, text) => Some((*name, text.clone())),
        _ => None,
    };
    let text = "mine port:8443 or port:22\n".to_owned();
    assert_eq!(desk.last(kept), Some(("saved-filters", text)));

    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Char('/'));
    desk.type_text("!@mi");
    desk.press(KeyCode::Tab);
    desk.type_text(" proto:tcp");
    desk.press(KeyCode::Enter);
    assert!(desk.screen().contains("/!@mine proto:tcp ─ 3 of 6"), "{}", desk.screen());
    assert_eq!(desk.last(kept).unwrap().0, "filters", "the history of filters is kept");

    desk.press(KeyCode::Char('F'));
    desk.press(KeyCode::Enter);
    assert!(desk.screen().contains("/@mine ─ 2 of 6"), "{}", desk.screen());
}

#[test]
fn what_could_not_be_kept_is_said() {
    let mut desk = Desk::with_rows(140, 40);
    desk.answer(RequestId(9), Answer::Kept(Err("Cannot remember the filters: no".into())));
    assert!(desk.screen().contains("Cannot remember the filters: no"));
}
