#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io;

use proptest::prelude::*;

use super::record::MAX_HEAD;
use super::*;
use crate::wire::frame::Link;

/// Writes numbers in one of the two orders.
#[derive(Clone, Copy, Debug)]
struct Writer {
    big: bool,
}

impl Writer {
    fn u16(self, number: u16) -> [u8; 2] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn u32(self, number: u32) -> [u8; 4] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn u64(self, number: u64) -> [u8; 8] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn pcap_header(self, magic: u32, version: (u16, u16), link_type: u32) -> Vec<u8> {
        let mut file = self.u32(magic).to_vec();
        file.extend(self.u16(version.0));
        file.extend(self.u16(version.1));
        file.extend([0; 8]);
        file.extend(self.u32(0)); // snapshot length: not to be believed
        file.extend(self.u32(link_type));
        file
    }

    fn pcap_record(self, time: (u32, u32), lengths: (u32, u32), bytes: &[u8]) -> Vec<u8> {
        let mut record = Vec::new();
        for number in [time.0, time.1, lengths.0, lengths.1] {
            record.extend(self.u32(number));
        }
        record.extend(bytes);
        record
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let length = self.u32(u32::try_from(padded + 12).unwrap());
        let mut block = self.u32(kind).to_vec();
        block.extend(length);
        block.extend(body);
        block.resize(8 + padded, 0);
        block.extend(length);
        block
    }

    fn section(self) -> Vec<u8> {
        let body = [&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(0), &self.u64(u64::MAX)];
        self.block(0x0a0d_0d0a, &body.concat())
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = self.u16(code).to_vec();
        option.extend(self.u16(u16::try_from(value.len()).unwrap()));
        option.extend(value);
        option.resize(4 + value.len().next_multiple_of(4), 0);
        option
    }

    fn interface(self, link_type: u16, snap_length: u32, options: &[Vec<u8>]) -> Vec<u8> {
        let head = [&self.u16(link_type)[..], &[0, 0], &self.u32(snap_length)].concat();
        self.block(1, &[head, options.concat()].concat())
    }

    fn enhanced(self, interface: u32, units: u64, length: u32, bytes: &[u8]) -> Vec<u8> {
        let mut body = self.u32(interface).to_vec();
        body.extend(self.u32((units >> 32) as u32));
        body.extend(self.u32(units as u32));
        body.extend(self.u32(u32::try_from(bytes.len()).unwrap()));
        body.extend(self.u32(length));
        body.extend(bytes);
        self.block(6, &body)
    }

    fn simple(self, length: u32, bytes: &[u8]) -> Vec<u8> {
        self.block(3, &[&self.u32(length), bytes].concat())
    }

    fn obsolete(self, interface: u16, drops: u16, bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap();
        let mut body = self.u16(interface).to_vec();
        body.extend(self.u16(drops));
        body.extend([0; 8]);
        body.extend(self.u32(length));
        body.extend(self.u32(length));
        body.extend(bytes);
        self.block(2, &body)
    }

    fn statistics(self, interface: u32, dropped: u64) -> Vec<u8> {
        let mut body = self.u32(interface).to_vec();
        body.extend([0; 8]);
        body.extend(self.option(5, &self.u64(dropped)));
        body.extend(self.option(0, &[]));
        self.block(5, &body)
    }
}

const LITTLE: Writer = Writer { big: false };
const BOTH: [Writer; 2] = [LITTLE, Writer { big: true }];

/// A record with its bytes copied out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    interface: usize,
    link: Link,
    time_ns: Option<i64>,
    length: u32,
    captured: u32,
    bytes: Vec<u8>,
}

/// Gives its bytes one at a time, as a slow pipe would.
struct Drip<'a>(&'a [u8]);

impl std::io::Read for Drip<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = out.len().min(1);
        std::io::Read::read(&mut self.0, &mut out[..length])
    }
}

