//! Evidence for a target on this very host: who listens there, and how full its queue is.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::inspect::sockets;
use crate::model::health::{Health, Source};
use crate::model::socket::{Backlog, Family, Protocol, Socket, State};
use crate::model::tables::Table;
use crate::text::{address, clean};

/// What this host's socket table says about a port of its own.
#[derive(Clone, Debug, Default)]
pub(super) enum Evidence {
    /// Nobody asked: the target is another host, or nothing needs an explanation.
    #[default]
    Unasked,
    /// The table could not be read.
    Unknown(Health),
    /// The listener that a SYN to the target reaches.
    Here(Listener),
    /// Nobody listens at that address; these listen at other addresses on the same port.
    Elsewhere(Vec<Listener>),
}

/// A listener, as a sentence needs it: cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listener {
    /// `127.0.0.1:80`, `*:80`.
    pub at: String,
    /// `python3 4242`, `nginx 12 and 3 more`, or what is known instead.
    pub owner: String,
    /// Its accept queue, where the system tells.
    pub backlog: Option<Backlog>,
}

impl Evidence {
    /// Lists this host's sockets and looks for `target`. Blocks no other task.
    pub(super) async fn gather(target: SocketAddr) -> Self {
        let tcp = sockets::Request { tables: Table::Tcp.into(), ..Default::default() };
        let listing = tokio::task::spawn_blocking(move || sockets::list(&tcp));
        match listing.await {
            Ok(Ok(listing)) => Self::find(target, &listing.sockets),
            Ok(Err(error)) => Self::Unknown(unread(&error.to_string())),
            Err(broken) => Self::Unknown(unread(&broken.to_string())),
        }
    }

    fn find(target: SocketAddr, sockets: &[Socket]) -> Self {
        let on_port: Vec<&Socket> = sockets
            .iter()
            .filter(|s| s.protocol == Protocol::Tcp && s.state == State::Listen)
            .filter(|s| s.local.port == Some(target.port()))
            .collect();
        // The kernel prefers the listener of the very address to one of all addresses.
        let exact = on_port.iter().find(|s| s.local.canonical_addr() == Some(target.ip()));
        match exact.or_else(|| on_port.iter().find(|s| takes_all(s, target))) {
            Some(socket) => Self::Here(Listener::of(socket)),
            None => Self::Elsewhere(on_port.into_iter().map(Listener::of).collect()),
        }
    }

    /// The listener as the connect stage's detail has it; `None` when nothing was found out.
    pub(super) fn fact(&self) -> Option<Value> {
        match self {
            Self::Unasked | Self::Unknown(_) => None,
            Self::Elsewhere(_) => Some(Value::Null),
            Self::Here(Listener { at, owner, backlog }) => {
                Some(json!({ "at": at, "owner": owner, "backlog": backlog }))
            }
        }
    }
}

fn unread(why: &str) -> Health {
    Health::degraded(
        Source::Sockets,
        format!("the listeners of this host could not be listed: {why}"),
    )
}

/// Whether `socket` listens on all addresses of the target's family.
fn takes_all(socket: &Socket, target: SocketAddr) -> bool {
    let same = socket.family == if target.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    socket.local.is_wildcard() && (same || socket.is_dual_stack())
}

impl Listener {
    fn of(socket: &Socket) -> Self {
        Self {
            at: address::local(socket).to_string(),
            owner: owner(socket),
            backlog: socket.backlog,
        }
    }
}

fn owner(socket: &Socket) -> String {
    let mut pids: Vec<u32> = socket.owners.iter().map(|owner| owner.process.pid).collect();
    pids.dedup();
    match (socket.owners.first(), pids.len()) {
        (None, _) => format!("a process ({})", socket.ownership.kind.name()),
        (Some(first), count) => {
            let name = format!("{} {}", clean(&first.process.name), first.process.pid);
            if count == 1 { name } else { format!("{name} and {} more", count - 1) }
        }
    }
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
        match Evidence::find(target.parse().unwrap(), sockets) {
            Evidence::Here(listener) => Some(listener.at),
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
    fn listeners_at_other_addresses_are_told() {
        let sockets = [listener("10.0.0.5:80", None)];
        let Evidence::Elsewhere(others) = Evidence::find("127.0.0.1:80".parse().unwrap(), &sockets)
        else {
            panic!("nobody listens on 127.0.0.1");
        };
        assert_eq!(others[0].at, "10.0.0.5:80");
        assert_eq!(others[0].owner, "a process (unknown)");
    }
}
