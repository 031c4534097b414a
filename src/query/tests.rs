//! The language as its users meet it.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Query, Subject, Truth, help_text};
use crate::model::activity::{Rates, Stalled};
use crate::model::owner::{Container, Owner, Ownership, Process, Unit, UnitScope};
use crate::model::socket::{
    Backlog, Endpoint, Family, PacketKind, PacketSocket, Protocol, Socket, State,
};
use crate::model::tables::{Table, Tables};
use crate::model::tcp::TcpInfo;
use Truth::{No, Undecided, Yes};

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn end(text: &str) -> Endpoint {
    text.parse::<std::net::SocketAddr>().unwrap().into()
}

/// nginx 4300, worker of 812, listening on 0.0.0.0:8443 with a full queue.
fn listener() -> Socket {
    let process = Process {
        pid: 4300,
        name: "nginx".into(),
        comm: Some("nginx".into()),
        cwd: Some("/srv/shop".into()),
        exe: Some("/usr/sbin/nginx".into()),
        cmdline: vec!["nginx:".into(), "worker".into(), "process".into()],
        uid: Some(33),
        ppid: Some(812),
        started_at: None,
        unit: Some(Unit { name: "nginx.service".into(), scope: UnitScope::System }),
        container: Some(Container {
            runtime: "docker".into(),
            id: "0123abcd".into(),
            name: Some("web".into()),
        }),
        start_time: 1,
    };
    Socket {
        netns: Some(4_026_531_840),
        netns_name: Some("web".into()),
        service: Some("https-alt".into()),
        inode: Some(777),
        cookie: Some(8193),
        uid: Some(0),
        user: Some("root".into()),
        backlog: Some(Backlog { queued: 411, limit: 512 }),
        drops: Some(0),
        first_seen: Some(now() - SignedDuration::from_secs(60)),
        ownership: Ownership::OWNED,
        owners_complete: Some(true),
        owners: vec![Owner::new(Some(6), Arc::new(process))],
        ..Socket::new(Family::Ipv4, Protocol::Tcp, State::Listen, end("0.0.0.0:8443"))
    }
}

/// An open connection of a process that sockpit may not read.
fn hidden() -> Socket {
    let mapped = end("[::ffff:10.0.0.5]:22");
    Socket {
        remote: Some(end("[2001:db8::7]:51544")),
        uid: Some(0),
        cookie: Some(1),
        recv_q: Some(0),
        send_q: Some(1500),
        service: Some("ssh".into()),
        ownership: Ownership::hidden("not permitted"),
        owners_complete: Some(false),
        tcp: Some(Box::new(TcpInfo { rtt_us: Some(51_000), ..TcpInfo::default() })),
        ..Socket::new(Family::Ipv6, Protocol::Tcp, State::Established, mapped)
    }
}

/// A TIME_WAIT, which only the kernel holds.
fn kernel() -> Socket {
    Socket {
        remote: Some(end("127.0.0.1:8443")),
        inode: Some(0),
        cookie: Some(2),
        recv_q: Some(0),
        send_q: Some(0),
        ownership: Ownership::kernel("time_wait"),
        owners_complete: Some(true),
        ..Socket::new(Family::Ipv4, Protocol::Tcp, State::TimeWait, end("127.0.0.1:40000"))
    }
}

fn ask(query: &str, socket: &Socket) -> Truth {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    query.matches(&Subject::new(socket, now()))
}

