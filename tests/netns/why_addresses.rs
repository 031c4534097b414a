//! `sockpit why` on addresses: those that may not be bound yet, those that a server on every
//! address exposes, and the range of outgoing ports.

use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;

use serde_json::Value;

use crate::kill::Server;
use crate::namespaces;
use crate::support::{in_namespace, in_namespace_with, run, sockpit, wait_for};
use crate::why::{finding, kinds, why};

fn ip(arguments: &str) {
    run(Command::new("ip").args(arguments.split_whitespace()));
}

fn text<'a>(json: &'a Value, kind: &str) -> &'a str {
    finding(json, kind)["text"].as_str().unwrap()
}

#[test]
fn a_tentative_address_is_this_hosts_and_may_not_be_bound_yet() {
    in_namespace(|| {
        ip("link add d0 type veth peer name d1");
        // Detection that takes longer than this test.
        fs::write("/proc/sys/net/ipv6/conf/d0/dad_transmits", "100").unwrap();
        ip("link set d0 up");
        ip("link set d1 up");
        ip("-6 address add 2001:db8::1/64 dev d0");
        ip("-6 address add 2001:db8::2/64 dev d0 nodad");
        let (code, json) = why(&["8080", "--addr", "2001:db8::1"]);
        assert_eq!((code, kinds(&json)), (1, vec!["tentative_address"]), "{json}");
        let text = text(&json, "tentative_address");
        assert!(text.contains("2001:db8::1 on d0 is tentative"), "{text}");
        let argv = &finding(&json, "tentative_address")["remedies"][0]["argv"];
        assert_eq!(argv[1], "wait", "{argv}");
        assert_eq!(why(&["8080", "--addr", "2001:db8::2"]).0, 0);
    });
}

#[test]
fn an_address_that_another_host_has_is_told_with_the_command_that_removes_it() {
    in_namespace(|| {
        namespaces::add("other");
        ip("link add d0 type veth peer name d1 netns other");
        ip("-n other link set d1 up");
        ip("-n other -6 address add 2001:db8::1/64 dev d1 nodad");
        ip("link set d0 up");
        ip("-6 address add 2001:db8::1/64 dev d0");
        let json = wait_for("the duplicate to be found", || {
            let (code, json) = why(&["8080", "--addr", "2001:db8::1"]);
            assert_eq!((code, kinds(&json)), (1, vec!["tentative_address"]), "{json}");
            text(&json, "tentative_address").contains("dadfailed").then_some(json)
        });
        let remedy = &finding(&json, "tentative_address")["remedies"][0]["argv"];
        let argv: Vec<&str> =
            remedy.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        run(Command::new(argv[0]).args(&argv[1..]));
        let (_, json) = why(&["8080", "--addr", "2001:db8::1"]);
        assert_eq!(kinds(&json), vec!["addr_not_local"], "{json}");
    });
}

#[test]
fn a_switched_off_ipv6_is_named_with_its_switch() {
    in_namespace(|| {
        let (_, json) = why(&["8080", "--addr", "2001:db8::9"]);
        assert!(!text(&json, "addr_not_local").contains("disable_ipv6"), "{json}");
        fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap();
        let (code, json) = why(&["8080", "--addr", "2001:db8::9"]);
        assert_eq!(code, 1);
        let off = text(&json, "addr_not_local");
        assert!(off.contains("net.ipv6.conf.all.disable_ipv6 = 1"), "{off}");
        let (_, json) = why(&["8080", "--addr", "::1"]);
        assert!(text(&json, "addr_not_local").contains("net.ipv6.conf.lo.disable_ipv6"), "{json}");
    });
}

#[test]
fn a_server_on_every_address_is_told_with_those_that_others_reach() {
    in_namespace(|| {
        ip("link add d0 type veth peer name d1");
        ip("link set d0 up");
        ip("address add 10.5.0.1/24 dev d0");
        let _any = TcpListener::bind("0.0.0.0:8080").unwrap();
        let _own = TcpListener::bind("127.0.0.1:9090").unwrap();
        let _datagrams = UdpSocket::bind("0.0.0.0:5000").unwrap();
        let (_, json) = why(&["8080"]);
        let exposed = text(&json, "exposure");
        assert!(exposed.contains("10.5.0.1 (d0)") && !exposed.contains("127.0.0.2"), "{exposed}");
        assert!(!kinds(&why(&["9090"]).1).contains(&"exposure"));
        let ports = |query: &str| {
            let output = sockpit().args(["ports", query, "--json"]).output().unwrap();
            let json: Value = serde_json::from_slice(&output.stdout).unwrap();
            let port = |socket: &Value| socket["local"]["port"].as_u64();
            json["sockets"].as_array().unwrap().iter().filter_map(port).collect::<Vec<_>>()
        };
        assert_eq!(ports("exposed:yes"), [8080, 5000]);
        assert_eq!(ports("exposed:no state:listen"), [9090]);
        assert_eq!(ports("state:server"), [8080, 9090, 5000]);
        // Who looks for listeners is told of the servers that never listen.
        let output = sockpit().args(["ports", "state:listen", "exposed:yes"]).output().unwrap();
        let note = String::from_utf8(output.stderr).unwrap();
        assert!(
            note.contains("1 datagram socket serves") && note.contains("state:server"),
            "{note}"
        );
    });
}

