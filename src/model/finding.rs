//! What looks wrong with a socket, from its row alone.

use super::owner::OwnershipKind;
use super::socket::{Backlog, Protocol, Socket, State};

/// Something that a socket's program, or its operator, should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// As many connections wait to be accepted as the listener takes: further ones are dropped.
    AcceptQueueFull,
    /// The peer has closed the connection and the program has not (RFC 9293, CLOSE-WAIT).
    CloseWait,
    /// Datagrams arrived faster than they were read, and were dropped.
    ReceiveDrops,
}

impl Finding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AcceptQueueFull, Self::CloseWait, Self::ReceiveDrops];

    /// Its name in queries.
    pub fn name(self) -> &'static str {
        match self {
            Self::AcceptQueueFull => "accept_queue_full",
            Self::CloseWait => "close_wait",
            Self::ReceiveDrops => "receive_drops",
        }
    }

    /// One sentence on what it means.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::AcceptQueueFull => {
                "the accept queue is full: new connections are dropped until the program accepts"
            }
            Self::CloseWait => "the peer has closed the connection and the program has not",
            Self::ReceiveDrops => "datagrams were dropped, because the program reads too slowly",
        }
    }

    fn is_seen_in(self, socket: &Socket) -> bool {
        match self {
            Self::AcceptQueueFull => socket.backlog.is_some_and(Backlog::is_full),
            // What no program holds the kernel closes by itself.
            Self::CloseWait => {
                socket.state == State::CloseWait && socket.ownership.kind != OwnershipKind::Kernel
            }
            Self::ReceiveDrops => {
                let is_datagram = matches!(socket.protocol, Protocol::Udp | Protocol::Udplite);
                is_datagram && socket.drops.is_some_and(|drops| drops > 0)
            }
        }
    }
}

/// The findings of a socket.
pub fn of(socket: &Socket) -> impl Iterator<Item = Finding> + '_ {
    Finding::ALL.into_iter().filter(|finding| finding.is_seen_in(socket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::owner::Ownership;
    use crate::model::socket::{Endpoint, Family};

    fn socket(protocol: Protocol, state: State) -> Socket {
        Socket::new(Family::Ipv4, protocol, state, Endpoint::default())
    }

    fn found(socket: &Socket) -> Vec<Finding> {
        of(socket).collect()
    }

    #[test]
    fn one_more_than_the_limit_is_full() {
        let mut socket = socket(Protocol::Tcp, State::Listen);
        socket.backlog = Some(Backlog { queued: 5, limit: 5 });
        assert_eq!(found(&socket), []);
        socket.backlog = Some(Backlog { queued: 6, limit: 5 });
        assert_eq!(found(&socket), [Finding::AcceptQueueFull]);
    }

    #[test]
    fn only_a_program_can_forget_to_close() {
        let mut socket = socket(Protocol::Tcp, State::CloseWait);
        assert_eq!(found(&socket), [Finding::CloseWait]);
        socket.ownership = Ownership::kernel("orphan");
        assert_eq!(found(&socket), []);
    }

    #[test]
    fn drops_of_tcp_are_no_finding() {
        let mut socket = socket(Protocol::Udp, State::Unconnected);
        socket.drops = Some(3);
        assert_eq!(found(&socket), [Finding::ReceiveDrops]);
        socket.protocol = Protocol::Tcp;
        assert_eq!(found(&socket), []);
    }
}