/// Each line asks a query of the three sockets above.
#[test]
fn rows_are_matched() {
    let sockets = [listener(), hidden(), kernel()];
    for (query, expected) in [
        ("", [Yes, Yes, Yes]),
        ("*", [Yes, Yes, Yes]),
        ("port:8443", [Yes, No, Yes]),
        ("lport:8443", [Yes, No, No]),
        ("rport:8443", [No, No, Yes]),
        ("!rport:8443", [Yes, Yes, No]),
        ("port:22,8443", [Yes, Yes, Yes]),
        ("port:8000-9000", [Yes, No, Yes]),
        ("port:40000..", [No, Yes, Yes]),
        ("port>=40000", [No, Yes, Yes]),
        ("port:<23", [No, Yes, No]),
        ("port=22", [No, Yes, No]),
        ("port!=22", [Yes, No, Yes]),
        ("8443", [Yes, Undecided, Yes]),
        ("4300", [Yes, Undecided, No]),
        ("22", [No, Yes, No]),
        (":22", [No, Yes, No]),
        ("22,8443", [Yes, Yes, Yes]),
        ("22/tcp", [No, Yes, No]),
        ("22/udp", [No, No, No]),
        ("port==22", [No, Yes, No]),
        ("20..30", [No, Yes, No]),
        ("20-30", [No, Yes, No]),
        ("addr:10.0.0.0/8", [No, Yes, No]),
        ("10.0.0.0/8", [No, Yes, No]),
        ("raddr:2001:db8::/32", [No, Yes, No]),
        ("laddr:*", [Yes, No, No]),
        ("addr:localhost", [No, No, Yes]),
        ("proto:tcp", [Yes, Yes, Yes]),
        ("proto:tcp6", [No, Yes, No]),
        ("proto:udp,tcp4", [Yes, No, Yes]),
        ("family:inet", [Yes, No, Yes]),
        ("state:listening", [Yes, No, No]),
        ("state:estab,time-wait", [No, Yes, Yes]),
        ("!state:LISTEN", [No, Yes, Yes]),
        ("pid:4300", [Yes, Undecided, No]),
        ("!pid:4300", [No, Undecided, Yes]),
        ("!pid:1", [Yes, Undecided, Yes]),
        ("ppid:812", [Yes, Undecided, No]),
        ("name:NGI", [Yes, Undecided, No]),
        ("name:=ngi", [No, Undecided, No]),
        ("name=nginx", [Yes, Undecided, No]),
        ("name:/^n.*x$/", [Yes, Undecided, No]),
        ("name:redis,nginx", [Yes, Undecided, No]),
        ("cmd:\"worker process\"", [Yes, Undecided, No]),
        ("cmd:'x worker'", [No, Undecided, No]),
        ("cmd:/^nginx: w/", [Yes, Undecided, No]),
        ("user:root", [Yes, Undecided, Undecided]),
        ("user:roo", [No, Undecided, Undecided]),
        ("user:0", [Yes, Yes, Undecided]),
        ("user:33,0", [Yes, Yes, Undecided]),
        ("unit:nginx", [Yes, Undecided, No]),
        ("unit:*", [Yes, Undecided, No]),
        ("!container:web", [No, Undecided, Yes]),
        ("container:docker", [Yes, Undecided, No]),
        ("container:0123", [Yes, Undecided, No]),
        ("owner:hidden,kernel", [No, Yes, Yes]),
        ("if:eth0", [No, No, No]),
        ("netns:4026531840", [Yes, Undecided, Undecided]),
        ("netns:WEB", [Yes, Undecided, Undecided]),
        ("netns:we", [No, Undecided, Undecided]),
        ("netns:web,7", [Yes, Undecided, Undecided]),
        ("!netns:db", [Yes, Undecided, Undecided]),
        ("inode:0", [No, Undecided, Yes]),
        ("cookie:1..2", [No, Yes, Yes]),
        ("service:ssh", [No, Yes, No]),
        ("service:https", [No, No, No]),
        ("sendq:1k..2k", [No, Yes, No]),
        ("recvq:0", [No, Yes, Yes]),
        ("!recvq:1..", [No, Yes, Yes]),
        ("backlog:100..", [Yes, No, No]),
        ("backlog:80%..", [Yes, No, No]),
        ("backlog:90%..", [No, No, No]),
        ("backlog:500,80%", [Yes, No, No]),
        ("!backlog:1..", [No, No, No]),
        ("rtt:50ms..", [No, Yes, No]),
        ("rtt:>51ms", [No, No, No]),
        ("!rtt:>51ms", [No, Yes, No]),
        ("drops:0", [Yes, Undecided, Undecided]),
        ("retrans:0", [No, Undecided, No]),
        ("nginx", [Yes, Undecided, No]),
        ("WORKER", [Yes, Undecided, No]),
        ("listen", [Yes, Undecided, No]),
        ("time-wait", [No, Undecided, Yes]),
        ("estab", [No, Yes, No]),
        ("tcp6", [No, Yes, No]),
        ("ipv6", [No, Yes, No]),
        ("hidden", [No, Yes, No]),
        ("*:8443", [Yes, Undecided, No]),
        ("0.0.0.0:8443", [Yes, Undecided, No]),
        ("10.0.0.5:22", [No, Yes, No]),
        ("2001:db8::7", [No, Yes, No]),
        ("[2001:db8::7]:51544", [No, Yes, No]),
        ("/^127\\..*:40000$/", [No, Undecided, Yes]),
        ("\"8443\"", [Yes, Undecided, Yes]),
        ("port:8443 state:listen", [Yes, No, No]),
        ("port:8443 and not state:listen", [No, No, Yes]),
        ("port:22 or state:time-wait", [No, Yes, Yes]),
        ("name:nginx or port:22", [Yes, Yes, No]),
        ("name:nginx port:22", [No, Undecided, No]),
        ("not (name:nginx || port:9)", [No, Undecided, Yes]),
        ("!!port:22", [No, Yes, No]),
        ("port:22 && tcp6", [No, Yes, No]),
    ] {
        let answers = [0, 1, 2].map(|index| ask(query, &sockets[index]));
        assert_eq!(answers, expected, "{query}");
    }
}

