//! The books on sockets: first sight, changes, and the bounded history of those that ended.

mod told;

use std::sync::Arc;

use jiff::Timestamp;

use super::meter;
use crate::catalog::services;
use crate::model::activity::Rates;
use crate::model::owner::Owner;
use crate::model::socket::Socket;
use crate::model::table::{EndedRow, History, SocketRow, SocketTable, TableChanges};
use crate::sys::listing::{Coverage, KnownRows, Listed};
use told::Told;

/// Ended rows that are remembered.
pub const HISTORY: usize = 10_000;

/// Idle rows whose rate becomes known in one look. A row is copied for it, and copying a
/// large table at once would double its memory.
const IDLE_A_LOOK: usize = 2_000;

/// What is known from all listings so far.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Live rows, and their places in canonical order.
    known: KnownRows,
    order: Vec<u32>,
    /// What was there by place in the listing before, emptied: its memory is used again.
    spare: Vec<Option<Arc<SocketRow>>>,
    ended: History,
    /// What the kernel told of connections that are over, until they are not listed any more.
    told: Told,
    forgotten: u64,
    has_listed: bool,
    /// The namespaces that the next listing tells of.
    coverage: Coverage,
    /// The same of the listing before.
    covered: Coverage,
    /// When the sockets of the listing before were read.
    read_at: Option<Timestamp>,
    /// See [`Self::measure_all`].
    measures_all: bool,
}

impl Ledger {
    /// The live rows, to be handed back by the next listing where they did not change.
    pub fn known(&self) -> &KnownRows {
        &self.known
    }

    /// From now on the second look tells the rate of every row, however many are idle: for who
    /// looks no third time.
    pub fn measure_all(&mut self) {
        self.measures_all = true;
    }

    /// Says of which namespaces the next listing tells. A row of one that is left out has not
    /// ended, and one of a namespace that was left out before has not just appeared.
    pub fn cover(&mut self, coverage: Coverage) {
        self.covered = std::mem::replace(&mut self.coverage, coverage);
    }

    /// Takes in what the kernel told of connections that are over, before the listing is entered
    /// that was made just before. Of one that is in there, or that it lacks, it says what no look
    /// could; the others were too short for any.
    pub fn tell(&mut self, ended: Vec<EndedRow>) {
        self.told.add(ended);
    }

    /// Enters a listing made at `at`.
    pub fn update(&mut self, listed: Vec<Listed>, at: Timestamp) -> SocketTable {
        let mut changes = TableChanges::default();
        let mut now = std::mem::take(&mut self.spare);
        now.resize(self.known.places(), None);
        let earliest = listed.iter().filter_map(read_at).min().unwrap_or(at);
        let mut idle = if self.measures_all { usize::MAX } else { IDLE_A_LOOK };
        let mut added = Vec::new();
        for listed in listed {
            let key = listed.key();
            let (row, place) = match listed {
                Listed::Same(row, place) => (come_to_rest(row, &mut idle), place),
                Listed::New(row) => {
                    let place = self.known.place(key).unwrap_or_else(|| {
                        added.push(self.known.enter(key));
                        changes.added.push(key);
                        added[added.len() - 1]
                    });
                    (self.enter(row, place, at), place)
                }
            };
            let is_changed = row.changed_at == Some(at);
            now.resize(now.len().max(self.known.places()), None);
            // A socket that moved while the kernel listed it is told twice; the later is right.
            let is_repeated = now[place as usize].replace(row).is_some();
            if is_changed && !(is_repeated && changes.changed.contains(&key)) {
                changes.changed.push(key);
            }
        }
        let rows = self.settle(now, added, at, &mut changes);
        for brief in self.told.take_brief(&self.known) {
            if self.coverage.covers(brief.row.key.netns) {
                self.remember(brief);
            }
        }
        self.has_listed = true;
        self.covered = self.coverage.clone();
        self.read_at = Some(earliest);
        SocketTable {
            rows,
            changes,
            ended: self.ended.clone(),
            forgotten: self.forgotten,
            ..SocketTable::default()
        }
    }

