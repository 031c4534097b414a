//! What a source of facts can and cannot tell right now, as data that every view shows.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether a source delivers what it promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// Everything that this source can tell is there.
    Ready,
    /// Something is missing or late; `reason` says what.
    Degraded,
    /// Nothing comes from this source; `reason` says why.
    Unavailable,
}

/// Where facts come from, each under the name that JSON and the screen have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The socket table as a whole.
    Sockets,
    /// TCP and UDP sockets by sock_diag(7).
    SockDiag,
    /// MPTCP sockets by sock_diag(7).
    MptcpDiag,
    /// Raw sockets by sock_diag(7), else `/proc/net/raw`.
    RawDiag,
    /// UNIX sockets by sock_diag(7).
    UnixDiag,
    /// Packet sockets by sock_diag(7).
    PacketDiag,
    /// Netlink sockets by sock_diag(7).
    NetlinkDiag,
    /// What only `/proc/net` lists: ping sockets.
    ProcNet,
    /// Sockets that no table of the kernel lists.
    Unlisted,
    /// TCP sockets that hold a port without listening.
    BoundSockets,
    /// Which process holds a socket.
    Owners,
    /// Other network namespaces.
    Netns,
    /// Rules that translate addresses or filter.
    Nat,
    /// The names of addresses.
    Names,
    /// The counters of the network interfaces.
    Interfaces,
    /// The packet capture.
    Capture,
    /// The options of a socket.
    Options,
    /// Programs in the kernel.
    Bpf,
}

impl Source {
    /// The lower-case name used in JSON and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sockets => "sockets",
            Self::SockDiag => "sock_diag",
            Self::MptcpDiag => "mptcp_diag",
            Self::RawDiag => "raw_diag",
            Self::UnixDiag => "unix_diag",
            Self::PacketDiag => "packet_diag",
            Self::NetlinkDiag => "netlink_diag",
            Self::ProcNet => "proc_net",
            Self::Unlisted => "unlisted",
            Self::BoundSockets => "bound_sockets",
            Self::Owners => "owners",
            Self::Netns => "netns",
            Self::Nat => "nat",
            Self::Names => "names",
            Self::Interfaces => "interfaces",
            Self::Capture => "capture",
            Self::Options => "options",
            Self::Bpf => "bpf",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What one source can and cannot tell right now, and what would mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The source.
    pub source: Source,
    /// How it fares.
    pub state: HealthState,
    /// One sentence: what is missing and why. `None` when ready.
    pub reason: Option<String>,
    /// What the user can do about it, if anything.
    pub remedy: Option<String>,
}

impl Health {
    /// A source that delivers everything.
    pub fn ready(source: Source) -> Self {
        Self { source, state: HealthState::Ready, reason: None, remedy: None }
    }

    /// A source that delivers a part.
    pub fn degraded(source: Source, reason: impl Into<String>) -> Self {
        Self { source, state: HealthState::Degraded, reason: Some(reason.into()), remedy: None }
    }

    /// A source that delivers nothing.
    pub fn unavailable(source: Source, reason: impl Into<String>) -> Self {
        Self { state: HealthState::Unavailable, ..Self::degraded(source, reason) }
    }

    /// The same, with what would mend it.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Whether the user should be told.
    pub fn is_troubled(&self) -> bool {
        self.state != HealthState::Ready
    }
}
