//! With fewer rights: less is shown, and it is said why.

use crate::pty::Terminal;
use crate::server::Server;
use crate::support::in_namespace;

#[test]
fn without_the_right_to_capture_packets_names_the_remedy_and_shows_interfaces() {
    in_namespace(|| {
        let server = Server::start(8080);
        let sockpit = env!("CARGO_BIN_EXE_sockpit");
        let args = ["--bounding-set=-all", "--inh-caps=-all", sockpit];
        let mut terminal = Terminal::start(140, 40, "setpriv", &args);
        terminal.wait_for("setcap cap_net_raw");
        terminal.wait_for("Interface counters instead");
        terminal.wait_row(&["interface", "received", "sent"]);
        // Rates are known from the second reading on.
        terminal.wait_row(&["lo ", "B/s"]);
        terminal.wait_row(&[&server.address(), "LISTEN"]);
        terminal.wait_row(&["sockpit", "no capture"]);
        terminal.send("q");
        assert!(terminal.wait_exit().success());
        terminal.assert_restored();
    });
}
