//! Lines of a routing table.

use std::net::IpAddr;

use serde::Serialize;

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteEntry {
    /// The network.
    pub destination: IpAddr,
    /// Its prefix length.
    pub prefix: u8,
    /// The router; `None` where the network is on the link.
    pub gateway: Option<IpAddr>,
    /// The interface.
    pub interface: String,
    /// Of several the smaller one counts.
    pub metric: u32,
}
