//! One end of a socket.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// One end of a socket. An IP socket has `addr` and `port`; a UNIX socket has `path`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// IP address; `0.0.0.0` or `::` for any.
    pub addr: Option<IpAddr>,
    /// Port, or the ICMP identifier of a ping socket; `None` where the family has no ports, and
    /// for a raw socket.
    pub port: Option<u16>,
    /// UNIX path, an abstract name with a leading `@`; `None` when unnamed.
    pub path: Option<Box<str>>,
    /// Zone of a link-local address: the interface's name, or its index when it has none.
    pub scope: Option<Box<str>>,
    /// Host name of the address, where somebody asked for it and there is one.
    #[serde(default)]
    pub name: Option<Box<HostName>>,
}

/// A host name as the resolver gave it: uncleaned. Behind a pointer of its own in an
/// [`Endpoint`], of which there are many and few with a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostName(pub Box<str>);

impl Endpoint {
    /// An IP endpoint without a zone.
    pub fn ip(addr: impl Into<IpAddr>, port: u16) -> Self {
        Self { addr: Some(addr.into()), port: Some(port), ..Self::default() }
    }

    /// A UNIX endpoint.
    pub fn unix(path: impl Into<Box<str>>) -> Self {
        Self { path: Some(path.into()), ..Self::default() }
    }

    /// The IP end as the standard library writes it, without its zone.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.addr?, self.port?))
    }

    /// Whether it is this IP end, zone aside and however an IPv4 address is written.
    pub fn is_at(&self, end: SocketAddr) -> bool {
        self.port == Some(end.port()) && self.canonical_addr() == Some(end.ip().to_canonical())
    }

    /// Whether this end stands for every local address.
    pub fn is_wildcard(&self) -> bool {
        self.addr.is_some_and(|addr| addr.is_unspecified())
    }

    /// The address with an IPv4-mapped one unwrapped (RFC 4291, 2.5.5.2).
    pub fn canonical_addr(&self) -> Option<IpAddr> {
        self.addr.map(|addr| addr.to_canonical())
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(addr: SocketAddr) -> Self {
        let scope = match addr {
            SocketAddr::V6(v6) if v6.scope_id() != 0 && is_link_local(*v6.ip()) => {
                Some(v6.scope_id().to_string().into())
            }
            _ => None,
        };
        Self { scope, ..Self::ip(addr.ip(), addr.port()) }
    }
}

fn is_link_local(addr: Ipv6Addr) -> bool {
    addr.is_unicast_link_local() || addr.is_multicast()
}
