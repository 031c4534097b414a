//! `sockpit close` on connections that the test starts, in a namespace of its own.
//!
//! The test itself is pid 1 in there and sockpit's parent: what it holds is protected. Both
//! ends of what is to be closed are held by processes beside it.

use std::io::{BufRead, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::kill::Server;
use crate::support::{self, in_namespace, sockpit};

/// Both ends of a connection to 127.0.0.1:8080 in one process: `c` of the client, `a` of the
/// server, `s` the listener. `tell_end(x)` prints what the next receive from x brings.
const PAIR: &str = "
s = tcp()
c = socket.create_connection(('127.0.0.1', 8080))
a, _ = s.accept()
def tell_end(x):
    x.settimeout(10)
    try: said = 'data' if x.recv(1) else 'end'
    except OSError as e: said = os.strerror(e.errno) if e.errno else str(e)
    print(said, flush=True)
";

fn pair(script: &str) -> Server {
    Server::start_unready(&format!("{PAIR}{script}"))
}

fn close(args: &[&str]) -> Output {
    sockpit().arg("close").args(args).stdin(Stdio::null()).output().unwrap()
}

/// Runs `sockpit close … --yes --json`: its exit code and its document.
fn close_json(args: &[&str]) -> (i32, Value) {
    let output = close(&[args, &["--yes", "--json"]].concat());
    (output.status.code().unwrap(), document(&output))
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn line(server: &mut Server) -> String {
    let mut line = String::new();
    server.stdout.read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// The states of the sockets that match.
fn states(query: &[&str]) -> Vec<String> {
    let output = sockpit().arg("ports").args(query).arg("--json").output().unwrap();
    let sockets = document(&output)["sockets"].take();
    let sockets = sockets.as_array().unwrap().iter();
    sockets.map(|socket| socket["state"].as_str().unwrap().to_owned()).collect()
}

fn states_of(sockets: &Value) -> Vec<&str> {
    sockets.as_array().unwrap().iter().map(|socket| socket["state"].as_str().unwrap()).collect()
}

fn none() -> Value {
    json!([])
}

#[test]
fn an_established_connection_ends_for_both_its_ends() {
    in_namespace(|| {
        let mut server = pair("tell(); tell_end(c); tell_end(a); ready()");
        server.read_pid();
        let (code, json) = close_json(&["rport:8080"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(json["schema"], "sockpit.close/1");
        let closed = &json["closed"][0];
        assert_eq!(json["closed"].as_array().unwrap().len(), 1);
        assert_eq!(closed["remote"]["port"], 8080);
        assert_eq!(closed["state"], "ESTABLISHED");
        assert_eq!(closed["owners"][0]["pid"], server.pid());
        assert_eq!((&json["spared"], &json["failed"]), (&none(), &none()));
        assert!(json["health"].is_array());
        assert_eq!(line(&mut server), "Software caused connection abort");
        assert_eq!(line(&mut server), "Connection reset by peer");
        assert_eq!(server.read_pid(), server.pid(), "its process lives on");
        assert_eq!(states(&["state:estab"]), Vec::<String>::new());
    });
}

#[test]
fn the_listener_is_spared_and_both_ends_count() {
    in_namespace(|| {
        let mut server = pair("ready()");
        server.read_pid();
        let (code, json) = close_json(&["port:8080"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(states_of(&json["closed"]), ["ESTABLISHED", "ESTABLISHED"]);
        assert_eq!(json["spared"].as_array().unwrap().len(), 1, "{json}");
        assert_eq!(json["spared"][0]["socket"]["state"], "LISTEN");
        assert!(json["spared"][0]["reason"].as_str().unwrap().contains("state:listen"));
        TcpStream::connect("127.0.0.1:8080").expect("it still listens");
    });
}

#[test]
fn a_listener_is_closed_when_its_state_is_named() {
    in_namespace(|| {
        let _server = Server::start("s = tcp(); ready()");
        let output = close(&["port:8080", "--yes"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("state:listen"), "{}", stderr(&output));
        TcpStream::connect("127.0.0.1:8080").expect("it still listens");
        let (code, json) = close_json(&["port:8080", "state:listen"]);
        assert_eq!((code, states_of(&json["closed"])), (0, vec!["LISTEN"]), "{json}");
        TcpStream::connect("127.0.0.1:8080").expect_err("it does not listen");
    });
}

#[test]
fn a_half_closed_connection_is_closed() {
    in_namespace(|| {
        let mut server = pair("a.shutdown(socket.SHUT_WR); tell(); c.recv(1); tell(); ready()");
        server.read_pid();
        server.read_pid();
        let (code, json) = close_json(&["state:close-wait"]);
        assert_eq!((code, states_of(&json["closed"])), (0, vec!["CLOSE_WAIT"]), "{json}");
        assert_eq!(states(&["state:close-wait,fin-wait-2"]), Vec::<String>::new());
    });
}

#[test]
fn a_connection_in_time_wait_is_closed() {
    in_namespace(|| {
        let mut server = pair("a.close(); c.close(); s.close(); ready()");
        server.read_pid();
        assert_eq!(states(&["port:8080"]), ["TIME_WAIT"]);
        let (code, json) = close_json(&["lport:8080", "state:time-wait"]);
        assert_eq!((code, states_of(&json["closed"])), (0, vec!["TIME_WAIT"]), "{json}");
        assert_eq!(json["closed"][0]["ownership"]["kind"], "kernel");
        assert_eq!(states(&["port:8080"]), Vec::<String>::new());
        TcpListener::bind("127.0.0.1:8080").unwrap();
    });
}

#[test]
fn a_connected_udp_socket_is_closed_and_one_without_peer_is_not() {
    in_namespace(|| {
        let mut server = Server::start_unready(
            "
s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1', 5300))
c = socket.socket(type=socket.SOCK_DGRAM); c.connect(('127.0.0.1', 5300))
tell()
c.settimeout(10)
try: c.recv(1)
except OSError as e: print(os.strerror(e.errno), flush=True)
ready()
",
        );
        server.read_pid();
        let (code, json) = close_json(&["port:5300"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(states_of(&json["closed"]), ["CONNECTED"]);
        assert_eq!(json["spared"][0]["socket"]["state"], "UNCONNECTED");
        assert_eq!(line(&mut server), "Software caused connection abort");
        assert_eq!(states(&["lport:5300"]), ["UNCONNECTED"]);

        // The kernel only disconnects it; a port it was bound to stays bound.
        let output = close(&["lport:5300", "state:unconn", "--yes", "--json"]);
        let json = document(&output);
        assert_eq!(output.status.code(), Some(1), "{json}");
        assert_eq!(json["failed"][0]["socket"]["state"], "UNCONNECTED");
        assert!(json["failed"][0]["reason"].as_str().unwrap().contains("stays bound"), "{json}");
    });
}

#[test]
fn what_no_process_holds_is_closed() {
    in_namespace(|| {
        // One waits in the accept queue; the other's client is gone, and the kernel waits for
        // the server to close, too.
        let _server = Server::start(
            "s = tcp(); q = socket.create_connection(('127.0.0.1', 8080))
t = tcp(port=9090); c = socket.create_connection(('127.0.0.1', 9090)); a, _ = t.accept()
c.close(); a.recv(1); ready()",
        );
        let (code, json) = close_json(&["lport:8080", "owner:kernel"]);
        assert_eq!((code, states_of(&json["closed"])), (0, vec!["ESTABLISHED"]), "{json}");
        assert_eq!(json["closed"][0]["ownership"]["detail"], "accept_queue");
        let (code, json) = close_json(&["rport:9090", "owner:kernel"]);
        assert_eq!((code, states_of(&json["closed"])), (0, vec!["FIN_WAIT_2"]), "{json}");
        assert_eq!(states(&["proto:tcp", "owner:kernel"]), Vec::<String>::new());
    });
}

#[test]
fn a_connection_that_nobody_answers_is_closed() {
    in_namespace(|| {
        // lo takes what is sent there and knows nobody by that address.
        support::run(
            std::process::Command::new("ip").args("route add 192.0.2.0/24 dev lo".split(' ')),
        );
        let mut server = Server::start_unready(
            "c = socket.socket(); c.setblocking(False)
try: c.connect(('192.0.2.1', 81))
except BlockingIOError: pass
ready()",
        );
        server.read_pid();
        let (code, json) = close_json(&["raddr:192.0.2.1"]);
        assert_eq!((code, states_of(&json["closed"])), (0, vec!["SYN_SENT"]), "{json}");
        assert_eq!(states(&["raddr:192.0.2.1"]), Vec::<String>::new());
    });
}

#[test]
fn a_socket_that_only_holds_its_port_cannot_be_closed() {
    in_namespace(|| {
        let _server = Server::start("s = tcp(listen=False); ready()");
        let output = close(&["lport:8080", "--yes"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("only holds its port"), "{}", stderr(&output));
        let (code, json) = close_json(&["lport:8080", "state:bound"]);
        assert_eq!((code, states_of(&json["closed"])), (1, vec![]), "{json}");
        assert!(json["failed"][0]["reason"].as_str().unwrap().contains("sockpit kill"), "{json}");
    });
}

#[test]
fn an_ipv4_connection_of_a_dual_stack_server_is_closed() {
    in_namespace(|| {
        let mut server = Server::start(
            "s = tcp('::'); c = socket.create_connection(('127.0.0.1', 8080)); a, _ = s.accept()
d = socket.create_connection(('::1', 8080)); b, _ = s.accept(); ready()",
        );
        let (code, json) = close_json(&["lport:8080", "state:estab", "raddr:127.0.0.1"]);
        assert_eq!((code, states_of(&json["closed"])), (0, vec!["ESTABLISHED"]), "{json}");
        assert_eq!(states(&["rport:8080"]), ["ESTABLISHED"]);
        let (code, json) = close_json(&["rport:8080"]);
        assert_eq!((code, states_of(&json["closed"])), (0, vec!["ESTABLISHED"]), "{json}");
        assert!(server.is_alive());
    });
}

#[test]
fn a_connection_bound_to_an_interface_is_closed() {
    in_namespace(|| {
        let mut server = Server::start(
            "s = tcp(); c = socket.socket()
c.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'lo'); c.connect(('127.0.0.1', 8080))
ready()",
        );
        let (code, json) = close_json(&["rport:8080", "if:lo"]);
        assert_eq!((code, states_of(&json["closed"])), (0, vec!["ESTABLISHED"]), "{json}");
        assert!(server.is_alive());
    });
}

#[test]
fn many_connections_are_closed_at_once_and_no_other() {
    in_namespace(|| {
        let _server = Server::start(
            "s = tcp(); o = tcp(port=9090)
cs = [socket.create_connection(('127.0.0.1', p)) for p in [8080, 9090] for _ in range(40)]
ready()",
        );
        let (code, json) = close_json(&["rport:8080"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(json["closed"].as_array().unwrap().len(), 40);
        assert_eq!(states(&["rport:9090"]).len(), 40);
    });
}

#[test]
fn what_sockpit_runs_under_keeps_its_connections() {
    in_namespace(|| {
        let _server = Server::start("s = tcp(); ready()");
        let mut mine = TcpStream::connect("127.0.0.1:8080").unwrap();
        // Its other end, too: that would end it just as well.
        for query in ["rport:8080", "lport:8080"] {
            let output = close(&[query, "state:estab", "--yes", "--json"]);
            let json = document(&output);
            assert_eq!(output.status.code(), Some(1), "{json}");
            assert_eq!(json["closed"], none());
            assert_eq!(json["spared"].as_array().unwrap().len(), 1, "{json}");
            assert!(stderr(&output).contains("--protected"), "{}", stderr(&output));
        }
        mine.write_all(b"x").unwrap();
        let (code, json) = close_json(&["rport:8080", "--protected"]);
        assert_eq!((code, states_of(&json["closed"])), (0, vec!["ESTABLISHED"]), "{json}");
        mine.write_all(b"x").unwrap_err();
    });
}

#[test]
fn the_connection_of_ssh_is_left_alone() {
    in_namespace(|| {
        let mut server = pair("print(c.getsockname()[1], flush=True); ready()");
        let port = line(&mut server);
        let run = |args: &[&str]| {
            let mut command = sockpit();
            command.env("SSH_CONNECTION", format!("127.0.0.1 {port} 127.0.0.1 8080"));
            command.args(["close", "port:8080", "--yes", "--json"]).args(args).output().unwrap()
        };
        let output = run(&[]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(document(&output)["closed"], none());
        assert!(stderr(&output).contains("SSH_CONNECTION"), "{}", stderr(&output));
        assert_eq!(states(&["state:estab"]).len(), 2);
        let output = run(&["--protected"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    });
}

#[test]
fn a_dry_run_shows_the_plan_and_closes_nothing() {
    in_namespace(|| {
        let mut server = pair("ready()");
        server.read_pid();
        let output = close(&["port:8080", "--dry-run", "--yes", "--json"]);
        assert_eq!(output.status.code(), Some(0));
        let json = document(&output);
        assert_eq!(json["schema"], "sockpit.close/1");
        assert_eq!(json["plan"]["targets"].as_array().unwrap().len(), 2, "{json}");
        assert_eq!(json["plan"]["spared"][0]["socket"]["state"], "LISTEN");
        assert_eq!(json["plan"]["protected"], false);
        let text = close(&["port:8080", "--dry-run"]);
        let text = String::from_utf8_lossy(&text.stdout).into_owned();
        assert!(text.contains(&format!("of python3 {}", server.pid())), "{text}");
        assert_eq!(states(&["state:estab"]).len(), 2);
    });
}

#[test]
fn nothing_is_closed_unasked() {
    in_namespace(|| {
        let mut server = pair("ready()");
        server.read_pid();
        let output = close(&["rport:8080"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("--yes"), "{}", stderr(&output));
        assert!(stderr(&output).contains("-> 127.0.0.1:8080"), "the plan is shown");
        assert!(output.stdout.is_empty());
        assert_eq!(states(&["state:estab"]).len(), 2);
    });
}

#[test]
fn a_query_must_ask_something() {
    in_namespace(|| {
        let mut server = pair("ready()");
        server.read_pid();
        let all: &[&[&str]] = &[
            &[],
            &[""],
            &[" "],
            &["*"],
            &["port:"],
            &["name:"],
            &["name:\"\""],
            &["name:/.*/"],
            &["port:1.."],
            &["state:estab or !state:estab"],
            &["state:estb"],
        ];
        for query in all {
            let output = close(&[query, &["--yes"][..]].concat());
            assert_eq!(output.status.code(), Some(2), "{query:?}: {output:?}");
        }
        assert_eq!(states(&["state:estab"]).len(), 2);
    });
}

#[test]
fn nothing_to_close_is_a_no() {
    in_namespace(|| {
        let output = close(&["rport:8080", "--yes", "--json"]);
        assert_eq!(output.status.code(), Some(1));
        let json = document(&output);
        assert_eq!((&json["closed"], &json["failed"]), (&none(), &none()));
        assert!(stderr(&output).contains("no socket matches"), "{}", stderr(&output));
    });
}

/// sockpit without any capability.
fn powerless(args: &[&str]) -> Output {
    Command::new("setpriv")
        .args(["--bounding-set=-all", "--inh-caps=-all", env!("CARGO_BIN_EXE_sockpit"), "close"])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn without_the_right_to_nothing_is_closed() {
    in_namespace(|| {
        let mut server = pair("ready()");
        server.read_pid();
        let output = powerless(&["rport:8080", "--yes", "--json"]);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(stderr(&output).contains("CAP_NET_ADMIN"), "{}", stderr(&output));
        let json = document(&output);
        assert_eq!(json["closed"], none());
        assert_eq!(json["failed"][0]["refused"], true);
        assert_eq!(states(&["state:estab"]).len(), 2);
    });
}

#[test]
fn what_cannot_be_decided_is_not_closed() {
    in_namespace(|| {
        // Not dumpable: only CAP_SYS_PTRACE may read its descriptors.
        let mut server = pair("import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); ready()");
        server.read_pid();
        let output = powerless(&["name:python3", "--yes", "--json"]);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(stderr(&output).contains("not enough is known"), "{}", stderr(&output));
        assert_eq!(states(&["state:estab"]).len(), 2);
    });
}

#[test]
fn a_terminal_is_asked() {
    in_namespace(|| {
        let mut server = pair("ready()");
        server.read_pid();
        assert_eq!(support::answered(&["close", "rport:8080"], "n"), 1);
        assert_eq!(states(&["state:estab"]).len(), 2);
        assert_eq!(support::answered(&["close", "rport:8080"], "y"), 0);
        assert_eq!(states(&["state:estab"]).len(), 0);
    });
}

#[test]
fn a_half_open_connection_is_closed() {
    in_namespace(|| {
        // TCP_DEFER_ACCEPT leaves the server's side so until data comes.
        let mut server = Server::start(
            "s = socket.socket(); s.bind(('127.0.0.1', 8080))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60); s.listen()
c = socket.create_connection(('127.0.0.1', 8080)); ready()",
        );
        assert_eq!(states(&["lport:8080", "state:syn-recv"]), ["SYN_RECEIVED"]);
        let (code, json) = close_json(&["lport:8080", "state:syn-recv"]);
        assert_eq!((code, states_of(&json["closed"])), (0, vec!["SYN_RECEIVED"]), "{json}");
        assert_eq!(json["closed"][0]["ownership"]["kind"], "kernel");
        assert_eq!(json["closed"][0]["ownership"]["detail"], "half_open");
        assert_eq!(states(&["lport:8080"]), ["LISTEN"]);
        assert!(server.is_alive());
    });
}

#[test]
fn the_half_that_was_closed_first_is_closed() {
    in_namespace(|| {
        let mut server = pair("a.shutdown(socket.SHUT_WR); tell(); c.recv(1); tell(); ready()");
        server.read_pid();
        server.read_pid();
        // The acknowledgement of its FIN may take a moment.
        support::wait_for("FIN_WAIT_2", || {
            (states(&["state:fin-wait-2"]) == ["FIN_WAIT_2"]).then_some(())
        });
        let (code, json) = close_json(&["state:fin-wait-2"]);
        assert_eq!((code, states_of(&json["closed"])), (0, vec!["FIN_WAIT_2"]), "{json}");
        assert_eq!(json["closed"][0]["owners"][0]["pid"], server.pid());
        assert_eq!(states(&["state:fin-wait-2,close-wait"]), Vec::<String>::new());
        assert!(server.is_alive());
    });
}

#[test]
fn one_of_two_that_share_an_end_is_closed_by_its_peer() {
    in_namespace(|| {
        let _server = Server::start(
            "s = tcp(); cs = [socket.create_connection(('127.0.0.1', 8080)) for _ in range(2)]
ready()",
        );
        let rows = support::sockpit().args(["ports", "rport:8080", "--json"]).output().unwrap();
        let rows = document(&rows);
        let port = rows["sockets"][0]["local"]["port"].to_string();
        let (code, json) = close_json(&["lport:8080", &format!("rport:{port}")]);
        assert_eq!((code, states_of(&json["closed"])), (0, vec!["ESTABLISHED"]), "{json}");
        assert_eq!(json["closed"][0]["remote"]["port"].to_string(), port);
        assert_eq!(states(&["rport:8080"]), ["ESTABLISHED"], "the other one stays");
    });
}

#[test]
fn the_answer_has_the_contracts_shape() {
    in_namespace(|| {
        let mut server = pair("ready()");
        server.read_pid();
        let (code, json) = close_json(&["lport:8080"]);
        assert_eq!(code, 0, "{json}");
        assert_eq!(json["schema"], "sockpit.close/1");
        for field in ["closed", "spared", "failed"] {
            assert!(json[field].is_array(), "{field}: {json}");
        }
        let closed = &json["closed"][0];
        assert_eq!((&closed["protocol"], &closed["local"]["port"]), (&"tcp".into(), &8080.into()));
        assert!(closed["cookie"].is_u64() && closed["owners"].is_array(), "{closed}");
        let spared = &json["spared"][0];
        assert!(spared["socket"]["cookie"].is_u64() && spared["reason"].is_string(), "{spared}");
    });
}
