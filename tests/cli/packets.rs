//! `sockpit packets -r`: counts of files that the tests write themselves.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{run, sockpit};

/// An Ethernet frame with an IPv4 UDP datagram of `payload` bytes.
fn udp_frame(source: u16, destination: u16, payload: usize) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
    let length = u16::try_from(28 + payload).unwrap();
    frame.extend([0x45, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend(source.to_be_bytes());
    frame.extend(destination.to_be_bytes());
    frame.extend((length - 20).to_be_bytes());
    frame.extend([0, 0]);
    frame.resize(frame.len() + payload, 0);
    frame
}

/// A pcap file in the given byte order; each frame is a second after the one before.
fn pcap(frames: &[(Vec<u8>, u32)], number: fn(u32) -> [u8; 4]) -> Vec<u8> {
    let version = number(0x0002_0004);
    let version = if version[0] == 0 { [0, 2, 0, 4] } else { [2, 0, 4, 0] };
    let mut file = [number(0xa1b2_c3d4), version].concat();
    file.extend([0; 8]);
    file.extend(number(65_535));
    file.extend(number(1));
    for (second, (bytes, length)) in (0u32..).zip(frames) {
        file.extend(number(1_700_000_000 + second));
        file.extend(number(0));
        file.extend(number(u32::try_from(bytes.len()).unwrap()));
        file.extend(number(*length));
        file.extend(bytes);
    }
    file
}

/// Three datagrams: two one way, a cut one back.
fn three_frames() -> Vec<(Vec<u8>, u32)> {
    let request = udp_frame(4000, 53, 30);
    let reply = {
        let mut frame = udp_frame(53, 4000, 458);
        frame[26..34].rotate_left(4);
        frame.truncate(60);
        frame
    };
    vec![(request.clone(), 72), (request, 72), (reply, 500)]
}

fn three_packets() -> Vec<u8> {
    pcap(&three_frames(), u32::to_le_bytes)
}

/// A block of a pcapng file.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len().next_multiple_of(4) + 12).unwrap();
    let mut block = [kind.to_le_bytes(), length.to_le_bytes()].concat();
    block.extend(body);
    block.resize(length as usize - 4, 0);
    block.extend(length.to_le_bytes());
    block
}

const SECTION: [u8; 16] =
    [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255];

/// A pcapng file with an Ethernet and a raw IP interface, one packet each.
fn pcapng() -> Vec<u8> {
    let interface = |link: u16, name: &str| {
        let mut body = [link.to_le_bytes(), [0; 2], [0; 2], [0; 2]].concat();
        body.extend([2, 0, u8::try_from(name.len()).unwrap(), 0]);
        body.extend(name.as_bytes());
        block(1, &body)
    };
    let packet = |interface: u32, bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let body = [&interface.to_le_bytes(), &[0; 8][..], &length, &length, bytes].concat();
        block(6, &body)
    };
    let frame = udp_frame(4000, 53, 30);
    [
        block(0x0a0d_0d0a, &SECTION),
        interface(1, "eth0"),
        interface(101, "tun0"),
        packet(0, &frame),
        packet(1, &frame[14..]),
    ]
    .concat()
}

struct File {
    path: PathBuf,
    _directory: TempDir,
}

fn file(bytes: &[u8]) -> File {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.pcap");
    fs::write(&path, bytes).unwrap();
    File { path, _directory: directory }
}

