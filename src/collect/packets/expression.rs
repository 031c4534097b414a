//! Filter expressions in tcpdump's language, with the names that are known here.

use std::net::{IpAddr, ToSocketAddrs};

use crate::catalog::services;
use crate::wire::filter::{Filter, FilterError, Names};

const NAMES: Names = Names { hosts, ports: services::ports_named };

/// Reads an expression. Asks the system for the names of hosts in it, which may take seconds.
pub fn parse_filter(text: &str) -> Result<Filter, FilterError> {
    Filter::parse(text, NAMES)
}

fn hosts(name: &str) -> Vec<IpAddr> {
    let found = (name, 0).to_socket_addrs();
    let mut all: Vec<IpAddr> = found.into_iter().flatten().map(|address| address.ip()).collect();
    all.sort();
    all.dedup();
    all
}
