//! `sockpit why` beside sockets that the test itself opens, in a namespace of its own.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Output};

use serde_json::Value;

use crate::kill::Server;
use crate::support::{in_namespace, run, sockpit, wait_for};

pub(crate) fn why(args: &[&str]) -> (i32, Value) {
    document(&sockpit().arg("why").args(args).arg("--json").output().unwrap())
}

pub(crate) fn document(output: &Output) -> (i32, Value) {
    let json: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(json["schema"], "sockpit.why/1");
    (output.status.code().unwrap(), json)
}

pub(crate) fn kinds(json: &Value) -> Vec<&str> {
    let findings = json["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["kind"].as_str().unwrap()).collect()
}

pub(crate) fn finding<'a>(json: &'a Value, kind: &str) -> &'a Value {
    let findings = json["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["kind"] == kind).unwrap_or_else(|| panic!("{json}"))
}

/// The error of the trial on `addr` with these options.
pub(crate) fn error<'a>(
    json: &'a Value,
    addr: &str,
    v6_only: Option<bool>,
    options: [bool; 2],
) -> &'a Value {
    let trial = json["trial"].as_array().unwrap().iter().find(|trial| {
        trial["addr"] == addr
            && trial["v6_only"].as_bool() == v6_only
            && trial["reuse_addr"] == options[0]
            && trial["reuse_port"] == options[1]
    });
    &trial.unwrap_or_else(|| panic!("{addr}: {json}"))["error"]
}

const PLAIN: [bool; 2] = [false, false];

#[test]
fn a_free_port_is_bindable() {
    in_namespace(|| {
        for (port, udp) in [("8080", false), ("8080/udp", true)] {
            let (code, json) = why(&[port]);
            assert_eq!((code, &json["bindable"]), (0, &Value::Bool(true)), "{json}");
            assert_eq!((&json["target"], &json["udp"]), (&port.into(), &udp.into()));
            assert_eq!(kinds(&json), [""; 0]);
            let trials = json["trial"].as_array().unwrap();
            assert_eq!(trials.len(), 9);
            assert!(trials.iter().all(|trial| trial["tried"] == true && trial["error"].is_null()));
        }
        let output = sockpit().args(["why", "8080"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with("8080/tcp can be bound"), "{text}");
        assert!(text.contains("outside the ephemeral range, not reserved, not privileged"));
    });
}

#[test]
fn a_listener_on_one_address_is_named_with_what_ends_it() {
    in_namespace(|| {
        let server = Server::start("s = tcp(); ready()");
        let (code, json) = why(&["8080"]);
        assert_eq!((code, &json["bindable"]), (1, &Value::Bool(false)));
        assert_eq!(kinds(&json), ["listener", "specific_conflict"]);
        let listener = finding(&json, "listener");
        assert_eq!(listener["sockets"][0]["owners"][0]["pid"], server.pid());
        assert_eq!(listener["remedies"][0]["argv"], serde_json::json!(["sockpit", "kill", "8080"]));
        assert_eq!(error(&json, "0.0.0.0", None, PLAIN), "EADDRINUSE");
        assert_eq!(error(&json, "0.0.0.0", None, [true, false]), "EADDRINUSE");
        assert!(error(&json, "::", Some(true), PLAIN).is_null(), "{json}");
        assert_eq!(error(&json, "::", Some(false), PLAIN), "EADDRINUSE");

        let (code, json) = why(&["8080", "--addr", "127.0.0.2"]);
        assert_eq!((code, kinds(&json)), (0, vec![]), "another address is free: {json}");
        let (code, json) = why(&["8080", "--addr", "127.0.0.1"]);
        assert_eq!((code, kinds(&json)), (1, vec!["listener"]));
        assert_eq!(why(&["8080/udp"]).0, 0, "another protocol is free");

        let output = sockpit().args(["why", "8080"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let verdict = "0.0.0.0:8080/tcp cannot be bound (tried: EADDRINUSE, with SO_REUSEADDR too";
        assert!(text.starts_with(verdict), "{text}");
        let line = format!("  1 a listener holds 127.0.0.1:8080: python3 {}", server.pid());
        assert!(text.contains(&line) && text.contains("→ sockpit kill 8080"), "{text}");
    });
}

#[test]
fn wildcards_and_dual_stack_are_told_apart() {
    in_namespace(|| {
        let _v4 = TcpListener::bind("0.0.0.0:8080").unwrap();
        let _dual = TcpListener::bind("[::]:9090").unwrap();
        let (code, json) = why(&["8080", "--addr", "127.0.0.1"]);
        assert_eq!((code, kinds(&json)), (1, vec!["listener", "wildcard_conflict"]));
        assert_eq!(kinds(&why(&["8080"]).1), ["listener"]);
        assert_eq!(why(&["8080", "--addr", "::1"]).0, 0);
        let (code, json) = why(&["9090", "--addr", "127.0.0.1"]);
        assert_eq!((code, kinds(&json)), (1, vec!["listener", "dual_stack"]));
        assert_eq!(kinds(&why(&["9090"]).1), ["listener", "dual_stack"]);
    });
}

#[test]
fn a_socket_that_is_bound_without_listening_is_found() {
    in_namespace(|| {
        let server = Server::start("s = tcp(addr='0.0.0.0', listen=False); ready()");
        let (code, json) = why(&["8080"]);
        assert_eq!((code, kinds(&json)), (1, vec!["bound_not_listening"]), "{json}");
        let bound = finding(&json, "bound_not_listening");
        assert_eq!(bound["sockets"][0]["owners"][0]["pid"], server.pid());
    });
}

#[test]
fn connections_in_time_wait_are_counted_and_passed_over() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let mut client = TcpStream::connect("127.0.0.1:8080").unwrap();
        drop(listener.accept().unwrap());
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        drop((client, listener));
        wait_for("TIME_WAIT", || {
            let out = run(Command::new("ss").args(["-Htan", "sport = :8080"]));
            out.starts_with("TIME-WAIT").then_some(())
        });
        let (code, json) = why(&["8080"]);
        assert_eq!((code, kinds(&json)), (1, vec!["time_wait"]), "{json}");
        let text = finding(&json, "time_wait")["text"].as_str().unwrap();
        assert!(text.starts_with("1 closed connection is in TIME_WAIT"), "{text}");
        assert!(text.contains("more; a bind with SO_REUSEADDR passes over it"), "{text}");
        assert!(error(&json, "0.0.0.0", None, [true, false]).is_null(), "{json}");
    });
}

