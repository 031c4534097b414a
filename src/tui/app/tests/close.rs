//! `X`: exactly the rows that are meant, and nothing without agreement.

use super::*;
use crate::act::{Consent, Done, close};
use crate::model::close::{CloseOutcome, ClosePlan, CloseTarget, FailedClose, SocketAndReason};
use crate::model::socket::{Endpoint, Socket, SocketKey, State};
use crate::tui::fixture::{owned, process, row, tcp};

fn connection(local: u16) -> Socket {
    let mut socket = tcp(State::Established, [10, 0, 0, 5], local);
    socket.remote = Some(Endpoint::ip([10, 0, 0, 7], 51544));
    owned(socket, process(4242, "python3"))
}

/// Three connections of one process.
fn desk() -> Desk {
    let mut desk = Desk::new(140, 40);
    let rows = (1..=3).map(|n| row(n, connection(8079 + n as u16))).collect();
    desk.ports(table(rows));
    desk
}

fn target(local: u16, protected: Option<&str>) -> CloseTarget {
    CloseTarget { socket: connection(local), protected: protected.map(str::to_owned) }
}

fn plan_of(targets: Vec<CloseTarget>) -> ClosePlan {
    let protected = targets.iter().any(|target| target.protected.is_some());
    ClosePlan { targets, protected, ..ClosePlan::default() }
}

fn planned(effect: &Effect) -> Option<(RequestId, Vec<SocketKey>, Vec<State>)> {
    let (id, request) = effect.request::<close::Request>()?;
    Some((id, request.keys.clone(), request.named.clone()))
}

fn run(effect: &Effect) -> Option<(RequestId, Consent)> {
    match effect {
        Effect::Act(id, _, consent) => Some((*id, *consent)),
        _ => None,
    }
}

fn answer(desk: &mut Desk, plan: ClosePlan) {
    let (id, ..) = desk.last(planned).unwrap();
    desk.answer(id, Answer::Prepared(Ok(Box::new(plan))));
}

fn end(desk: &mut Desk, plan: ClosePlan, outcome: CloseOutcome) {
    let (id, consent) = desk.last(run).unwrap();
    let done = Done { plan, consent, outcome: Ok(outcome) };
    desk.answer(id, Answer::Acted(Box::new(done)));
}

#[test]
fn a_close_aims_at_the_key_of_the_row_that_was_under_it() {
    let mut desk = desk();
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char('X'));
    let (_, keys, named) = desk.last(planned).unwrap();
    assert_eq!((keys, named), (vec![key_of(2)], vec![]));
    // The table moves on beneath the dialog; another row takes the place on screen.
    desk.ports(table(vec![row(9, connection(9999))]));
    answer(&mut desk, plan_of(vec![target(8081, None)]));
    let screen = desk.screen();
    assert!(screen.contains("10.0.0.5:8081 -> 10.0.0.7:51544 ESTABLISHED"), "{screen}");
    assert!(screen.contains("of python3 4242 fd 3"), "{screen}");
    assert!(desk.last(run).is_none(), "nothing runs without Enter");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.last(run).unwrap().1, Consent { protected: false });
    let plan = plan_of(vec![target(8081, None)]);
    end(
        &mut desk,
        plan,
        CloseOutcome { closed: vec![connection(8081)], ..CloseOutcome::default() },
    );
    assert!(desk.screen().contains("✓ closed tcp 10.0.0.5:8081"));
    let entry = desk.app.log.entries.back().unwrap();
    let expected = "sockpit close proto:tcp laddr:10.0.0.5 lport:8081 raddr:10.0.0.7 rport:51544";
    assert_eq!(entry.command.as_deref(), Some(expected));
    assert!(entry.ok);
}

#[test]
fn marked_rows_are_closed_together_and_those_that_ended_are_said() {
    let mut desk = desk();
    for _ in 0..3 {
        desk.press(KeyCode::Char('m'));
        desk.press(KeyCode::Down);
    }
    desk.ports(table(vec![row(1, connection(8080)), row(3, connection(8082))]));
    desk.press(KeyCode::Char('X'));
    let (_, keys, _) = desk.last(planned).unwrap();
    assert_eq!(keys, [key_of(1), key_of(3)]);
    // Another one ends before the plan is made.
    answer(&mut desk, plan_of(vec![target(8082, None)]));
    assert!(desk.screen().contains("2 rows have ended meanwhile"), "{}", desk.screen());
    desk.press(KeyCode::Enter);
    let plan = plan_of(vec![target(8082, None)]);
    end(
        &mut desk,
        plan,
        CloseOutcome { closed: vec![connection(8082)], ..CloseOutcome::default() },
    );
    assert!(!desk.app.world.marks.contains(&key_of(3)), "what is done is not marked any more");
}

#[test]
fn a_protected_connection_wants_its_port_typed() {
    let mut desk = desk();
    desk.press(KeyCode::Char('X'));
    let why = "it is the connection of SSH_CONNECTION, over which you came";
    answer(&mut desk, plan_of(vec![target(8080, Some(why))]));
    desk.press(KeyCode::Enter);
    desk.press(KeyCode::Enter);
    assert!(desk.last(run).is_none(), "Enter alone is a habit");
    desk.type_text("808");
    desk.press(KeyCode::Enter);
    assert!(desk.last(run).is_none());
    desk.type_text("0");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.last(run).unwrap().1, Consent { protected: true });
}

#[test]
fn listeners_are_spared_until_they_are_asked_for() {
    let mut desk = Desk::with_rows(140, 40);
    desk.press(KeyCode::Char('X'));
    let listener = tcp(State::Listen, [0, 0, 0, 0], 22);
    let spared = SocketAndReason { socket: listener.clone(), reason: "it is a listener".into() };
    answer(&mut desk, ClosePlan { spared: vec![spared], ..ClosePlan::default() });
    assert!(desk.screen().contains("l close listeners, too"), "{}", desk.screen());
    desk.press(KeyCode::Char('l'));
    let (_, keys, named) = desk.last(planned).unwrap();
    assert_eq!((keys, named), (vec![key_of(1)], vec![State::Listen, State::Unconnected]));
    let targets = vec![CloseTarget { socket: listener, protected: None }];
    answer(&mut desk, plan_of(targets));
    assert!(desk.screen().contains("l spare listeners"));
}

#[test]
fn a_failure_that_nobody_saw_stays_on_screen_until_the_log_is_opened() {
    let mut desk = desk();
    desk.press(KeyCode::Char('X'));
    answer(&mut desk, plan_of(vec![target(8080, None)]));
    desk.press(KeyCode::Enter);
    desk.press(KeyCode::Esc);
    let failed = FailedClose { socket: connection(8080), reason: "EPERM".into(), refused: true };
    let plan = plan_of(vec![target(8080, None)]);
    end(&mut desk, plan, CloseOutcome { failed: vec![failed], ..CloseOutcome::default() });
    desk.wait(60.0);
    assert!(desk.screen().contains("1 action failed: L"), "{}", desk.screen());
    desk.press(KeyCode::Char('L'));
    assert!(desk.screen().contains("EPERM"));
    desk.press(KeyCode::Esc);
    assert!(!desk.screen().contains("action failed"));
}
