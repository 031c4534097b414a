//! `sockpit ports` on sockets that the test itself opened.

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::{sockpit, wait_for};

fn ports(arguments: &[&str]) -> Output {
    sockpit().arg("ports").args(arguments).output().unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn with_local_port(sockets: &[Value], port: u16) -> Vec<&Value> {
    sockets.iter().filter(|socket| socket["local"]["port"] == port).collect()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_document_begins_with_its_schema_and_has_the_contracts_fields() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let output = ports(&["--json"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.starts_with(br#"{"schema":"sockpit.ports/1","taken_at":""#));
    let document = document(&output);
    assert!(document["host"].is_string() && document["privileged"].is_boolean());
    let health = document["health"].as_array().unwrap();
    assert!(health.iter().all(|line| line["source"].is_string() && line["state"].is_string()));
    let sockets = document["sockets"].as_array().unwrap();
    let found = with_local_port(sockets, port);
    let [socket] = found[..] else { panic!("{found:?}") };
    for field in [
        "netns",
        "family",
        "protocol",
        "state",
        "local",
        "remote",
        "service",
        "v6_only",
        "inode",
        "peer_inode",
        "protocol_number",
        "cookie",
        "interface",
        "uid",
        "user",
        "recv_q",
        "send_q",
        "backlog",
        "drops",
        "rates",
        "stalled",
        "drop_growth",
        "timer",
        "first_seen",
        "cgroup",
        "ownership",
        "owners_complete",
        "owners",
        "tcp",
        "file",
        "packet",
        "netlink",
    ] {
        assert!(socket.get(field).is_some(), "{field} is missing");
    }
    assert_eq!((&socket["family"], &socket["protocol"]), (&"ipv4".into(), &"tcp".into()));
    assert_eq!(socket["state"], "LISTEN");
    assert_eq!(socket["remote"], Value::Null);
    assert_eq!((&socket["recv_q"], &socket["send_q"]), (&Value::Null, &Value::Null));
    assert_eq!(socket["backlog"]["queued"], 0);
    assert_eq!(keys(&socket["local"]), ["addr", "name", "path", "port", "scope"]);
    assert_eq!(socket["ownership"]["kind"], "owned");
    let owner = &socket["owners"][0];
    assert_eq!(owner["pid"], std::process::id());
    assert!(owner["fd"].is_i64() && owner["name"].is_string() && owner["cmdline"].is_array());
    assert!(owner["started_at"].is_string() && owner["ppid"].is_number());
}

#[test]
fn a_connection_has_two_ends_and_tcp_numbers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (_server, from) = listener.accept().unwrap();
    let document = document(&ports(&["--json"]));
    let sockets = document["sockets"].as_array().unwrap();
    let found = with_local_port(sockets, client.local_addr().unwrap().port());
    let [socket] = found[..] else { panic!("{found:?}") };
    assert_eq!(from, client.local_addr().unwrap());
    assert_eq!(socket["state"], "ESTABLISHED");
    assert_eq!(
        (&socket["remote"]["addr"], &socket["remote"]["port"]),
        (&"127.0.0.1".into(), &port.into())
    );
    assert_eq!((&socket["recv_q"], &socket["send_q"]), (&0.into(), &0.into()));
    assert!(socket["tcp"]["rtt_us"].is_u64() && socket["tcp"]["cwnd"].is_u64());
    let states: Vec<&Value> =
        with_local_port(sockets, port).iter().map(|socket| &socket["state"]).collect();
    assert_eq!(states, ["LISTEN", "ESTABLISHED"], "no peer sorts before a peer");
}

#[test]
fn jsonl_is_one_socket_a_line_in_the_documented_order() {
    let _udp = UdpSocket::bind("[::1]:0").unwrap();
    let _tcp = TcpListener::bind("[::1]:0").unwrap();
    let output = ports(&["--jsonl"]);
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let is_ours = |socket: &&Value| socket["protocol"] == "tcp" || socket["protocol"] == "udp";
    let order: Vec<(bool, u64)> = lines
        .iter()
        .filter(is_ours)
        .map(|socket| (socket["protocol"] == "udp", socket["local"]["port"].as_u64().unwrap()))
        .collect();
    assert!(order.len() >= 2 && order.is_sorted(), "{order:?}");
}

#[test]
fn text_shows_who_listens_and_takes_no_colour_in_a_pipe() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let output = ports(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.contains(&at)).unwrap();
    let cells: Vec<&str> = line.split_whitespace().collect();
    let pid = std::process::id().to_string();
    assert_eq!((cells[0], cells[1], cells[2], cells[3]), ("tcp4", at.as_str(), "*", "LISTEN"));
    assert!(cells[4].starts_with("0/"), "{line}");
    // Another test that starts a program shares the socket with it for a moment: `812+1`.
    assert_eq!(cells[5].split('+').next(), Some(pid.as_str()));
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn columns_and_order_can_be_chosen() {
    let low = TcpListener::bind("127.0.0.1:0").unwrap();
    let high = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut ends = [low.local_addr().unwrap().port(), high.local_addr().unwrap().port()];
    ends.sort_unstable();
    let output = ports(&["--columns", "local,pid", "--sort=-local"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text.lines().next().unwrap().split_whitespace().collect::<Vec<_>>(),
        ["LOCAL", "PID"]
    );
    let at = |port: u16| text.find(&format!("127.0.0.1:{port} ")).unwrap();
    assert!(at(ends[1]) < at(ends[0]));
}

#[test]
fn csv_has_a_header_and_as_many_cells_in_every_row() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let output = ports(&["--csv", "--columns", "proto,local,remote,recv_q,pid"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.split("\r\n");
    assert_eq!(lines.next(), Some("proto,local,remote,recv_q,pid"));
    let row = lines.find(|line| line.contains(&at)).unwrap();
    let expected = format!("tcp4,{at},*,,{}", std::process::id());
    assert_eq!(row.split('+').next(), Some(expected.as_str()));
}

#[test]
fn wrong_arguments_are_named_and_end_with_2() {
    for (arguments, named) in [
        (&["--columns", "bogus"][..], "bogus"),
        (&["--sort", "bogus"], "bogus"),
        (&["--watch=0"], "0"),
        (&["--watch=soon"], "soon"),
        (&["--backend", "magic"], "magic"),
        (&["--json", "--csv"], "--csv"),
    ] {
        let output = ports(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(named), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for format in ["--json", "--jsonl", "--csv"] {
        let mut child = sockpit()
            .args(["ports", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!stderr.contains("pipe") && !stderr.contains("panicked"), "{format}: {stderr}");
        assert_eq!(output.status.code(), Some(0), "{format}: {stderr}");
    }
}

#[test]
fn watching_tells_what_is_there_appears_and_ends() {
    let before = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child = sockpit()
        .args(["ports", "--watch=0.1", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (lines, received) = std::sync::mpsc::channel::<Value>();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        let mut chunk = [0; 65536];
        while let Ok(count @ 1..) = stdout.read(&mut chunk) {
            text.extend_from_slice(&chunk[..count]);
            while let Some(end) = text.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                if lines.send(serde_json::from_slice(&line).unwrap()).is_err() {
                    return;
                }
            }
        }
    });
    let wait = |event: &str, port: u16| {
        wait_for(&format!("{event} {port}"), || {
            received
                .try_iter()
                .find(|line| line["event"] == event && line["socket"]["local"]["port"] == port)
        })
    };
    wait("present", before.local_addr().unwrap().port());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let added = wait("added", port);
    assert_eq!(added["socket"]["state"], "LISTEN");
    drop(listener);
    let removed = wait("removed", port);
    assert_eq!(removed["socket"]["cookie"], added["socket"]["cookie"]);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(received);
    reader.join().unwrap();
}

#[test]
fn the_portable_backend_says_what_it_cannot_tell() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let document = document(&ports(&["--json", "--backend", "netstat2"]));
    let sockets = document["sockets"].as_array().unwrap();
    let found = with_local_port(sockets, port);
    let [socket] = found[..] else { panic!("{found:?}") };
    assert_eq!(socket["owners"][0]["pid"], std::process::id());
    assert_eq!(socket["owners"][0]["fd"], Value::Null);
    for unknown in ["cookie", "backlog", "recv_q", "tcp", "owners_complete"] {
        assert_eq!(socket[unknown], Value::Null, "{unknown}");
    }
    let degraded = document["health"].as_array().unwrap();
    assert!(degraded.iter().any(|line| line["state"] == "degraded"));
}

#[test]
fn a_query_narrows_the_list_and_its_answer_is_the_exit_code() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let by_port = format!("port:{port}");
    let output = ports(&[&by_port, "state:listen", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let found = document(&output)["sockets"].as_array().unwrap().clone();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["local"]["port"], port);
    let none = ports(&[&by_port, "proto:udp"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(none.stdout.is_empty());
}

#[test]
fn a_faulty_query_is_wrong_usage_and_says_where() {
    for (query, named) in [("port:99999", "65535"), ("prot:tcp", "proto")] {
        let output = ports(&[query]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(named) && stderr.contains("column"), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_question_that_only_an_unknown_value_could_answer_is_undecided() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    // netstat2 tells no queue, so nobody knows whether it is longer than that.
    let output = ports(&["--backend=netstat2", &format!("port:{port}"), "recvq:>5"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(output.stdout.is_empty());
}