#[test]
fn an_outgoing_connection_holds_its_port() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let client = TcpStream::connect("127.0.0.1:8080").unwrap();
        let _accepted = listener.accept().unwrap();
        let port = client.local_addr().unwrap().port().to_string();
        let (code, json) = why(&[&port]);
        assert_eq!((code, kinds(&json)), (1, vec!["connected_local", "ephemeral_range"]), "{json}");
        let connected = finding(&json, "connected_local");
        assert_eq!(connected["sockets"][0]["owners"][0]["pid"], std::process::id());
        let text = finding(&json, "ephemeral_range")["text"].as_str().unwrap();
        assert!(text.contains("1 connection has it now"), "{text}");
    });
}

#[test]
fn a_connection_over_ipv6_is_in_the_way_of_every_ipv4_address() {
    in_namespace(|| {
        let listener = TcpListener::bind("[::]:8080").unwrap();
        let client = TcpStream::connect("[::1]:8080").unwrap();
        let _accepted = listener.accept().unwrap();
        drop(listener);
        let own = client.local_addr().unwrap().port().to_string();
        for port in ["8080", &own] {
            let (code, json) = why(&[port, "--addr", "0.0.0.0"]);
            assert_eq!((code, kinds(&json)[0]), (1, "connected_local"), "{json}");
            let (code, json) = why(&[port, "--addr", "127.0.0.1"]);
            assert_eq!(code, 0, "{json}");
            assert!(!kinds(&json).contains(&"connected_local"), "{json}");
        }
    });
}

#[test]
fn what_is_offered_against_a_mapped_wildcard_finds_the_connection() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let _client = TcpStream::connect("127.0.0.1:8080").unwrap();
        let _accepted = listener.accept().unwrap();
        drop(listener);
        let (_, json) = why(&["8080", "--addr", "::ffff:0.0.0.0"]);
        let close = &finding(&json, "connected_local")["remedies"][1]["argv"];
        let argv: Vec<&str> = close.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let closed =
            sockpit().args(&argv[1..]).args(["--dry-run", "--protected"]).output().unwrap();
        assert_eq!(closed.status.code(), Some(0), "{closed:?}");
    });
}

#[test]
fn connections_that_nobody_has_accepted_are_the_kernels() {
    in_namespace(|| {
        let _listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let _client = TcpStream::connect("127.0.0.1:8080").unwrap();
        let (_, json) = why(&["8080"]);
        assert_eq!(kinds(&json), ["listener", "specific_conflict", "kernel_socket"]);
        let text = finding(&json, "kernel_socket")["text"].as_str().unwrap();
        assert!(text.contains("waiting to be accepted"), "{text}");
    });
}

#[test]
fn a_group_that_shares_the_port_is_found() {
    in_namespace(|| {
        let script = "s = tcp(reuse_port=True); t = tcp(reuse_port=True); ready()";
        let _server = Server::start(script);
        let (code, json) = why(&["8080", "--addr", "127.0.0.1"]);
        assert_eq!((code, kinds(&json)), (1, vec!["listener", "reuse_port_group"]), "{json}");
        let group = finding(&json, "reuse_port_group");
        assert_eq!(group["sockets"].as_array().unwrap().len(), 2);
        assert!(group["text"].as_str().unwrap().contains("joins them"));
        assert!(error(&json, "127.0.0.1", None, [false, true]).is_null());
    });
}

