//! The view that is kept from one run to the next.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::pty::Terminal;

/// Runs the dashboard on a state directory of its own, presses `keys`, and quits.
fn run(state: &Path, keys: &str, shows: &str) {
    let state = state.to_str().unwrap();
    let binary = env!("CARGO_BIN_EXE_sockpit");
    let mut terminal =
        Terminal::start(140, 40, "env", &[&format!("XDG_STATE_HOME={state}"), binary]);
    terminal.wait_for("1 Ports");
    for key in keys.chars() {
        terminal.send(&key.to_string());
    }
    terminal.wait_for(shows);
    terminal.send("q");
    assert!(terminal.wait_exit().success());
}

#[test]
fn groups_come_back_in_the_next_run() {
    let state = tempfile::tempdir().unwrap();
    run(state.path(), "b", "by process");
    let file = state.path().join("sockpit").join("view.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("group = \"process\""), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    run(state.path(), "", "by process");
}

#[test]
fn a_file_that_is_something_else_is_ignored_with_a_word() {
    let state = tempfile::tempdir().unwrap();
    let dir = state.path().join("sockpit");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("view.toml"), "\u{1b}[2Jnot ours").unwrap();
    run(state.path(), "", "view.toml does not hold a view");
}
