//! How the address of a socket in the way and that of a bind meet.

use std::net::IpAddr;

use super::Target;
use crate::model::socket::Socket;
use crate::model::why::WhyKind;

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