#[test]
fn a_group_is_not_joined_past_another_holder() {
    in_namespace(|| {
        let script = "a = tcp('127.0.0.1', reuse_port=True); b = tcp('127.0.0.2'); ready()";
        let _server = crate::kill::Server::start(script);
        let (code, json) = why(&["8080", "--addr", "0.0.0.0"]);
        assert_eq!(code, 1, "{json}");
        let text = finding(&json, "reuse_port_group")["text"].as_str().unwrap();
        assert!(text.contains("others are in the way"), "{text}");
    });
}

#[test]
fn over_udp_no_datagram_is_taken_from_the_holder() {
    in_namespace(|| {
        let _holder = UdpSocket::bind("127.0.0.1:8080").unwrap();
        let (code, json) = why(&["8080/udp"]);
        assert_eq!((code, kinds(&json)), (1, vec!["listener", "specific_conflict"]));
        for trial in json["trial"].as_array().unwrap() {
            let is_plain = trial["reuse_addr"] == false && trial["reuse_port"] == false;
            assert_eq!(trial["tried"], is_plain, "{trial}");
        }
        // Also where the holder has another address than the one that is asked about.
        let (code, json) = why(&["8080/udp", "--addr", "127.0.0.2"]);
        assert_eq!((code, kinds(&json)), (0, vec![]));
        assert_eq!(json["trial"][1]["tried"], false);
        let argv = why(&["8080/udp"]).1["findings"][0]["remedies"][0]["argv"].clone();
        assert_eq!(argv, serde_json::json!(["sockpit", "kill", "8080/udp"]));
    });
}

#[test]
fn the_rules_of_this_namespace_are_findings() {
    in_namespace(|| {
        fs::write("/proc/sys/net/ipv4/ip_local_reserved_ports", "8080").unwrap();
        let (code, json) = why(&["8080"]);
        assert_eq!((code, kinds(&json)), (0, vec!["reserved_port"]), "{json}");
        let (code, json) = why(&["40000"]);
        assert_eq!((code, kinds(&json)), (0, vec!["ephemeral_range"]), "{json}");
        let argv = &finding(&json, "ephemeral_range")["remedies"][0]["argv"];
        assert_eq!(argv[2], "net.ipv4.ip_local_reserved_ports=8080,40000");
        let (code, json) = why(&["8081", "--addr", "192.0.2.1"]);
        assert_eq!((code, kinds(&json)), (1, vec!["addr_not_local"]), "{json}");
        assert_eq!(json["trial"][0]["error"], "EADDRNOTAVAIL");
    });
}

#[test]
fn a_privileged_port_is_refused_without_the_right() {
    in_namespace(|| {
        let output = Command::new("setpriv")
            .args(["--bounding-set", "-net_bind_service", "--inh-caps", "-all", "--"])
            .arg(env!("CARGO_BIN_EXE_sockpit"))
            .args(["why", "80", "--json"])
            .output()
            .unwrap();
        let (code, json) = document(&output);
        assert_eq!((code, kinds(&json)), (1, vec!["privileged_port"]), "{json}");
        assert_eq!(json["trial"][0]["error"], "EACCES");
        assert_eq!(json["rules"]["privileged"], true);
        assert_eq!(why(&["80"]).0, 0, "with the right it is bindable");
    });
}

#[test]
fn an_owner_that_may_not_be_seen_is_hidden() {
    in_namespace(|| {
        let _server = Server::start("s = tcp(addr='0.0.0.0'); ready()");
        // A process with more rights than the one that asks is closed to it.
        let output = Command::new("setpriv")
            .args(["--bounding-set", "-all", "--inh-caps", "-all", "--"])
            .arg(env!("CARGO_BIN_EXE_sockpit"))
            .args(["why", "8080", "--json"])
            .output()
            .unwrap();
        let (code, json) = document(&output);
        assert_eq!((code, kinds(&json)), (1, vec!["listener", "owner_hidden"]), "{json}");
        assert_eq!(finding(&json, "listener")["remedies"], serde_json::json!([]));
        // It is root already, only a lesser one.
        assert_eq!(finding(&json, "owner_hidden")["remedies"], serde_json::json!([]));
        let text = finding(&json, "owner_hidden")["text"].as_str().unwrap();
        assert!(text.contains("this root lacks") && !text.contains("run as root"), "{text}");
    });
}

#[test]
fn what_is_no_port_is_wrong_usage() {
    for bad in [&["65536"][..], &["0,80"], &["x"], &["8080", "--addr", "nowhere"], &[]] {
        let output = sockpit().arg("why").args(bad).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
    }
}
