//! What became of connections, and what applications said: a conversation of which every packet is
//! known.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::sockpit;

const CLIENT: [u8; 4] = [10, 0, 0, 1];
const SERVER: [u8; 4] = [10, 0, 0, 2];
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
const FIN: u8 = 1;

/// Packets with their times in milliseconds.
#[derive(Default)]
struct Talk(Vec<(u32, Vec<u8>)>);

impl Talk {
    fn ip(&mut self, ms: u32, from: [u8; 4], to: [u8; 4], protocol: u8, payload: &[u8]) {
        let length = u16::try_from(20 + payload.len()).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
        packet.extend(from);
        packet.extend(to);
        packet.extend(payload);
        self.0.push((ms, packet));
    }

    /// `numbers` are sequence and acknowledgment.
    fn tcp(&mut self, ms: u32, ports: (u16, u16), flags: u8, numbers: (u32, u32), data: &[u8]) {
        let (from, to) = if ports.0 > ports.1 { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let mut segment = ports.0.to_be_bytes().to_vec();
        segment.extend(ports.1.to_be_bytes());
        segment.extend(numbers.0.to_be_bytes());
        segment.extend(numbers.1.to_be_bytes());
        segment.extend([0x50, flags, 4, 0, 0, 0, 0, 0]);
        segment.extend(data);
        self.ip(ms, from, to, 6, &segment);
    }

    fn udp(&mut self, ms: u32, from: [u8; 4], to: [u8; 4], ports: (u16, u16), data: &[u8]) {
        let mut datagram = ports.0.to_be_bytes().to_vec();
        datagram.extend(ports.1.to_be_bytes());
        datagram.extend(u16::try_from(8 + data.len()).unwrap().to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(data);
        self.ip(ms, from, to, 17, &datagram);
    }

    fn file(&self) -> Vec<u8> {
        let mut file = Vec::new();
        for number in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 101] {
            file.extend(number.to_le_bytes());
        }
        for (ms, packet) in &self.0 {
            let length = u32::try_from(packet.len()).unwrap();
            for number in [1_700_000_000 + ms / 1_000, ms % 1_000 * 1_000, length, length] {
                file.extend(number.to_le_bytes());
            }
            file.extend(packet);
        }
        file
    }
}

fn hello(name: &str) -> Vec<u8> {
    let length = |bytes: usize| u16::try_from(bytes).unwrap().to_be_bytes();
    let mut extension = vec![0, 0];
    extension.extend(length(name.len() + 5));
    extension.extend(length(name.len() + 3));
    extension.push(0);
    extension.extend(length(name.len()));
    extension.extend(name.as_bytes());
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    body.extend(length(extension.len()));
    body.extend(extension);
    let mut record = vec![22, 3, 1];
    record.extend(length(body.len() + 4));
    record.extend([1, 0]);
    record.extend(length(body.len()));
    record.extend(body);
    record
}

fn dns(id: u16, flags: u16) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend(flags.to_be_bytes());
    message.extend([0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend(b"\x03www\x07example\x03org\x00\x00\x01\x00\x01");
    message
}

fn conversation() -> Vec<u8> {
    let mut talk = Talk::default();
    let (there, back) = ((4000, 443), (443, 4000));
    talk.tcp(0, there, SYN, (100, 0), b"");
    talk.tcp(20, back, SYN | ACK, (500, 101), b"");
    talk.tcp(30, there, ACK, (101, 501), b"");
    let hello = hello("www.example.org");
    let behind = 101 + u32::try_from(hello.len()).unwrap();
    talk.tcp(31, there, ACK, (101, 501), &hello);
    talk.tcp(331, there, ACK, (101, 501), &hello);
    talk.tcp(350, back, ACK, (501, behind), b"answer");
    talk.tcp(360, there, RST, (behind, 0), b"");
    // Refused, and never answered.
    talk.tcp(400, (4001, 80), SYN, (7, 0), b"");
    talk.tcp(401, (80, 4001), RST | ACK, (0, 8), b"");
    talk.tcp(500, (4002, 81), SYN, (7, 0), b"");
    talk.tcp(1_500, (4002, 81), SYN, (7, 0), b"");
    // A connection that ends as it should.
    talk.tcp(600, (4003, 22), SYN, (7, 0), b"");
    talk.tcp(601, (22, 4003), SYN | ACK, (9, 8), b"");
    talk.tcp(602, (4003, 22), ACK, (8, 10), b"");
    talk.tcp(603, (22, 4003), ACK, (10, 8), b"SSH-2.0-Test\r\n");
    talk.tcp(604, (22, 4003), FIN | ACK, (24, 8), b"");
    talk.tcp(605, (4003, 22), RST, (8, 0), b"");
    talk.udp(700, CLIENT, SERVER, (5000, 53), &dns(1, 0x0100));
    talk.udp(730, SERVER, CLIENT, (53, 5000), &dns(1, 0x8183));
    talk.udp(740, CLIENT, SERVER, (5000, 53), &dns(2, 0x0100));
    talk.udp(800, CLIENT, SERVER, (6000, 7000), b"anybody?");
    let last = talk.0.last().unwrap().1[..28].to_vec();
    talk.ip(801, SERVER, CLIENT, 1, &[&[3, 3, 0, 0, 0, 0, 0, 0], &last[..]].concat());
    talk.file()
}

fn packets(file: &Path, options: &[&str]) -> Output {
    let output = sockpit().args(["packets", "-r"]).arg(file).args(options).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    output
}

fn with_conversation(test: impl FnOnce(&Path)) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("talk.pcap");
    fs::write(&file, conversation()).unwrap();
    test(&file);
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn flow(counts: &Value, port: u16) -> &Value {
    let is = |flow: &&Value| flow["a"]["port"] == port || flow["b"]["port"] == port;
    counts["flows"].as_array().unwrap().iter().find(is).unwrap()
}

#[test]
fn what_became_of_connections_is_counted_exactly() {
    with_conversation(|file| {
        let counts = json(&packets(file, &["--json"]));
        let tcp = &counts["tcp"];
        assert_eq!(
            (
                &tcp["handshakes_completed"],
                &tcp["handshakes_refused"],
                &tcp["handshakes_unanswered"],
                &tcp["retransmissions"],
                &tcp["out_of_order"],
            ),
            (&2.into(), &1.into(), &1.into(), &2.into(), &0.into()),
            "{tcp}"
        );
        let tls = flow(&counts, 4000);
        assert_eq!(
            (&tls["application"], &tls["server"]),
            (&"tls".into(), &"www.example.org".into())
        );
        assert_eq!(tls["tcp"]["to_server_us"], 20_000);
        assert_eq!(tls["tcp"]["to_client_us"], 10_000);
        assert_eq!(tls["tcp"]["reset_phase"], "established");
        assert_eq!(flow(&counts, 4003)["server"], "SSH-2.0-Test");
        assert_eq!(flow(&counts, 4003)["tcp"]["reset_phase"], "closing");
        assert_eq!(flow(&counts, 4001)["tcp"]["handshake"], "refused");
        assert_eq!(flow(&counts, 6000)["icmp_errors"], 1);
        let dns = &counts["dns"];
        assert_eq!(
            (&dns["queries"], &dns["answers"], &dns["unanswered"]),
            (&2.into(), &1.into(), &1.into())
        );
        assert_eq!(dns["codes"][0]["name"], "NXDOMAIN");
        assert_eq!(dns["max_us"], 30_000);
        assert_eq!(dns["names"][0]["name"], "www.example.org");
        let hosts = counts["hosts"].as_array().unwrap();
        assert_eq!(hosts.len(), 2);
        assert_eq!(hosts[0]["packets"], counts["packets"]);
    });
}

#[test]
fn each_view_stands_alone() {
    with_conversation(|file| {
        let text =
            |view: &str| String::from_utf8(packets(file, &["--stats", view]).stdout).unwrap();
        let problems = text("problems");
        let lines: Vec<&str> = problems.lines().skip(1).collect();
        assert_eq!(lines.len(), 5, "{problems}");
        assert!(lines[0].contains("10.0.0.2:81") && lines[0].ends_with("nothing answered 2 SYNs"));
        assert!(lines[1].ends_with("10.0.0.2:80 refused the connection"), "{problems}");
        assert!(problems.contains("www.example.org"), "{problems}");
        assert!(problems.contains("10.0.0.1:4000 reset it in the middle"), "{problems}");
        // Only the client has sent: the error speaks of its datagram.
        let icmp = lines.iter().find(|line| line.contains("ICMP says: ")).unwrap();
        assert!(icmp.contains("10.0.0.1:6000 > 10.0.0.2:"), "{problems}");
        assert!(!problems.contains("4003"), "a reset after a FIN is no problem: {problems}");
        assert!(text("dns").contains("1 answers (NXDOMAIN 1), 1 unanswered"), "{}", text("dns"));
        for view in ["protocols", "applications", "flows", "ports", "hosts", "interfaces", "tcp"] {
            assert!(text(view).lines().count() > 1 || view == "interfaces", "{view}");
            let json = json(&packets(file, &["--stats", view, "--json"]));
            assert_eq!(
                (&json["view"], &json["schema"]),
                (&view.into(), &"sockpit.packets/1".into())
            );
        }
        let json = json(&packets(file, &["--stats", "problems", "--json"]));
        assert_eq!(json["rows"][1]["kind"], "refused");
        assert!(json["rows"][1]["text"].as_str().unwrap().contains("refused"));
    });
}

#[test]
fn a_connection_is_drawn_between_its_ends() {
    with_conversation(|file| {
        let output = packets(file, &["--ladder", "--filter", "tcp port 443"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "tcp 10.0.0.1:4000 - 10.0.0.2:443");
        assert!(lines[1].starts_with("      0.000 ms  |- SYN, seq 0, window 1024 -"), "{text}");
        assert!(lines[2].starts_with("     20.000 ms  |<-"), "{text}");
        assert!(lines[2].ends_with(" SYN ACK, seq 0, window 1024 -|"), "{text}");
        assert!(lines[4].contains("client hello for www.example.org"), "{text}");
        assert!(lines[5].contains("(1 sent again)"), "{text}");
        assert!(lines[6].contains("data, 1 packet, 6 B -|"), "{text}");
        assert!(lines[7].contains("|- RST, seq "), "{text}");
        let output = packets(file, &["--ladder", "--json"]);
        let all = json(&output);
        assert_eq!(all[0]["schema"], "sockpit.ladder/1");
        assert_eq!(all[0]["steps"].as_array().unwrap().len(), 7);
        assert!(all.as_array().unwrap().len() >= 6);
    });
}
