//! Filters beside tcpdump's: the same verdict on every frame of every expression.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use sockpit::wire::filter::{Filter, Names};

use crate::support::cannot_run;

/// Numbers that look random and are the same in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

const PORTS: [u16; 8] = [22, 53, 80, 81, 443, 1024, 6081, 40_000];
const V4: [[u8; 4]; 6] = [
    [10, 0, 0, 1],
    [10, 0, 0, 2],
    [10, 1, 2, 3],
    [224, 0, 0, 251],
    [255, 255, 255, 255],
    [192, 168, 1, 0],
];
const MACS: [[u8; 6]; 4] =
    [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], [0xff; 6], [1, 0, 0x5e, 0, 0, 5]];

fn v6(random: &mut Random) -> [u8; 16] {
    let mut address = [0; 16];
    address[..2].copy_from_slice(&random.of(&[[0x20, 0x01], [0xfe, 0x80], [0xff, 0x02]]));
    address[15] = random.of(&[1, 2, 3]);
    address
}

fn transport(random: &mut Random, depth: usize) -> (u8, Vec<u8>) {
    let protocol = random.of(&[6, 6, 6, 17, 17, 17, 132, 1, 58, 2, 50, 51, 103, 112, 47, 89]);
    let mut bytes = Vec::new();
    match protocol {
        6 | 17 | 132 => {
            bytes.extend(random.of(&PORTS).to_be_bytes());
            let to = random.of(&PORTS);
            bytes.extend(to.to_be_bytes());
            bytes.extend(random.bytes(if protocol == 17 { 4 } else { 16 }));
            if protocol == 6 {
                bytes[12] = random.of(&[0x50, 0x60, 0x80]);
                bytes[13] = random.of(&[2, 0x12, 0x10, 0x18, 0x11, 4, 0x14, 0xc2]);
            }
            if protocol == 17 && to == 6081 && depth < 2 {
                bytes.extend(geneve(random, depth));
            }
        }
        1 | 58 => {
            bytes.push(random.of(&[0, 3, 8, 11, 128, 129, 135, 1]));
            bytes.extend(random.bytes(11));
        }
        _ => {
            let count = random.below(30);
            bytes.extend(random.bytes(count));
        }
    }
    (protocol, bytes)
}

fn geneve(random: &mut Random, depth: usize) -> Vec<u8> {
    let words = random.of(&[0u8, 0, 1, 2]);
    let version = random.of(&[0u8, 0, 0, 0x40]);
    let is_ethernet = !random.one_in(3);
    let kind: [u8; 2] = if is_ethernet { [0x65, 0x58] } else { [8, 0] };
    let mut bytes = vec![version | words, 0, kind[0], kind[1], 0, 0, random.of(&[7, 8]), 0];
    let options = random.bytes(usize::from(words) * 4);
    bytes.extend(options);
    bytes.extend(if is_ethernet { ethernet(random, depth + 1) } else { ip4(random, depth + 1) });
    bytes
}

fn ip4(random: &mut Random, depth: usize) -> Vec<u8> {
    let (protocol, payload) = transport(random, depth);
    let words = random.of(&[5u8, 5, 5, 6, 15]);
    let mut bytes = vec![0x40 | words, random.of(&[0, 0x10])];
    let length = usize::from(words) * 4 + payload.len();
    bytes.extend((length as u16).to_be_bytes());
    bytes.extend(random.bytes(2));
    bytes.extend(random.of(&[[0, 0], [0x40, 0], [0x20, 0], [0, 5], [0x20, 7], [0x1f, 0xff]]));
    bytes.extend([random.of(&[1, 64]), protocol, 0, 0]);
    bytes.extend(random.of(&V4));
    bytes.extend(random.of(&V4));
    bytes.extend(random.bytes(usize::from(words) * 4 - 20));
    bytes.extend(payload);
    bytes
}