#[test]
fn an_unknown_value_matches_neither_a_comparison_nor_its_negation() {
    for key in ["name:x", "pid:1", "cmd:x", "unit:x", "container:x", "drops:1", "inode:5"] {
        assert_eq!(ask(key, &hidden()), Undecided, "{key}");
        assert_eq!(ask(&format!("!{key}"), &hidden()), Undecided, "{key}");
    }
}

#[test]
fn what_a_row_cannot_have_is_not_undecided() {
    for key in ["rtt:1ms..", "recvq:0", "sendq:0"] {
        assert_eq!(ask(key, &listener()), No, "{key}");
        assert_eq!(ask(&format!("!{key}"), &listener()), No, "{key}");
    }
}

#[test]
fn the_age_of_a_row_that_was_there_before_is_only_bounded_below() {
    let socket = listener();
    let old = Subject::new(&socket, now());
    let new = Subject { appeared: true, ..old };
    for (query, old_answer, new_answer) in [
        ("age:30s..", Yes, Yes),
        ("age:..30s", No, No),
        ("age:1h..", Undecided, No),
        ("age:..5m", Undecided, Yes),
        ("!age:1h..", Undecided, Yes),
        ("age:60s", Undecided, Yes),
    ] {
        let query = Query::parse(query).unwrap();
        assert_eq!((query.matches(&old), query.matches(&new)), (old_answer, new_answer), "{query}");
    }
    let never_seen = Socket { first_seen: None, ..listener() };
    assert_eq!(ask("age:0..", &never_seen), Undecided);
}

#[test]
fn rates_are_of_connections_that_were_looked_at_twice() {
    let rates = Rates { bytes_sent_per_s: 1_000_000.0, bytes_received_per_s: 500_000.0 };
    let busy = Socket { rates: Some(rates), ..hidden() };
    for (query, expected) in [
        ("rate:1M..", [Yes, Undecided, No]),
        ("rate:1500k", [Yes, Undecided, No]),
        ("!rate:1M..", [No, Undecided, No]),
        ("rate:*", [Yes, Undecided, No]),
    ] {
        assert_eq!([&busy, &hidden(), &listener()].map(|s| ask(query, s)), expected, "{query}");
    }
    assert!(Query::parse("port:80 !(rate:1M..)").unwrap().compares_looks());
    assert!(Query::parse("stalled:*").unwrap().compares_looks());
    assert!(!Query::parse("port:80 rtt:1ms..").unwrap().compares_looks());
}