/// Every record, how it ended, and what the file told of drops.
fn read_all(input: impl std::io::Read) -> (Vec<Read>, Option<Error>, Option<u64>) {
    let mut records = Vec::new();
    let mut reader = match CaptureReader::open(input) {
        Ok(reader) => reader,
        Err(error) => return (records, Some(error), None),
    };
    loop {
        match reader.next_at_hand() {
            Ok(Some(record)) => records.push(Read {
                interface: record.interface,
                link: record.link,
                time_ns: record.time_ns,
                length: record.length,
                captured: record.captured,
                bytes: record.bytes.to_vec(),
            }),
            Ok(None) => match reader.fill() {
                Ok(true) => {}
                Ok(false) => return (records, None, reader.dropped()),
                Err(error) => return (records, Some(error), reader.dropped()),
            },
            Err(error) => return (records, Some(error), reader.dropped()),
        }
    }
}

fn records(file: &[u8]) -> Vec<Read> {
    let (records, error, _) = read_all(file);
    assert!(error.is_none(), "{error:?}");
    records
}

fn error(file: &[u8]) -> Error {
    read_all(file).1.expect("the file is bad")
}

#[test]
fn pcap_is_read_in_every_order_and_resolution() {
    for writer in BOTH {
        for (magic, time_ns) in [(0xa1b2_c3d4, 7_000_009_000), (0xa1b2_3c4d, 7_000_000_009)] {
            let mut file = writer.pcap_header(magic, (2, 4), 1);
            file.extend(writer.pcap_record((7, 9), (3, 60), b"abc"));
            file.extend(writer.pcap_record((7, 9), (0, 0), b""));
            let expected = Read {
                interface: 0,
                link: Link::Ethernet,
                time_ns: Some(time_ns),
                length: 60,
                captured: 3,
                bytes: b"abc".to_vec(),
            };
            let read = records(&file);
            assert_eq!(read[0], expected, "{writer:?}");
            assert_eq!(read.len(), 2);
        }
    }
}

#[test]
fn pcap_with_longer_record_headers_is_read() {
    let mut file = LITTLE.pcap_header(0xa1b2_cd34, (2, 4), 101);
    for _ in 0..2 {
        file.extend(LITTLE.pcap_record((1, 0), (3, 3), &[0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]));
    }
    let read = records(&file);
    assert_eq!(read.len(), 2);
    assert_eq!((read[1].link, &read[1].bytes[..]), (Link::RawIp, &[1, 2, 3][..]));
}

#[test]
fn old_pcap_versions_have_their_lengths_the_other_way_round() {
    for (version, lengths) in [((2, 2), (60, 3)), ((2, 3), (60, 3)), ((2, 3), (3, 60))] {
        let mut file = LITTLE.pcap_header(0xa1b2_c3d4, version, 1);
        file.extend(LITTLE.pcap_record((1, 0), lengths, b"abc"));
        let read = records(&file);
        assert_eq!((read[0].length, read[0].captured), (60, 3), "{version:?}");
    }
}

#[test]
fn frame_check_sequence_bits_are_not_part_of_the_link_type() {
    let mut file = LITTLE.pcap_header(0xa1b2_c3d4, (2, 4), 0x2400_0001);
    file.extend(LITTLE.pcap_record((1, 0), (1, 1), b"a"));
    assert_eq!(records(&file)[0].link, Link::Ethernet);
}

#[test]
fn a_huge_length_is_refused_and_what_came_before_counts() {
    let mut file = LITTLE.pcap_header(0xa1b2_c3d4, (2, 4), 1);
    file.extend(LITTLE.pcap_record((1, 0), (3, 3), b"abc"));
    file.extend(LITTLE.pcap_record((1, 0), (0x7fff_ffff, 3), b"abc"));
    let (read, error, _) = read_all(&file[..]);
    assert_eq!(read.len(), 1);
    assert!(matches!(error, Some(Error::Malformed { record: 2, .. })), "{error:?}");
}

