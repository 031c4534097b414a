mod close;
mod grouping;
mod live;
mod local;
mod namespaces;
mod options;
mod packets;
mod tester;
mod view;
mod ways;
mod why;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEventKind};

use super::*;
use crate::act::kill;
use crate::inspect::names;

use crate::model::action::{
    About, BlastRadius, KillOutcome, KillPlan, KillTarget, Victim, VictimOutcome,
};
use crate::model::options::{OptionAccess, OptionsReport};
use crate::model::owner::ProcessKey;
use crate::model::signal::Signal;
use crate::model::socket::HostName;
use crate::model::socket::State;
use crate::tui::event::Killed;
use crate::tui::fixture::{Desk, ended, key_of, rows, table, wall};

fn inspected(effect: &Effect) -> Option<(RequestId, crate::model::socket::SocketKey)> {
    match effect {
        Effect::Inspect(id, row) => Some((*id, row.key)),
        _ => None,
    }
}

fn planned(effect: &Effect) -> Option<(RequestId, Vec<KillTarget>)> {
    match effect {
        Effect::PlanKill(id, targets, _) => Some((*id, targets.clone())),
        _ => None,
    }
}

fn run(effect: &Effect) -> Option<RequestId> {
    match effect {
        Effect::RunKill(id, ..) => Some(*id),
        _ => None,
    }
}

fn plan(protected: bool) -> KillPlan {
    KillPlan {
        target: KillTarget::Pid { pid: 4242 },
        victims: vec![Victim {
            key: ProcessKey { pid: 4242, start_time: 7 },
            name: "python3".into(),
            holds: Vec::new(),
            signals: vec![Signal::Term],
            protected: protected.then(|| "sockpit runs under it".into()),
            child_of: None,
            about: About::default(),
        }],
        spared: Vec::new(),
        unattributed: Vec::new(),
        covering: Vec::new(),
        blast_radius: BlastRadius::default(),
        keepers: Vec::new(),
        parents: Vec::new(),
        forwarders: Vec::new(),
        supervisors: Vec::new(),
        watch_ms: 1_000,
        timeout_ms: 3_000,
        steps: vec!["send TERM to python3 4242".into()],
        warnings: Vec::new(),
        protected,
    }
}

fn killed(exited: bool) -> Killed {
    let outcome = KillOutcome {
        target: "8080".into(),
        victims: vec![VictimOutcome {
            pid: 4242,
            name: "python3".into(),
            signals: vec![Signal::Term],
            exited,
            exit_after_ms: exited.then_some(12),
            reason: None,
            refused: false,
        }],
        spared: Vec::new(),
        port_free: Some(exited),
        proof: None,
        port_reason: None,
        respawned: None,
        watched_ms: 1_000,
        keepers: Vec::new(),
        parents: Vec::new(),
    };
    let target = KillTarget::Port { port: 8080, udp: false, addr: None };
    let plan = KillPlan { target, ..plan(false) };
    Killed { plan, consent: kill::Consent::default(), outcome: Ok(outcome) }
}

fn report(desk: &Desk) -> OptionsReport {
    let socket = desk.app.world.selection.as_ref().unwrap().row.socket.clone();
    OptionsReport {
        socket,
        access: OptionAccess::Full,
        reason: None,
        options: Vec::new(),
        hidden: Vec::new(),
        io_model: None,
        findings: Vec::new(),
    }
}

#[test]
fn the_first_row_is_selected_by_itself() {
    let desk = Desk::with_rows(140, 40);
    assert_eq!(desk.selected(), Some(key_of(1)));
}

#[test]
fn the_selection_follows_its_row_through_resorting() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Down);
    assert_eq!(desk.selected(), Some(key_of(2)));
    desk.press(KeyCode::Char('s'));
    desk.press(KeyCode::Char('S'));
    assert_eq!(desk.selected(), Some(key_of(2)));
    desk.press(KeyCode::Home);
    desk.press(KeyCode::End);
    let last = desk.selected();
    assert_ne!(last, Some(key_of(2)));
    desk.press(KeyCode::Char('S'));
    assert_eq!(desk.selected(), last);
}

