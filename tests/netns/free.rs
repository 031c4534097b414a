//! `sockpit free` beside sockets and sysctls that the test itself sets, in a namespace of its own.

use std::fs;
use std::net::{TcpListener, UdpSocket};

use serde_json::{Value, json};

use crate::support::{in_namespace, run, sockpit};

fn free(args: &[&str]) -> (i32, Value) {
    let output = sockpit().arg("free").args(args).arg("--json").output().unwrap();
    let json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code().unwrap(), json)
}

fn skipped(json: &Value) -> Vec<(u64, String)> {
    let reason = |skipped: &Value| skipped["reason"].as_str().unwrap().to_owned();
    let all = json["skipped"].as_array().unwrap().iter();
    all.map(|skipped| (skipped["port"].as_u64().unwrap(), reason(skipped))).collect()
}

#[test]
fn taken_and_reserved_ports_are_passed_over() {
    in_namespace(|| {
        fs::write("/proc/sys/net/ipv4/ip_local_reserved_ports", "8001-8002").unwrap();
        let _v4 = TcpListener::bind("127.0.0.1:8000").unwrap();
        let _v6 = TcpListener::bind("[::1]:8003").unwrap();
        let _other_protocol = UdpSocket::bind("0.0.0.0:8004").unwrap();
        let (code, json) = free(&["8000", "-n", "2"]);
        assert_eq!((code, &json["ports"]), (0, &json!([8004, 8005])), "{json}");
        assert_eq!(json["schema"], "sockpit.free/1");
        let skipped = skipped(&json);
        let ports: Vec<u64> = skipped.iter().map(|(port, _)| *port).collect();
        assert_eq!(ports, [8000, 8001, 8002, 8003]);
        assert!(skipped[0].1.contains("127.0.0.1:8000 LISTEN"), "{json}");
        assert!(skipped[0].1.contains(&std::process::id().to_string()), "{json}");
        assert!(skipped[1].1.starts_with("reserved"), "{json}");
        let (code, json) = free(&["8003-8004/udp", "-n", "2"]);
        assert_eq!((code, &json["ports"]), (1, &json!([8003])), "fewer than asked: {json}");
    });
}

#[test]
fn a_port_that_is_named_can_be_bound_at_once() {
    in_namespace(|| {
        let port = run(sockpit().args(["free"]));
        let port: u16 = port.trim_end().parse().unwrap();
        TcpListener::bind(("0.0.0.0", port)).unwrap();
        let none = sockpit().args(["free", "9000-9000"]).output().unwrap();
        assert_eq!(none.stdout, b"9000\n");
        let _held = TcpListener::bind("0.0.0.0:9000").unwrap();
        let none = sockpit().args(["free", "9000-9000"]).output().unwrap();
        assert_eq!((none.status.code(), &none.stdout[..]), (Some(1), &b""[..]));
        let words = String::from_utf8_lossy(&none.stderr);
        assert!(words.contains("9000 in use: 0.0.0.0:9000 LISTEN"), "{words}");
    });
}

#[test]
fn the_ephemeral_range_of_this_namespace_counts() {
    in_namespace(|| {
        fs::write("/proc/sys/net/ipv4/ip_local_port_range", "5000\t5010").unwrap();
        let (code, json) = free(&["4999", "-n", "2"]);
        assert_eq!((code, &json["ports"]), (0, &json!([4999, 5011])), "{json}");
        assert!(skipped(&json).iter().all(|(_, reason)| reason.starts_with("ephemeral")));
        assert_eq!(free(&["5005"]).1["ports"], json!([5005]));
    });
}

#[test]
fn a_privileged_port_is_named_as_such() {
    in_namespace(|| {
        let output = std::process::Command::new("setpriv")
            .args(["--bounding-set", "-net_bind_service", "--inh-caps", "-all", "--"])
            .arg(env!("CARGO_BIN_EXE_sockpit"))
            .args(["free", "1022-1024", "-n", "3", "--json"])
            .output()
            .unwrap();
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &json["ports"]), (Some(1), &json!([1024])), "{json}");
        let reasons = skipped(&json);
        assert_eq!(reasons.len(), 2);
        assert!(reasons.iter().all(|(_, reason)| reason.starts_with("privileged")), "{json}");
    });
}

#[test]
fn what_is_no_range_is_wrong_usage() {
    for bad in [&["9000-8000"][..], &["0-10"], &["8000", "-n", "0"], &["70000"]] {
        let output = sockpit().arg("free").args(bad).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}
