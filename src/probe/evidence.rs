//! What this host's own tables say about a target: who listens there, which rules stand in the
//! way, whether the next hop answers. Looked up only where it can explain something.

pub(super) mod drops;
pub(super) mod listener;
pub(super) mod reset;
pub(super) mod rules;

use std::net::SocketAddr;

use super::fault::{Fault, Scene};
use crate::inspect::sockets;
use crate::model::health::{Health, Source};
use crate::model::interface::Inet6Address;
use crate::model::probe::ListenerDetail;
use crate::model::socket::{Protocol, Socket};
use crate::model::tables::Table;
use crate::sys::{inet6, neighbours};
use drops::Drop;
use listener::Listening;
use rules::Rules;

/// The evidence of one attempt.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// Who listens at the target, where that is this host.
    pub listening: Listening,
    /// The rules of this host that its packets meet.
    pub rules: Rules,
    /// A packet of the handshake that this host's kernel has dropped, where that may be watched.
    pub dropped: Option<Drop>,
    /// Whether the next hop was asked for its link address and has not answered; `None` where
    /// nobody knows.
    pub silent_neighbour: Option<bool>,
    /// Who on this host answers in the target's place.
    pub redirected_to: Option<ListenerDetail>,
    /// Whether the connection still waits to be accepted, where the target is this host.
    pub unaccepted: bool,
    /// This host's IPv6 addresses, where one of them may be missing.
    pub inet6: Vec<Inet6Address>,
    /// What could not be looked at.
    pub health: Option<Health>,
}

impl Evidence {
    /// Looks for what could explain that a handshake failed. Blocks no other task.
    pub(super) async fn of_failure(&mut self, fault: &Fault, scene: &Scene) {
        if fault.is_before_the_network() {
            let v6 = scene.address.is_ipv6() || scene.source.is_some_and(|own| own.is_ipv6());
            self.inet6 = if v6 { inet6::addresses().unwrap_or_default() } else { Vec::new() };
            return;
        }
        if scene.to_self {
            let protocol = if scene.is_udp { Protocol::Udp } else { Protocol::Tcp };
            // An echo goes to no port.
            if scene.address.port() != 0 {
                self.look_for_listener(scene.address, protocol).await;
            }
        } else if let Some((index, hop)) = next_hop(scene) {
            let look = move || neighbours::is_silent(index, hop).ok().flatten();
            self.silent_neighbour = tokio::task::spawn_blocking(look).await.ok().flatten();
        }
        self.rules = Rules::look(scene).await;
    }

    /// Looks who has the listener of a target on this host, or another one on its port.
    pub(super) async fn look_for_listener(&mut self, target: SocketAddr, protocol: Protocol) {
        let table = if protocol == Protocol::Udp { Table::Udp } else { Table::Tcp };
        let request = sockets::Request {
            tables: table.into(),
            port: Some(target.port()),
            ..sockets::Request::default()
        };
        let found = tokio::task::spawn_blocking(move || {
            let listing = sockets::list(&request).map_err(|error| error.to_string())?;
            Ok(Listening::find(target, &listing.sockets))
        });
        match found.await.unwrap_or_else(|broken| Err(broken.to_string())) {
            Ok(listening) => self.listening = listening,
            Err(why) => self.health = Some(unread(&why)),
        }
    }

    /// Looks whether a connection from `local` to this host still waits to be accepted; if so,
    /// whose it is to accept it.
    pub(super) async fn look_whether_accepted(&mut self, local: SocketAddr, target: SocketAddr) {
        // One request to the kernel: it takes less time than to ask another thread for it.
        let Ok(Some(theirs)) = sockets::connection(target, local) else { return };
        // A socket without an inode has no descriptor: nobody has accepted it.
        self.unaccepted = theirs.inode == Some(0);
        if self.unaccepted {
            self.look_for_listener(target, Protocol::Tcp).await;
        }
    }

    /// Looks whether a process of this host has the other end of a connection that goes to
    /// another one's address: a rule sends it here.
    pub(super) async fn look_for_redirect(&mut self, local: SocketAddr, scene: &Scene) {
        let target = scene.address;
        let request = sockets::Request { tables: Table::Tcp.into(), ..Default::default() };
        let look = move || {
            let listing = sockets::list(&request).ok()?;
            let ours = listing.sockets.iter().find(|socket| is_other_end(socket, local))?;
            let port = ours.local.port?;
            let at = SocketAddr::new(ours.local.addr?, port);
            (at != target).then(|| Listening::find(at, &listing.sockets).detail()).flatten()
        };
        self.redirected_to = tokio::task::spawn_blocking(look).await.ok().flatten();
        if self.redirected_to.is_some() {
            self.rules = Rules::look(scene).await;
        }
    }
}

fn is_other_end(socket: &Socket, local: SocketAddr) -> bool {
    socket.remote.as_ref().is_some_and(|remote| remote.is_at(local))
}

/// Who on the link has to take the packets, and on which interface.
fn next_hop(scene: &Scene) -> Option<(u32, std::net::IpAddr)> {
    let way = scene.way.as_ref()?;
    Some((way.index?, way.gateway.unwrap_or(scene.address.ip())))
}

fn unread(why: &str) -> Health {
    Health::degraded(
        Source::Sockets,
        format!("the listeners of this host could not be listed: {why}"),
    )
}
