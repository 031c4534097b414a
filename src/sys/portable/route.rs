//! Routing decisions: no portable interface tells of them.

use std::net::{IpAddr, SocketAddr};

use crate::model::route_table::RouteEntry;
use crate::sys::error::{Error, Result};
use crate::sys::routing::Route;

/// The way that a TCP segment to `destination` would go.
pub fn lookup(destination: SocketAddr, _source: Option<IpAddr>) -> Result<Route> {
    let what = format!("the route to {}", destination.ip());
    Err(Error::unsupported(what, "only on Linux does sockpit ask for routes"))
}

/// The routing table of this host.
pub fn table() -> Result<Vec<RouteEntry>> {
    Err(Error::unsupported("the routing table", "only on Linux does sockpit read it"))
}
