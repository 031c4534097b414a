use super::*;
use crate::model::socket::{Family, Protocol, State};

const LONG: Duration = Duration::from_secs(20);

fn connection(last: u8) -> Socket {
    let local = Endpoint::ip([10, 0, 0, 1], 50000);
    let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Established, local);
    socket.remote = Some(Endpoint::ip([10, 0, 1, last], 80));
    socket
}

fn named(name: &str) -> NameAnswer {
    NameAnswer::Name(HostName(name.into()))
}

fn shown(end: &Endpoint) -> Option<&str> {
    end.name.as_ref().map(|name| &*name.0)
}

#[test]
fn every_address_is_asked_for_once_and_mapped_ones_as_ipv4() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let mut names = Names::asking(move |addr| {
        heard.lock().unwrap().push(addr.to_string());
        named(&format!("host-{addr}"))
    });
    let mut mapped = connection(1);
    mapped.local = Endpoint::ip("::ffff:10.0.0.1".parse::<IpAddr>().unwrap(), 50000);
    let mut listener = connection(9);
    listener.local = Endpoint::ip([0, 0, 0, 0], 80);
    listener.remote = None;
    let mut sockets = [connection(1), connection(2), mapped, listener];
    for _ in 0..2 {
        assert!(!names.fill(&mut sockets, LONG).is_troubled());
    }
    let mut asked = asked.lock().unwrap().clone();
    asked.sort_unstable();
    assert_eq!(asked, ["10.0.0.1", "10.0.1.1", "10.0.1.2"]);
    assert_eq!(shown(&sockets[2].local), Some("host-10.0.0.1"));
    assert_eq!(shown(sockets[1].remote.as_ref().unwrap()), Some("host-10.0.1.2"));
    assert_eq!(shown(&sockets[3].local), None, "the wildcard is nobody");
}

#[test]
fn who_never_answers_is_not_waited_for_beyond_the_limit() {
    let mut names = Names::asking(|addr| match addr.to_string().as_str() {
        "10.0.0.1" => named("here"),
        "10.0.1.1" => NameAnswer::NoName,
        _ => loop {
            thread::park();
        },
    });
    // More than may run at a time.
    let mut sockets: Vec<Socket> = (1..=100).map(connection).collect();
    let started = Instant::now();
    let limit = Duration::from_millis(300);
    let health = names.fill(&mut sockets, limit);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(health.reason.unwrap().contains("99 of 101 addresses"));
    assert_eq!(shown(&sockets[7].local), Some("here"));
    assert!(names.running.load(Ordering::Acquire) <= PARALLEL);
    // Again: those under way are not asked for twice, and no more threads than before run.
    names.fill(&mut sockets, Duration::ZERO);
    assert!(names.running.load(Ordering::Acquire) <= PARALLEL);
    assert_eq!(names.open.len(), names.running.load(Ordering::Acquire));
}

#[test]
fn an_answer_that_came_late_is_there_the_next_time() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let mut names = Names::asking(move |_| {
        let _ = wait.lock().unwrap().recv();
        named("late")
    });
    let mut sockets = [connection(1)];
    assert!(names.fill(&mut sockets, Duration::ZERO).is_troubled());
    go.send(()).unwrap();
    go.send(()).unwrap();
    assert!(!names.fill(&mut sockets, LONG).is_troubled());
    assert_eq!(shown(&sockets[0].local), Some("late"));
}

#[test]
fn an_address_is_no_name() {
    assert_eq!(told("web-3.example"), named("web-3.example"));
    assert_eq!(told("127.0.0.1"), NameAnswer::NoName);
    assert_eq!(told("::1"), NameAnswer::NoName);
    assert_eq!(told(" "), NameAnswer::NoName);
}
