//! `sockpit ports --watch`: what appears, changes and ends, until Ctrl-C.

use std::io::Write;
use std::pin::pin;
use std::time::Duration;

use jiff::Zoned;

use super::columns::{self, Column};
use super::json::{self, Event};
use super::{Args, chosen, tell};
use crate::cli::{Exit, Failure, output};
use crate::collect::ports::{Backend, Ports};
use crate::model::health::Health;
use crate::model::socket::{Socket, SocketKey};
use crate::model::table::SocketTable;

/// Looks again and again, and misses no change between two looks: it reads the collector
/// itself, not its feed, which keeps only the newest sample.
pub(super) fn run(
    args: &Args,
    period: Duration,
    backend: Option<Backend>,
) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut watch = Watch { args, seen: Seen::default(), told: Vec::new() };
    runtime.block_on(watch.run(Ports::new(backend), period))?;
    watch.seen.summarise();
    Ok(if watch.seen.added > 0 { Exit::Yes } else { Exit::No })
}

struct Watch<'a> {
    args: &'a Args,
    seen: Seen,
    /// The health that was told last.
    told: Vec<Health>,
}

#[derive(Default)]
struct Seen {
    looks: u64,
    added: u64,
    changed: u64,
    removed: u64,
}

impl Seen {
    fn summarise(&self) {
        let Self { looks, added, changed, removed } = self;
        eprintln!("\n{looks} looks: {added} sockets seen, {changed} changes, {removed} ended");
    }
}

impl Watch<'_> {
    /// Until Ctrl-C.
    async fn run(&mut self, mut ports: Ports, period: Duration) -> Result<(), Failure> {
        // One future for the whole time: each hears only what comes after its first wait.
        let mut interrupted = pin!(tokio::signal::ctrl_c());
        loop {
            let (table, health) = ports.look()?;
            self.tell_news(health);
            self.write(&table)?;
            tokio::select! {
                pressed = &mut interrupted => return Ok(pressed?),
                () = tokio::time::sleep(period) => {}
            }
        }
    }

    fn tell_news(&mut self, health: Vec<Health>) {
        // Counts vary from look to look; what is wrong and what mends it is the news.
        let is_known = |line: &Health| {
            let alike = |told: &Health| {
                (&told.source, told.state, &told.remedy) == (&line.source, line.state, &line.remedy)
            };
            self.told.iter().any(alike)
        };
        if !health.iter().all(is_known) {
            tell(&health);
        }
        self.told = health;
    }

    fn write(&mut self, table: &SocketTable) -> Result<(), Failure> {
        let changes = &table.changes;
        self.seen.looks += 1;
        self.seen.added += changes.added.len() as u64;
        self.seen.changed += changes.changed.len() as u64;
        self.seen.removed += changes.removed.len() as u64;
        let mut out = output::stdout();
        if self.args.json || self.args.jsonl {
            self.write_json(table, &mut out)?;
        } else {
            self.write_text(table, &mut out)?;
        }
        out.flush()?;
        Ok(())
    }

    fn write_json(&self, table: &SocketTable, out: &mut impl Write) -> Result<(), Failure> {
        for (event, socket) in events(table) {
            json::event(out, &Event { event, socket })?;
        }
        Ok(())
    }

    fn write_text(&self, table: &SocketTable, out: &mut impl Write) -> Result<(), Failure> {
        let columns = chosen(self.args, &Column::TEXT);
        if self.seen.looks == 1 {
            let mut sockets: Vec<&Socket> = table.rows.iter().map(|row| &row.socket).collect();
            if let Some(sort) = self.args.sort {
                sockets.sort_by(|a, b| sort.compare(a, b));
            }
            columns::table(&columns, sockets.into_iter()).write(out)?;
            return Ok(());
        }
        let (events, sockets): (Vec<_>, Vec<_>) = events(table).unzip();
        let mut rows = Vec::new();
        columns::table(&columns, sockets.into_iter()).write_rows(&mut rows)?;
        let now = Zoned::now().strftime("%H:%M:%S").to_string();
        for (event, row) in events.into_iter().zip(rows.split_inclusive(|&byte| byte == b'\n')) {
            let sign = match event {
                "added" => '+',
                "removed" => '-',
                _ => '~',
            };
            write!(out, "{now} {sign} ")?;
            out.write_all(row)?;
        }
        Ok(())
    }
}

/// What the last look changed, in the table's order: ended, changed, added.
fn events(table: &SocketTable) -> impl Iterator<Item = (&'static str, &Socket)> {
    let removed = table.changes.removed.iter().filter_map(|key| table.find_ended(*key));
    let removed = removed.map(|ended| ("removed", &ended.row.socket));
    let live = |event: &'static str, keys: &[SocketKey]| {
        let keys: std::collections::HashSet<SocketKey> = keys.iter().copied().collect();
        let rows = table.rows.iter().filter(move |row| keys.contains(&row.key));
        rows.map(move |row| (event, &row.socket))
    };
    removed
        .chain(live("changed", &table.changes.changed))
        .chain(live("added", &table.changes.added))
}