#[test]
fn a_message_larger_than_the_window_is_passed_over_whole() {
    let large = vec![7; 3 * MAX_HEAD];
    let length = u32::try_from(large.len()).unwrap();
    let mut file = LITTLE.pcap_header(0xa1b2_c3d4, (2, 4), 231);
    file.extend(LITTLE.pcap_record((1, 0), (length, length), &large));
    file.extend(LITTLE.pcap_record((2, 0), (3, 3), b"abc"));
    let read = records(&file);
    assert_eq!((read[0].bytes.len(), read[0].captured), (MAX_HEAD, length));
    assert_eq!(read[1].bytes, b"abc");
    let cut = error(&file[..24 + 16 + 2 * MAX_HEAD]);
    assert!(matches!(cut, Error::Truncated { record: 1 }), "{cut:?}");
}

/// Two sections of different byte orders, several interfaces, every kind of packet block.
fn pcapng() -> Vec<u8> {
    let [little, big] = BOTH;
    let nanoseconds = little.option(9, &[9]);
    let binary = big.option(9, &[0x80 | 10]);
    let offset = big.option(14, &big.u64(100));
    [
        little.section(),
        little.interface(1, 0, &[little.option(2, b"eth0"), nanoseconds, little.option(0, &[])]),
        little.interface(101, 2, &[little.option(2, b"tun0")]),
        little.block(0x0bad_0bad, b"unknown"),
        little.enhanced(0, 5_000_000_001, 60, b"abc"),
        little.enhanced(1, 5_000_001, 2, b"de"),
        little.statistics(0, 3),
        little.statistics(0, 4),
        big.section(),
        big.interface(101, 2, &[big.option(2, b"tun0"), binary, offset]),
        big.simple(9, b"fg"),
        big.enhanced(0, 1536, 3, b"hij"),
        big.obsolete(0, 5, b"k"),
        big.obsolete(0, u16::MAX, b"l"),
    ]
    .concat()
}

#[test]
fn pcapng_sections_interfaces_and_blocks_are_read() {
    let read = |interface, link, time_ns, length, captured, bytes: &[u8]| Read {
        interface,
        link,
        time_ns,
        length,
        captured,
        bytes: bytes.to_vec(),
    };
    let expected = [
        read(0, Link::Ethernet, Some(5_000_000_001), 60, 3, b"abc"),
        read(1, Link::RawIp, Some(5_000_001_000), 2, 2, b"de"),
        read(1, Link::RawIp, None, 9, 2, b"fg"),
        read(1, Link::RawIp, Some(101_500_000_000), 3, 3, b"hij"),
        read(1, Link::RawIp, Some(100_000_000_000), 1, 1, b"k"),
        read(1, Link::RawIp, Some(100_000_000_000), 1, 1, b"l"),
    ];
    assert_eq!(records(&pcapng()), expected);
    assert_eq!(read_all(Drip(&pcapng())).0, expected);
}

#[test]
fn drops_told_by_the_file_are_summed() {
    assert_eq!(read_all(&pcapng()[..]).2, Some(4 + 5));
    let silent = [LITTLE.section(), LITTLE.interface(1, 0, &[])].concat();
    assert_eq!(read_all(&silent[..]).2, None);
}

#[test]
fn every_prefix_of_a_file_is_cut_or_ends_between_records() {
    let mut pcap = LITTLE.pcap_header(0xa1b2_c3d4, (2, 4), 1);
    pcap.extend(LITTLE.pcap_record((1, 0), (3, 3), b"abc"));
    pcap.extend(LITTLE.pcap_record((1, 0), (3, 3), b"def"));
    for (file, open) in [(pcap, 24), (pcapng(), 12)] {
        let whole = records(&file);
        for end in 0..file.len() {
            let (read, error, _) = read_all(&file[..end]);
            assert_eq!(read, whole[..read.len()], "first {end} bytes");
            match error {
                Some(Error::Empty) => assert_eq!(end, 0),
                Some(Error::NotACapture { .. }) => assert!(end < 4),
                Some(Error::CutHeader { .. }) => assert!(end < open),
                Some(Error::Truncated { .. }) | None => assert!(end >= open),
                Some(other) => panic!("first {end} bytes: {other:?}"),
            }
        }
    }
}

