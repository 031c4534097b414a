use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn parsed(target: &str) -> (Host, u16) {
    let target: Target = target.parse().unwrap();
    (target.host, target.port.unwrap())
}

fn refused(target: &str) -> String {
    target.parse::<Target>().unwrap_err().to_string()
}

#[test]
fn every_documented_form_is_read() {
    let v4 = Host::Address(Ipv4Addr::LOCALHOST.into());
    assert_eq!(parsed("127.0.0.1:80"), (v4.clone(), 80));
    assert_eq!(parsed("tcp://127.0.0.1:80"), (v4.clone(), 80));
    assert_eq!(parsed("TCP://127.0.0.1:80/"), (v4, 80));
    assert_eq!(parsed("[::1]:443"), (Host::Address(Ipv6Addr::LOCALHOST.into()), 443));
    assert_eq!(parsed("example.com:65535"), (Host::Name("example.com".into()), 65535));
    assert_eq!(parsed("my_host.:1"), (Host::Name("my_host.".into()), 1));
    assert_eq!(parsed("8080"), (Host::ThisMachine, 8080));
    assert_eq!(parsed("tcp://8080"), (Host::ThisMachine, 8080));
    let link_local: Ipv6Addr = "fe80::1".parse().unwrap();
    assert_eq!(parsed("[fe80::1%eth0]:22"), (Host::Zoned(link_local, "eth0".into()), 22));
}

#[test]
fn the_text_is_kept_as_written() {
    let target: Target = " localhost:80 ".parse().unwrap();
    assert_eq!(target.text(), " localhost:80 ");
}

#[test]
fn a_port_that_cannot_be_says_what_would_be_right() {
    for bad in [
        "host:0",
        "host:65536",
        "host:",
        "host:http",
        "host:-1",
        "0",
        "70000",
        "host:8 0",
        "host:1-70000",
    ] {
        let error = refused(bad);
        assert!(error.contains("from 1 to 65535"), "{error}");
        assert!(error.contains(bad), "{error}");
    }
    assert!(refused("127.0.0.1").contains("write 127.0.0.1:PORT"));
    assert!(refused("tcp://host").contains("write host:PORT"));
    assert!(refused("host:9-7").contains("write 7-9"));
    assert!(refused("[::1]").contains("write [::1]:PORT"));
}

fn written(text: &str) -> Vec<(String, Protocol, u16)> {
    let Written { targets, .. } = Target::read(text).unwrap();
    targets.into_iter().map(|it| (it.text.clone(), it.protocol, it.port.unwrap())).collect()
}

#[test]
fn what_people_paste_is_taken() {
    let https: Target = "https://example.org/a/b?c=d#e".parse().unwrap();
    assert_eq!(
        (https.protocol, https.port, https.path()),
        (Protocol::Https, Some(443), "/a/b?c=d")
    );
    let http: Target = "http://example.org:443".parse().unwrap();
    assert_eq!((http.protocol, http.port, http.path()), (Protocol::Http, Some(443), "/"));
    assert!(http.hint().unwrap().contains("https://"));
    let bare: Target = "example.org/x".parse().unwrap();
    assert_eq!((bare.protocol, bare.port, bare.path()), (Protocol::Https, Some(443), "/x"));
    let fallback = bare.fallback().unwrap();
    assert_eq!(
        (fallback.protocol, fallback.port, bare.is_guess()),
        (Protocol::Http, Some(80), true)
    );
    let unix: Target = "unix:///run/x.sock".parse().unwrap();
    assert_eq!((unix.host, unix.port), (Host::Path("/run/x.sock".into()), None));
    let icmp: Target = "icmp://[::1]".parse().unwrap();
    assert_eq!((icmp.protocol, icmp.port), (Protocol::Icmp, None));
}

#[test]
fn lists_and_ranges_are_several_targets() {
    let targets = written("h:22,8000-8002,22");
    let expected = [
        ("h:22", Protocol::Ssh, 22),
        ("h:8000", Protocol::Http, 8000),
        ("h:8001", Protocol::Tcp, 8001),
        ("h:8002", Protocol::Tcp, 8002),
    ];
    let expected = expected.map(|(text, protocol, port)| (text.to_owned(), protocol, port));
    assert_eq!(targets, expected);
    assert_eq!(written("7-8").iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["7", "8"]);
    assert!(Target::read("h:80-80").unwrap().is_several);
    assert_eq!(written("tcp://[::1]:1-65535").len(), 65535);
}

