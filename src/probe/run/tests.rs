use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::*;
use crate::model::probe::{CloseDetail, CloseHow, Detail, End, Side, StageName};

/// A listener of this test on a port of its own.
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A port held without listening on it.
fn bound(address: &str) -> io::Result<Socket> {
    let address: SocketAddr = address.parse().unwrap();
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

async fn probed(address: SocketAddr, settings: Settings) -> (ProbeReport, Vec<Progress>) {
    let mut probe = Probe::new(address.to_string().parse().unwrap(), settings);
    let (events, mut progress) = mpsc::channel(256);
    probe.run(&events).await;
    drop(events);
    let mut told = Vec::new();
    while let Some(step) = progress.recv().await {
        told.push(step);
    }
    (probe.report().unwrap(), told)
}

fn stages(attempt: &Attempt) -> Vec<(StageName, bool)> {
    attempt.stages.iter().map(|stage| (stage.name(), stage.ok)).collect()
}

#[tokio::test]
async fn a_silent_listener_is_ok_and_its_stages_come_in_order() {
    let (_listener, address) = listener();
    let (report, told) = probed(address, Settings::default()).await;
    assert_eq!(report.verdict.outcome, OutcomeKind::Ok, "{report:?}");
    let attempt = &report.attempts[0];
    let names = [StageName::Local, StageName::Connect, StageName::Greeting, StageName::Close];
    assert_eq!(stages(attempt), names.map(|name| (name, true)));
    assert_eq!(attempt.address, Some(address));

    let mut steps = told.iter();
    for stage in &attempt.stages {
        let begun = Progress::StageStarted { seq: 1, address: Some(address), name: stage.name() };
        assert_eq!(steps.next(), Some(&begun));
        let done = Progress::StageDone { seq: 1, address: Some(address), stage: stage.clone() };
        assert_eq!(steps.next(), Some(&done));
    }
    assert!(matches!(steps.next(), Some(Progress::AttemptDone { summary, .. }) if summary.ok == 1));
    assert_eq!(steps.next(), None);
}

#[tokio::test]
async fn a_port_without_listener_is_refused_by_the_peer() {
    // Held without listening, so that no other test can listen there.
    let held = bound("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().as_socket().unwrap();
    let (report, _) = probed(address, Settings::default()).await;
    assert_eq!(report.verdict.outcome, OutcomeKind::Refused);
    assert_eq!(report.verdict.side, Some(Side::Peer));
    assert_eq!((report.summary.lost, report.summary.min_us), (0, None));
}

#[tokio::test]
async fn a_server_that_aborts_at_once_is_a_reset() {
    let (listener, address) = listener();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    let (report, _) = probed(address, Settings::default()).await;
    server.join().unwrap();
    assert_eq!(report.verdict.outcome, OutcomeKind::Reset, "{report:?}");
    assert_eq!(report.verdict.side, Some(Side::Peer));
    let last = report.attempts[0].stages.last().unwrap();
    assert_eq!((last.name(), last.ok), (StageName::Greeting, false));
}

#[tokio::test]
async fn a_server_that_speaks_first_is_quoted_and_its_close_is_seen() {
    let (listener, address) = listener();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"220 hello\r\n").unwrap();
    });
    let (report, _) = probed(address, Settings::default()).await;
    server.join().unwrap();
    assert!(report.verdict.text.ends_with("says `220 hello`"), "{}", report.verdict.text);
    let close = report.attempts[0].stages.last().unwrap();
    let (first, how) = (End::Peer, CloseHow::Fin);
    assert_eq!(close.detail, Detail::Close(CloseDetail { first, how, reset_by: None }));
}

#[tokio::test]
async fn a_server_that_hangs_up_without_a_word_is_closed() {
    let (listener, address) = listener();
    let server = thread::spawn(move || drop(listener.accept().unwrap()));
    let (report, _) = probed(address, Settings::default()).await;
    server.join().unwrap();
    assert_eq!(report.verdict.outcome, OutcomeKind::Closed);
    assert!(report.verdict.text.contains("closes it at once"), "{}", report.verdict.text);
}

#[tokio::test]
async fn rounds_keep_their_interval_and_are_counted() {
    let (_listener, address) = listener();
    let interval = Duration::from_millis(600);
    let settings = Settings { count: Some(2), interval, ..Settings::default() };
    let started = Instant::now();
    let (report, _) = probed(address, settings).await;
    assert!(started.elapsed() >= interval);
    assert_eq!(report.attempts.iter().map(|a| a.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(report.summary.sent, 2);
}

#[tokio::test]
async fn a_probe_that_is_dropped_reports_what_ended() {
    let (_listener, address) = listener();
    let settings = Settings { count: None, interval: Duration::ZERO, ..Settings::default() };
    let mut probe = Probe::new(address.to_string().parse().unwrap(), settings);
    assert!(probe.report().is_none());
    let (events, mut progress) = mpsc::channel(8);
    let two_ended = async {
        let mut ended = 0;
        while ended < 2 {
            let step = progress.recv().await.unwrap();
            ended += u32::from(matches!(step, Progress::AttemptDone { .. }));
        }
    };
    tokio::select! {
        () = probe.run(&events) => unreachable!("it has no end"),
        () = two_ended => {}
    }
    assert_eq!(probe.report().unwrap().summary.ok, 2);
}

#[tokio::test]
async fn a_bare_port_falls_back_to_the_other_loopback() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        eprintln!("no IPv6 here: the fallback to ::1 was not tried");
        return;
    };
    let address = listener.local_addr().unwrap();
    // The same port of 127.0.0.1 must be closed, and stay so.
    let _held = bound(&format!("127.0.0.1:{}", address.port()));
    let mut probe = Probe::new(
        address.port().to_string().parse().unwrap(),
        Settings { count: Some(2), interval: Duration::ZERO, ..Settings::default() },
    );
    let (events, _closed) = mpsc::channel(64);
    probe.run(&events).await;
    let report = probe.report().unwrap();
    let tried: Vec<_> =
        report.attempts.iter().map(|a| (a.seq, a.address.unwrap().is_ipv6())).collect();
    // The address that answered comes first the next time.
    assert_eq!(tried, [(1, false), (1, true), (2, true)]);
    assert_eq!(report.verdict.outcome, OutcomeKind::Ok);
    assert_eq!((report.summary.sent, report.summary.ok, report.summary.lost), (3, 2, 0));
}
