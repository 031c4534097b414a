//! What several looks at a socket tell and one look cannot: how fast data moves, since when
//! a queue stands still, and whether more is being dropped.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// Payload a second between the two newest looks, from TCP's cumulative counters. Single
/// precision: there is one of these for each of a hundred thousand rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Bytes sent a second, retransmissions included.
    #[serde(serialize_with = "whole")]
    pub bytes_sent_per_s: f32,
    /// Bytes received a second.
    #[serde(serialize_with = "whole")]
    pub bytes_received_per_s: f32,
}

impl Rates {
    /// Nothing moved.
    pub const IDLE: Self = Self { bytes_sent_per_s: 0.0, bytes_received_per_s: 0.0 };

    /// Whether nothing moved.
    pub fn is_idle(self) -> bool {
        self == Self::IDLE
    }

    /// Both directions together, in whole bytes a second.
    pub fn total(self) -> u64 {
        (f64::from(self.bytes_sent_per_s) + f64::from(self.bytes_received_per_s)).round() as u64
    }
}

/// JSON has whole bytes, as everywhere.
fn whole<S: Serializer>(rate: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(rate.round() as u64)
}

/// Since when queues that hold something have not moved. The true times are at least as long
/// ago: a look tells that nothing moved since the look before it, and no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stalled {
    /// The look at which the reader was last known to read, or at which the socket or its
    /// queue was first seen; `None` when nothing waits to be read.
    pub recv_since: Option<Timestamp>,
    /// The same for what waits to be acknowledged (TCP) or sent (others).
    pub send_since: Option<Timestamp>,
}

impl Stalled {
    /// The older of the two.
    pub fn since(&self) -> Option<Timestamp> {
        match (self.recv_since, self.send_since) {
            (Some(recv), Some(send)) => Some(recv.min(send)),
            (recv, send) => recv.or(send),
        }
    }
}

/// Packets that a socket dropped while sockpit watched it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropGrowth {
    /// How many since first sight.
    pub packets: u32,
    /// The look that found the last of them.
    pub last_at: Timestamp,
}

/// Connections that the listeners of one network namespace turned away since it was made
/// (`TcpExt` of `/proc/net/netstat`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenCounters {
    /// The network namespace that they belong to, where the platform has such a thing.
    pub netns: Option<u64>,
    /// Times that an accept queue was full (`ListenOverflows`).
    pub overflows: u64,
    /// Connection attempts dropped by listeners for any reason, overflows included
    /// (`ListenDrops`).
    pub drops: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_whole_numbers_in_json() {
        let rates = Rates { bytes_sent_per_s: 1_499.6, bytes_received_per_s: 0.0 };
        let json = serde_json::to_string(&rates).unwrap();
        assert_eq!(json, r#"{"bytes_sent_per_s":1500,"bytes_received_per_s":0}"#);
        let read: Rates = serde_json::from_str(&json).unwrap();
        assert_eq!(read.total(), 1_500);
    }

    #[test]
    fn the_older_queue_counts() {
        let at = |second| Timestamp::from_second(second).ok();
        assert_eq!(Stalled { recv_since: at(5), send_since: at(3) }.since(), at(3));
        assert_eq!(Stalled { recv_since: at(5), send_since: None }.since(), at(5));
        assert_eq!(Stalled::default().since(), None);
    }
}
