//! Filters saved under a name, in queries of the command line.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use crate::support::sockpit;

/// `sockpit` with a configuration and with what the dashboard saved earlier.
fn run(configuration: &str, saved: &str, arguments: &[&str]) -> Output {
    let place = tempfile::tempdir().unwrap();
    let write = |path: &Path, text: &str| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(&place.path().join("config/sockpit/config.toml"), configuration);
    write(&place.path().join("state/sockpit/saved-filters"), saved);
    sockpit()
        .env("XDG_CONFIG_HOME", place.path().join("config"))
        .env("XDG_STATE_HOME", place.path().join("state"))
        .args(arguments)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_saved_filter_is_used_by_its_name() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let configuration = format!("[filters]\nmine = \"lport:{port}\"\n");
    let count = |arguments: &[&str]| {
        let output = run(&configuration, "up @mine state:listen\n", arguments);
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8_lossy(&output.stdout).lines().count()
    };
    assert_eq!(count(&["ports", "--jsonl", "@mine", "proto:tcp4"]), 1);
    assert_eq!(count(&["ports", "--jsonl", "@up"]), 1, "one that the dashboard saved");
    assert_eq!(count(&["ports", "--jsonl", "port:1 or @up"]), 1);
    assert!(count(&["opts", "@mine"]) > 1);
    let none = run(&configuration, "", &["close", "@mine", "--dry-run"]);
    assert_eq!(none.status.code(), Some(1), "a listener is spared: {}", stderr(&none));
}

#[test]
fn an_unknown_name_is_wrong_usage_with_its_column() {
    let output = run("[filters]\nweb = \"port:80\"\n", "", &["ports", "proto:tcp", "@wev"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = stderr(&output);
    assert!(stderr.contains("column 11") && stderr.contains("did you mean @web?"), "{stderr}");
}

#[test]
fn what_is_wrong_in_the_file_is_told_with_its_place() {
    for (filters, told) in [
        ("a = \"port:80\"\nb = \"port:x\"\n", "line 3: the filter `b`, query column 6"),
        ("a = \"@b\"\nb = \"@a\"\n", "would use itself"),
        ("\"a b\" = \"port:1\"\n", "line 2: `a b` cannot name a filter"),
        ("a = 80\n", "line 2: invalid type"),
    ] {
        let output = run(&format!("[filters]\n{filters}"), "", &["ports", "@a"]);
        assert_eq!(output.status.code(), Some(2), "{filters}");
        let stderr = stderr(&output);
        assert!(stderr.contains("config.toml") && stderr.contains(told), "{filters}: {stderr}");
    }
}

#[test]
fn a_query_without_names_needs_no_configuration() {
    let output = run("[filters\n", "", &["ports", "proto:udp,tcp", "--jsonl"]);
    assert_ne!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn everything_under_a_name_is_still_everything() {
    let output = run("[filters]\nall = \"*\"\n", "", &["close", "@all", "--yes"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("matches every connection"), "{}", stderr(&output));
}