#[test]
fn the_cut_record_is_named() {
    let mut file = LITTLE.pcap_header(0xa1b2_c3d4, (2, 4), 1);
    file.extend(LITTLE.pcap_record((1, 0), (3, 3), b"abc"));
    file.extend(LITTLE.pcap_record((1, 0), (3, 3), b"de"));
    let (read, error, _) = read_all(&file[..]);
    assert_eq!(read.len(), 1);
    assert_eq!(error.unwrap().to_string(), "the file ends in the middle of record 2");
}

#[test]
fn other_files_are_told_from_captures() {
    assert!(matches!(error(b""), Error::Empty));
    assert!(matches!(error(b"\x1f\x8b\x08\0"), Error::Packed { with: "gzip", .. }));
    assert!(matches!(error(b"\x28\xb5\x2f\xfd and more"), Error::Packed { with: "zstd", .. }));
    assert_eq!(
        error(b"#!/bin/sh\n").to_string(),
        "not a capture: it begins with 23 21 2f 62, not like pcap or pcapng"
    );
    assert!(error(b"\x0a\x0d\x0d\x0a_____________________").is_unusable());
}

#[test]
fn contradictions_in_pcapng_are_named() {
    let start = [LITTLE.section(), LITTLE.interface(1, 0, &[])].concat();
    let mut bad_trailer = LITTLE.enhanced(0, 0, 3, b"abc");
    *bad_trailer.last_mut().unwrap() = 9;
    let mut too_long = LITTLE.enhanced(0, 0, 3, b"abc");
    too_long[20] = 200;
    let tiny = [LITTLE.u32(6), LITTLE.u32(8), [0; 4]].concat();
    for (bad, what) in [
        (bad_trailer, "at its end"),
        (too_long, "200 captured bytes in a block of 36"),
        (LITTLE.enhanced(1, 0, 3, b"abc"), "of interface 1"),
        (tiny, "shorter than its own frame"),
        (LITTLE.block(1, b"abc"), "ends early"),
    ] {
        let error = error(&[start.clone(), bad].concat());
        assert!(matches!(error, Error::Malformed { record: 3, .. }), "{error:?}");
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn a_length_without_its_padding_is_rounded_up() {
    let mut block = LITTLE.enhanced(0, 0, 3, b"abc");
    let told = LITTLE.u32(u32::try_from(block.len()).unwrap() - 1);
    block[4..8].copy_from_slice(&told);
    let end = block.len();
    block[end - 4..].copy_from_slice(&told);
    let file = [LITTLE.section(), LITTLE.interface(1, 0, &[]), block.clone(), block].concat();
    assert_eq!(records(&file).len(), 2);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_all(&bytes[..]);
        read_all(&[&LITTLE.pcap_header(0xa1b2_c3d4, (2, 4), 1)[..], &bytes].concat()[..]);
        read_all(&[&LITTLE.section()[..], &bytes].concat()[..]);
    }

    #[test]
    fn flipped_bytes_never_panic(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut file = pcapng();
        let at = at.index(file.len());
        file[at] = value;
        read_all(&file[..]);
    }
}

#[test]
fn a_capture_of_another_format_is_named() {
    let error = |begin: &[u8]| {
        let mut file = begin.to_vec();
        file.resize(64, 0);
        CaptureReader::open(&file[..]).unwrap_err().to_string()
    };
    for (begin, name) in [
        (&b"snoop\0\0\0\0\0\0\x02"[..], "snoop"),
        (b"GMBU", "Network Monitor 2"),
        (b"RTSS", "Network Monitor 1"),
        (b"btsnoop\0", "btsnoop"),
        (&[0, 0, 0, 0, 0, 0, 0, 0x65, 2, 0, 0, 78, 0, 0, 0, 60], "ERF"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ] {
        let error = error(begin);
        assert!(error.starts_with("it is a") && error.contains(name), "{error}");
    }
    assert!(error(b"snoop\0\0\0").contains("editcap"));
}
