use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use super::access::NEVER_READ;
use super::*;
use crate::model::socket::Endpoint;

fn wanted(level: i32, number: i32) -> Wanted {
    Wanted { level, number, length: 4, domains: Vec::new() }
}

fn read_own(fd: &impl AsRawFd, meant: Meant, wanted: &[Wanted]) -> Result<Reading> {
    read_options(std::process::id(), fd.as_raw_fd(), meant, wanted)
}

fn int(answer: &Option<Box<[u8]>>) -> Option<i32> {
    Some(i32::from_ne_bytes(answer.as_deref()?.try_into().ok()?))
}

#[test]
fn a_duplicate_tells_what_the_socket_is_and_how_it_is_set() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let options = [
        wanted(libc::SOL_SOCKET, libc::SO_REUSEADDR),
        wanted(libc::SOL_SOCKET, libc::SO_ACCEPTCONN),
        wanted(libc::IPPROTO_UDP, 1),
    ];
    let reading = read_own(&listener, Meant::default(), &options).unwrap();
    let stream = libc::SOCK_STREAM;
    let kind = SocketKind { domain: libc::AF_INET, r#type: stream, protocol: libc::IPPROTO_TCP };
    assert_eq!(reading.kind, kind);
    assert_eq!(reading.local, Some(listener.local_addr().unwrap().into()));
    assert_eq!(reading.remote, None);
    assert!(reading.nonblocking);
    // The standard library sets SO_REUSEADDR on its listeners; UDP's level is not TCP's.
    let told: Vec<_> = reading.answers.iter().map(int).collect();
    assert_eq!(told, [Some(1), Some(1), None]);
}

#[test]
fn only_the_socket_that_is_meant_is_read() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let reading = read_own(&socket, Meant::default(), &[]).unwrap();
    let itself = Meant { cookie: reading.cookie, inode: None };
    assert!(read_own(&socket, itself, &[]).is_ok());
    let other = Meant { cookie: reading.cookie.map(|cookie| cookie + 1), inode: None };
    assert!(matches!(read_own(&socket, other, &[]), Err(Error::Gone { .. })));
    let other = Meant { cookie: None, inode: Some(reading.inode + 1) };
    assert!(matches!(read_own(&socket, other, &[]), Err(Error::Gone { .. })));
    assert_eq!(socket_inode(std::process::id(), socket.as_raw_fd()).unwrap(), reading.inode);
}

#[test]
fn what_is_no_socket_or_not_there_is_named() {
    let file = std::fs::File::open("/dev/null").unwrap();
    let error = read_own(&file, Meant::default(), &[]).unwrap_err();
    assert!(matches!(error, Error::NotASocket { .. }), "{error}");
    let me = std::process::id();
    let error = read_options(me, i32::MAX, Meant::default(), &[]).unwrap_err();
    assert_eq!(error.to_string(), format!("descriptor {} of process {me} is gone", i32::MAX));
    let error = read_options(u32::MAX, 0, Meant::default(), &[]).unwrap_err();
    assert_eq!(error.to_string(), format!("process {} is gone", u32::MAX));
}

#[test]
fn what_reading_would_spoil_is_refused_even_when_wanted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let options: Vec<_> =
        NEVER_READ.iter().map(|(level, number)| wanted(*level, *number)).collect();
    let reading = read_own(&listener, Meant::default(), &options).unwrap();
    assert!(reading.answers.iter().all(Option::is_none));
}

#[test]
fn a_pending_error_stays_pending() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let refusing = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(refusing.local_addr().unwrap()).unwrap();
    drop(refusing);
    // Over loopback the ICMP error is there when send returns.
    socket.send(b"x").unwrap();
    let options = [wanted(libc::SOL_SOCKET, libc::SO_ERROR), wanted(libc::SOL_SOCKET, 2)];
    read_own(&socket, Meant::default(), &options).unwrap();
    let pending = socket.take_error().unwrap().expect("the error is still there");
    assert_eq!(pending.kind(), io::ErrorKind::ConnectionRefused);
    drop(listener);
}

#[test]
fn a_level_is_tried_only_on_the_families_it_belongs_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut option = wanted(libc::IPPROTO_TCP, libc::TCP_NODELAY);
    option.domains = vec![libc::AF_INET6];
    let reading = read_own(&listener, Meant::default(), &[option.clone()]).unwrap();
    assert_eq!(reading.answers, [None]);
    option.domains.push(libc::AF_INET);
    let reading = read_own(&listener, Meant::default(), &[option]).unwrap();
    assert_eq!(reading.answers.iter().map(int).collect::<Vec<_>>(), [Some(0)]);
}

#[test]
fn both_ends_of_a_connection_are_told() {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let reading = read_own(&stream, Meant::default(), &[]).unwrap();
    assert_eq!(reading.local, Some(stream.local_addr().unwrap().into()));
    assert_eq!(reading.remote, Some(listener.local_addr().unwrap().into()));
    let (unix, _peer) = UnixStream::pair().unwrap();
    let reading = read_own(&unix, Meant::default(), &[]).unwrap();
    assert_eq!(reading.local, Some(Endpoint::default()));
}

#[test]
fn a_fresh_socket_tells_the_defaults_of_its_namespace() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let options = [wanted(libc::SOL_SOCKET, libc::SO_RCVBUF)];
    let reading = read_own(&socket, Meant::default(), &options).unwrap();
    let fresh = fresh_options(reading.kind, None, &options).unwrap();
    assert_eq!(fresh.answers, reading.answers);
    assert_eq!(fresh.netns_cookie, reading.netns_cookie);
    let netns = std::fs::metadata("/proc/self/ns/net").unwrap().ino();
    assert_eq!(fresh.netns, Some(netns));
}

#[test]
fn families_that_act_on_their_own_get_no_fresh_socket() {
    let kind = SocketKind { domain: libc::AF_ALG, r#type: libc::SOCK_SEQPACKET, protocol: 0 };
    assert!(matches!(fresh_options(kind, None, &[]), Err(Error::Unsupported { .. })));
}