#[test]
fn a_row_that_ends_stays_selected_and_says_so() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Down);
    let mut left = rows();
    let gone = left.remove(1);
    let mut next = table(left);
    next.ended.push_back(ended(&gone, 2.0));
    desk.ports(next.clone());
    assert_eq!(desk.selected(), Some(key_of(2)));
    assert!(desk.app.world.selection.as_ref().unwrap().ended_at.is_some());
    // Long after other ended rows have left the list.
    desk.seconds += 60.0;
    desk.ports(next.clone());
    assert_eq!(desk.selected(), Some(key_of(2)));
    assert!(desk.screen().contains("ended"));
    // Moving away lets it go.
    desk.press(KeyCode::Down);
    desk.ports(next);
    assert!(!desk.screen().contains("ended"));
}

#[test]
fn a_filter_moves_the_selection_into_its_rows_and_esc_brings_all_back() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('/'));
    desk.type_text("port:8443");
    assert_eq!(desk.selected(), Some(key_of(5)));
    desk.press(KeyCode::Enter);
    assert!(desk.screen().contains("1 of 6"));
    // The row that was selected before does not sneak back with the next sample.
    desk.ports(table(rows()));
    assert!(!desk.screen().contains("sshd"));
    desk.press(KeyCode::Esc);
    assert!(desk.screen().contains("sshd"));
    assert_eq!(desk.selected(), Some(key_of(5)));
}

#[test]
fn a_row_that_a_filter_left_out_stays_out() {
    let mut desk = Desk::with_rows(80, 24);
    desk.press(KeyCode::Char('/'));
    desk.type_text("port:9");
    desk.ports(table(rows()));
    assert!(desk.screen().contains("None of 6 sockets matches"));
    assert!(!desk.screen().contains("postgres"));
}

#[test]
fn an_error_in_a_filter_stands_beside_it_with_its_column() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('/'));
    desk.type_text("port:8080 frob:1");
    let screen = desk.screen();
    assert!(screen.contains("! column 11"), "{screen}");
    // Enter does not take a filter that is wrong, Esc leaves it.
    desk.press(KeyCode::Enter);
    assert_eq!(desk.app.context(), Context::Field);
    desk.press(KeyCode::Esc);
    assert_eq!(desk.app.context(), Context::Pane(PaneId::Ports));
    assert!(!desk.screen().contains("column 11"));
}

#[test]
fn in_a_field_letters_are_letters() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('/'));
    desk.type_text("q?z1K ");
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::Quit)));
    assert!(desk.app.dialog.is_none() && !desk.app.zoom);
    assert!(desk.screen().contains("/q?z1K"));
    desk.control('c');
    assert!(matches!(desk.effects.last(), Some(Effect::Quit)));
}

#[test]
fn a_paste_is_typed_into_a_field_and_means_nothing_elsewhere() {
    let mut desk = Desk::with_rows(140, 40);
    desk.send(Event::Paste("qK".into()));
    assert!(desk.app.dialog.is_none());
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::Quit)));
    desk.press(KeyCode::Char('/'));
    desk.send(Event::Paste("port:8443\n".into()));
    assert_eq!(desk.selected(), Some(key_of(5)));
}

#[test]
fn options_are_read_when_the_selection_has_rested() {
    let mut desk = Desk::with_rows(140, 40);
    assert_eq!(desk.last(inspected), None);
    desk.wait(0.1);
    desk.press(KeyCode::Down);
    desk.wait(0.1);
    assert_eq!(desk.last(inspected), None, "the rest starts anew with each move");
    let due = desk.app.wake_at().unwrap();
    assert_eq!(due, desk.app.world.selection.as_ref().unwrap().since + Duration::from_millis(150));
    desk.wait(0.05);
    assert_eq!(desk.last(inspected).map(|(_, key)| key), Some(key_of(2)));
    // Once is enough.
    desk.wait(1.0);
    desk.ports(table(rows()));
    let asked = desk.effects.iter().filter_map(inspected).count();
    assert_eq!(asked, 1);
}

