//! A port that the kernel holds for itself, with nobody's descriptor behind it.

use super::owner::Ownership;
use super::socket::{Protocol, Socket, State};

/// What the kernel holds a port for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A device of this kind, which tunnels by UDP.
    Tunnel(&'static str),
    /// UDP encapsulation of another protocol (`ip fou`): FOU or GUE.
    Fou,
    /// An L2TP tunnel, by its id.
    L2tp(u32),
    /// An MPTCP endpoint with a port (`ip mptcp endpoint`), by its id.
    MptcpEndpoint(u8),
    /// The NFS server, or its lock manager.
    Nfs,
}

/// A port that the kernel holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelPort {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Port.
    pub port: u16,
    /// What for.
    pub r#use: Use,
    /// The device that goes with it.
    pub device: Option<Box<str>>,
}

impl KernelPort {
    /// Whether this socket, which no process was found to hold, is the one at this port.
    pub fn is(&self, socket: &Socket) -> bool {
        let protocol = match socket.protocol {
            Protocol::Mptcp => Protocol::Tcp,
            protocol => protocol,
        };
        let may_be = match protocol {
            Protocol::Tcp => socket.state == State::Listen,
            Protocol::Udp => matches!(socket.state, State::Unconnected | State::Connected),
            _ => false,
        };
        may_be && protocol == self.protocol && socket.local.port == Some(self.port)
    }

    /// Who holds it, and what would free it.
    pub fn ownership(&self) -> Ownership {
        let port = self.port;
        let device = self.device.as_deref().unwrap_or("of a name that is not known");
        let (detail, reason) = match self.r#use {
            Use::Tunnel(kind) => (
                kind,
                format!("for the {kind} device {device}; `ip link delete {device}` frees it"),
            ),
            Use::Fou => ("fou", format!("for FOU; `ip fou del port {port}` frees it")),
            Use::L2tp(id) => (
                "l2tp",
                format!("for L2TP tunnel {id}; `ip l2tp del tunnel tunnel_id {id}` frees it"),
            ),
            Use::MptcpEndpoint(id) => (
                "mptcp_endpoint",
                format!("for MPTCP endpoint {id}; `ip mptcp endpoint delete id {id}` frees it"),
            ),
            Use::Nfs => ("nfs", "for NFS; stopping the NFS server frees it".to_owned()),
        };
        Ownership {
            device: self.device.as_deref().map(Into::into),
            reason: Some(reason.into()),
            ..Ownership::kernel(detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::{Endpoint, Family};

    #[test]
    fn a_port_is_that_of_a_server_alone() {
        let vxlan = KernelPort {
            protocol: Protocol::Udp,
            port: 4789,
            r#use: Use::Tunnel("vxlan"),
            device: Some("vx0".into()),
        };
        let socket = |protocol, state, port| {
            Socket::new(Family::Ipv4, protocol, state, Endpoint::ip([0, 0, 0, 0], port))
        };
        assert!(vxlan.is(&socket(Protocol::Udp, State::Unconnected, 4789)));
        assert!(!vxlan.is(&socket(Protocol::Udp, State::Unconnected, 4790)));
        assert!(!vxlan.is(&socket(Protocol::Tcp, State::Listen, 4789)));
        let listener =
            KernelPort { protocol: Protocol::Tcp, r#use: Use::MptcpEndpoint(3), ..vxlan.clone() };
        assert!(listener.is(&socket(Protocol::Mptcp, State::Listen, 4789)));
        assert!(!listener.is(&socket(Protocol::Tcp, State::Established, 4789)));
        let told = vxlan.ownership();
        assert_eq!((told.detail.as_deref(), told.device.as_deref()), (Some("vxlan"), Some("vx0")));
        assert!(told.reason.unwrap().contains("ip link delete vx0"));
    }
}
