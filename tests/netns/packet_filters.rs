//! Filters that the kernel runs, beside the same frames in a file.

use std::fs;
use std::process::Command;

use crate::packets::{Capture, Far, number};
use crate::support::{in_namespace, in_namespace_with, run, sockpit};

/// Frames to near: plain, with a tag, with two.
fn frames() -> Vec<Vec<u8>> {
    const PLAIN: &[u8] = &[];
    const FIVE: &[u8] = &[0x81, 0, 0, 5];
    const SIX: &[u8] = &[0x81, 0, 0x20, 6];
    const TWO: &[u8] = &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 5];
    let mut all = Vec::new();
    for (tags, port) in [(PLAIN, 53u16), (FIVE, 53), (SIX, 80), (TWO, 53), (PLAIN, 80), (FIVE, 80)]
    {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        frame.extend(tags);
        frame.extend([8, 0, 0x45, 0, 0, 48, 0, 1, 0x40, 0, 64, 17, 0, 0]);
        frame.extend([10, 9, 0, 2, 10, 9, 0, 1, 0x1b, 0x58]);
        frame.extend(port.to_be_bytes());
        frame.extend([0, 28, 0, 0]);
        frame.extend([0x2a; 20]);
        all.push(frame);
    }
    all
}

fn file(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for number in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(number.to_le_bytes());
    }
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap();
        for number in [1, 0, length, length] {
            file.extend(number.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

/// Sends each frame given in hexadecimal digits.
const SENDER: &str = "
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('far', 0))
for frame in sys.argv[1:]:
    s.send(bytes.fromhex(frame))
";

#[test]
fn the_kernel_judges_a_frame_as_it_is_judged_in_a_file() {
    in_namespace(|| {
        let expressions = [
            "udp",
            "udp port 53",
            "vlan",
            "vlan 5",
            "vlan and udp port 53",
            "vlan 7 and vlan 5 and udp",
            "not vlan",
            "ether proto 0x8100",
            "ether[12:4] = 0x81000005",
            "ether[14:2] & 0xfff = 5",
            "ether[13] = 0",
            "len = 66",
            "greater 67",
            "vlan and ip[8] = 64 and ether[42] = 0",
            "ether host 2:0:0:0:0:2 and udp[8] = 0x2a",
            "src host 10.9.0.2 or (vlan 6 and dst port 80)",
            "inbound",
            "ifindex 9999",
        ];
        let frames = frames();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("frames.pcap");
        fs::write(&path, file(&frames)).unwrap();
        let far = Far::new();
        let captures: Vec<(&str, Capture)> = expressions
            .iter()
            .map(|text| (*text, Capture::start(&["-i", "near", "--filter", text])))
            .collect();
        let digits: Vec<String> = frames
            .iter()
            .map(|frame| frame.iter().map(|byte| format!("{byte:02x}")).collect())
            .collect();
        far.run(move || drop(run(Command::new("python3").args(["-c", SENDER]).args(digits))));
        for (text, capture) in captures {
            let counts = capture.stop();
            let live = number(&counts["packets"]);
            assert_eq!(counts["filter"], text);
            let expected = match text {
                "inbound" => frames.len() as u64,
                "ifindex 9999" => 0,
                _ => {
                    let mut command = sockpit();
                    command.args(["packets", "--json", "--filter", text, "-r"]).arg(&path);
                    let output = command.output().unwrap();
                    assert_eq!(output.status.code(), Some(0), "{output:?}");
                    let counts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
                    number(&counts["packets"])
                }
            };
            assert_eq!(live, expected, "{text}");
        }
    });
}

#[test]
fn a_filter_that_fits_no_interface_is_refused_before_the_capture() {
    in_namespace(|| {
        let output = sockpit()
            .args(["packets", "-i", "lo", "--filter", "type data", "--count", "1"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("--filter") && error.contains("802.11"), "{error}");
    });
}

#[test]
fn a_live_capture_is_written_with_whose_packets_they_are() {
    in_namespace_with(&["tshark"], || {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("live.pcapng");
        let receiver = std::net::UdpSocket::bind("127.0.0.1:7000").unwrap();
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let options = ["-i", "lo", "--filter", "udp port 7000", "-w", path.to_str().unwrap()];
        let capture = Capture::start(&options);
        for _ in 0..5 {
            sender.send_to(&[7; 2_000], receiver.local_addr().unwrap()).unwrap();
        }
        let counts = capture.stop();
        assert_eq!(counts["packets"], 5);
        let fields = ["-T", "fields", "-e", "frame.len", "-e", "frame.cap_len"];
        let fields =
            fields.into_iter().chain(["-e", "frame.comment", "-e", "frame.interface_name"]);
        let seen = run(Command::new("tshark").args(fields).arg("-r").arg(&path));
        let own = format!("pid {}", std::process::id());
        assert_eq!(seen.lines().count(), 5, "{seen}");
        for line in seen.lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            assert_eq!(columns[..2], ["2042", "2042"], "{line}");
            assert!(columns[2].starts_with(&own), "{line}, not {own}");
            assert_eq!(columns[3], "lo");
        }
    });
}

#[test]
fn a_full_disk_ends_the_writing_and_not_the_counting() {
    in_namespace_with(&["capinfos"], || {
        let directory = tempfile::tempdir().unwrap();
        let small = directory.path().join("small");
        fs::create_dir(&small).unwrap();
        let options = ["-t", "tmpfs", "-o", "size=64k", "none"];
        let mounted = Command::new("mount").args(options).arg(&small).output().unwrap();
        if !mounted.status.success() {
            return crate::support::cannot_run(&format!("no file system of its own: {mounted:?}"));
        }
        let (file_path, path) = (directory.path().join("many"), small.join("new.pcapng"));
        let frames: Vec<Vec<u8>> = frames().into_iter().cycle().take(3_000).collect();
        fs::write(&file_path, file(&frames)).unwrap();
        let output = sockpit()
            .args(["packets", "--json", "-r"])
            .arg(&file_path)
            .arg("-w")
            .arg(&path)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let counts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(counts["packets"], 3_000);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("cannot be written on"), "{said}");
        run(Command::new("capinfos").arg(&path));
        run(Command::new("umount").arg(&small));
    });
}
