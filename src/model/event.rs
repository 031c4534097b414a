//! What a socket did, or what became of a packet, at the moment that it happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::owner::{Owner, Ownership, Process};
use super::socket::{Endpoint, Family, Protocol, Socket, State};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A program has called connect(2).
    Connect,
    /// The handshake is complete, on either side.
    Established,
    /// A program was given the connection by accept(2).
    Accept,
    /// The connection did not come about; `errno` says why.
    Failed,
    /// The connection is over for this side.
    Closed,
    /// This host has sent a reset; `reason` says why, where the kernel tells.
    ResetSent,
    /// The peer has sent a reset.
    ResetReceived,
    /// A segment was sent again.
    Retransmit,
    /// The kernel has dropped a packet on its way in or out; `reason` says why.
    Dropped,
    /// A UDP socket has sent its first datagram since sockpit watches.
    FirstSend,
    /// A program has read the first datagram of a UDP socket since sockpit watches.
    FirstReceive,
}

impl EventKind {
    /// The lower-case name used in JSON and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Established => "established",
            Self::Accept => "accept",
            Self::Failed => "failed",
            Self::Closed => "closed",
            Self::ResetSent => "reset_sent",
            Self::ResetReceived => "reset_received",
            Self::Retransmit => "retransmit",
            Self::Dropped => "dropped",
            Self::FirstSend => "first_send",
            Self::FirstReceive => "first_receive",
        }
    }

    /// Whether a packet was dropped or a connection reset.
    pub fn is_drop_or_reset(self) -> bool {
        matches!(self, Self::Dropped | Self::ResetSent | Self::ResetReceived)
    }
}

/// Something that happened to a socket, or to a packet (`sockpit.events/1`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketEvent {
    /// What.
    pub event: EventKind,
    /// The protocol; `None` for a packet of one that sockpit has no name for.
    pub protocol: Option<Protocol>,
    /// When.
    pub at: Timestamp,
    /// The process that has opened or accepted the connection, or uses the UDP socket, in sockpit's own PID namespace.
    /// `None` where it is not known, as for a connection that was there before the first event.
    pub pid: Option<u32>,
    /// What its thread calls itself, uncleaned.
    pub name: Option<String>,
    /// The kernel's socket cookie; `None` for a reset or packet that belongs to no socket.
    pub cookie: Option<u64>,
    /// Inode of the network namespace.
    pub netns: u32,
    /// This side. Its port is `None` in a connect whose port the kernel chooses afterwards.
    pub local: Endpoint,
    /// The other side; empty for a UDP socket that is not connected.
    pub remote: Endpoint,
    /// `established`, `failed` and `closed`: since connect, or since the handshake of a connection
    /// that came in. `accept`: how long it waited in the accept queue.
    pub duration_us: Option<u64>,
    /// The same in whole milliseconds.
    pub duration_ms: Option<u64>,
    /// `failed` and `closed`: payload bytes sent over its life, retransmissions included.
    pub bytes_sent: Option<u64>,
    /// `failed` and `closed`: payload bytes received over its life.
    pub bytes_received: Option<u64>,
    /// Name of the error that the socket was left with: `ECONNREFUSED`.
    pub errno: Option<String>,
    /// Why a reset was sent or a packet dropped, by the kernel's name without its prefix:
    /// `NO_SOCKET`.
    pub reason: Option<String>,
}

/// How often something happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventCount {
    /// What.
    pub event: EventKind,
    /// Why, for resets that were sent and packets that were dropped.
    pub reason: Option<String>,
    /// How often.
    pub count: u64,
    /// How often in a second.
    pub per_second: f64,
}

/// Counts events by what and why.
#[derive(Clone, Debug, Default)]
pub struct EventCounts(BTreeMap<(EventKind, Option<String>), u64>);

impl EventCounts {
    /// Counts one.
    pub fn add(&mut self, event: &SocketEvent) {
        *self.0.entry((event.event, event.reason.clone())).or_default() += 1;
    }

    /// The counts of so many seconds, the most frequent first.
    pub fn over(&self, seconds: f64) -> Vec<EventCount> {
        let counts = self.0.iter().map(|((event, reason), count)| {
            let per_second = if seconds > 0.0 { *count as f64 / seconds } else { 0.0 };
            EventCount { event: *event, reason: reason.clone(), count: *count, per_second }
        });
        let mut counts: Vec<EventCount> = counts.collect();
        counts.sort_by_key(|count| std::cmp::Reverse(count.count));
        counts
    }
}

impl SocketEvent {
    /// The socket that it happened to, as far as the event tells: for queries.
    pub fn socket(&self) -> Socket {
        let is_v4 = self.local.addr.is_some_and(|addr| addr.is_ipv4());
        let family = if is_v4 { Family::Ipv4 } else { Family::Ipv6 };
        let state = match self.event {
            EventKind::Connect | EventKind::Failed => State::SynSent,
            EventKind::Closed | EventKind::ResetSent | EventKind::Dropped => State::Closed,
            EventKind::FirstSend | EventKind::FirstReceive if self.remote.port.is_none() => {
                State::Unconnected
            }
            EventKind::FirstSend | EventKind::FirstReceive => State::Connected,
            EventKind::Established
            | EventKind::Accept
            | EventKind::ResetReceived
            | EventKind::Retransmit => State::Established,
        };
        let protocol = self.protocol.unwrap_or(Protocol::Raw);
        let mut socket = Socket::new(family, protocol, state, self.local.clone());
        socket.remote = Some(self.remote.clone());
        socket.netns = Some(self.netns.into());
        socket.cookie = self.cookie;
        if let Some(pid) = self.pid {
            let process = Process::named(pid, 0, self.name.clone().unwrap_or_default());
            socket.owners = vec![Owner::new(None, Arc::new(process))];
            socket.ownership = Ownership::OWNED;
        }
        socket
    }
}
