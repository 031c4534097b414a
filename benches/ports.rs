//! What a listing of sockets costs, step by step: reading the kernel's dump, a whole listing
//! of this process's own sockets, and entering a listing into the books.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark is not an interface")]

use std::hint::black_box;
use std::net::UdpSocket;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use sockpit::collect::ports::ledger::Ledger;
use sockpit::model::socket::{Endpoint, Family, Protocol, Socket, SocketId, SocketKey, State};
use sockpit::sys::listing::{KnownRows, Listed};
use sockpit::sys::sockets::Table;
use sockpit::wire::netlink::inet::Record;
use sockpit::wire::netlink::socket::{Names, blank, fill};
use sockpit::wire::netlink::{Reply, messages};

const SIZES: [u32; 3] = [1_000, 10_000, 100_000];

struct NoNames;

impl Names for NoNames {
    fn interface(&mut self, _: u32) -> Option<Arc<str>> {
        None
    }
    fn user(&mut self, _: u32) -> Option<Arc<str>> {
        None
    }
    fn cgroup(&mut self, _: u64) -> Option<Arc<str>> {
        None
    }
}

/// One established connection as Linux sends it: 72 bytes, TCP_INFO, CONG and SKMEMINFO.
fn message(number: u32) -> Vec<u8> {
    let mut payload = vec![0u8; 72];
    payload[..4].copy_from_slice(&[2, 1, 0, 0]);
    payload[4..6].copy_from_slice(&(number as u16).to_be_bytes());
    payload[44..48].copy_from_slice(&number.to_ne_bytes());
    payload[68..72].copy_from_slice(&number.to_ne_bytes());
    for (kind, length) in [(2u16, 248u16), (4, 6), (7, 36), (8, 1), (21, 8), (22, 2)] {
        payload.extend((4 + length).to_ne_bytes());
        payload.extend(kind.to_ne_bytes());
        payload.resize((payload.len() + usize::from(length)).next_multiple_of(4), 0);
    }
    let mut bytes = (16 + payload.len() as u32).to_ne_bytes().to_vec();
    bytes.extend([20, 0, 2, 0]);
    bytes.extend([0; 8]);
    bytes.extend(payload);
    bytes
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sock_diag_parse");
    for size in SIZES {
        // A read of 32 KiB, again and again, as the kernel hands them out.
        let chunk: Vec<u8> = (0..70).flat_map(message).collect();
        group.throughput(Throughput::Elements(u64::from(size)));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            let mut socket = blank();
            bencher.iter(|| {
                for _ in 0..size / 70 {
                    for message in messages(&chunk) {
                        let Reply::Object(payload) = message.unwrap().reply().unwrap() else {
                            continue;
                        };
                        let record = Record::parse(payload).unwrap();
                        fill(&mut socket, &record, Protocol::Tcp, &mut NoNames);
                        black_box(&socket);
                    }
                }
            });
        });
    }
    group.finish();
}

/// Dump, owners scan and join of this machine with so many sockets more.
fn listing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("listing");
    group.sample_size(10);
    let mut sockets = Vec::new();
    for size in [1_000, 10_000] {
        while sockets.len() < size {
            sockets.push(UdpSocket::bind(("127.0.0.1", 0)).unwrap());
        }
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("cold", size), |bencher| {
            bencher.iter(|| {
                let mut table = Table::open(None, 1).unwrap();
                black_box(table.list(&KnownRows::default()).unwrap().sockets.len())
            });
        });
        group.bench_function(BenchmarkId::new("refresh", size), |bencher| {
            let mut table = Table::open(None, 1).unwrap();
            let mut ledger = Ledger::default();
            bencher.iter(|| {
                let listing = table.list(ledger.known()).unwrap();
                black_box(ledger.update(listing.sockets, Timestamp::now()).rows.len())
            });
        });
    }
    group.finish();
}

fn listed(number: u32) -> Listed {
    let [_, b, c, d] = number.to_be_bytes();
    let local = Endpoint::ip([127, b, c, d], (number % 60_000) as u16);
    let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Established, local);
    socket.cookie = Some(u64::from(number));
    let key = SocketKey { netns: None, id: SocketId::Cookie(u64::from(number)) };
    Listed::new(key, socket, Timestamp::UNIX_EPOCH)
}

fn filled(size: u32) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.update((0..size).map(listed).collect(), Timestamp::now());
    ledger
}

fn unchanged(ledger: &Ledger) -> Vec<Listed> {
    ledger.known().all().collect()
}

fn table_update(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("table_update");
    group.sample_size(10);
    for size in SIZES {
        group.throughput(Throughput::Elements(u64::from(size)));
        group.bench_function(BenchmarkId::new("unchanged", size), |bencher| {
            let mut ledger = filled(size);
            let rows = unchanged(&ledger);
            bencher.iter(|| black_box(ledger.update(rows.clone(), Timestamp::now())));
        });
        group.bench_function(BenchmarkId::new("one_percent_new", size), |bencher| {
            let mut ledger = filled(size);
            let mut next = size;
            bencher.iter(|| {
                let churn = size / 100;
                let mut rows = unchanged(&ledger);
                rows.truncate((size - churn) as usize);
                rows.extend((next..next + churn).map(listed));
                next += churn;
                black_box(ledger.update(rows, Timestamp::now()))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse, listing, table_update);
criterion_main!(benches);
