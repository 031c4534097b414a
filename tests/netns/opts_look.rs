//! `opts` as a command: which sockets are meant, and several of them side by side.

use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::support::{in_namespace, run, sockpit, wait_for};

fn opts(args: &[&str]) -> (i32, Value, String) {
    let output = sockpit().arg("opts").args(args).arg("--json").output().unwrap();
    let told = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), told, stderr)
}

fn fds(told: &Value) -> Vec<i64> {
    let owner = |report: &Value| report["socket"]["owners"][0]["fd"].as_i64().unwrap();
    let mut fds: Vec<i64> = told.as_array().unwrap().iter().map(owner).collect();
    fds.sort_unstable();
    fds.dedup();
    fds
}

#[test]
fn a_process_is_told_with_every_socket_even_those_that_no_table_lists() {
    in_namespace(|| {
        let raw = |domain, kind| {
            // SAFETY: takes three numbers; the descriptor is new and nobody else's.
            let fd = unsafe { libc::socket(domain, kind | libc::SOCK_CLOEXEC, 0) };
            // SAFETY: the descriptor is open, and nothing else closes it.
            (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
        };
        let mut all: Vec<OwnedFd> = vec![
            Socket::new(Domain::IPV4, Type::STREAM, None).unwrap().into(),
            Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap().into(),
            Socket::new(Domain::UNIX, Type::STREAM, None).unwrap().into(),
            TcpListener::bind("127.0.0.1:0").unwrap().into(),
        ];
        all.extend(raw(libc::AF_PACKET, libc::SOCK_RAW));
        all.extend(raw(libc::AF_NETLINK, libc::SOCK_RAW));
        all.extend(raw(libc::AF_VSOCK, libc::SOCK_STREAM));
        all.extend(raw(libc::AF_XDP, libc::SOCK_RAW));
        let mptcp = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::from(262)));
        all.extend(mptcp.ok().map(OwnedFd::from));
        let mut expected: Vec<i64> = all.iter().map(|fd| fd.as_raw_fd().into()).collect();
        expected.sort_unstable();

        let pid = std::process::id().to_string();
        let (code, told, stderr) = opts(&[&pid]);
        assert_eq!(code, 0, "{stderr}");
        assert!(stderr.contains("taken for a process id"), "{stderr}");
        assert_eq!(fds(&told), expected);
        for report in told.as_array().unwrap() {
            assert_eq!(report["access"], "full", "{}", report["socket"]);
            assert!(report["options"].as_array().unwrap().len() > 20, "{}", report["socket"]);
        }
        let (_, same, stderr) = opts(&[&format!("pid:{pid}")]);
        assert_eq!(fds(&same), expected, "{stderr}");
        // Each of them alone, by its descriptor.
        for fd in &all {
            let (code, one, stderr) = opts(&[&format!("{pid}/{}", fd.as_raw_fd())]);
            assert_eq!((code, &one["access"]), (0, &"full".into()), "{stderr}");
        }
    });
}

#[test]
fn text_stays_narrow_and_time_wait_folds() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:7004").unwrap();
        for _ in 0..3 {
            let client = TcpStream::connect("127.0.0.1:7004").unwrap();
            let (accepted, _) = listener.accept().unwrap();
            // The server closes first and keeps the port in TIME_WAIT.
            drop(accepted);
            drop(client);
        }
        let text = wait_for("TIME_WAIT", || {
            let text = run(sockpit().args(["opts", "7004", "--changed"]));
            text.contains("3 sockets more: ").then_some(text)
        });
        assert_eq!(text.matches("no process holds").count(), 1, "{text}");
        let text = run(sockpit().args(["opts", "7004/tcp"]));
        let header = text.lines().find(|line| line.starts_with("CHANGED BY")).unwrap();
        assert!(header.find("DEFAULT").unwrap() < 80, "{text}");
        // In the table, and below it with its fields.
        assert!(text.lines().filter(|line| line.contains("SO_MEMINFO")).count() >= 2, "{text}");
    });
}