fn ip6(random: &mut Random, depth: usize) -> Vec<u8> {
    let (protocol, mut payload) = transport(random, depth);
    let mut next = protocol;
    for _ in 0..random.of(&[0, 0, 0, 1, 2]) {
        let kind = random.of(&[0u8, 43, 44, 60, 51]);
        let mut header = vec![next, 0];
        header.extend(random.bytes(6));
        payload = [header, payload].concat();
        next = kind;
    }
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend((payload.len() as u16).to_be_bytes());
    bytes.extend([next, random.of(&[1, 255])]);
    bytes.extend(v6(random));
    bytes.extend(v6(random));
    bytes.extend(payload);
    bytes
}

fn arp(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, random.of(&[1, 2])];
    bytes.extend(random.of(&MACS));
    bytes.extend(random.of(&V4));
    bytes.extend(random.of(&MACS));
    bytes.extend(random.of(&V4));
    bytes
}

fn network(random: &mut Random, depth: usize) -> ([u8; 2], Vec<u8>) {
    match random.below(12) {
        0..5 => ([8, 0], ip4(random, depth)),
        5..8 => ([0x86, 0xdd], ip6(random, depth)),
        8 => (random.of(&[[8, 6], [0x80, 0x35]]), arp(random)),
        9 => {
            let count = random.of(&[1, 1, 2, 3]);
            let mut bytes = Vec::new();
            for label in 0..count {
                bytes.extend([0, random.of(&[0, 1]), random.of(&[0x70, 0x80]), 64]);
                let at = bytes.len() - 2;
                bytes[at] |= u8::from(label + 1 == count);
            }
            bytes.extend(if random.one_in(2) { ip4(random, depth) } else { ip6(random, depth) });
            ([0x88, 0x47], bytes)
        }
        10 => {
            let mut bytes = vec![0x11, 0, 0, random.of(&[5, 6]), 0, 40];
            if random.one_in(2) {
                bytes.extend([0, 0x21]);
                bytes.extend(ip4(random, depth));
            } else {
                bytes.extend([0, 0x57]);
                bytes.extend(ip6(random, depth));
            }
            (random.of(&[[0x88, 0x64], [0x88, 0x63]]), bytes)
        }
        _ => {
            let kind = random.of(&[
                [0x80, 0x9b],
                [0x80, 0xf3],
                [0x81, 0x37],
                [0x60, 0x04],
                [0x60, 0x07],
                [0x60, 0x02],
                [0x90, 0],
                [0x60, 0x03],
            ]);
            (kind, random.bytes(40))
        }
    }
}

fn llc(random: &mut Random) -> Vec<u8> {
    let mut bytes = match random.below(4) {
        0 => {
            let sap = random.of(&[0x42, 0xe0, 0xf0, 0xfe, 0x06, 0xff, 5]);
            vec![sap, sap, random.of(&[0, 1, 3, 5, 9, 0x63, 0xaf, 0xe3, 0x0f])]
        }
        1 => vec![0xfe, 0xfe, 3, random.of(&[0x81, 0x82, 0x83])],
        2 => vec![0xaa, 0xaa, 3, 8, 0, 7, 0x80, 0x9b],
        _ => {
            let (kind, bytes) = network(random, 1);
            return [&[0xaa, 0xaa, 3, 0, 0, 0][..], &kind, &bytes].concat();
        }
    };
    bytes.extend(random.bytes(40));
    bytes
}

fn ethernet(random: &mut Random, depth: usize) -> Vec<u8> {
    let mut bytes = [random.of(&MACS), random.of(&MACS)].concat();
    for _ in 0..random.of(&[0, 0, 0, 1, 1, 2]) {
        bytes.extend(random.of(&[[0x81, 0], [0x88, 0xa8], [0x91, 0]]));
        bytes.extend([random.of(&[0, 0x20]), random.of(&[5, 6])]);
    }
    if random.one_in(7) {
        let payload = llc(random);
        bytes.extend((payload.len() as u16).to_be_bytes());
        bytes.extend(payload);
    } else {
        let (kind, payload) = network(random, depth);
        bytes.extend(kind);
        bytes.extend(payload);
    }
    bytes
}

