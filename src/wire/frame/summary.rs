//! The few facts of a frame that are counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a frame carries, as far as its bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What stands between the link header and the transport header.
    pub layers: Layers,
    /// The network layer.
    pub network: Network,
    /// Whether a header went beyond the bytes at hand: more would have been known.
    pub truncated: bool,
}

impl Summary {
    pub(super) const UNREADABLE: Self =
        Self { layers: Layers::NONE, network: Network::Unreadable, truncated: false };

    /// The IP header, where there is one.
    pub fn ip(&self) -> Option<&Ip> {
        match &self.network {
            Network::Ip(ip) => Some(ip),
            _ => None,
        }
    }
}

/// The network layer of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// IPv4 or IPv6 with a readable header.
    Ip(Ip),
    /// Another protocol, or an IP header that the capture cut, by EtherType.
    EtherType(u16),
    /// An IEEE 802.2 LLC frame, by its destination service access point.
    Llc(u8),
    /// A protocol of Cisco's, by its number behind SNAP or in Cisco HDLC.
    Cisco(u16),
    /// Nothing beyond the layers that [`Summary::layers`] names.
    Beyond,
    /// The headers make no sense, or the link type is not one that sockpit reads.
    Unreadable,
}

/// An IP header (RFC 791, RFC 8200) and what follows its extension headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip {
    /// Where from.
    pub source: Address,
    /// Where to.
    pub destination: Address,
    /// IP protocol number after all extension headers that could be read.
    pub protocol: u8,
    /// What is known of the transport header.
    pub transport: Transport,
    /// The identification that the fragments of one packet share; `None` for a whole packet.
    pub fragment: Option<u32>,
    /// The IP header that this one carries, in a tunnel by IP (RFC 2003, 4213) or GRE (RFC 2784).
    pub inner: Option<Inner>,
}

/// An IP header within a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inner {
    /// IPv4, otherwise IPv6.
    pub is_v4: bool,
    /// IP protocol number after all extension headers that could be read.
    pub protocol: u8,
}

/// An IP address as a number, so that comparing and hashing cost little.
/// Ordered like [`IpAddr`]: IPv4 first, then by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// IPv4.
    V4(u32),
    /// IPv6, as two halves: a u128 would align the summary to 16 bytes.
    V6(u64, u64),
}

impl Address {
    /// Whether this is IPv4.
    pub fn is_v4(self) -> bool {
        matches!(self, Self::V4(_))
    }
}

impl From<[u8; 4]> for Address {
    fn from(octets: [u8; 4]) -> Self {
        Self::V4(u32::from_be_bytes(octets))
    }
}

impl From<[u8; 16]> for Address {
    fn from(octets: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(octets);
        Self::V6((number >> 64) as u64, number as u64)
    }
}

impl From<Address> for IpAddr {
    fn from(address: Address) -> Self {
        match address {
            Address::V4(number) => Ipv4Addr::from_bits(number).into(),
            Address::V6(high, low) => {
                Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).into()
            }
        }
    }
}

impl From<IpAddr> for Address {
    fn from(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(v4) => v4.octets().into(),
            IpAddr::V6(v6) => v6.octets().into(),
        }
    }
}

/// The part of the transport header that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP: ports and the flags of RFC 9293, 3.1 (`None` where the frame ends before them).
    Tcp {
        /// Sender's port.
        source: u16,
        /// Receiver's port.
        destination: u16,
        /// CWR ECE URG ACK PSH RST SYN FIN, from the highest bit down.
        flags: Option<u8>,
    },
    /// UDP, UDP-Lite, SCTP or DCCP.
    Ports {
        /// Sender's port.
        source: u16,
        /// Receiver's port.
        destination: u16,
        /// Whether it asks for an association: SCTP's INIT chunk (RFC 9260, 3.3.2).
        opens: bool,
    },
    /// ICMP or ICMPv6.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// The identifier of an echo.
        ident: Option<u16>,
    },
    /// A fragment after the first: the transport header went with the first one.
    LaterFragment,
    /// A protocol without ports, or a header that is not (wholly) there.
    None,
}

impl Transport {
    /// Source and destination port, where the frame holds them.
    pub fn ports(self) -> Option<(u16, u16)> {
        match self {
            Self::Tcp { source, destination, .. } | Self::Ports { source, destination, .. } => {
                Some((source, destination))
            }
            Self::Icmp { .. } | Self::LaterFragment | Self::None => None,
        }
    }
}

/// FIN bit of the TCP flags.
pub const TCP_FIN: u8 = 0x01;

/// SYN bit of the TCP flags.
pub const TCP_SYN: u8 = 0x02;

/// RST bit of the TCP flags.
pub const TCP_RST: u8 = 0x04;

/// ACK bit of the TCP flags.
pub const TCP_ACK: u8 = 0x10;

/// A set of the headers that stand between link and transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layers(u16);

impl Layers {
    /// No such header.
    pub const NONE: Self = Self(0);
    /// IEEE 802.1Q or 802.1ad tags, one or more.
    pub const VLAN: Self = Self(1);
    /// MPLS labels (RFC 3032).
    pub const MPLS: Self = Self(1 << 1);
    /// A PPPoE session (RFC 2516).
    pub const PPPOE: Self = Self(1 << 2);
    /// A fragment of an IP packet, first or later.
    pub const FRAGMENT: Self = Self(1 << 3);
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: Self = Self(1 << 4);
    /// IPv6 routing header.
    pub const ROUTING: Self = Self(1 << 5);
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: Self = Self(1 << 6);
    /// IP authentication header (RFC 4302).
    pub const AUTHENTICATION: Self = Self(1 << 7);
    /// IEEE 802.11.
    pub const WIRELESS: Self = Self(1 << 8);
    /// How many kinds there are.
    pub const KINDS: usize = 9;

    /// Lower-case names, by bit.
    pub const NAMES: [&'static str; Self::KINDS] = [
        "vlan",
        "mpls",
        "pppoe",
        "ip_fragment",
        "ipv6_hop_by_hop",
        "ipv6_routing",
        "ipv6_destination_options",
        "ah",
        "wlan",
    ];

    /// Whether the layer of this bit stands before the network header.
    pub fn is_link(bit: usize) -> bool {
        let link = [Self::VLAN, Self::MPLS, Self::PPPOE, Self::WIRELESS];
        link.iter().any(|layer| layer.0 == 1 << bit)
    }

    /// Adds `other`.
    pub fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether all of `other` is in it.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The numbers of the bits that are set.
    pub fn bits(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let bit = rest.trailing_zeros() as usize;
            rest &= rest.wrapping_sub(1);
            (bit < Self::KINDS).then_some(bit)
        })
    }
}
