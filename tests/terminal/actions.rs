//! What keys do to this machine: real sockets and processes, in a namespace of their own.
//!
//! The test is an ancestor of sockpit, so that its own connections are protected: both ends of
//! what is closed belong to a script beside it.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::pty::Terminal;
use crate::support::{self, in_namespace, sockpit};

const PRELUDE: &str = "
import os, signal, socket, subprocess, sys, time
def tcp(port, addr='127.0.0.1'):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((addr, port))
    s.listen()
    return s
def say(x): print(x, flush=True)
def rest():
    while True: time.sleep(600)
";

/// A script that the test started and ends.
struct Script {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Script {
    fn start(script: &str) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", &format!("{PRELUDE}{script}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// The signal that ends it.
    fn ended_by(&mut self) -> i32 {
        support::wait_for("its end", || self.child.try_wait().unwrap()?.signal())
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The dashboard, with only the rows that match, and the cursor on the first.
fn dashboard(filter: &str) -> Terminal {
    let mut terminal = Terminal::sockpit(140, 40, &[]);
    terminal.wait_for(" ─ rights: ");
    terminal.send(&format!("/{filter}\r"));
    terminal.wait_row(&["1 Ports", &format!("/{filter}")]);
    terminal
}

/// Three connections of one process to itself; prints the clients' ports.
const PAIRS: &str = "
s = tcp(8080)
cs = [socket.create_connection(('127.0.0.1', 8080)) for _ in range(3)]
peers = [s.accept()[0] for _ in range(3)]
for c in cs: say(c.getsockname()[1])
rest()
";

fn count(query: &str) -> usize {
    let output = sockpit().args(["ports", query, "--json"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    json["sockets"].as_array().unwrap().len()
}

#[test]
fn a_close_ends_exactly_the_selected_connection() {
    in_namespace(|| {
        let mut server = Script::start(PAIRS);
        let ports: Vec<String> = (0..3).map(|_| server.line()).collect();
        let mut terminal = dashboard(&format!("lport:{}", ports[1]));
        terminal.wait_row(&["▶", &format!("127.0.0.1:{}", ports[1])]);
        terminal.send("X");
        terminal.wait_row(&[&format!("127.0.0.1:{} -> 127.0.0.1:8080", ports[1])]);
        terminal.wait_for(&format!("of python3 {} fd", server.pid()));
        assert_eq!(count("state:estab"), 6, "nothing is done before the agreement");
        terminal.send("\r");
        terminal.wait_for("✓ closed tcp");
        assert_eq!(count(&format!("port:{}", ports[1])), 0);
        assert_eq!(count("state:estab"), 4, "the other pairs live on");
        assert!(server.is_alive());
        terminal.send("\x1b");
        terminal.wait_gone("Esc close");
        terminal.send("L");
        terminal.wait_for("$ sockpit close proto:tcp laddr:127.0.0.1");
    });
}

#[test]
fn why_shows_the_listener_and_leads_to_its_end() {
    in_namespace(|| {
        let mut server = Script::start("s = tcp(8080); say('ready'); rest()");
        server.line();
        let mut terminal = dashboard("port:8080");
        terminal.wait_row(&["▶", "127.0.0.1:8080"]);
        terminal.send("w");
        terminal.wait_for("127.0.0.1:8080/tcp cannot be bound (tried: EADDRINUSE");
        terminal.wait_for(&format!("a listener holds 127.0.0.1:8080: python3 {}", server.pid()));
        terminal.wait_row(&["127.0.0.1:8080, with SO_REUSEADDR: EADDRINUSE"]);
        terminal.wait_row(&["▸ sockpit kill 8080"]);
        terminal.send("\r");
        terminal.wait_for(&format!("python3 {} holds 127.0.0.1:8080", server.pid()));
        terminal.send("\r");
        terminal.wait_for("the port is free");
        assert_eq!(server.ended_by(), 15);
    });
}

/// A listener on each of these ports, as processes of their own.
fn listeners(ports: &[u16]) -> Vec<Script> {
    let start = |port: &u16| {
        let mut script = Script::start(&format!("s = tcp({port}); say('ready'); rest()"));
        assert_eq!(script.line(), "ready");
        script
    };
    ports.iter().map(start).collect()
}

#[test]
fn marked_rows_are_killed_together() {
    in_namespace(|| {
        let mut servers = listeners(&[8080, 8081, 8082]);
        let mut terminal = dashboard("port:8080..8082");
        terminal.wait_row(&["▶", "127.0.0.1:8080"]);
        terminal.send("mjm");
        terminal.wait_row(&["1 Ports", "2 marked"]);
        terminal.send("K");
        terminal.wait_for("2 marked rows");
        terminal.wait_for(&format!("python3 {} holds 127.0.0.1:8080", servers[0].pid()));
        terminal.wait_for(&format!("python3 {} holds 127.0.0.1:8081", servers[1].pid()));
        terminal.send("\r");
        terminal.wait_row(&["✓ 127.0.0.1:8080/tcp"]);
        terminal.wait_row(&["✓ 127.0.0.1:8081/tcp"]);
        assert_eq!((servers[0].ended_by(), servers[1].ended_by()), (15, 15));
        assert!(servers[2].is_alive(), "it was not marked");
    });
}

#[test]
fn who_ignores_term_is_killed_only_after_a_second_agreement() {
    in_namespace(|| {
        let ignoring = "signal.signal(signal.SIGTERM, signal.SIG_IGN)";
        let mut server = Script::start(&format!("{ignoring}; s = tcp(8080); say('up'); rest()"));
        server.line();
        let mut terminal = dashboard("port:8080");
        terminal.wait_row(&["▶", "127.0.0.1:8080"]);
        terminal.send("K");
        terminal.wait_row(&["▸ TERM, then wait up to 3 s"]);
        terminal.send("\r");
        terminal.wait_for(&format!("TERM sent to python3 {}", server.pid()));
        terminal.wait_for(&format!("python3 {} still alive", server.pid()));
        terminal.wait_for("did not end within the time after TERM");
        assert!(server.is_alive());
        // What is left can be planned for anew.
        terminal.send("\r");
        terminal.wait_row(&["▸ TERM, then wait up to 3 s"]);
        terminal.send("\x1b[B");
        terminal.wait_row(&["▸ TERM, then KILL after 3 s"]);
        terminal.send("\r");
        terminal.wait_for("Type kill to allow it");
        terminal.send("\r");
        terminal.send("kill");
        terminal.wait_for("> kill");
        assert!(server.is_alive(), "Enter alone is a habit");
        terminal.send("\r");
        terminal.wait_for("the port is free");
        assert_eq!(server.ended_by(), 9);
        terminal.send("\x1b");
        terminal.wait_gone("Esc close");
        terminal.send("L");
        terminal.wait_for("$ sockpit kill 8080 --addr 127.0.0.1 --force");
        terminal.wait_row(&["✗", "did not end"]);
    });
}

#[test]
fn the_signal_can_be_chosen() {
    in_namespace(|| {
        let mut server = Script::start(
            "signal.signal(signal.SIGINT, signal.SIG_DFL); s = tcp(8080); say('up'); rest()",
        );
        server.line();
        let mut terminal = dashboard("port:8080");
        terminal.wait_row(&["▶", "127.0.0.1:8080"]);
        terminal.send("K");
        terminal.wait_row(&["▸ TERM"]);
        terminal.send("s");
        terminal.wait_row(&["▸ TERM", "asks the process to end cleanly"]);
        terminal.wait_row(&["KILL", "asks again first"]);
        terminal.send("\x1b[B\x1b[B");
        terminal.wait_row(&["▸ INT"]);
        terminal.send("\r");
        terminal.wait_row(&["▸ INT, then wait up to 3 s"]);
        terminal.send("\r");
        terminal.wait_for("the port is free");
        assert_eq!(server.ended_by(), 2);
    });
}

#[test]
fn children_are_left_behind_or_taken_along() {
    in_namespace(|| {
        let mut server = Script::start(
            "s = tcp(8080); c = subprocess.Popen(['sleep', '600']); say(c.pid); rest()",
        );
        let child = server.line();
        let mut terminal = dashboard("port:8080");
        terminal.wait_row(&["▶", "127.0.0.1:8080"]);
        terminal.send("K");
        terminal.wait_row(&["Left behind: 1 child", &child]);
        terminal.send("t");
        terminal.wait_row(&[&format!("sleep {child} descends from {}", server.pid())]);
        terminal.wait_gone("Left behind");
        terminal.send("\r");
        terminal.wait_for("the port is free");
        terminal.wait_for(&format!("sleep {child} ended"));
        assert_eq!(server.ended_by(), 15);
    });
}

#[test]
fn a_key_acts_on_the_row_that_was_under_it_whatever_moves_meanwhile() {
    in_namespace(|| {
        let mut old = listeners(&[8081]).remove(0);
        let mut terminal = dashboard("port:8080..8081");
        terminal.wait_row(&["▶", "127.0.0.1:8081"]);
        terminal.send("K");
        terminal.wait_for(&format!("python3 {} holds 127.0.0.1:8081", old.pid()));
        // It would take the first row; beneath the dialog nothing moves.
        let mut new = listeners(&[8080]).remove(0);
        terminal.send("\r");
        terminal.wait_for("the port is free");
        assert_eq!(old.ended_by(), 15);
        assert!(new.is_alive());
    });
}

#[test]
fn the_kernels_refusal_to_close_is_explained() {
    in_namespace(|| {
        let mut server = Script::start(PAIRS);
        let port = server.line();
        let sockpit = env!("CARGO_BIN_EXE_sockpit");
        let args = ["--bounding-set=-all", "--inh-caps=-all", sockpit];
        let mut terminal = Terminal::start(140, 40, "setpriv", &args);
        terminal.wait_for(" ─ rights: ");
        terminal.send(&format!("/lport:{port}\r"));
        terminal.wait_row(&["▶", &format!("127.0.0.1:{port}")]);
        terminal.send("X");
        terminal.wait_for("Enter run");
        terminal.send("\r");
        terminal.wait_row(&["✗", &format!("127.0.0.1:{port}")]);
        terminal.wait_for("CAP_NET_ADMIN");
        assert_eq!(count("state:estab"), 6);
        // Once it is hidden, and nobody has opened the log, the footer still tells of a failure
        // that nobody saw; this one was seen.
        terminal.send("\x1b");
        terminal.wait_gone("Esc close");
        assert!(!terminal.text().contains("action failed"));
    });
}
