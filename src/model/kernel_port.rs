//! A port that the kernel holds for itself, with nobody's descriptor behind it.

use super::owner::Ownership;
use super::socket::{Endpoint, Family, Protocol, Socket, State};

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

    /// Who holds this socket, and what would free it. `is_here`: in sockpit's own network
    /// namespace, where a command that speaks of devices and ports means it.
    pub fn ownership(&self, socket: &Socket, is_here: bool) -> Ownership {
        let device = self.device.as_deref().unwrap_or("of a name that is not known");
        let (detail, what_for) = match self.r#use {
            Use::Tunnel(kind) => (kind, format!("the {kind} device {device}")),
            Use::Fou => ("fou", "FOU".to_owned()),
            Use::L2tp(id) => ("l2tp", format!("L2TP tunnel {id}")),
            Use::MptcpEndpoint(id) => ("mptcp_endpoint", format!("MPTCP endpoint {id}")),
            Use::Nfs => ("nfs", "NFS".to_owned()),
        };
        let command = self.command(socket);
        let reason = match &command {
            Some(command) => {
                let place = if is_here { "" } else { " there" };
                format!("for {what_for}; `{}`{place} frees it", command.join(" "))
            }
            None if self.r#use == Use::Nfs => {
                format!("for {what_for}; stopping the NFS server frees it")
            }
            None => format!("for {what_for}"),
        };
        Ownership {
            device: self.device.as_deref().map(Into::into),
            reason: Some(reason.into()),
            freed_by: command.filter(|_| is_here).map(Into::into),
            ..Ownership::kernel(detail)
        }
    }

    /// What frees the port of this socket (`ip-link(8)`, `ip-fou(8)`, `ip-l2tp(8)`, `ip-mptcp(8)`).
    fn command(&self, socket: &Socket) -> Option<Vec<String>> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match self.r#use {
            Use::Tunnel(_) => Some(words(&["ip", "link", "delete", self.device.as_deref()?])),
            Use::Fou => Some(self.end_of_encapsulation(socket)),
            Use::L2tp(id) => {
                Some(words(&["ip", "l2tp", "del", "tunnel", "tunnel_id", &id.to_string()]))
            }
            Use::MptcpEndpoint(id) => {
                Some(words(&["ip", "mptcp", "endpoint", "delete", "id", &id.to_string()]))
            }
            Use::Nfs => None,
        }
    }

    /// FOU goes by all that it was made with: its family, its ends and its device.
    fn end_of_encapsulation(&self, socket: &Socket) -> Vec<String> {
        let mut command: Vec<String> = ["ip", "fou", "del", "port"].map(str::to_owned).into();
        command.push(self.port.to_string());
        if socket.family == Family::Ipv6 {
            command.push("-6".to_owned());
        }
        let mut name = |key: &str, value: String| command.extend([key.to_owned(), value]);
        if let Some(local) = socket.local.socket_addr().filter(|local| !local.ip().is_unspecified())
        {
            name("local", local.ip().to_string());
        }
        if let Some(peer) = socket.remote.as_ref().and_then(Endpoint::socket_addr) {
            name("peer", peer.ip().to_string());
            name("peer_port", peer.port().to_string());
        }
        if let Some(device) = &self.device {
            name("dev", device.to_string());
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let held = socket(Protocol::Udp, State::Unconnected, 4789);
        let told = vxlan.ownership(&held, true);
        assert_eq!((told.detail.as_deref(), told.device.as_deref()), (Some("vxlan"), Some("vx0")));
        assert!(told.reason.unwrap().contains("ip link delete vx0"));
        assert_eq!(told.freed_by.unwrap().join(" "), "ip link delete vx0");
        let elsewhere = vxlan.ownership(&held, false);
        assert_eq!(elsewhere.freed_by, None, "here it would delete another device");
        assert!(elsewhere.reason.unwrap().contains("there"));
    }

    #[test]
    fn the_end_of_an_encapsulation_names_all_that_it_was_made_with() {
        let fou = KernelPort {
            protocol: Protocol::Udp,
            port: 5555,
            r#use: Use::Fou,
            device: Some("eth1".into()),
        };
        let end = |host, port| Endpoint::ip([0xfd00, 0, 0, 0, 0, 0, 0, host], port);
        let mut socket = Socket::new(Family::Ipv6, Protocol::Udp, State::Connected, end(1, 5555));
        socket.remote = Some(end(2, 99));
        let command = fou.ownership(&socket, true).freed_by.unwrap().join(" ");
        assert_eq!(
            command,
            "ip fou del port 5555 -6 local fd00::1 peer fd00::2 peer_port 99 dev eth1"
        );
    }
}
