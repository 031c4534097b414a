//! `sockpit probe` against routes, neighbours and listeners that each test sets up in a
//! network of its own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::support::{in_namespace, run, sockpit, wait_for};

/// One probe's exit code and its document.
fn probe(args: &[&str]) -> (i32, Value) {
    let output = sockpit().arg("probe").args(args).arg("--json").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let document = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?} {stderr}"));
    (output.status.code().unwrap(), document)
}

/// Asserts that the probe fails with this outcome, on this side, by this error.
fn assert_fails(args: &[&str], outcome: &str, side: &str, errno: Option<&str>) -> Value {
    let (code, document) = probe(args);
    let verdict = &document["verdict"];
    let found = (verdict["outcome"].as_str(), verdict["side"].as_str(), verdict["errno"].as_str());
    assert_eq!(found, (Some(outcome), Some(side), errno), "{document}");
    assert_eq!(code, 1);
    document
}

fn ip(command: &str) {
    run(Command::new("ip").args(command.split_whitespace()));
}

/// A link `v0` with 10.9.0.1/24, behind which nobody lives.
fn lonely_link() {
    ip("link add v0 type veth peer name v1");
    ip("addr add 10.9.0.1/24 dev v0");
    ip("link set v1 up");
    ip("link set v0 up");
}

#[test]
fn no_route_is_unreachable_on_this_side() {
    in_namespace("probe::no_route_is_unreachable_on_this_side", || {
        let document = assert_fails(&["192.0.2.1:80"], "unreachable", "local", Some("ENETUNREACH"));
        assert!(document["verdict"]["text"].as_str().unwrap().contains("no route"), "{document}");
        assert_fails(&["[2001:db8::1]:80"], "unreachable", "local", Some("ENETUNREACH"));
    });
}

#[test]
fn each_kind_of_refusing_route_is_told_apart() {
    in_namespace("probe::each_kind_of_refusing_route_is_told_apart", || {
        ip("route add unreachable 192.0.2.1");
        ip("route add prohibit 192.0.2.2");
        ip("route add blackhole 192.0.2.3");
        assert_fails(&["192.0.2.1:80"], "unreachable", "local", Some("EHOSTUNREACH"));
        assert_fails(&["192.0.2.2:80"], "not_permitted", "local", Some("EACCES"));
        assert_fails(&["192.0.2.3:80"], "unreachable", "local", Some("EINVAL"));
        ip("-6 route add prohibit 2001:db8::2");
        assert_fails(&["[2001:db8::2]:80"], "not_permitted", "local", Some("EACCES"));
    });
}

#[test]
fn a_lost_syn_is_a_timeout_on_the_path() {
    in_namespace("probe::a_lost_syn_is_a_timeout_on_the_path", || {
        lonely_link();
        ip("neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent");
        let document =
            assert_fails(&["10.9.0.2:80", "--timeout", "300ms"], "timeout", "path", None);
        let stages = document["attempts"][0]["stages"].as_array().unwrap();
        let connect = stages.last().unwrap();
        assert_eq!((&connect["name"], &connect["ok"]), (&"connect".into(), &false.into()));
        let waited = connect["duration_us"].as_u64().unwrap();
        assert!((300_000..2_000_000).contains(&waited), "{document}");
        assert_eq!(document["summary"]["min_us"], Value::Null);
    });
}

#[test]
fn a_neighbour_that_is_not_there_is_unreachable_on_the_path() {
    in_namespace("probe::a_neighbour_that_is_not_there_is_unreachable_on_the_path", || {
        lonely_link();
        let args = ["10.9.0.3:80", "--timeout", "30s"];
        assert_fails(&args, "unreachable", "path", Some("EHOSTUNREACH"));
    });
}

