//! What waits in a socket: its accept queue, its timer, its memory.

use serde::{Deserialize, Serialize};

/// The accept queue of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backlog {
    /// Connections that wait to be accepted.
    pub queued: u32,
    /// How many may wait: the smaller of `listen(2)`'s backlog and `net.core.somaxconn`.
    pub limit: u32,
}

impl Backlog {
    /// Fill in percent. One connection more than the limit finds room, so that `listen(0)` lets
    /// one in (`sk_acceptq_is_full`, `include/net/sock.h`).
    pub fn percent(self) -> u32 {
        let room = u64::from(self.limit) + 1;
        u32::try_from(u64::from(self.queued) * 100 / room).unwrap_or(u32::MAX)
    }

    /// Whether the next connection would find no room.
    pub fn is_full(self) -> bool {
        self.queued > self.limit
    }

    /// Whether there is little room left, or none: 80 % and more.
    pub fn is_crowded(self) -> bool {
        self.percent() >= 80
    }
}

/// A running timer of a TCP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// What fires.
    pub kind: TimerKind,
    /// Milliseconds until it does.
    pub expires_ms: u32,
    /// How many times in a row it has fired without an answer from the peer.
    #[serde(default)]
    pub unanswered: u8,
}

/// What a TCP timer is for (`idiag_timer`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    /// Retransmission, early retransmission or tail loss probe.
    Retransmit,
    /// Keepalive, or the SYN-ACK timer of a half-open connection.
    Keepalive,
    /// End of TIME_WAIT.
    TimeWait,
    /// Probe of a closed window.
    ZeroWindowProbe,
}

/// Socket memory in bytes (`SK_MEMINFO`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketMemory {
    /// Allocated for receiving.
    pub rmem_alloc_bytes: u32,
    /// Limit for receiving (SO_RCVBUF, doubled by the kernel).
    pub rcvbuf_bytes: u32,
    /// Allocated for sending.
    pub wmem_alloc_bytes: u32,
    /// Limit for sending (SO_SNDBUF, doubled by the kernel).
    pub sndbuf_bytes: u32,
}
