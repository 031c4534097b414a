//! Columns, and what is remembered of the view.

use super::*;
use crate::text::column::Column;
use crate::tui::arrange::{GroupBy, Sort};
use crate::tui::geometry::Split;
use crate::tui::remembered::{self, View};
use crate::tui::theme::Theme;

fn remembered(effect: &Effect) -> Option<View> {
    match effect {
        Effect::Keep(_, remembered::FILE, text) => View::default().recalled(text).ok(),
        _ => None,
    }
}

fn headings(desk: &mut Desk) -> Vec<String> {
    let screen = desk.screen();
    let line = screen.lines().find(|line| line.contains("STATE")).unwrap_or_default();
    let mut parts = line.split('│').filter(|part| part.contains("STATE"));
    parts.next().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

#[test]
fn columns_are_chosen_and_ordered_in_a_dialog() {
    let mut desk = Desk::with_rows(140, 40);
    let usual = headings(&mut desk);
    assert_eq!(usual[..5], ["PROTO", "LOCAL", "REMOTE", "STATE", "QUEUE"]);
    assert_eq!(usual[5..9], ["RATE", "PID", "NAME", "AGE"]);
    desk.press(KeyCode::Char('C'));
    assert!(desk.screen().contains("▸ [x] proto"));
    // PROTO goes, LOCAL comes after REMOTE.
    desk.press(KeyCode::Char(' '));
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Right);
    desk.press(KeyCode::Enter);
    assert!(desk.app.dialog.is_none());
    assert_eq!(headings(&mut desk)[..3], ["REMOTE", "LOCAL", "STATE"]);
    // Esc leaves everything as it was.
    desk.press(KeyCode::Char('C'));
    desk.press(KeyCode::Char(' '));
    desk.press(KeyCode::Esc);
    assert_eq!(headings(&mut desk)[..3], ["REMOTE", "LOCAL", "STATE"]);
    // Back to the usual, which is no choice at all.
    desk.press(KeyCode::Char('C'));
    desk.press(KeyCode::Char('u'));
    desk.press(KeyCode::Enter);
    assert_eq!((headings(&mut desk), &desk.app.world.columns), (usual, &None));
}

#[test]
fn no_column_at_all_means_the_usual_ones() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('C'));
    for _ in Column::ALL {
        let shown = desk.screen().lines().any(|line| line.contains("▸ [x]"));
        if shown {
            desk.press(KeyCode::Char(' '));
        }
        desk.press(KeyCode::Down);
    }
    desk.press(KeyCode::Enter);
    assert_eq!(desk.app.world.columns, None);
}

#[test]
fn a_wide_screen_shows_more_columns() {
    let mut desk = Desk::with_rows(260, 40);
    desk.press(KeyCode::Char('z'));
    let wide = headings(&mut desk);
    assert!(wide.contains(&"RTT".to_owned()) && wide.contains(&"COMMAND".to_owned()), "{wide:?}");
}

#[test]
fn every_change_of_the_view_is_remembered_once() {
    let mut desk = Desk::with_rows(140, 40);
    assert_eq!(desk.last(remembered), None, "nothing has changed yet");
    desk.press(KeyCode::Char('n'));
    assert!(desk.last(remembered).unwrap().names);
    desk.press(KeyCode::Char('b'));
    assert_eq!(desk.last(remembered).unwrap().group, Some(GroupBy::Process));
    desk.press(KeyCode::Char('S'));
    assert_eq!(desk.last(remembered).unwrap().sort, Sort { by: None, reverse: true });
    desk.press(KeyCode::Down);
    desk.ports(table(rows()));
    assert_eq!(desk.effects.iter().filter_map(remembered).count(), 3);
}

fn started(view: View, remember: bool) -> App {
    let start = Start {
        capture: crate::config::CaptureWhen::Always,
        size: (140, 40),
        theme: Theme::default(),
        mouse: true,
        has_clipboard: true,
        own_pid: u32::MAX,
        view,
        remember,
        timezone: TimeZone::UTC,
        filters: crate::tui::filters::Filters::default(),
        targets: Vec::new(),
    };
    App::new(start, crate::tui::fixture::moment(0.0))
}

#[test]
fn a_remembered_view_is_taken_up_and_not_written_again() {
    let view = View {
        split: Split::new(70),
        names: true,
        all_netns: true,
        local: true,
        sort: Sort { by: Some(Column::Rtt), reverse: true },
        group: Some(GroupBy::State),
        columns: Some(vec![Column::Name, Column::Rtt]),
    };
    let mut app = started(view, true);
    let sample = crate::tui::fixture::sample(Some(table(rows())), Vec::new(), 1);
    let now = crate::tui::fixture::moment(1.0);
    let effects = app.update(Event::Feed(FeedUpdate::Ports(sample)), now);
    assert_eq!(effects.iter().find_map(remembered), None);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::AllNamespaces(true))));
    let work = effects.iter().find_map(|effect| match effect {
        Effect::Arrange(_, work) => Some(work),
        _ => None,
    });
    let work = work.unwrap();
    assert_eq!((work.group, work.sort.by), (Some(GroupBy::State), Some(Column::Rtt)));
    assert!(app.world.names);
}

#[test]
fn who_wants_nothing_remembered_gets_nothing_written() {
    let mut app = started(View::default(), false);
    let key = Event::Key(crossterm::event::KeyEvent::from(KeyCode::Char('n')));
    let effects = app.update(key, crate::tui::fixture::moment(1.0));
    assert_eq!(effects.iter().find_map(remembered), None);
}