#[test]
fn a_full_accept_queue_is_a_timeout_on_this_side() {
    in_namespace("probe::a_full_accept_queue_is_a_timeout_on_this_side", || {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        // A backlog of 0 has room for one; the first connection that must wait shows that it
        // is full.
        let mut waiting = Vec::new();
        wait_for("the accept queue to be full", || {
            match TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
                Ok(stream) => {
                    waiting.push(stream);
                    None
                }
                Err(_) => Some(()),
            }
        });
        let target = address.to_string();
        assert_fails(&[&target, "--timeout", "300ms"], "timeout", "local", None);
    });
}

#[test]
fn a_port_without_listener_is_refused_in_both_families() {
    in_namespace("probe::a_port_without_listener_is_refused_in_both_families", || {
        assert_fails(&["127.0.0.1:7"], "refused", "peer", Some("ECONNREFUSED"));
        assert_fails(&["[::1]:7"], "refused", "peer", Some("ECONNREFUSED"));
        // Both loopbacks are tried for a port alone.
        let document = assert_fails(&["7"], "refused", "peer", Some("ECONNREFUSED"));
        assert_eq!(document["summary"]["sent"], 2, "{document}");
    });
}

#[test]
fn a_server_that_aborts_is_a_reset() {
    in_namespace("probe::a_server_that_aborts_is_a_reset", || {
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let target = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming() {
                socket2::SockRef::from(&stream.unwrap()).set_linger(Some(Duration::ZERO)).unwrap();
            }
        });
        for _ in 0..10 {
            let document = assert_fails(&[&target], "reset", "peer", Some("ECONNRESET"));
            assert!(document["summary"]["min_us"].is_u64(), "{document}");
        }
    });
}

#[test]
fn a_link_local_target_is_reached_through_its_interface() {
    in_namespace("probe::a_link_local_target_is_reached_through_its_interface", || {
        lonely_link();
        ip("-6 addr add fe80::99/64 dev v0 nodad");
        let link = run(Command::new("ip").args(["-o", "link", "show", "v0"]));
        let (index, _) = link.split_once(':').unwrap();
        let own = format!("[fe80::99%{index}]:0").parse::<SocketAddr>().unwrap();
        let listener = TcpListener::bind(own).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (code, document) = probe(&[&format!("[fe80::99%v0]:{port}")]);
        assert_eq!((code, &document["verdict"]["outcome"]), (0, &"ok".into()), "{document}");

        let nameless = format!("[fe80::99]:{port}");
        assert_fails(&[&nameless], "local_error", "local", Some("EINVAL"));
        let elsewhere = format!("[fe80::99%nowhere]:{port}");
        assert_fails(&[&elsewhere], "local_error", "local", Some("ENODEV"));
    });
}

#[test]
fn the_wished_source_is_used_and_a_foreign_one_refused() {
    in_namespace("probe::the_wished_source_is_used_and_a_foreign_one_refused", || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap().to_string();
        let (code, document) = probe(&[&target, "--source", "127.0.0.77"]);
        assert_eq!(code, 0, "{document}");
        let (_stream, peer) = listener.accept().unwrap();
        assert_eq!(peer.ip().to_string(), "127.0.0.77");
        let args = [target.as_str(), "--source", "192.0.2.77"];
        assert_fails(&args, "local_error", "local", Some("EADDRNOTAVAIL"));
    });
}

#[test]
fn a_name_without_a_name_server_fails_in_the_first_stage() {
    in_namespace("probe::a_name_without_a_name_server_fails_in_the_first_stage", || {
        let (code, document) = probe(&["nobody.invalid:80", "--timeout", "3s"]);
        assert_eq!((code, &document["verdict"]["outcome"]), (1, &"dns_failed".into()));
        let attempt = &document["attempts"][0];
        assert_eq!(attempt["address"], Value::Null);
        assert_eq!(attempt["stages"].as_array().unwrap().len(), 1, "{document}");
        assert_eq!(attempt["stages"][0]["name"], "resolve");
        assert_eq!(attempt["stages"][0]["ok"], false);
    });
}