    /// The row for a socket that is new or has changed.
    fn enter(&self, mut row: Arc<SocketRow>, place: u32, at: Timestamp) -> Arc<SocketRow> {
        let SocketRow { key, socket, observed_at, .. } = Arc::make_mut(&mut row);
        let (key, observed_at) = (*key, *observed_at);
        socket.service = services::of_socket(socket);
        let (first_seen, changed_at, appeared) = match self.known.at(place) {
            None => {
                meter::begin(socket, observed_at);
                (at, None, self.has_listed && self.covered.covers(key.netns))
            }
            Some(before) => {
                // An unchanged row keeps its time: the look before may be later than that.
                let since =
                    self.read_at.map_or(before.observed_at, |at| at.max(before.observed_at));
                meter::compare(&before.socket, since, socket, observed_at);
                let is_changed = matters(&before.socket, socket);
                let changed_at = if is_changed { Some(at) } else { before.changed_at };
                (before.socket.first_seen.unwrap_or(at), changed_at, before.appeared)
            }
        };
        let fresh = Arc::make_mut(&mut row);
        fresh.socket.first_seen = Some(first_seen);
        (fresh.changed_at, fresh.appeared) = (changed_at, appeared);
        row
    }

    /// Makes `now` the live rows: those that are missing ended. Returns them in order.
    fn settle(
        &mut self,
        now: Vec<Option<Arc<SocketRow>>>,
        added: Vec<u32>,
        at: Timestamp,
        changes: &mut TableChanges,
    ) -> Vec<Arc<SocketRow>> {
        let mut unordered = added;
        let mut order = std::mem::take(&mut self.order);
        order.retain(|&place| {
            let Some(row) = &now[place as usize] else {
                self.end(place, at, changes);
                return false;
            };
            let stays = self.known.at(place).is_some_and(|before| {
                Arc::ptr_eq(before, row) || before.socket.cmp_canonical(&row.socket).is_eq()
            });
            if !stays {
                unordered.push(place);
            }
            stays
        });
        self.spare = self.known.replace(now);
        self.spare.clear();
        self.order = merge(&self.known, order, unordered);
        self.order.iter().filter_map(|&place| self.known.at(place)).map(Arc::clone).collect()
    }

    /// The row at this place was not listed any more.
    fn end(&mut self, place: u32, at: Timestamp, changes: &mut TableChanges) {
        let Some(row) = self.known.forget(place) else { return };
        let key = row.key;
        let told = self.told.complete(row);
        if self.coverage.covers(key.netns) {
            changes.removed.push(key);
            // What is left of a connection that is in the history already is none of its own.
            told.into_iter().for_each(|row| self.remember(EndedRow { row, ended_at: at }));
        } else {
            // Out of sight, which says nothing of it.
            changes.hidden.push(key);
        }
    }

    fn remember(&mut self, ended: EndedRow) {
        if self.ended.len() == HISTORY {
            self.ended.pop_back();
            self.forgotten += 1;
        }
        self.ended.push_front(Arc::new(ended));
    }
}

