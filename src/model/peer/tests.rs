use std::sync::Arc;

use super::*;
use crate::model::owner::{Owner, Process};

fn end(text: &str) -> Endpoint {
    let addr: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::ip(addr.ip(), addr.port())
}

fn socket(protocol: Protocol, local: &str, remote: Option<&str>) -> Socket {
    let local = end(local);
    let family = if local.addr.unwrap().is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    let state = match (protocol, remote) {
        (Protocol::Tcp | Protocol::Mptcp, Some(_)) => State::Established,
        (Protocol::Tcp | Protocol::Mptcp, None) => State::Listen,
        (_, Some(_)) => State::Connected,
        (_, None) => State::Unconnected,
    };
    let mut socket = Socket::new(family, protocol, state, local);
    socket.remote = remote.map(end);
    socket.netns = Some(1);
    socket.v6_only = (family == Family::Ipv6).then_some(false);
    socket
}

fn tcp(local: &str, remote: &str) -> Socket {
    socket(Protocol::Tcp, local, Some(remote))
}

fn udp(local: &str, remote: Option<&str>) -> Socket {
    socket(Protocol::Udp, local, remote)
}

/// The place of the peer of the first among these, asked in both ways.
fn peer_of_first(sockets: &[Socket]) -> Option<usize> {
    let place = |peer: &Socket| sockets.iter().position(|socket| std::ptr::eq(socket, peer));
    let of_all = Peers::new(sockets).of(&sockets[0]).and_then(place);
    let around = Peers::around(&sockets[0], sockets).of(&sockets[0]).and_then(place);
    assert_eq!(of_all, around);
    of_all
}

#[test]
fn a_connection_is_answered_by_the_one_with_the_same_ends_reversed() {
    let client = tcp("127.0.0.1:50000", "127.0.0.1:80");
    let listener = socket(Protocol::Tcp, "127.0.0.1:80", None);
    let other = tcp("127.0.0.1:80", "127.0.0.1:50001");
    let server = tcp("127.0.0.1:80", "127.0.0.1:50000");
    assert_eq!(peer_of_first(&[client.clone(), listener.clone(), other.clone(), server]), Some(3));
    assert_eq!(peer_of_first(&[client, listener.clone(), other]), None);
    assert_eq!(peer_of_first(&[listener]), None);
}

#[test]
fn a_mapped_address_is_the_same_as_its_plain_one() {
    let client = tcp("127.0.0.1:50000", "127.0.0.1:80");
    let server = tcp("[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:50000");
    assert_eq!(peer_of_first(&[client.clone(), server.clone()]), Some(1));
    assert_eq!(peer_of_first(&[server, client]), Some(1));
}

#[test]
fn another_namespace_protocol_or_zone_has_the_same_addresses_by_chance() {
    let client = tcp("10.0.0.1:50000", "10.0.0.2:80");
    let mut server = tcp("10.0.0.2:80", "10.0.0.1:50000");
    server.netns = Some(2);
    assert_eq!(peer_of_first(&[client.clone(), server.clone()]), None);
    server.netns = client.netns;
    server.protocol = Protocol::Udp;
    assert_eq!(peer_of_first(&[client, server]), None);
    let zone = |mut socket: Socket, name: &str| {
        socket.local.scope = Some(name.into());
        socket
    };
    let client = zone(tcp("[fe80::1]:50000", "[fe80::2]:80"), "eth0");
    let server = tcp("[fe80::2]:80", "[fe80::1]:50000");
    assert_eq!(peer_of_first(&[client.clone(), zone(server.clone(), "eth1")]), None);
    assert_eq!(peer_of_first(&[client, zone(server, "eth0")]), Some(1));
}

#[test]
fn a_connection_to_itself_is_its_own_peer() {
    assert_eq!(peer_of_first(&[tcp("127.0.0.1:4000", "127.0.0.1:4000")]), Some(0));
}

#[test]
fn what_just_ended_makes_way_for_what_took_its_ends() {
    let client = tcp("127.0.0.1:50000", "127.0.0.1:80");
    let mut dead = tcp("127.0.0.1:80", "127.0.0.1:50000");
    dead.state = State::TimeWait;
    let alive = tcp("127.0.0.1:80", "127.0.0.1:50000");
    assert_eq!(peer_of_first(&[client.clone(), dead.clone(), alive.clone()]), Some(2));
    assert_eq!(peer_of_first(&[client, alive, dead]), Some(1));
}

