//! `sockpit why --watch`, while packets to the port are dropped or refused.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::probe_lies::nft;
use crate::support::{
    are_there, in_namespace, in_namespace_of_root, programs_of, sockpit, wait_for,
};
use crate::why::{document, finding, kinds, why};

/// `why` that watches already.
fn watching(args: &[&str]) -> Child {
    let mut command = sockpit();
    command.arg("why").args(args).args(["--watch", "2s", "--json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("the programs to be attached", || (programs_of(child.id()) >= 3).then_some(()));
    child
}

fn finish(child: Child) -> Value {
    document(&child.wait_with_output().unwrap()).1
}

fn text<'a>(json: &'a Value, kind: &str) -> &'a str {
    finding(json, kind)["text"].as_str().unwrap()
}

#[test]
fn packets_that_a_rule_drops_are_told_with_the_reason() {
    in_namespace_of_root(|| {
        if !are_there(&["nft"]) {
            return;
        }
        nft("table inet f { chain i { type filter hook input priority 0;
             iifname \"lo\" tcp dport 7050 drop }}");
        let _listener = TcpListener::bind("127.0.0.1:7050").unwrap();
        let child = watching(&["7050"]);
        // The second SYN would leave a second after the first one.
        let to = "127.0.0.1:7050".parse().unwrap();
        TcpStream::connect_timeout(&to, Duration::from_millis(200)).unwrap_err();
        let json = finish(child);
        let dropped = text(&json, "dropped");
        assert!(dropped.starts_with("1 packet from 127.0.0.1 was dropped within 2.0 s"), "{json}");
        assert!(dropped.contains(": NETFILTER_DROP: "), "{json}");
        assert_eq!(json["watched_ms"], 2000);
    });
}

#[test]
fn a_port_that_nobody_holds_resets_and_says_so() {
    in_namespace_of_root(|| {
        let child = watching(&["7051", "7052"]);
        for _ in 0..3 {
            TcpStream::connect("127.0.0.1:7051").unwrap_err();
        }
        let json: Value =
            serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
        let reset = text(&json[0], "reset");
        assert!(reset.starts_with("3 resets were sent to 127.0.0.1 within 2.0 s: NO_SOCKET: no"));
        assert!(!kinds(&json[1]).contains(&"reset"), "{json}");
    });
}

#[test]
fn where_nothing_happens_that_is_said() {
    in_namespace_of_root(|| {
        let output = sockpit().args(["why", "7053", "--watch", "100ms"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = "no packet to it was dropped and nobody was reset within 100.00 ms";
        assert!(said.contains(line), "{said}");
    });
}

#[test]
fn without_the_rights_nobody_waits() {
    in_namespace(|| {
        let start = Instant::now();
        let (_, json) = why(&["7054", "--watch", "1h"]);
        assert!(start.elapsed() < Duration::from_secs(60));
        let health = json["health"].as_array().unwrap();
        let reason = health.iter().find(|line| line["source"] == "bpf").unwrap()["reason"].as_str();
        assert!(
            reason.unwrap().contains("dropped or refused is not known: not permitted"),
            "{json}"
        );
        assert!(json["watched_ms"].is_null(), "{json}");
    });
}