#[test]
fn a_standstill_is_bounded_below() {
    let since = Some(now() - SignedDuration::from_secs(12));
    let stalled = Some(Box::new(Stalled { recv_since: None, send_since: since }));
    let stalled = Socket { stalled, ..hidden() };
    let empty = Socket { recv_q: Some(0), send_q: Some(0), ..hidden() };
    for (query, expected) in [
        ("stalled:10s..", [Yes, Undecided, No, No]),
        ("stalled:20s..", [Undecided, Undecided, No, No]),
        ("stalled:..5s", [No, Undecided, No, No]),
        ("!stalled:10s..", [No, Undecided, Yes, No]),
    ] {
        let sockets = [&stalled, &hidden(), &empty, &listener()];
        assert_eq!(sockets.map(|socket| ask(query, socket)), expected, "{query}");
    }
}

#[test]
fn unix_sockets_are_found_by_path() {
    let docker = Endpoint::unix("/run/docker.sock");
    let socket = Socket::new(Family::Unix, Protocol::Stream, State::Listen, docker);
    for query in
        ["/run/docker.sock", "docker.sock", "addr:/run/docker", "laddr:\"/run\"", "proto:unix"]
    {
        assert_eq!(ask(query, &socket), Yes, "{query}");
    }
    assert_eq!(ask("port:0..", &socket), No);
    assert_eq!(ask("addr:0.0.0.0/0,::/0", &socket), No);
}

#[test]
fn the_protocol_number_of_a_raw_socket_is_no_port() {
    let socket = Socket::new(Family::Ipv4, Protocol::Raw, State::Unconnected, end("0.0.0.0:6"));
    assert_eq!(ask("port:6", &socket), No);
    assert_eq!(ask("proto:raw4", &socket), Yes);
}

#[test]
fn a_backend_that_cannot_tell_owners_leaves_them_undecided() {
    let socket = Socket {
        owners_complete: None,
        owners: Vec::new(),
        cookie: None,
        interface: None,
        ownership: Ownership::unknown("netstat2"),
        ..listener()
    };
    for query in ["pid:1", "!unit:x", "if:eth0", "!if:eth0"] {
        assert_eq!(ask(query, &socket), Undecided, "{query}");
    }
}

#[test]
fn mistakes_are_named_with_their_column() {
    for (text, column, part) in [
        ("port:80 prot:tcp", 9, "unknown key `prot`: did you mean `proto`?"),
        ("zzz:1", 1, "the keys are port lport"),
        ("port:", 6, "needs a value"),
        ("name:x port: state:listen", 13, "`port` needs a value"),
        ("port:70000", 6, "port `70000` is out of range: ports are 0 to 65535"),
        ("port:80,70000", 9, "out of range"),
        ("port:80,", 9, "needs a value"),
        ("80,", 4, "missing before or after the comma"),
        ("port:x", 6, "number from 0 to 65535"),
        ("port:53/udp", 6, "write port:53 proto:udp"),
        ("70000/tcp", 1, "out of range"),
        ("port:>80..90", 6, "cannot be read"),
        ("addr:/run/", 6, "quote a path"),
        ("port:/80/", 6, "takes no regular expression"),
        (":70000", 1, "out of range"),
        ("ü port:90..80", 8, "runs backwards"),
        ("state:listn", 7, "did you mean LISTEN?"),
        ("proto:sctp", 7, "unknown protocol `sctp`"),
        ("owner:me", 7, "owned kernel hidden"),
        ("addr:10.0", 6, "10.0.0.0/16"),
        ("addr:example.org", 6, "names are not resolved"),
        ("addr:>10.0.0.1", 6, "has no order"),
        ("rtt:50", 5, "us, ms, s"),
        ("name:\"", 6, "is not closed"),
        ("name:\"\"", 6, "nothing between these quotes"),
        ("'a'b", 4, "a space is missing"),
        ("name:/a", 6, "is not closed"),
        ("name://", 6, "is empty"),
        ("name:/(/", 6, "unclosed group"),
        ("name:=/a/", 6, "not a regular expression"),
        ("name:>a", 6, "has no order"),
        ("pid:*,1", 5, "must be the only one"),
        ("(port:80", 1, "not closed"),
        ("port:80)", 8, "closes nothing"),
        ("()", 1, "nothing between these parentheses"),
        ("( )", 1, "nothing between"),
        ("port:(80 or 81)", 6, "takes a value, not a group"),
        ("port:80 or", 11, "the query ends"),
        ("port:80 and  ", 12, "the query ends"),
        ("or port:80", 1, "before this operator"),
        ("port:80 or or x", 12, "before this operator"),
        ("(a or )", 7, "missing before `)`"),
        ("!", 2, "the query ends"),
    ] {
        let error = Query::parse(text).expect_err(text);
        assert!(error.message.contains(part), "{text}: {error}");
        assert_eq!(error.column, column, "{text}: {error}");
        assert!(!error.to_string().contains('\n'), "{text}: {error}");
    }
}