#[test]
fn mptcp_is_answered_by_mptcp_or_else_by_tcp() {
    let client = socket(Protocol::Mptcp, "127.0.0.1:50000", Some("127.0.0.1:80"));
    let plain = tcp("127.0.0.1:80", "127.0.0.1:50000");
    let multi = socket(Protocol::Mptcp, "127.0.0.1:80", Some("127.0.0.1:50000"));
    assert_eq!(peer_of_first(&[client.clone(), plain.clone(), multi.clone()]), Some(2));
    assert_eq!(peer_of_first(&[client, plain.clone()]), Some(1));
    assert_eq!(peer_of_first(&[plain, multi]), None, "a subflow is not the connection");
}

#[test]
fn datagrams_arrive_at_the_one_socket_that_waits_there() {
    let client = || udp("127.0.0.1:50000", Some("127.0.0.53:53"));
    let exact = || udp("127.0.0.53:53", None);
    let any = || udp("0.0.0.0:53", None);
    let connected = udp("127.0.0.53:53", Some("127.0.0.1:50000"));
    assert_eq!(peer_of_first(&[client(), any(), exact()]), Some(2));
    assert_eq!(peer_of_first(&[client(), any(), exact(), connected]), Some(3));
    assert_eq!(peer_of_first(&[client(), any()]), Some(1));
    assert_eq!(peer_of_first(&[client(), udp("[::]:53", None)]), Some(1));
    // Two that share the port: which one gets them is the kernel's choice.
    assert_eq!(peer_of_first(&[client(), exact(), exact()]), None);
    assert_eq!(peer_of_first(&[client(), any(), any()]), None);
    let mut only_v6 = udp("[::]:53", None);
    only_v6.v6_only = Some(true);
    assert_eq!(peer_of_first(&[client(), only_v6]), None);
    let mut on_device = any();
    on_device.interface = Some("eth0".into());
    assert_eq!(peer_of_first(&[client(), on_device]), None);
}

#[test]
fn a_server_elsewhere_is_not_mistaken_for_one_here() {
    let any = || udp("0.0.0.0:53", None);
    assert_eq!(peer_of_first(&[udp("10.0.0.1:50000", Some("10.0.0.9:53")), any()]), None);
    assert_eq!(peer_of_first(&[udp("10.0.0.1:50000", Some("10.0.0.1:53")), any()]), Some(1));
    let group = udp("10.0.0.1:50000", Some("224.0.0.251:5353"));
    assert_eq!(peer_of_first(&[group, udp("224.0.0.251:5353", None)]), None);
    // TCP is answered by connections alone.
    let client = tcp("127.0.0.1:50000", "127.0.0.1:80");
    assert_eq!(peer_of_first(&[client, socket(Protocol::Tcp, "127.0.0.1:80", None)]), None);
}

#[test]
fn unix_sockets_know_their_peers_inode() {
    let unix = |inode: u64, peer: Option<u64>| {
        let mut socket =
            Socket::new(Family::Unix, Protocol::Stream, State::Connected, Endpoint::default());
        (socket.inode, socket.peer_inode) = (Some(inode), peer);
        socket
    };
    // Their names reach across network namespaces.
    let mut far = unix(8, Some(7));
    far.netns = Some(2);
    assert_eq!(peer_of_first(&[unix(7, Some(8)), unix(9, None), far]), Some(2));
    assert_eq!(peer_of_first(&[unix(7, Some(8)), unix(9, None)]), None);
    // An IP socket with that number is none of its business, and 0 is no inode.
    let mut ip = tcp("127.0.0.1:50000", "127.0.0.1:80");
    ip.inode = Some(8);
    assert_eq!(peer_of_first(&[unix(7, Some(8)), ip]), None);
    assert_eq!(peer_of_first(&[unix(7, Some(0)), unix(0, None)]), None);
}

#[test]
fn each_socket_gets_its_peer_with_every_owner() {
    let mut sockets = [
        tcp("127.0.0.1:50000", "127.0.0.1:80"),
        tcp("127.0.0.1:80", "127.0.0.1:50000"),
        tcp("10.0.0.1:50000", "10.0.0.9:80"),
    ];
    let owner = |pid, fd| Owner::new(fd, Arc::new(Process::named(pid, 1, "nginx")));
    sockets[1].owners = vec![owner(7, Some(3)), owner(8, None)];
    (sockets[1].cookie, sockets[1].inode) = (Some(42), Some(99));
    fill(&mut sockets);
    let peer = serde_json::to_value(&sockets[0].peer).unwrap();
    let expected = serde_json::json!({ "cookie": 42, "inode": 99, "owners": [
        { "pid": 7, "fd": 3, "name": "nginx" }, { "pid": 8, "fd": null, "name": "nginx" },
    ]});
    assert_eq!(peer, expected);
    assert_eq!(sockets[1].peer.as_ref().unwrap().owners, []);
    assert_eq!(sockets[2].peer, None);
}