#[test]
fn a_stale_answer_about_options_is_ignored() {
    let mut desk = Desk::with_rows(140, 40);
    desk.wait(0.2);
    let (old, _) = desk.last(inspected).unwrap();
    desk.press(KeyCode::Down);
    desk.wait(0.2);
    let (new, _) = desk.last(inspected).unwrap();
    desk.answer(old, Answer::Options(Err("from the socket before".into())));
    assert!(!desk.screen().contains("from the socket before"));
    let report = report(&desk);
    desk.answer(new, Answer::Options(Ok(Box::new(report))));
    assert!(!desk.screen().contains("Reading the options"));
}

#[test]
fn a_stale_order_of_rows_is_not_shown() {
    let mut desk = Desk::new(140, 40);
    let sample = crate::tui::fixture::sample(Some(table(rows())), Vec::new(), 1);
    let now = crate::tui::fixture::moment(1.0);
    let effects = desk.app.update(Event::Feed(FeedUpdate::Ports(sample)), now);
    let arrange = |effects: Vec<Effect>| {
        effects.into_iter().find_map(|effect| match effect {
            Effect::Arrange(id, work) => Some((id, work)),
            _ => None,
        })
    };
    let (id, work) = arrange(effects).unwrap();
    // While the worker is busy the user asks for something else.
    let key = |c| Event::Key(crossterm::event::KeyEvent::from(KeyCode::Char(c)));
    assert!(arrange(desk.app.update(key('S'), now)).is_none(), "one order at a time");
    let effects = desk.app.update(Event::Answer(id, Answer::Arranged(Box::new(work.run()))), now);
    assert_eq!(desk.selected(), None, "the first order is stale");
    let (id, work) = arrange(effects).expect("the newest wish is asked for at once");
    desk.answer(id, Answer::Arranged(Box::new(work.run())));
    assert_eq!(desk.selected(), Some(key_of(4)));
}

#[test]
fn a_frozen_view_stands_still_and_catches_up() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char(' '));
    let frozen = desk.screen();
    assert!(frozen.contains("FROZEN"));
    desk.app.take_dirty();
    desk.ports(table(Vec::new()));
    assert!(!desk.app.take_dirty(), "nothing to draw while frozen");
    assert_eq!(desk.screen(), frozen);
    // Moving about is possible meanwhile.
    desk.press(KeyCode::Down);
    assert_eq!(desk.selected(), Some(key_of(2)));
    desk.press(KeyCode::Char(' '));
    assert!(desk.screen().contains("0 sockets"));
}

#[test]
fn zoom_focus_and_tabs() {
    let mut desk = Desk::with_rows(140, 40);
    assert_eq!(desk.app.geometry().unwrap().panes.len(), 3);
    desk.press(KeyCode::Char('3'));
    desk.press(KeyCode::Char('z'));
    assert!(desk.screen().contains("[3 Options]"));
    assert_eq!(desk.app.geometry().unwrap().panes.len(), 1);
    desk.press(KeyCode::Tab);
    assert!(desk.screen().contains("[4 Tester]"));
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::BackTab);
    assert_eq!(desk.app.focus, PaneId::Tester);
    desk.press(KeyCode::Char('z'));
    assert_eq!(desk.app.geometry().unwrap().panes.len(), 3);
}

#[test]
fn packets_are_captured_on_once_their_pane_was_on_screen() {
    let capture = |effect: &Effect| match effect {
        Effect::Capture(how) => Some(*how),
        _ => None,
    };
    let mut desk = Desk::with_rows(80, 24);
    assert_eq!(desk.last(capture), Some(Capturing::Off));
    desk.press(KeyCode::Char('2'));
    assert_eq!(desk.last(capture), Some(Capturing::Attended));
    desk.press(KeyCode::Char('1'));
    assert_eq!(desk.last(capture), Some(Capturing::InBackground), "it goes on");
}

#[test]
fn packets_are_captured_only_on_screen_where_that_is_configured() {
    let capture = |effect: &Effect| match effect {
        Effect::Capture(how) => Some(*how),
        _ => None,
    };
    let mut desk = Desk::with_rows(140, 40);
    desk.app.capture_when = CaptureWhen::OnScreen;
    assert_eq!(desk.last(capture), Some(Capturing::Attended));
    desk.press(KeyCode::Char('z'));
    assert_eq!(desk.last(capture), Some(Capturing::Off));
    desk.press(KeyCode::Char('2'));
    assert_eq!(desk.last(capture), Some(Capturing::Attended));
    desk.press(KeyCode::Char('1'));
    assert_eq!(desk.last(capture), Some(Capturing::Off));
}

