//! `sockpit opts` against sockets that the test made itself.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};
use socket2::SockRef;
use sockpit::catalog::sockopts::{self, Read};

use crate::support::{self, in_namespace, sockpit};

fn opts(args: &[&str]) -> Output {
    sockpit().arg("opts").args(args).output().unwrap()
}

/// The document about a descriptor of this process.
fn of_own(fd: &impl AsRawFd) -> Value {
    document(&opts(&[&selector(fd), "--json"]))
}

fn selector(fd: &impl AsRawFd) -> String {
    format!("{}/{}", std::process::id(), fd.as_raw_fd())
}

fn document(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn option<'a>(report: &'a Value, name: &str) -> &'a Value {
    let options = report["options"].as_array().unwrap();
    let found = options.iter().find(|option| option["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not listed"))
}

/// getsockopt by the test itself: the bytes in hexadecimal, `None` where there is no such option.
fn getsockopt(fd: i32, level: i32, number: i32, length: usize) -> Option<String> {
    let mut bytes = vec![0_u8; length];
    let mut filled = libc::socklen_t::try_from(length).unwrap();
    let start = bytes.as_mut_ptr().cast();
    // SAFETY: `start` points to `filled` bytes that outlive the call.
    let result = unsafe { libc::getsockopt(fd, level, number, start, &raw mut filled) };
    (result == 0).then(|| {
        bytes[..filled as usize].iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        })
    })
}

/// What the kernel changes by itself from one moment to the next.
const RESTLESS: [&str; 2] = ["TCP_TIMESTAMP", "TCP_INFO"];

/// Every pure option that getsockopt answers is listed with exactly those bytes, and no other.
fn assert_tells_what_getsockopt_tells(fd: &impl AsRawFd, domain: &str) {
    let report = of_own(fd);
    assert_eq!(report["access"], "full");
    let options = report["options"].as_array().unwrap();
    let mut listed: HashMap<&str, &Value> =
        options.iter().map(|option| (option["name"].as_str().unwrap(), option)).collect();
    assert_eq!(listed.len(), options.len());
    for (level, entry) in sockopts::entries() {
        let told = listed.remove(entry.name.as_str());
        if entry.read != Read::Pure || !level.is_tried_on(domain) {
            assert_eq!(told, None, "{} must not be read here", entry.name);
            continue;
        }
        let own = getsockopt(fd.as_raw_fd(), level.number, entry.number, entry.length());
        assert!(own.is_none() || applies(entry, &report["socket"]), "{}", entry.name);
        let told = told.map(|option| option["raw_hex"].as_str().unwrap().to_owned());
        if RESTLESS.contains(&entry.name.as_str()) {
            assert_eq!(told.is_some(), own.is_some(), "{}", entry.name);
        } else {
            assert_eq!(told, own, "{}", entry.name);
        }
    }
    assert!(listed.is_empty(), "not in the catalogue: {listed:?}");
}

/// Whether the catalogue says that such a socket has the option.
fn applies(entry: &sockopts::Entry, socket: &Value) -> bool {
    let is = |name: &String| *name == socket["family"] || *name == socket["protocol"];
    entry.applies_to.is_empty() || entry.applies_to.iter().any(is)
}

#[test]
fn every_option_is_told_as_getsockopt_tells_it() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert_tells_what_getsockopt_tells(&listener, "AF_INET");
        assert_tells_what_getsockopt_tells(&stream, "AF_INET");
        assert_tells_what_getsockopt_tells(&accepted, "AF_INET");
        assert_tells_what_getsockopt_tells(&TcpListener::bind("[::]:0").unwrap(), "AF_INET6");
        assert_tells_what_getsockopt_tells(&UdpSocket::bind("127.0.0.1:0").unwrap(), "AF_INET");
        assert_tells_what_getsockopt_tells(&UdpSocket::bind("[::1]:0").unwrap(), "AF_INET6");
        assert_tells_what_getsockopt_tells(&UnixStream::pair().unwrap().0, "AF_UNIX");
    });
}

