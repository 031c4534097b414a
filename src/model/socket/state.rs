//! States of sockets.

use serde::{Deserialize, Serialize};

/// Connection state: RFC 9293 names for TCP, and what else a socket can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Waiting for connections.
    Listen,
    /// SYN sent, nothing heard.
    SynSent,
    /// Half open: SYN received, the final ACK outstanding.
    SynReceived,
    /// Open in both directions.
    Established,
    /// We closed first; our FIN is not acknowledged yet.
    #[serde(rename = "FIN_WAIT_1")]
    FinWait1,
    /// Our FIN is acknowledged; the peer may still send.
    #[serde(rename = "FIN_WAIT_2")]
    FinWait2,
    /// The peer closed; our process has not.
    CloseWait,
    /// Both closed at once.
    Closing,
    /// The peer closed first, we closed too; our FIN is not acknowledged yet.
    LastAck,
    /// Closed; kept so that late segments hit nothing new.
    TimeWait,
    /// Neither bound nor connected.
    Closed,
    /// Holds a port without listening.
    Bound,
    /// A datagram socket without a peer.
    Unconnected,
    /// A datagram or UNIX socket with a peer.
    Connected,
}

impl State {
    /// Every state, in the order of a connection's life.
    pub const ALL: [Self; 14] = [
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
        Self::Closed,
        Self::Bound,
        Self::Unconnected,
        Self::Connected,
    ];

    /// The RFC 9293 name, or ours where the RFC has none.
    pub fn name(self) -> &'static str {
        match self {
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN_SENT",
            Self::SynReceived => "SYN_RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN_WAIT_1",
            Self::FinWait2 => "FIN_WAIT_2",
            Self::CloseWait => "CLOSE_WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST_ACK",
            Self::TimeWait => "TIME_WAIT",
            Self::Closed => "CLOSED",
            Self::Bound => "BOUND",
            Self::Unconnected => "UNCONNECTED",
            Self::Connected => "CONNECTED",
        }
    }
}
