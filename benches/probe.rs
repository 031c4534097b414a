//! The connect stage of a probe beside a bare `connect()`, both to the same listener on
//! loopback. The difference is what the probe adds: at most 50 µs.
#![allow(missing_docs, reason = "criterion's macros document nothing")]

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use sockpit::model::probe::StageName;
use sockpit::probe::{Probe, Settings};
use tokio::runtime::Builder;
use tokio::sync::mpsc;

/// A listener that accepts and closes at once, so that no attempt waits for a greeting.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    thread::spawn(move || listener.incoming().for_each(drop));
    address
}

fn bare(address: SocketAddr) -> Duration {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let took = started.elapsed();
    // Wait for the server's close as the probe does, or its queue would run full.
    stream.read_to_end(&mut Vec::new()).expect("the server closes in order");
    took
}

async fn probed(address: SocketAddr, rounds: u64) -> Duration {
    let settings =
        Settings { count: Some(rounds), interval: Duration::ZERO, ..Settings::default() };
    let target = address.to_string().parse().expect("an address and port are a target");
    let mut probe = Probe::new(target, settings);
    // Nobody listens to its progress.
    let (events, _) = mpsc::channel(1);
    let mut connecting = Duration::ZERO;
    probe.run(&events).await;
    let report = probe.report().expect("every round ended");
    for stage in report.attempts.iter().flat_map(|attempt| &attempt.stages) {
        if stage.name() == StageName::Connect {
            connecting += Duration::from_micros(stage.duration_us);
        }
    }
    // The report keeps the newest attempts only.
    let kept = report.attempts.len() as f64;
    connecting.mul_f64(report.summary.sent as f64 / kept)
}

fn connect(criterion: &mut Criterion) {
    let address = server();
    let mut group = criterion.benchmark_group("probe");
    group.bench_function("bare connect", |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| bare(address)).sum());
    });
    group.bench_function("connect stage", |bencher| {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        bencher.iter_custom(|rounds| runtime.block_on(probed(address, rounds)));
    });
    group.bench_function("connect stage, several threads", |bencher| {
        let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
        bencher.iter_custom(|rounds| runtime.block_on(probed(address, rounds)));
    });
    group.finish();
}

criterion_group!(benches, connect);
criterion_main!(benches);
