//! What `kill`, `wait` and `why` say of one port is one answer, in a namespace of its own.

use std::fs;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::kill::Server;
use crate::support::{in_namespace, run, sockpit, wait_for, wait_up_to};
use crate::why::{finding, kinds, why};

fn kill(args: &[&str]) -> Output {
    sockpit().arg("kill").args(args).output().unwrap()
}

fn wait(args: &[&str]) -> Output {
    sockpit().arg("wait").args(args).args(["--timeout", "0"]).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The states that `ss` shows of the sockets on a port.
fn states(port: u16) -> String {
    let filter = format!("sport = :{port}");
    run(Command::new("ss").args(["-Htan", &filter]))
}

#[test]
fn a_port_that_an_outgoing_connection_was_given_is_not_free() {
    in_namespace(|| {
        let range = "/proc/sys/net/ipv4/ip_local_port_range";
        let listener = TcpListener::bind("127.0.0.1:6310").unwrap();
        fs::write(range, "43110 43110").unwrap();
        let client = TcpStream::connect("127.0.0.1:6310").unwrap();
        fs::write(range, "32768 60999").unwrap();
        assert_eq!(client.local_addr().unwrap().port(), 43110);
        let _accepted = listener.accept().unwrap();
        assert!(TcpListener::bind("0.0.0.0:43110").is_err());

        let (code, json) = why(&["43110"]);
        assert_eq!((code, &json["bindable"]), (1, &Value::Bool(false)));
        let output = kill(&["43110", "--yes", "--json"]);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &json["port_free"]), (Some(1), &false.into()), "{json}");
        assert_eq!(json["proof"], Value::Null, "{json}");
        let reason = json["port_reason"].as_str().unwrap();
        assert!(reason.contains("1 connection has it as its local port"), "{reason}");
        let output = kill(&["43110", "--yes"]);
        let words = stderr(&output);
        assert!(words.contains("not free") && words.contains("ESTABLISHED"), "{words}");
        assert!(words.contains("sockpit why 43110"), "{words}");
        assert_eq!(wait(&["43110", "--free"]).status.code(), Some(1));
    });
}

#[test]
fn connections_that_a_bind_with_reuse_addr_passes_over_are_so_for_wait_too() {
    in_namespace(|| {
        // The accepted connection has SO_REUSEADDR from its listener, which is gone.
        let script = "s = tcp('0.0.0.0'); a, _ = s.accept(); s.close(); ready()";
        let mut server = Server::start_unready(script);
        let client = wait_for("the server", || TcpStream::connect("127.0.0.1:8080").ok());
        server.read_pid();
        let (_, json) = why(&["8080"]);
        assert_eq!(kinds(&json)[0], "connected_local", "{json}");
        let text = finding(&json, "connected_local")["text"].as_str().unwrap();
        assert!(text.contains("a bind with SO_REUSEADDR passes over it"), "{text}");
        assert_eq!(wait(&["8080", "--free"]).status.code(), Some(1));
        let output = wait(&["8080", "--free", "--reuse-addr"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        // A connection without the option stands against both.
        let own = client.local_addr().unwrap().port().to_string();
        assert_eq!(wait(&[&own, "--free", "--reuse-addr"]).status.code(), Some(1));
    });
}

#[test]
fn no_wait_is_advised_for_what_does_not_end_by_itself() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let client = TcpStream::connect("127.0.0.1:8080").unwrap();
        let (accepted, _) = listener.accept().unwrap();
        drop(listener);
        let advises_wait = || {
            let (_, json) = why(&["8080"]);
            let finding = finding(&json, "connected_local");
            let remedies = finding["remedies"].as_array().unwrap();
            let first = |remedy: &Value| remedy["argv"][1].clone();
            (remedies.iter().any(|remedy| first(remedy) == "wait"), finding["text"].clone())
        };
        assert!(advises_wait().0, "a connection that is open may be closed any time");
        accepted.shutdown(Shutdown::Write).unwrap();
        wait_for("FIN_WAIT_2", || states(8080).starts_with("FIN-WAIT-2").then_some(()));
        let (advised, text) = advises_wait();
        assert!(!advised, "its program keeps it in FIN_WAIT_2");
        assert!(text.as_str().unwrap().contains("kept open by its program"), "{text}");
        // The other end, in CLOSE_WAIT, likewise.
        let own = client.local_addr().unwrap().port().to_string();
        let (_, json) = why(&[&own]);
        let remedies = finding(&json, "connected_local")["remedies"].to_string();
        assert!(!remedies.contains("\"wait\""), "{remedies}");
    });
}

