use super::*;
use crate::model::socket::{Endpoint, Family};

fn tcp(addr: &str, state: State) -> Socket {
    let addr: IpAddr = addr.parse().unwrap();
    let family = if addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    let mut socket = Socket::new(family, Protocol::Tcp, state, Endpoint::ip(addr, 8080));
    socket.v6_only = addr.is_ipv6().then_some(false);
    socket
}

fn ask_untried(how: How, sockets: &[Socket]) -> BindAnswer {
    let target = Target::everywhere(8080, false);
    ask_with(&target, How { may_try: false, ..how }, &mut || Ok(sockets.to_vec())).unwrap()
}

#[test]
fn whatever_has_the_port_stands_against_a_plain_bind() {
    for state in [State::Listen, State::Bound, State::Established, State::TimeWait] {
        let answer = ask_untried(How::PLAIN, &[tcp("127.0.0.1", state)]);
        assert_eq!(answer.outcome, Outcome::Held, "{state:?}");
        assert!(answer.obstacle().unwrap().contains(state.name()), "{:?}", answer.obstacle());
    }
    let free = ask_untried(How::PLAIN, &[tcp("127.0.0.1", State::Closed)]);
    assert_eq!((free.is_free(), free.obstacle()), (true, None));
}

#[test]
fn reuse_addr_passes_over_closed_connections_and_never_over_a_listener() {
    let time_wait = tcp("127.0.0.1", State::TimeWait);
    assert!(ask_untried(How::REUSE_ADDR, std::slice::from_ref(&time_wait)).is_free());
    let both = [time_wait, tcp("127.0.0.1", State::Listen)];
    assert_eq!(ask_untried(How::REUSE_ADDR, &both).outcome, Outcome::Held);
}

#[test]
fn a_server_answers_on_its_address_and_a_wildcard_on_every_one() {
    let answers = |addr: &str, socket: &Socket| {
        let addr = Some(addr.parse().unwrap());
        Target { addr, ..Target::everywhere(8080, false) }.is_served_by(socket)
    };
    let any = tcp("0.0.0.0", State::Listen);
    assert!(answers("127.0.0.1", &any) && !answers("::1", &any));
    assert!(answers("127.0.0.1", &tcp("::", State::Listen)));
    assert!(!answers("127.0.0.1", &tcp("127.0.0.2", State::Listen)));
    assert!(!answers("0.0.0.0", &tcp("127.0.0.1", State::Listen)), "not on every address");
    assert!(!answers("127.0.0.1", &tcp("127.0.0.1", State::Bound)));
}
