//! The route that this host would send a packet by.

use std::net::IpAddr;

use crate::model::probe::RouteKind;

/// What the routing table decides for one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What the routing table says the destination is.
    pub kind: Option<RouteKind>,
    /// Name of the interface that packets leave by; its number where it has no name.
    pub interface: Option<String>,
    /// Its index.
    pub index: Option<u32>,
    /// The first router; `None` where the destination is on the link, or this host.
    pub gateway: Option<IpAddr>,
}

impl Route {
    /// Whether the destination is this very host.
    pub fn is_local(&self) -> bool {
        self.kind == Some(RouteKind::Local)
    }
}