#[test]
fn a_tiny_terminal_is_told_so_politely() {
    let mut desk = Desk::with_rows(140, 40);
    desk.resize(59, 16);
    assert!(desk.screen().contains("sockpit needs 60x16 cells"));
    desk.resize(1, 1);
    desk.screen();
    desk.resize(60, 16);
    assert!(desk.screen().contains("[1 Ports]"));
}

#[test]
fn esc_closes_whatever_lies_on_top() {
    let mut desk = Desk::with_rows(140, 40);
    for key in ['?', ':', 'L', 'K'] {
        desk.press(KeyCode::Char(key));
        assert!(desk.app.dialog.is_some(), "{key} opens nothing");
        desk.press(KeyCode::Esc);
        assert!(desk.app.dialog.is_none(), "Esc does not close {key}");
    }
    desk.press(KeyCode::Enter);
    assert!(desk.shows_dialog("Details"));
    desk.press(KeyCode::Esc);
    assert!(desk.app.dialog.is_none());
}

#[test]
fn the_palette_runs_what_it_finds() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char(':'));
    desk.type_text("freeze");
    desk.press(KeyCode::Enter);
    assert!(desk.app.world.is_frozen() && desk.app.dialog.is_none());
    // What another pane does takes the focus there.
    desk.press(KeyCode::Char(':'));
    desk.type_text("every second");
    assert!(desk.screen().contains("4 c"), "{}", desk.screen());
    desk.press(KeyCode::Enter);
    assert_eq!(desk.app.focus, PaneId::Tester);
}

#[test]
fn a_kill_aims_at_the_row_that_was_under_the_key() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char('K'));
    let (id, targets) = desk.last(planned).unwrap();
    let addr = Some([0, 0, 0, 0].into());
    assert_eq!(targets, [KillTarget::Port { port: 8080, udp: false, addr }]);
    // The table moves on beneath the dialog; the plan that was asked for is the one shown.
    desk.ports(table(Vec::new()));
    desk.answer(id, Answer::KillPlanned(Ok(vec![plan(false)])));
    assert!(desk.screen().contains("python3 4242"));
    assert_eq!(desk.last(run), None, "nothing runs without Enter");
    desk.press(KeyCode::Enter);
    let id = desk.last(run).unwrap();
    desk.answer(id, Answer::Killed(vec![killed(true)]));
    assert!(desk.screen().contains("the port is free"));
    assert_eq!(desk.app.log.entries.len(), 1);
}

#[test]
fn a_plan_that_nobody_waits_for_any_more_opens_nothing() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('K'));
    let (id, _) = desk.last(planned).unwrap();
    desk.press(KeyCode::Esc);
    desk.answer(id, Answer::KillPlanned(Ok(vec![plan(false)])));
    assert!(desk.app.dialog.is_none());
    // And a later dialog does not take it for its own.
    desk.press(KeyCode::Char('K'));
    desk.answer(id, Answer::KillPlanned(Ok(vec![plan(false)])));
    assert!(desk.screen().contains("Working out the plan"));
}

#[test]
fn a_protected_process_wants_its_pid_typed() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('K'));
    let (id, _) = desk.last(planned).unwrap();
    desk.answer(id, Answer::KillPlanned(Ok(vec![plan(true)])));
    desk.press(KeyCode::Enter);
    desk.press(KeyCode::Enter);
    assert_eq!(desk.last(run), None, "Enter alone is a habit");
    desk.type_text("4242");
    assert!(desk.screen().contains("> 4242"));
    desk.press(KeyCode::Enter);
    assert!(desk.last(run).is_some());
}

#[test]
fn the_outcome_of_an_action_is_never_stale() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('K'));
    let (id, _) = desk.last(planned).unwrap();
    desk.answer(id, Answer::KillPlanned(Ok(vec![plan(false)])));
    desk.press(KeyCode::Enter);
    let id = desk.last(run).unwrap();
    desk.press(KeyCode::Esc);
    desk.answer(id, Answer::Killed(vec![killed(false)]));
    assert!(desk.screen().contains("did not end"), "a notice tells of it");
    desk.press(KeyCode::Char('L'));
    assert!(desk.screen().contains("$ sockpit kill 8080"));
}

