//! `sockpit kill` where whoever started the server lives on, and may do so again: loops that no
//! script tells of, and programs that run one thing after the other.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::support::{are_there, in_namespace_with, sockpit, wait_for};

/// A server of one port, which ends with TERM.
const SERVE: &str = "#!/usr/bin/python3
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', int(sys.argv[1])))
s.listen()
while True: s.accept()
";

/// What starts a server at `$PORT` by `./serve` again after some seconds: a program with its
/// arguments, what is typed into it, and the port.
const LOOPS: &[(&[&str], &str, u16)] = &[
    (&["bash", "--norc", "-i"], "while :; do ./serve 8001; sleep 4; done\n", 8001),
    (&["bash", "--norc", "-i"], "again() { ./serve 8002; sleep 4; again; }; again\n", 8002),
    (&["bash", "--norc", "-i"], "while :; do ./serve 8003; sleep 4; done &\n", 8003),
    (&["sh"], ". ./lines; again 8004\n", 8004),
    (&["sh", "./anew"], "", 8005),
    (&["watch", "-n", "3", "./serve", "8006"], "", 8006),
    (&["xargs", "-n", "1", "sh", "-c", "./serve 8007; sleep 3"], "1\n2\n3\n", 8007),
    (&["make", "again"], "", 8008),
    (&["python3", "./again.py"], "", 8009),
    (&["node", "./again.js"], "", 8010),
];

const FILES: &[(&str, &str)] = &[
    ("serve", SERVE),
    ("lines", "again() { while :; do ./serve $1; sleep 4; done; }\n"),
    ("anew", "./serve 8005\nsleep 4\nexec sh \"$0\"\n"),
    ("Makefile", "again:\n\t-./serve 8008\n\tsleep 4\n\t$(MAKE) again\n"),
    (
        "again.py",
        "import itertools, subprocess, time\nfor _ in itertools.count():\n    \
         subprocess.run(['./serve', '8009'])\n    time.sleep(4)\n",
    ),
    (
        "again.js",
        "const { spawn } = require('child_process');\n\
         const start = () => spawn('./serve', ['8010']).on('exit', () => setTimeout(start, 4000));\n\
         start();\n",
    ),
];

#[test]
fn a_port_is_not_called_free_while_its_server_is_about_to_come_back() {
    in_namespace_with(&["bash", "watch", "xargs", "make"], || {
        let place = place();
        let node = are_there(&["node"]);
        let loops = LOOPS.iter().filter(|(argv, ..)| argv[0] != "node" || node);
        let mut started: Vec<(Child, u16)> = Vec::new();
        for (argv, typed, port) in loops {
            started.push((start(place.path(), argv, typed), *port));
        }
        thread::scope(|scope| {
            for (_, port) in &started {
                scope.spawn(|| comes_back(*port));
            }
        });
        started.into_iter().for_each(|(child, _)| end(child));
    });
}

/// A shell at its prompt starts nothing, which is not known of it: the port is watched, and it is
/// said who lives on.
#[test]
fn a_shell_that_lives_on_is_named() {
    in_namespace_with(&["bash"], || {
        let place = place();
        let shell = start(place.path(), &["bash", "--norc", "-i"], "./serve 8001\n");
        wait_answer(8001);
        let name = format!("bash {}, which started it, lives on", shell.id());
        let plan = sockpit().args(["kill", "8001", "--dry-run"]).output().unwrap();
        let plan = String::from_utf8(plan.stdout).unwrap();
        assert!(plan.contains(&format!("Watch 8001/tcp for 3 s, since {name}, then")), "{plan}");
        let output = sockpit().args(["kill", "8001", "--yes"]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains(&format!("a bind succeeded, watched for 3.0 s; {name}")), "{said}");
        end(shell);
    });
}

fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        let path = place.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    place
}

/// Starts a program and types something into it, which may be all or not.
fn start(place: &Path, argv: &[&str], typed: &str) -> Child {
    let mut child = Command::new(argv[0])
        .args(&argv[1..])
        .current_dir(place)
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.as_mut().unwrap().write_all(typed.as_bytes()).unwrap();
    // xargs waits for the end of what it is given.
    if argv[0] == "xargs" {
        child.stdin = None;
    }
    child
}

/// Its children end with the namespace.
fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn wait_answer(port: u16) {
    let answers = || TcpStream::connect(("127.0.0.1", port)).ok();
    wait_for(&format!("a server at {port}"), answers);
}

/// Either it is seen to be taken again, or it is said who may take it.
#[track_caller]
fn comes_back(port: u16) {
    wait_answer(port);
    let output = sockpit().args(["kill", &port.to_string(), "--yes", "--json"]).output().unwrap();
    let outcome: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(output.status.code(), Some(1), "{port}: {outcome:#}");
    let reason = outcome["port_reason"].as_str().unwrap();
    let is_foretold = reason.starts_with(&format!("{port}/tcp is free now; "));
    assert!(is_foretold || !outcome["respawned"].is_null(), "{port}: {outcome:#}");
    wait_answer(port);
}
