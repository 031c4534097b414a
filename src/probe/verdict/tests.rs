use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::model::dialogue::{AppProtocol, Conclusion, Greeting};
use crate::model::probe::{ConnectDetail, IcmpAnswer, ListenerDetail};
use crate::model::socket::Backlog;
use crate::probe::Host;
use crate::probe::conversation::Talked;
use crate::probe::evidence::Evidence;
use crate::probe::evidence::drops::Drop;
use crate::probe::evidence::listener::Listening;
use crate::probe::fault::{Ending, NameFault};
use crate::probe::{Protocol, dialogue::recognise};
use crate::sys::lookup::{LookupError, LookupFailure};
use crate::sys::routing::Route;

fn scene(address: &str) -> Scene {
    let address: SocketAddr = address.parse().unwrap();
    Scene {
        address,
        to_self: address.ip().is_loopback(),
        source: None,
        source_port: None,
        path: None,
        is_udp: false,
        layer: None,
        own: Some("192.0.2.9".parse().unwrap()),
        timeout: Duration::from_secs(3),
        way: None,
        connect: ConnectDetail::default(),
        evidence: Evidence::default(),
    }
}

fn judged(fault: &Fault, address: &str) -> (OutcomeKind, Option<Side>, String) {
    let verdict = of(fault, &scene(address));
    assert!(!verdict.text.is_empty());
    (verdict.outcome, verdict.side, verdict.text)
}

fn at_once(kind: ErrorKind) -> Fault {
    Fault::Connect { error: kind.into(), at_once: true }
}

fn later(kind: ErrorKind) -> Fault {
    Fault::Connect { error: kind.into(), at_once: false }
}

const REMOTE: &str = "192.0.2.1:80";
const OWN: &str = "127.0.0.1:80";

#[test]
fn a_packet_that_this_host_drops_is_the_kernels_word() {
    for (address, outgoing, word) in [(REMOTE, true, "never left"), (OWN, false, "arrived")] {
        let mut scene = scene(address);
        scene.evidence.dropped = Some(Drop { reason: "NETFILTER_DROP".to_owned(), outgoing });
        let verdict = of(&Fault::Silence, &scene);
        assert_eq!(verdict.side, Some(Side::Local));
        let text = verdict.text;
        assert!(text.contains(word) && text.contains("NETFILTER_DROP: a rule"), "{text}");
    }
}