fn wireless(random: &mut Random) -> Vec<u8> {
    let kind = random.of(&[0x08u8, 0x88, 0x88, 0x48, 0x80, 0x00, 0xb0, 0xb4, 0xc4, 0xd4, 0x40]);
    let way = random.below(4) as u8;
    let mut bytes = vec![kind, way, 0, 0];
    for _ in 0..3 {
        bytes.extend(random.of(&MACS));
    }
    bytes.extend([0, 0]);
    if kind & 0x80 != 0 && kind & 0x0c == 8 {
        bytes.extend([0, 0]);
    } else if way == 3 && random.one_in(2) {
        bytes.extend(random.of(&MACS));
    }
    bytes.extend(llc(random));
    bytes
}

fn radiotap(random: &mut Random) -> Vec<u8> {
    let has_time = random.one_in(2);
    let is_padded = random.one_in(2);
    let mut bytes = vec![0, 0, 0, 0, if has_time { 3 } else { 2 }, 0, 0, 0];
    if has_time {
        bytes.extend(random.bytes(8));
    }
    bytes.push(if is_padded { 0x20 } else { 0 });
    let length = bytes.len() as u8;
    bytes[2] = length;
    let mut frame = wireless(random);
    if is_padded && frame[0] == 0x88 {
        frame.splice(26..26, [0, 0]);
    }
    bytes.extend(frame);
    bytes
}

