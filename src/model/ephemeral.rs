//! How full the range is that ports of outgoing connections are taken from.

mod fullest;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::health::Health;
use super::why::{TrialBind, WhyFinding};

pub use fullest::{Fullest, fullest};

/// The answer to `why 0` (`sockpit.why/1`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EphemeralReport {
    /// As the user wrote it: `0`, `0/udp`.
    pub target: String,
    /// UDP instead of TCP.
    pub udp: bool,
    /// Whether a bind of port 0 is given a port.
    pub bindable: bool,
    /// The binds of port 0 that were tried.
    pub trial: Vec<TrialBind>,
    /// What ought to be known, the gravest first.
    pub findings: Vec<WhyFinding>,
    /// The range; `None` where the system does not tell.
    pub range: Option<EphemeralRange>,
    /// Who is connected to by ports of the range, the fullest first; at most
    /// [`EphemeralReport::MOST`]. Empty for UDP, which has no such thing.
    pub destinations: Vec<Destination>,
    /// How many destinations more there are.
    pub destinations_more: usize,
    /// What the sources could not tell.
    pub health: Vec<Health>,
}

impl EphemeralReport {
    /// More destinations than this are only counted.
    pub const MOST: usize = 10;
}

/// A range of ports and how much of it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EphemeralRange {
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
    /// Ports of it that are not reserved.
    pub usable: u32,
    /// Usable ports that some socket has, on any address: a bind of port 0 is not given them.
    pub used: u32,
    /// Of these, the ports that only closed connections in TIME_WAIT have.
    pub time_wait: u32,
}

/// One source address, destination address and destination port: a port can be taken once for
/// each of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Source address.
    pub local_addr: IpAddr,
    /// Destination address.
    pub remote_addr: IpAddr,
    /// Destination port.
    pub remote_port: u16,
    /// Ports of the range that it has no use for any more: its own connections, and ports that
    /// a bind has taken.
    pub used: u32,
    /// Of these, closed connections in TIME_WAIT.
    pub time_wait: u32,
    /// `used` in per cent of the usable ports, rounded down.
    pub percent: u32,
    /// Whose connections they are, most first.
    pub holders: Vec<PortUser>,
}

/// A process with ports of the range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortUser {
    /// Process id.
    pub pid: u32,
    /// Its name, uncleaned.
    pub name: String,
    /// How many connections it has.
    pub connections: u32,
}
