use std::sync::Arc;

use crossterm::event::KeyCode;

use crate::model::activation::Activation;
use crate::model::owner::{Process, Unit, UnitScope};
use crate::model::peer::Peer;
use crate::model::socket::{Endpoint, State};
use crate::model::table::SocketRow;
use crate::tui::effect::Effect;
use crate::tui::event::Answer;
use crate::tui::fixture::{Desk, owned, process, row, table, tcp};
use crate::tui::surroundings::KeptBy;

/// Both ends of a connection: curl's, and that of an nginx with two descriptors.
fn connection() -> Vec<Arc<SocketRow>> {
    let (here, there) = (Endpoint::ip([127, 0, 0, 1], 50000), Endpoint::ip([127, 0, 0, 1], 80));
    let mut client = owned(tcp(State::Established, [127, 0, 0, 1], 50000), process(700, "curl"));
    client.remote = Some(there);
    let nginx = process(812, "nginx\x1b[2J");
    let mut server = tcp(State::Established, [127, 0, 0, 1], 80);
    server = owned(owned(server, Arc::clone(&nginx)), nginx);
    server.owners[1].fd = Some(9);
    server.remote = Some(here);
    vec![row(1, client), row(2, server)]
}

#[test]
fn open_details_look_around_once_a_sample() {
    let mut desk = Desk::new(140, 40);
    desk.ports(table(connection()));
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Enter);
    let looks = |desk: &Desk| {
        desk.effects.iter().filter(|effect| matches!(effect, Effect::LookAround(..))).count()
    };
    assert_eq!(looks(&desk), 1);
    // A new sample does not ask again before the first look is back.
    desk.ports(table(connection()));
    assert_eq!(looks(&desk), 1);
    let found = desk.last(|effect| match effect {
        Effect::LookAround(id, look) => Some((*id, look.run())),
        _ => None,
    });
    let (id, mut found) = found.unwrap();
    let named = |pid, name: &str| Process::named(pid, 1, name);
    found.parents = vec![(700, vec![named(650, "bash"), named(1, "init\n")])];
    desk.answer(id, Answer::LookedAround(found));
    assert_eq!(looks(&desk), 2, "of the newer sample");
    let screen = desk.screen();
    assert!(screen.contains("other end   nginx\u{FFFD}[2J 812 fds 3, 9"), "{screen}");
    assert!(screen.contains("child of bash 650, init\u{FFFD} 1"), "{screen}");
    assert!(screen.contains("since 2026-03-14 11:04:31 UTC (1 h)"), "{screen}");
    desk.press(KeyCode::Esc);
    desk.ports(table(connection()));
    assert_eq!(looks(&desk), 2, "nobody is looking");
}

#[test]
fn an_other_end_without_owner_is_on_this_machine_all_the_same() {
    let mut desk = Desk::new(140, 40);
    desk.ports(table(connection()));
    desk.press(KeyCode::Enter);
    let (id, mut found) = desk
        .last(|effect| match effect {
            Effect::LookAround(id, look) => Some((*id, look.run())),
            _ => None,
        })
        .unwrap();
    found.peer = Some(Peer { cookie: Some(2), inode: Some(0), owners: Vec::new() });
    desk.answer(id, Answer::LookedAround(found));
    let screen = desk.screen();
    assert!(screen.contains("other end   on this machine, held by the kernel alone"), "{screen}");
}

#[test]
fn what_systemd_holds_is_shown_with_its_unit() {
    let mut socket = owned(tcp(State::Listen, [0, 0, 0, 0], 22), process(1, "systemd"));
    socket.cgroup = Some("/system.slice/ssh.socket".into());
    let socket_unit = Some("ssh.socket".into());
    socket.activation = Some(Box::new(Activation { socket_unit, unit: None }));
    let mut desk = Desk::new(160, 40);
    desk.ports(table(vec![row(1, socket)]));
    desk.press(KeyCode::Char('z'));
    assert!(desk.screen().contains("systemd (for s"), "{}", desk.screen());
    desk.press(KeyCode::Enter);
    let screen = desk.screen();
    assert!(screen.contains("held for    systemd holds it for ssh.socket"), "{screen}");
    assert!(screen.contains("cgroup      /system.slice/ssh.socket"), "{screen}");
}

#[test]
fn who_keeps_a_server_is_asked_once_and_told_as_kill_tells_it() {
    let server = || owned(tcp(State::Listen, [0, 0, 0, 0], 80), process(812, "web"));
    let mut desk = Desk::new(140, 40);
    desk.ports(table(vec![row(1, server())]));
    desk.press(KeyCode::Enter);
    let asked = |desk: &Desk| {
        let asks = desk.effects.iter().filter_map(|effect| match effect {
            Effect::AskKeepers(id, row) => Some((*id, row.key)),
            _ => None,
        });
        asks.collect::<Vec<_>>()
    };
    let (id, key) = asked(&desk)[0];
    let clauses = vec!["web\n.service starts it again; this stops only that: x".to_owned()];
    desk.answer(id, Answer::KeptBy(KeptBy { key, clauses }));
    desk.ports(table(vec![row(1, server())]));
    assert_eq!(asked(&desk).len(), 1);
    let screen = desk.screen();
    assert!(screen.contains("kept by     web\u{FFFD}.service starts it again; this"), "{screen}");

    let mut desk = Desk::new(140, 40);
    desk.ports(table(connection()));
    desk.press(KeyCode::Enter);
    assert!(asked(&desk).is_empty(), "a connection has no keeper");
}

#[test]
fn an_owners_program_user_and_unit_are_shown_and_cleaned() {
    let mut web = (*process(812, "web")).clone();
    web.exe = Some("/opt/\u{202e}web".into());
    web.unit = Some(Unit { name: "web\n.service".into(), scope: UnitScope::User });
    let mut socket = owned(tcp(State::Listen, [0, 0, 0, 0], 80), Arc::new(web));
    socket.interface = Some("eth\x070".into());
    let mut desk = Desk::new(140, 40);
    desk.ports(table(vec![row(1, socket)]));
    desk.press(KeyCode::Enter);
    let screen = desk.screen();
    for shown in [
        "program /opt/\u{FFFD}web",
        "user id 1000",
        "unit web\u{FFFD}.service (user)",
        "eth\u{FFFD}0",
    ] {
        assert!(screen.contains(shown), "{shown} is missing:\n{screen}");
    }
}
