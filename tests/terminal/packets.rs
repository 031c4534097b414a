//! The Packets pane over traffic of which every packet is known.

use std::net::UdpSocket;

use crate::pty::Terminal;
use crate::support::in_namespace;
use crate::wait_for_panes;

/// Sends datagrams to a port of this host where somebody listens.
struct Sender {
    socket: UdpSocket,
    _receiver: UdpSocket,
}

impl Sender {
    fn to(port: u16) -> Self {
        let _receiver = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(("127.0.0.1", port)).unwrap();
        Self { socket, _receiver }
    }

    fn send(&self, packets: usize) {
        (0..packets).for_each(|_| assert_eq!(self.socket.send(b"0123456789").unwrap(), 10));
    }
}

/// The dashboard with nothing but Packets.
fn packets() -> Terminal {
    let mut terminal = Terminal::sockpit(140, 40, &[]);
    wait_for_panes(&terminal);
    terminal.send("2z");
    terminal.wait_row(&["2 Packets", "flows"]);
    terminal
}

#[test]
fn flows_are_filtered_and_what_is_captured_too() {
    in_namespace(|| {
        let (one, other) = (Sender::to(7001), Sender::to(7002));
        let mut terminal = packets();
        one.send(3);
        other.send(5);
        terminal.wait_row(&["udp", "127.0.0.1:7001", " 3 "]);
        terminal.wait_row(&["udp", "127.0.0.1:7002", " 5 "]);

        terminal.send("fport:7001\r");
        terminal.wait_gone("udp 127.0.0.1:7002");
        terminal.wait_row(&["2 Packets", "/port:7001 1 of 2"]);
        terminal.send("p");
        terminal.wait_row(&["udp/7001", " 3 "]);
        assert!(!terminal.text().contains("udp/7002"), "ports are those of the flows");
        terminal.send("l");
        terminal.wait_row(&["transport", "packets"]);
        terminal.send("F\x1b");
        terminal.wait_row(&["udp", "127.0.0.1:7002", " 5 "]);

        terminal.send("cport 7002 prot\r");
        terminal.wait_for("! ");
        terminal.send("\x15port 7002\r");
        terminal.wait_row(&["2 Packets", "only port 7002"]);
        terminal.wait_gone("udp 127.0.0.1:7001");
        one.send(3);
        other.send(4);
        terminal.wait_row(&["udp", "127.0.0.1:7002", " 4 "]);
        assert!(!terminal.text().contains("udp 127.0.0.1:7001"), "it is not captured");
        terminal.wait_for("4 packets ");

        terminal.send("R");
        terminal.wait_gone("udp 127.0.0.1:7002");
        other.send(2);
        terminal.wait_row(&["udp", "127.0.0.1:7002", " 2 "]);
        terminal.send("q");
        assert!(terminal.wait_exit().success());
    });
}
