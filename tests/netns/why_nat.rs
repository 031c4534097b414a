//! `sockpit why` beside rules of nftables and iptables that the test itself makes, in a
//! namespace of its own. What each rule really does is asked of the kernel by connecting.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{cannot_run, in_namespace, in_namespace_with, run};
use crate::why::{document, finding, kinds, why};

fn nft(rules: &str) {
    let mut nft = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    nft.stdin.take().unwrap().write_all(rules.as_bytes()).unwrap();
    assert!(nft.wait().unwrap().success(), "{rules}");
}

fn iptables(program: &str, rule: &str) {
    run(Command::new(program).args(["-w", "-t", "nat"]).args(rule.split_whitespace()));
}

/// What a listener there says to whoever connects.
fn serve(addr: &str, says: &'static [u8]) {
    let listener = TcpListener::bind(addr).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(says);
        }
    });
}

/// Who answers there, as this host sees it.
fn asked(addr: &str) -> String {
    let addr: SocketAddr = addr.parse().unwrap();
    let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(5)).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

fn forwards(json: &Value) -> &Vec<Value> {
    finding(json, "nat_forward")["forwards"].as_array().unwrap()
}

fn text(json: &Value) -> &str {
    finding(json, "nat_forward")["text"].as_str().unwrap()
}

#[test]
fn a_redirected_port_is_bindable_and_not_reached() {
    in_namespace_with(&["nft"], || {
        nft("table inet web {
            chain in { type nat hook prerouting priority dstnat; tcp dport 8080 redirect to :9000; }
            chain out { type nat hook output priority -100; tcp dport 8080 redirect to :9000; }
        }");
        serve("127.0.0.1:9000", b"9000");
        let (code, json) = why(&["8080"]);
        assert_eq!((code, kinds(&json)), (0, vec!["nat_forward"]), "{json}");
        serve("127.0.0.1:8080", b"8080");
        assert_eq!(asked("127.0.0.1:8080"), "9000", "the kernel agrees");
        let handle = forwards(&json)[0]["rule"]["handle"].as_u64().unwrap();
        let expected = json!({
            "from": "outside", "addr": null, "to_this_host": true, "port": 9000,
            "rule": { "program": "nftables", "family": "inet", "table": "web", "chain": "in",
                "handle": handle },
            "conditions": [],
        });
        assert_eq!(forwards(&json)[0], expected);
        assert_eq!(forwards(&json)[1]["from"], "this_host");
        let listed = run(Command::new("nft").args(["-a", "list", "chain", "inet", "web", "in"]));
        assert!(listed.contains(&format!("redirect to :9000 # handle {handle}")), "{listed}");
        assert!(text(&json).contains("port 9000 of this host: a listener here is not reached"));
        let remedy = &finding(&json, "nat_forward")["remedies"][0]["argv"];
        assert_eq!(remedy, &json!(["nft", "-a", "list", "chain", "inet", "web", "in"]));
        assert_eq!(kinds(&why(&["8081"]).1), [""; 0]);
        assert_eq!(kinds(&why(&["8080/udp"]).1), [""; 0]);
        assert_eq!(kinds(&why(&["9000", "--addr", "127.0.0.2"]).1), [""; 0]);
    });
}

/// As dockerd writes them.
fn docker(program: &str) {
    iptables(program, "-N DOCKER");
    iptables(program, "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER");
    iptables(program, "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER");
    iptables(program, "-A DOCKER -i docker0 -j RETURN");
    let dnat = "-j DNAT --to-destination 172.17.0.2:80";
    iptables(program, &format!("-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 {dnat}"));
}

fn dockers_forwards_are_found(program: &str, says: &str) {
    docker(program);
    let (code, json) = why(&["8080"]);
    assert_eq!((code, kinds(&json)), (0, vec!["nat_forward"]), "{json}");
    let [outside, here] = forwards(&json).as_slice() else { panic!("{json}") };
    for forward in [outside, here] {
        assert_eq!((&forward["addr"], &forward["port"]), (&"172.17.0.2".into(), &80.into()));
        let rule = &forward["rule"];
        assert_eq!((&rule["program"], &rule["chain"]), (&says.into(), &"DOCKER".into()));
    }
    assert_eq!(outside["from"], "outside");
    assert_eq!(outside["conditions"][0], "not from interface docker0");
    assert_eq!(here["from"], "this_host");
    assert_eq!(here["conditions"], json!(["not to 127.0.0.0/8"]));
    let remedy = &finding(&json, "nat_forward")["remedies"][0]["argv"];
    assert_eq!(remedy, &json!(["docker", "ps", "--filter", "publish=8080"]));

    // A packet to a loopback address neither comes from outside nor is taken here.
    assert_eq!(kinds(&why(&["8080", "--addr", "127.0.0.1"]).1), [""; 0]);
    run(Command::new("ip").args(["address", "add", "192.0.2.1/32", "dev", "lo"]));
    let json = why(&["8080", "--addr", "192.0.2.1"]).1;
    assert_eq!(forwards(&json)[1]["conditions"], json!([]), "{json}");
    assert_eq!(kinds(&why(&["8080", "--addr", "::1"]).1), [""; 0]);
    assert_eq!(kinds(&why(&["8080/udp"]).1), [""; 0]);
    assert_eq!(kinds(&why(&["8081"]).1), [""; 0]);
}

