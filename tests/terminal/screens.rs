//! Sizes, mouse, help, palette, freezing.

use std::time::{Duration, Instant};

use crate::pty::Terminal;
use crate::server::Server;
use crate::support::in_namespace;
use crate::{PANES, wait_for_panes};

/// Longer than two rounds of the collectors.
const ROUNDS: Duration = Duration::from_secs(3);

#[test]
fn every_size_has_its_layout() {
    in_namespace(|| {
        let (server, _other) = (Server::start(8080), Server::start(8081));
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        wait_for_panes(&terminal);
        for (columns, rows) in [(80, 24), (60, 16)] {
            terminal.resize(columns, rows);
            terminal.wait_until("one pane and its tabs", |text| {
                let last = text.lines().nth(usize::from(rows) - 1);
                text.contains("[1 Ports]")
                    && text.contains(&server.address())
                    && last.is_some_and(|line| line.contains("q quit"))
            });
        }
        terminal.resize(40, 10);
        terminal.wait_for("sockpit needs 60x16 cells");
        terminal.wait_for("has 40x10");
        terminal.resize(1, 1);
        terminal.resize(140, 40);
        terminal.wait_until("all panes again", |text| {
            PANES.iter().all(|pane| text.contains(pane))
                && text.lines().nth(39).is_some_and(|line| line.contains("q quit"))
        });
        terminal.send("q");
        assert!(terminal.wait_exit().success());
        terminal.assert_restored();
    });
}

#[test]
fn a_click_selects_and_moves_the_focus() {
    in_namespace(|| {
        let servers = [Server::start(8082), Server::start(8083), Server::start(8084)];
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        wait_for_panes(&terminal);
        for server in &servers {
            terminal.wait_row(&[&server.address(), "LISTEN"]);
            terminal.click(&server.address());
            terminal.wait_row(&["▶", &server.address(), &server.pid().to_string()]);
            terminal.wait_row(&["3 Options", &server.address()]);
        }
        // A click that only moves the focus: the keys of that pane are shown.
        terminal.click("4 Tester");
        terminal.wait_for("c continuous");
        terminal.send("q");
        assert!(terminal.wait_exit().success());
        terminal.assert_restored();
    });
}

#[test]
fn help_opens_and_esc_closes_it() {
    in_namespace(|| {
        let mut terminal = Terminal::sockpit(80, 24, &[]);
        terminal.wait_for("1 Ports");
        terminal.send("?");
        terminal.wait_for("Plan to end the processes");
        terminal.send("\x1b");
        terminal.wait_gone("Plan to end the processes");
        terminal.send("q");
        assert!(terminal.wait_exit().success());
        terminal.assert_restored();
    });
}

#[test]
fn the_palette_runs_a_command() {
    in_namespace(|| {
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        terminal.wait_for("4 Tester");
        terminal.send(":");
        terminal.wait_for("Palette");
        terminal.send("whole screen");
        terminal.wait_row(&["▸", "Give the focused pane the whole screen"]);
        terminal.send("\r");
        terminal.wait_for("zoomed");
        terminal.wait_for("[1 Ports]");
        terminal.send(":");
        terminal.wait_for("Palette");
        terminal.send("no such command");
        terminal.wait_for("No command has that name");
        terminal.send("\x1b");
        terminal.wait_gone("Palette");
        terminal.send(":");
        terminal.wait_for("Palette");
        terminal.send("Quit");
        terminal.wait_row(&["▸", "Quit"]);
        terminal.send("\r");
        assert!(terminal.wait_exit().success());
        terminal.assert_restored();
    });
}

#[test]
fn a_frozen_view_shows_nothing_new_until_it_runs_again() {
    in_namespace(|| {
        let _servers = (Server::start(8085), Server::start(8086));
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        wait_for_panes(&terminal);
        terminal.send(" ");
        terminal.wait_for("FROZEN");
        let late = Server::start(8087);
        let began = Instant::now();
        while began.elapsed() < ROUNDS {
            let text = terminal.text();
            assert!(text.contains("FROZEN") && !text.contains(&late.address()), "{text}");
            std::thread::sleep(Duration::from_millis(50));
        }
        terminal.send(" ");
        terminal.wait_gone("FROZEN");
        terminal.wait_row(&[&late.address(), "LISTEN", &late.pid().to_string()]);
        terminal.send("q");
        assert!(terminal.wait_exit().success());
        terminal.assert_restored();
    });
}
