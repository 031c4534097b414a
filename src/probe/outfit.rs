//! What the sockets of a probe get before they connect: an address to go out from, options.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use crate::catalog::sockopts::wish::Wish;
use crate::sys::{self, connecting};

/// From where, and with which options.
#[derive(Clone, Debug, Default)]
pub struct Outfit {
    /// Connect from this address; `None` lets the routing table choose.
    pub source: Option<IpAddr>,
    /// And from this port; `None` lets the system choose.
    pub source_port: Option<u16>,
    /// Options to be set, in this order.
    pub options: Arc<[Wish]>,
    /// TCP connections are to be of Multipath TCP.
    pub mptcp: bool,
    /// The first bytes are to go with the SYN (RFC 7413).
    pub fast_open: bool,
}

impl Outfit {
    /// A socket for a TCP connection to `to` that can wait for events, dressed and bound.
    pub(super) fn stream(&self, to: SocketAddr) -> io::Result<Socket> {
        let socket = self.plain(to)?;
        self.dress(&socket, to)?;
        Ok(socket)
    }

    /// The same without anything on it.
    pub(super) fn plain(&self, to: SocketAddr) -> io::Result<Socket> {
        // IPPROTO_MPTCP (linux/in.h).
        let protocol = self.mptcp.then(|| Protocol::from(262));
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, protocol)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// Sets the options, and binds.
    pub(super) fn dress(&self, socket: &Socket, to: SocketAddr) -> io::Result<()> {
        for wish in self.options.iter() {
            let cannot =
                |why: String| io::Error::other(format!("{} cannot be set: {why}", wish.name));
            let (level, number, value) =
                wish.setting().ok_or_else(|| cannot("its value has no bytes".to_owned()))?;
            connecting::set_option(socket, level, number, &value)
                .map_err(|error| cannot(error.to_string()))?;
        }
        self.bind(socket, to)
    }

    /// Options without which another route would be found than the one that is taken; what the
    /// system refuses is told by the socket that connects.
    pub(super) fn dress_for_the_route(&self, socket: &Socket) {
        let routing = ["SO_BINDTODEVICE", "SO_BINDTOIFINDEX", "SO_MARK", "IP_TOS", "IPV6_TCLASS"];
        for wish in self.options.iter().filter(|wish| routing.contains(&wish.name.as_str())) {
            if let Some((level, number, value)) = wish.setting() {
                let _ = connecting::set_option(socket, level, number, &value);
            }
        }
    }

    /// Binds to the wished source; without one nothing is bound.
    pub(super) fn bind(&self, socket: &Socket, to: SocketAddr) -> io::Result<()> {
        let port = self.source_port.unwrap_or(0);
        let Some(source) = self.source.or_else(|| self.source_port.map(|_| unspecified(to))) else {
            return Ok(());
        };
        if port == 0 {
            // Where the system cannot do so, the port is chosen here, from a range that may be
            // crowded.
            let _ = connecting::bind_without_port(socket);
        } else {
            // What is left of an earlier connection from this port stands in nobody's way.
            let _ = socket.set_reuse_address(true);
        }
        let mut from = SocketAddr::new(source, port);
        if let (SocketAddr::V6(from), SocketAddr::V6(to)) = (&mut from, to)
            && from.ip().is_unicast_link_local()
        {
            from.set_scope_id(to.scope_id());
        }
        socket.bind(&from.into())
    }
}

/// Moves this thread, and all that it starts from now on, into a network namespace: one by its name
/// below `/run/netns`, or behind a path such as `/proc/PID/ns/net`.
pub fn enter_netns(door: &str) -> sys::Result<()> {
    sys::netns::move_to(door)
}

fn unspecified(to: SocketAddr) -> IpAddr {
    match to {
        SocketAddr::V4(_) => IpAddr::from([0; 4]),
        SocketAddr::V6(_) => IpAddr::from([0; 16]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_ones_own_is_taken() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let outfit = Outfit { source_port: Some(port), ..Outfit::default() };
        let socket = outfit.stream("127.0.0.1:9".parse().unwrap()).unwrap();
        assert_eq!(socket.local_addr().unwrap().as_socket().unwrap().port(), port);
    }

    #[test]
    fn an_option_that_is_refused_is_named() {
        let wish = Wish::parse("IP_TTL=900").unwrap();
        let outfit = Outfit { options: Arc::from([wish]), ..Outfit::default() };
        let error = outfit.stream("127.0.0.1:9".parse().unwrap()).unwrap_err();
        assert!(error.to_string().starts_with("IP_TTL cannot be set: "), "{error}");
    }
}
