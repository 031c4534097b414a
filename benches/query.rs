//! How long a filter takes over a table of sockets.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed benchmark")]

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use sockpit::model::owner::{Owner, Ownership, Process, Unit, UnitScope};
use sockpit::model::socket::{Endpoint, Family, Protocol, Socket, State};
use sockpit::model::tcp::TcpInfo;
use sockpit::query::{Query, Subject, Truth};

/// What people ask, from the cheapest kind to the dearest.
const QUERIES: &[(&str, &str)] = &[
    ("port", "port:8080"),
    ("typed", "state:estab !lport:22 raddr:10.0.0.0/8 rtt:5ms.."),
    ("pid", "pid:4242"),
    ("name", "name:nginx"),
    ("cmd", "cmd:\"--port 9\""),
    ("number", "8080"),
    ("word", "redis"),
    ("address", "10.0.77."),
    ("ipv6", "2001:db8::beef"),
    ("regex", "name:/^(ng|re).*[sx]$/"),
    ("bare_regex", "/red[ij]s|10\\.0\\.77\\./"),
];

fn filter(criterion: &mut Criterion) {
    for rows in [1_000_u32, 10_000, 100_000] {
        let sockets = table(rows);
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let mut group = criterion.benchmark_group(format!("filter/{rows}"));
        group.throughput(Throughput::Elements(rows.into())).sample_size(20);
        for (name, text) in QUERIES {
            let query = Query::parse(text).unwrap();
            let matching =
                |socket: &&Socket| query.matches(&Subject::new(socket, now)) == Truth::Yes;
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter(|| sockets.iter().filter(matching).count());
            });
        }
    }
}

fn parse(criterion: &mut Criterion) {
    criterion.bench_function("parse", |bencher| {
        bencher.iter(|| Query::parse("port:80,443 state:listen (name:nginx or !user:root) web"));
    });
}

/// Sockets of 200 processes, one in five over IPv6, one in ten in TIME_WAIT.
fn table(rows: u32) -> Vec<Socket> {
    let processes: Vec<_> = (0..200).map(process).collect();
    (0..rows).map(|row| socket(row, &processes[row as usize % processes.len()])).collect()
}

fn process(number: u32) -> Arc<Process> {
    let name = ["nginx", "redis-server", "postgres", "java", "python3"][number as usize % 5];
    let arguments = [format!("/usr/lib/{name}/bin/{name}"), "--config".into()];
    let config = [format!("/etc/{name}/instance-{number}.conf"), format!("--port {number}")];
    Arc::new(Process {
        cmdline: arguments.into_iter().chain(config).map(Into::into).collect(),
        uid: Some(33),
        ppid: Some(1),
        unit: Some(Unit { name: format!("{name}.service").into(), scope: UnitScope::System }),
        ..Process::named(4000 + number, number.into(), name)
    })
}

fn socket(row: u32, process: &Arc<Process>) -> Socket {
    let [_, _, high, low] = row.to_be_bytes();
    let port = (row % 60_000) as u16 + 1024;
    let is_ipv6 = row % 5 == 4;
    let (family, local, remote) = if is_ipv6 {
        let addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, high.into(), low.into());
        (Family::Ipv6, Endpoint::ip(addr, 8443), Endpoint::ip(addr, port))
    } else {
        let addr = Ipv4Addr::new(10, 0, high, low);
        (Family::Ipv4, Endpoint::ip(Ipv4Addr::LOCALHOST, 8443), Endpoint::ip(addr, port))
    };
    let common = Socket {
        remote: Some(remote),
        service: Some("pcsync-https".into()),
        cookie: Some(row.into()),
        user: Some("www-data".into()),
        recv_q: Some(0),
        send_q: Some(0),
        owners_complete: Some(true),
        ..Socket::new(family, Protocol::Tcp, State::TimeWait, local)
    };
    if row.is_multiple_of(10) {
        return Socket { ownership: Ownership::kernel("time_wait"), ..common };
    }
    Socket {
        state: State::Established,
        ownership: Ownership::OWNED,
        owners: vec![Owner::new(Some(7), Arc::clone(process))],
        tcp: Some(Box::new(TcpInfo { rtt_us: Some(row % 20_000), ..TcpInfo::default() })),
        ..common
    }
}

criterion_group!(benches, filter, parse);
criterion_main!(benches);
