//! The dashboard as a person sees it: the real binary in a pty.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "terminal/pty.rs"]
mod pty;
mod support;

use pty::Terminal;

#[test]
fn without_a_terminal_the_dashboard_says_so() {
    let output = support::sockpit().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("terminal"));
}

#[test]
fn a_terminal_is_as_it_was_after_a_program_that_changes_nothing() {
    let mut terminal = Terminal::start(60, 16, "echo", &["hello"]);
    terminal.wait_for("hello");
    assert!(terminal.wait_exit().success());
    terminal.assert_restored();
}
