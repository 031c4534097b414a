use std::net::SocketAddr;
use std::sync::Arc;

use super::super::SshConnection;
use super::super::words::obstacle;
use super::*;
use crate::act::Consent;
use crate::model::owner::{Owner, Ownership, Process, ProcessKey};
use crate::model::socket::Family;
use crate::model::tree::ProcessNode;

fn end(text: &str) -> Endpoint {
    let addr: SocketAddr = text.parse().unwrap();
    Endpoint::ip(addr.ip(), addr.port())
}

fn socket(state: State, local: &str, remote: Option<&str>) -> Socket {
    let protocol = match state {
        State::Unconnected | State::Connected => Protocol::Udp,
        _ => Protocol::Tcp,
    };
    let mut socket = Socket::new(Family::Ipv4, protocol, state, end(local));
    socket.remote = remote.map(end);
    socket.cookie = Some(u64::from(socket.local.port.unwrap()));
    socket.netns = Some(1);
    socket
}

fn connection(local: u16, remote: u16) -> Socket {
    let (local, remote) = (format!("127.0.0.1:{local}"), format!("127.0.0.1:{remote}"));
    socket(State::Established, &local, Some(&remote))
}

fn owned(mut socket: Socket, pid: u32) -> Socket {
    let process = Process::named(pid, 0, "p");
    socket.owners = vec![Owner::new(Some(3), Arc::new(process))];
    socket.ownership = Ownership::OWNED;
    socket
}

fn node(pid: u32, ppid: u32) -> ProcessNode {
    ProcessNode {
        key: ProcessKey { pid, start_time: 0 },
        ppid,
        name: "p".into(),
        kernel_thread: false,
        stopped: false,
    }
}

/// sockpit is 90, under shell 80, under 1.
fn facts() -> Facts {
    let tree = [node(1, 0), node(80, 1), node(90, 80), node(50, 1)].into_iter().collect();
    Facts { own_pid: 90, netns: Some(1), tree, ssh: None }
}

fn plan_all(sockets: &[Socket], named: &[State], facts: &Facts) -> ClosePlan {
    plan(sockets, &Selection { chosen: &|_| Choice::Yes, named }, facts)
}

#[test]
fn connections_are_closed_in_every_state() {
    let states = [State::Established, State::CloseWait, State::TimeWait, State::SynReceived];
    for state in states {
        let sockets = [socket(state, "10.0.0.1:80", Some("10.0.0.2:5000"))];
        let plan = plan_all(&sockets, &[], &facts());
        assert_eq!(plan.targets.len(), 1, "{state:?}");
        assert_eq!(plan.targets[0].protected, None);
    }
}

#[test]
fn what_has_no_peer_is_spared_unless_its_state_is_named() {
    for state in [State::Listen, State::Unconnected, State::Bound] {
        let sockets = [socket(state, "0.0.0.0:80", None)];
        let spared = plan_all(&sockets, &[State::Established], &facts());
        assert!(spared.targets.is_empty(), "{state:?}");
        assert_eq!(spared.spared.len(), 1, "{state:?}");
        assert_eq!(plan_all(&sockets, &[state], &facts()).targets.len(), 1, "{state:?}");
    }
}

#[test]
fn without_cookie_or_elsewhere_nothing_is_closed() {
    let mut nameless = connection(80, 5000);
    nameless.cookie = None;
    let mut elsewhere = connection(81, 5001);
    elsewhere.netns = Some(2);
    let mut unix =
        Socket::new(Family::Unix, Protocol::Stream, State::Connected, Endpoint::unix("/x"));
    unix.cookie = Some(7);
    let plan = plan_all(&[nameless, elsewhere, unix], &[], &facts());
    assert!(plan.targets.is_empty());
    let reasons: Vec<&str> = plan.spared.iter().map(|spared| &*spared.reason).collect();
    assert!(reasons[0].contains("cookie"), "{reasons:?}");
    assert!(reasons[1].contains("namespace"), "{reasons:?}");
    assert!(reasons[2].contains("cannot close a UNIX socket"), "{reasons:?}");
}

#[test]
fn what_sockpit_runs_under_is_protected_at_both_ends() {
    let sockets = [
        owned(connection(80, 5000), 80),
        owned(connection(5000, 80), 50),
        owned(connection(81, 5001), 50),
        owned(connection(82, 5002), 90),
    ];
    let plan = plan_all(&sockets, &[], &facts());
    let protected: Vec<bool> = plan.targets.iter().map(|t| t.protected.is_some()).collect();
    assert_eq!(protected, [true, true, false, true]);
    assert!(plan.protected);
    let about = plan.targets[1].protected.as_deref().unwrap();
    assert!(about.contains("other end"), "{about}");
    assert_eq!(plan.warnings.len(), 3, "{:?}", plan.warnings);
}

#[test]
fn the_way_in_is_protected_without_any_owner() {
    let ssh = SshConnection::parse("192.0.2.7 51544 192.0.2.1 22");
    let way_in = socket(State::Established, "192.0.2.1:22", Some("192.0.2.7:51544"));
    let other = socket(State::Established, "192.0.2.1:22", Some("192.0.2.7:51545"));
    let plan = plan_all(&[way_in.clone(), other], &[], &Facts { ssh, ..facts() });
    let protected: Vec<bool> = plan.targets.iter().map(|t| t.protected.is_some()).collect();
    assert_eq!(protected, [true, false]);

    let plan = plan_all(&[way_in], &[], &Facts { ssh, ..facts() });
    let sentence = obstacle(&plan, Consent::default()).unwrap().sentence;
    assert!(sentence.contains("SSH_CONNECTION") && sentence.contains("--protected"), "{sentence}");
    assert_eq!(obstacle(&plan, Consent { protected: true }), None);
}

#[test]
fn the_undecided_are_counted_and_never_closed() {
    let sockets = [connection(80, 5000)];
    let selection = Selection { chosen: &|_| Choice::Undecided, named: &[] };
    let plan = plan(&sockets, &selection, &facts());
    assert!(plan.targets.is_empty() && plan.spared.is_empty());
    assert_eq!(plan.undecided, 1);
    assert!(obstacle(&plan, Consent::default()).unwrap().not_permitted);
    let none = plan_all(&[], &[], &facts());
    assert!(!obstacle(&none, Consent::default()).unwrap().not_permitted);
}

#[test]
fn steps_name_every_socket_and_count_who_shares_it() {
    let mut shared = owned(connection(80, 5000), 50);
    shared.owners.extend(owned(connection(80, 5000), 51).owners);
    shared.owners.extend(owned(connection(80, 5000), 51).owners);
    let plan = plan_all(&[shared, connection(81, 5001)], &[], &facts());
    assert_eq!(plan.steps.len(), 3);
    let named = "Close tcp 127.0.0.1:80 -> 127.0.0.1:5000 ESTABLISHED of p 50 and 1 more.";
    assert_eq!(plan.steps[0], named);
    assert!(plan.steps[1].contains("owner is not known"), "{:?}", plan.steps);
}

#[test]
fn a_long_plan_counts_what_it_does_not_spell_out() {
    let sockets: Vec<Socket> = (0..150).map(|port| connection(1000 + port, 5000)).collect();
    let plan = plan_all(&sockets, &[], &facts());
    assert_eq!(plan.targets.len(), 150);
    assert_eq!(plan.steps[100], "Close 50 more.");
}
