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
    in_namespace("actions::a_close_ends_exactly_the_selected_connection", || {
        let mut server = Script::start(PAIRS);
        let ports: Vec<String> = (0..3).map(|_| server.line()).collect();
        let mut terminal = dashboard(&format!("lport:{}", ports[1]));
        terminal.wait_row(&["▶", &format!("127.0.0.1:{}", ports[1])]);
        terminal.send("X");
        terminal.wait_row(&[&format!("127.0.0.1:{} -> 127.0.0.1:8080", ports[1])]);
        terminal.wait_for(&format!("of python3 {} fd", server.pid()));
        assert_eq!(count("state:estab"), 6, "nothing is done before the agreement");
        terminal.send("\r");
        terminal.wait_for("is gone");
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
    in_namespace("actions::why_shows_the_listener_and_leads_to_its_end", || {
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