#[test]
fn a_range_that_is_used_up_is_told_with_who_has_it_and_what_helps() {
    in_namespace(|| {
        fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40019").unwrap();
        let listener = TcpListener::bind("127.0.0.1:6310").unwrap();
        let (code, json) = why(&["0"]);
        assert_eq!((code, kinds(&json)), (0, vec![]), "{json}");
        let mut kept = Vec::new();
        while let Ok(client) = TcpStream::connect("127.0.0.1:6310") {
            kept.push((client, listener.accept().unwrap()));
        }
        assert_eq!(kept.len(), 20);
        assert!(TcpListener::bind("127.0.0.1:0").is_err());
        let (code, json) = why(&["0"]);
        assert_eq!((code, &json["bindable"]), (1, &Value::Bool(false)));
        assert_eq!(kinds(&json), ["ephemeral_full", "ephemeral_full"], "{json}");
        let to = json["findings"][1]["text"].as_str().unwrap();
        assert!(to.contains("127.0.0.1 to 127.0.0.1:6310 use 20 of the 20 ports"), "{to}");
        assert!(to.contains("(100 %), 0 of them in TIME_WAIT"), "{to}");
        let destination = &json["destinations"][0];
        assert_eq!((&destination["used"], &destination["percent"]), (&20.into(), &100.into()));
        assert_eq!(destination["holders"][0]["pid"], std::process::id());
        let argv = &json["findings"][1]["remedies"][0]["argv"];
        assert_eq!(argv[2], "net.ipv4.ip_local_port_range=1024 65535");
        let output = sockpit().args(["why", "0"]).output().unwrap();
        let words = String::from_utf8(output.stdout).unwrap();
        assert!(words.starts_with("a bind of port 0 is not given a port (tried: EADDRINUSE"));
        assert_eq!(why(&["0/udp"]).0, 0, "UDP has ports of its own");
    });
}

#[test]
fn a_group_on_one_address_is_not_joined_from_another() {
    in_namespace(|| {
        let _server = Server::start("s = tcp('127.0.0.1', reuse_port=True); ready()");
        let (_, json) = why(&["8080", "--addr", "0.0.0.0"]);
        let other = text(&json, "reuse_port_group");
        assert!(other.contains("on 127.0.0.1 alone") && other.contains("does not join"), "{other}");
        let (_, json) = why(&["8080"]);
        assert!(text(&json, "reuse_port_group").contains("does not join"), "{json}");
        let (_, json) = why(&["8080", "--addr", "127.0.0.1"]);
        assert!(text(&json, "reuse_port_group").contains("joins them"), "{json}");
    });
}

#[test]
fn a_udp_port_that_reuse_addr_shares_is_offered_to_be_shared() {
    in_namespace(|| {
        let script = "
k = []
for i in range(3):
    m = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    m.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    m.bind(('0.0.0.0', 5353)); k.append(m)
ready()";
        let server = Server::start(script);
        let (code, json) = why(&["5353/udp"]);
        assert_eq!((code, kinds(&json)), (1, vec!["listener", "reuse_addr_share"]), "{json}");
        let plan = sockpit().args(["kill", "5353/udp", "--dry-run"]).output().unwrap();
        let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
        assert!(plan.contains("(SO_REUSEADDR)") && !plan.contains("REUSEPORT"), "{plan}");
        let text = text(&json, "reuse_addr_share");
        assert!(text.contains("3 sockets have SO_REUSEADDR there"), "{text}");
        drop(server);
        let _alone = UdpSocket::bind("0.0.0.0:5353").unwrap();
        assert_eq!(kinds(&why(&["5353/udp"]).1), ["listener"], "it lacks the option");
    });
}

#[test]
fn a_port_that_a_rule_takes_away_is_not_handed_out() {
    in_namespace_with(&["nft"], || {
        let rules = "add table ip t; add chain ip t c { type nat hook prerouting priority 0; }; \
                     add rule ip t c tcp dport 8000 redirect to :9000";
        run(Command::new("nft").arg(rules));
        let output = sockpit().args(["free", "8000", "--json"]).output().unwrap();
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["ports"], serde_json::json!([8001]), "{json}");
        let reason = json["skipped"][0]["reason"].as_str().unwrap();
        assert!(reason.starts_with("redirected: a rule of nftables (table ip t"), "{reason}");
    });
}

#[test]
fn in_a_user_namespace_an_unmapped_user_is_nobody_in_particular() {
    in_namespace(|| {
        let _listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let output = Command::new("unshare")
            .args(["--user", "--", env!("CARGO_BIN_EXE_sockpit")])
            .args(["ports", "port:8080", "--json"])
            .output()
            .unwrap();
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["sockets"][0]["user"], Value::Null, "{json}");
    });
}

#[test]
fn root_without_the_right_is_not_told_to_become_root() {
    in_namespace(|| {
        let output = Command::new("setpriv")
            .args(["--bounding-set", "-net_bind_service", "--inh-caps", "-all", "--"])
            .arg(env!("CARGO_BIN_EXE_sockpit"))
            .args(["why", "80", "--json"])
            .output()
            .unwrap();
        let (_, json) = crate::why::document(&output);
        let text = text(&json, "privileged_port");
        assert!(text.contains("this root lacks") && !text.contains("needs root"), "{text}");
        let remedies = finding(&json, "privileged_port")["remedies"].to_string();
        assert!(remedies.contains("free") && !remedies.contains("sysctl"), "{remedies}");
    });
}
