//! This host's side of the way: the source address, the interface and the first router that
//! its routing table gives.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use socket2::{Domain, Socket, Type};

use super::outfit::Outfit;
use crate::model::probe::LocalDetail;
use crate::sys;
use crate::sys::routing::Route;

/// The way out of this host, before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalSide {
    /// The address that the peer would see.
    pub source: IpAddr,
    /// Whether the target is an address of this very host.
    pub to_self: bool,
    /// Interface and first router; `None` where the system does not tell.
    pub way: Option<Route>,
}

impl LocalSide {
    /// The facts of the local stage.
    pub(super) fn facts(&self) -> LocalDetail {
        let way = self.way.as_ref();
        let interface = way.and_then(|way| way.interface.clone());
        LocalDetail {
            source: Some(self.source),
            to_self: Some(self.to_self),
            mtu_bytes: interface.as_deref().and_then(sys::interfaces::mtu),
            interface,
            gateway: way.and_then(|way| way.gateway),
            route: way.and_then(|way| way.kind),
        }
    }
}

/// Asks the routing table for the way to `address`, as the outfit wishes it, without sending
/// anything: connecting a datagram socket only looks up the route.
pub(super) fn route(address: SocketAddr, outfit: &Outfit) -> io::Result<LocalSide> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    if address.is_ipv4() {
        // Without this a broadcast address is EACCES here, though ENETUNREACH for TCP.
        socket.set_broadcast(true)?;
    }
    outfit.dress_for_the_route(&socket);
    let source = outfit.source;
    Outfit { source, ..Outfit::default() }.bind(&socket, address)?;
    socket.connect(&address.into())?;
    let local = socket.local_addr()?.as_socket();
    let chosen = local.map_or(address.ip(), |local| local.ip());
    // The socket has shown that there is a way; what more is known of it is welcome.
    let way = sys::route::lookup(address, source).ok();
    let to_self = match &way {
        Some(way) => way.is_local(),
        None => is_own(address, chosen, source.is_some()),
    };
    Ok(LocalSide { source: chosen, to_self, way })
}

/// Whether `address` belongs to this host. The kernel talks to itself from the same address,
/// unless told otherwise; then only binding to it tells.
fn is_own(address: SocketAddr, chosen: IpAddr, forced: bool) -> bool {
    let ip = address.ip();
    ip.is_loopback() || ip == chosen || (forced && can_bind(address))
}

fn can_bind(mut address: SocketAddr) -> bool {
    address.set_port(0);
    UdpSocket::bind(address).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(source: Option<IpAddr>) -> io::Result<LocalSide> {
        route("127.0.0.1:9".parse().unwrap(), &Outfit { source, ..Outfit::default() })
    }

    #[test]
    fn loopback_leads_to_this_host() {
        let route = from(None).unwrap();
        assert_eq!((route.source.to_string().as_str(), route.to_self), ("127.0.0.1", true));
    }

    #[test]
    fn a_wished_source_is_kept() {
        let source = "127.0.0.9".parse().unwrap();
        let route = from(Some(source)).unwrap();
        assert_eq!((route.source, route.to_self), (source, true));
    }

    #[test]
    fn an_own_address_is_known_without_the_routing_table() {
        let target = "127.0.0.1:9".parse().unwrap();
        assert!(is_own(target, "127.0.0.9".parse().unwrap(), true));
        let stranger = "192.0.2.77:9".parse().unwrap();
        assert!(!is_own(stranger, "127.0.0.9".parse().unwrap(), true));
    }

    #[test]
    fn a_source_that_is_not_ours_is_refused() {
        // TEST-NET-1 belongs to nobody (RFC 5737).
        let stranger = "192.0.2.77".parse().unwrap();
        let error = from(Some(stranger)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    }
}
