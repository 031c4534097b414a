//! Which sockets stand against a bind, by their addresses alone.

use std::net::{IpAddr, Ipv4Addr};

use super::Target;
use crate::model::socket::Socket;
use crate::model::why::WhyKind;

/// Whether a plain bind of the target meets `socket`, which has its port.
pub(super) fn is_in_way(target: &Target, socket: &Socket) -> bool {
    let Some(held) = socket.local.canonical_addr() else { return false };
    // A bind of every address tries both families at once, as one of `::` does by default.
    let Some(wanted) = target.addr.map(|addr| addr.to_canonical()) else { return true };
    match (wanted, held) {
        (IpAddr::V6(v6), _) if v6.is_unspecified() => true,
        (IpAddr::V4(_), IpAddr::V6(_)) => socket.is_dual_stack(),
        (IpAddr::V6(_), IpAddr::V4(_)) => false,
        _ => wanted == held || wanted.is_unspecified() || held.is_unspecified(),
    }
}

/// Whether a plain bind of the target may meet `socket` though their addresses do not: to an
/// IPv4 wildcard, a connection over IPv6 is in the way unless IPV6_V6ONLY was set, as it is by
/// a bind to one address (`inet_rcv_saddr_equal`), and the table does not tell of connections.
pub(super) fn may_be_in_way(target: &Target, socket: &Socket) -> bool {
    let is_ipv4_wildcard = target.addr == Some(Ipv4Addr::UNSPECIFIED.into());
    is_ipv4_wildcard && socket.remote.is_some() && socket.v6_only.is_none()
}

/// How the addresses of a socket in the way and of the target meet; `None` where they are
/// simply the same.
pub(super) fn relation(target: &Target, socket: &Socket) -> Option<WhyKind> {
    let held = socket.local.canonical_addr()?;
    let wanted = target.addr.map(|addr| addr.to_canonical());
    match wanted {
        None if socket.is_dual_stack() => Some(WhyKind::DualStack),
        None => (!held.is_unspecified()).then_some(WhyKind::SpecificConflict),
        Some(IpAddr::V4(_)) if held.is_ipv6() => Some(WhyKind::DualStack),
        Some(IpAddr::V6(_)) if held.is_ipv4() => Some(WhyKind::DualStack),
        Some(wanted) if wanted == held => None,
        Some(_) if held.is_unspecified() => Some(WhyKind::WildcardConflict),
        Some(_) => Some(WhyKind::SpecificConflict),
    }
}
