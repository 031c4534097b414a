//! The socket table as a feed carries it: rows with identities, what changed, and what ended.

mod history;
mod row;

use std::sync::Arc;

use jiff::Timestamp;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};

use super::activity::ListenCounters;
use super::ephemeral::Fullest;
use super::owner::{ProcessKey, Unverified};
use super::socket::{Socket, SocketKey};
pub use history::History;
pub use row::{EndedRow, SocketRow};

/// What one round changed, by key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableChanges {
    /// Seen for the first time.
    pub added: Vec<SocketKey>,
    /// Another state or other owners.
    pub changed: Vec<SocketKey>,
    /// Not there any more.
    pub removed: Vec<SocketKey>,
    /// Not looked at any more, since their network namespace is not.
    #[serde(default)]
    pub hidden: Vec<SocketKey>,
}

/// All sockets of one sample, in canonical order, with the collector's own diff.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SocketTable {
    /// Live rows, ordered by [`Socket::cmp_canonical`].
    pub rows: Vec<Arc<SocketRow>>,
    /// Difference from the sample before.
    pub changes: TableChanges,
    /// Recently ended rows, newest first, bounded.
    pub ended: History,
    /// Ended rows that no longer fit the history.
    pub forgotten: u64,
    /// The network namespace that sockpit itself is in; `None` where there is no such thing.
    pub netns: Option<u64>,
    /// The host's name, for headers and exports.
    pub host: Arc<str>,
    /// Whether sockpit may read every process.
    pub privileged: bool,
    /// What the listeners of sockpit's own network namespace turned away; `None` where the
    /// system does not count it.
    pub listen: Option<ListenCounters>,
    /// The same of every other network namespace that is listed.
    #[serde(default)]
    pub listen_elsewhere: Vec<ListenCounters>,
    /// Where connections of sockpit's own network namespace are close to running out of ports.
    #[serde(default)]
    pub fullest: Option<Fullest>,
    /// Whether it has the sockets of every network namespace that could be entered.
    #[serde(default)]
    pub all_netns: bool,
    /// Processes that there was no time to look at, in order: whatever the rows say of them as
    /// owners is as old as it says here, and any socket may have one of them as another owner.
    #[serde(default)]
    pub unverified: Vec<Unverified>,
}

impl SocketTable {
    /// Whether a socket belongs to another network namespace than sockpit, so that its
    /// addresses mean something else than they do here.
    pub fn is_elsewhere(&self, netns: Option<u64>) -> bool {
        self.netns.is_some() && netns.is_some() && self.netns != netns
    }

    /// What listeners in this network namespace turned away.
    pub fn listen_in(&self, netns: Option<u64>) -> Option<ListenCounters> {
        let listed = self.listen.iter().chain(&self.listen_elsewhere);
        listed.copied().find(|counters| counters.netns.is_none() || counters.netns == netns)
    }

    /// As of when it is known what this process holds; `None` when that is certain.
    pub fn as_of(&self, process: ProcessKey) -> Option<Timestamp> {
        as_of(&self.unverified, process)
    }

    /// As of when the owners of this socket are known; `None` when all of them are certain.
    pub fn owners_as_of(&self, socket: &Socket) -> Option<Timestamp> {
        let told = Told { socket, unverified: &self.unverified };
        (0..socket.owners.len()).filter_map(|index| told.as_of(index)).min()
    }

    /// The live row with this key.
    pub fn find(&self, key: SocketKey) -> Option<&Arc<SocketRow>> {
        self.rows.iter().find(|row| row.key == key)
    }

    /// The row that ended with this key, if it is still remembered.
    pub fn find_ended(&self, key: SocketKey) -> Option<Arc<EndedRow>> {
        self.ended.find(key)
    }
}

fn as_of(unverified: &[Unverified], process: ProcessKey) -> Option<Timestamp> {
    let place = unverified.binary_search_by_key(&process, |known| known.process);
    place.ok().map(|place| unverified[place].as_of)
}

/// A socket in the JSON contract's shape, with what is not certain about its owners: each that
/// is told from memory has an `as_of`, and none is the last as long as there are such
/// processes.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The socket.
    pub socket: &'a Socket,
    /// Processes that are told from memory, in order.
    pub unverified: &'a [Unverified],
}

impl Told<'_> {
    /// As of when it is known that the owner at this place holds it; `None` when it is certain.
    pub fn as_of(&self, owner: usize) -> Option<Timestamp> {
        as_of(self.unverified, self.socket.owners.get(owner)?.process.key())
    }
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.unverified.is_empty() {
            return self.socket.serialize(serializer);
        }
        let mut value = serde_json::to_value(self.socket).map_err(S::Error::custom)?;
        value["owners_complete"] = false.into();
        for index in 0..self.socket.owners.len() {
            if let Some(as_of) = self.as_of(index) {
                value["owners"][index]["as_of"] = as_of.to_string().into();
            }
        }
        value.serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
