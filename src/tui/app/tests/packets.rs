//! Packets: its views, its filters, counting anew.

use crossterm::event::KeyCode;

use crate::model::packets::{
    Count, Flow, FlowEnd, FlowOwner, Losses, PacketCounts, PortCount, Writing,
};
use crate::tui::effect::{Capturing, Effect};
use crate::tui::event::{Answer, Event, FeedUpdate};
use crate::tui::fixture::{Desk, sample};

fn flow(last: u8, port: u16, packets: u64, owner: Option<(u32, &str)>) -> Flow {
    let end = |last, port| FlowEnd { addr: [10, 0, 0, last].into(), port };
    Flow {
        protocol: "tcp".into(),
        ip_protocol: 6,
        a: end(5, port),
        b: end(last, 40_000),
        count: Count { packets, bytes: 1_000_000 / packets },
        packets_a_to_b: packets,
        bytes_a_to_b: 0,
        packets_b_to_a: 0,
        bytes_b_to_a: 0,
        flags_a_to_b: 0,
        flags_b_to_a: 0,
        owner: owner.map(|(pid, name)| FlowOwner { pid, name: name.into() }),
        owner_a: None,
        owner_b: None,
        interfaces: Vec::new(),
        application: None,
        server: None,
        tcp: None,
        icmp: None,
        icmp_errors: 0,
        icmp_error: None,
    }
}

fn counts() -> PacketCounts {
    let port = |port, packets, bytes| PortCount {
        protocol: "tcp".into(),
        port,
        service: None,
        count: Count { packets, bytes },
    };
    PacketCounts {
        source: "eth0".into(),
        flows: vec![flow(7, 443, 900, Some((812, "nginx"))), flow(8, 22, 40, None)],
        flows_seen: 2,
        ports: vec![port(443, 900, 10), port(22, 40, 9_000)],
        ..PacketCounts::default()
    }
}

/// Packets on the whole screen, with these counts.
fn desk(counts: PacketCounts) -> Desk {
    let mut desk = Desk::new(140, 40);
    desk.press(KeyCode::Char('2'));
    desk.press(KeyCode::Char('z'));
    feed(&mut desk, counts);
    desk
}

fn feed(desk: &mut Desk, counts: PacketCounts) {
    desk.seconds += 1.0;
    let sample = sample(Some(counts), Vec::new(), desk.seconds as u32);
    desk.send(Event::Feed(FeedUpdate::Packets(sample)));
}

#[test]
fn every_view_has_a_key_and_escape_leaves_a_single_flow() {
    let mut desk = desk(counts());
    for (key, title) in [
        ('p', "ports ─"),
        ('o', "processes ─"),
        ('h', "hosts ─"),
        ('a', "applications ─"),
        ('N', "dns ─"),
        ('x', "problems ─"),
        ('l', "protocols ─"),
        ('i', "interfaces ─"),
        ('d', "packets ─"),
        ('F', "flows ─"),
        ('V', "interfaces ─"),
        ('v', "flows ─"),
    ] {
        desk.press(KeyCode::Char(key));
        assert!(desk.screen().contains(&format!("─ {title}")), "{key}: {}", desk.screen());
    }
    desk.press(KeyCode::Enter);
    assert!(desk.screen().contains("─ ladder ─"));
    desk.press(KeyCode::Esc);
    assert!(desk.screen().contains("─ flows ─"));
}

#[test]
fn flows_that_do_not_match_are_not_listed_and_the_collector_is_told() {
    let mut desk = desk(counts());
    desk.press(KeyCode::Char('f'));
    desk.type_text("port:443");
    let screen = desk.screen();
    assert!(screen.contains("10.0.0.5:443") && !screen.contains("10.0.0.5:22"), "{screen}");
    let told = desk.last(|effect| match effect {
        Effect::ListFlows(wanted) => Some(wanted.clone()),
        _ => None,
    });
    let wanted = told.flatten().expect("the collector is told");
    assert_eq!(
        counts().flows.iter().map(|flow| wanted.has(flow)).collect::<Vec<_>>(),
        [true, false]
    );
    desk.press(KeyCode::Enter);
    feed(&mut desk, PacketCounts { flows_wanted: Some(1), flows_seen: 40, ..counts() });
    assert!(desk.screen().contains("/port:443 1 of 40"), "{}", desk.screen());

    desk.press(KeyCode::Esc);
    assert!(desk.screen().contains("10.0.0.5:22"));
    assert!(desk.last(|effect| matches!(effect, Effect::ListFlows(None)).then_some(())).is_some());
}

#[test]
fn a_wrong_filter_says_where_and_escape_goes_back_to_the_one_before() {
    let mut desk = desk(counts());
    desk.press(KeyCode::Char('f'));
    desk.type_text("recvq:1..");
    assert!(desk.screen().contains("flows have no key `recvq`"), "{}", desk.screen());
    desk.press(KeyCode::Enter);
    assert!(desk.screen().contains("flows have no key `recvq`"), "it stays open");
    desk.press(KeyCode::Esc);
    let screen = desk.screen();
    assert!(screen.contains("10.0.0.5:443") && screen.contains("10.0.0.5:22"), "{screen}");

    desk.press(KeyCode::Char('f'));
    desk.type_text("name:ng");
    desk.press(KeyCode::Tab);
    assert!(desk.screen().contains("/name:nginx"), "{}", desk.screen());
}

