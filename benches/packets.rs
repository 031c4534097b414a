//! What a packet costs: decoded, counted, and read from a file.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sockpit::collect::packets::{Counter, Frame, Limits, Listing, count_record};
use sockpit::wire::capture_file::CaptureReader;
use sockpit::wire::frame::{Link, decode, detail};

const PACKETS: usize = 100_000;

/// Numbers without a pattern, the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as u32 % below
    }
}

/// Ethernet frames of `flows` flows: three in four TCP, the others UDP, one in eight over IPv6.
fn frames(flows: u32) -> Vec<Vec<u8>> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let pool: Vec<Vec<u8>> = (0..flows).map(|_| frame(&mut random)).collect();
    (0..PACKETS).map(|_| pool[random.next(flows) as usize].clone()).collect()
}

fn frame(random: &mut Random) -> Vec<u8> {
    let protocol = if random.next(4) == 0 { 17 } else { 6 };
    let addresses = [random.next(1 << 16), random.next(1 << 12)].map(u32::to_be_bytes);
    let mut transport = (32_768 + random.next(28_000) as u16).to_be_bytes().to_vec();
    transport.extend([22u16, 53, 80, 443][random.next(4) as usize].to_be_bytes());
    transport.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0]);
    transport.resize(20 + random.next(100) as usize, 0);
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    if random.next(8) == 0 {
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend((transport.len() as u16).to_be_bytes());
        frame.extend([protocol, 64]);
        for address in addresses {
            frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0]);
            frame.extend(address);
        }
    } else {
        frame.extend([8, 0, 0x45, 0]);
        frame.extend((20 + transport.len() as u16).to_be_bytes());
        frame.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
        frame.extend(addresses.concat());
    }
    frame.extend(transport);
    frame
}

fn file(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = [0xa1b2_c3d4u32.to_le_bytes(), [2, 0, 4, 0], [0; 4], [0; 4]].concat();
    file.extend(262_144u32.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    for frame in frames {
        let length = (frame.len() as u32).to_le_bytes();
        file.extend([[0; 4], [0; 4], length, length].concat());
        file.extend(frame);
    }
    file
}

fn count(frames: &[Vec<u8>]) -> Counter {
    let mut counter = Counter::new();
    for bytes in frames {
        let summary = decode(Link::Ethernet, bytes);
        let ip = summary.ip();
        let detail = ip.map(|ip| detail(Link::Ethernet, bytes, ip)).unwrap_or_default();
        counter.count(&Frame {
            interface: 0,
            length: bytes.len() as u32,
            cut: false,
            summary,
            detail,
            time_ns: None,
            again: false,
        });
    }
    counter
}

fn count_file(file: &[u8]) -> Counter {
    let mut counter = Counter::new();
    let mut reader = CaptureReader::open(file).expect("the file was made here");
    loop {
        while let Some(record) = reader.next_at_hand().expect("the file was made here") {
            count_record(&record, &mut counter);
        }
        if !reader.fill().expect("the file was made here") {
            return counter;
        }
    }
}

fn packets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("packets");
    group.throughput(Throughput::Elements(PACKETS as u64));
    let many = frames(20_000);
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            for bytes in &many {
                black_box(decode(Link::Ethernet, bytes));
            }
        });
    });
    for flows in [10, 1_000, 20_000, 65_000] {
        let frames = frames(flows);
        group.bench_function(format!("decode and count, {flows} flows"), |bencher| {
            bencher.iter(|| black_box(count(&frames).total()));
        });
    }
    let file = file(&many);
    group.bench_function("file, 20000 flows", |bencher| {
        bencher.iter(|| black_box(count_file(&file).total()));
    });
    group.finish();

    let mut counter = count(&frames(65_000));
    criterion.bench_function("snapshot for a view, 65000 flows", |bencher| {
        bencher.iter(|| black_box(counter.snapshot(&[], &Limits::LIVE, Listing::default())));
    });
}

criterion_group!(benches, packets);
criterion_main!(benches);
