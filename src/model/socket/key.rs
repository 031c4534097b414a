//! What a socket is known by from look to look.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::protocol::Protocol;
use super::record::Socket;

/// What identifies a socket for as long as it lives, through every re-sorting.
///
/// A cookie is never reused within a boot; a namespace inode only after the namespace is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SocketKey {
    /// The network namespace's inode; `None` where the platform has no such thing.
    pub netns: Option<u64>,
    /// Which socket in it.
    pub id: SocketId,
}

/// The part of a key that names the socket within its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketId {
    /// The kernel's socket cookie.
    Cookie(u64),
    /// A hash of what else does not change while the socket lives, where there is no cookie or
    /// several sockets may have the same.
    Tuple(u64),
}

impl Socket {
    /// The identity of this socket: its cookie, or what else does not change while it lives.
    pub fn key(&self) -> SocketKey {
        let id = match self.cookie {
            Some(cookie) if self.protocol == Protocol::Mptcp => {
                SocketId::Tuple(self.mptcp_hash(cookie))
            }
            Some(cookie) => SocketId::Cookie(cookie),
            None => SocketId::Tuple(self.tuple_hash()),
        };
        SocketKey { netns: self.netns, id }
    }

    /// An accepted MPTCP socket is a copy of its listener, cookie included once anyone has looked
    /// at the listener. Its token is its own, and stays when it is accepted and when its last
    /// descriptor is closed, as the inode does not.
    fn mptcp_hash(&self, cookie: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.protocol, cookie, &self.local, &self.remote).hash(&mut hasher);
        match self.mptcp.as_deref() {
            Some(told) => told.token.hash(&mut hasher),
            None => self.inode.hash(&mut hasher),
        }
        hasher.finish()
    }

    fn tuple_hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.family, self.protocol, &self.local, &self.remote).hash(&mut hasher);
        // Several sockets may share an address by SO_REUSEPORT. An inode is lost on the way to
        // TIME_WAIT, and a pid when the process ends; the row is another one then.
        match self.inode {
            Some(inode) => inode.hash(&mut hasher),
            None => self.owners.first().map(|owner| owner.process.pid).hash(&mut hasher),
        }
        hasher.finish()
    }
}
