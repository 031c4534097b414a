//! The tester: stages that open, what came before, the board.

use super::*;
use crate::model::probe::{
    Attempt, CloseDetail, CloseHow, Detail, End, LocalDetail, OutcomeKind, ProbeSummary, Stage,
    Verdict,
};
use crate::probe::{Progress, Target};

fn started(desk: &Desk) -> Option<RequestId> {
    desk.last(|effect| match effect {
        Effect::Probe(id, _) => Some(*id),
        _ => None,
    })
}

fn verdict(outcome: OutcomeKind) -> Verdict {
    Verdict { outcome, side: None, text: "its sentence".to_owned(), errno: None }
}

fn answer(desk: &mut Desk, outcome: OutcomeKind) {
    let id = started(desk).unwrap();
    let source = Some("127.0.0.9".parse().unwrap());
    let local = Detail::Local(LocalDetail { source, ..LocalDetail::default() });
    let close = CloseDetail { first: End::Peer, how: CloseHow::Fin, reset_by: None };
    let stages = [local, Detail::Close(close)];
    let stages = stages.map(|detail| Stage { detail, ok: true, duration_us: 7 }).to_vec();
    let attempt = Attempt { seq: 1, address: None, stages, verdict: verdict(outcome) };
    let (attempt, summary) = (attempt.into(), ProbeSummary::default());
    desk.answer(id, Answer::Probing(Progress::AttemptDone { attempt, summary }));
    desk.answer(id, Answer::Probed(None));
}

fn tested() -> Desk {
    let mut desk = Desk::with_rows(100, 60);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char('4'));
    desk.press(KeyCode::Char('z'));
    desk.press(KeyCode::Enter);
    answer(&mut desk, OutcomeKind::Refused);
    desk
}

#[test]
fn enter_opens_the_chosen_stage_and_tests_again_without_one() {
    let mut desk = tested();
    let first = started(&desk).unwrap();
    assert!(!desk.screen().contains("reset by") && !desk.screen().contains("  how  fin"));
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Enter);
    assert!(desk.screen().contains("how  fin"), "{}", desk.screen());
    // Above the first stage there is none.
    desk.press(KeyCode::Up);
    assert!(desk.screen().contains("source  127.0.0.9"), "{}", desk.screen());
    desk.press(KeyCode::Up);
    assert_eq!(started(&desk), Some(first));
    desk.press(KeyCode::Enter);
    assert_ne!(started(&desk), Some(first));
}

#[test]
fn what_came_before_stays_below_the_newest_answer() {
    let mut desk = tested();
    assert!(!desk.screen().contains("before "), "{}", desk.screen());
    desk.press(KeyCode::Enter);
    answer(&mut desk, OutcomeKind::Ok);
    let screen = desk.screen();
    let (newest, before) = (screen.find("OK").unwrap(), screen.find("before ").unwrap());
    assert!(newest < before && screen[before..].contains("REFUSED"), "{screen}");
}

#[test]
fn the_board_has_a_line_for_each_target_of_the_configuration() {
    let mut desk = Desk::with_rows(100, 60);
    desk.press(KeyCode::Char('4'));
    desk.press(KeyCode::Char('b'));
    assert!(desk.screen().contains("No saved target"), "{}", desk.screen());
    let target = |text: &str| text.parse::<Target>().unwrap();
    let named = [("shop", "https://shop.test"), ("bastion", "ssh://bastion.test")];
    desk.app.world.targets =
        named.map(|(name, text)| (name.to_owned(), target(text))).to_vec().into();
    desk.press(KeyCode::Char('b'));
    let ordered = |effect: &Effect| match effect {
        Effect::ProbeAll(id, targets) => Some((*id, targets.len())),
        _ => None,
    };
    let (id, count) = desk.last(ordered).unwrap();
    assert_eq!(count, 2);
    desk.answer(id, Answer::ProbedOf(1, Box::new(verdict(OutcomeKind::Refused))));
    let screen = desk.screen();
    assert!(screen.contains("shop     testing …"), "{screen}");
    assert!(screen.contains("bastion  REFUSED  its sentence"), "{screen}");
    desk.answer(id, Answer::ProbedOf(0, Box::new(verdict(OutcomeKind::Ok))));
    assert!(desk.screen().contains("1 of 2 ok"), "{}", desk.screen());
    desk.press(KeyCode::Char('b'));
    assert!(!desk.screen().contains("bastion"), "{}", desk.screen());
}
