//! What the kernel told of connections that are over, until the listings agree.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::socket::SocketKey;
use crate::model::table::{EndedRow, SocketRow};
use crate::sys::listing::KnownRows;

/// Ends that were told and not entered yet.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<SocketKey, EndedRow>);

impl Told {
    pub(super) fn add(&mut self, ended: Vec<EndedRow>) {
        self.0.extend(ended.into_iter().map(|ended| (ended.row.key, ended)));
    }

    /// A row that is listed no more, with the process that was told where no look had found one: it
    /// may have ended before its connection did.
    pub(super) fn complete(&mut self, mut row: Arc<SocketRow>) -> Arc<SocketRow> {
        let told = self.0.remove(&row.key);
        if let Some(told) = told.filter(|_| row.socket.owners.is_empty()) {
            let socket = &mut Arc::make_mut(&mut row).socket;
            socket.owners.clone_from(&told.row.socket.owners);
            socket.ownership.clone_from(&told.row.socket.ownership);
        }
        row
    }

    /// Takes out the connections that no listing had, in the order in which they ended. What is
    /// told of one that is still listed waits until it is not.
    pub(super) fn take_unlisted(&mut self, known: &KnownRows) -> Vec<EndedRow> {
        let told = std::mem::take(&mut self.0).into_iter();
        let (listed, brief): (HashMap<_, _>, HashMap<_, _>) =
            told.partition(|(key, _)| known.place(*key).is_some());
        self.0 = listed;
        let mut brief: Vec<EndedRow> = brief.into_values().collect();
        brief.sort_by_key(|ended| ended.ended_at);
        brief
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::owner::{Owner, Ownership, Process};
    use crate::model::socket::{Endpoint, Family, Protocol, Socket, State};

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

    fn ended(cookie: u64, second: i64) -> EndedRow {
        let ended_at = Timestamp::from_second(second).unwrap();
        EndedRow { row: row(cookie, Some(7)), ended_at }
    }

    #[test]
    fn what_was_never_listed_comes_out_in_order_and_once() {
        let mut told = Told::default();
        told.add(vec![ended(3, 30), ended(1, 10), ended(2, 20)]);
        let mut known = KnownRows::default();
        known.enter(row(2, None).key);
        let cookies = |rows: Vec<EndedRow>| -> Vec<Option<u64>> {
            rows.iter().map(|ended| ended.row.socket.cookie).collect()
        };
        assert_eq!(cookies(told.take_unlisted(&known)), [Some(1), Some(3)]);
        assert_eq!(cookies(told.take_unlisted(&known)), []);
        // The one that was listed ends there, with the process that was told.
        let whole = told.complete(row(2, None));
        assert_eq!(whole.socket.owners[0].process.pid, 7);
        assert_eq!(told.complete(row(2, None)).socket.owners, []);
    }

    #[test]
    fn an_owner_that_was_found_stays() {
        let mut told = Told::default();
        told.add(vec![ended(1, 10)]);
        assert_eq!(told.complete(row(1, Some(9))).socket.owners[0].process.pid, 9);
    }
}
