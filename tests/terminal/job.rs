//! Job control under a shell.

use rustix::process::Signal;

use crate::PANES;
use crate::pty::Terminal;
use crate::support::{self, in_namespace};

/// The line settings that a program started by this shell finds. `mark` tells one answer
/// from another.
fn settings(shell: &mut Terminal, mark: &str) -> String {
    shell.send(&format!("echo {mark}=$(stty -g)\r"));
    let start = format!("{mark}=");
    let answer =
        |line: &str| line.strip_prefix(&start).filter(|rest| rest.contains(':')).map(str::to_owned);
    let text = shell.wait_until(&start, |text| text.lines().any(|line| answer(line).is_some()));
    text.lines().find_map(answer).unwrap()
}

/// An interactive bash at its prompt.
fn bash() -> Terminal {
    let mut shell = Terminal::start(140, 40, "bash", &["--norc", "--noprofile", "-i"]);
    // bash turns bracketed paste on at its prompt: it would look like a leftover.
    shell.send("PS1='ready> '; bind 'set enable-bracketed-paste off'\r");
    shell.wait_until("the prompt", |text| text.lines().any(|line| line.trim() == "ready>"));
    shell
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_comes_back_whole() {
    in_namespace(|| {
        let mut shell = bash();
        let before = settings(&mut shell, "before");

        shell.send(&format!("{}\r", env!("CARGO_BIN_EXE_sockpit")));
        shell.wait_for("4 Tester");
        shell.send("\x1a");
        shell.wait_for("Stopped");
        shell.assert_screen_restored();
        assert_eq!(settings(&mut shell, "stopped"), before);

        shell.resize(80, 24);
        shell.send("fg\r");
        let text = shell.wait_for("[1 Ports]");
        assert!(!text.contains("Stopped"), "drawn over the shell's screen:\n{text}");
        assert_eq!(text.lines().next().map(|line| line.starts_with(" sockpit ")), Some(true));
        assert!(text.lines().nth(23).is_some_and(|line| line.contains("q quit")), "{text}");
        // Once more, now that the handlers have been changed and put back.
        shell.send("\x1a");
        shell.wait_until("the shell", |text| text.contains("Stopped") && !text.contains("1 Ports"));
        shell.assert_screen_restored();
        shell.send("fg\r");
        shell.wait_for("[1 Ports]");

        shell.send("q");
        shell.wait_gone("1 Ports");
        shell.assert_screen_restored();
        assert_eq!(settings(&mut shell, "after"), before);
        shell.send("exit\r");
        assert!(shell.wait_exit().success());
    });
}

#[test]
fn a_stopped_dashboard_ends_when_it_is_asked_to() {
    in_namespace(|| {
        let mut shell = bash();
        let before = settings(&mut shell, "before");
        shell.send(&format!("{}\r", env!("CARGO_BIN_EXE_sockpit")));
        shell.wait_for("4 Tester");
        shell.send("\x1a");
        shell.wait_for("Stopped");
        // bash continues the job too, in the background, where it may not touch the terminal.
        let gone = "p=$(jobs -p); kill %1; while kill -0 $p 2> /dev/null; do :; done";
        shell.send(&format!("{gone}\r"));
        shell.wait_row(&["[1]", "Exit 143"]);
        shell.assert_screen_restored();
        assert_eq!(settings(&mut shell, "after"), before);
        shell.send("exit\r");
        shell.wait_exit();
    });
}

#[test]
fn a_dashboard_in_the_background_leaves_the_terminal_alone() {
    in_namespace(|| {
        let mut shell = bash();
        let before = settings(&mut shell, "before");
        shell.send(&format!("{}\r", env!("CARGO_BIN_EXE_sockpit")));
        shell.wait_for("4 Tester");
        shell.send("\x1a");
        shell.wait_for("Stopped");
        // It stops again at once: there is nothing that it could do there.
        shell.send("bg; until jobs -s | grep -q sockpit; do :; done; echo stopped again\r");
        shell.wait_until("a second stop", |text| text.lines().any(|line| line == "stopped again"));
        shell.assert_screen_restored();
        assert_eq!(settings(&mut shell, "between"), before);
        shell.send("fg\r");
        shell.wait_for("4 Tester");
        shell.send("q");
        shell.wait_gone("4 Tester");
        assert_eq!(settings(&mut shell, "after"), before);
        shell.send("exit\r");
        assert!(shell.wait_exit().success());
    });
}

#[test]
fn what_others_wrote_meanwhile_is_drawn_over() {
    in_namespace(|| {
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        terminal.wait_for("4 Tester");
        // Not to be caught: the dashboard could not give the terminal back.
        terminal.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", terminal.pid());
        support::wait_for("its stop", || {
            std::fs::read_to_string(&stat).unwrap().contains(") T ").then_some(())
        });
        terminal.scribble(b"\x1b[?1049l\x1b[?1000l\x1b[?25h\x1b[2J\x1b[Hsomething else");
        terminal.signal(Signal::CONT);
        terminal.wait_until("the dashboard, whole", |text| {
            PANES.iter().all(|pane| text.contains(pane)) && !text.contains("something else")
        });
        terminal.wait_taken();
        terminal.send("q");
        assert!(terminal.wait_exit().success());
        terminal.assert_restored();
    });
}