#[test]
fn what_the_user_typed_comes_back_harmless() {
    for text in ["state:\x1b]0;x\x07", "port:\u{202e}80", "x\u{1b}:1", "if:/\x1b(/"] {
        if let Err(error) = Query::parse(text) {
            assert!(!error.to_string().contains(|c: char| c.is_control() || c == '\u{202e}'));
        }
    }
}

#[test]
fn deep_nesting_is_refused_and_long_chains_are_not() {
    let nested = |depth| format!("{}x{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Query::parse(&nested(50)).is_ok());
    assert!(Query::parse(&nested(100_000)).unwrap_err().message.contains("nested"));
    assert!(Query::parse(&format!("{}x", "!".repeat(100_000))).is_ok());
    assert!(Query::parse(&"x or ".repeat(10_000)).is_err());
}

#[test]
fn colons_do_not_make_a_key_of_an_address_or_url() {
    for (text, canonical) in [
        ("fe80::1", "\"fe80::1\""),
        ("dead::beef", "\"dead::beef\""),
        ("abcd:1:2:3:4:5:6:7", "\"abcd:1:2:3:4:5:6:7\""),
        ("http://localhost", "\"http://localhost\""),
        ("127.0.0.1:80", "\"127.0.0.1:80\""),
        ("::ffff:0:0/96", "addr:0.0.0.0/0"),
        ("addr:::1", "addr:::1"),
        ("raddr:fe80::1%eth0", "raddr:\"fe80::1%eth0\""),
    ] {
        assert_eq!(Query::parse(text).unwrap().to_string(), canonical);
    }
}

#[test]
fn text_is_written_in_one_way() {
    for (text, canonical) in [
        ("  PORT:80,443   State:listen ", "port:80,443 state:LISTEN"),
        ("port:81,80", "port:80..81"),
        ("lport>1023", "lport:1024.."),
        ("sport:5", "lport:5"),
        ("a AND b Or NOT c", "(a b) or !c"),
        ("((a)) (b c)", "a b c"),
        ("a or (b or c)", "a or b or c"),
        ("!(a b)", "!(a b)"),
        ("!!a", "a"),
        ("Foo", "foo"),
        ("'and'", "\"and\""),
        ("'80'", "\"80\""),
        ("53/udp", "port:53 proto:udp"),
        ("--port", "\"--port\""),
        ("\"a \\\" b\"", "\"a \\\" b\""),
        ("name:=nginx", "name:=nginx"),
        ("name:'a,b'", "name:\"a,b\""),
        ("user:'7',8,x", "user:8,\"7\",\"x\""),
        ("/a\\/b/", "/a\\/b/"),
        ("name!=x", "!name:x"),
        ("age:90s..", "age:90s.."),
        ("backlog:80%..,3", "backlog:3 or backlog:80%.."),
        ("netns:*", "netns:*"),
        ("netns:web,5..7,=x", "netns:5..7 or netns:\"web\",\"x\""),
        ("netns:'5'", "netns:\"5\""),
        ("netns:/^w/", "netns:/^w/"),
        ("*", "*"),
    ] {
        let query = Query::parse(text).unwrap();
        assert_eq!(query.to_string(), canonical);
        assert_eq!(Query::parse(canonical).as_ref(), Ok(&query), "{canonical}");
    }
}

#[test]
fn words_of_a_command_line_stand_side_by_side() {
    let read = |words: &[&str]| Query::parse_args(words).map(|query| query.to_string());
    assert_eq!(read(&["port:80", "state:listen"]).unwrap(), "port:80 state:LISTEN");
    assert_eq!(read(&["a", "or", "b"]).unwrap(), "a or b");
    assert_eq!(read(&["!", "a"]).unwrap(), "!a");
    assert_eq!(read(&["(", "a", "or", "b", ")", "c"]).unwrap(), "(a or b) c");
    assert_eq!(read(&["a or b", "c"]).unwrap(), "(a or b) c");
    assert_eq!(read(&["not", "a b"]).unwrap(), "!(a b)");
    assert_eq!(read(&["name:\"a b\"", "c"]).unwrap(), "name:\"a b\" c");
    assert_eq!(read(&["(a", "or b)", "c"]).unwrap(), "(a or b) c");
    assert!(Query::parse_args::<&str>(&[]).unwrap().is_empty());
    assert!(Query::parse_args(&["", " "]).unwrap().is_empty());
    let error = Query::parse_args(&["a or b", "prt:1"]).unwrap_err();
    assert_eq!(error.column, 8);
}

#[test]
fn queries_that_ask_nothing_are_known() {
    for text in [
        "",
        "*",
        "/.*/",
        "/./",
        "/^/",
        "port:0..",
        "port:*",
        "port:..65535",
        "port:1-65535",
        "0..65535",
        "port:..100 or port:101..",
        "port:80 or !port:80",
        "!(port:80 !port:80)",
        "* or x",
        "* *",
        "proto:tcp,udp",
        "proto:tcp or proto:udp",
        "family:ipv4,ipv6",
        "!proto:icmp",
        "!port:0",
        "addr:0.0.0.0/0,::/0",
        "name:/.*/",
        "state:*",
        "pid:1..",
        "recvq:0..",
        "':'",
        "p",
        "x or (a b) or !a or !b",
    ] {
        assert!(Query::parse(text).unwrap().matches_everything(), "{text}");
    }
    for text in [
        "port:80",
        "port:1024..",
        "!port:80",
        "state:established",
        "proto:tcp",
        "x",
        "addr:0.0.0.0/0",
        "unit:*",
        "name:/n.*/",
        "/^10\\./",
        "* port:80",
        "port:80 or port:443",
        "a or !b",
        "a or b or c or d or e or f or g or h or q or j or k or l or m or o",
    ] {
        assert!(!Query::parse(text).unwrap().matches_everything(), "{text}");
    }
}

#[test]
fn a_query_can_be_shared_and_compared() {
    fn is_shareable<T: Send + Sync + Clone>(_: &T) {}
    let query = Query::parse("name:/a/ port:80").unwrap();
    is_shareable(&query);
    assert_eq!(query.clone(), Query::parse("name:/a/  port:80").unwrap());
    assert_ne!(query, Query::parse("name:/b/ port:80").unwrap());
    assert!(help_text().contains("state"));
}

/// Text that looks like a query often enough to get past the lexer.
fn query_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "port:[0-9]{1,5}",
        "(port|pid|recvq|backlog|rtt|age)(:|>|<=|!=)[0-9.]{1,6}(\\.\\.)?[0-9]{0,3}(us|ms|%|k|M)?",
        "(l|r)?addr:[0-9a-f:./*@\\[\\]]{1,12}",
        "(state|proto|family|owner):(listen|estab|tcp6?|ipv4|unix|kernel|\\*)",
        "(name|cmd|user|unit|if|service|container):=?[a-zA-Zü0-9_.*-]{1,6}(,[a-z]{1,3})?",
        "name:\"[^\"\\\\]{1,8}\"",
        "name:/[a-zü./\\\\d+*\\[\\]()^$ -]{1,8}/",
        "[a-zA-ZİßΣ0-9:.*/@'\"\\\\-]{1,8}",
        Just("and".to_owned()),
        Just("or".to_owned()),
        Just("not".to_owned()),
        Just("!".to_owned()),
        Just("(".to_owned()),
        Just(")".to_owned()),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.join(" "))
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)]
}

