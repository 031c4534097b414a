//! Real servers asked in their own protocol, and in another's: what comes back, and the verdict.
//!
//! Written down for nginx 1.22, OpenSSH 9.2, redis 7.0, memcached 1.6 and mosquitto 2.0 (Debian
//! 12).

use std::time::{Duration, Instant};

use crate::servers::{Server, assert_verdict, probe, stage};
use crate::support::{in_namespace_with, needs_root};

/// A target's verdict: outcome, side, a word of the sentence.
pub(crate) type Verdict = (&'static str, Option<&'static str>, &'static str);

pub(crate) fn table(port: u16, rows: &[(&str, Verdict)]) {
    for (scheme, (outcome, side, word)) in rows {
        let target = format!("{scheme}://127.0.0.1:{port}");
        assert_verdict(&[&target, "--timeout", "2s"], outcome, *side, word);
    }
}

#[test]
fn nginx() {
    in_namespace_with(&["nginx"], || {
        let _nginx = Server::nginx(
            "server { listen 127.0.0.1:80; location / { return 404; } location /r { return 301 https://elsewhere.example/; } }",
            80,
        );
        table(
            80,
            &[
                ("http", ("ok", None, "HTTP 404")),
                ("https", ("protocol_error", Some("peer"), "HTTP (nginx/")),
                ("tcp", ("ok", None, "answers in")),
                ("ssh", ("protocol_error", Some("peer"), "speaks HTTP")),
                ("redis", ("protocol_error", Some("peer"), "speaks HTTP")),
            ],
        );
        let document =
            assert_verdict(&["http://127.0.0.1/r"], "ok", None, "to https://elsewhere.example/");
        assert_eq!(stage(&document, "request")["status"], 301, "{document}");
        assert!(stage(&document, "request")["first_byte_us"].as_u64().unwrap() > 0);
        // It was asked to close, and did.
        let close = stage(&document, "close");
        assert_eq!((&close["first"], &close["how"]), (&"peer".into(), &"fin".into()), "{document}");
        assert!(stage(&document, "connect")["mss"].as_u64().unwrap() > 0, "{document}");
    });
}

#[test]
fn openssh() {
    if !needs_root() {
        return;
    }
    let (_sshd, port) = Server::sshd();
    table(
        port,
        &[
            ("ssh", ("ok", None, "SSH-2.0-OpenSSH_")),
            ("tcp", ("ok", None, "SSH-2.0-OpenSSH_")),
            ("http", ("protocol_error", Some("peer"), "speaks SSH (OpenSSH_")),
            ("tls", ("protocol_error", Some("peer"), "answers the handshake with SSH")),
            ("smtp", ("protocol_error", Some("peer"), "speaks SSH")),
        ],
    );
    let target = format!("127.0.0.1:{port}");
    let document = assert_verdict(&[&target], "ok", None, "SSH-2.0-OpenSSH_");
    let greeting = stage(&document, "greeting");
    assert_eq!((&greeting["protocol"], &greeting["guessed"]), (&"ssh".into(), &true.into()));
    assert!(greeting["software"].as_str().unwrap().starts_with("OpenSSH_"), "{document}");
    // A series comes no faster than once a second, whatever was asked for.
    let started = Instant::now();
    let target = format!("ssh://{target}");
    let (code, document) = probe(&[&target, "--count", "2", "--interval", "1ms"]);
    assert_eq!(code, 0, "{document}");
    assert!(started.elapsed() >= Duration::from_secs(1), "{document}");
}

#[test]
fn redis() {
    in_namespace_with(&["redis-server"], || {
        let _redis = Server::start("redis-server", &["--port", "6379", "--save", ""], 6379);
        table(
            6379,
            &[
                ("redis", ("ok", None, "+PONG")),
                ("http", ("closed", Some("peer"), "without a word")),
                ("tls", ("timeout", Some("peer"), "does not answer the TLS handshake")),
                ("tcp", ("ok", None, "answers in")),
            ],
        );
        let args = ["tcp://127.0.0.1:6379", "--send", "PING\\r\\n"];
        let document = assert_verdict(&args, "ok", None, "`+PONG`");
        assert_eq!(stage(&document, "request")["received_hex"], "2b504f4e470d0a", "{document}");
    });
}

#[test]
fn a_full_redis_refuses() {
    in_namespace_with(&["redis-server"], || {
        let arguments = ["--port", "6379", "--save", "", "--maxclients", "1"];
        let _redis = Server::start("redis-server", &arguments, 6379);
        let _taken = crate::support::wait_for("a place at the server", || {
            use std::io::{Read, Write};
            let mut stream = std::net::TcpStream::connect("127.0.0.1:6379").ok()?;
            stream.write_all(b"PING\r\n").ok()?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).ok()?;
            (&answer == b"+PONG").then_some(stream)
        });
        for target in ["redis://127.0.0.1", "tcp://127.0.0.1:6379"] {
            assert_verdict(&[target], "refused", Some("peer"), "max number of clients");
        }
    });
}

#[test]
fn memcached() {
    in_namespace_with(&["memcached"], || {
        let arguments = ["-l", "127.0.0.1", "-p", "11211", "-u", "root", "-U", "0"];
        let _memcached = Server::start("memcached", &arguments, 11211);
        table(
            11211,
            &[
                ("memcached", ("ok", None, "VERSION 1.")),
                ("http", ("closed", Some("peer"), "without a word")),
                ("tls", ("protocol_error", Some("peer"), "ERROR")),
            ],
        );
    });
}

#[test]
fn mosquitto() {
    in_namespace_with(&["mosquitto"], || {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("conf");
        std::fs::write(&file, "listener 1883 127.0.0.1\nallow_anonymous true\nuser root\n")
            .unwrap();
        let file = file.display().to_string();
        let _mosquitto = Server::start_in(directory, "mosquitto", &["-c", &file], 1883);
        table(
            1883,
            &[
                ("mqtt", ("ok", None, "CONNACK 0")),
                ("http", ("reset", Some("peer"), "with an RST")),
                ("tls", ("reset", Some("peer"), "in the TLS handshake")),
            ],
        );
    });
}
