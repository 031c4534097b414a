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

/// `opts` without a single capability.
fn without_rights(args: &[&str]) -> Option<(i32, Value)> {
    let output = std::process::Command::new("setpriv")
        .args(["--bounding-set=-all", "--inh-caps=-all", env!("CARGO_BIN_EXE_sockpit"), "opts"])
        .args(args)
        .arg("--json")
        .output()
        .ok()?;
    let told = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    Some((output.status.code().unwrap(), told))
}

#[test]
fn without_the_right_the_table_tells_what_it_can_and_the_rest_is_hidden() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let (code, full, _) = opts(&["8080"]);
        assert_eq!((code, &full[0]["access"]), (0, &"full".into()));
        assert_eq!(full[0].get("hidden"), None);
        let Some((code, told)) = without_rights(&["8080"]) else {
            return crate::support::cannot_run("no setpriv (see .ci/install)");
        };
        assert_eq!((code, &told[0]["access"]), (0, &"kernel_diag".into()), "{told}");
        let reason = told[0]["reason"].as_str().unwrap();
        assert!(reason.contains("CAP_SYS_PTRACE"), "{reason}");
        let names = |report: &Value, field: &str| -> Vec<String> {
            let all = report[field].as_array().unwrap().iter();
            all.map(|one| one["name"].as_str().unwrap_or_default().to_owned()).collect()
        };
        let (seen, hidden) = (names(&told[0], "options"), names(&told[0], "hidden"));
        assert!(seen.contains(&"SO_ACCEPTCONN".to_owned()), "{seen:?}");
        assert!(hidden.contains(&"SO_KEEPALIVE".to_owned()), "{hidden:?}");
        // What is told agrees with what is so, and nothing is left out.
        for option in told[0]["options"].as_array().unwrap() {
            let all = full[0]["options"].as_array().unwrap();
            let same = all.iter().find(|other| other["name"] == option["name"]).unwrap();
            assert_eq!(option["value"], same["value"], "{option}");
        }
        for name in names(&full[0], "options") {
            assert!(seen.contains(&name) || hidden.contains(&name), "{name}");
        }
        drop(listener);
    });
}

#[test]
fn a_process_of_the_same_user_is_read_where_the_system_lets_one() {
    in_namespace(|| {
        let mut holder = std::process::Command::new("setpriv")
            .args(["--bounding-set=-all", "--inh-caps=-all", "python3", "-c"])
            .arg("import socket; s = socket.create_server(('', 8081)); input()")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        wait_for("the server", || TcpStream::connect("127.0.0.1:8081").ok());
        let (_, told) = without_rights(&["8081", "state:listen"]).unwrap();
        let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
        let reason = told[0]["reason"].as_str().unwrap_or_default();
        match scope.as_deref().map(str::trim) {
            Ok("0") | Err(_) => assert_eq!(told[0]["access"], "full", "{reason}"),
            Ok(_) => {
                assert_eq!(told[0]["access"], "kernel_diag");
                assert!(reason.contains("ptrace_scope"), "{reason}");
            }
        }
        holder.kill().unwrap();
        holder.wait().unwrap();
    });
}

#[test]
fn ten_thousand_looks_leak_nothing_and_disturb_no_traffic() {
    in_namespace(|| {
        use std::io::{Read, Write};
        use std::sync::atomic::{AtomicBool, Ordering};

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let pairs: Vec<(TcpStream, TcpStream)> = (0..50)
            .map(|_| {
                let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                (client, listener.accept().unwrap().0)
            })
            .collect();
        let others: Vec<std::net::UdpSocket> =
            (0..100).map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let listing = sockpit::inspect::sockets::list(&Default::default()).unwrap();
        let pid = std::process::id();
        let is_ours = |socket: &&sockpit::model::socket::Socket| {
            // The socket that asks for the list is ours, too.
            let is_ours = socket.owners.iter().any(|owner| owner.process.pid == pid);
            is_ours && socket.local.port.is_some()
        };
        let ours: Vec<_> = listing.sockets.iter().filter(is_ours).collect();
        assert_eq!(ours.len(), 1 + 2 * pairs.len() + others.len());
        let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let mut inspector = sockpit::inspect::options::Inspector::default();
        // The first look may open what stays open.
        inspector.options(ours[0]).unwrap();
        let before = descriptors();

        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (client, server) in pairs.iter().take(5) {
                let (mut client, mut server) = (client, server);
                let done = &done;
                scope.spawn(move || {
                    let mut number = 0_u64;
                    while !done.load(Ordering::Relaxed) {
                        client.write_all(&number.to_ne_bytes()).unwrap();
                        let mut bytes = [0; 8];
                        server.read_exact(&mut bytes).unwrap();
                        assert_eq!(u64::from_ne_bytes(bytes), number);
                        number += 1;
                    }
                    assert!(number > 0);
                });
            }
            for socket in ours.iter().cycle().take(10_000) {
                let report = inspector.options(socket).unwrap();
                assert_eq!(report.access, sockpit::model::options::OptionAccess::Full);
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(descriptors(), before);
        // No duplicate keeps a connection from ending.
        for (client, mut server) in pairs {
            drop(client);
            server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            assert_eq!(server.read(&mut [0; 1]).unwrap(), 0);
        }
    });
}