#[test]
fn quitting_asks_once_while_an_action_runs() {
    let quits = |desk: &Desk| desk.effects.iter().any(|effect| matches!(effect, Effect::Quit));
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('K'));
    let (id, _) = desk.last(planned).unwrap();
    desk.answer(id, Answer::KillPlanned(Ok(vec![plan(false)])));
    desk.press(KeyCode::Enter);
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Char('q'));
    assert!(!quits(&desk));
    assert!(desk.shows_dialog("Quit?"));
    desk.control('c');
    assert!(quits(&desk));
}

#[test]
fn marked_rows_are_killed_together_and_each_target_once() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('m'));
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char('m'));
    desk.press(KeyCode::End);
    desk.press(KeyCode::Char('K'));
    let (_, targets) = desk.last(planned).unwrap();
    assert_eq!(targets.len(), 2, "{targets:?}");
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Esc);
    assert!(desk.app.world.marks.is_empty());
}

#[test]
fn what_the_kernel_holds_cannot_be_killed() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::End);
    desk.press(KeyCode::Char('K'));
    assert_eq!(desk.last(planned), None);
    assert!(desk.screen().contains("No process to kill: 10.0.0.5:8080 is kernel"));
}

#[test]
fn the_tester_offers_the_selection_and_never_knocks_by_itself() {
    let probed = |effect: &Effect| match effect {
        Effect::Probe(_, order) => Some(order.target.text().to_owned()),
        _ => None,
    };
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Down);
    desk.wait(10.0);
    desk.press(KeyCode::Char('4'));
    assert!(desk.screen().contains("tcp://127.0.0.1:5432"));
    assert_eq!(desk.last(probed), None);
    desk.press(KeyCode::Enter);
    assert_eq!(desk.last(probed).as_deref(), Some("tcp://127.0.0.1:5432"));
}

#[test]
fn the_tester_takes_the_place_of_options_while_it_is_used() {
    let mut desk = Desk::with_rows(140, 40);
    let shows = |desk: &Desk, pane| desk.app.geometry().unwrap().shows(pane);
    assert!(shows(&desk, PaneId::Options) && !shows(&desk, PaneId::Tester));
    assert!(desk.screen().contains(" 4 Tester ─╯"), "{}", desk.screen());
    desk.press(KeyCode::Char('4'));
    assert!(shows(&desk, PaneId::Tester) && !shows(&desk, PaneId::Options));
    // It stays when the focus goes back to what it tests.
    desk.press(KeyCode::Char('1'));
    assert!(shows(&desk, PaneId::Tester));
    // A click on the tab brings Options back.
    let (pane, tab) = desk.app.geometry().unwrap().hidden.unwrap();
    assert_eq!(pane, PaneId::Options);
    desk.mouse(MouseEventKind::Down(MouseButton::Left), tab.right() - 3, tab.y);
    assert_eq!(desk.app.focus, PaneId::Options);
    assert!(shows(&desk, PaneId::Options));
}

#[test]
fn the_split_moves_by_keys_and_by_the_mouse_and_is_remembered() {
    let kept = |effect: &Effect| match effect {
        Effect::Keep(_, remembered::FILE, text) => View::default().recalled(text).ok(),
        _ => None,
    };
    let mut desk = Desk::with_rows(140, 40);
    let edge = |desk: &Desk| desk.app.geometry().unwrap().frame(PaneId::Ports).unwrap().bottom();
    let at_first = edge(&desk);
    desk.press(KeyCode::Char('+'));
    assert!(edge(&desk) > at_first);
    desk.press(KeyCode::Char('-'));
    assert_eq!(edge(&desk), at_first);
    let left = MouseButton::Left;
    desk.mouse(MouseEventKind::Down(left), 40, at_first - 1);
    desk.mouse(MouseEventKind::Drag(left), 41, at_first - 6);
    assert!(edge(&desk).abs_diff(at_first - 5) <= 1, "{} {at_first}", edge(&desk));
    assert_eq!(desk.last(kept).unwrap().split, desk.app.arrangement().split);
    // What is not taken hold of at the edge does not move it.
    let dragged = edge(&desk);
    desk.mouse(MouseEventKind::Up(left), 41, at_first - 6);
    desk.mouse(MouseEventKind::Down(left), 40, 5);
    desk.mouse(MouseEventKind::Drag(left), 40, 12);
    assert_eq!(edge(&desk), dragged);
}

