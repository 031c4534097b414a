//! `sockpit trace`, beside a program of which the test knows what it calls.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::events::wait_for_programs;
use crate::support::{in_namespace_of_root, sockpit};

/// Waits for a line, and then makes known calls.
const PROGRAM: &str = "
import os, socket, sys
sys.stdin.readline()
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', 7020))
s.listen(7)
c = socket.socket()
c.connect(('127.0.0.1', 7020))
a, _ = s.accept()
c.send(b'hello')
a.recv(100)
a.shutdown(socket.SHUT_RDWR)
d = os.open('/dev/null', os.O_RDONLY)
os.read(d, 1)
os.close(d)
for _ in range(2):
    try: socket.create_connection(('127.0.0.1', 7021))
    except OSError: pass
print('done', flush=True)
sys.stdin.readline()
";

struct Program {
    child: Child,
    stdin: ChildStdin,
}

impl Program {
    fn start() -> Self {
        let mut child = Command::new("python3")
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        Self { child, stdin }
    }

    /// Has it make its calls, and waits until it has.
    fn run(&mut self) {
        self.stdin.write_all(b"go\n").unwrap();
        let mut line = String::new();
        BufReader::new(self.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "done\n");
    }
}

/// What `trace` told of the program's calls.
fn traced(args: &[&str]) -> (Program, String) {
    let mut program = Program::start();
    let target = format!("pid:{}", program.child.id());
    let mut trace =
        sockpit().args(["trace", &target]).args(args).stdout(Stdio::piped()).spawn().unwrap();
    wait_for_programs(trace.id(), 2);
    program.run();
    kill_process(Pid::from_child(&trace), Signal::INT).unwrap();
    let mut told = String::new();
    trace.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(trace.wait().unwrap().success(), "{told}");
    (program, told)
}

#[test]
fn the_calls_of_a_program_are_told_with_arguments_results_and_errors() {
    in_namespace_of_root(|| {
        let (_program, told) = traced(&["--json"]);
        let document: Value = serde_json::from_str(&told).unwrap();
        let calls = document["calls"].as_array().unwrap();
        let named = |name: &str| -> Vec<&Value> {
            calls.iter().filter(|call| call["call"] == name).collect()
        };
        let ports = |name: &str| -> Vec<&Value> {
            named(name).iter().map(|call| &call["address"]["port"]).collect()
        };
        assert_eq!(ports("bind"), [7020]);
        assert_eq!(ports("connect"), [7020, 7021, 7021]);
        assert_eq!(named("listen")[0]["args"][1], 7);
        let set = named("setsockopt");
        assert_eq!((&set[0]["args"][2], &set[0]["value"]), (&json!(2), &json!(1)));
        let accepted = named("accept4");
        assert!(accepted[0]["result"].as_i64().unwrap() > 2, "{told}");
        assert_eq!(named("recvfrom")[0]["result"], 5);
        let failed: Vec<&Value> = named("connect").iter().map(|call| &call["errno"]).collect();
        assert_eq!(failed, [&Value::Null, &json!("ECONNREFUSED"), &json!("ECONNREFUSED")]);
        assert!(named("read").is_empty(), "a read of a file is no call of a socket: {told}");
        let connects = &document["summary"]["connect"];
        assert_eq!((&connects["calls"], &connects["failed"]), (&json!(3), &json!(2)));
        assert_eq!(connects["errors"], json!({"ECONNREFUSED": 2}));
        assert_eq!(document["lost"], 0);
    });
}

#[test]
fn what_failed_stands_first_and_in_words() {
    in_namespace_of_root(|| {
        let (_program, told) = traced(&["--failed"]);
        let (calls, summary) = told.split_once("\n\n").unwrap();
        assert_eq!(calls.lines().count(), 2, "{told}");
        assert!(
            calls.lines().all(|line| line.contains(", 127.0.0.1:7021) = ECONNREFUSED (")),
            "{told}"
        );
        let first = summary.lines().nth(1).unwrap();
        assert!(first.contains("connect  2 x ECONNREFUSED ("), "{told}");
    });
}

#[test]
fn a_port_stands_for_who_holds_it() {
    in_namespace_of_root(|| {
        let output = sockpit().args(["trace", "port:7099"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("no process that can be seen holds port 7099"), "{said}");
        let _listener = std::net::TcpListener::bind("127.0.0.1:7022").unwrap();
        let args = ["trace", "7022", "--duration", "1ms", "--json"];
        let told = crate::support::run(sockpit().args(args));
        let document: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(document["pid"], std::process::id());
    });
}
