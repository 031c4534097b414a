//! The history of the ended, filters with a name, and what a later run knows of both.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use socket2::SockRef;

use crate::pty::Terminal;
use crate::server::Server;
use crate::support::in_namespace;
use crate::wait_for_panes;

#[test]
fn the_history_shows_what_has_ended() {
    in_namespace(|| {
        let _server = Server::start(8080);
        let listener = TcpListener::bind("127.0.0.1:7001").unwrap();
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        wait_for_panes(&terminal);
        let client = TcpStream::connect("127.0.0.1:7001").unwrap();
        let from = client.local_addr().unwrap().to_string();
        let (server, _) = listener.accept().unwrap();
        terminal.wait_row(&[&from, "ESTABLISHED"]);
        // A reset leaves no TIME_WAIT behind.
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop((client, server));
        terminal.wait_row(&["\u{2715}", &from, "ended"]);

        terminal.send("zH");
        terminal.wait_for("of at most 10,000");
        terminal.wait_row(&[&from, "ESTABLISHED"]);
        terminal.send(&format!("/lport:{}\r", from.rsplit(':').next().unwrap()));
        terminal.wait_row(&["1 of "]);
        terminal.send("\r");
        terminal.wait_for("ended at");
        terminal.send("\x1b");
        terminal.wait_gone("ended at");
        terminal.send("H");
        terminal.wait_gone("of at most 10,000");
        terminal.send("q");
        assert!(terminal.wait_exit().success());
        terminal.assert_restored();
    });
}

#[test]
fn a_later_run_knows_the_filters_of_an_earlier_one() {
    in_namespace(|| {
        let (web, other) = (Server::start(8080), Server::start(8081));
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("config/sockpit/config.toml");
        fs::create_dir_all(config.parent().unwrap()).unwrap();
        fs::write(&config, "[filters]\nweb = \"port:8080\"\n").unwrap();

        let mut terminal = Terminal::sockpit_at(140, 40, home.path());
        wait_for_panes(&terminal);
        terminal.wait_row(&[&other.address(), "LISTEN"]);
        terminal.send("/@w");
        terminal.wait_for("/@w");
        terminal.send("\t state:listen\r");
        terminal.wait_gone(&other.address());
        terminal.wait_row(&["/@web state:listen", "1 of "]);
        terminal.wait_row(&[&web.address(), "LISTEN"]);
        terminal.send("F");
        terminal.wait_for("Saved filters");
        terminal.send("mine");
        terminal.wait_for("save @web state:listen as @mine");
        terminal.send("\r");
        terminal.wait_for("Saved as @mine");
        let state = home.path().join("state/sockpit");
        let read = |name: &str| fs::read_to_string(state.join(name)).ok();
        crate::support::wait_for("both files", || {
            let saved = read("saved-filters")? == "mine @web state:listen\n";
            (saved && read("filters")? == "@web state:listen\n").then_some(())
        });
        for name in ["filters", "saved-filters"] {
            let mode = fs::metadata(state.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        terminal.send("q");
        assert!(terminal.wait_exit().success());

        let mut terminal = Terminal::sockpit_at(140, 40, home.path());
        wait_for_panes(&terminal);
        terminal.send("/");
        terminal.wait_for("Esc cancel");
        terminal.send("\x1b[A");
        terminal.wait_for("/@web state:listen");
        terminal.send("\x15!@mine proto:tcp\r");
        terminal.wait_row(&["/!@mine proto:tcp", "1 of "]);
        terminal.wait_row(&[&other.address(), "LISTEN"]);
        terminal.send("q");
        assert!(terminal.wait_exit().success());
        terminal.assert_restored();
    });
}