#[test]
fn a_capture_filter_is_asked_for_at_enter_and_stays_open_when_it_is_refused() {
    let mut desk = desk(counts());
    let asked = |desk: &Desk| {
        desk.last(|effect| match effect {
            Effect::CaptureOnly(id, text) => Some((*id, text.clone())),
            _ => None,
        })
    };
    desk.press(KeyCode::Char('c'));
    desk.type_text("tcp prot 80");
    assert!(asked(&desk).is_none());
    desk.press(KeyCode::Enter);
    let (id, text) = asked(&desk).unwrap();
    assert_eq!(text, "tcp prot 80");
    desk.answer(id, Answer::Capturing(Err("column 5: no such word".to_owned())));
    let screen = desk.screen();
    assert!(
        screen.contains("capture only: tcp prot 80") && screen.contains("no such word"),
        "{screen}"
    );

    desk.control('u');
    desk.type_text("tcp port 80");
    desk.press(KeyCode::Enter);
    let (id, _) = asked(&desk).unwrap();
    desk.answer(id, Answer::Capturing(Ok(())));
    assert!(desk.screen().contains("Capturing only tcp port 80"), "{}", desk.screen());
    feed(&mut desk, PacketCounts { filter: Some("tcp port 80".into()), ..counts() });
    assert!(desk.screen().contains("only tcp port 80"), "{}", desk.screen());
}

#[test]
fn lists_are_sorted_by_what_is_asked_for() {
    let mut desk = desk(counts());
    desk.press(KeyCode::Char('p'));
    let first = |desk: &mut Desk| {
        let screen = desk.screen();
        let place = |port: &str| screen.find(port).unwrap_or_else(|| panic!("{screen}"));
        if place("tcp/443") < place("tcp/22") { 443 } else { 22 }
    };
    assert_eq!(first(&mut desk), 443);
    desk.press(KeyCode::Char('s'));
    assert!(desk.screen().contains("bytes↓"));
    assert_eq!(first(&mut desk), 22);
    desk.press(KeyCode::Char('s'));
    assert_eq!(first(&mut desk), 22, "by number");
    desk.press(KeyCode::Char('S'));
    assert_eq!(first(&mut desk), 443);
}

#[test]
fn counting_from_nothing_is_asked_for_by_a_capital() {
    let mut desk = desk(counts());
    desk.press(KeyCode::Char('R'));
    assert!(desk.last(|effect| matches!(effect, Effect::ResetCounts).then_some(())).is_some());
}

#[test]
fn a_file_shows_how_far_it_is_and_is_captured_for_off_screen_too() {
    let mut desk = desk(counts());
    let ordered = |desk: &Desk| {
        desk.last(|effect| match effect {
            Effect::WritePackets(path) => Some(path.clone()),
            _ => None,
        })
    };
    desk.press(KeyCode::Char('w'));
    let path = ordered(&desk).flatten().unwrap().display().to_string();
    assert_eq!(path, "./sockpit-packets-20260314T120432Z.pcapng");
    let writing = |packets, is_closed, trouble: Option<&str>| Writing {
        path: path.clone(),
        packets,
        bytes: packets * 1_000,
        left_out: 0,
        duration_ms: 12_000,
        is_closed,
        trouble: trouble.map(str::to_owned),
    };
    let with = |writing| PacketCounts { writing: Some(writing), ..counts() };
    feed(&mut desk, with(writing(1_204, false, None)));
    let line = format!("writing {path}  1.20 MB, 1,204 packets in 12");
    assert!(desk.screen().contains(&line), "{}", desk.screen());

    let capture = |desk: &Desk| {
        desk.last(|effect| match effect {
            Effect::Capture(how) => Some(*how),
            _ => None,
        })
    };
    desk.press(KeyCode::Char('1'));
    assert_eq!(capture(&desk), Some(Capturing::Attended), "a file is wanted whole");
    desk.press(KeyCode::Char('2'));
    desk.press(KeyCode::Char('w'));
    assert_eq!(ordered(&desk), Some(None));
    feed(&mut desk, with(writing(1_300, true, None)));
    assert!(desk.screen().contains(&format!("Written: {path}, 1.30 MB, 1,300 packets")));
    assert!(!desk.screen().contains("writing "));
    desk.press(KeyCode::Char('1'));
    assert_eq!(capture(&desk), Some(Capturing::InBackground));

    desk.press(KeyCode::Char('2'));
    desk.press(KeyCode::Char('w'));
    let path = ordered(&desk).flatten().unwrap().display().to_string();
    let failed = Writing { path, ..writing(0, true, Some("Permission denied")) };
    feed(&mut desk, with(failed));
    let screen = desk.screen();
    assert!(screen.contains("Cannot write ./sockpit") && screen.contains("denied"), "{screen}");
}

#[test]
fn a_gap_is_drawn_counted_and_has_no_rate() {
    let at = |packets, gap_ms| PacketCounts {
        total: Count { packets, bytes: 0 },
        losses: Losses {
            kernel: Some(0),
            ring: Some(0),
            gap_ms: Some(gap_ms),
            ..Losses::default()
        },
        ..counts()
    };
    let mut desk = desk(at(100, 0));
    feed(&mut desk, at(200, 0));
    assert!(desk.screen().contains(" 100 pkt/s"), "{}", desk.screen());
    feed(&mut desk, at(210, 900));
    assert!(desk.screen().contains(" - pkt/s"), "{}", desk.screen());
    feed(&mut desk, at(310, 1_800));
    feed(&mut desk, at(410, 1_800));
    let screen = desk.screen();
    assert!(screen.contains("█  █ 100 pkt/s"), "{screen}");
    assert!(
        screen.contains("1.8 s not captured") && screen.contains("0 lost, 1.8 s gap"),
        "{screen}"
    );
}
