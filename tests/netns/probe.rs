//! `sockpit probe` against routes, neighbours and listeners that each test sets up in a
//! network of its own.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::support::{in_namespace, run, sockpit, wait_for};

/// One probe's exit code and its document.
pub(crate) fn probe(args: &[&str]) -> (i32, Value) {
    let output = sockpit().arg("probe").args(args).arg("--json").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let document = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?} {stderr}"));
    (output.status.code().unwrap(), document)
}

/// Asserts that the probe fails with this outcome, on this side, by this error.
pub(crate) fn assert_fails(args: &[&str], outcome: &str, side: &str, errno: Option<&str>) -> Value {
    let (code, document) = probe(args);
    let verdict = &document["verdict"];
    let found = (verdict["outcome"].as_str(), verdict["side"].as_str(), verdict["errno"].as_str());
    assert_eq!(found, (Some(outcome), Some(side), errno), "{document}");
    assert_eq!(code, 1);
    document
}

pub(crate) fn ip(command: &str) {
    run(Command::new("ip").args(command.split_whitespace()));
}

/// A link `v0` with 10.9.0.1/24, behind which nobody lives.
pub(crate) fn lonely_link() {
    ip("link add v0 type veth peer name v1");
    ip("addr add 10.9.0.1/24 dev v0");
    ip("link set v1 up");
    ip("link set v0 up");
}

#[test]
fn no_route_is_unreachable_on_this_side() {
    in_namespace(|| {
        let document = assert_fails(&["192.0.2.1:80"], "unreachable", "local", Some("ENETUNREACH"));
        assert!(document["verdict"]["text"].as_str().unwrap().contains("no route"), "{document}");
        assert_fails(&["[2001:db8::1]:80"], "unreachable", "local", Some("ENETUNREACH"));
    });
}

#[test]
fn each_kind_of_refusing_route_is_told_apart() {
    in_namespace(|| {
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
    in_namespace(|| {
        lonely_link();
        ip("neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent");
        let document =
            assert_fails(&["10.9.0.2:80", "--timeout", "1500ms"], "timeout", "path", None);
        let stages = document["attempts"][0]["stages"].as_array().unwrap();
        let connect = stages.last().unwrap();
        assert_eq!((&connect["name"], &connect["ok"]), (&"connect".into(), &false.into()));
        let waited = connect["duration_us"].as_u64().unwrap();
        assert!((1_500_000..4_000_000).contains(&waited), "{document}");
        // The first comes after a second (RFC 6298).
        let again = connect["detail"]["retransmits"].as_u64().unwrap();
        assert!((1..=2).contains(&again), "{document}");
        assert_eq!(document["summary"]["min_us"], Value::Null);
    });
}

#[test]
fn a_neighbour_that_is_not_there_is_unreachable_on_the_path() {
    in_namespace(|| {
        lonely_link();
        let args = ["10.9.0.3:80", "--timeout", "30s"];
        let document = assert_fails(&args, "unreachable", "path", Some("EHOSTUNREACH"));
        let text = document["verdict"]["text"].as_str().unwrap();
        assert!(text.contains("should be on v0 itself"), "{text}");

        ip("route add default via 10.9.0.254");
        let args = ["192.0.2.1:80", "--timeout", "30s"];
        let document = assert_fails(&args, "unreachable", "path", Some("EHOSTUNREACH"));
        let text = document["verdict"]["text"].as_str().unwrap();
        assert!(text.contains("gateway 10.9.0.254 does not answer on v0"), "{text}");
        let local = &document["attempts"][0]["stages"][0];
        assert_eq!(local["detail"]["interface"], "v0", "{document}");
        assert_eq!(local["detail"]["gateway"], "10.9.0.254", "{document}");
        assert_eq!(local["detail"]["to_self"], false, "{document}");
    });
}

#[test]
fn a_full_accept_queue_is_a_timeout_on_this_side() {
    in_namespace(|| {
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
        let document = assert_fails(&[&target, "--timeout", "300ms"], "timeout", "local", None);
        let text = document["verdict"]["text"].as_str().unwrap();
        let full = format!("accept queue is full ({} waiting, its limit is 0)", waiting.len());
        assert!(text.contains(&full), "{text}");
        assert!(text.contains(&format!(" {} does not accept", std::process::id())), "{text}");
    });
}

#[test]
fn a_listener_at_the_other_address_is_named() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.5:0").unwrap();
        let at = listener.local_addr().unwrap();
        let target = format!("127.0.0.1:{}", at.port());
        let document = assert_fails(&[&target], "refused", "peer", Some("ECONNREFUSED"));
        let text = document["verdict"]["text"].as_str().unwrap();
        assert!(text.contains(&format!(" {} listens on {at}", std::process::id())), "{text}");
        assert_eq!(document["health"], serde_json::json!([]), "{document}");
    });
}

