//! The way that this host would send a packet.

use std::net::IpAddr;

/// What the routing table decides for one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Whether the destination is this very host.
    pub is_local: bool,
    /// Name of the interface that packets leave by; its number where it has no name.
    pub interface: Option<String>,
    /// The first router; `None` where the destination is on the link, or this host.
    pub gateway: Option<IpAddr>,
}