proptest! {
    #[test]
    fn any_text_is_a_query_or_an_error_within_it(text in any::<String>()) {
        if let Err(error) = Query::parse(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.column));
            prop_assert!(!error.to_string().contains(char::is_control));
        }
    }

    #[test]
    fn a_query_is_its_own_text(text in query_like()) {
        if let Ok(query) = Query::parse(&text) {
            let canonical = query.to_string();
            prop_assert_eq!(Query::parse(&canonical), Ok(query), "{}", canonical);
        }
    }

    #[test]
    fn asking_never_fails_and_negation_turns_the_answer(text in query_like()) {
        if let Ok(query) = Query::parse(&text) && !query.is_empty() {
            for socket in [listener(), hidden(), kernel()] {
                let subject = Subject::new(&socket, now());
                let answer = query.matches(&subject);
                let opposite = Query::parse(&format!("!({text})")).unwrap().matches(&subject);
                let agree = matches!(
                    (answer, opposite),
                    (Yes, No) | (No, Yes | No) | (Undecided, Undecided)
                );
                prop_assert!(agree, "{answer:?} {opposite:?}");
            }
        }
    }

    #[test]
    fn an_address_as_shown_finds_its_row(addr in address(), port in 0_u16..) {
        let family = if addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        let end = Endpoint::ip(addr, port);
        let socket = Socket::new(family, Protocol::Udp, State::Unconnected, end);
        let shown = std::net::SocketAddr::new(addr, port).to_string();
        prop_assert_eq!(ask(&shown, &socket), Yes);
        prop_assert_eq!(ask(&format!("laddr:{addr} lport:{port}"), &socket), Yes);
    }
}