#[test]
fn what_the_program_set_is_changed_and_nothing_else() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = SockRef::from(&listener);
        socket.set_reuse_address(true).unwrap();
        socket.set_recv_buffer_size(8192).unwrap();
        socket.set_tcp_nodelay(true).unwrap();
        socket.set_linger(Some(Duration::from_secs(3))).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(2500))).unwrap();
        let report = of_own(&listener);

        let reuse = option(&report, "SO_REUSEADDR");
        assert_eq!(reuse["level"], "SOL_SOCKET");
        assert_eq!((&reuse["type"], &reuse["value"]), (&json!("bool"), &json!(true)));
        assert_eq!((&reuse["default"], &reuse["changed"]), (&json!(false), &json!(true)));
        assert_eq!(reuse["winsock"], "SO_REUSEADDR");
        let buffer = option(&report, "SO_RCVBUF");
        // The kernel doubles what is asked for.
        assert_eq!((&buffer["type"], &buffer["value"]), (&json!("bytes"), &json!(16_384)));
        assert_eq!(
            (&buffer["unit"], &buffer["source"]),
            (&json!("bytes"), &json!("net.ipv4.tcp_rmem"))
        );
        let linger = option(&report, "SO_LINGER");
        assert_eq!(linger["value"], json!({"on": true, "seconds": 3}));
        assert_eq!(option(&report, "SO_RCVTIMEO")["value"], json!({"us": 2_500_000}));
        assert_eq!(option(&report, "TCP_NODELAY")["value"], true);
        assert_eq!(option(&report, "SO_TYPE")["value"], "SOCK_STREAM");
        assert_eq!(option(&report, "SO_TYPE")["changed"], Value::Null);

        let output = opts(&[&selector(&listener), "--json", "--changed"]);
        let document = document(&output);
        let names: Vec<_> =
            document["options"].as_array().unwrap().iter().map(|option| &option["name"]).collect();
        let expected =
            ["SO_REUSEADDR", "SO_RCVBUF", "SO_LINGER", "SO_RCVTIMEO", "SO_BUF_LOCK", "TCP_NODELAY"];
        assert_eq!(names, expected);
    });
}

#[test]
fn sockets_that_nobody_set_up_have_nothing_changed() {
    in_namespace(|| {
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let v6 = TcpListener::bind("[::1]:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let udp_peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.connect(udp_peer.local_addr().unwrap()).unwrap();
        let untouched: [OwnedFd; 6] = [
            TcpStream::connect(v4.local_addr().unwrap()).unwrap().into(),
            TcpStream::connect(v6.local_addr().unwrap()).unwrap().into(),
            udp.into(),
            udp_peer.into(),
            UdpSocket::bind("[::]:0").unwrap().into(),
            UnixStream::pair().unwrap().0.into(),
        ];
        for socket in untouched {
            let report = document(&opts(&[&selector(&socket), "--json", "--changed"]));
            assert_eq!(report["options"], json!([]), "{}", report["socket"]);
            let text = opts(&[&selector(&socket), "--changed"]);
            assert!(String::from_utf8_lossy(&text.stdout).contains("no option differs"));
        }
    });
}

#[test]
fn a_connection_is_not_called_changed_for_what_it_learnt_itself() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let report = of_own(&stream);
        let buffer = option(&report, "SO_RCVBUF");
        assert_eq!((&buffer["default"], &buffer["changed"]), (&Value::Null, &Value::Null));
        assert_eq!(buffer["source"], "autotuned within net.ipv4.tcp_rmem");
        assert_eq!(option(&report, "TCP_MAXSEG")["changed"], Value::Null);

        SockRef::from(&stream).set_recv_buffer_size(8192).unwrap();
        let report = of_own(&stream);
        let buffer = option(&report, "SO_RCVBUF");
        assert_eq!((&buffer["value"], &buffer["changed"]), (&json!(16_384), &json!(true)));
        // A reset takes the peer away, and leaves what the connection learnt.
        SockRef::from(&listener.accept().unwrap().0).set_linger(Some(Duration::ZERO)).unwrap();
        support::wait_for("the reset", || {
            let report = of_own(&stream);
            assert_eq!(option(&report, "TCP_WINDOW_CLAMP")["changed"], Value::Null);
            (report["socket"]["state"] == "CLOSED").then_some(())
        });
    });
}

#[test]
fn a_socket_in_no_table_is_described_by_itself() {
    in_namespace(|| {
        let (left, _right) = UnixStream::pair().unwrap();
        let report = of_own(&left);
        let socket = &report["socket"];
        assert_eq!((&socket["family"], &socket["protocol"]), (&json!("unix"), &json!("stream")));
        assert_eq!(socket["state"], "CONNECTED");
        assert_eq!(socket["owners"][0]["pid"], std::process::id());
        assert!(!socket["owners"][0]["name"].as_str().unwrap().is_empty());
        assert_eq!(option(&report, "SO_PEERCRED")["value"]["pid"], std::process::id());
    });
}

