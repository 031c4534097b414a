//! This host's interfaces, addresses and routes.

use serde::Serialize;

use super::Error;
use crate::model::interface::Interface;
use crate::model::route_table::RouteEntry;
use crate::sys;

/// What this network namespace has.
#[derive(Debug, Serialize)]
pub struct HostAddresses {
    /// By name, with addresses and counters.
    pub interfaces: Vec<Interface>,
    /// The main routing table; `None` where it could not be read.
    pub routes: Option<Vec<RouteEntry>>,
    /// Why the routes are missing.
    pub routes_reason: Option<String>,
}

/// Looks once.
pub fn of_host() -> Result<HostAddresses, Error> {
    let interfaces = sys::interfaces::list()?.list;
    let (routes, routes_reason) = match sys::route::table() {
        Ok(routes) => (Some(routes), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(HostAddresses { interfaces, routes, routes_reason })
}

/// The number of the interface with this name; `None` where there is none.
pub fn interface_index(name: &str) -> Option<u32> {
    sys::resolve::interface_index(name).ok()
}
