use std::net::{IpAddr, Ipv6Addr};

use super::*;

/// Every combination of these ends, in an order that has nothing to do with the documented one.
fn jumbled() -> Vec<Socket> {
    let addrs: [Option<IpAddr>; 6] = [
        None,
        Some([0, 0, 0, 0].into()),
        Some([127, 0, 0, 1].into()),
        Some([255, 0, 0, 1].into()),
        Some(Ipv6Addr::LOCALHOST.into()),
        Some("fe80::1".parse::<Ipv6Addr>().unwrap().into()),
    ];
    let mut sockets = Vec::new();
    for protocol in [Protocol::Udp, Protocol::Packet, Protocol::Tcp] {
        for port in [Some(u16::MAX), None, Some(0), Some(80)] {
            for addr in addrs {
                for cookie in [2, 1] {
                    let local = Endpoint { addr, port, ..Endpoint::default() };
                    let mut socket = Socket::new(Family::Ipv4, protocol, State::Listen, local);
                    socket.cookie = Some(cookie);
                    sockets.push(socket);
                }
            }
        }
    }
    // A step that shares no factor with the length visits every place once.
    let count = sockets.len();
    (0..count).map(|index| sockets[index * 65 % count].clone()).collect()
}

#[test]
fn sorting_by_rank_is_sorting_by_the_documented_order() {
    let mut plain = jumbled();
    let mut quick = plain.clone();
    Socket::sort_canonical(&mut quick);
    plain.sort_by(Socket::cmp_canonical);
    assert_eq!(quick, plain);
    assert!(quick.is_sorted_by(|a, b| a.cmp_canonical(b).is_lt()), "none was lost or doubled");
}

#[test]
fn a_long_table_that_is_only_rotated_is_sorted_quickly() {
    let socket = |port: u16| {
        let local = Endpoint::ip([127, 0, 0, 1], port);
        Socket::new(Family::Ipv4, Protocol::Tcp, State::Listen, local)
    };
    let mut sockets: Vec<Socket> = (1..20_000).map(socket).collect();
    sockets.push(socket(0));
    Socket::sort_canonical(&mut sockets);
    assert!(sockets.is_sorted_by(|a, b| a.cmp_canonical(b).is_lt()));
}