#[test]
fn an_abort_on_close_is_pointed_out() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        SockRef::from(&listener).set_linger(Some(Duration::ZERO)).unwrap();
        assert_eq!(of_own(&listener)["findings"][0]["kind"], "linger_aborts");
    });
}

#[test]
fn looking_changes_nothing() {
    in_namespace(|| {
        let refusing = UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(refusing.local_addr().unwrap()).unwrap();
        drop(refusing);
        // Over loopback the refusal has come when send returns.
        socket.send(b"x").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let pending = TcpStream::connect(listener.local_addr().unwrap()).unwrap();

        assert_eq!(of_own(&socket)["io_model"]["nonblocking"], false);
        assert_eq!(of_own(&listener)["io_model"]["nonblocking"], true);

        let error = socket.take_error().unwrap().expect("the error is still pending");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(!SockRef::from(&socket).nonblocking().unwrap());
        let (_, peer) = listener.accept().expect("nobody else accepted");
        assert_eq!(peer, pending.local_addr().unwrap());
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    });
}

#[test]
fn one_descriptor_is_an_object_and_a_port_an_array() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let udp = UdpSocket::bind(("127.0.0.1", port)).unwrap();

        let one = of_own(&listener);
        assert_eq!(one["schema"], "sockpit.opts/1");
        assert_eq!(one["socket"]["local"]["port"], port);
        assert_eq!(one["socket"]["state"], "LISTEN");
        assert_eq!(one["socket"]["ownership"]["kind"], "owned");
        let owner = &one["socket"]["owners"][0];
        assert_eq!(owner["pid"], std::process::id());
        assert_eq!(owner["fd"], listener.as_raw_fd());
        assert!(one["health"].as_array().unwrap().iter().any(|line| line["source"] == "options"));

        let both = document(&opts(&[&port.to_string(), "--json"]));
        assert_eq!(both.as_array().unwrap().len(), 2);
        assert!(both.as_array().unwrap().iter().all(|one| one["schema"] == "sockpit.opts/1"));
        let of_udp = document(&opts(&[&format!("{port}/udp"), "--json"]));
        assert_eq!(of_udp.as_array().unwrap().len(), 1);
        assert_eq!(of_udp[0]["socket"]["owners"][0]["fd"], udp.as_raw_fd());
        let by_query = document(&opts(&["state:listen", &format!("port:{port}"), "--json"]));
        assert_eq!(by_query.as_array().unwrap().len(), 1);
        assert_eq!(option(&by_query[0], "SO_ACCEPTCONN")["value"], true);

        drop((listener, udp));
        let none = opts(&[&port.to_string(), "--json"]);
        assert_eq!(none.status.code(), Some(1));
        assert_eq!(serde_json::from_slice::<Value>(&none.stdout).unwrap(), json!([]));
    });
}

#[test]
fn who_waits_is_told() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (fd, addr) = (selector(&listener), listener.local_addr().unwrap());
        let accepting = std::thread::spawn(move || listener.accept().map(drop));
        let thread = support::wait_for("the thread to sleep in accept", || {
            let report = document(&opts(&[&fd, "--json"]));
            report["io_model"]["blocked_in"].get(0).cloned()
        });
        assert_eq!(thread["pid"], std::process::id());
        assert_eq!(thread["syscall"], "accept4");
        TcpStream::connect(addr).unwrap();
        accepting.join().unwrap().unwrap();
    });
}

