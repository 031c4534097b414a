//! Where a bind is tried.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::Target;

/// Which addresses a bind means, each with the IPV6_V6ONLY to try it with.
pub(in super::super) fn places(addr: Option<IpAddr>) -> Vec<(IpAddr, Option<bool>)> {
    match addr {
        Some(addr) => vec![(addr, None)],
        None => vec![
            (Ipv4Addr::UNSPECIFIED.into(), None),
            (Ipv6Addr::UNSPECIFIED.into(), Some(true)),
            (Ipv6Addr::UNSPECIFIED.into(), Some(false)),
        ],
    }
}

/// The target's port on this address.
pub(in super::super) fn at(target: &Target, addr: IpAddr) -> SocketAddr {
    match addr {
        IpAddr::V6(v6) => SocketAddrV6::new(v6, target.port, 0, target.scope).into(),
        IpAddr::V4(v4) => SocketAddr::from((v4, target.port)),
    }
}
