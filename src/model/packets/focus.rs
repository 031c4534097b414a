//! The flows of one socket.

use serde::{Deserialize, Serialize};

use super::ends::{FlowEnd, FlowKey};
use crate::model::socket::{Endpoint, Socket};

/// The flows of one socket, which a snapshot lists whatever their rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowFocus {
    /// IP protocol number.
    pub ip_protocol: u8,
    /// The socket's own end; an unspecified address stands for any.
    pub local: FlowEnd,
    /// The other end, where the socket has one.
    pub remote: Option<FlowEnd>,
}

impl FlowFocus {
    /// The flows of `socket`; `None` where it is not one whose packets are counted by port.
    pub fn of(socket: &Socket) -> Option<Self> {
        let end = |endpoint: &Endpoint| {
            Some(FlowEnd { addr: endpoint.canonical_addr()?, port: endpoint.port? })
        };
        Some(Self {
            ip_protocol: socket.protocol.ip_number()?,
            local: end(&socket.local)?,
            remote: socket.remote.as_ref().and_then(end),
        })
    }

    /// Whether a flow is one of these.
    pub fn matches(&self, key: &FlowKey) -> bool {
        let local = |end: FlowEnd| {
            end.port == self.local.port
                && (self.local.addr.is_unspecified() || self.local.addr == end.addr)
        };
        let remote = |end: FlowEnd| self.remote.is_none_or(|remote| remote == end);
        key.ip_protocol == self.ip_protocol
            && ((local(key.a) && remote(key.b)) || (local(key.b) && remote(key.a)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::model::socket::{Family, Protocol, State};

    fn end(text: &str) -> FlowEnd {
        let addr: std::net::SocketAddr = text.parse().unwrap();
        FlowEnd { addr: addr.ip(), port: addr.port() }
    }

    fn socket(local: &str, remote: Option<&str>) -> Socket {
        let endpoint = |text: &str| Endpoint::from(text.parse::<std::net::SocketAddr>().unwrap());
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Listen, endpoint(local));
        socket.remote = remote.map(endpoint);
        socket
    }

    fn flow(a: &str, b: &str) -> FlowKey {
        FlowKey { ip_protocol: 6, a: end(a), b: end(b), ident: None }
    }

    #[test]
    fn a_listener_has_the_flows_to_its_port() {
        let focus = FlowFocus::of(&socket("0.0.0.0:80", None)).unwrap();
        assert!(focus.matches(&flow("10.0.0.1:4000", "10.0.0.2:80")));
        assert!(focus.matches(&flow("10.0.0.1:80", "10.0.0.2:4000")));
        assert!(!focus.matches(&flow("10.0.0.1:81", "10.0.0.2:4000")));
        assert!(!focus.matches(&FlowKey { ip_protocol: 17, ..flow("10.0.0.1:80", "10.0.0.2:1") }));
    }

    #[test]
    fn a_connection_has_one_flow_even_when_it_is_written_as_ipv6() {
        let focus = FlowFocus::of(&socket("[::ffff:10.0.0.1]:80", Some("[::ffff:10.0.0.2]:4000")));
        let focus = focus.unwrap();
        assert!(focus.matches(&flow("10.0.0.1:80", "10.0.0.2:4000")));
        assert!(!focus.matches(&flow("10.0.0.1:80", "10.0.0.2:4001")));
        assert!(!focus.matches(&flow("10.0.0.3:80", "10.0.0.2:4000")));
    }
}
