//! Network interfaces and their counters since boot.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// An interface with its cumulative counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Name.
    pub name: Box<str>,
    /// Addresses with their prefix lengths.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Largest packet without link header.
    pub mtu_bytes: Option<u64>,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Errors while receiving.
    pub rx_errors: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Errors while sending.
    pub tx_errors: u64,
}

/// An IPv6 address of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inet6Address {
    /// Address.
    pub addr: Ipv6Addr,
    /// Bits of its network: an address is deleted only by the length that it was added with.
    pub prefix_len: u8,
    /// Its interface's name.
    pub interface: Box<str>,
    /// Whether it may be bound.
    pub state: AddressState,
}

/// What duplicate address detection (RFC 4862) says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressState {
    /// It may be bound.
    Ready,
    /// Detection has not ended.
    Tentative,
    /// Another host has it, too.
    Duplicate,
}

/// All interfaces, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interfaces {
    /// Ordered by name.
    pub list: Vec<Interface>,
}
