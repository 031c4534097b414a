//! The matches and targets of iptables (`linux/netfilter/xt_*.h`, `nf_nat.h`), which the old
//! kernel tables hold and nf_tables knows as `match` and `target`. Numbers are in host order
//! except where the packet's own are compared.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// Holds for every packet.
    Always,
    /// TCP or UDP by its ports.
    Ports {
        /// IPPROTO_TCP or IPPROTO_UDP; `None` for either.
        protocol: Option<u8>,
        /// The destination is in one of these.
        destination: Vec<RangeInclusive<u16>>,
        /// The destination is in none of them.
        inverted: bool,
        /// It asks for more than that.
        more: bool,
    },
    /// The destination is this host.
    ToLocal,
    /// The destination is not this host.
    NotToLocal,
    /// Holds for no packet that begins a connection.
    Never,
    /// Anything else, by its name.
    Other(String),
}

impl Match {
    /// Reads a match from its structure; what is cut short or unknown is [`Match::Other`].
    pub fn parse(name: &str, bytes: &[u8]) -> Self {
        let known = match name {
            "comment" => Some(Self::Always),
            "tcp" => tcp(bytes),
            "udp" => udp(bytes),
            "multiport" => multiport(bytes),
            "addrtype" => addrtype(bytes),
            "conntrack" => conntrack(bytes),
            "state" => word(bytes, 0).map(|mask| begins_connection(mask, false)),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Other(name.to_owned()))
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// `struct xt_conntrack_mtinfo3`, where it asks for the state of the connection alone.
fn conntrack(bytes: &[u8]) -> Option<Match> {
    const STATE: u16 = 1;
    let (flags, inversions, mask) = (half(bytes, 146)?, half(bytes, 148)?, half(bytes, 150)?);
    (flags == STATE).then(|| begins_connection(mask.into(), inversions & STATE != 0))
}

/// Whether a set of `XT_CONNTRACK_STATE_BIT` has that of packets that begin a connection.
fn begins_connection(mask: u32, inverted: bool) -> Match {
    const NEW: u32 = 1 << 3;
    if (mask & NEW != 0) == inverted { Match::Never } else { Match::Always }
}

/// `struct xt_tcp`.
fn tcp(bytes: &[u8]) -> Option<Match> {
    let inversions = *bytes.get(11)?;
    let more = bytes[8] != 0 || bytes[9] != 0;
    ports(bytes, 6, inversions, more)
}

/// `struct xt_udp`.
fn udp(bytes: &[u8]) -> Option<Match> {
    ports(bytes, 17, *bytes.get(8)?, false)
}

fn ports(bytes: &[u8], protocol: u8, inversions: u8, more: bool) -> Option<Match> {
    let range = |at| Some(half(bytes, at)?..=half(bytes, at + 2)?);
    let any_source = range(0)? == (0..=u16::MAX) && inversions & 1 == 0;
    Some(Match::Ports {
        protocol: Some(protocol),
        destination: vec![range(4)?],
        inverted: inversions & 2 != 0,
        more: more || !any_source,
    })
}

/// `struct xt_multiport_v1`.
fn multiport(bytes: &[u8]) -> Option<Match> {
    const MOST: usize = 15;
    const DESTINATION: u8 = 1;
    const EITHER: u8 = 2;
    let (flags, count) = (*bytes.first()?, usize::from(*bytes.get(1)?).min(MOST));
    let inverted = *bytes.get(2 + 3 * MOST)? != 0;
    let mut destination = Vec::new();
    let mut at = 0;
    while at < count {
        let first = half(bytes, 2 + 2 * at)?;
        let opens_range = bytes[2 + 2 * MOST + at] != 0 && at + 1 < count;
        at += usize::from(opens_range);
        destination.push(first..=half(bytes, 2 + 2 * at)?);
        at += 1;
    }
    let known = matches!(flags, DESTINATION | EITHER);
    // That the source has the port is not asked here.
    known.then_some(Match::Ports { protocol: None, destination, inverted, more: false })
}

/// `struct xt_addrtype_info_v1`. The older structure has a word for each inversion and is longer;
/// the two begin alike where nothing is inverted.
fn addrtype(bytes: &[u8]) -> Option<Match> {
    if bytes.get(8..).is_some_and(|rest| rest.iter().any(|byte| *byte != 0)) {
        return None;
    }
    const LOCAL: u16 = 1 << 2;
    const INVERT_DESTINATION: u32 = 2;
    let (source, destination, flags) = (half(bytes, 0)?, half(bytes, 2)?, word(bytes, 4)?);
    match (source, destination, flags) {
        (0, LOCAL, 0) => Some(Match::ToLocal),
        (0, LOCAL, INVERT_DESTINATION) => Some(Match::NotToLocal),
        _ => None,
    }
}

/// An action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing that decides: LOG, MARK.
    Neutral,
    /// The destination becomes this.
    Dnat {
        /// Address; `None` leaves it.
        addr: Option<IpAddr>,
        /// The first port; `None` leaves it.
        port: Option<u16>,
    },
    /// The destination becomes this host itself.
    Redirect {
        /// The first port; `None` leaves it.
        port: Option<u16>,
    },
    /// The packet ends, and its sender is told.
    Reject,
    /// A transparent proxy's socket gets the packet.
    Tproxy,
    /// Changes the destination in a way that is not read here.
    Unread(String),
}

const MAP_ADDRESS: u32 = 1;
const PORT_SPECIFIED: u32 = 2;

impl Target {
    /// Reads a target from its structure and revision.
    pub fn parse(name: &str, revision: u32, bytes: &[u8]) -> Self {
        let range = || match (name, revision) {
            // IPv4 has its own structure at revision 0, for both.
            ("DNAT" | "REDIRECT", 0) if bytes.len() < 40 => ipv4_range(bytes),
            _ => nat_range(bytes),
        };
        let known = match name {
            "DNAT" => range().map(|(addr, port)| Self::Dnat { addr, port }),
            "REDIRECT" => range().map(|(_, port)| Self::Redirect { port }),
            "REJECT" => Some(Self::Reject),
            "TPROXY" => Some(Self::Tproxy),
            "NETMAP" => None,
            _ => Some(Self::Neutral),
        };
        known.unwrap_or_else(|| Self::Unread(name.to_owned()))
    }
}

/// `struct nf_nat_ipv4_multi_range_compat`, with one range.
fn ipv4_range(bytes: &[u8]) -> Option<(Option<IpAddr>, Option<u16>)> {
    let flags = word(bytes, 4)?;
    let addr: [u8; 4] = bytes.get(8..12)?.try_into().ok()?;
    let port = u16::from_be_bytes(bytes.get(16..18)?.try_into().ok()?);
    Some((
        (flags & MAP_ADDRESS != 0).then(|| Ipv4Addr::from(addr).into()),
        (flags & PORT_SPECIFIED != 0).then_some(port),
    ))
}

/// `struct nf_nat_range` and `nf_nat_range2`, which begin alike. Which family the address is of
/// they do not say: an IPv4 one has the rest zeroed.
fn nat_range(bytes: &[u8]) -> Option<(Option<IpAddr>, Option<u16>)> {
    let flags = word(bytes, 0)?;
    let addr: [u8; 16] = bytes.get(4..20)?.try_into().ok()?;
    let port = u16::from_be_bytes(bytes.get(36..38)?.try_into().ok()?);
    Some((
        (flags & MAP_ADDRESS != 0).then(|| either(addr)),
        (flags & PORT_SPECIFIED != 0).then_some(port),
    ))
}

/// An IPv4 address stands in the first four bytes of the room for either.
fn either(octets: [u8; 16]) -> IpAddr {
    match octets {
        [a, b, c, d, rest @ ..] if rest == [0; 12] => Ipv4Addr::new(a, b, c, d).into(),
        _ => Ipv6Addr::from(octets).into(),
    }
}
