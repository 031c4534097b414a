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

impl TcpInfo {
    /// Whether everything is equal but the times since data moved, which run by themselves.
    pub fn same_but_clocks(&self, other: &Self) -> bool {
        // Taken apart by name, so that a new field cannot be forgotten here.
        let Self {
            rtt_us,
            rttvar_us,
            min_rtt_us,
            rto_us,
            cwnd,
            ssthresh,
            snd_mss_bytes,
            rcv_mss_bytes,
            pmtu_bytes,
            unacked,
            retransmits,
            backoff,
            bytes_sent,
            bytes_acked,
            bytes_received,
            bytes_retransmitted,
            segs_out,
            segs_in,
            delivery_rate_bytes_per_s,
            pacing_rate_bytes_per_s,
            last_data_sent_ms: _,
            last_data_received_ms: _,
            snd_wnd_bytes,
            congestion,
        } = self;
        (*bytes_sent, *bytes_acked, *bytes_received, *bytes_retransmitted)
            == (
                other.bytes_sent,
                other.bytes_acked,
                other.bytes_received,
                other.bytes_retransmitted,
            )
            && (*segs_out, *segs_in, *unacked, *retransmits, *backoff)
                == (other.segs_out, other.segs_in, other.unacked, other.retransmits, other.backoff)
            && (*rtt_us, *rttvar_us, *min_rtt_us, *rto_us)
                == (other.rtt_us, other.rttvar_us, other.min_rtt_us, other.rto_us)
            && (*cwnd, *ssthresh, *snd_mss_bytes, *rcv_mss_bytes, *pmtu_bytes, *snd_wnd_bytes)
                == (
                    other.cwnd,
                    other.ssthresh,
                    other.snd_mss_bytes,
                    other.rcv_mss_bytes,
                    other.pmtu_bytes,
                    other.snd_wnd_bytes,
                )
            && (*delivery_rate_bytes_per_s, *pacing_rate_bytes_per_s)
                == (other.delivery_rate_bytes_per_s, other.pacing_rate_bytes_per_s)
            && *congestion == other.congestion
    }
}
