//! What TCP_INFO tells, as far as the running kernel fills it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// TCP_INFO (`struct tcp_info` of linux/tcp.h). A field is `None` where the kernel's
/// structure is too short for it, or the state has no such number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TcpInfo {
    /// Smoothed round-trip time.
    pub rtt_us: Option<u32>,
    /// Its mean deviation.
    pub rttvar_us: Option<u32>,
    /// Smallest round-trip time seen.
    pub min_rtt_us: Option<u32>,
    /// Retransmission timeout.
    pub rto_us: Option<u32>,
    /// Congestion window in segments.
    pub cwnd: Option<u32>,
    /// Slow-start threshold in segments; `None` while it is unlimited.
    pub ssthresh: Option<u32>,
    /// Largest segment we send.
    pub snd_mss_bytes: Option<u32>,
    /// Largest segment we expect.
    pub rcv_mss_bytes: Option<u32>,
    /// Path MTU.
    pub pmtu_bytes: Option<u32>,
    /// Segments sent and not acknowledged.
    pub unacked: Option<u32>,
    /// Segments retransmitted since the connection opened.
    pub retransmits: Option<u32>,
    /// Consecutive timeouts of the segment in flight.
    pub backoff: Option<u8>,
    /// Payload bytes sent, retransmissions included.
    pub bytes_sent: Option<u64>,
    /// Payload bytes acknowledged by the peer.
    pub bytes_acked: Option<u64>,
    /// Payload bytes received.
    pub bytes_received: Option<u64>,
    /// Payload bytes sent again.
    pub bytes_retransmitted: Option<u64>,
    /// Segments sent.
    pub segs_out: Option<u32>,
    /// Segments received.
    pub segs_in: Option<u32>,
    /// Most recent delivery rate, bytes a second.
    pub delivery_rate_bytes_per_s: Option<u64>,
    /// Pacing rate, bytes a second; `None` while unlimited.
    pub pacing_rate_bytes_per_s: Option<u64>,
    /// Since data was last sent.
    pub last_data_sent_ms: Option<u32>,
    /// Since data was last received.
    pub last_data_received_ms: Option<u32>,
    /// Window the peer offers.
    pub snd_wnd_bytes: Option<u32>,
    /// Congestion control algorithm.
    pub congestion: Option<Cow<'static, str>>,
}
