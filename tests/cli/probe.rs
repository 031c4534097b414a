//! `sockpit probe` as a user of the command line sees it.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Output, Stdio};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::support::{run, sockpit};

fn probe(args: &[&str]) -> Output {
    sockpit().arg("probe").args(args).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// A listener of this test, and the target that it is.
fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    (listener, target)
}

/// A port that this test holds without listening, so that nobody else can either.
fn closed_port() -> (Socket, String) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    let target = socket.local_addr().unwrap().as_socket().unwrap().to_string();
    (socket, target)
}

#[test]
fn one_target_is_an_object_of_the_contract() {
    let (_listener, target) = listener();
    let output = probe(&[&target, "--json"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.starts_with(b"{\"schema\":\"sockpit.probe/1\","));
    let document = json(&output);
    assert_eq!(document["target"], target);
    assert_eq!(document["attempts"][0]["seq"], 1);
    assert_eq!(document["attempts"][0]["address"], target);
    assert_eq!(document["verdict"], document["attempts"][0]["verdict"]);
    assert_eq!(document["verdict"]["side"], Value::Null);
    assert_eq!(document["health"], Value::Array(Vec::new()));
    let summary = &document["summary"];
    assert_eq!(
        (&summary["sent"], &summary["ok"], &summary["lost"]),
        (&1.into(), &1.into(), &0.into())
    );
    for time in ["min_us", "p50_us", "p90_us", "p99_us", "max_us"] {
        assert!(summary[time].is_u64(), "{time}: {summary}");
    }
    for stage in document["attempts"][0]["stages"].as_array().unwrap() {
        assert!(stage["duration_us"].is_u64() && stage["detail"].is_object(), "{stage}");
    }
}

#[test]
fn several_targets_are_an_array_in_their_order_and_one_failure_counts() {
    let (_listener, good) = listener();
    let (_held, bad) = closed_port();
    let output = probe(&[&bad, &good, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let documents = json(&output);
    let outcomes: Vec<_> = documents
        .as_array()
        .unwrap()
        .iter()
        .map(|document| (document["target"].as_str().unwrap(), &document["verdict"]["outcome"]))
        .collect();
    assert_eq!(outcomes, [(bad.as_str(), &"refused".into()), (good.as_str(), &"ok".into())]);
}

#[test]
fn words_say_each_stage_the_verdict_and_the_sums() {
    let (_listener, target) = listener();
    let output = probe(&[&target, "--count", "2", "--interval", "10ms"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for word in ["local", "connect", "greeting", "close", "verdict  OK: "] {
        assert_eq!(said.matches(&format!("\n  {word}")).count(), 2, "{word}: {said}");
    }
    let sums = said.lines().last().unwrap();
    assert!(sums.starts_with(&format!("{target}: 2 sent, 2 ok, 0 lost; min ")), "{said}");
    assert!(!said.contains('\x1b'), "no decoration in a pipe: {said}");
}

#[test]
fn a_refused_probe_ends_with_1_and_names_the_side() {
    let (_held, target) = closed_port();
    let output = probe(&[&target]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("verdict  REFUSED, peer side: "), "{said}");
    assert!(said.contains("(ECONNREFUSED)"), "{said}");
}

#[test]
fn lines_of_json_are_attempts_and_the_sums_go_to_stderr() {
    let (_listener, target) = listener();
    let output = probe(&[&target, "--jsonl", "--count", "2", "--interval", "1ms"]);
    let rows: Vec<Value> =
        output.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    let seqs: Vec<_> = rows.iter().map(|row| (&row["target"], &row["seq"])).collect();
    let target = Value::from(target);
    assert_eq!(seqs, [(&target, &1.into()), (&target, &2.into())]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("2 sent, 2 ok"), "{output:?}");
}

#[test]
fn unusable_input_is_one_clean_sentence_and_exit_2() {
    for (args, word) in [
        (&["127.0.0.1:0"][..], "from 1 to 65535"),
        (&["127.0.0.1:65536"], "from 1 to 65535"),
        (&["tcp://example.com"], "example.com:PORT"),
        (&["gopher://h:70"], "tcp://HOST:PORT"),
        (&["a\x1b[2J\u{202e}:80"], "the host name"),
        (&["127.0.0.1:80", "--timeout", "3 parsecs"], "500ms"),
        (&["127.0.0.1:80", "--timeout", "0"], "--timeout"),
        (&["127.0.0.1:80", "--interval", "99999d"], "longer than a day"),
        (&["127.0.0.1:80", "--count", "0"], "from 1"),
        (&["127.0.0.1:80", "--count", "\x1b[2J"], "from 1"),
        (&["127.0.0.1:80", "--source", "eth0"], "--source"),
        (&["127.0.0.1:80", "--source", "::1"], "IPv6"),
        (&["http://me:secret@h/"], "SOCKPIT_PASSWORD"),
        (&["127.0.0.1:80", "--at", "h"], "--at"),
        (&["127.0.0.1:80", "--close", "softly"], "--close"),
        (&["127.0.0.1:80", "--send", "hex:0"], "--send"),
        (&["127.0.0.1:80", "--ca", "/no/such/file"], "/no/such/file"),
        (&["@/no/such/file"], "/no/such/file"),
    ] {
        let output = probe(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(output.stdout.is_empty());
        assert!(said.contains(word), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said:?}");
        assert!(!said.contains(['\x1b', '\u{202e}']), "{said:?}");
    }
}

#[test]
fn a_hostile_name_is_cleaned_where_it_is_shown() {
    let (listener, target) = listener();
    let server = std::thread::spawn(move || {
        use std::io::Write;
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"\x1b]0;owned\x07\xff hello\r\n").unwrap();
    });
    let output = probe(&[&target]);
    server.join().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("hello") && !said.contains(['\x1b', '\x07']), "{said:?}");
}

#[test]
fn interrupting_a_long_probe_prints_its_sums() {
    let (_listener, target) = listener();
    let mut child = sockpit()
        .args(["probe", &target, "--count", "1000", "--interval", "10ms"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The first verdict shows that the probe runs, and listens for the interrupt.
    let verdict = lines.by_ref().map(Result::unwrap).find(|line| line.contains("verdict"));
    assert!(verdict.is_some());
    run(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]));
    let last = lines.map(Result::unwrap).last().unwrap();
    assert!(last.contains(" sent, "), "{last}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let (_listener, target) = listener();
    let mut child = sockpit()
        .args(["probe", &target, "--count", "1000", "--interval", "1ms"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn the_exit_code_follows_what_was_expected() {
    let (_held, closed) = closed_port();
    let (_listener, open) = listener();
    let code = |args: &[&str]| probe(args).status.code();
    assert_eq!(code(&[&closed, "--expect", "outcome=refused"]), Some(0));
    assert_eq!(code(&[&open, "--expect", "outcome=refused"]), Some(1));
    assert_eq!(code(&[&open, "--expect", "max<30s", "--expect", "sent=1"]), Some(0));
    let output = probe(&[&open, "--expect", "banner~/SSH/"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("expected banner~/SSH/, but it is unknown"), "{said}");
    for wrong in ["nonsense=1", "status", "p99<soon", "status!1", "banner~/(/"] {
        assert_eq!(code(&[&open, "--expect", wrong]), Some(2), "{wrong}");
    }
}

#[test]
fn targets_that_are_probed_once_are_told_in_their_order() {
    let (_slow, slow) = listener();
    let (_held, fast) = closed_port();
    let output = probe(&[&slow, &fast]);
    let said = String::from_utf8(output.stdout).unwrap();
    let place = |target: &str| said.find(&format!("{target} #1")).unwrap();
    // The first is listened to for a while, the second is refused at once.
    assert!(place(&slow) < place(&fast), "{said}");
}

#[test]
fn a_page_of_html_in_place_of_a_greeting_is_a_web_server() {
    let (listener, target) = listener();
    let server = std::thread::spawn(move || {
        use std::io::Write;
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"<!DOCTYPE HTML>\n<html><head><title>Error</title>\n").unwrap();
    });
    let output = probe(&[&format!("ssh://{target}"), "--json"]);
    server.join().unwrap();
    let document = json(&output);
    assert_eq!(document["verdict"]["outcome"], "protocol_error", "{document}");
    assert!(document["verdict"]["text"].as_str().unwrap().contains("speaks HTTP"), "{document}");
}

#[test]
fn a_file_that_is_no_socket_is_not_called_stale() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = probe(&[&format!("unix://{}", file.path().display()), "--json"]);
    let document = json(&output);
    assert_eq!(document["verdict"]["outcome"], "local_error", "{document}");
    assert!(document["verdict"]["text"].as_str().unwrap().contains("is no socket"), "{document}");
}

#[test]
fn what_cannot_be_probed_as_asked_is_wrong_usage() {
    for words in [
        &["icmp://127.0.0.1", "--via", "socks5://127.0.0.1:1"][..],
        &["udp://127.0.0.1:9", "--via", "http://127.0.0.1:1"],
        &["unix:///run/app.sock", "--via", "http://127.0.0.1:1"],
        &["unix:///run/app.sock", "--source", "127.0.0.1"],
        &["unix:///run/app.sock", "--set", "SO_RCVBUF=64KiB"],
        &["udp://127.0.0.1:9", "--mptcp"],
        &["icmp://127.0.0.1", "--every-address"],
        &["127.0.0.1:9", "--set", "SO_RCVBUF"],
        &["127.0.0.1:9", "--set", "TCP_FASTOPEN_CONNECT=on"],
        &["127.0.0.1:9", "--source", "127.0.0.1:99999"],
        &["127.0.0.1:9", "-6"],
        &["[::1]:9", "-4"],
        &["@/dev/null"],
        &["127.0.0.1:9", "--expect", "outcome=nonsense"],
        &["127.0.0.1:9", "--expect", "status=abc"],
        &["127.0.0.1:9", "--expect", "p99=5ms"],
    ] {
        let output = crate::support::sockpit().arg("probe").args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{words:?}: {output:?}");
    }
}

#[test]
fn a_target_that_takes_its_time_holds_up_no_other() {
    const OTHERS: usize = 4;
    let (slow, slow_target) = listener();
    let (quick, quick_target) = listener();
    let (tell, told) = std::sync::mpsc::channel();
    let serve_the_others = std::thread::spawn(move || {
        for _ in 0..OTHERS {
            quick.accept().unwrap().0.write_all(b"220 hello\r\n").unwrap();
            tell.send(()).unwrap();
        }
    });
    let serve_the_slow_one = std::thread::spawn(move || {
        let (mut stream, _) = slow.accept().unwrap();
        // It answers once all the others have been asked.
        let limit = std::time::Duration::from_secs(4);
        let all = (0..OTHERS).all(|_| told.recv_timeout(limit).is_ok());
        stream.write_all(b"HTTP/1.0 204 No Content\r\n\r\n").unwrap();
        all
    });
    let mut args = vec![format!("http://{slow_target}/"), "--concurrency".into(), "2".into()];
    args.extend(std::iter::repeat_n(format!("tcp://{quick_target}"), OTHERS));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = probe(&args);
    assert!(serve_the_slow_one.join().unwrap(), "the others waited: {output:?}");
    serve_the_others.join().unwrap();
    // They are told in their order all the same.
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.starts_with(b"http://"), "{output:?}");
}
