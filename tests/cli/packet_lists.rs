//! Packets one by one: `--list`, `--fields`, `-w`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{cannot_run, sockpit};

/// A datagram of 10.0.0.1:4000 to 10.0.0.2:53 that asks for www.example.org.
fn question() -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend(b"\x03www\x07example\x03org\x00\x00\x01\x00\x01");
    let length = u16::try_from(28 + message.len()).unwrap();
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
    frame.extend(length.to_be_bytes());
    frame.extend([0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 15, 160, 0, 53]);
    frame.extend((length - 20).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(message);
    frame
}

fn announcement() -> Vec<u8> {
    let mut frame = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6];
    frame.extend([0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1]);
    frame.extend([0, 0, 0, 0, 0, 0, 10, 0, 0, 2]);
    frame
}

/// A pcap file in nanoseconds.
fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for number in [0xa1b2_3c4du32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(number.to_le_bytes());
    }
    for frame in frames {
        let length = u32::try_from(frame.len()).unwrap();
        for number in [1_700_000_000, 123_456_789, length, length] {
            file.extend(number.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

fn packets(file: &Path, options: &[&str]) -> Output {
    sockpit().args(["packets", "-r"]).arg(file).args(options).output().unwrap()
}

fn text(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_packet_is_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.pcap");
    fs::write(&file, pcap(&[announcement(), question()])).unwrap();
    assert_eq!(
        text(&packets(&file, &["--list"])),
        "2023-11-14 22:13:20.123456789 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff \
         arp who has 10.0.0.2? 10.0.0.1 asks\n\
         2023-11-14 22:13:20.123456789 10.0.0.1:4000 > 10.0.0.2:53 \
         udp len 33; dns query 0x1234 A www.example.org\n"
    );
    let one = text(&packets(&file, &["--list", "--filter", "udp", "--jsonl"]));
    let line: Value = serde_json::from_str(&one).unwrap();
    assert_eq!(line["schema"], "sockpit.packet/1");
    assert_eq!((&line["number"], &line["protocol"]), (&1.into(), &"dns".into()));
    assert_eq!(line["source"], "10.0.0.1:4000");
    let all: Value = serde_json::from_str(&text(&packets(&file, &["--list", "--json"]))).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 2);
    let none = text(&packets(&file, &["--list", "--json", "--filter", "tcp"]));
    assert_eq!(none, "[]\n");
}

#[test]
fn every_field_has_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.pcap");
    fs::write(&file, pcap(&[question()])).unwrap();
    let text = text(&packets(&file, &["--fields"]));
    for line in [
        "       0-13  ethernet: 02:00:00:00:00:01 > 02:00:00:00:00:02",
        "      12-13    type: 0x0800 (ipv4)",
        "         22    time to live: 64",
        "      36-37    destination port: 53",
        "      42-43    id: 0x1234",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}

fn judge(program: &str, file: &Path) -> Option<String> {
    let mut command = Command::new(program);
    match program {
        "capinfos" => command.args(["-M", "-T", "-c", "-i"]).arg(file),
        _ => command
            .args(["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-r"])
            .arg(file),
    };
    let Ok(output) = command.output() else {
        cannot_run(&format!("no {program} (see .ci/install)"));
        return None;
    };
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let complaints = String::from_utf8_lossy(&output.stderr);
    let complaints: Vec<&str> =
        complaints.lines().filter(|line| !line.starts_with("Running as user")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn what_is_written_is_what_was_read_and_others_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let (file, new) = (directory.path().join("a.pcap"), directory.path().join("b.pcapng"));
    fs::write(&file, pcap(&[announcement(), question(), question()])).unwrap();
    let new_name = new.to_str().unwrap();
    let output = packets(&file, &["-w", new_name, "--filter", "udp", "--json"]);
    let counts: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(counts["packets"], 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("2 packets"), "{output:?}");
    assert_eq!(
        text(&packets(&file, &["--list", "--filter", "udp"])),
        text(&packets(&new, &["--list"]))
    );
    let Some(seen) = judge("tshark", &new) else { return };
    assert_eq!(seen, "1700000000.123456789\t75\n".repeat(2));
    judge("capinfos", &new);
    let described = Command::new("capinfos").arg(&new).output().unwrap();
    let described = String::from_utf8_lossy(&described.stdout).into_owned();
    assert!(described.contains("nanoseconds"), "{described}");
    assert!(described.contains("udp"), "the filter: {described}");
}

#[cfg(unix)]
#[test]
fn a_file_is_private_and_never_overwritten() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("a.pcap"), pcap(&[question()])).unwrap();
    symlink(path("elsewhere"), path("link")).unwrap();
    for taken in ["a.pcap", "link"] {
        let taken = path(taken);
        let output = packets(&path("a.pcap"), &["-w", taken.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("exists"), "{output:?}");
    }
    assert!(!path("elsewhere").exists());
    text(&packets(&path("a.pcap"), &["-w", path("new").to_str().unwrap()]));
    assert_eq!(fs::metadata(path("new")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_that_is_full_ends_the_writing_and_not_the_counting() {
    let directory = tempfile::tempdir().unwrap();
    let (file, new) = (directory.path().join("a.pcap"), directory.path().join("b.pcapng"));
    fs::write(&file, pcap(&vec![question(); 1_000])).unwrap();
    let options = ["-w", new.to_str().unwrap(), "--max-size", "10k", "--json"];
    let output = packets(&file, &options);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let counts: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(counts["packets"], 1_000);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("greatest size") && said.contains("are not in it"), "{said}");
    assert!(fs::metadata(&new).unwrap().len() <= 10_000);
    let written = text(&packets(&new, &["--list"])).lines().count();
    assert!((50..100).contains(&written), "{written}");
    assert!(said.contains(&format!("{written} packets")), "{said}");
}
