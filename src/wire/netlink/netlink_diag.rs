//! `netlink_diag` of `linux/netlink_diag.h`: the request for a dump of netlink sockets, and its
//! records.

use std::borrow::Cow;

use super::{DUMP, HEADER_LEN, Malformed, REQUEST, attributes, inet, socket, u32_at};
use crate::model::socket::{Family, NetlinkSocket, Protocol, Socket, State};

/// Length of a dump request with its netlink header.
pub const REQUEST_LEN: usize = HEADER_LEN + 20;
/// `sizeof(struct netlink_diag_msg)`.
pub const RECORD_LEN: usize = 28;

const AF_NETLINK: u8 = 16;
/// `NDIAG_PROTO_ALL`: sockets of every netlink family.
const EVERY_FAMILY: u8 = 0xff;
/// `NDIAG_SHOW_MEMINFO`.
const SHOW: u32 = 0x01;
/// `NETLINK_DIAG_MEMINFO`.
const MEMINFO: u16 = 0;

/// The bytes that ask for every netlink socket (`struct netlink_diag_req`).
pub fn request(sequence: u32) -> [u8; REQUEST_LEN] {
    let mut bytes = [0; REQUEST_LEN];
    bytes[0..4].copy_from_slice(&(REQUEST_LEN as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&inet::BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&(REQUEST | DUMP).to_ne_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
    bytes[16] = AF_NETLINK;
    bytes[17] = EVERY_FAMILY;
    bytes[24..28].copy_from_slice(&SHOW.to_ne_bytes());
    bytes
}

/// One socket as the kernel dumped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Netlink family: 0 for routing, 4 for sock_diag, 16 for generic netlink, …
    pub family: u8,
    /// Whether it has a peer.
    pub is_connected: bool,
    /// Its address, 0 for the kernel's own.
    pub port_id: u32,
    /// The peer's address.
    pub peer_port_id: u32,
    /// sockfs inode, 0 for none.
    pub inode: u32,
    /// Socket cookie.
    pub cookie: u64,
    /// `SK_MEMINFO_*`, as many as the kernel has.
    pub memory: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
    /// Reads a record from a message's payload.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Malformed> {
        let cut = Malformed { what: "netlink_diag_msg", need: RECORD_LEN, have: payload.len() };
        let (fixed, rest) = payload.split_at_checked(RECORD_LEN).ok_or(cut)?;
        let word = |at| u32_at(fixed, at).ok_or(cut);
        let mut record = Self {
            family: fixed[2],
            is_connected: fixed[3] == 1,
            port_id: word(4)?,
            peer_port_id: word(8)?,
            inode: word(16)?,
            cookie: u64::from(word(20)?) | u64::from(word(24)?) << 32,
            memory: None,
        };
        for attribute in attributes(rest) {
            let (kind, value) = attribute?;
            if kind == MEMINFO {
                record.memory = Some(value);
            }
        }
        Ok(record)
    }
}

/// Overwrites everything in `socket` that a record tells; owners, service and first sight stay
/// as they are. The kernel does not tell the user.
pub fn fill(socket: &mut Socket, record: &Record<'_>) {
    socket::forget(socket);
    socket.family = Family::Netlink;
    socket.protocol = Protocol::Netlink;
    socket.state = if record.is_connected { State::Connected } else { State::Unconnected };
    socket.protocol_number = Some(record.family.into());
    // Address 0 is that of the kernel's own sockets, to which no descriptor refers.
    socket.inode = Some(if record.port_id == 0 { 0 } else { u64::from(record.inode) });
    socket.cookie = Some(record.cookie);
    socket::set_memory(socket, record.memory);
    socket.netlink = Some(Box::new(NetlinkSocket {
        family: family_name(record.family),
        port_id: record.port_id,
        peer_port_id: record.is_connected.then_some(record.peer_port_id),
    }));
}

/// `NETLINK_*` of `linux/netlink.h`, in the short names of `ss`.
fn family_name(family: u8) -> Cow<'static, str> {
    Cow::Borrowed(match family {
        0 => "rtnl",
        2 => "usersock",
        3 => "fw",
        4 => "sockdiag",
        5 => "nflog",
        6 => "xfrm",
        7 => "selinux",
        8 => "iscsi",
        9 => "audit",
        10 => "fiblookup",
        11 => "connector",
        12 => "nft",
        13 => "ip6fw",
        14 => "dec-rt",
        15 => "uevent",
        16 => "genl",
        18 => "scsi-trans",
        19 => "ecryptfs",
        20 => "rdma",
        21 => "crypto",
        22 => "smc",
        other => return Cow::Owned(other.to_string()),
    })
}
