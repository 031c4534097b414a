use super::*;
use crate::model::socket::{Endpoint, Family, Protocol, State};

fn search(
    request: &Request,
    rules: &PortRules,
    sockets: &[Socket],
    mut try_bind: impl FnMut(u16) -> Result<(), io::ErrorKind>,
) -> FreePorts {
    let mut answer =
        |port| Ok(try_bind(port).map_err(|kind| Refusal { kind, errno: format!("{kind:?}") }));
    let holders = holders(sockets, request.udp);
    let mut search = Search {
        request,
        rules,
        holders: &holders,
        try_bind: &mut answer,
        redirected: &|_| None,
        privileged_refused: false,
        found: FreePorts::default(),
    };
    search.run().unwrap();
    search.found
}

fn rules() -> PortRules {
    PortRules {
        unprivileged_start: Some(1024),
        ephemeral: Some(32_768..=60_999),
        reserved: Some(vec![8001..=8002, 33_000..=33_000]),
    }
}

fn wish(first: u16, count: usize) -> Request {
    Request { udp: false, first, last: None, count }
}

fn range(first: u16, last: u16, count: usize) -> Request {
    Request { last: Some(last), ..wish(first, count) }
}

fn tcp(port: u16, state: State) -> Socket {
    Socket::new(Family::Ipv4, Protocol::Tcp, state, Endpoint::ip([127, 0, 0, 1], port))
}

fn skipped(found: &FreePorts) -> Vec<(u16, &str)> {
    let word = |text: &'static str| text;
    let kinds = ["in use", "reserved", "ephemeral", "privileged"];
    found
        .skipped
        .iter()
        .map(|skipped| {
            let kind = kinds.iter().find(|kind| skipped.reason.starts_with(**kind));
            (skipped.port, kind.map_or("", |kind| word(kind)))
        })
        .collect()
}

#[test]
fn a_wish_gives_the_next_ports_that_nobody_has_or_reserves() {
    let sockets =
        [tcp(8000, State::TimeWait), tcp(8000, State::Listen), tcp(8004, State::Established)];
    let mut tried = Vec::new();
    let found = search(&wish(8000, 2), &rules(), &sockets, |port| {
        tried.push(port);
        Ok(())
    });
    assert_eq!(found.ports, [8003, 8005]);
    assert_eq!(tried, [8003, 8005], "a port that is known to be taken is not disturbed");
    let expected = [(8000, "in use"), (8001, "reserved"), (8002, "reserved"), (8004, "in use")];
    assert_eq!(skipped(&found), expected);
    assert!(found.skipped[0].reason.contains("LISTEN"), "{:?}", found.skipped[0]);
}

#[test]
fn a_udp_port_is_not_taken_by_tcp() {
    let request = Request { udp: true, ..wish(8000, 1) };
    assert_eq!(search(&request, &rules(), &[tcp(8000, State::Listen)], |_| Ok(())).ports, [8000]);
}

#[test]
fn the_ephemeral_range_is_left_alone_unless_it_is_asked_for() {
    let ports = |request| search(&request, &rules(), &[], |_| Ok(())).ports;
    assert_eq!(ports(wish(32_767, 2)), [32_767, 61_000]);
    assert_eq!(ports(wish(40_000, 2)), [40_000, 40_001]);
    assert_eq!(ports(range(32_766, 32_770, 2)), [32_766, 32_767]);
    // Both ends were written: what lies between is asked for, but last of all.
    assert_eq!(ports(range(60_998, 61_000, 3)), [61_000, 60_998, 60_999]);
    // The kernel gives a reserved port to no outgoing connection, but it is reserved.
    assert_eq!(ports(range(32_999, 33_001, 3)), [32_999, 33_001]);
}

#[test]
fn skipped_ports_are_counted_beyond_a_thousand() {
    let found = search(&wish(32_768 - 1, 2), &rules(), &[], |_| Ok(()));
    assert_eq!(found.skipped.len(), FreePorts::MOST_SKIPPED);
    assert_eq!(found.skipped_more, 60_999 - 32_768 + 1 - 1_000);
    assert_eq!(found.skipped[0].port, 32_768);
}

#[test]
fn one_refusal_tells_of_all_privileged_ports() {
    let mut tried = Vec::new();
    let found = search(&range(1020, 1025, 5), &rules(), &[], |port| {
        tried.push(port);
        if port < 1024 { Err(io::ErrorKind::PermissionDenied) } else { Ok(()) }
    });
    assert_eq!(tried, [1020, 1024, 1025]);
    assert_eq!(found.ports, [1024, 1025]);
    assert_eq!(skipped(&found), [1020, 1021, 1022, 1023].map(|port| (port, "privileged")));
}

#[test]
fn a_port_that_is_refused_though_nobody_is_seen_is_passed_over() {
    let refuse = |port| if port == 8000 { Err(io::ErrorKind::AddrInUse) } else { Ok(()) };
    let found = search(&wish(8000, 1), &PortRules::default(), &[], refuse);
    assert_eq!((&found.ports[..], skipped(&found)), (&[8001][..], vec![(8000, "in use")]));
}