/// The places `ordered`, which are in canonical order, with `others`, which are few and in none.
fn merge(known: &KnownRows, ordered: Vec<u32>, mut others: Vec<u32>) -> Vec<u32> {
    let compare = |a: u32, b: u32| match (known.at(a), known.at(b)) {
        (Some(a), Some(b)) => a.socket.cmp_canonical(&b.socket),
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    if others.is_empty() {
        return ordered;
    }
    others.sort_by(|&a, &b| compare(a, b));
    let mut merged = Vec::with_capacity(ordered.len() + others.len());
    let mut rest = &ordered[..];
    for other in others {
        let (before, after) = rest.split_at(rest.partition_point(|&p| compare(p, other).is_le()));
        merged.extend_from_slice(before);
        merged.push(other);
        rest = after;
    }
    merged.extend_from_slice(rest);
    merged
}

/// When a socket was read that is new or has changed.
fn read_at(listed: &Listed) -> Option<Timestamp> {
    match listed {
        Listed::Same(..) => None,
        Listed::New(row) => Some(row.observed_at),
    }
}

/// An unchanged row moves nothing: once that is noted, it stays the same row.
fn come_to_rest(row: Arc<SocketRow>, idle: &mut usize) -> Arc<SocketRow> {
    let is_noted = match row.socket.rates {
        Some(rates) => rates.is_idle(),
        None => *idle == 0 || !meter::is_counted(&row.socket),
    };
    if is_noted {
        return row;
    }
    *idle = idle.saturating_sub(1);
    let mut rested = SocketRow::clone(&row);
    rested.socket.rates = Some(Rates::IDLE);
    Arc::new(rested)
}

/// Whether what changed is what a user looks for: the state, or who holds it.
fn matters(before: &Socket, after: &Socket) -> bool {
    before.state != after.state
        || before.ownership.kind != after.ownership.kind
        || !same_holders(&before.owners, &after.owners)
}

fn same_holders(before: &[Owner], after: &[Owner]) -> bool {
    let who = |owner: &Owner| (owner.fd, owner.process.key());
    before.len() == after.len() && before.iter().zip(after).all(|(a, b)| who(a) == who(b))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::model::owner::Ownership;
    use crate::model::socket::{Endpoint, Family, Protocol, SocketId, SocketKey, State};
    use crate::model::tcp::TcpInfo;

    fn key(cookie: u64) -> SocketKey {
        SocketKey { netns: Some(1), id: SocketId::Cookie(cookie) }
    }

    fn listener(cookie: u64, port: u16) -> Listed {
        in_state(cookie, port, State::Listen)
    }

    fn in_state(cookie: u64, port: u16, state: State) -> Listed {
        let local = Endpoint::ip([127, 0, 0, 1], port);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, state, local);
        socket.netns = Some(1);
        socket.cookie = Some(cookie);
        Listed::new(key(cookie), socket, at(-1))
    }

    fn socket_of(listed: &mut Listed) -> &mut Socket {
        let Listed::New(row) = listed else { unreachable!("it is a new one") };
        &mut Arc::get_mut(row).unwrap().socket
    }

    fn same(ledger: &Ledger, cookie: u64) -> Listed {
        let place = ledger.known().place(key(cookie)).unwrap();
        Listed::Same(Arc::clone(ledger.known().at(place).unwrap()), place)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000 + second).unwrap()
    }

    fn ports(table: &SocketTable) -> Vec<u16> {
        table.rows.iter().map(|row| row.socket.local.port.unwrap()).collect()
    }

    #[test]
    fn the_first_listing_is_not_news() {
        let mut ledger = Ledger::default();
        let table = ledger.update(vec![listener(1, 80), listener(2, 22)], at(0));
        assert_eq!(ports(&table), [22, 80]);
        assert!(table.rows.iter().all(|row| !row.appeared));
        assert_eq!(table.rows[0].socket.service.as_deref(), Some("ssh"));
        let table = ledger.update(vec![same(&ledger, 1), same(&ledger, 2), listener(3, 53)], at(1));
        assert_eq!(ports(&table), [22, 53, 80]);
        assert_eq!(table.changes.added, [key(3)]);
        assert!(table.rows[1].appeared);
        assert_eq!(table.rows[1].socket.first_seen, Some(at(1)));
    }

    #[test]
    fn an_unchanged_row_is_the_same_row() {
        let mut ledger = Ledger::default();
        let before = ledger.update(vec![listener(1, 80), listener(2, 22)], at(0));
        let after = ledger.update(vec![same(&ledger, 1), same(&ledger, 2)], at(1));
        for (before, after) in before.rows.iter().zip(&after.rows) {
            assert!(Arc::ptr_eq(before, after));
        }
        assert_eq!(after.changes, TableChanges::default());
    }

    #[test]
    fn a_change_of_state_or_owner_is_told_and_a_longer_queue_is_not() {
        let mut ledger = Ledger::default();
        ledger.update(vec![in_state(1, 80, State::SynSent), listener(2, 22)], at(0));
        let mut queued = listener(2, 22);
        socket_of(&mut queued).recv_q = Some(7);
        let table = ledger.update(vec![in_state(1, 80, State::Established), queued], at(1));
        assert_eq!(table.changes.changed, [key(1)]);
        let (ssh, http) = (&table.rows[0], &table.rows[1]);
        assert_eq!((ssh.changed_at, ssh.socket.recv_q), (None, Some(7)));
        assert_eq!((http.changed_at, http.socket.first_seen), (Some(at(1)), Some(at(0))));
        assert_eq!(http.observed_at, at(-1), "when it was read");
        let mut owned = listener(2, 22);
        socket_of(&mut owned).ownership = Ownership::OWNED;
        let table = ledger.update(vec![same(&ledger, 1), owned], at(2));
        assert_eq!(table.changes.changed, [key(2)]);
    }

    fn connection(cookie: u64, sent: u64, ms: i64) -> Listed {
        let mut listed = in_state(cookie, 80, State::Established);
        let tcp = TcpInfo { bytes_sent: Some(sent), bytes_received: Some(0), ..TcpInfo::default() };
        let socket = socket_of(&mut listed);
        socket.tcp = Some(Box::new(tcp));
        Listed::new(key(cookie), socket.clone(), at(0) + SignedDuration::from_millis(ms))
    }

    #[test]
    fn a_rate_counts_from_the_look_before_and_falls_to_nothing_once() {
        let mut ledger = Ledger::default();
        let sent = |table: &SocketTable| {
            let row = table.rows.iter().find(|row| row.key == key(1)).unwrap();
            row.socket.rates.map(|rates| rates.bytes_sent_per_s)
        };
        let table = ledger.update(vec![connection(1, 0, 0), connection(2, 0, 0)], at(0));
        assert_eq!(sent(&table), None);
        // Another one moves; this one is known to rest.
        let table = ledger.update(vec![same(&ledger, 1), connection(2, 7, 1_000)], at(1));
        assert_eq!(sent(&table), Some(0.0));
        // Not since its row was made, but since the look before.
        let moved = vec![connection(1, 500, 1_500), connection(2, 9, 1_500)];
        assert_eq!(sent(&ledger.update(moved, at(2))), Some(1_000.0));
        let rested = ledger.update(vec![same(&ledger, 1), same(&ledger, 2)], at(3));
        assert_eq!(sent(&rested), Some(0.0));
        assert_eq!(rested.changes, TableChanges::default());
        let later = ledger.update(vec![same(&ledger, 1), same(&ledger, 2)], at(4));
        for (before, after) in rested.rows.iter().zip(&later.rows) {
            assert!(Arc::ptr_eq(before, after));
        }
    }

    #[test]
    fn a_large_table_comes_to_rest_in_steps() {
        let mut ledger = Ledger::default();
        let count = 2 * IDLE_A_LOOK as u64 + 1;
        ledger.update((0..count).map(|n| connection(n, 0, 0)).collect(), at(0));
        let mut known = || {
            let listed = (0..count).map(|n| same(&ledger, n)).collect();
            let table = ledger.update(listed, at(1));
            table.rows.iter().filter(|row| row.socket.rates.is_some()).count() as u64
        };
        assert_eq!([known(), known(), known()], [2_000, 4_000, count]);
        let mut ledger = Ledger::default();
        ledger.measure_all();
        ledger.update((0..count).map(|n| connection(n, 0, 0)).collect(), at(0));
        let table = ledger.update((0..count).map(|n| same(&ledger, n)).collect(), at(1));
        assert!(table.rows.iter().all(|row| row.socket.rates.is_some()));
    }

    #[test]
    fn what_goes_out_of_sight_has_not_ended_and_comes_back_unmarked() {
        let elsewhere = |cookie| {
            let key = SocketKey { netns: Some(2), ..key(cookie) };
            let socket = Socket { netns: Some(2), ..socket_of(&mut listener(cookie, 80)).clone() };
            Listed::new(key, socket, at(-1))
        };
        let mut ledger = Ledger::default();
        ledger.cover(Coverage::Own(Some(1)));
        ledger.update(vec![listener(1, 80)], at(0));
        // Widened: what is there has been there before.
        ledger.cover(Coverage::default());
        let table = ledger.update(vec![same(&ledger, 1), elsewhere(1)], at(1));
        assert_eq!(table.changes.added.len(), 1, "the same cookie in another namespace");
        assert!(table.rows.iter().all(|row| !row.appeared));
        // What opens from now on is new.
        ledger.cover(Coverage::default());
        let table = ledger.update(vec![same(&ledger, 1), elsewhere(1), elsewhere(2)], at(2));
        let appeared = |row: &&Arc<SocketRow>| row.appeared;
        assert_eq!(table.rows.iter().filter(appeared).count(), 1);
        // One namespace cannot be entered any more, or is not wanted.
        for coverage in [Coverage::AllBut(vec![2]), Coverage::Own(Some(1))] {
            ledger.cover(coverage);
            let table = ledger.update(vec![same(&ledger, 1)], at(3));
            assert_eq!((table.rows.len(), table.ended.len()), (1, 0));
            assert_eq!(table.changes.removed, []);
            ledger.cover(Coverage::default());
            ledger.update(vec![same(&ledger, 1), elsewhere(1), elsewhere(2)], at(4));
        }
        // A namespace that is gone took its sockets along.
        ledger.cover(Coverage::default());
        let table = ledger.update(vec![same(&ledger, 1)], at(5));
        assert_eq!((table.changes.removed.len(), table.ended.len()), (2, 2));
    }

    #[test]
    fn what_ends_is_remembered_and_what_returns_is_new() {
        let mut ledger = Ledger::default();
        ledger.update(vec![listener(1, 80)], at(0));
        let table = ledger.update(vec![], at(1));
        assert_eq!(table.changes.removed, [key(1)]);
        assert!(table.rows.is_empty());
        assert_eq!(table.find_ended(key(1)).unwrap().ended_at, at(1));
        // The same port, but another socket.
        let table = ledger.update(vec![listener(2, 80)], at(2));
        assert_eq!(table.changes.added, [key(2)]);
        assert_eq!(table.find(key(2)).unwrap().socket.first_seen, Some(at(2)));
        assert_eq!(table.ended.len(), 1);
    }

    #[test]
    fn the_history_is_bounded_and_counts_what_it_forgets() {
        let mut ledger = Ledger::default();
        let many = (0..HISTORY as u64 + 5).map(|n| listener(n, 80)).collect();
        ledger.update(many, at(0));
        let table = ledger.update(vec![], at(1));
        assert_eq!((table.ended.len(), table.forgotten), (HISTORY, 5));
    }

    #[test]
    fn a_socket_told_twice_is_one_row() {
        let mut ledger = Ledger::default();
        let twice = vec![in_state(1, 80, State::Established), in_state(1, 80, State::TimeWait)];
        let table = ledger.update(twice, at(0));
        assert_eq!(table.rows.len(), 1);
        assert_eq!(table.rows[0].socket.state, State::TimeWait);
        assert_eq!(table.changes.added.len(), 1);
    }

    #[test]
    fn a_row_that_moves_in_the_order_is_moved() {
        let mut ledger = Ledger::default();
        ledger.update(vec![in_state(1, 90, State::Bound), listener(2, 80)], at(0));
        let table = ledger.update(vec![in_state(1, 70, State::Bound), same(&ledger, 2)], at(1));
        assert_eq!(ports(&table), [70, 80]);
    }

    /// An hour of looks, each of which finds a part of the sockets ended and others in their
    /// place: what is kept stays bounded, and rows that nobody needs are let go.
    #[test]
    fn an_hour_of_churn_leaves_nothing_behind() {
        const LIVE: u64 = 400;
        const CHURN: u64 = 40;
        let mut ledger = Ledger::default();
        let mut samples = Vec::new();
        for look in 0..3_600 {
            let born = look * CHURN;
            let old = born.saturating_sub(LIVE - CHURN)..born;
            let mut listed: Vec<Listed> = old.map(|cookie| same(&ledger, cookie)).collect();
            listed.extend((born..born + CHURN).map(|cookie| connection(cookie, cookie, 0)));
            let table = ledger.update(listed, at(look as i64));
            samples.push(Arc::downgrade(table.find(key(born)).unwrap()));
        }
        let (live, capacity) = (LIVE as usize, 8 * LIVE as usize);
        assert_eq!((ledger.order.len(), ledger.known.len(), ledger.spare.len()), (live, live, 0));
        assert!(ledger.known.places().max(ledger.spare.capacity()) < capacity);
        assert_eq!(ledger.ended.len(), HISTORY);
        // Of each look's new rows one is a sample: those live on that are listed or remembered.
        let alive = samples.iter().filter(|row| row.strong_count() > 0).count();
        assert!(alive <= (HISTORY + live) / CHURN as usize, "{alive} rows are kept");
    }
}