#[test]
fn dockers_forwards_by_iptables_nft_are_found() {
    in_namespace_with(&["iptables-nft"], || dockers_forwards_are_found("iptables-nft", "nftables"));
}

#[test]
fn dockers_forwards_by_iptables_legacy_are_found() {
    let names = fs::read_to_string("/proc/net/ip_tables_names");
    if names.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return cannot_run("this kernel has no ip_tables");
    }
    in_namespace_with(&["iptables-legacy"], || {
        dockers_forwards_are_found("iptables-legacy", "iptables-legacy");
    });
}

#[test]
fn matches_of_iptables_are_read() {
    in_namespace_with(
        &["iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy"],
        || {
            for (program, port) in [("iptables-nft", 7000), ("iptables-legacy", 6000)] {
                let (one, first, last) = (port, port + 5, port + 8);
                let rule = format!("-m multiport --dports {one},{first}:{last}");
                iptables(
                    program,
                    &format!("-A PREROUTING -p tcp {rule} -j REDIRECT --to-ports 80"),
                );
                let rule = format!("--dport {}:{}", port + 20, port + 29);
                iptables(program, &format!("-A OUTPUT -p udp {rule} -j REDIRECT --to-ports 53"));
                let rule = format!("! --sport 1:5 --dport {}", port + 40);
                iptables(program, &format!("-A OUTPUT -p tcp {rule} -j DNAT --to 10.0.0.9"));
                let rule =
                    format!("--dport {} -m statistic --mode random --probability 0.5", port + 50);
                iptables(program, &format!("-A OUTPUT -p tcp {rule} -j DNAT --to 10.0.0.9:1"));

                let is_taken = |port: u16, udp: &str| {
                    kinds(&why(&[&format!("{port}{udp}")]).1).contains(&"nat_forward")
                };
                for offset in [0, 5, 6, 8] {
                    assert!(is_taken(port + offset, ""), "{program} {offset}");
                }
                for offset in [1, 4, 9, 20] {
                    assert!(!is_taken(port + offset, ""), "{program} {offset}");
                }
                assert!(is_taken(port + 20, "/udp") && is_taken(port + 29, "/udp"));
                assert!(!is_taken(port + 30, "/udp") && !is_taken(port, "/udp"));
                let json = why(&[&(port + 40).to_string()]).1;
                assert_eq!(forwards(&json)[0]["addr"], "10.0.0.9", "{program} {json}");
                assert_eq!(forwards(&json)[0]["port"], Value::Null);
                assert_eq!(forwards(&json)[0]["conditions"].as_array().unwrap().len(), 1, "{json}");
                let json = why(&[&(port + 50).to_string()]).1;
                assert_eq!(forwards(&json)[0]["conditions"].as_array().unwrap().len(), 1, "{json}");
            }
            for (program, port) in [("ip6tables-nft", 7600), ("ip6tables-legacy", 6600)] {
                let to = "-j DNAT --to-destination [2001:db8::7]:443";
                iptables(program, &format!("-A PREROUTING -p tcp --dport {port} {to}"));
                let rule = format!("-A OUTPUT -p tcp --dport {port} -d fd00::/8");
                iptables(program, &format!("{rule} -j REDIRECT --to-ports 80"));
                let json = why(&[&port.to_string()]).1;
                let [outside, here] = [0, 1].map(|index| &json["findings"][index]["forwards"][0]);
                assert_eq!(outside["addr"], "2001:db8::7", "{json}");
                assert_eq!(
                    (&here["port"], &here["conditions"]),
                    (&80.into(), &json!(["to fd00::/8"]))
                );
                assert_eq!(kinds(&why(&[&port.to_string(), "--addr", "0.0.0.0"]).1), [""; 0]);
            }
        },
    );
}

