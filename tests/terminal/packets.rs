//! The Packets pane over traffic of which every packet is known.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::pty::Terminal;
use crate::support::{self, in_namespace};
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
        (0..packets).for_each(|_| assert_eq!(self.socket.send(&[b'.'; 1_200]).unwrap(), 1_200));
    }
}

/// The dashboard with nothing but Packets.
fn packets(home: &Path) -> Terminal {
    let mut terminal = Terminal::sockpit_at(140, 40, home);
    wait_for_panes(&terminal);
    terminal.send("2z");
    terminal.wait_row(&["2 Packets", "flows"]);
    // What is sent before the capture has begun is not counted.
    terminal.wait_for("capture any ●");
    terminal
}

#[test]
fn flows_are_filtered_and_what_is_captured_too() {
    in_namespace(|| {
        let (one, other) = (Sender::to(7001), Sender::to(7002));
        let home = tempfile::tempdir().unwrap();
        let mut terminal = packets(home.path());
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

/// Files of packets there, the oldest first.
fn files(place: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        all.filter(|path| path.extension().is_some_and(|it| it == "pcapng")).collect();
    files.sort();
    files
}

/// What `sockpit packets -r` says of a file.
fn read(file: &Path, options: &[&str]) -> Value {
    let output = support::sockpit()
        .args(["packets", "--json", "-r"])
        .arg(file)
        .args(options)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn packets_are_written_from_one_key_to_the_next_or_to_the_end_of_the_program() {
    in_namespace(|| {
        let home = tempfile::tempdir().unwrap();
        let sender = Sender::to(7001);
        let mut terminal = packets(home.path());
        sender.send(3);
        terminal.wait_row(&["udp", "127.0.0.1:7001", " 3 "]);

        terminal.send("w");
        terminal.wait_row(&["writing ./sockpit-packets-", ".pcapng", " in "]);
        sender.send(20);
        terminal.wait_row(&["writing ./sockpit-packets-", "20 packets"]);
        terminal.send("w");
        terminal.wait_row(&["Written: ./sockpit-packets-", "20 packets"]);
        sender.send(5);
        let [file] = &files(home.path())[..] else { panic!("one file") };
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        let counts = read(file, &[]);
        assert_eq!(counts["packets"], 20, "{counts}");
        assert_eq!(counts["losses"]["kernel"], 0, "the statistics are there: {counts}");
        let whole = read(file, &["--list"]);
        assert!(whole.as_array().unwrap().iter().all(|line| line["captured"] == 1_242), "{whole}");

        terminal.wait_row(&["udp", "127.0.0.1:7001", " 28 "]);
        terminal.wait_gone("Written:");
        terminal.send("w");
        terminal.wait_row(&["writing ./sockpit-packets-", " in "]);
        sender.send(7);
        terminal.wait_row(&["writing ./sockpit-packets-", "7 packets"]);
        sender.send(4);
        terminal.wait_row(&["udp", "127.0.0.1:7001", " 39 "]);
        terminal.send("q");
        assert!(terminal.wait_exit().success());
        let counts = read(&files(home.path())[1], &[]);
        assert_eq!(counts["packets"], 11, "{counts}");
        assert_eq!(counts["losses"]["kernel"], 0, "the file is complete: {counts}");
    });
}

#[test]
fn what_two_ends_said_is_read_as_text_and_as_a_dump() {
    in_namespace(|| {
        let home = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:7003").unwrap();
        let mut terminal = packets(home.path());
        // Whole packets are captured from here on.
        terminal.send("t");
        terminal.wait_row(&["2 Packets", "stream"]);
        terminal.wait_for("not captured");
        let mut client = TcpStream::connect("127.0.0.1:7003").unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(b"GET /shop HTTP/1.1\r\nHost: shop\r\n\r\n").unwrap();
        let mut read = [0; 34];
        server.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        server.read_exact(&mut read).unwrap();
        let body = "y".repeat(2_000);
        server.write_all(format!("HTTP/1.1 200 OK\r\n\r\n{body}end\x1b[2J").as_bytes()).unwrap();
        let from = client.local_addr().unwrap().to_string();
        terminal.wait_row(&[&format!("{from} → 127.0.0.1:7003, 34 bytes")]);
        terminal.wait_row(&["│GET /shop HTTP/1.1 "]);
        terminal.wait_row(&[&format!("127.0.0.1:7003 → {from}, 2,026 bytes")]);
        terminal.wait_row(&["│HTTP/1.1 200 OK "]);
        terminal.wait_row(&["yyyend", "[2J"]);
        terminal.send("X");
        terminal.wait_row(&["0000  47 45 54 20 2f 73 68 6f  70 20", "GET /shop HTTP/1"]);
        terminal.send("q");
        assert!(terminal.wait_exit().success());
    });
}
