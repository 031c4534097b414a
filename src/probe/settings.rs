//! How to probe.

use std::net::IpAddr;
use std::time::Duration;

/// How often, how patiently, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Rounds to run; `None` runs until told to stop. A round tries the target's addresses in
    /// order until one answers.
    pub count: Option<u64>,
    /// From the start of one round to the start of the next; a longer round delays the next.
    pub interval: Duration,
    /// How long a name look-up and each connect may take.
    pub timeout: Duration,
    /// Connect from this address; `None` lets the routing table choose.
    pub source: Option<IpAddr>,
}

impl Default for Settings {
    /// One round, a second apart from the next, five seconds of patience.
    fn default() -> Self {
        Self {
            count: Some(1),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            source: None,
        }
    }
}
