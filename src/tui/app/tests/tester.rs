//! The tester: stages that open, what came before, the board, the path, the talk.

use super::*;
use crate::model::probe::{
    Attempt, CloseDetail, CloseHow, Detail, End, Hop, HopEnd, LocalDetail, OutcomeKind,
    ProbeSummary, Stage, Verdict,
};
use crate::probe::{Progress, Spoken, Target};

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

#[test]
fn the_path_leads_to_the_address_that_was_tested() {
    let mut desk = Desk::with_rows(100, 60);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char('4'));
    // Without a test there is no address yet.
    desk.press(KeyCode::Char('p'));
    let traced = |effect: &Effect| match effect {
        Effect::TracePath(id, address) => Some((*id, *address)),
        _ => None,
    };
    assert!(started(&desk).is_some() && desk.last(traced).is_none());
    let address = Some("192.0.2.7:80".parse().unwrap());
    let verdict = verdict(OutcomeKind::Ok);
    let attempt = Attempt { seq: 1, address, stages: Vec::new(), verdict }.into();
    let id = started(&desk).unwrap();
    let summary = ProbeSummary::default();
    desk.answer(id, Answer::Probing(Progress::AttemptDone { attempt, summary }));
    desk.answer(id, Answer::Probed(None));
    let (id, to) = desk.last(traced).unwrap();
    assert_eq!(Some(to), address);
    assert!(desk.screen().contains("path     to 192.0.2.7:80 …"), "{}", desk.screen());
    let hop = |ttl, address: &str, end| {
        let address = Some(address.parse().unwrap());
        Hop { ttl, address, rtt_us: Some(90), icmp: None, end }
    };
    let hops = vec![hop(1, "192.0.2.1", None), hop(2, "192.0.2.7", Some(HopEnd::Connected))];
    desk.answer(id, Answer::Path(Ok(hops)));
    let screen = desk.screen();
    assert!(screen.contains("1  192.0.2.1") && screen.contains("connected"), "{screen}");
}

#[test]
fn a_talk_shows_what_was_said_and_what_came_as_text_and_hex() {
    let mut desk = Desk::with_rows(100, 60);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char('4'));
    desk.press(KeyCode::Char('i'));
    let opened = |effect: &Effect| match effect {
        Effect::Talk(id, _) => Some(*id),
        _ => None,
    };
    let said = |effect: &Effect| match effect {
        Effect::Say(id, words) => Some((*id, words.clone())),
        _ => None,
    };
    let id = desk.last(opened).unwrap();
    desk.answer(id, Answer::Talking(Spoken::Opened));
    // Keys of the pane and of the dashboard are text now.
    desk.type_text("quit b");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.last(said), Some((id, b"quit b\r\n".to_vec())));
    desk.answer(id, Answer::Talking(Spoken::Said(b"quit b\r\n".to_vec())));
    desk.answer(id, Answer::Talking(Spoken::Heard(b"221 bye\x1b[2J\r\n".to_vec())));
    let screen = desk.screen();
    assert!(screen.contains("→ quit b") && screen.contains("← 221 bye\u{fffd}[2J"), "{screen}");
    assert!(screen.contains("32 32 31 20 62 79 65 1b 5b 32 4a 0d 0a"), "{screen}");
    desk.type_text("hex:00ff");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.last(said), Some((id, vec![0, 0xff])));
    desk.press(KeyCode::Up);
    assert!(desk.screen().contains("say      hex:00ff"), "{}", desk.screen());
    // What is no line stays to be mended.
    desk.type_text("f");
    desk.press(KeyCode::Enter);
    assert!(desk.screen().contains("two digits a byte"), "{}", desk.screen());
    assert!(desk.screen().contains("say      hex:00fff"), "{}", desk.screen());
    desk.press(KeyCode::Esc);
    let hung_up = |effect: &Effect| match effect {
        Effect::HangUp(id) => Some(*id),
        _ => None,
    };
    assert_eq!(desk.last(hung_up), Some(id));
    assert!(desk.screen().contains("← 221 bye"), "{}", desk.screen());
    // Now they are keys again: another talk, which the peer ends.
    desk.press(KeyCode::Char('i'));
    let id = desk.last(opened).unwrap();
    desk.answer(id, Answer::Talking(Spoken::Opened));
    desk.answer(id, Answer::Talking(Spoken::Ended));
    assert!(desk.screen().contains("the peer has closed the connection"), "{}", desk.screen());
    desk.press(KeyCode::Enter);
    assert_ne!(started(&desk), None);
}
