use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};

use super::*;

fn errno(trial: &Trial) -> Option<String> {
    bind(trial).unwrap().err().map(|refusal| refusal.errno)
}

#[test]
fn a_listener_refuses_a_trial_and_its_end_permits_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = Trial::plain(listener.local_addr().unwrap(), false);
    assert_eq!(errno(&plain).as_deref(), Some("EADDRINUSE"));
    drop(listener);
    assert_eq!(errno(&plain), None);
    // Closed at once: the second trial finds the port as free as the first.
    assert_eq!(errno(&plain), None);
}

#[test]
fn udp_and_tcp_do_not_meet() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    assert_eq!(errno(&Trial::plain(addr, true)).as_deref(), Some("EADDRINUSE"));
    assert_eq!(errno(&Trial::plain(addr, false)), None);
}

#[test]
fn a_dual_stack_trial_meets_an_ipv4_listener() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let trial = |v6_only| Trial { v6_only: Some(v6_only), ..Trial::plain(any, false) };
    if errno(&trial(true)).as_deref() == Some("EAFNOSUPPORT") {
        return;
    }
    assert_eq!(errno(&trial(true)), None);
    assert_eq!(errno(&trial(false)).as_deref(), Some("EADDRINUSE"));
}

#[test]
fn an_address_of_another_host_is_not_available() {
    // TEST-NET-1 (RFC 5737) belongs to nobody.
    let elsewhere = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 8080));
    assert_eq!(errno(&Trial::plain(elsewhere, false)).as_deref(), Some("EADDRNOTAVAIL"));
}
