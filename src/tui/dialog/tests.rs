//! What holds for every dialog.

use std::collections::HashSet;

use crossterm::event::{KeyCode, MouseButton, MouseEventKind};

use super::*;
use crate::tui::fixture::Desk;

/// Every dialog that a key opens, with that key.
const OPENERS: [(KeyCode, &str); 11] = [
    (KeyCode::Char('?'), "Keys"),
    (KeyCode::Char(':'), "Palette"),
    (KeyCode::Char('F'), "Saved filters"),
    (KeyCode::Char('L'), "Actions"),
    (KeyCode::Char('D'), "What can be seen"),
    (KeyCode::Char('K'), "Kill"),
    (KeyCode::Char('X'), "Close"),
    (KeyCode::Char('w'), "Why is it busy?"),
    (KeyCode::Char('T'), "Calls"),
    (KeyCode::Char('C'), "Columns"),
    (KeyCode::Enter, "Details"),
];

fn opened(key: KeyCode, title: &str, width: u16, height: u16) -> Desk {
    let mut desk = Desk::with_rows(width, height);
    desk.press(KeyCode::Down);
    desk.press(key);
    assert!(desk.shows_dialog(title), "{key} does not open {title}");
    desk
}

fn open(desk: &Desk) -> &Open {
    desk.app.dialog.as_ref().expect("a dialog is open")
}

#[test]
fn every_key_of_a_dialog_has_a_hint_that_is_on_screen_however_small_it_is() {
    for (key, title) in OPENERS {
        let mut desk = opened(key, title, 60, 16);
        let screen = desk.screen();
        for binding in open(&desk).dialog.keys() {
            let hint = format!("{} {}", binding.keys[0], binding.hint);
            assert!(!binding.hint.is_empty() && screen.contains(&hint), "no {hint:?}:\n{screen}");
        }
    }
}

#[test]
fn no_key_of_a_dialog_means_two_things() {
    for (key, title) in OPENERS {
        let desk = opened(key, title, 80, 24);
        let own = open(&desk).dialog.keys();
        let is_typing = open(&desk).is_typing();
        let mut seen = HashSet::new();
        for key in own.iter().flat_map(|binding| binding.keys) {
            assert!(seen.insert(*key), "{title} binds {key} twice");
            let elsewhere = keymap::command_in_dialog(&[], is_typing, *key);
            assert_eq!(elsewhere, None, "{title} takes {key} from what holds in every dialog");
            let is_text = *key != Key::char(' ') && key.to_string().chars().count() == 1;
            assert!(!(is_typing && is_text), "{title} takes {key} from its field");
        }
    }
}

#[test]
fn a_click_on_a_hint_is_its_key() {
    let mut desk = opened(KeyCode::Char('C'), "Columns", 80, 24);
    let screen = desk.screen();
    let (row, line) = screen.lines().enumerate().find(|(_, l)| l.contains("Esc cancel")).unwrap();
    let column = line[..line.find("Esc cancel").unwrap()].chars().count();
    let at = |desk: &mut Desk, column: usize| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        desk.mouse(kind, u16::try_from(column).unwrap(), u16::try_from(row).unwrap());
    };
    at(&mut desk, 1);
    assert!(desk.shows_dialog("Columns"), "elsewhere nothing is hit");
    at(&mut desk, column + 2);
    assert!(desk.app.dialog.is_none());
}
