//! The socket at the other end of a connection within this machine.

use serde::{Deserialize, Serialize};

/// The socket at the other end, and who holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its kernel socket cookie.
    pub cookie: Option<u64>,
    /// Its sockfs inode, 0 for none: the kernel holds it, as a connection that waits to be
    /// accepted.
    pub inode: Option<u64>,
    /// One entry for each descriptor that holds it, by process; empty where nobody does or
    /// nobody may be read.
    pub owners: Vec<PeerOwner>,
}

/// A descriptor that holds the other end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerOwner {
    /// Process id.
    pub pid: u32,
    /// Descriptor number in that process; `None` where a backend knows only the process.
    pub fd: Option<i32>,
    /// Short name, as the system tells it: uncleaned.
    pub name: Box<str>,
}
