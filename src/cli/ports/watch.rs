//! `sockpit ports --watch`: what appears, changes and ends, until Ctrl-C.

use std::collections::HashSet;
use std::io::Write;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, Zoned};

use super::columns;
use super::json::{self, Event};
use super::notes::tell;
use super::{Args, answer, chosen, shows_peers};
use crate::cli::{Exit, Failure, output};
use crate::collect::ports::{Backend, Ports};
use crate::inspect::names::Names;
use crate::model::health::Health;
use crate::model::peer::{Peer, Peers};
use crate::model::socket::{Socket, SocketKey};
use crate::model::table::{SocketRow, SocketTable};
use crate::model::tables::{Table, Tables};
use crate::query::{Query, Subject, Truth};

/// Looks again and again, and misses no change between two looks: it reads the collector
/// itself, not its feed, which keeps only the newest sample.
pub(super) fn run(
    args: &Args,
    query: &Query,
    period: Duration,
    backend: Option<Backend>,
) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut watch = Watch {
        args,
        query,
        matching: HashSet::new(),
        seen: Seen::default(),
        undecided: 0,
        told: Vec::new(),
        names: Names::default(),
    };
    let left_out = super::left_out(args, query);
    let ports = Ports::new(backend).of_tables(super::tables(query).without(left_out)).limited(None);
    tell_unwatched(super::tables(query).and(left_out));
    ports.steering().set_reach(super::reach(args));
    runtime.block_on(watch.run(ports, period))?;
    watch.seen.summarise();
    Ok(answer(watch.seen.present + watch.seen.added > 0, watch.undecided, false))
}

/// How long one look waits for names.
const WAIT_FOR_NAMES: Duration = Duration::from_secs(1);

/// Says which sockets are not even looked at, and what would change that.
fn tell_unwatched(tables: Tables) {
    let names: Vec<&str> = tables.iter().map(Table::name).collect();
    if !names.is_empty() {
        let families: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let (names, families) = (names.join(" and "), families.join(","));
        note!("sockpit: {names} sockets are not watched; family:{families} watches them");
    }
}

struct Watch<'a> {
    args: &'a Args,
    query: &'a Query,
    /// The rows that matched at the last look.
    matching: HashSet<SocketKey>,
    seen: Seen,
    /// Rows of the last look of which nobody can tell whether they match.
    undecided: usize,
    /// The health that was told last.
    told: Vec<Health>,
    names: Names,
}

#[derive(Default)]
struct Seen {
    looks: u64,
    present: u64,
    added: u64,
    changed: u64,
    removed: u64,
}

impl Seen {
    fn count(&mut self, events: &[(What, Arc<SocketRow>)]) {
        self.looks += 1;
        for (what, _) in events {
            match what {
                What::Present => self.present += 1,
                What::Added => self.added += 1,
                What::Changed => self.changed += 1,
                What::Removed => self.removed += 1,
            }
        }
    }

    fn summarise(&self) {
        let Self { looks, present, added, changed, removed } = self;
        note!(
            "\n{looks} looks: {present} sockets at first, {added} added, {changed} changes, \
             {removed} ended"
        );
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
            tell(health.iter());
        }
        self.told = health;
    }

    fn write(&mut self, table: &SocketTable) -> Result<(), Failure> {
        let mut events = self.events(table);
        self.seen.count(&events);
        self.complete(&mut events, table);
        let mut out = output::stdout();
        if self.args.json || self.args.jsonl {
            for (event, row) in &events {
                json::event(&mut out, &Event { event: event.name(), socket: &row.socket })?;
            }
        } else {
            self.write_text(&events, &mut out)?;
        }
        out.flush()?;
        Ok(())
    }

    /// Writes into the sockets that have something to tell what is told beside them: who is at
    /// their other end, and what addresses are called. In copies: the table's own rows leave
    /// it out.
    fn complete(&mut self, events: &mut [(What, Arc<SocketRow>)], table: &SocketTable) {
        let (peers, resolve) = (shows_peers(self.args), self.args.resolve);
        if events.is_empty() || !(peers || resolve) {
            return;
        }
        let peers = peers.then(|| Peers::new(table.rows.iter().map(|row| &row.socket)));
        let mut told: Vec<Socket> = events.iter().map(|(_, row)| row.socket.clone()).collect();
        for (socket, (_, row)) in told.iter_mut().zip(&*events) {
            let peer = peers.as_ref().and_then(|peers| peers.of(&row.socket));
            socket.peer = peer.map(|peer| Box::new(Peer::of(peer)));
        }
        if resolve {
            // What is not known yet may be at the next event.
            self.names.fill(&mut told, WAIT_FOR_NAMES);
        }
        for ((_, row), socket) in events.iter_mut().zip(told) {
            *row = Arc::new(SocketRow { socket, ..**row });
        }
    }

    /// What is new to someone who watches the rows that match: what matches at the first look
    /// was there before; later, a row that begins to match is added, one that matches no more is removed. In the table's order: ended, then live.
    fn events(&mut self, table: &SocketTable) -> Vec<(What, Arc<SocketRow>)> {
        let now = Timestamp::now();
        let mut matching = HashSet::with_capacity(self.matching.len());
        let changed: HashSet<SocketKey> = table.changes.changed.iter().copied().collect();
        let ended = table.changes.removed.iter().filter(|key| self.matching.contains(key));
        let ended = ended.filter_map(|key| table.find_ended(*key));
        let mut events: Vec<_> = ended.map(|e| (What::Removed, Arc::clone(&e.row))).collect();
        self.undecided = 0;
        for row in &table.rows {
            let truth = self.query.matches(&Subject::of_row(row, now));
            self.undecided += usize::from(truth == Truth::Undecided);
            let matches = truth == Truth::Yes;
            if matches {
                matching.insert(row.key);
            }
            let what = match (self.matching.contains(&row.key), matches) {
                (false, true) if self.seen.looks == 0 => What::Present,
                (false, true) => What::Added,
                (true, false) => What::Removed,
                (true, true) if changed.contains(&row.key) => What::Changed,
                _ => continue,
            };
            events.push((what, Arc::clone(row)));
        }
        self.matching = matching;
        events
    }

    fn write_text(
        &self,
        events: &[(What, Arc<SocketRow>)],
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let columns = chosen(self.args, columns::usual(self.args.all_netns));
        let mut sockets: Vec<&Socket> = events.iter().map(|(_, row)| &row.socket).collect();
        if self.seen.looks == 1 {
            if let Some(sort) = self.args.sort {
                sockets.sort_by(|a, b| sort.compare(a, b));
            }
            columns::table(&columns, sockets.into_iter()).write(out)?;
            return Ok(());
        }
        let mut rows = Vec::new();
        columns::table(&columns, sockets.into_iter()).write_rows(&mut rows)?;
        let now = Zoned::now().strftime("%H:%M:%S").to_string();
        for ((event, _), row) in events.iter().zip(rows.split_inclusive(|&byte| byte == b'\n')) {
            write!(out, "{now} {} ", event.sign())?;
            out.write_all(row)?;
        }
        Ok(())
    }
}

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Present,
    Added,
    Changed,
    Removed,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }

    fn sign(self) -> char {
        match self {
            Self::Present => '=',
            Self::Added => '+',
            Self::Changed => '~',
            Self::Removed => '-',
        }
    }
}