#[test]
fn a_password_is_refused_and_not_repeated() {
    for text in ["http://me:secret@host/", "me:secret@host:80", "tcp://me:sec:ret@host:80"] {
        let error = refused(text);
        assert!(error.contains("SOCKPIT_PASSWORD") && !error.contains("sec"), "{error}");
    }
}

#[test]
fn an_unknown_scheme_names_the_known_ones() {
    let error = refused("gopher://host:70");
    assert!(error.contains("`gopher`") && error.contains("tcp://HOST:PORT"), "{error}");
}

#[test]
fn what_is_no_host_is_refused_with_a_reason() {
    for (bad, word) in [
        ("", "names nothing"),
        ("tcp://", "names nothing"),
        (":80", "missing"),
        ("::1:80", "brackets"),
        ("[::1:80", "not closed"),
        ("[fe80::1%]:80", "interface"),
        ("[2001:db8::1%eth0]:80", "link-local"),
        ("[nonsense::x]:80", "IPv6"),
        ("tcp://host/path:80", "path"),
        ("unix://relative", "unix:///"),
        ("host:80,443", "several ports"),
        ("user@host:80", "user"),
        ("ho st:80", "no host name may"),
        ("bücher.example:80", "xn--"),
        ("224.0.0.1:80", "many hosts"),
        ("255.255.255.255:80", "many hosts"),
    ] {
        let error = refused(bad);
        assert!(error.contains(word), "{bad}: {error}");
    }
    assert!(refused(&format!("{}:80", "a".repeat(300))).contains("253"));
}

#[test]
fn a_hostile_target_is_cleaned_in_the_sentence() {
    let error = refused("\x1b]0;owned\x07\u{202e}:80");
    assert!(!error.contains(['\x1b', '\x07', '\u{202e}']), "{error:?}");
    assert!(refused(&"x".repeat(9_000)).len() < 1_000);
}

#[test]
fn a_listeners_wildcard_is_reached_by_its_loopback() {
    assert_eq!(parsed("0.0.0.0:80"), parsed("127.0.0.1:80"));
    assert_eq!(parsed("[::]:80"), parsed("[::1]:80"));
}

#[test]
fn a_socket_suggests_where_a_client_would_connect() {
    use socket::{Endpoint, Family, Protocol, State};
    let endpoint = |text: &str| Endpoint::from(text.parse::<std::net::SocketAddr>().unwrap());
    let suggested = |local: &str, remote: Option<&str>| {
        let mut socket = Socket::new(Family::Ipv6, Protocol::Tcp, State::Listen, endpoint(local));
        socket.remote = remote.map(endpoint);
        Target::of_socket(&socket).map(|target| target.text)
    };
    assert_eq!(suggested("0.0.0.0:80", None).as_deref(), Some("tcp://127.0.0.1:80"));
    assert_eq!(suggested("[::]:80", None).as_deref(), Some("tcp://[::1]:80"));
    let remote = Some("[::ffff:10.0.0.7]:443");
    assert_eq!(suggested("[::ffff:10.0.0.5]:9", remote).as_deref(), Some("tcp://10.0.0.7:443"));
    assert_eq!(suggested("[fe80::1%3]:22", None).as_deref(), Some("tcp://[fe80::1%3]:22"));
    let udp = Socket::new(Family::Ipv4, Protocol::Udp, State::Unconnected, endpoint("0.0.0.0:53"));
    assert_eq!(Target::of_socket(&udp), None);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(tcp://|[a-z]{0,4}://)?\\PC{0,40}|[\\[\\]:%0-9a-f.]{0,40}") {
        if let Ok(target) = text.parse::<Target>() {
            prop_assert_ne!(target.port(), Some(0));
        }
    }
}

#[test]
fn an_empty_path_before_a_query_is_a_slash() {
    let target: Target = "http://127.0.0.1:8080?q=1".parse().unwrap();
    assert_eq!(target.path, "/?q=1");
}
