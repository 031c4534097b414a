//! The dashboard with long tables: a frame must not cost more with more rows, and sorting or
//! filtering a hundred thousand of them stays within 40 ms on the worker.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use crossterm::event::KeyCode;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use sockpit::model::owner::{Owner, Ownership, Process};
use sockpit::model::sample::Sample;
use sockpit::model::socket::{Endpoint, Family, Protocol, Socket, SocketId, SocketKey, State};
use sockpit::model::table::{SocketRow, SocketTable};
use sockpit::model::tables::Tables;
use sockpit::query::Query;
use sockpit::text::column::Column;
use sockpit::tui::app::{App, Start};
use sockpit::tui::arrange::{Arrange, GroupBy, Sort};
use sockpit::tui::effect::Effect;
use sockpit::tui::event::{Answer, Event, FeedUpdate, Moment};
use sockpit::tui::filters::Filters;
use sockpit::tui::remembered::View;
use sockpit::tui::theme::Theme;
use sockpit::tui::view;

const SIZES: [u32; 3] = [1_000, 10_000, 100_000];

fn table(rows: u32) -> Arc<SocketTable> {
    let processes: Vec<Arc<Process>> = (0..200).map(process).collect();
    let row = |index: u32| {
        let local = [127, 0, (index >> 16) as u8, (index >> 8) as u8];
        let port = 1_024 + (index % 60_000) as u16;
        let mut socket =
            Socket::new(Family::Ipv4, Protocol::Tcp, State::Established, Endpoint::ip(local, port));
        // Scattered the way real peers are, so that sorting has something to do.
        let far = index.wrapping_mul(2_654_435_761);
        socket.remote = Some(Endpoint::ip(far.to_be_bytes(), (far >> 8) as u16));
        (socket.recv_q, socket.send_q) = (Some(far % 7), Some(0));
        socket.ownership = Ownership::OWNED;
        let process = &processes[(far % 200) as usize];
        socket.owners = vec![Owner::new(Some(7), Arc::clone(process))];
        let key = SocketKey { netns: Some(1), id: SocketId::Cookie(u64::from(index)) };
        let observed_at = Timestamp::UNIX_EPOCH;
        Arc::new(SocketRow { key, socket, changed_at: None, appeared: false, observed_at })
    };
    let mut rows: Vec<Arc<SocketRow>> = (0..rows).map(row).collect();
    rows.sort_by(|a, b| a.socket.cmp_canonical(&b.socket));
    Arc::new(SocketTable { rows, host: "bench".into(), ..SocketTable::default() })
}

fn process(index: u32) -> Arc<Process> {
    Arc::new(Process {
        cmdline: vec!["worker".into(), "--serve".into()],
        uid: Some(0),
        ppid: Some(1),
        ..Process::named(1_000 + index, 1, format!("worker-{}", index % 37))
    })
}

/// The dashboard with this table on it, arranged.
fn app(table: &Arc<SocketTable>) -> App {
    let start = Start {
        capture: sockpit::config::CaptureWhen::Always,
        size: (140, 40),
        theme: Theme::default(),
        mouse: true,
        has_clipboard: true,
        own_pid: u32::MAX,
        view: View::default(),
        remember: false,
        timezone: TimeZone::UTC,
        filters: Filters::default(),
        targets: Vec::new(),
    };
    let mut app = App::new(start, Moment::now());
    let sample = Sample {
        value: Some(Arc::clone(table)),
        seq: 1,
        taken_mono: Instant::now(),
        ..Sample::loading()
    };
    let event = Event::Feed(FeedUpdate::Ports(Arc::new(sample)));
    for effect in app.update(event, Moment::now()) {
        if let Effect::Arrange(id, work) = effect {
            app.update(Event::Answer(id, Answer::Arranged(Box::new(work.run()))), Moment::now());
        }
    }
    app
}

/// The next sample: a hundredth of the rows ended, as many are new.
fn next(before: &SocketTable) -> Arc<SocketTable> {
    let replace = |(index, row): (usize, &Arc<SocketRow>)| {
        if index % 100 != 0 {
            return Arc::clone(row);
        }
        let mut row = SocketRow::clone(row);
        row.key.id = SocketId::Cookie(1 << 32 | index as u64);
        row.socket.cookie = Some(1 << 32 | index as u64);
        row.socket.recv_q = Some(9);
        Arc::new(row)
    };
    let mut rows: Vec<Arc<SocketRow>> = before.rows.iter().enumerate().map(replace).collect();
    rows.sort_by(|a, b| a.socket.cmp_canonical(&b.socket));
    Arc::new(SocketTable { rows, host: "bench".into(), ..SocketTable::default() })
}

fn press(app: &mut App, key: char) {
    let event = Event::Key(KeyCode::Char(key).into());
    for effect in app.update(event, Moment::now()) {
        if let Effect::Arrange(id, work) = effect {
            app.update(Event::Answer(id, Answer::Arranged(Box::new(work.run()))), Moment::now());
        }
    }
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    for rows in SIZES {
        // Without groups, and by remote address, which makes about as many groups as rows.
        for (name, keys) in [("plain", ""), ("grouped", "bbb")] {
            let mut app = app(&table(rows));
            keys.chars().for_each(|key| press(&mut app, key));
            let mut terminal = Terminal::new(TestBackend::new(140, 40)).expect("a test backend");
            group.bench_function(BenchmarkId::new(name, rows), |bencher| {
                bencher.iter(|| {
                    terminal.draw(|frame| view::draw(&mut app, frame)).map(drop).expect("it draws");
                });
            });
        }
    }
}

fn arranging(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("arrange");
    group.measurement_time(Duration::from_secs(3)).sample_size(20);
    for rows in SIZES {
        let table = table(rows);
        let work = |by: Column, filter: &str, group: Option<GroupBy>| Arrange {
            table: Arc::clone(&table),
            filter: Query::parse(filter).ok().filter(|query| !query.is_empty()).map(Arc::new),
            hidden: Tables::NONE,
            sort: Sort { by: Some(by), reverse: true },
            group,
            processes: None,
            keep: None,
            before: None,
            now: Timestamp::UNIX_EPOCH,
            own: 1,
        };
        let by_name = work(Column::Name, "", None);
        let going_on = Arrange {
            table: next(&table),
            before: Some(Arc::new(by_name.clone().run())),
            ..by_name.clone()
        };
        let cases = [
            ("canonical", work(Column::Proto, "", None)),
            ("what matters", Arrange { sort: Sort::default(), ..work(Column::Proto, "", None) }),
            ("by remote", work(Column::Remote, "", None)),
            ("by name", by_name),
            ("filter port", work(Column::Proto, "port:8080", None)),
            ("filter word", work(Column::Name, "worker-7", None)),
            ("by process", work(Column::Name, "", Some(GroupBy::Process))),
            ("by address", work(Column::Proto, "", Some(GroupBy::Remote))),
            ("tree", work(Column::Queue, "", Some(GroupBy::Tree))),
            ("going on", going_on),
        ];
        for (name, case) in cases {
            group.bench_function(BenchmarkId::new(name, rows), |bencher| {
                bencher.iter(|| black_box(case.clone().run().len()));
            });
        }
    }
}

criterion_group!(benches, frames, arranging);
criterion_main!(benches);
