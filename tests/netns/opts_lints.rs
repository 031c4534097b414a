//! What `opts` points out: each situation is built, and the finding must have evidence and a fix.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};

use crate::support::{in_namespace, run, sockpit, wait_for};

fn report(fd: &impl AsRawFd) -> Value {
    let selector = format!("{}/{}", std::process::id(), fd.as_raw_fd());
    let output = sockpit().args(["opts", &selector, "--json"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn kinds(fd: &impl AsRawFd) -> Vec<String> {
    let report = report(fd);
    let findings = report["findings"].as_array().unwrap();
    for finding in findings {
        for field in ["text", "evidence", "fix"] {
            assert!(finding[field].as_str().is_some_and(|text| text.len() > 8), "{finding}");
        }
    }
    findings.iter().map(|finding| finding["kind"].as_str().unwrap().to_owned()).collect()
}

/// What a finding was drawn from.
#[track_caller]
fn evidence(fd: &impl AsRawFd, kind: &str) -> String {
    let report = report(fd);
    let mut findings = report["findings"].as_array().unwrap().iter();
    let finding = findings.find(|finding| finding["kind"] == kind);
    let finding = finding.unwrap_or_else(|| panic!("no {kind} in {report}"));
    finding["evidence"].as_str().unwrap().to_owned()
}

/// The local ports of the sockets of this process that match a query.
fn ports(query: &str) -> Vec<u64> {
    let pid = format!("pid:{}", std::process::id());
    let output = sockpit().args(["ports", &pid, query, "--json"]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |socket: &Value| socket["local"]["port"].as_u64().unwrap();
    told["sockets"].as_array().unwrap().iter().map(of).collect()
}

#[track_caller]
fn expect(fd: &impl AsRawFd, kind: &str) {
    let found = kinds(fd);
    assert!(found.iter().any(|one| one == kind), "{kind} is not among {found:?}");
}

#[track_caller]
fn expect_not(fd: &impl AsRawFd, kind: &str) {
    let found = kinds(fd);
    assert!(!found.iter().any(|one| one == kind), "{kind} is among {found:?}");
}

fn connected(at: &str) -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind(at).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    (listener, client, accepted)
}

fn set(fd: &impl AsRawFd, level: i32, number: i32, value: i32) {
    // SAFETY: the pointer is to four bytes that outlive the call.
    let result =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, number, (&raw const value).cast(), 4) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn options_that_work_against_each_other_are_pointed_out() {
    in_namespace(|| {
        let (_listener, client, _accepted) = connected("127.0.0.1:0");
        let socket = SockRef::from(&client);
        for kind in ["linger_nonblocking", "timeout_nonblocking", "user_timeout", "buffer_fixed"] {
            expect_not(&client, kind);
        }
        socket.set_linger(Some(Duration::from_secs(5))).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        expect_not(&client, "linger_nonblocking");
        expect_not(&client, "timeout_nonblocking");
        client.set_nonblocking(true).unwrap();
        expect(&client, "linger_nonblocking");
        expect(&client, "timeout_nonblocking");
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        expect(&client, "linger_aborts");

        let keep = TcpKeepalive::new().with_time(Duration::from_secs(60));
        socket.set_tcp_keepalive(&keep).unwrap();
        expect_not(&client, "user_timeout");
        socket.set_tcp_user_timeout(Some(Duration::from_secs(30))).unwrap();
        expect(&client, "user_timeout");

        socket.set_send_buffer_size(64 << 20).unwrap();
        expect(&client, "buffer_capped");
        expect(&client, "buffer_fixed");
        socket.set_send_buffer_size(4608).unwrap();
        expect(&client, "buffer_below_window");
        expect_not(&client, "buffer_fixed");
    });
}

#[test]
fn a_chatty_connection_with_nagle_and_a_late_keepalive_are_pointed_out() {
    in_namespace(|| {
        run(std::process::Command::new("ip").args(["addr", "add", "192.0.2.1/32", "dev", "lo"]));
        let (_listener, mut client, mut accepted) = connected("192.0.2.1:0");
        let mut byte = [0; 1];
        expect_not(&client, "nagle_delayed_ack");
        for _ in 0..40 {
            client.write_all(b"x").unwrap();
            accepted.read_exact(&mut byte).unwrap();
            accepted.write_all(b"y").unwrap();
            client.read_exact(&mut byte).unwrap();
        }
        expect(&client, "nagle_delayed_ack");
        client.set_nodelay(true).unwrap();
        expect_not(&client, "nagle_delayed_ack");
        expect_not(&client, "keepalive_late");
        SockRef::from(&client).set_keepalive(true).unwrap();
        expect(&client, "keepalive_late");
        let soon = TcpKeepalive::new().with_time(Duration::from_secs(300));
        SockRef::from(&client).set_tcp_keepalive(&soon).unwrap();
        expect_not(&client, "keepalive_late");
    });
}

#[test]
fn listeners_are_looked_at_with_their_neighbours() {
    in_namespace(|| {
        let most: i32 = std::fs::read_to_string("/proc/sys/net/core/somaxconn")
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:7001").unwrap();
        SockRef::from(&listener).listen(most + 1).unwrap();
        expect(&listener, "backlog_capped");
        SockRef::from(&listener).listen(5).unwrap();
        expect_not(&listener, "backlog_capped");

        // 9 is TCP_DEFER_ACCEPT.
        expect_not(&listener, "defer_accept");
        set(&listener, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, 5);
        expect(&listener, "defer_accept");

        let wide = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
        set(&wide, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1);
        let any: std::net::SocketAddr = "[::]:7002".parse().unwrap();
        wide.bind(&any.into()).unwrap();
        wide.listen(5).unwrap();
        expect_not(&wide, "v6only_beside_ipv4");
        drop(wide);
        let narrow = TcpListener::bind("127.0.0.1:7002").unwrap();
        let wide = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
        set(&wide, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1);
        set(&narrow, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1);
        // Reused ports meet only where both ask for it; a second IPv4 listener may come later.
        if wide.bind(&any.into()).is_ok() {
            wide.listen(5).unwrap();
            expect(&wide, "v6only_beside_ipv4");
        } else {
            drop(narrow);
            wide.bind(&any.into()).unwrap();
            wide.listen(5).unwrap();
            let narrow = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            set(&narrow, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1);
            let one: std::net::SocketAddr = "127.0.0.1:7002".parse().unwrap();
            narrow.bind(&one.into()).unwrap();
            narrow.listen(5).unwrap();
            expect(&wide, "v6only_beside_ipv4");
        }
    });
}

#[test]
fn a_member_of_a_group_that_nobody_accepts_on_is_pointed_out() {
    in_namespace(|| {
        let member = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            set(&socket, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1);
            let at: std::net::SocketAddr = "127.0.0.1:7003".parse().unwrap();
            socket.bind(&at.into()).unwrap();
            socket.listen(64).unwrap();
            socket
        };
        let members = [member(), member()];
        expect_not(&members[0], "reuse_port_neglected");
        let _clients: Vec<TcpStream> =
            (0..40).map(|_| TcpStream::connect("127.0.0.1:7003").unwrap()).collect();
        expect(&members[0], "reuse_port_neglected");
        expect(&members[1], "reuse_port_neglected");
    });
}

#[test]
fn sockets_that_their_program_neglects_are_pointed_out() {
    in_namespace(|| {
        let (listener, mut client, mut accepted) = connected("127.0.0.1:0");
        accepted.write_all(b"unread").unwrap();
        assert_eq!(
            evidence(&client, "unread_unwatched"),
            "unread: 6 bytes; no epoll, poll or read"
        );
        let (_other, client_with_end, mut other) = connected("127.0.0.1:0");
        other.write_all(b"unread").unwrap();
        other.shutdown(std::net::Shutdown::Write).unwrap();
        let is_closed = |client: &TcpStream| {
            wait_for("CLOSE_WAIT", || {
                kinds(client).contains(&"close_wait".to_owned()).then_some(())
            });
        };
        is_closed(&client_with_end);
        let unread = evidence(&client_with_end, "close_wait");
        assert_eq!(unread, "CLOSE_WAIT; unread: 6 bytes and the peer's end");
        // A FIN that is not read is no byte.
        client.read_exact(&mut [0; 6]).unwrap();
        accepted.shutdown(std::net::Shutdown::Write).unwrap();
        is_closed(&client);
        expect_not(&client, "unread_unwatched");
        assert_eq!(evidence(&client, "close_wait"), "CLOSE_WAIT; unread: the peer's end");
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        assert_eq!(evidence(&client, "close_wait"), "CLOSE_WAIT; nothing unread");

        // The test process has a child: sockpit itself.
        expect_not(&listener, "passed_on");
        // SAFETY: clears a flag of a descriptor of the test.
        assert_eq!(unsafe { libc::fcntl(listener.as_raw_fd(), libc::F_SETFD, 0) }, 0);
        expect(&listener, "passed_on");

        let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
        SockRef::from(&deaf).set_recv_buffer_size(2304).unwrap();
        expect_not(&deaf, "receive_drops");
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..50 {
            sender.send_to(&[0; 1000], deaf.local_addr().unwrap()).unwrap();
        }
        expect(&deaf, "receive_drops");
        // What the kernel counts here is memory, of which the datagrams are a part.
        let unread = evidence(&deaf, "unread_unwatched");
        assert!(unread.contains("datagrams in ") && unread.contains(" of memory"), "{unread}");
    });
}

#[test]
fn epoll_io_by_signal_and_a_child_that_watches_are_told() {
    in_namespace(|| {
        let (listener, client, _accepted) = connected("127.0.0.1:0");
        let me = i32::try_from(std::process::id()).unwrap();
        // SAFETY: flags of a descriptor of the test, and two descriptors that it makes itself.
        let epoll = unsafe {
            assert_eq!(libc::fcntl(client.as_raw_fd(), libc::F_SETOWN, me), 0);
            assert_eq!(libc::fcntl(client.as_raw_fd(), libc::F_SETFL, libc::O_ASYNC), 0);
            libc::signal(libc::SIGIO, libc::SIG_IGN);
            let epoll = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            let events = (libc::EPOLLIN | libc::EPOLLET | libc::EPOLLEXCLUSIVE) as u32;
            let mut event = libc::epoll_event { events, u64: 1 };
            let fd = listener.as_raw_fd();
            assert_eq!(libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event), 0);
            epoll
        };
        let of_client = report(&client);
        let sigio = &of_client["io_model"]["sigio"];
        assert_eq!((&sigio["kind"], &sigio["id"]), (&"process".into(), &me.into()));
        let of_listener = report(&listener);
        let model = &of_listener["io_model"];
        assert_eq!(model["sigio"], Value::Null);
        assert_eq!(
            (&model["watchers"][0]["kind"], &model["watchers"][0]["fd"]),
            (&"epoll".into(), &epoll.into())
        );
        let events = model["watchers"][0]["events"].to_string();
        assert!(events.contains("EPOLLET") && events.contains("EPOLLEXCLUSIVE"), "{events}");
        assert!(model["summary"].as_str().unwrap().starts_with("edge-triggered"), "{model}");
    });
}

#[test]
fn what_a_connection_suffers_from_is_told() {
    in_namespace(|| {
        let (_listener, mut client, _accepted) = connected("127.0.0.1:0");
        client.set_nonblocking(true).unwrap();
        wait_for("the window to shut", || {
            while client.write(&[0; 65_536]).is_ok() {}
            kinds(&client).contains(&"peer_window_zero".to_owned()).then_some(())
        });
        let port = |stream: &TcpStream| u64::from(stream.local_addr().unwrap().port());
        assert_eq!(ports("window:0"), [port(&client)]);
        assert_eq!(ports("shut:0s..1h"), [port(&client)]);
        assert_eq!(ports("shut:1h.."), [0_u64; 0]);
        let unread = evidence(&client, "peer_window_zero");
        assert!(unread.contains("the peer is on this host and has "), "{unread}");

        let (_other, quiet, _end) = connected("127.0.0.1:0");
        let keep = TcpKeepalive::new()
            .with_time(Duration::from_secs(1))
            .with_interval(Duration::from_secs(1))
            .with_retries(9);
        SockRef::from(&quiet).set_tcp_keepalive(&keep).unwrap();
        let (_third, mut lossy, _end) = connected("127.0.0.1:0");
        run(std::process::Command::new("ip").args(["link", "set", "lo", "down"]));
        _ = lossy.write(b"into nothing");
        wait_for("probes without an answer", || {
            kinds(&quiet).contains(&"keepalive_unanswered".to_owned()).then_some(())
        });
        wait_for("a retransmission", || {
            kinds(&lossy).contains(&"retransmitting".to_owned()).then_some(())
        });
        // The shut window is probed in vain, too, which is neither.
        assert_eq!(ports("probes:1.."), [port(&quiet)]);
        assert_eq!(ports("resent:1.."), [port(&lossy)]);
        wait_for("a second without data", || {
            ports("idle:1s..1h").contains(&port(&quiet)).then_some(())
        });
        assert_eq!(ports("idle:1h.."), [0_u64; 0]);
        let columns = "local_port,probes,resent,idle,window,shut";
        let shown = run(sockpit().args(["ports", "probes:1..", "--csv", "--columns", columns]));
        let cells: Vec<&str> = shown.lines().nth(1).unwrap().split(',').collect();
        assert_eq!(cells[0], port(&quiet).to_string(), "{shown}");
        assert!(cells[1] != "0" && cells[2] == "0" && !cells[3].is_empty(), "{shown}");
        assert!(cells[4] != "0" && cells[5].is_empty(), "{shown}");
    });
}