#[test]
fn a_click_focuses_selects_and_twice_zooms() {
    let mut desk = Desk::with_rows(140, 40);
    desk.screen();
    let left = MouseEventKind::Down(MouseButton::Left);
    // Frame, header, then the rows.
    desk.mouse(left, 10, 5);
    assert_eq!(desk.selected(), Some(key_of(3)));
    desk.mouse(left, 100, 30);
    assert_eq!(desk.app.focus, PaneId::Options);
    desk.mouse(left, 100, 30);
    assert!(desk.app.zoom);
    desk.screen();
    desk.mouse(left, 2, 1);
    assert_eq!(desk.app.focus, PaneId::Ports);
}

#[test]
fn a_click_on_a_heading_sorts_and_again_turns_around() {
    let mut desk = Desk::with_rows(140, 40);
    let column = desk.screen().lines().nth(2).unwrap().chars().collect::<Vec<_>>();
    let at = column.windows(4).position(|w| w.iter().collect::<String>() == "NAME").unwrap();
    let left = MouseEventKind::Down(MouseButton::Left);
    desk.mouse(left, at as u16, 2);
    assert!(desk.screen().contains("NAME▲"));
    desk.wait(1.0);
    desk.mouse(left, at as u16, 2);
    assert!(desk.screen().contains("NAME▼"));
}

#[test]
fn the_wheel_scrolls_the_pane_beneath_it() {
    let mut desk = Desk::with_rows(140, 40);
    desk.screen();
    desk.mouse(MouseEventKind::ScrollDown, 10, 5);
    assert_eq!(desk.selected(), Some(key_of(5)));
    desk.mouse(MouseEventKind::ScrollUp, 10, 5);
    assert_eq!(desk.selected(), Some(key_of(1)));
}

#[test]
fn a_notice_goes_away_by_itself() {
    let mut desk = Desk::with_rows(140, 40);
    copied(&mut desk, Some("wl-copy"));
    assert!(desk.screen().contains("Copied by wl-copy: tcp *:22 LISTEN sshd 812"));
    desk.wait(6.0);
    assert!(!desk.screen().contains("Copied"));
}

/// Copies the row, and answers what took it.
fn copied(desk: &mut Desk, tool: Option<&'static str>) {
    desk.press(KeyCode::Char('y'));
    let (id, text) = desk
        .last(|effect| match effect {
            Effect::Copy(id, text) => Some((*id, text.clone())),
            _ => None,
        })
        .unwrap();
    desk.answer(id, Answer::Copied(text, tool));
}

#[test]
fn copying_says_what_was_done_and_no_more() {
    let mut desk = Desk::with_rows(140, 40);
    let sent = |effect: &Effect| matches!(effect, Effect::CopyToTerminal(_)).then_some(());
    copied(&mut desk, Some("xclip"));
    assert_eq!(desk.last(sent), None, "the desktop has it already");
    copied(&mut desk, None);
    assert_eq!(desk.last(sent), Some(()));
    let screen = desk.screen();
    assert!(
        screen.contains("Sent to the terminal's clipboard, if it has one: tcp *:22"),
        "{screen}"
    );
    // A terminal that has none: a file is the last way.
    desk.app.has_clipboard = false;
    desk.effects.clear();
    copied(&mut desk, None);
    assert_eq!(desk.last(sent), None);
    let kept = |effect: &Effect| match effect {
        Effect::Keep(_, name, text) => Some((*name, text.clone())),
        _ => None,
    };
    let line = "tcp *:22 LISTEN sshd 812\n".to_owned();
    assert_eq!(desk.last(kept), Some(("copied.txt", line)));
    assert!(desk.screen().contains("copied.txt"), "{}", desk.screen());
}