#[test]
fn a_port_without_listener_is_refused_in_both_families() {
    in_namespace(|| {
        assert_fails(&["127.0.0.1:7"], "refused", "peer", Some("ECONNREFUSED"));
        assert_fails(&["[::1]:7"], "refused", "peer", Some("ECONNREFUSED"));
        // Both loopbacks are tried for a port alone.
        let document = assert_fails(&["7"], "refused", "peer", Some("ECONNREFUSED"));
        assert_eq!(document["summary"]["sent"], 2, "{document}");
    });
}

#[test]
fn a_server_that_aborts_is_a_reset() {
    in_namespace(|| {
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
    in_namespace(|| {
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
    in_namespace(|| {
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

/// Makes the resolver read this text in place of a file below `/etc`. The namespace has mounts
/// of its own: nobody else sees it.
pub(crate) fn replace_in_etc(name: &str, text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    run(Command::new("mount").arg("--bind").arg(file.path()).arg(format!("/etc/{name}")));
    file
}

/// A name server on 127.0.0.1 that gives every question the answer `flags` (RFC 1035, 4.1.1)
/// without records; none at all where there are no flags.
fn name_server(flags: Option<u16>) -> tempfile::NamedTempFile {
    let server = UdpSocket::bind("127.0.0.1:53").unwrap();
    thread::spawn(move || {
        let mut packet = [0; 512];
        while let Ok((length, from)) = server.recv_from(&mut packet) {
            let Some(flags) = flags else { continue };
            packet[2..4].copy_from_slice(&flags.to_be_bytes());
            // No additional record either: the question's own is the resolver's EDNS.
            packet[10..12].fill(0);
            server.send_to(&packet[..length], from).unwrap();
        }
    });
    replace_in_etc("resolv.conf", "nameserver 127.0.0.1\noptions attempts:1 timeout:20\n")
}

/// Asserts that the probe fails at the name, on this side, with this word in the sentence.
fn assert_dns_fails(timeout: &str, side: &Value, word: &str) {
    let (code, document) = probe(&["nobody.test:80", "--timeout", timeout]);
    let verdict = &document["verdict"];
    assert_eq!((code, &verdict["outcome"]), (1, &"dns_failed".into()), "{document}");
    assert_eq!(&verdict["side"], side, "{document}");
    assert!(verdict["text"].as_str().unwrap().contains(word), "{document}");
    let attempt = &document["attempts"][0];
    assert_eq!(attempt["address"], Value::Null);
    let stages = attempt["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 1, "{document}");
    assert_eq!((&stages[0]["name"], &stages[0]["ok"]), (&"resolve".into(), &false.into()));
}

#[test]
fn a_name_that_does_not_exist_is_nobodys_fault() {
    in_namespace(|| {
        let _configuration = name_server(Some(0x8183));
        assert_dns_fails("20s", &Value::Null, "does not exist");
    });
}

#[test]
fn a_name_without_an_address_differs_from_one_that_does_not_exist() {
    in_namespace(|| {
        let _configuration = name_server(Some(0x8180));
        assert_dns_fails("20s", &Value::Null, "has no address");
    });
}

#[test]
fn what_a_name_server_answers_in_place_of_an_address_is_told() {
    in_namespace(|| {
        let _configuration = name_server(Some(0x8182));
        assert_dns_fails("20s", &"peer".into(), "127.0.0.1:53 answers SERVFAIL");
    });
}

#[test]
fn the_records_behind_a_name_are_told_with_their_server() {
    in_namespace(|| {
        let hosts = replace_in_etc("hosts", "127.0.0.5 here.test\n");
        let (_, document) = probe(&["tcp://here.test:9"]);
        let resolved = &document["attempts"][0]["stages"][0]["detail"];
        assert_eq!((&resolved["source"], &resolved["server"]), (&"hosts".into(), &Value::Null));
        drop(hosts);
        run(Command::new("umount").arg("/etc/hosts"));
        let server = UdpSocket::bind("127.0.0.1:53").unwrap();
        thread::spawn(move || {
            let mut packet = [0; 512];
            while let Ok((length, from)) = server.recv_from(&mut packet) {
                // The question ends with its type and class, before the additional record.
                let end = 12 + packet[12..length].iter().position(|byte| *byte == 0).unwrap() + 5;
                let mut answer = packet[..end].to_vec();
                answer[2..4].copy_from_slice(&0x8180_u16.to_be_bytes());
                answer[10..12].fill(0);
                if packet[end - 3] == 1 {
                    answer[7] = 1;
                    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 77, 0, 4, 127, 0, 0, 6]);
                }
                server.send_to(&answer, from).unwrap();
            }
        });
        let _configuration = replace_in_etc("resolv.conf", "nameserver 127.0.0.1\n");
        let (_, document) = probe(&["tcp://there.test:9"]);
        let resolved = &document["attempts"][0]["stages"][0]["detail"];
        assert_eq!(resolved["server"], "127.0.0.1:53", "{document}");
        let record = &resolved["records"][0];
        assert_eq!((&record["type"], &record["data"]), (&"A".into(), &"127.0.0.6".into()));
        assert_eq!(record["ttl_s"], 77, "{document}");
    });
}

#[test]
fn a_name_server_that_is_not_there_lies_on_the_path() {
    in_namespace(|| {
        let _configuration = replace_in_etc("resolv.conf", "nameserver 127.0.0.1\n");
        assert_dns_fails("20s", &"path".into(), "no name server could be asked");
    });
}

#[test]
fn a_silent_name_server_costs_no_more_than_the_timeout() {
    in_namespace(|| {
        let _configuration = name_server(None);
        let started = Instant::now();
        assert_dns_fails("300ms", &"path".into(), "within 300.00 ms");
        // The resolver itself would have waited for 20 seconds.
        assert!(started.elapsed() < Duration::from_secs(15));
    });
}

#[test]
fn further_addresses_of_a_name_are_tried_until_one_connects() {
    in_namespace(|| {
        // The resolver puts 127.0.0.1 first: it is nearer to the source address 127.0.0.1.
        let listener = TcpListener::bind("127.0.0.2:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let _hosts = replace_in_etc(
            "hosts",
            "127.0.0.2 three.test\n127.0.0.1 three.test\n192.0.2.1 three.test\n",
        );
        let (code, document) =
            probe(&[&format!("three.test:{port}"), "--count", "2", "--interval", "1ms"]);
        assert_eq!(code, 0, "{document}");
        let tried: Vec<_> = document["attempts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|attempt| (attempt["seq"].as_u64().unwrap(), &attempt["verdict"]["outcome"]))
            .collect();
        // What answered in the first round comes first in the second.
        assert_eq!(tried, [(1, &"refused".into()), (1, &"ok".into()), (2, &"ok".into())]);
        let resolved = &document["attempts"][0]["stages"][0]["detail"];
        assert_eq!(resolved["addresses"].as_array().unwrap().len(), 3, "{document}");
        // There is no route to it, so that it could tell nothing.
        assert_eq!(resolved["not_tried"], serde_json::json!(["192.0.2.1"]), "{document}");
    });
}

#[test]
fn a_name_with_many_addresses_is_tried_at_the_last_of_them() {
    in_namespace(|| {
        let lines: String = (1..=20).map(|n| format!("127.0.0.{n} many.example\n")).collect();
        let _hosts = replace_in_etc("hosts", &lines);
        let listener = TcpListener::bind("127.0.0.20:0").unwrap();
        let target = format!("tcp://many.example:{}", listener.local_addr().unwrap().port());
        let (code, document) = probe(&[&target]);
        assert_eq!(code, 0, "{document}");
        assert!(document["attempts"].as_array().unwrap().len() > 8, "{document}");
    });
}
