//! Who listens at a target on this very host, and how full its queue is.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::inspect::processes;
use crate::model::probe::ListenerDetail;
use crate::model::socket::{Family, Protocol, Socket, State};
use crate::text::{address, clean};

/// What this host's socket table says about a port of its own.
#[derive(Clone, Debug, Default)]
pub(in crate::probe) enum Listening {
    /// Nobody asked: the target is another host, or nothing needs an explanation.
    #[default]
    Unasked,
    /// The listener that a SYN to the target reaches.
    Here(ListenerDetail),
    /// Nobody listens at that address; these listen at other addresses on the same port.
    Elsewhere(Vec<ListenerDetail>),
}

impl Listening {
    /// Looks for `target` in this host's sockets of one protocol.
    pub(in crate::probe) fn find(target: SocketAddr, sockets: &[Socket]) -> Self {
        let on_port: Vec<&Socket> = sockets
            .iter()
            .filter(|s| match s.protocol {
                Protocol::Udp => s.state == State::Unconnected,
                _ => s.state == State::Listen,
            })
            .filter(|s| s.local.port == Some(target.port()))
            .collect();
        // The kernel prefers the listener of the very address to one of all addresses.
        let exact = on_port.iter().find(|s| s.local.canonical_addr() == Some(target.ip()));
        match exact.or_else(|| on_port.iter().find(|s| takes_all(s, target))) {
            Some(socket) => Self::Here(described(socket)),
            None => Self::Elsewhere(on_port.into_iter().map(described).collect()),
        }
    }

    /// The listener that was found.
    pub(in crate::probe) fn detail(&self) -> Option<ListenerDetail> {
        match self {
            Self::Unasked | Self::Elsewhere(_) => None,
            Self::Here(listener) => Some(listener.clone()),
        }
    }
}

/// Whether `socket` listens on all addresses of the target's family.
fn takes_all(socket: &Socket, target: SocketAddr) -> bool {
    let same = socket.family == if target.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    socket.local.is_wildcard() && (same || socket.is_dual_stack())
}

/// A listener as a sentence needs it: cleaned.
fn described(socket: &Socket) -> ListenerDetail {
    let pids: BTreeSet<u32> = socket.owners.iter().map(|owner| owner.process.pid).collect();
    ListenerDetail {
        at: address::local(socket).to_string(),
        owner: owner(socket, pids.len()),
        stopped: are_stopped(&pids),
        backlog: socket.backlog,
    }
}

fn owner(socket: &Socket, count: usize) -> String {
    match socket.owners.first() {
        None => format!("a process ({})", socket.ownership.kind.name()),
        Some(first) => {
            let name = format!("{} {}", clean(&first.process.name), first.process.pid);
            if count <= 1 { name } else { format!("{name} and {} more", count - 1) }
        }
    }
}

/// Whether every one of these processes is stopped; `None` where there is none, or nobody tells.
fn are_stopped(pids: &BTreeSet<u32>) -> Option<bool> {
    if pids.is_empty() {
        return None;
    }
    let tree = processes::tree().ok()?;
    let mut nodes = pids.iter().map(|pid| tree.get(*pid));
    nodes.try_fold(true, |all, node| Some(all && node?.stopped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::Endpoint;

    fn listener(address: &str, v6_only: Option<bool>) -> Socket {
        let address: SocketAddr = address.parse().unwrap();
        let family = if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        let mut socket = Socket::new(family, Protocol::Tcp, State::Listen, Endpoint::from(address));
        socket.v6_only = v6_only;
        socket
    }

    fn found(target: &str, sockets: &[Socket]) -> Option<String> {
        match Listening::find(target.parse().unwrap(), sockets) {
            Listening::Here(listener) => Some(listener.at),
            _ => None,
        }
    }

    #[test]
    fn the_listener_of_the_very_address_comes_first() {
        let sockets = [listener("0.0.0.0:80", None), listener("127.0.0.1:80", None)];
        assert_eq!(found("127.0.0.1:80", &sockets).as_deref(), Some("127.0.0.1:80"));
        assert_eq!(found("10.0.0.1:80", &sockets).as_deref(), Some("0.0.0.0:80"));
        assert_eq!(found("127.0.0.1:81", &sockets), None);
    }

    #[test]
    fn only_a_dual_stack_listener_takes_the_other_family() {
        let both = [listener("[::]:80", Some(false))];
        assert_eq!(found("127.0.0.1:80", &both).as_deref(), Some("*:80"));
        let only = [listener("[::]:80", Some(true))];
        assert_eq!(found("127.0.0.1:80", &only), None);
        assert_eq!(found("[::1]:80", &only).as_deref(), Some("[::]:80"));
    }

    #[test]
    fn a_bound_udp_socket_takes_what_comes() {
        let mut socket = listener("0.0.0.0:53", None);
        (socket.protocol, socket.state) = (Protocol::Udp, State::Unconnected);
        assert_eq!(found("127.0.0.1:53", &[socket]).as_deref(), Some("0.0.0.0:53"));
    }

    #[test]
    fn listeners_at_other_addresses_are_told() {
        let sockets = [listener("10.0.0.5:80", None)];
        let Listening::Elsewhere(others) =
            Listening::find("127.0.0.1:80".parse().unwrap(), &sockets)
        else {
            panic!("nobody listens on 127.0.0.1");
        };
        assert_eq!(others[0].at, "10.0.0.5:80");
        assert_eq!(others[0].owner, "a process (unknown)");
    }
}
