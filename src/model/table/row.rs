//! One socket with its identity, while it lives and after it ended.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::socket::{Socket, SocketKey, Timer};
use crate::model::tcp::TcpInfo;

/// One row. Shared between samples for as long as nothing about it changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SocketRow {
    /// Identity.
    pub key: SocketKey,
    /// What is known.
    pub socket: Socket,
    /// When its state or owners last changed; `None` since first sight.
    pub changed_at: Option<Timestamp>,
    /// Whether it appeared after the first sample, so that it is really new.
    pub appeared: bool,
    /// When `socket` was read. Its timer and the times since data moved count from here: they
    /// run on by themselves and do not make a row a changed one.
    pub observed_at: Timestamp,
}

impl SocketRow {
    /// Whether a later look at `at` shows the same as this row: everything equal but owners,
    /// service and first sight, which the look does not tell, and clocks that only ran on.
    pub fn still_shows(&self, later: &Socket, at: Timestamp) -> bool {
        let elapsed_ms = at.as_millisecond() - self.observed_at.as_millisecond();
        let row = &self.socket;
        (row.netns, row.family, row.protocol, row.state)
            == (later.netns, later.family, later.protocol, later.state)
            && (row.cookie, row.inode, row.uid) == (later.cookie, later.inode, later.uid)
            && (row.peer_inode, row.protocol_number) == (later.peer_inode, later.protocol_number)
            && (row.recv_q, row.send_q, row.drops) == (later.recv_q, later.send_q, later.drops)
            && (row.backlog, row.memory, row.v6_only)
                == (later.backlog, later.memory, later.v6_only)
            && (&row.netns_name, &row.mptcp) == (&later.netns_name, &later.mptcp)
            && row.local == later.local
            && row.remote == later.remote
            && (&row.interface, &row.user, &row.cgroup)
                == (&later.interface, &later.user, &later.cgroup)
            && (&row.file, &row.packet, &row.netlink)
                == (&later.file, &later.packet, &later.netlink)
            && same_timer(row.timer, later.timer, elapsed_ms)
            && same_tcp(row.tcp.as_deref(), later.tcp.as_deref(), elapsed_ms)
    }
}

impl SocketRow {
    /// The socket with its clocks at `now`, for as long as nothing else about it changes.
    pub fn as_of(&self, now: Timestamp) -> Cow<'_, Socket> {
        let passed_ms = now.as_millisecond() - self.observed_at.as_millisecond();
        let passed_ms = u32::try_from(passed_ms).unwrap_or(0);
        if passed_ms == 0 || self.socket.tcp.is_none() && self.socket.timer.is_none() {
            return Cow::Borrowed(&self.socket);
        }
        let mut socket = self.socket.clone();
        if let Some(timer) = &mut socket.timer {
            timer.expires_ms = timer.expires_ms.saturating_sub(passed_ms);
        }
        if let Some(tcp) = &mut socket.tcp {
            let clocks = [&mut tcp.last_data_sent_ms, &mut tcp.last_data_received_ms];
            for clock in clocks.into_iter().flatten() {
                *clock = clock.saturating_add(passed_ms);
            }
        }
        Cow::Owned(socket)
    }
}

/// Clocks are read a little apart from the sample's own time.
const CLOCK_TOLERANCE_MS: i64 = 200;

fn same_timer(before: Option<Timer>, after: Option<Timer>, elapsed_ms: i64) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => {
            let expected = i64::from(before.expires_ms) - elapsed_ms;
            (before.kind, before.unanswered) == (after.kind, after.unanswered)
                && is_near(expected, i64::from(after.expires_ms))
        }
        (before, after) => before == after,
    }
}

fn same_tcp(before: Option<&TcpInfo>, after: Option<&TcpInfo>, elapsed_ms: i64) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return before.is_none() == after.is_none();
    };
    let ran_on = |before: Option<u32>, after: Option<u32>| match (before, after) {
        (Some(before), Some(after)) => is_near(i64::from(before) + elapsed_ms, i64::from(after)),
        (before, after) => before == after,
    };
    ran_on(before.last_data_sent_ms, after.last_data_sent_ms)
        && ran_on(before.last_data_received_ms, after.last_data_received_ms)
        && before.same_but_clocks(after)
}

fn is_near(expected_ms: i64, actual_ms: i64) -> bool {
    (expected_ms - actual_ms).abs() <= CLOCK_TOLERANCE_MS
}

/// A row that ended, kept in the bounded history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndedRow {
    /// The last that was known.
    pub row: Arc<SocketRow>,
    /// When it was first found missing.
    pub ended_at: Timestamp,
}
