//! Address families and protocols.

use serde::{Deserialize, Serialize};

/// Address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// AF_INET.
    Ipv4,
    /// AF_INET6.
    Ipv6,
    /// AF_UNIX.
    Unix,
    /// AF_PACKET.
    Packet,
    /// AF_NETLINK.
    Netlink,
    /// AF_VSOCK: `path` has CID and port.
    Vsock,
    /// AF_XDP.
    Xdp,
    /// AF_ALG.
    Alg,
    /// AF_BLUETOOTH.
    Bluetooth,
    /// AF_CAN.
    Can,
    /// AF_KEY.
    Key,
    /// AF_TIPC.
    Tipc,
    /// AF_SMC.
    Smc,
    /// AF_RDS.
    Rds,
    /// AF_QIPCRTR.
    Qrtr,
    /// One that sockpit has no name for.
    Other,
}

/// Transport protocol, or the type of a socket that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// IPPROTO_TCP.
    Tcp,
    /// IPPROTO_UDP.
    Udp,
    /// IPPROTO_UDPLITE.
    Udplite,
    /// IPPROTO_MPTCP: the connection; its subflows are TCP sockets.
    Mptcp,
    /// SOCK_RAW over IP.
    Raw,
    /// Ping sockets: SOCK_DGRAM with IPPROTO_ICMP or IPPROTO_ICMPV6.
    Icmp,
    /// SOCK_STREAM of AF_UNIX, or of another family that has no name for its protocol.
    Stream,
    /// SOCK_DGRAM likewise.
    Dgram,
    /// SOCK_SEQPACKET likewise.
    Seqpacket,
    /// An AF_PACKET socket.
    Packet,
    /// An AF_NETLINK socket.
    Netlink,
}

impl Protocol {
    /// The lower-case name used in JSON, on screen and in queries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Udplite => "udplite",
            Self::Mptcp => "mptcp",
            Self::Raw => "raw",
            Self::Icmp => "icmp",
            Self::Stream => "stream",
            Self::Dgram => "dgram",
            Self::Seqpacket => "seqpacket",
            Self::Packet => "packet",
            Self::Netlink => "netlink",
        }
    }
}

impl Protocol {
    /// The IP protocol number of the packets it sends, where those carry ports.
    pub fn ip_number(self) -> Option<u8> {
        match self {
            Self::Tcp | Self::Mptcp => Some(6),
            Self::Udp => Some(17),
            Self::Udplite => Some(136),
            Self::Raw
            | Self::Icmp
            | Self::Stream
            | Self::Dgram
            | Self::Seqpacket
            | Self::Packet
            | Self::Netlink => None,
        }
    }
}

impl Family {
    /// The lower-case name used in JSON, on screen and in queries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Unix => "unix",
            Self::Packet => "packet",
            Self::Netlink => "netlink",
            Self::Vsock => "vsock",
            Self::Xdp => "xdp",
            Self::Alg => "alg",
            Self::Bluetooth => "bluetooth",
            Self::Can => "can",
            Self::Key => "key",
            Self::Tipc => "tipc",
            Self::Smc => "smc",
            Self::Rds => "rds",
            Self::Qrtr => "qrtr",
            Self::Other => "other",
        }
    }

    /// Whether sockpit reads a table of the kernel's that lists its sockets.
    pub fn has_table(self) -> bool {
        matches!(self, Self::Ipv4 | Self::Ipv6 | Self::Unix | Self::Packet | Self::Netlink)
    }
}
