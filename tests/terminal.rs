//! The dashboard as a person sees it: the real binary in a pty.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "terminal/actions.rs"]
mod actions;
#[path = "terminal/ends.rs"]
mod ends;
#[path = "terminal/hostile.rs"]
mod hostile;
#[path = "terminal/job.rs"]
mod job;
#[path = "terminal/keepers.rs"]
mod keepers;
#[path = "terminal/kernel.rs"]
mod kernel;
#[path = "terminal/live.rs"]
mod live;
#[path = "terminal/packets.rs"]
mod packets;
#[path = "terminal/panic.rs"]
mod panic;
#[path = "terminal/picture.rs"]
mod picture;
#[path = "terminal/pty.rs"]
mod pty;
#[path = "terminal/remembered.rs"]
mod remembered;
#[path = "terminal/rights.rs"]
mod rights;
#[path = "terminal/screens.rs"]
mod screens;
#[path = "terminal/server.rs"]
mod server;
#[path = "terminal/story.rs"]
mod story;
mod support;
#[path = "terminal/svg.rs"]
mod svg;
#[path = "terminal/units.rs"]
mod units;

use pty::Terminal;

/// The titles of the four panes.
const PANES: [&str; 4] = ["1 Ports", "2 Packets", "3 Options", "4 Tester"];

/// Waits until all four panes are there and have read this machine's sockets.
fn wait_for_panes(terminal: &Terminal) {
    terminal.wait_until("the four panes, filled", |text| {
        PANES.iter().all(|pane| text.contains(pane)) && text.contains(" sockets ─ ")
    });
}

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