#[test]
fn escape_and_a_letter_that_arrive_together_are_two_keys() {
    let alt = |c| Event::Key(crossterm::event::KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT));
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('?'));
    desk.send(alt('q'));
    assert!(desk.app.dialog.is_none());
    assert!(matches!(desk.effects.last(), Some(Effect::Quit)));
    // A field knows some keys with Alt, and leaves the others.
    desk.effects.clear();
    desk.press(KeyCode::Char('/'));
    desk.type_text("port:80 x");
    desk.send(alt('b'));
    assert_eq!(desk.app.context(), Context::Field);
    desk.send(alt('j'));
    assert_eq!(desk.app.context(), Context::Pane(PaneId::Ports));
    assert_eq!(desk.selected(), Some(key_of(2)));
}

#[test]
fn hints_take_clicks() {
    let mut desk = Desk::with_rows(140, 40);
    let click = |desk: &mut Desk, hint: &str| {
        let screen = desk.screen();
        let (y, line) = screen.lines().enumerate().find(|(_, line)| line.contains(hint)).unwrap();
        let x = line.split(hint).next().unwrap().chars().count();
        desk.mouse(MouseEventKind::Down(MouseButton::Left), x as u16 + 1, y as u16);
    };
    click(&mut desk, "s sort");
    assert!(desk.screen().contains("PROT▲"), "{}", desk.screen());
    click(&mut desk, "? keys");
    assert!(desk.app.dialog.is_some() && desk.screen().contains("Plan to end the processes"));
    desk.press(KeyCode::Esc);
    click(&mut desk, "z zoom");
    assert!(desk.app.zoom);
    click(&mut desk, "q quit");
    assert!(matches!(desk.effects.last(), Some(Effect::Quit)));
}

#[test]
fn the_right_button_offers_what_can_be_done_with_the_row() {
    let mut desk = Desk::with_rows(140, 40);
    desk.screen();
    desk.mouse(MouseEventKind::Down(MouseButton::Right), 10, 5);
    assert_eq!(desk.selected(), Some(key_of(3)));
    assert!(desk.screen().contains("Plan to end the processes that hold the selected rows"));
}

#[test]
fn the_mouse_can_be_given_back() {
    let mut desk = Desk::with_rows(140, 40);
    let mouse = |effect: &Effect| match effect {
        Effect::Mouse(on) => Some(*on),
        _ => None,
    };
    desk.press(KeyCode::Char('M'));
    assert_eq!(desk.last(mouse), Some(false));
    assert!(desk.screen().contains("M takes it back"));
    desk.press(KeyCode::Char('M'));
    assert_eq!(desk.last(mouse), Some(true));
}

#[test]
fn m_marks_the_row_and_stays_on_it() {
    let mut desk = Desk::with_rows(140, 40);
    for key in ['m', 'j', 'm'] {
        desk.press(KeyCode::Char(key));
    }
    let marks: Vec<_> = desk.app.world.marks.iter().copied().collect();
    assert_eq!(marks, [key_of(1), key_of(2)]);
    desk.press(KeyCode::Char('m'));
    assert_eq!(desk.app.world.marks.len(), 1);
}

#[test]
fn a_filter_without_a_match_leaves_nothing_selected() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char('4'));
    assert!(desk.screen().contains("tcp://127.0.0.1:5432"));
    desk.press(KeyCode::Char('/'));
    desk.type_text("port:1");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.selected(), None);
    let screen = desk.screen();
    assert!(screen.contains("Esc clears the filter"), "{screen}");
    assert!(!screen.contains("tcp://127.0.0.1:5432"), "{screen}");
    desk.press(KeyCode::Char('4'));
    desk.press(KeyCode::Enter);
    let probes = |effect: &Effect| matches!(effect, Effect::Probe(..)).then_some(());
    assert_eq!(desk.last(probes), None);
}

#[test]
fn a_port_that_is_held_again_is_offered() {
    let mut desk = Desk::with_rows(140, 40);
    (0..2).for_each(|_| desk.press(KeyCode::Down));
    assert_eq!(desk.selected(), Some(key_of(3)));
    let mut all = rows();
    let gone = all.remove(2);
    let mut after = table(all.clone());
    after.ended.push_back(ended(&gone, 1.0));
    desk.ports(after);
    assert!(!desk.screen().contains("held again"));
    let mut again = (*gone).clone();
    again.key = key_of(77);
    all.push(Arc::new(again));
    let mut after = table(all);
    after.ended.push_back(ended(&gone, 1.0));
    desk.ports(after);
    assert_eq!(desk.selected(), Some(key_of(3)), "nothing moves by itself");
    let screen = desk.screen();
    assert!(screen.contains("the port is held again: Enter follows"), "{screen}");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.selected(), Some(key_of(77)));
    assert!(desk.app.dialog.is_none() && !desk.screen().contains("held again"));
}