/// A frame of a link type, cut short now and then.
fn frame(random: &mut Random, link_type: u32) -> Vec<u8> {
    let ip = |random: &mut Random| if random.one_in(3) { ip6(random, 1) } else { ip4(random, 1) };
    let mut bytes = match link_type {
        1 => ethernet(random, 0),
        101 => ip(random),
        228 => ip4(random, 1),
        229 => ip6(random, 1),
        0 => match random.below(3) {
            0 => [vec![2, 0, 0, 0], ip4(random, 1)].concat(),
            1 => [vec![30, 0, 0, 0], ip6(random, 1)].concat(),
            _ => random.bytes(40),
        },
        9 | 50 => match random.below(4) {
            0 => [vec![0xff, 3, 0, 0x21], ip4(random, 1)].concat(),
            1 => [vec![0xff, 3, 0, 0x57], ip6(random, 1)].concat(),
            2 => [vec![0xff, 3, 2, 0x81, 0, 0, 0x71, 64], ip4(random, 1)].concat(),
            _ => {
                [vec![0xff, 3, 0, random.of(&[0x23, 0x29, 0x2b, 0x31])], random.bytes(40)].concat()
            }
        },
        104 => {
            let (kind, bytes) = network(random, 1);
            [vec![0x0f, 0], kind.to_vec(), bytes].concat()
        }
        107 => match random.below(3) {
            0 => [vec![0x18, 0x41, 3, 0xcc], ip4(random, 1)].concat(),
            1 => [vec![0x18, 0x41, 3, 0x8e], ip6(random, 1)].concat(),
            _ => [vec![0x18, 0x41, 3, random.of(&[0x81, 0x82, 0x83])], random.bytes(30)].concat(),
        },
        10 => [vec![0x50], [random.of(&MACS), random.of(&MACS)].concat(), llc(random)].concat(),
        6 => {
            [vec![0x10, 0x40], [random.of(&MACS), random.of(&MACS)].concat(), llc(random)].concat()
        }
        113 => {
            let way = random.below(5) as u8;
            let (kind, bytes) =
                if random.one_in(6) { ([0, 4], llc(random)) } else { network(random, 1) };
            let head = [0, way, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
            [&head[..], &kind, &bytes].concat()
        }
        276 => {
            let (kind, bytes) = network(random, 1);
            let way = random.below(5) as u8;
            let head = [0, 0, 0, 0, 0, random.of(&[1, 3]), 0, 1, way, 6, 2, 0, 0, 0, 0, 1, 0, 0];
            [&kind[..], &head, &bytes].concat()
        }
        105 => wireless(random),
        127 => radiotap(random),
        163 => [vec![0x80, 0x21, 0x10, 1, 0, 0, 0, 16], random.bytes(8), wireless(random)].concat(),
        119 if random.one_in(2) => {
            [vec![0x80, 0x21, 0x10, 1, 0, 0, 0, 16], random.bytes(8), wireless(random)].concat()
        }
        119 => [vec![0, 0, 0, 0x44], random.bytes(140), wireless(random)].concat(),
        192 => {
            let kind = random.of(&[105u8, 105, 105, 1]);
            [vec![0, 0, 8, 0, kind, 0, 0, 0], wireless(random)].concat()
        }
        117 => {
            let mut head =
                vec![61, random.of(&[2, 10, 9]), random.of(&[0, 1, 8]), random.of(&[0, 3])];
            head.extend(b"em0\0\0\0\0\0\0\0\0\0\0\0\0\0anchor\0\0\0\0\0\0\0\0\0\0");
            head.extend([0, 0, 0, random.of(&[3, 4]), 0, 0, 0, 4]);
            head.resize(60, 0);
            head.extend([random.of(&[1, 2]), 0, 0, 0]);
            let packet = ip(random);
            [head, packet].concat()
        }
        other => panic!("no frames of link type {other}"),
    };
    if random.one_in(5) {
        bytes.truncate(random.below(bytes.len() + 1).max(1));
    }
    bytes
}

/// A pcap file whose frames are a second apart.
fn pcap(link_type: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for number in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, link_type] {
        file.extend(u32::to_le_bytes(number));
    }
    for (second, frame) in (0u32..).zip(frames) {
        let length = frame.len() as u32;
        // On the wire it was a little longer now and then.
        let wire = length + second % 3;
        for number in [second, 0, length, wire] {
            file.extend(number.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

/// The seconds of all records of a pcap file.
fn seconds(file: &[u8]) -> Vec<u32> {
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let mut all = Vec::new();
    let mut at = 24;
    while at < file.len() {
        all.push(number(at));
        at += 16 + number(at + 8) as usize;
    }
    all
}

/// What tcpdump lets through; `None` where it refuses the expression.
fn tcpdump(file: &Path, expression: &str, options: &[&str]) -> Option<Vec<u32>> {
    let output = Command::new("tcpdump")
        .args(["-n", "-r"])
        .arg(file)
        .args(options)
        .args(["-w", "-", "--", expression])
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    // That it can match nothing is an error to tcpdump and a hint to us.
    let is_empty = String::from_utf8_lossy(&output.stderr).contains("rejects all packets");
    match output.status.success() {
        true => Some(seconds(&output.stdout)),
        false => is_empty.then(Vec::new),
    }
}

/// The first frame on which the verdicts differ. A frame that ends within a header is judged
/// by the order of the loads, which tcpdump's optimizer changes: there the verdict without it
/// counts as well.
fn first_difference(
    file: &Path,
    expression: &str,
    ours: &[u32],
    theirs: &[u32],
    count: u32,
) -> Option<u32> {
    if ours == theirs {
        return None;
    }
    let plain = tcpdump(file, expression, &["-O"]).unwrap_or_default();
    (0..count).find(|second| {
        let own = ours.contains(second);
        own != theirs.contains(second) && own != plain.contains(second)
    })
}

fn services(name: &str) -> Vec<(u8, u16)> {
    match name {
        "http" => vec![(6, 80)],
        "domain" => vec![(6, 53), (17, 53)],
        _ => Vec::new(),
    }
}

/// What ours lets through; `None` where it refuses the expression.
fn own(link_type: u32, frames: &[Vec<u8>], expression: &str) -> Result<Vec<u32>, String> {
    let names = Names { ports: services, ..Names::NONE };
    let program = Filter::parse(expression, names)
        .and_then(|filter| filter.for_file(link_type as u16))
        .map_err(|error| error.to_string())?;
    let passes = |(second, frame): (u32, &Vec<u8>)| {
        let wire = frame.len() as u32 + second % 3;
        program.matches(frame, wire).then_some(second)
    };
    Ok((0u32..).zip(frames).filter_map(passes).collect())
}

/// Expressions of every kind, as they are written.
const EXPRESSIONS: &str = include_str!("packet_filters.txt");

/// An expression put together of others.
fn composed(random: &mut Random, all: &[&str]) -> String {
    let mut text = String::new();
    for part in 0..2 + random.below(3) {
        if part > 0 {
            text += random.of(&[" and ", " or ", " && ", " || "]);
        }
        if random.one_in(4) {
            text += random.of(&["not ", "! ", "not not "]);
        }
        let expression = random.of(all);
        text += &if random.one_in(3) { format!("({expression})") } else { expression.to_owned() };
    }
    text
}

#[test]
fn every_verdict_is_that_of_tcpdump() {
    if Command::new("tcpdump").arg("--version").output().is_err() {
        return cannot_run("no tcpdump (see .ci/install)");
    }
    let directory = tempfile::tempdir().unwrap();
    let all: Vec<&str> = EXPRESSIONS.lines().filter(|line| !line.starts_with('#')).collect();
    let mut wrong = Vec::new();
    let mut verdicts = 0u64;
    for link_type in
        [1, 101, 113, 276, 0, 9, 104, 107, 10, 6, 105, 127, 163, 119, 192, 117, 228, 229]
    {
        let mut random = Random(0x5eed + u64::from(link_type));
        let count: u32 = if link_type == 1 { 2_000 } else { 500 };
        let frames: Vec<Vec<u8>> = (0..count).map(|_| frame(&mut random, link_type)).collect();
        let file = directory.path().join(format!("{link_type}.pcap"));
        fs::write(&file, pcap(link_type, &frames)).unwrap();
        // Where a header's length is kept in a register, libpcap may give that register to a
        // number or tunnel that came earlier in the expression.
        let is_simple = |text: &&&str| {
            !text.starts_with(|c: char| c.is_ascii_digit() || "-(".contains(c))
                && !text.contains("geneve")
                && !text.contains('[')
        };
        let simple: Vec<&str> = all.iter().filter(is_simple).copied().collect();
        // Behind a `geneve` that did not match, libpcap reads a register that nothing was put into.
        let is_defined = |text: &&&str| !text.contains("geneve");
        let defined: Vec<&str> = all.iter().filter(is_defined).copied().collect();
        let parts = if link_type == 1 { &defined } else { &simple };
        let composed_count = if link_type == 1 { 150 } else { 20 };
        let composed = (0..composed_count).map(|_| composed(&mut random, parts));
        let expressions: Vec<String> =
            all.iter().map(|text| (*text).to_owned()).chain(composed).collect();
        for expression in &expressions {
            verdicts += frames.len() as u64;
            let theirs = tcpdump(&file, expression, &[]);
            match (own(link_type, &frames, expression), theirs) {
                (Err(_), None) => {}
                (Ok(ours), Some(theirs)) => {
                    let first = first_difference(&file, expression, &ours, &theirs, count);
                    if let Some(first) = first {
                        wrong.push(format!(
                            "{link_type}: {expression}: {} of ours, {} of tcpdump's, first {:02x?}",
                            ours.len(),
                            theirs.len(),
                            frames[first as usize]
                        ));
                    }
                }
                (Ok(_), None) => {
                    wrong.push(format!("{link_type}: {expression}: only ours takes it"));
                }
                (Err(error), Some(_)) => {
                    wrong.push(format!("{link_type}: {expression}: only ours refuses it: {error}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {verdicts} …:\n{}", wrong.len(), wrong.join("\n"));
}
