//! What only sockets of one family have.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The file that a UNIX socket was bound to. Another file may have its path by now, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketFile {
    /// Its inode, as `stat(2)` tells it; not the inode of the socket itself.
    pub inode: u64,
    /// Major number of the device it is on.
    pub device_major: u32,
    /// Minor number of that device.
    pub device_minor: u32,
}

/// How a packet socket is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketSocket {
    /// What of each packet it deals with.
    pub kind: PacketKind,
    /// Bytes of its ring for receiving; `None` without one.
    pub rx_ring_bytes: Option<u64>,
    /// Bytes of its ring for sending; `None` without one.
    pub tx_ring_bytes: Option<u64>,
    /// Number of the group that shares what arrives (PACKET_FANOUT).
    pub fanout_group: Option<u16>,
    /// How that group shares: `hash`, `lb`, `cpu`, `rollover`, `rnd`, `qm`, `cbpf`, `ebpf`.
    pub fanout_mode: Option<Cow<'static, str>>,
}

/// The type of a packet socket (`packet(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PacketKind {
    /// SOCK_RAW: with the link layer's header.
    Raw,
    /// SOCK_DGRAM: without it.
    Dgram,
    /// SOCK_PACKET, the interface of Linux 2.0.
    Packet,
}

/// How a netlink socket is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetlinkSocket {
    /// With which part of the kernel it speaks: `rtnl`, `genl`, `audit`, …; a number where it
    /// has no name.
    pub family: Cow<'static, str>,
    /// Its address, often its owner's process id; 0 for the kernel's own.
    pub port_id: u32,
    /// The address that it is connected to, 0 for the kernel; `None` without a peer.
    pub peer_port_id: Option<u32>,
}