#[test]
fn states_are_named_by_their_key_alone() {
    let named = |text: &str| Query::parse(text).unwrap().named_states();
    assert_eq!(named("port:80 state:listening"), [State::Listen]);
    assert_eq!(
        named("state:estab,bound or (proto:udp state:unconn)"),
        [State::Established, State::Bound, State::Unconnected,]
    );
    for none in ["", "port:80", "listen", "!state:estab", "not (state:estab or port:1)", "state:*"]
    {
        assert_eq!(named(none), [], "{none}");
    }
}

#[test]
fn only_tables_that_could_match_are_asked_for() {
    let tables = |text: &str| Query::parse(text).unwrap().tables();
    let set = |tables: &[Table]| tables.iter().copied().collect::<Tables>();
    use Table::{Icmp, Mptcp, Netlink, Other, Packet, Raw, Tcp, Udp, Udplite, Unix};
    let with_port = set(&[Tcp, Udp, Udplite, Mptcp, Icmp]);
    for (text, expected) in [
        ("", Tables::ALL),
        ("nginx", Tables::ALL),
        ("8080", Tables::ALL),
        ("state:listen", Tables::ALL),
        ("pid:7 or proto:tcp", Tables::ALL),
        ("proto:tcp", set(&[Tcp])),
        ("proto:tcp4,udp", set(&[Tcp, Udp])),
        ("53/udp", set(&[Udp])),
        ("port:80", with_port),
        ("port:80 family:unix", Tables::NONE),
        ("port:80 or family:unix", with_port.or(Unix.into())),
        ("service:ssh", with_port),
        ("family:ipv6", set(&[Tcp, Udp, Udplite, Mptcp, Raw, Icmp, Other])),
        ("family:vsock", set(&[Other])),
        ("proto:xdp", set(&[Other])),
        ("addr:10.0.0.0/8", set(&[Tcp, Udp, Udplite, Mptcp, Raw, Icmp])),
        ("addr:/run/a.sock", set(&[Unix])),
        ("rtt:1ms..", set(&[Tcp, Mptcp])),
        ("backlog:1..", set(&[Tcp, Mptcp, Unix])),
        ("!family:unix", Tables::ALL.without(Unix.into())),
        // A part of a table is not the table.
        ("!proto:stream", Tables::ALL),
        ("!proto:stream,dgram,seqpacket !proto:tcp4", Tables::ALL.without(Unix.into())),
        ("!(proto:tcp or proto:udp)", Tables::ALL.without(Tables::PORTS)),
        ("!(proto:tcp port:80)", Tables::ALL),
        ("!port:80", Tables::ALL),
        ("proto:p_raw", set(&[Packet])),
        ("proto:nl", set(&[Netlink])),
        ("proto:packet", set(&[Packet])),
        ("not *", Tables::NONE),
    ] {
        assert_eq!(tables(text), expected, "{text}");
    }
}

