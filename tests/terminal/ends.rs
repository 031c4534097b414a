//! However the dashboard ends, the terminal is as it was.

use rustix::process::Signal;

use crate::pty::Terminal;
use crate::server::Server;
use crate::support::in_namespace;
use crate::wait_for_panes;

/// Sends a signal to a dashboard that has drawn; returns its exit code.
fn signalled(signal: Signal) -> u32 {
    let _server = (Server::start(8080), Server::start(8081));
    let mut terminal = Terminal::sockpit(140, 40, &[]);
    wait_for_panes(&terminal);
    assert!(!terminal.taken().is_empty());
    terminal.signal(signal);
    let status = terminal.wait_exit();
    terminal.assert_restored();
    assert_eq!(status.signal(), None);
    status.exit_code()
}

#[test]
fn sigterm_restores_the_terminal() {
    in_namespace(|| {
        assert_eq!(signalled(Signal::TERM), 128 + 15);
    });
}

#[test]
fn sigint_restores_the_terminal() {
    in_namespace(|| {
        assert_eq!(signalled(Signal::INT), 128 + 2);
    });
}

#[test]
fn sighup_restores_the_terminal() {
    in_namespace(|| {
        assert_eq!(signalled(Signal::HUP), 128 + 1);
    });
}

#[test]
fn ctrl_c_quits() {
    in_namespace(|| {
        let mut terminal = Terminal::sockpit(80, 24, &[]);
        terminal.wait_for("1 Ports");
        terminal.send("\x03");
        assert_eq!(terminal.wait_exit().exit_code(), 0);
        terminal.assert_restored();
    });
}

#[test]
fn a_terminal_that_is_gone_ends_the_dashboard() {
    in_namespace(|| {
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        terminal.wait_for("4 Tester");
        terminal.unplug();
        assert_ne!(terminal.wait_exit().exit_code(), 0);
    });
}

#[test]
fn a_terminal_that_is_gone_ends_a_dashboard_under_nohup_too() {
    in_namespace(|| {
        // A leader of the session that is not sockpit: the hang-up signal is the shell's.
        let script = format!("trap '' HUP; {}; exit 7", env!("CARGO_BIN_EXE_sockpit"));
        let mut terminal = Terminal::start(140, 40, "sh", &["-c", &script]);
        terminal.wait_for("4 Tester");
        terminal.unplug();
        assert_eq!(terminal.wait_exit().exit_code(), 7);
    });
}
