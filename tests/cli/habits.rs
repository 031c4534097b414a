//! What users of other tools type, and what they are told.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{in_namespace, sockpit};

fn sock(args: &[&str]) -> Output {
    sockpit().args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn arguments_of_other_tools_lead_to_the_right_form() {
    for (args, right) in [
        (&["kill", "-9", "8080"][..], "sockpit kill 8080 --signal KILL --force"),
        (&["ports", "-tulpn"], "sockpit ports proto:tcp,udp state:listen,unconnected"),
        (&["-tlpn"], "sockpit ports proto:tcp state:listen,unconnected"),
        (&["ports", "-n"], "--resolve asks for names"),
        (&["probe", "localhost", "-p", "443"], "sockpit probe localhost:443"),
        (&["ports", "--watch", "8080"], "--watch port:8080"),
    ] {
        let output = sock(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(right), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn every_subcommand_has_an_example_and_its_exit_codes_and_global_options_last() {
    let whole = String::from_utf8(sock(&["--help"]).stdout).unwrap();
    assert!(whole.contains("Exit code"), "{whole}");
    let (_, commands) = whole.split_once("Commands:\n").unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    // A line that goes on with a description is indented further.
    let names =
        commands.filter_map(|line| line.strip_prefix("  ")).filter(|it| !it.starts_with(' '));
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 12, "{names:?}");
    for name in names.into_iter().filter(|name| *name != "help") {
        let help = String::from_utf8(sock(&[name, "--help"]).stdout).unwrap();
        assert!(help.contains(&format!("\n  sockpit {name}")), "no example: {help}");
        let only_prints = ["completions", "man"].contains(&name);
        assert!(only_prints || help.contains("Exit code"), "{help}");
        let global = help.find("Global options:").unwrap_or_else(|| panic!("{help}"));
        let own = help.find("\nOptions:").unwrap_or_else(|| panic!("{help}"));
        assert!(own < global && global < help.find("--config").unwrap(), "{help}");
    }
}

#[test]
fn options_for_all_stand_before_a_subcommand_too() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let output = sock(&["--log", log.to_str().unwrap(), "--theme", "none", "free"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(log.exists());
}

#[test]
fn a_rate_or_an_age_is_told_by_a_second_look_and_that_is_said() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let port = format!("lport:{}", client.local_addr().unwrap().port());
        let output = sock(&["ports", &port, "--json", "--sort", "-sent_rate"]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(document["sockets"][0]["rates"].is_object(), "{document}");
        assert!(stderr(&output).contains("half a second"), "{output:?}");
        assert_eq!(sock(&["ports", &port, "--sort", "age"]).status.code(), Some(0));
        let output = sock(&["ports", &port, "rate:0..10"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let output = sock(&["ports", &port]);
        assert!(!stderr(&output).contains("half a second"), "{output:?}");
        for column in ["rate", "received_rate"] {
            let output = sock(&["ports", &port, "--columns", column]);
            assert!(stderr(&output).contains("half a second"), "{column}: {output:?}");
        }
    });
}

#[test]
fn a_word_does_not_find_the_sockpit_that_was_given_it() {
    in_namespace(|| {
        let word = "no-socket-has-this-word";
        for args in [&["ports", "--json", word][..], &["opts", word], &["close", "--dry-run", word]]
        {
            let output = sock(args);
            assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        }
    });
}

#[test]
fn a_number_that_is_no_port_is_a_process_id() {
    // Larger than any port, or a number that no socket has.
    let mut helper = Command::new("python3")
        .args([
            "-c",
            "import socket,sys; s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen()\n\
            print(1, flush=True); sys.stdin.read()",
        ])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Read::read_exact(helper.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    let pid = helper.id().to_string();
    let output = sock(&["opts", &pid, "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    drop(helper.stdin.take());
    helper.wait().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(found[0]["socket"]["owners"][0]["pid"].to_string(), pid, "{found}");
}

#[test]
fn a_note_that_nobody_reads_changes_no_exit_code() {
    for (args, code) in [
        (&["ports", "-n"][..], 2),
        (&["ports", "--watch=0"], 2),
        (&["why", "70000"], 2),
        (&["explain", "no-such-page"], 1),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = sockpit().args(args).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{args:?}");
    }
}
