//! The socket table as a feed carries it: rows with identities, what changed, and what ended.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::socket::{Socket, SocketKey};

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
}

/// A row that ended, kept in the bounded history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndedRow {
    /// The last that was known.
    pub row: Arc<SocketRow>,
    /// When it was first found missing.
    pub ended_at: Timestamp,
}

/// What one round changed, by key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableChanges {
    /// Seen for the first time.
    pub added: Vec<SocketKey>,
    /// Another state or other owners.
    pub changed: Vec<SocketKey>,
    /// Not there any more.
    pub removed: Vec<SocketKey>,
}

/// All sockets of one sample, in canonical order, with the collector's own diff.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SocketTable {
    /// Live rows, ordered by [`Socket::cmp_canonical`].
    pub rows: Vec<Arc<SocketRow>>,
    /// Difference from the sample before.
    pub changes: TableChanges,
    /// Recently ended rows, newest first, bounded.
    pub ended: VecDeque<Arc<EndedRow>>,
    /// Ended rows that no longer fit the history.
    pub forgotten: u64,
    /// The host's name, for headers and exports.
    pub host: Arc<str>,
    /// Whether sockpit may read every process.
    pub privileged: bool,
}

impl SocketTable {
    /// The live row with this key.
    pub fn find(&self, key: SocketKey) -> Option<&Arc<SocketRow>> {
        self.rows.iter().find(|row| row.key == key)
    }

    /// The row that ended with this key, if it is still remembered.
    pub fn find_ended(&self, key: SocketKey) -> Option<&Arc<EndedRow>> {
        self.ended.iter().find(|ended| ended.row.key == key)
    }
}
