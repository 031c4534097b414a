//! Network interfaces and their counters.

use std::io;
use std::net::IpAddr;

use sysinfo::{NetworkData, Networks};

use crate::model::interface::{Interface, Interfaces};
use crate::sys::error::{Error, Result};

/// Every interface with its counters since boot, by name.
pub fn list() -> Result<Interfaces> {
    let networks = networks()?;
    let mut list: Vec<Interface> = networks
        .iter()
        .map(|(name, data)| {
            let mut addresses: Vec<(IpAddr, u8)> =
                data.ip_networks().iter().map(|network| (network.addr, network.prefix)).collect();
            addresses.sort();
            Interface {
                name: name.to_string_lossy().into(),
                addresses,
                mtu_bytes: (data.mtu() > 0).then_some(data.mtu()),
                rx_bytes: data.total_received(),
                rx_packets: data.total_packets_received(),
                rx_errors: data.total_errors_on_received(),
                tx_bytes: data.total_transmitted(),
                tx_packets: data.total_packets_transmitted(),
                tx_errors: data.total_errors_on_transmitted(),
            }
        })
        .collect();
    list.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Interfaces { list })
}

/// Every address of this machine.
pub fn addresses() -> Vec<IpAddr> {
    let Ok(networks) = networks() else { return Vec::new() };
    let networks = networks.values().flat_map(NetworkData::ip_networks);
    networks.map(|network| network.addr).collect()
}

/// The largest packet that an interface takes, without link header.
pub fn mtu(interface: &str) -> Option<u64> {
    list().ok()?.list.into_iter().find(|it| *it.name == *interface)?.mtu_bytes
}

fn networks() -> Result<Networks> {
    Networks::new_with_refreshed_list()
        .map_err(|error| Error::os("list interfaces", io::Error::other(error.to_string())))
}
