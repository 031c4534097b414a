//! Network interfaces of this network namespace.
//!
//! Counters come from `/proc/net/dev`: what sysfs shows belongs to the namespace that mounted
//! it, which is not always the one that we are in.

mod ifaddrs;

use std::fs;
use std::net::IpAddr;

use crate::model::interface::{Interface, Interfaces};
use crate::sys::error::{Error, Result};

const COUNTERS: &str = "/proc/thread-self/net/dev";

/// Every interface with its counters since boot, by name.
pub fn list() -> Result<Interfaces> {
    let text = fs::read_to_string(COUNTERS)
        .map_err(|error| Error::os(format!("read interface counters in {COUNTERS}"), error))?;
    let addresses = ifaddrs::addresses()?;
    let mut list: Vec<Interface> = text.lines().filter_map(parse).collect();
    for interface in &mut list {
        let own = addresses.iter().filter(|address| address.interface == *interface.name);
        interface.addresses = own.map(|address| (address.addr, address.prefix)).collect();
        interface.addresses.sort();
        interface.mtu_bytes = ifaddrs::mtu(&interface.name);
    }
    list.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Interfaces { list })
}

/// Every address of this machine, empty where the system does not tell.
pub fn addresses() -> Vec<IpAddr> {
    let addresses = ifaddrs::addresses().unwrap_or_default();
    addresses.into_iter().map(|address| address.addr).collect()
}

/// The largest packet that an interface takes, without link header.
pub fn mtu(interface: &str) -> Option<u64> {
    ifaddrs::mtu(interface)
}

/// A line of `/proc/net/dev`: a name, a colon, eight numbers for what came and eight for what
/// went, each half beginning with bytes, packets, errors. The two lines above have no colon.
fn parse(line: &str) -> Option<Interface> {
    // An alias has a colon in its name, numbers have none.
    let (name, numbers) = line.rsplit_once(':')?;
    let numbers: Vec<u64> = numbers
        .split_ascii_whitespace()
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()
        .ok()?;
    let [rx_bytes, rx_packets, rx_errors, _, _, _, _, _, tx_bytes, tx_packets, tx_errors, ..] =
        numbers[..]
    else {
        return None;
    };
    Some(Interface {
        name: name.trim().into(),
        addresses: Vec::new(),
        mtu_bytes: None,
        rx_bytes,
        rx_packets,
        rx_errors,
        tx_bytes,
        tx_packets,
        tx_errors,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn a_line_of_counters_is_read() {
        let interface = parse(
            "  eth0: 1234  12    1    2    3     4          5         6   99    9    7    0    0     0       0          0",
        )
        .unwrap();
        assert_eq!(&*interface.name, "eth0");
        assert_eq!((interface.rx_bytes, interface.rx_packets, interface.rx_errors), (1234, 12, 1));
        assert_eq!((interface.tx_bytes, interface.tx_packets, interface.tx_errors), (99, 9, 7));
        for head in [
            "Inter-|   Receive                                                |  Transmit",
            " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs",
            "eth0: 1 2 3",
        ] {
            assert!(parse(head).is_none(), "{head}");
        }
    }

    #[test]
    fn loopback_is_listed_with_its_mtu() {
        let interfaces = list().unwrap();
        let lo = interfaces.list.iter().find(|interface| &*interface.name == "lo").unwrap();
        assert!(lo.mtu_bytes.unwrap() >= 1280);
        assert!(interfaces.list.is_sorted_by(|a, b| a.name < b.name));
        let own = interfaces.list.iter().flat_map(|interface| &interface.addresses);
        let mut own: Vec<IpAddr> = own.map(|(addr, _)| *addr).collect();
        let mut all = addresses();
        own.sort();
        all.sort();
        assert_eq!(own, all);
    }
}
