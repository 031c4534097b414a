//! What the kernel told of connections that are over, until the listings agree.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::socket::{SocketKey, State};
use crate::model::table::{EndedRow, SocketRow};
use crate::sys::listing::KnownRows;

/// Ends that were told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Those that are not entered yet.
    waiting: HashMap<SocketKey, EndedRow>,
    /// Those that are, while what the kernel keeps of them is still listed.
    entered: HashSet<SocketKey>,
}

impl Told {
    pub(super) fn add(&mut self, ended: Vec<EndedRow>) {
        self.waiting.extend(ended.into_iter().map(|ended| (ended.row.key, ended)));
    }

    /// A row that is listed no more, with the process that was told where no look had found one: it
    /// may have ended before its connection did. `None` for one that is entered already.
    pub(super) fn complete(&mut self, mut row: Arc<SocketRow>) -> Option<Arc<SocketRow>> {
        let told = self.waiting.remove(&row.key);
        if self.entered.remove(&row.key) {
            return None;
        }
        if let Some(told) = told.filter(|_| row.socket.owners.is_empty()) {
            let socket = &mut Arc::make_mut(&mut row).socket;
            socket.owners.clone_from(&told.row.socket.owners);
            socket.ownership.clone_from(&told.row.socket.ownership);
        }
        Some(row)
    }

    /// Takes out the connections that no listing had while they lived, in the order in which they
    /// ended. What is told of one that is still listed waits until it is not.
    pub(super) fn take_brief(&mut self, known: &KnownRows) -> Vec<EndedRow> {
        let told = std::mem::take(&mut self.waiting).into_iter();
        let (brief, listed): (HashMap<_, _>, HashMap<_, _>) =
            told.partition(|(key, _)| row(known, *key).is_none_or(is_remainder));
        self.waiting = listed;
        self.entered.extend(brief.keys().filter(|key| row(known, **key).is_some()));
        let mut brief: Vec<EndedRow> = brief.into_values().collect();
        brief.sort_by_key(|ended| ended.ended_at);
        brief
    }
}

fn row(known: &KnownRows, key: SocketKey) -> Option<&SocketRow> {
    known.at(known.place(key)?).map(|row| &**row)
}

/// Whether nothing but what TCP keeps of a connection for a minute was ever seen of it.
fn is_remainder(row: &SocketRow) -> bool {
    row.socket.state == State::TimeWait && row.changed_at.is_none()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::owner::{Owner, Ownership, Process};
    use crate::model::socket::{Endpoint, Family, Protocol, Socket};

    fn row(cookie: u64, pid: Option<u32>) -> Arc<SocketRow> {
        let local = Endpoint::ip([127, 0, 0, 1], 80);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Established, local);
        socket.cookie = Some(cookie);
        if let Some(pid) = pid {
            socket.owners = vec![Owner::new(None, Arc::new(Process::named(pid, 0, "x")))];
            socket.ownership = Ownership::OWNED;
        }
        let observed_at = Timestamp::UNIX_EPOCH;
        let key = socket.key();
        Arc::new(SocketRow { key, socket, changed_at: None, appeared: true, observed_at })
    }

    fn known(rows: &[Arc<SocketRow>]) -> KnownRows {
        let mut known = KnownRows::default();
        for row in rows {
            known.enter(row.key);
        }
        known.replace(rows.iter().map(|row| Some(Arc::clone(row))).collect());
        known
    }

    fn ended(cookie: u64, second: i64) -> EndedRow {
        let ended_at = Timestamp::from_second(second).unwrap();
        EndedRow { row: row(cookie, Some(7)), ended_at }
    }

    #[test]
    fn what_was_never_listed_comes_out_in_order_and_once() {
        let mut told = Told::default();
        told.add(vec![ended(3, 30), ended(1, 10), ended(2, 20)]);
        let known = known(&[row(2, None)]);
        let cookies = |rows: Vec<EndedRow>| -> Vec<Option<u64>> {
            rows.iter().map(|ended| ended.row.socket.cookie).collect()
        };
        assert_eq!(cookies(told.take_brief(&known)), [Some(1), Some(3)]);
        assert_eq!(cookies(told.take_brief(&known)), []);
        // The one that was listed ends there, with the process that was told.
        let whole = told.complete(row(2, None)).unwrap();
        assert_eq!(whole.socket.owners[0].process.pid, 7);
        assert_eq!(told.complete(row(2, None)).unwrap().socket.owners, []);
    }

    #[test]
    fn what_was_seen_in_time_wait_alone_is_entered_once() {
        let mut told = Told::default();
        let mut remainder = row(1, None);
        Arc::make_mut(&mut remainder).socket.state = State::TimeWait;
        let mut closed = row(2, None);
        Arc::make_mut(&mut closed).socket.state = State::TimeWait;
        Arc::make_mut(&mut closed).changed_at = Some(Timestamp::UNIX_EPOCH);
        told.add(vec![ended(1, 10), ended(2, 20)]);
        let known = known(&[Arc::clone(&remainder), Arc::clone(&closed)]);
        let brief = told.take_brief(&known);
        assert_eq!(brief.len(), 1);
        assert_eq!(brief[0].row.socket.cookie, Some(1));
        assert_eq!(told.complete(remainder), None);
        assert!(told.complete(closed).is_some());
    }

    #[test]
    fn an_owner_that_was_found_stays() {
        let mut told = Told::default();
        told.add(vec![ended(1, 10)]);
        assert_eq!(told.complete(row(1, Some(9))).unwrap().socket.owners[0].process.pid, 9);
    }
}
