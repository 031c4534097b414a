//! Aborting one socket: SOCK_DESTROY over sock_diag.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::super::{names, netns};
use super::elsewhere::Place;
use crate::model::socket::Socket;
use crate::sys::error::{Error, Result};
use crate::wire::netlink::inet::LookupRequest;

/// Aborts sockets, each in its own network namespace.
#[derive(Debug)]
pub struct Destroyer {
    /// The namespace of the thread that opened it.
    here: Place,
    /// Others that were needed. They live for as long as this does.
    elsewhere: Vec<Place>,
}

impl Destroyer {
    /// Opens a connection to the kernel. That needs no rights yet.
    pub fn open() -> Result<Self> {
        Ok(Self { here: Place::here()?, elsewhere: Vec::new() })
    }

    /// Aborts exactly this socket, which the kernel knows again by cookie and addresses.
    ///
    /// [`Error::Gone`] when no socket has both. [`Error::NotPermitted`] without
    /// CAP_NET_ADMIN. [`Error::Unsupported`] for a socket without cookie, for what is neither
    /// TCP nor UDP, and where the kernel was built without the ability.
    pub fn destroy(&mut self, socket: &Socket) -> Result<()> {
        let place = self.place(socket)?;
        let request = request(socket, place)?;
        if place.diag.destroy(&request)? { Ok(()) } else { Err(gone(socket)) }
    }

    /// Where the socket is.
    fn place(&mut self, socket: &Socket) -> Result<&mut Place> {
        let Self { here, elsewhere } = self;
        let Some(netns) = socket.netns.filter(|_| socket.netns != here.netns) else {
            return Ok(here);
        };
        let known = elsewhere.iter().position(|place| place.netns == Some(netns));
        let at = match known {
            Some(at) => at,
            None => {
                elsewhere.push(Place::of(&netns::find(netns)?)?);
                elsewhere.len() - 1
            }
        };
        Ok(&mut elsewhere[at])
    }
}

fn request(socket: &Socket, place: &Place) -> Result<LookupRequest> {
    let unknown = |why| Error::unsupported("closing this socket", why);
    let cookie = socket.cookie.ok_or_else(|| unknown("its cookie is unknown"))?;
    let local = socket.local.socket_addr();
    let local = local.ok_or_else(|| unknown("it has no IP address and port"))?;
    let remote = match &socket.remote {
        None => Some(SocketAddr::new(unspecified(local.ip()), 0)),
        Some(remote) => remote.socket_addr(),
    };
    let remote = remote.ok_or_else(|| unknown("its other end has no IP address and port"))?;
    // Without a name there is no index: a socket that is bound to an interface is not found.
    let index = |name: &str| names::interface_index(place.any.as_ref(), name);
    let interface = socket.interface.as_deref().and_then(index).unwrap_or(0);
    Ok(LookupRequest { protocol: socket.protocol, local, remote, interface, cookie })
}

fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn gone(socket: &Socket) -> Error {
    let name = socket.local.socket_addr().map_or_else(String::new, |local| local.to_string());
    Error::Gone { what: format!("the connection of {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::{Endpoint, Family, Protocol, State};

    #[test]
    fn without_a_cookie_nothing_is_closed() {
        let end = |port| Endpoint::ip(Ipv4Addr::LOCALHOST, port);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Established, end(1));
        socket.remote = Some(end(2));
        let refused = Destroyer::open().unwrap().destroy(&socket);
        assert!(matches!(refused, Err(Error::Unsupported { .. })), "{refused:?}");
    }
}