#[test]
fn a_server_in_a_restart_loop_gets_no_answer_that_contradicts_itself() {
    in_namespace(|| {
        // Quick rounds and slow ones, so that machines of any speed meet a change and its program.
        let script = "
import itertools
for pause in itertools.cycle((.04,) * 12 + (.12,) * 4 + (.4,) * 2):
    s = tcp('0.0.0.0'); tell(); time.sleep(pause); s.close(); time.sleep(pause)";
        let mut server = Server::start_unready(script);
        server.read_pid();
        let (mut looks, mut changing, mut named) = (0, 0, 0);
        // How often a change is met depends on the machine: a quick one looks between two of them.
        wait_up_to(Duration::from_secs(180), "a change whose program was caught", || {
            let (code, json) = why(&["8080"]);
            let bindable = json["bindable"].as_bool().unwrap();
            assert_eq!(code, i32::from(!bindable));
            let plain = json["trial"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|trial| trial["reuse_addr"] == false && trial["reuse_port"] == false);
            assert_eq!(plain.into_iter().all(|trial| trial["error"].is_null()), bindable, "{json}");
            let kinds = kinds(&json);
            let (is_held, is_changing) = (kinds.contains(&"listener"), kinds.contains(&"changing"));
            assert!(!(is_held && bindable), "{json}");
            assert!(is_held || is_changing || bindable, "{json}");
            assert!(!json["health"].to_string().contains("no socket that can be seen"), "{json}");
            if kinds.contains(&"listener") {
                assert_eq!(
                    finding(&json, "listener")["sockets"][0]["owners"][0]["pid"],
                    server.pid()
                );
            }
            if let Some(held) = json["looks"]["held"].as_u64() {
                changing += 1;
                let taken = json["looks"]["taken"].as_u64().unwrap();
                assert!(0 < held && held < taken, "{json}");
                assert_eq!(kinds[0], "changing");
                let text = json["findings"][0]["text"].as_str().unwrap();
                let looks = format!("held in {held} of {taken} looks, by ");
                assert!(text.contains(&looks), "{text}");
                // A machine that is slower than the server may not catch it with its socket open.
                let who = format!("by python3 {}, started by ", server.pid());
                assert!(text.contains(&who) || text.contains("could not be caught"), "{text}");
                named += u32::from(text.contains(&who));
            }
            looks += 1;
            (looks >= 60 && changing > 0 && named > 0).then_some(())
        });
        let output = wait_for("a look that meets a change", || {
            let output = sockpit().args(["why", "8080"]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            text.contains("changes while").then_some(text)
        });
        assert!(output.starts_with("8080/tcp changes while it is looked at: held in "), "{output}");
    });
}

#[test]
fn several_ports_are_asked_about_at_once() {
    in_namespace(|| {
        let _held = TcpListener::bind("127.0.0.1:3001").unwrap();
        let output = sockpit().args(["why", "3000-3002", "--json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let bindable: Vec<(&Value, &Value)> =
            json.as_array().unwrap().iter().map(|it| (&it["target"], &it["bindable"])).collect();
        let expected = [("3000", true), ("3001", false), ("3002", true)]
            .map(|(target, bindable)| (Value::from(target), Value::from(bindable)));
        assert_eq!(bindable, expected.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>());
        let output = sockpit().args(["why", "3000,3000", "--json"]).output().unwrap();
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json.as_array().map(Vec::len), Some(1), "written as several, though one");
        let output = wait(&["3000,3001", "--free"]);
        assert_eq!(output.status.code(), Some(1));
        let words = stderr(&output);
        assert!(words.contains("3001 is not free") && !words.contains("3000 "), "{words}");
        assert_eq!(wait(&["3000", "3002", "--free"]).status.code(), Some(0));
    });
}

#[test]
fn a_wait_for_a_server_says_where_it_is_served() {
    in_namespace(|| {
        let _first = TcpListener::bind("127.0.0.1:8080").unwrap();
        let output = wait(&["8080", "--listening"]);
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(text, "8080 is served on 127.0.0.1:8080\n");
        assert_eq!(wait(&["8080", "--listening", "--addr", "127.0.0.1"]).status.code(), Some(0));
        let elsewhere = wait(&["8080", "--listening", "--addr", "::1"]);
        assert_eq!(elsewhere.status.code(), Some(1));
        assert!(stderr(&elsewhere).contains("nothing listens on 8080 at ::1"), "{elsewhere:?}");
        assert_eq!(wait(&["8080", "--free", "--addr", "::1"]).status.code(), Some(0));
        let _any = TcpListener::bind("[::]:9090").unwrap();
        assert_eq!(wait(&["9090", "--listening", "--addr", "127.0.0.1"]).status.code(), Some(0));
    });
}