#[test]
fn sets_maps_and_intervals_are_looked_into() {
    in_namespace_with(&["nft"], || {
        nft("table ip n {
            map to { type inet_service : ipv4_addr . inet_service; elements = { 8081 : 10.0.0.5 . 80 }; }
            set never { type inet_service; }
            chain more { tcp dport 7000-7010 redirect to :70; }
            chain in {
                type nat hook prerouting priority dstnat
                dnat to tcp dport map @to
                tcp dport @never redirect to :1
                tcp dport { 1000-2000, 2500 } redirect to :80
                tcp dport vmap { 7000 : jump more, 7001-7005 : goto more, 7006 : accept }
                tcp dport 7000-7010 redirect to :71
                ip daddr . tcp dport { 10.0.0.0/24 . 5000-5010, 192.0.2.1 . 6000 } redirect to :90
                ip saddr 10.0.0.0/9 tcp dport 99 dnat to 1.1.1.1
                tcp dport != 3000-3999 tcp dport >= 2990 tcp dport < 4001 redirect to :33
                meta l4proto tcp th dport 4444 iifname { \"eth0\", \"eth1\" } redirect to :44
                tcp dport 4445 limit rate 5/second redirect to :45
                tcp dport 4446 iifname \"lo\" accept
                tcp dport 4446 redirect to :46
            }
        }");
        let told = |port: &str| {
            let json = why(&[port]).1;
            let of = |forward: &Value| {
                let conditions = forward["conditions"].as_array().unwrap();
                let words: Vec<&str> = conditions.iter().map(|it| it.as_str().unwrap()).collect();
                let addr = forward["addr"].as_str().unwrap_or("");
                format!("{addr}:{} {}", forward["port"], words.join("; "))
            };
            if kinds(&json).contains(&"nat_forward") {
                let findings = json["findings"].as_array().unwrap();
                let forwards = findings.iter().flat_map(|it| it["forwards"].as_array().unwrap());
                forwards.map(of).collect::<Vec<_>>()
            } else {
                Vec::new()
            }
        };
        let none: [&str; 0] = [];
        assert_eq!(told("8081"), ["10.0.0.5:80 "]);
        for port in ["1000", "1500", "2000", "2500"] {
            assert_eq!(told(port), [":80 "], "{port}");
        }
        for port in ["999", "2001", "2499", "2501", "8082"] {
            assert_eq!(told(port), none, "{port}");
        }
        assert_eq!(told("7000"), [":70 "]);
        assert_eq!(told("7005"), [":70 "]);
        assert_eq!(told("7006"), none, "accepted before");
        assert_eq!(told("7007"), [":71 "]);
        assert_eq!(told("5005"), [":90 to 10.0.0.0/24"]);
        assert_eq!(told("6000"), [":90 to 192.0.2.1"]);
        assert_eq!(told("99"), ["1.1.1.1:null from 10.0.0.0/9"]);
        assert_eq!(told("2995"), [":33 "]);
        assert_eq!(told("4000"), [":33 "]);
        assert_eq!((told("3000"), told("4001")), (Vec::new(), Vec::new()));
        assert_eq!(told("4444"), [":44 from interface eth0", ":44 from interface eth1"]);
        assert_eq!(told("4445"), [":45 by a condition on limit"]);
        assert_eq!(told("4446"), [":46 not from interface lo"]);
        assert!(
            why(&["4000"]).1["health"].as_array().unwrap().iter().all(|it| it["source"] != "nat")
        );
    });
}

#[test]
fn rules_that_may_not_be_read_are_said_to_be() {
    in_namespace(|| {
        let powerless = |json: &[&str]| {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set", "-all", "--inh-caps", "-all", "--"]);
            command.arg(env!("CARGO_BIN_EXE_sockpit")).args(["why", "8080"]).args(json);
            command.output().unwrap()
        };
        let (code, json) = document(&powerless(&["--json"]));
        assert_eq!((code, kinds(&json)), (0, vec![]), "{json}");
        let health = json["health"].as_array().unwrap();
        let line = health.iter().find(|line| line["source"] == "nat").unwrap();
        assert_eq!(line["state"], "unavailable");
        assert!(line["remedy"].as_str().unwrap().contains("CAP_NET_ADMIN"), "{line}");
        let text = String::from_utf8(powerless(&[]).stdout).unwrap();
        assert!(text.contains("  ! whether rules of nftables"), "{text}");
        // What is not bindable is not forwarded first of all.
        let _listener = TcpListener::bind("0.0.0.0:8080").unwrap();
        let text = String::from_utf8(powerless(&[]).stdout).unwrap();
        assert!(!text.contains("nftables"), "{text}");
    });
}

#[test]
fn a_firewall_rule_before_the_port_is_told() {
    in_namespace_with(&["nft"], || {
        let _listener = TcpListener::bind("0.0.0.0:8080").unwrap();
        assert!(!kinds(&why(&["8080"]).1).contains(&"firewall"));
        nft("table inet fw {
            chain in { type filter hook input priority 0; policy drop;
                ct state established,related accept
                iif lo accept
                tcp dport 22 accept
                ip saddr 10.0.0.0/8 tcp dport 8080 accept
                tcp dport 9090 reject
            }
        }");
        let text = |port: &str| {
            let (_, json) = why(&[port]);
            finding(&json, "firewall")["text"].as_str().unwrap().to_owned()
        };
        let dropped = text("8080");
        assert!(dropped.contains("are dropped") && dropped.contains("its policy"), "{dropped}");
        assert!(dropped.contains("not from 10.0.0.0/8"), "{dropped}");
        assert!(dropped.contains("nftables table inet fw, chain in"), "{dropped}");
        let rejected = text("9090");
        assert!(rejected.contains("are rejected") && rejected.contains("is not reached"));
        assert!(!kinds(&why(&["22"]).1).contains(&"firewall"), "it is let through");
        let own = why(&["9090", "--addr", "127.0.0.1"]).1;
        assert!(!kinds(&own).contains(&"firewall"), "nothing from outside gets there: {own}");
    });
}
