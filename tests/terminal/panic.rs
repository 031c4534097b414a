//! A panic, wherever it happens: the terminal is as it was, and the message can be read.
//!
//! The binary has no switch that makes it panic. The same dashboard runs in this test
//! binary, started again in the terminal with a test that does nothing without its order.

use std::env;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::Duration;

use sockpit::config::Dashboard;
use sockpit::query::Saved;
use sockpit::tui::{self, End, terminal::Screen};

use crate::pty::Terminal;
use crate::support::in_namespace;

/// Where to panic, and the file whose appearance says when: `thread /tmp/…`.
const ORDER: &str = "SOCKPIT_TEST_PANIC";
const MESSAGE: &str = "deliberate, to see the terminal restored";

/// Starts the helper in a terminal, lets it panic once `drawn` is on the screen.
fn panicked(place: &str, drawn: &str) {
    let dir = tempfile::tempdir().unwrap();
    let go = dir.path().join("go");
    let order = format!("{ORDER}={place} {}", go.display());
    let exe = env::current_exe().unwrap();
    let args = ["--exact", "panic::dashboard_that_panics_when_told", "--nocapture"];
    // A backtrace would push the message off the screen.
    let mut command = vec!["RUST_BACKTRACE=0", order.as_str(), exe.to_str().unwrap()];
    command.extend(args);
    let mut terminal = Terminal::start(140, 40, "env", &command);
    if drawn.is_empty() {
        terminal.wait_taken();
    } else {
        terminal.wait_for(drawn);
    }
    std::fs::write(&go, "").unwrap();
    let status = terminal.wait_exit();
    terminal.assert_restored();
    assert_eq!(status.exit_code(), 101, "{}", terminal.text());
    let text = terminal.wait_for(MESSAGE);
    assert!(text.contains("panicked at tests/terminal/panic.rs"), "{text}");
    assert!(!text.contains(drawn) || drawn.is_empty(), "the dashboard is off the screen:\n{text}");
}

#[test]
fn a_panic_of_another_thread_restores_the_terminal() {
    in_namespace(|| {
        panicked("thread", "4 Tester");
    });
}

#[test]
fn a_panic_of_a_task_restores_the_terminal() {
    in_namespace(|| {
        panicked("task", "4 Tester");
    });
}

#[test]
fn a_panic_of_the_thread_that_draws_restores_the_terminal() {
    in_namespace(|| {
        panicked("drawing", "");
    });
}

/// Not a test by itself: what the tests above start.
#[test]
fn dashboard_that_panics_when_told() {
    let Ok(order) = env::var(ORDER) else { return };
    let (place, go) = order.split_once(' ').unwrap();
    let go = PathBuf::from(go);
    match place {
        "thread" => drop(thread::spawn(move || panic_at(&go))),
        "task" => drop(thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async { tokio::spawn(async move { panic_at(&go) }).await })
        })),
        _ => {
            let _screen = Screen::enter(true).unwrap();
            panic_at(&go);
        }
    }
    // As main does.
    let end = tui::run(&Dashboard::default(), Saved::default(), Vec::new());
    process::exit(if matches!(end, Ok(End::Panicked)) { 101 } else { 3 });
}

fn panic_at(go: &Path) {
    while !go.exists() {
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{MESSAGE}");
}