#[test]
fn nothing_is_drawn_when_nothing_happened() {
    let mut desk = Desk::with_rows(140, 40);
    desk.app.take_dirty();
    desk.mouse(MouseEventKind::Moved, 10, 10);
    assert!(!desk.app.take_dirty());
    desk.wait(0.2);
    assert!(desk.app.take_dirty());
}

#[test]
fn an_export_holds_the_rows_on_screen_alone() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('/'));
    desk.type_text("port:8443");
    desk.press(KeyCode::Enter);
    desk.press(KeyCode::Char('E'));
    let Some(Effect::Export(_, export)) = desk.effects.last() else { panic!("no export") };
    let text = export.render().unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["sockets"].as_array().unwrap().len(), 1);
    assert_eq!(value["taken_at"], serde_json::json!(wall(1.0)));
    assert_eq!(Arc::strong_count(&rows()[0]), 1);
}

#[test]
fn tab_completes_a_filter() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('/'));
    desk.type_text("sta");
    desk.press(KeyCode::Tab);
    desk.type_text("time");
    desk.press(KeyCode::Tab);
    assert!(desk.screen().contains("/state:time_wait"));
    assert_eq!(desk.selected(), Some(key_of(4)));
}

#[test]
fn marks_hold_behind_a_filter_and_forget_what_has_ended() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('m'));
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char('m'));
    desk.press(KeyCode::Char('/'));
    desk.type_text("port:8443");
    desk.press(KeyCode::Enter);
    let mut left = rows();
    left.remove(0);
    desk.ports(table(left));
    desk.press(KeyCode::Char('K'));
    let (_, targets) = desk.last(planned).unwrap();
    let addr = Some([127, 0, 0, 1].into());
    assert_eq!(targets, [KillTarget::Port { port: 5432, udp: false, addr }]);
}

#[test]
fn names_of_addresses_are_asked_for_only_while_names_are_shown() {
    let mut desk = Desk::with_rows(140, 40);
    desk.screen();
    let asked = |desk: &Desk| -> Vec<String> {
        let addr = |effect: &Effect| match effect {
            Effect::Name(_, addr) => Some(addr.to_string()),
            _ => None,
        };
        desk.effects.iter().filter_map(addr).collect()
    };
    desk.wait(1.0);
    assert!(asked(&desk).is_empty(), "nobody wants names");
    desk.press(KeyCode::Char('n'));
    let mut first = asked(&desk);
    first.sort_unstable();
    assert_eq!(first, ["10.0.0.5", "10.0.0.7", "127.0.0.1"], "each once, the wildcard never");
    let name = names::NameAnswer::Name(HostName("pc\x07".into()));
    desk.answer(RequestId(0), Answer::Named("10.0.0.7".parse().unwrap(), name));
    assert!(desk.screen().contains("pc\u{FFFD}:51544"), "{}", desk.screen());
    desk.wait(1.0);
    assert_eq!(asked(&desk).len(), 3, "nothing is asked for twice");
    desk.press(KeyCode::Char('n'));
    assert!(!desk.screen().contains("pc\u{FFFD}:51544"));
}

#[test]
fn a_port_that_rings_is_heard_while_the_view_is_frozen() {
    let rings = |effect: &Effect| match effect {
        Effect::Ring(text) => Some(text.clone()),
        _ => None,
    };
    let mut desk = Desk::with_rows(140, 40);
    (0..2).for_each(|_| desk.press(KeyCode::Down));
    desk.press(KeyCode::Char('t'));
    assert!(desk.screen().contains("▶♪"), "{}", desk.screen());
    desk.press(KeyCode::Char(' '));
    let mut all = rows();
    all.remove(2);
    desk.ports(table(all));
    assert_eq!(desk.last(rings).as_deref(), Some("8080/tcp is closed"));
    assert!(desk.screen().contains("8080/tcp is closed"));
}
