//! `w`: the question goes to the row under the key, and remedies lead to plans.

use super::*;
use crate::act::close;
use crate::inspect::bind::Target;
use crate::model::drops::{DropCause, DropFlow, Drops};
use crate::model::event::EventKind;
use crate::model::packets::FlowEnd;
use crate::model::socket::{Protocol, SocketId, SocketKey};
use crate::model::why::{Remedy, RuleFacts, TrialBind, WhyFinding, WhyKind, WhyReport};
use crate::tui::fixture::sample;

fn asked(effect: &Effect) -> Option<(RequestId, Target)> {
    match effect {
        Effect::Explain(id, target) => Some((*id, *target)),
        _ => None,
    }
}

fn remedy(argv: &[&str]) -> Remedy {
    Remedy { text: "this helps".into(), argv: argv.iter().map(|&word| word.into()).collect() }
}

fn report(remedies: Vec<Remedy>) -> WhyReport {
    let trial = |reuse_addr, error: Option<&str>| TrialBind {
        addr: [0, 0, 0, 0].into(),
        v6_only: None,
        reuse_addr,
        reuse_port: false,
        tried: true,
        error: error.map(str::to_owned),
    };
    WhyReport {
        target: "8080".into(),
        port: 8080,
        udp: false,
        bindable: false,
        trial: vec![trial(false, Some("EADDRINUSE")), trial(true, Some("EADDRINUSE"))],
        findings: vec![WhyFinding {
            kind: WhyKind::Listener,
            text: "a listener holds 0.0.0.0:8080: python3 4242".into(),
            sockets: vec![rows()[2].socket.clone()],
            remedies,
            forwards: Vec::new(),
            reuse: None,
        }],
        rules: RuleFacts::default(),
        looks: None,
        watched_ms: None,
        health: Vec::new(),
    }
}

fn ask(desk: &mut Desk) -> Target {
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char('w'));
    desk.last(asked).unwrap().1
}

fn answer(desk: &mut Desk, report: WhyReport) {
    let (id, _) = desk.last(asked).unwrap();
    desk.answer(id, Answer::Explained(Ok(Box::new(report))));
}

#[test]
fn the_question_is_about_the_row_and_a_wildcard_about_every_address() {
    let mut desk = Desk::with_rows(140, 40);
    assert_eq!(ask(&mut desk), Target { port: 8080, udp: false, addr: None, scope: 0 });
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Up);
    desk.press(KeyCode::Char('w'));
    let addr = Some([127, 0, 0, 1].into());
    assert_eq!(desk.last(asked).unwrap().1, Target { port: 5432, udp: false, addr, scope: 0 });
}

#[test]
fn the_answer_says_what_was_tried_and_a_kill_opens_its_plan() {
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk);
    answer(
        &mut desk,
        report(vec![
            remedy(&["docker", "ps", "--filter", "publish=8080"]),
            remedy(&["sockpit", "kill", "8080", "--addr", "0.0.0.0"]),
        ]),
    );
    let screen = desk.screen();
    for line in [
        "✗ 0.0.0.0:8080/tcp cannot be bound",
        "  1 a listener holds 0.0.0.0:8080: python3 4242",
        "0.0.0.0:8080, with SO_REUSEADDR: EADDRINUSE",
        "▸ docker ps --filter publish=8080",
    ] {
        assert!(screen.contains(line), "no {line}:\n{screen}");
    }
    // What sockpit does not run is copied, and nothing else.
    desk.press(KeyCode::Enter);
    assert!(desk.shows_dialog("Why is it busy?"));
    desk.press(KeyCode::Char('y'));
    let copied = desk.last(|effect| match effect {
        Effect::Copy(_, text) => Some(text.clone()),
        _ => None,
    });
    assert_eq!(copied.as_deref(), Some("docker ps --filter publish=8080"));
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Enter);
    let (_, targets) = desk.last(planned).unwrap();
    let addr = Some([0, 0, 0, 0].into());
    assert_eq!(targets, [KillTarget::Port { port: 8080, udp: false, addr }]);
    assert!(desk.shows_dialog("Kill"));
}

#[test]
fn stopping_a_unit_is_left_to_the_plan_which_asks_systemd_first() {
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk);
    answer(&mut desk, report(vec![remedy(&["systemctl", "stop", "--", "app.service"])]));
    desk.press(KeyCode::Enter);
    let (_, targets) = desk.last(planned).unwrap();
    let addr = Some([0, 0, 0, 0].into());
    assert_eq!(targets, [KillTarget::Port { port: 8080, udp: false, addr }]);
}

#[test]
fn a_stale_answer_to_another_question_is_ignored() {
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk);
    let (old, _) = desk.last(asked).unwrap();
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Char('w'));
    desk.answer(old, Answer::Explained(Err("an old error".into())));
    assert!(!desk.screen().contains("an old error"));
}

#[test]
fn a_close_opens_the_plan_for_exactly_the_findings_sockets() {
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk);
    let mut socket = rows()[2].socket.clone();
    (socket.cookie, socket.netns) = (Some(77), Some(1));
    let mut found = report(vec![remedy(&["sockpit", "close", "proto:tcp", "lport:8080"])]);
    found.findings[0].sockets = vec![socket];
    answer(&mut desk, found);
    assert!(desk.screen().contains("Enter show its plan"));
    desk.press(KeyCode::Enter);
    let keys = desk.last(|effect| {
        let (_, request) = effect.request::<close::Request>()?;
        request.named.is_empty().then(|| request.keys.clone())
    });
    let key = SocketKey { netns: Some(1), id: SocketId::Cookie(77) };
    assert_eq!(keys, Some(vec![key]));
    assert!(desk.shows_dialog("Close"));
}

#[test]
fn what_befalls_packets_to_the_port_is_told_as_it_happens() {
    let mut desk = Desk::with_rows(140, 40);
    ask(&mut desk);
    answer(&mut desk, report(Vec::new()));
    assert!(desk.last(|effect| matches!(effect, Effect::WatchDrops).then_some(())).is_some());
    let end = |port| FlowEnd { addr: [10, 0, 0, 5].into(), port };
    let flow = |port, count| DropFlow {
        protocol: Some(Protocol::Tcp),
        local: end(port),
        remote: end(4000),
        count,
        last: wall(0.0),
    };
    let cause = DropCause {
        event: EventKind::Dropped,
        reason: Some("NETFILTER_DROP".to_owned()),
        count: 12,
        flows: vec![flow(9, 9), flow(8080, 3)],
        others: 0,
    };
    let drops = Drops { since: wall(0.0), causes: vec![cause], lost: 0 };
    desk.send(Event::Feed(FeedUpdate::Drops(sample(Some(drops), Vec::new(), 1))));
    let screen = desk.screen();
    let line = "! 3 packets from 10.0.0.5 were dropped since 12:04:31: NETFILTER_DROP: ";
    assert!(screen.contains(line), "{screen}");
}
