//! From the first screen to the last, with one selection through all four panes.

use std::net::TcpStream;

use crate::pty::Terminal;
use crate::server::Server;
use crate::support::{self, in_namespace};
use crate::wait_for_panes;

#[test]
fn a_listener_is_found_examined_tested_and_killed() {
    in_namespace(|| {
        let (mut server, other) = (Server::start(8080), Server::start(8081));
        let (address, pid) = (server.address(), server.pid().to_string());
        let mut terminal = Terminal::sockpit(140, 40, &[]);
        wait_for_panes(&terminal);
        terminal.wait_row(&[&address, "LISTEN", &pid, "python3"]);
        terminal.wait_row(&[&other.address(), "LISTEN"]);

        terminal.send(&format!("/port:{}\r", server.port()));
        terminal.wait_gone(&other.address());
        terminal.wait_row(&["1 Ports", &format!("/port:{} ─ 1 of ", server.port())]);
        terminal.wait_row(&["▶", &address, &pid]);

        // The other panes follow the selection.
        terminal.wait_row(&["3 Options", "python3", &pid, &address]);
        terminal.wait_row(&["program", "SO_REUSEADDR", "on"]);
        terminal.wait_row(&["2 Packets", &address]);

        // A handshake has three packets.
        terminal.wait_for("no packet of it seen");
        let client = TcpStream::connect(&address).unwrap();
        terminal.wait_row(&["selected 3 packets"]);
        drop(client);

        terminal.send("4");
        terminal.wait_for("Enter test");
        terminal.wait_row(&[&format!("tcp://{address}")]);
        terminal.send("\r");
        terminal.wait_row(&["verdict", "OK"]);

        terminal.send("1");
        terminal.wait_for("K kill");
        terminal.send("K");
        terminal.wait_for(&format!("python3 {pid} holds {address}"));
        assert_eq!(server.ended_by(), None, "nothing is done before the agreement");
        terminal.send("\r");
        terminal.wait_for("the port is free");
        // SIGTERM
        assert_eq!(support::wait_for("its end", || server.ended_by()), 15);
        terminal.send("\x1b");
        terminal.wait_gone("Esc close");

        terminal.send("q");
        let status = terminal.wait_exit();
        assert_eq!(status.exit_code(), 0, "{status:?}");
        terminal.assert_restored();
    });
}