fn read(path: &Path, options: &[&str]) -> Output {
    sockpit().arg("packets").arg("-r").arg(path).args(options).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_capture_is_counted_to_the_byte() {
    for order in [u32::to_le_bytes, u32::to_be_bytes] {
        let file = file(&pcap(&three_frames(), order));
        let output = read(&file.path, &["--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let counts = json(&output);
        assert_eq!(counts["schema"], "sockpit.packets/1");
        assert_eq!((counts["packets"].as_u64(), counts["bytes"].as_u64()), (Some(3), Some(644)));
        assert_eq!(counts["duration_ms"], 2_000);
        assert_eq!(counts["losses"]["truncated"], 1);
        assert_eq!(counts["losses"]["undecoded"], 0);
        assert_eq!(counts["losses"]["kernel"], Value::Null);
        let protocols: Vec<_> = counts["protocols"].as_array().unwrap().iter().collect();
        assert_eq!(protocols.len(), 2);
        for protocol in protocols {
            assert!(["ipv4", "udp"].contains(&protocol["name"].as_str().unwrap()));
            assert_eq!((&protocol["packets"], &protocol["bytes"]), (&3.into(), &644.into()));
        }
        let ports: Vec<_> = counts["ports"].as_array().unwrap().iter().collect();
        assert_eq!(ports.len(), 1, "a flow counts for the port that it is about");
        assert_eq!((&ports[0]["port"], &ports[0]["protocol"]), (&53.into(), &"udp".into()));
        assert_eq!(ports[0]["packets"], 3);
        assert_eq!(counts["first_at"], "2023-11-14T22:13:20Z");
        let flow = &counts["flows"][0];
        assert_eq!(flow["a"]["addr"], "10.0.0.1");
        assert_eq!(flow["a"]["port"], 4000);
        assert_eq!((&flow["packets_a_to_b"], &flow["bytes_b_to_a"]), (&2.into(), &500.into()));
        assert_eq!(flow["owner"], Value::Null);
        assert_eq!(counts["health"][0]["state"], "ready");
    }
}

/// Simple packets of pcapng have no time: it is unknown, and not nothing.
#[test]
fn packets_without_times_have_no_span() {
    let frame = udp_frame(4000, 53, 30);
    let length = u32::try_from(frame.len()).unwrap().to_le_bytes();
    let packet = block(3, &[&length[..], &frame].concat());
    let interface = block(1, &[1, 0, 0, 0, 0, 0, 0, 0]);
    let file = file(&[block(0x0a0d_0d0a, &SECTION), interface, packet].concat());
    let output = read(&file.path, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let head = text.lines().next().unwrap();
    assert!(head.ends_with("test.pcap: 1 packet, 72 B, without times"), "{head}");
    let json = read(&file.path, &["--json"]);
    let counts: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&counts["first_at"], &counts["last_at"]), (&Value::Null, &Value::Null));
    assert_eq!(counts["packets"], 1);
}

#[test]
fn pcapng_interfaces_have_names_and_links_of_their_own() {
    let counts = json(&read(&file(&pcapng()).path, &["--json"]));
    assert_eq!((&counts["packets"], &counts["bytes"]), (&2.into(), &(72 + 58).into()));
    assert_eq!(counts["interfaces"][0]["name"], "eth0");
    assert_eq!(counts["interfaces"][1]["name"], "tun0");
    assert_eq!(counts["flows"].as_array().unwrap().len(), 1);
    assert_eq!(counts["protocols"][1]["packets"], 2);
}

#[test]
fn a_person_gets_a_summary() {
    let output = read(&file(&three_packets()).path, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("3 packets, 644 B in 2.0 s"), "{text}");
    assert!(text.contains("1 cut short"), "{text}");
    assert!(text.contains("10.0.0.1:4000"), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn a_packed_capture_is_unpacked_on_the_way() {
    let packed = file(&three_packets());
    run(std::process::Command::new("gzip").arg(&packed.path));
    let path = packed.path.with_extension("pcap.gz");
    let output = read(&path, &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(json(&output)["packets"], 3);
    let whole = fs::read(&path).unwrap();
    let output = read(&file(&whole[..whole.len() - 9]).path, &["--json"]);
    assert_eq!(output.status.code(), Some(1), "cut: {}", stderr(&output));
}

#[test]
fn a_filter_lets_only_matching_packets_count() {
    let file = file(&three_packets());
    for (filter, packets) in
        [("udp", 3), ("dst port 53", 2), ("greater 500", 1), ("tcp or host 10.0.0.9", 0)]
    {
        let output = read(&file.path, &["--json", "--filter", filter]);
        assert_eq!(output.status.code(), Some(0), "{filter}: {}", stderr(&output));
        let counts = json(&output);
        assert_eq!((&counts["packets"], &counts["filter"]), (&packets.into(), &filter.into()));
        assert_eq!(stderr(&output).contains("none of 3 packets matched"), packets == 0);
    }
}

#[test]
fn a_wrong_filter_is_wrong_usage_and_names_the_word() {
    let file = file(&three_packets());
    for (filter, word) in [
        ("udp prot 53", "prot"),
        ("decnet", "decnet"),
        ("type data", "802.11"),
        ("port foo", "foo"),
    ] {
        let output = read(&file.path, &["--filter", filter]);
        assert_eq!(output.status.code(), Some(2), "{filter}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
        assert!(stderr(&output).contains(word), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
}

#[test]
fn a_filter_says_that_tags_hide_what_it_looks_for() {
    let mut tagged = udp_frame(4000, 53, 30);
    tagged.splice(12..12, [0x81, 0, 0, 5]);
    let length = u32::try_from(tagged.len()).unwrap();
    let file = file(&pcap(&[(tagged, length)], u32::to_le_bytes));
    let output = read(&file.path, &["--filter", "udp"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("vlan and (udp)"), "{}", stderr(&output));
    assert_eq!(json(&read(&file.path, &["--json", "--filter", "vlan and udp"]))["packets"], 1);
}

#[test]
fn counting_stops_after_so_many_packets() {
    let counts = json(&read(&file(&three_packets()).path, &["--json", "--count", "2"]));
    assert_eq!((&counts["packets"], &counts["bytes"]), (&2.into(), &144.into()));
}

#[test]
fn a_capture_that_ends_in_a_record_is_counted_up_to_there() {
    let whole = three_packets();
    for end in [24, 24 + 16 + 72, whole.len()] {
        let output = read(&file(&whole[..end]).path, &["--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    for (end, packets, record) in [(25, 0, 1), (24 + 16 + 71, 0, 1), (whole.len() - 1, 2, 3)] {
        let output = read(&file(&whole[..end]).path, &["--json"]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(json(&output)["packets"], packets);
        assert_eq!(json(&output)["health"][0]["state"], "degraded");
        let sentence = format!("ends in the middle of record {record}");
        assert!(stderr(&output).contains(&sentence), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1);
    }
}

#[test]
fn what_is_no_capture_is_unusable_input() {
    for (bytes, sentence) in [
        (&b""[..], "the file is empty"),
        (b"\x7fELF\x02\x01\x01", "not a capture: it begins with 7f 45 4c 46"),
        (b"\x1f\x8b\x08\x00aaaa", "its gzip packing is damaged"),
        (b"\x28\xb5\x2f\xfdaaaa", "zstd -dc FILE | sockpit packets -r -"),
        (&three_packets()[..20], "ends in the middle of its header"),
    ] {
        let file = file(bytes);
        for options in [&[][..], &["--json"], &["--jsonl"]] {
            let output = read(&file.path, options);
            assert_eq!(output.status.code(), Some(2));
            assert!(output.stdout.is_empty());
            let error = stderr(&output);
            assert!(error.contains(sentence) && error.contains("test.pcap"), "{error}");
            assert_eq!(error.lines().count(), 1);
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_unusable_input() {
    let directory = tempfile::tempdir().unwrap();
    let missing = read(&directory.path().join("no\x1b[31m.pcap"), &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("cannot open it"), "{}", stderr(&missing));
    assert!(!stderr(&missing).contains('\x1b'));
    assert_eq!(read(directory.path(), &[]).status.code(), Some(2), "a directory");
}

#[test]
fn a_damaged_record_is_named_and_what_came_before_counts() {
    let mut bytes = three_packets();
    bytes[24 + 2 * (16 + 72) + 11] = 0x7f;
    let output = read(&file(&bytes).path, &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(json(&output)["packets"], 2);
    assert!(stderr(&output).contains("record 3 is damaged"), "{}", stderr(&output));
}

#[test]
fn an_unknown_link_type_is_counted_and_not_decoded() {
    let mut bytes = three_packets();
    bytes[20] = 147; // reserved for private use
    let output = read(&file(&bytes).path, &["--json"]);
    let counts = json(&output);
    assert_eq!((&counts["packets"], &counts["losses"]["undecoded"]), (&3.into(), &3.into()));
    assert!(counts["protocols"].as_array().unwrap().is_empty());
    let unread = serde_json::json!([
        { "link_type": 147, "name": "reserved for private use", "packets": 3 }
    ]);
    assert_eq!(counts["unread_links"], unread);
    let said = "3 of link type 147 (reserved for private use)";
    assert_eq!((output.status.code(), stderr(&output).contains(said)), (Some(1), true));
}

/// A datagram in `count` parts, of which the first has the ports.
fn fragments(count: u16) -> Vec<(Vec<u8>, u32)> {
    let part = |at: u16| {
        let more = if at + 1 < count { 0x2000 } else { 0 };
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 36, 0, 7];
        frame.extend((more | (at * 2)).to_be_bytes());
        frame.extend([64, 17, 0, 0, 10, 1, 1, 10, 10, 1, 1, 2]);
        frame.extend([0x1b, 0x58, 0x23, 0x28].iter().chain(&[0; 12]));
        let length = u32::try_from(frame.len()).unwrap();
        (frame, length)
    };
    (0..count).map(part).collect()
}

#[test]
fn later_fragments_count_for_the_port_of_their_first() {
    let bytes = pcap(&fragments(21), u32::to_le_bytes);
    let counts = json(&read(&file(&bytes).path, &["--json"]));
    let port = &counts["ports"][0];
    assert_eq!((&port["port"], &port["packets"]), (&9000.into(), &21.into()), "{counts}");
    assert_eq!((&counts["flows_seen"], &counts["losses"]["fragments"]), (&1.into(), &0.into()));
    let without_first = pcap(&fragments(21)[1..], u32::to_le_bytes);
    let counts = json(&read(&file(&without_first).path, &["--json"]));
    assert_eq!(
        (&counts["ports"], &counts["losses"]["fragments"]),
        (&serde_json::json!([]), &20.into())
    );
}

#[test]
fn a_list_that_is_cut_says_how_much_is_missing() {
    let frames: Vec<_> = (1..=14).map(|port| (udp_frame(40_000, port, 10), 52)).collect();
    let output =
        sockpit().arg("packets").arg(&file(&pcap(&frames, u32::to_le_bytes)).path).output();
    let output = output.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("4 more ports; --json lists all"), "{text}");
    assert!(text.contains("4 more flows; --json lists all"), "{text}");
    assert!(text.contains("lost: - when it was captured;"), "{text}");
}

#[test]
fn a_pipe_is_counted_while_it_flows() {
    let mut child = sockpit()
        .args(["packets", "-r", "-", "--jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&three_packets()[..24 + 16 + 72]).unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    while next()["packets"] != 1 {}
    pipe.write_all(&three_packets()[24 + 16 + 72..]).unwrap();
    drop(pipe);
    while next()["packets"] != 3 {}
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_fifo_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    run(std::process::Command::new("mkfifo").arg(&fifo));
    let mut command = sockpit();
    command.args(["packets", "--json", "-r"]).arg(&fifo).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    fs::write(&fifo, three_packets()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(json(&output)["packets"], 3);
}

#[test]
fn wrong_usage_is_said_before_anything_is_captured() {
    for arguments in [
        &["-i", "lo", "-r", "x"][..],
        &["--promiscuous"],
        &["--count", "0"],
        &["--duration", "soon"],
        &["--json", "--jsonl"],
        &["-i", "no-such-if"],
    ] {
        let output = sockpit().arg("packets").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
    let output = sockpit().args(["packets", "-i", "no-such-if"]).output().unwrap();
    assert!(stderr(&output).contains("no interface no-such-if; there are: "), "{output:?}");
}