#[test]
fn tables_are_named_by_family_path_and_exact_number() {
    let named = |text: &str| Query::parse(text).unwrap().named_tables();
    for text in ["family:unix", "proto:u_str", "unix", "dgram", "addr:/run/a", "\"@abs\""] {
        assert!(named(text).contains(Table::Unix), "{text}");
    }
    assert!(named("inode:7").contains(Table::Netlink));
    for text in ["", "!family:unix", "state:listen", "pid:7", "name:unixd", "str"] {
        assert!(!named(text).contains(Table::Unix), "{text}");
    }
}

#[test]
fn the_spellings_of_ss_name_types_of_socket() {
    let unix = |protocol| {
        Socket::new(Family::Unix, protocol, State::Connected, Endpoint::unix("/run/Docker.sock"))
    };
    let stream = unix(Protocol::Stream);
    assert_eq!(ask("proto:u_str", &stream), Yes);
    assert_eq!(ask("proto:u_dgr", &stream), No);
    assert_eq!(ask("proto:u_seq", &unix(Protocol::Seqpacket)), Yes);
    assert_eq!((ask("docker", &stream), ask("addr:/run/d", &stream)), (Yes, Yes));
    for text in ["port:80", "port:1..65535", "rport:*"] {
        assert_eq!((ask(text, &stream), ask(&format!("!{text}"), &stream)), (No, Yes), "{text}");
    }
    let mut packet =
        Socket::new(Family::Packet, Protocol::Packet, State::Unconnected, Endpoint::default());
    packet.packet = Some(Box::new(PacketSocket {
        kind: PacketKind::Dgram,
        rx_ring_bytes: None,
        tx_ring_bytes: None,
        fanout_group: None,
        fanout_mode: None,
    }));
    assert_eq!((ask("proto:p_dgr", &packet), ask("proto:p_raw", &packet)), (Yes, No));
    assert_eq!((ask("proto:packet", &packet), ask("proto:netlink", &packet)), (Yes, No));
    let netlink =
        Socket::new(Family::Netlink, Protocol::Netlink, State::Unconnected, Endpoint::default());
    assert_eq!((ask("proto:packet", &netlink), ask("proto:netlink", &netlink)), (No, Yes));
    // Its owners are unknown here, and one of them might be called so.
    assert_eq!((ask("packet", &netlink), ask("netlink", &netlink)), (Undecided, Yes));
}

#[test]
fn a_unit_that_systemd_holds_a_socket_for_is_found() {
    use crate::model::activation::Activation;
    let mut socket = listener();
    let matches = |socket: &Socket, query: &str| {
        Query::parse(query).unwrap().matches(&Subject::new(socket, Timestamp::UNIX_EPOCH))
    };
    assert_ne!(matches(&socket, "unit:held.socket"), Truth::Yes);
    let socket_unit = Some("held.socket".into());
    socket.activation = Some(Box::new(Activation { socket_unit, unit: None }));
    assert_eq!(matches(&socket, "unit:held.socket"), Truth::Yes);
    assert_eq!(matches(&socket, "held.socket"), Truth::Yes);
    assert_eq!(matches(&socket, "!unit:held.socket"), Truth::No);
}