#[test]
fn refused_is_the_peers_also_on_this_machine() {
    for (address, word) in [(REMOTE, "is there, but"), (OWN, "of this host")] {
        let (outcome, side, text) = judged(&later(ErrorKind::ConnectionRefused), address);
        assert_eq!((outcome, side), (OutcomeKind::Refused, Some(Side::Peer)));
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn what_the_own_routing_table_says_is_local() {
    for (kind, outcome) in [
        (ErrorKind::NetworkUnreachable, OutcomeKind::Unreachable),
        (ErrorKind::HostUnreachable, OutcomeKind::Unreachable),
        (ErrorKind::NetworkDown, OutcomeKind::Unreachable),
        (ErrorKind::InvalidInput, OutcomeKind::Unreachable),
        (ErrorKind::PermissionDenied, OutcomeKind::NotPermitted),
        (ErrorKind::AddrNotAvailable, OutcomeKind::LocalError),
        (ErrorKind::OutOfMemory, OutcomeKind::LocalError),
    ] {
        for fault in [Fault::Local(kind.into()), at_once(kind)] {
            let (found, side, text) = judged(&fault, REMOTE);
            assert_eq!((found, side), (outcome, Some(Side::Local)), "{kind:?}: {text}");
        }
    }
}

#[test]
fn what_comes_back_from_the_way_lies_on_the_path() {
    for kind in
        [ErrorKind::HostUnreachable, ErrorKind::NetworkUnreachable, ErrorKind::PermissionDenied]
    {
        let (outcome, side, _) = judged(&later(kind), REMOTE);
        assert_eq!((outcome, side), (OutcomeKind::Unreachable, Some(Side::Path)), "{kind:?}");
    }
}

#[test]
fn a_missing_neighbour_is_named() {
    let told = |gateway: Option<&str>| {
        let gateway = gateway.map(|gateway| gateway.parse().unwrap());
        let way =
            Some(Route { kind: None, interface: Some("eth0".into()), index: Some(2), gateway });
        of(&later(ErrorKind::HostUnreachable), &Scene { way, ..scene(REMOTE) }).text
    };
    assert!(told(Some("10.0.0.1")).contains("gateway 10.0.0.1 does not answer on eth0"));
    assert!(told(None).contains("should be on eth0 itself"));
}

#[test]
fn silence_lies_on_the_path_unless_the_target_is_this_host() {
    let (outcome, side, text) = judged(&Fault::Silence, REMOTE);
    assert_eq!((outcome, side), (OutcomeKind::Timeout, Some(Side::Path)));
    assert!(text.contains("within 3.0 s"), "{text}");
    let (outcome, side, _) = judged(&Fault::Silence, OWN);
    assert_eq!((outcome, side), (OutcomeKind::Timeout, Some(Side::Local)));
    let (outcome, ..) = judged(&later(ErrorKind::TimedOut), REMOTE);
    assert_eq!(outcome, OutcomeKind::Timeout);
}

#[test]
fn an_open_connection_that_breaks_is_reset_by_the_peer() {
    let fault = Fault::Broken(ErrorKind::ConnectionReset.into());
    let (outcome, side, text) = judged(&fault, OWN);
    assert_eq!((outcome, side), (OutcomeKind::Reset, Some(Side::Peer)));
    assert!(text.contains("RST"), "{text}");
}

#[test]
fn local_errors_say_what_would_be_right() {
    let (outcome, _, text) = judged(&Fault::Local(ErrorKind::InvalidInput.into()), "[fe80::1]:80");
    assert_eq!(outcome, OutcomeKind::LocalError);
    assert!(text.contains("[fe80::1%eth0]:80"), "{text}");

    let source = Some("192.0.2.77".parse().unwrap());
    let fault = Fault::Local(ErrorKind::AddrNotAvailable.into());
    let verdict = of(&fault, &Scene { source, own: None, ..scene(REMOTE) });
    assert!(verdict.text.contains("192.0.2.77 is no address of this host"), "{}", verdict.text);
    let verdict = of(&fault, &Scene { source, ..scene("[2001:db8::1]:80") });
    assert!(verdict.text.contains("different IP versions"), "{}", verdict.text);
}

#[test]
fn a_name_that_is_wrong_differs_from_a_server_that_is_silent() {
    let host = Host::Name("example.invalid".into());
    let of_failure = |failure| {
        let error = LookupError { failure, text: "its own words".into(), source: None };
        let verdict = nowhere(&NameFault::Lookup(error), &host);
        assert_eq!(verdict.outcome, OutcomeKind::DnsFailed);
        assert!(verdict.text.contains("example.invalid"), "{}", verdict.text);
        (verdict.side, verdict.text)
    };
    let (side, text) = of_failure(LookupFailure::NoSuchName);
    assert!(side.is_none() && text.contains("does not exist"), "{text}");
    let (side, text) = of_failure(LookupFailure::NoAddress);
    assert!(side.is_none() && text.contains("no address"), "{text}");
    let (side, text) = of_failure(LookupFailure::Temporary);
    assert!(side == Some(Side::Path) && text.contains("name server"), "{text}");
    let (_, text) = of_failure(LookupFailure::Other);
    assert!(text.contains("its own words"), "{text}");
    let silent = nowhere(&NameFault::Silence(Duration::from_secs(2)), &host);
    assert!(silent.text.contains("within 2.0 s"), "{}", silent.text);
}

fn subject() -> Subject {
    Subject {
        protocol: Protocol::Tcp,
        guessed: false,
        spoken: None,
        has_own_certificate: false,
        rtt: Duration::from_micros(40),
        waited: Duration::from_millis(100),
    }
}

/// What a peer that was listened to came to.
fn listened(greeting: Option<&str>, conclusion: Conclusion) -> Talked {
    let greeting = greeting.map(|text| recognise::greeting(text.as_bytes()));
    Talked { greeting, conclusion, ..Talked::new(true) }
}

const QUIET: Conclusion = Conclusion::Silent { heard_bytes: 0 };

#[test]
fn an_answer_tells_the_peers_manners() {
    let told = |greeting: Option<&str>, ending| {
        let conclusion = if greeting.is_some() { Conclusion::Answered } else { QUIET };
        let talked = listened(greeting, conclusion);
        let verdict = concluded(&talked, Some(ending), &subject(), &scene(OWN));
        assert_eq!((verdict.outcome, verdict.side), (OutcomeKind::Ok, None));
        verdict.text
    };
    assert_eq!(told(None, Ending::Both), "127.0.0.1:80 answers in 40 µs");
    let connect = ConnectDetail { retransmits: Some(1), ..ConnectDetail::default() };
    let again = Scene { connect, ..scene(OWN) };
    let slow = concluded(&listened(None, QUIET), Some(Ending::Both), &subject(), &again).text;
    assert!(slow.contains("only after its SYN was sent again (1 time)"), "{slow}");
    assert!(told(None, Ending::Reset).contains("with an RST"));
    let hostile = told(Some("SSH-2.0\x1b[2J\r\nmore"), Ending::Both);
    assert!(hostile.ends_with("says `SSH-2.0�[2J`"), "{hostile}");
}

#[test]
fn accepted_and_closed_at_once_is_closed_by_the_peer() {
    let talked = listened(None, Conclusion::Closed { reset: false, heard_bytes: 0 });
    let verdict = concluded(&talked, Some(Ending::PeerFirst), &subject(), &scene(OWN));
    assert_eq!((verdict.outcome, verdict.side), (OutcomeKind::Closed, Some(Side::Peer)));
    assert!(verdict.text.contains("without a word"), "{}", verdict.text);
}

#[test]
fn who_greets_and_closes_was_not_without_a_word() {
    let text = Some("220 ready".to_owned());
    let talked = Talked {
        greeting: Some(Greeting { text, ..Greeting::default() }),
        conclusion: Conclusion::Closed { reset: false, heard_bytes: 0 },
        ..Talked::new(false)
    };
    let subject =
        Subject { protocol: Protocol::Smtp, spoken: Some(AppProtocol::Smtp), ..subject() };
    let verdict = concluded(&talked, Some(Ending::PeerFirst), &subject, &scene(OWN));
    assert_eq!((verdict.outcome, verdict.side), (OutcomeKind::Closed, Some(Side::Peer)));
    assert!(verdict.text.contains("greets with `220 ready` and closes"), "{}", verdict.text);
}

#[test]
fn another_protocol_is_a_fault_unless_ours_was_a_guess() {
    let heard = recognise::heard(b"SSH-2.0-OpenSSH_9.2p1\r\n");
    let talked = Talked { conclusion: Conclusion::WrongProtocol(heard), ..Talked::new(false) };
    let told = |guessed| {
        let subject = Subject { protocol: Protocol::Http, guessed, ..subject() };
        concluded(&talked, Some(Ending::Both), &subject, &scene(OWN))
    };
    let verdict = told(false);
    assert_eq!((verdict.outcome, verdict.side), (OutcomeKind::ProtocolError, Some(Side::Peer)));
    assert!(
        verdict.text.contains("speaks SSH") && verdict.text.contains("not http"),
        "{verdict:?}"
    );
    let verdict = told(true);
    assert_eq!((verdict.outcome, verdict.side), (OutcomeKind::Ok, None));
    assert!(verdict.text.contains("guessed by its port"), "{verdict:?}");
}

#[test]
fn silence_after_the_handshake_is_the_peers_unless_nobody_accepts_here() {
    let talked = Talked { conclusion: QUIET, ..Talked::new(false) };
    let verdict = concluded(&talked, Some(Ending::Both), &subject(), &scene(REMOTE));
    assert_eq!((verdict.outcome, verdict.side), (OutcomeKind::Timeout, Some(Side::Peer)));
    let mut stopped =
        evidence(Listening::Here(ListenerDetail { stopped: Some(true), ..listener(None) }));
    stopped.unaccepted = true;
    let scene = Scene { evidence: stopped, ..scene(OWN) };
    let verdict = concluded(&talked, Some(Ending::Both), &subject(), &scene);
    assert_eq!((verdict.outcome, verdict.side), (OutcomeKind::Timeout, Some(Side::Local)));
    assert!(verdict.text.contains("is stopped"), "{verdict:?}");
}

#[test]
fn who_sent_the_icmp_error_tells_whose_side_it_is() {
    let from = |from: &str, code| {
        let from = Some(from.parse().unwrap());
        let icmp = vec![IcmpAnswer { v6: false, kind: 3, code, from }];
        let connect = ConnectDetail { icmp, ..ConnectDetail::default() };
        let kind =
            if code == 3 { ErrorKind::ConnectionRefused } else { ErrorKind::HostUnreachable };
        let verdict = of(&later(kind), &Scene { connect, ..scene(REMOTE) });
        (verdict.outcome, verdict.side, verdict.text)
    };
    let (outcome, side, text) = from("192.0.2.1", 3);
    assert_eq!((outcome, side), (OutcomeKind::Refused, Some(Side::Peer)));
    assert!(text.contains("ICMP port unreachable"), "{text}");
    let (outcome, side, text) = from("192.0.2.254", 13);
    assert_eq!((outcome, side), (OutcomeKind::Unreachable, Some(Side::Path)));
    assert!(text.contains("192.0.2.254") && text.contains("administratively"), "{text}");
    let (outcome, side, text) = from("192.0.2.9", 13);
    assert_eq!((outcome, side), (OutcomeKind::Unreachable, Some(Side::Local)));
    assert!(text.contains("this host itself"), "{text}");
}

fn listener(backlog: Option<Backlog>) -> ListenerDetail {
    let (at, owner) = ("*:80".into(), "python3 4242".into());
    ListenerDetail { at, owner, stopped: Some(false), backlog }
}

fn evidence(listening: Listening) -> Evidence {
    Evidence { listening, ..Evidence::default() }
}

#[test]
fn a_full_accept_queue_is_named_with_its_owner() {
    let told = |listening| {
        of(&Fault::Silence, &Scene { evidence: evidence(listening), ..scene(OWN) }).text
    };
    let full = told(Listening::Here(listener(Some(Backlog { queued: 129, limit: 128 }))));
    assert!(
        full.contains(
            "accept queue is full (129 waiting, its limit is 128). python3 4242 does not"
        ),
        "{full}"
    );
    // One more than the limit finds room.
    let roomy = told(Listening::Here(listener(Some(Backlog { queued: 128, limit: 128 }))));
    assert!(roomy.contains("has room") && roomy.contains("firewall"), "{roomy}");
    assert!(told(Listening::Elsewhere(Vec::new())).contains("nothing listens there"));
}

#[test]
fn a_refusal_here_tells_who_listens_elsewhere() {
    let refused = later(ErrorKind::ConnectionRefused);
    let told =
        |listening| of(&refused, &Scene { evidence: evidence(listening), ..scene(OWN) }).text;
    assert_eq!(told(Listening::Elsewhere(Vec::new())), "nothing listens on port 80 of this host");
    let elsewhere = ListenerDetail { at: "10.0.0.5:80".into(), ..listener(None) };
    let text = told(Listening::Elsewhere(vec![elsewhere]));
    assert!(text.contains("python3 4242 listens on 10.0.0.5:80"), "{text}");
    assert!(told(Listening::Here(listener(None))).contains("listens on *:80 by now"));
}
