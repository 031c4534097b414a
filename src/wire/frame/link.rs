//! How a frame begins: what the registries of link types call it.

/// How a frame begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Ethernet II or IEEE 802.3.
    Ethernet,
    /// Linux cooked capture, version 1.
    LinuxSll,
    /// Linux cooked capture, version 2.
    LinuxSll2,
    /// IPv4 or IPv6 without a link header.
    RawIp,
    /// Four bytes of address family in the byte order of the host that captured (BSD loopback),
    /// or big-endian (OpenBSD).
    Null,
    /// PPP, with or without the HDLC address and control bytes (RFC 1662).
    Ppp,
    /// PPP in HDLC framing, or Cisco HDLC in its place (RFC 1547, 4.3.1).
    PppHdlc,
    /// Cisco HDLC.
    CiscoHdlc,
    /// Frame relay.
    FrameRelay,
    /// FDDI.
    Fddi,
    /// IEEE 802.5 token ring.
    TokenRing,
    /// IEEE 802.11.
    Wireless,
    /// IEEE 802.11 behind a radiotap header.
    Radiotap,
    /// IEEE 802.11 behind a Prism or AVS header.
    PrismOrAvs,
    /// A packet of the Linux firewall's log.
    Nflog,
    /// A packet of OpenBSD's firewall log.
    Pflog,
    /// A per-packet information header that names the link type behind it.
    Ppi,
    /// The link header is already passed; this EtherType follows.
    Payload(u16),
    /// A link type that sockpit does not read, by its number in the registry.
    Unknown(u16),
}

impl Link {
    /// From a link type of the registry at <https://www.tcpdump.org/linktypes.html>.
    pub fn from_link_type(number: u16) -> Self {
        match number {
            0 | 108 => Self::Null,
            1 => Self::Ethernet,
            6 => Self::TokenRing,
            9 => Self::Ppp,
            50 => Self::PppHdlc,
            10 => Self::Fddi,
            // 12 and 14 are what LINKTYPE_RAW was written as before it had a number.
            12 | 14 | 101 | 228 | 229 => Self::RawIp,
            104 => Self::CiscoHdlc,
            107 => Self::FrameRelay,
            105 => Self::Wireless,
            113 => Self::LinuxSll,
            117 => Self::Pflog,
            119 | 163 => Self::PrismOrAvs,
            127 => Self::Radiotap,
            192 => Self::Ppi,
            239 => Self::Nflog,
            276 => Self::LinuxSll2,
            _ => Self::Unknown(number),
        }
    }

    /// The number of the registry for what a packet socket delivers.
    pub fn link_type(self) -> u16 {
        match self {
            Self::Ethernet => 1,
            Self::Unknown(number) => number,
            // What has no form to rely on begins with the network header.
            _ => 101,
        }
    }

    /// From an ARPHRD number of linux/if_arp.h, for what a packet socket of type SOCK_RAW
    /// delivers. `None` where the link header has no form of its own to rely on.
    pub fn from_arphrd(number: u16) -> Option<Self> {
        match number {
            // ARPHRD_ETHER, ARPHRD_LOOPBACK.
            1 | 772 => Some(Self::Ethernet),
            // RAWIP, TUNNEL, TUNNEL6, SIT, IPGRE, IP6GRE, NONE.
            519 | 768 | 769 | 776 | 778 | 823 | 0xfffe => Some(Self::RawIp),
            _ => None,
        }
    }
}