#[test]
fn a_port_is_told_with_its_mptcp_listener_and_where_the_first_thread_has_ended() {
    in_namespace(|| {
        if let Ok(mptcp) = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::from(262))) {
            let at: std::net::SocketAddr = "127.0.0.1:7001".parse().unwrap();
            mptcp.bind(&at.into()).unwrap();
            mptcp.listen(3).unwrap();
            let (_, told, _) = opts(&["7001"]);
            let is_it = |report: &&Value| report["socket"]["protocol"] == "mptcp";
            let found = told.as_array().unwrap().iter().find(is_it).expect("the MPTCP listener");
            assert_eq!(found["access"], "full");
        }
        // A child in which a thread listens and the first thread ends.
        // SAFETY: the child calls nothing but the kernel, and this test process has no other
        // thread whose locks it could need.
        let child = unsafe { libc::fork() };
        if child == 0 {
            std::thread::spawn(|| {
                let _listener = TcpListener::bind("127.0.0.1:7003").unwrap();
                std::thread::sleep(Duration::from_secs(60));
            });
            // SAFETY: ends this thread alone.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
        }
        let told = wait_for("the listener", || {
            let (code, told, _) = opts(&["7003"]);
            (code == 0).then_some(told)
        });
        // SAFETY: the test started it.
        unsafe { libc::kill(child, libc::SIGKILL) };
        assert_eq!(told[0]["access"], "full", "{told}");
        assert_eq!(told[0]["socket"]["owners"][0]["pid"], child);
    });
}

#[test]
fn options_are_keys_of_the_query_language() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let streams: Vec<TcpStream> =
            (0..4).map(|_| TcpStream::connect(listener.local_addr().unwrap()).unwrap()).collect();
        for stream in &streams[1..] {
            SockRef::from(stream).set_keepalive(true).unwrap();
        }
        let without = i64::from(streams[0].as_raw_fd());
        let rport = format!("rport:{port}");
        let (code, told, stderr) = opts(&["opt:SO_KEEPALIVE=off", &rport]);
        assert_eq!((code, fds(&told)), (0, vec![without]), "{stderr}");
        let (_, others, _) = opts(&["opt:keepalive=on", &rport]);
        assert_eq!(others.as_array().unwrap().len(), 3);
        let (_, set, _) = opts(&["opt:SO_KEEPALIVE", &rport]);
        assert_eq!(set.as_array().unwrap().len(), 3);
        let (_, large, _) = opts(&["opt:SO_RCVBUF>=1", &rport]);
        assert_eq!(large.as_array().unwrap().len(), 4);
        let listed = run(sockpit().args(["ports", "opt:SO_KEEPALIVE=off", &rport, "--jsonl"]));
        assert_eq!(listed.lines().count(), 1, "{listed}");
        let (code, _, stderr) = opts(&["opt:SO_NOSUCH=1"]);
        assert_eq!(code, 2);
        assert!(stderr.contains("SO_NOSUCH"), "{stderr}");

        let (code, diff, stderr) = opts(&[&rport, "--diff"]);
        assert_eq!(code, 0, "{stderr}");
        let differs = diff["differs"].as_array().unwrap();
        let keepalive = differs.iter().find(|one| one["name"] == "SO_KEEPALIVE").unwrap();
        assert_eq!(keepalive["values"][0]["value"], "on");
        assert_eq!(keepalive["values"][1]["odd"], true);
        let odd = keepalive["values"][1]["sockets"][0].as_u64().unwrap();
        assert_eq!(diff["sockets"][odd as usize]["owners"][0]["fd"], without);
        assert!(diff["equal"].as_u64().unwrap() > 50);
        let text = run(sockpit().args(["opts", &rport, "--diff"]));
        assert!(text.contains("  ! off"), "{text}");
    });
}
