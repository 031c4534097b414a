//! `sockpit explain` and `sockpit addr`.

use serde_json::Value;

use crate::support::{run, sockpit};

fn told(args: &[&str]) -> String {
    run(sockpit().args(args))
}

#[test]
fn states_options_errors_and_ports_are_explained_with_their_source() {
    for (topic, words) in [
        ("TIME_WAIT", &["60 s", "SO_REUSEADDR", "RFC 9293"][..]),
        ("syn_sent", &["LISTEN", "SYN+ACK"]),
        ("SO_LINGER", &["RST", "SO_DONTLINGER", "socket(7)"]),
        ("tcp_nodelay", &["Nagle", "tcp(7)"]),
        ("WSAECONNRESET", &["ECONNRESET 104", "10054", "RST"]),
        ("10061", &["ECONNREFUSED 111"]),
        ("SO_EXCLUSIVEADDRUSE", &["Winsock only", "SO_REUSEADDR"]),
        ("completion ports", &["io_uring", "EPOLLEXCLUSIVE"]),
        ("CWnd", &[]),
        ("443", &["https"]),
    ] {
        if words.is_empty() {
            continue;
        }
        let text = told(&["explain", topic]);
        for word in words.iter().chain(&["Source: "]) {
            assert!(text.contains(word), "{topic}: {word}\n{text}");
        }
    }
    let unknown = sockpit().args(["explain", "KEEPALIV"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("SO_KEEPALIVE"));
    assert!(told(&["explain"]).contains("TIME_WAIT"));
    let json: Value = serde_json::from_str(&told(&["explain", "listen", "--json"])).unwrap();
    assert_eq!(
        (&json["schema"], &json["topic"]),
        (&"sockpit.explain/1".into(), &"TCP states".into())
    );
}

/// The numbers are this machine's own.
#[cfg(target_os = "linux")]
#[test]
fn error_numbers_are_those_of_libc() {
    macro_rules! numbers {
        ($($name:ident)*) => { [$((stringify!($name), libc::$name)),*] };
    }
    for (name, number) in numbers!(
        EINTR EBADF EAGAIN EACCES EFAULT EINVAL EMFILE EPIPE EINPROGRESS EALREADY ENOTSOCK
        EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT EOPNOTSUPP EAFNOSUPPORT
        EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS
        EISCONN ENOTCONN ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH
        EAI_NONAME EAI_AGAIN EAI_FAIL
    ) {
        let known = sockpit::catalog::reference::error(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(known.linux, Some(number), "{name}");
    }
}

#[test]
fn an_address_is_told_in_every_notation() {
    let text = told(&["addr", "192.168.0.1:80"]);
    for word in ["c0 a8 00 01", "private", "00 50", "20480", "16 bytes", "RFC 1918"] {
        assert!(text.contains(word), "{word}\n{text}");
    }
    let json: Value = serde_json::from_str(&told(&["addr", "::1", "--json"])).unwrap();
    assert_eq!((&json["class"]["name"], &json["sockaddr_bytes"]), (&"loopback".into(), &28.into()));
    // A zone is the number of an interface, which is this machine's.
    let json: Value = serde_json::from_str(&told(&["addr", "fe80::1%lo", "--json"])).unwrap();
    assert_eq!((&json["scope_id"], &json["zone"]), (&1.into(), &"lo".into()));
    let scope: String = 1_u32.to_ne_bytes().iter().map(|byte| format!(" {byte:02x}")).collect();
    assert!(json["sockaddr"].as_str().unwrap().ends_with(&scope), "{json}");
    let unknown = told(&["addr", "fe80::1%nosuch0"]);
    assert!(unknown.contains("no interface of that name"), "{unknown}");
    let wrong = sockpit().args(["addr", "300.1.1.1"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

/// The bytes are those that the kernel takes.
#[cfg(target_os = "linux")]
#[test]
fn the_sockaddr_bytes_are_those_of_the_kernel() {
    use socket2::SockAddr;
    for text in ["192.0.2.1:8080", "[2001:db8::1]:443"] {
        let json: Value = serde_json::from_str(&told(&["addr", text, "--json"])).unwrap();
        let addr: SockAddr = text.parse::<std::net::SocketAddr>().unwrap().into();
        // SAFETY: the address has `len` bytes.
        let bytes =
            unsafe { std::slice::from_raw_parts(addr.as_ptr().cast::<u8>(), addr.len() as usize) };
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(json["sockaddr"], hex.join(" "), "{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn without_an_address_the_hosts_own_are_listed() {
    crate::support::in_namespace(|| {
        let ip = |line: &str| run(std::process::Command::new("ip").args(line.split(' ')));
        ip("addr add 192.0.2.9/24 dev lo");
        ip("route add 198.51.100.0/24 via 192.0.2.1");
        let text = told(&["addr"]);
        for word in [
            "127.0.0.1/8",
            "loopback, scope host",
            "192.0.2.9/24",
            "198.51.100.0/24",
            "via 192.0.2.1",
        ] {
            assert!(text.contains(word), "{word}\n{text}");
        }
        let json: Value = serde_json::from_str(&told(&["addr", "--json"])).unwrap();
        let routes = json["routes"].as_array().unwrap();
        assert!(routes.iter().any(|route| route["gateway"] == "192.0.2.1"), "{json}");
    });
}