#[test]
fn what_is_no_socket_is_named_with_its_exit_code() {
    let file = std::fs::File::open("/dev/null").unwrap();
    let expect = |what: &str, code: i32, word: &str| {
        let output = opts(&[what, "--json"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{what}: {stderr}");
        assert!(stderr.contains(word), "{what}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{what}: {stderr}");
        assert!(output.stdout.is_empty(), "{what}");
    };
    expect("4194304/0", 1, "process 4194304");
    expect("1/x", 2, "PID/FD");
    expect("nosuchkey:1", 2, "nosuchkey");
    in_namespace(|| {
        expect(&selector(&file), 2, "is not a socket");
        expect(&format!("{}/999", std::process::id()), 1, "descriptor 999");
    });
}

#[test]
fn a_namespace_of_its_own_has_defaults_of_its_own() {
    in_namespace(|| {
        std::fs::write("/proc/sys/net/ipv4/tcp_keepalive_time", "4321").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let output = std::process::Command::new("unshare")
            .arg("--net")
            .arg(env!("CARGO_BIN_EXE_sockpit"))
            .args(["opts", &selector(&listener), "--json"])
            .output()
            .unwrap();
        let report = document(&output);
        let idle = option(&report, "TCP_KEEPIDLE");
        assert_eq!((&idle["value"], &idle["default"]), (&json!(4321), &json!(4321)));
        assert_eq!(idle["changed"], false);
    });
}

/// Without the right to duplicate, the table's own facts are told, with what would permit more.
#[test]
fn another_users_socket_is_told_as_far_as_the_table_goes() {
    // SAFETY: asks for a number.
    if unsafe { libc::geteuid() } != 0 {
        return support::cannot_run_without_root("it needs root to become another user");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let program = folder.path().join("sockpit");
    std::fs::copy(env!("CARGO_BIN_EXE_sockpit"), &program).unwrap();
    support::run(std::process::Command::new("chmod").arg("755").arg(folder.path()).arg(&program));
    let as_nobody = |what: &str| {
        use std::os::unix::process::CommandExt;
        let mut command = std::process::Command::new(&program);
        command.args(["opts", what, "--json"]).uid(65534).gid(65534).current_dir("/");
        command.output().unwrap()
    };

    let reports = document(&as_nobody(&port.to_string()));
    let report = &reports[0];
    assert_eq!(report["access"], "kernel_diag");
    assert!(report["reason"].as_str().unwrap().len() > 10);
    assert_eq!(option(report, "SO_ACCEPTCONN")["value"], true);
    assert_eq!(option(report, "SO_RCVBUF")["raw_hex"], Value::Null);
    assert!(report["health"].as_array().unwrap().iter().any(|line| line["state"] == "degraded"));

    let refused = as_nobody(&selector(&listener));
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("CAP_SYS_PTRACE"), "{stderr}");
}

/// The constants that libc knows under a name of the catalogue.
macro_rules! numbers {
    ($($name:ident)*) => { [$((stringify!($name), i64::from(libc::$name))),*] };
}

#[test]
fn the_catalogues_numbers_are_those_of_libc() {
    let known = numbers! {
        SO_DEBUG SO_REUSEADDR SO_TYPE SO_ERROR SO_DONTROUTE
        SO_BROADCAST SO_SNDBUF SO_RCVBUF SO_KEEPALIVE SO_OOBINLINE
        SO_NO_CHECK SO_PRIORITY SO_LINGER SO_BSDCOMPAT SO_REUSEPORT
        SO_PASSCRED SO_PEERCRED SO_RCVLOWAT SO_SNDLOWAT SO_RCVTIMEO
        SO_SNDTIMEO SO_BINDTODEVICE SO_ATTACH_FILTER SO_DETACH_FILTER SO_PEERNAME
        SO_TIMESTAMP SO_ACCEPTCONN SO_PEERSEC SO_SNDBUFFORCE SO_RCVBUFFORCE
        SO_PASSSEC SO_TIMESTAMPNS SO_MARK SO_TIMESTAMPING SO_PROTOCOL
        SO_DOMAIN SO_RXQ_OVFL SO_WIFI_STATUS SO_PEEK_OFF SO_NOFCS
        SO_LOCK_FILTER SO_SELECT_ERR_QUEUE SO_BUSY_POLL SO_MAX_PACING_RATE SO_BPF_EXTENSIONS
        SO_INCOMING_CPU SO_ATTACH_BPF SO_ATTACH_REUSEPORT_CBPF SO_ATTACH_REUSEPORT_EBPF SO_CNX_ADVICE
        SO_MEMINFO SO_INCOMING_NAPI_ID SO_COOKIE SO_PEERGROUPS SO_ZEROCOPY
        SO_TXTIME SO_BINDTOIFINDEX SO_TIMESTAMP_NEW SO_TIMESTAMPNS_NEW SO_TIMESTAMPING_NEW
        SO_RCVTIMEO_NEW SO_SNDTIMEO_NEW SO_DETACH_REUSEPORT_BPF SO_PREFER_BUSY_POLL SO_BUSY_POLL_BUDGET
        SO_NETNS_COOKIE SO_BUF_LOCK SO_RESERVE_MEM SO_TXREHASH SO_RCVMARK
        SO_PASSPIDFD SO_PEERPIDFD SO_DEVMEM_DONTNEED
        TCP_NODELAY TCP_MAXSEG TCP_CORK TCP_KEEPIDLE
        TCP_KEEPINTVL TCP_KEEPCNT TCP_SYNCNT TCP_LINGER2 TCP_DEFER_ACCEPT
        TCP_WINDOW_CLAMP TCP_INFO TCP_QUICKACK TCP_CONGESTION TCP_MD5SIG
        TCP_THIN_LINEAR_TIMEOUTS TCP_THIN_DUPACK TCP_USER_TIMEOUT TCP_REPAIR TCP_REPAIR_QUEUE
        TCP_QUEUE_SEQ TCP_REPAIR_OPTIONS TCP_FASTOPEN TCP_TIMESTAMP TCP_NOTSENT_LOWAT
        TCP_CC_INFO TCP_SAVE_SYN TCP_SAVED_SYN TCP_REPAIR_WINDOW TCP_FASTOPEN_CONNECT
        TCP_ULP TCP_MD5SIG_EXT TCP_FASTOPEN_KEY TCP_FASTOPEN_NO_COOKIE TCP_ZEROCOPY_RECEIVE
        TCP_INQ UDP_CORK UDP_ENCAP UDP_NO_CHECK6_TX
        UDP_NO_CHECK6_RX UDP_SEGMENT UDP_GRO IP_TOS IP_TTL
        IP_HDRINCL IP_OPTIONS IP_ROUTER_ALERT IP_RECVOPTS IP_RETOPTS
        IP_PKTINFO IP_PKTOPTIONS IP_MTU_DISCOVER IP_RECVERR IP_RECVTTL
        IP_RECVTOS IP_MTU IP_FREEBIND IP_IPSEC_POLICY IP_XFRM_POLICY
        IP_PASSSEC IP_TRANSPARENT IP_RECVORIGDSTADDR IP_MINTTL IP_NODEFRAG
        IP_CHECKSUM IP_BIND_ADDRESS_NO_PORT IP_RECVFRAGSIZE IP_MULTICAST_IF IP_MULTICAST_TTL
        IP_MULTICAST_LOOP IP_ADD_MEMBERSHIP IP_DROP_MEMBERSHIP IP_UNBLOCK_SOURCE IP_BLOCK_SOURCE
        IP_ADD_SOURCE_MEMBERSHIP IP_DROP_SOURCE_MEMBERSHIP IP_MSFILTER IP_MULTICAST_ALL IP_UNICAST_IF
        IPV6_ADDRFORM IPV6_2292PKTINFO IPV6_2292HOPOPTS IPV6_2292DSTOPTS IPV6_2292RTHDR
        IPV6_2292PKTOPTIONS IPV6_CHECKSUM IPV6_2292HOPLIMIT IPV6_FLOWINFO IPV6_UNICAST_HOPS
        IPV6_MULTICAST_IF IPV6_MULTICAST_HOPS IPV6_MULTICAST_LOOP IPV6_ADD_MEMBERSHIP IPV6_DROP_MEMBERSHIP
        IPV6_ROUTER_ALERT IPV6_MTU_DISCOVER IPV6_MTU IPV6_RECVERR IPV6_V6ONLY
        IPV6_JOIN_ANYCAST IPV6_LEAVE_ANYCAST IPV6_MULTICAST_ALL IPV6_ROUTER_ALERT_ISOLATE IPV6_FLOWLABEL_MGR
        IPV6_FLOWINFO_SEND IPV6_IPSEC_POLICY IPV6_XFRM_POLICY IPV6_HDRINCL IPV6_RECVPKTINFO
        IPV6_PKTINFO IPV6_RECVHOPLIMIT IPV6_HOPLIMIT IPV6_RECVHOPOPTS IPV6_HOPOPTS
        IPV6_RTHDRDSTOPTS IPV6_RECVRTHDR IPV6_RTHDR IPV6_RECVDSTOPTS IPV6_DSTOPTS
        IPV6_RECVPATHMTU IPV6_PATHMTU IPV6_DONTFRAG IPV6_RECVTCLASS IPV6_TCLASS
        IPV6_AUTOFLOWLABEL IPV6_ADDR_PREFERENCES IPV6_MINHOPCOUNT IPV6_RECVORIGDSTADDR IPV6_TRANSPARENT
        IPV6_UNICAST_IF IPV6_RECVFRAGSIZE IPV6_FREEBIND
    };
    for (name, number) in known {
        let (_, entry) = sockopts::find(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(i64::from(entry.number), number, "{name}");
    }
    for (name, number) in numbers!(SOL_SOCKET IPPROTO_TCP IPPROTO_UDP IPPROTO_IP IPPROTO_IPV6) {
        let levels = &sockopts::catalogue().levels;
        let level = levels.iter().find(|level| level.name == name).unwrap();
        assert_eq!(i64::from(level.number), number, "{name}");
    }
}
