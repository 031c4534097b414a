//! What waits to be read, as far as the receive queue tells.

use super::protocol::Protocol;
use super::record::Socket;
use super::state::State;

/// What a receive queue holds. The kernel counts it in other ways for each protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// So many bytes, and after them the end that the peer sent, if it did.
    Stream {
        /// Bytes of data.
        bytes: u32,
        /// Whether the program has not read the peer's FIN either.
        end: bool,
    },
    /// Datagrams, of which only the memory is told: their bytes and what the kernel keeps beside.
    Memory(u32),
    /// Datagrams, of which the first has so many bytes.
    FirstOf(u32),
}

impl Unread {
    /// Whether nothing waits.
    pub fn is_nothing(self) -> bool {
        matches!(self, Self::Stream { bytes: 0, end: false } | Self::Memory(0) | Self::FirstOf(0))
    }
}

impl Socket {
    /// What waits to be read; `None` where that is not told, and for listeners.
    pub fn unread(&self) -> Option<Unread> {
        let queued = self.recv_q.filter(|_| self.state != State::Listen)?;
        Some(match self.protocol {
            Protocol::Tcp => {
                // A FIN takes a number of its own after all data, and counts until it is read.
                let has_end = matches!(
                    self.state,
                    State::CloseWait | State::LastAck | State::Closing | State::TimeWait
                );
                let end = has_end && queued > 0;
                Unread::Stream { bytes: queued - u32::from(end), end }
            }
            Protocol::Mptcp | Protocol::Stream | Protocol::Seqpacket => {
                Unread::Stream { bytes: queued, end: false }
            }
            Protocol::Dgram => Unread::FirstOf(queued),
            Protocol::Udp
            | Protocol::Udplite
            | Protocol::Raw
            | Protocol::Icmp
            | Protocol::Packet
            | Protocol::Netlink => Unread::Memory(queued),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Endpoint, Family};
    use super::*;

    fn unread(protocol: Protocol, state: State, queued: u32) -> Option<Unread> {
        let mut socket = Socket::new(Family::Ipv4, protocol, state, Endpoint::default());
        socket.recv_q = Some(queued);
        socket.unread()
    }

    #[test]
    fn a_fin_is_no_byte_and_memory_is_none_either() {
        let stream = |bytes, end| Some(Unread::Stream { bytes, end });
        assert_eq!(unread(Protocol::Tcp, State::Established, 1), stream(1, false));
        assert_eq!(unread(Protocol::Tcp, State::CloseWait, 1), stream(0, true));
        assert_eq!(unread(Protocol::Tcp, State::CloseWait, 7), stream(6, true));
        assert_eq!(unread(Protocol::Tcp, State::CloseWait, 0), stream(0, false));
        assert_eq!(unread(Protocol::Udp, State::Unconnected, 832), Some(Unread::Memory(832)));
        assert_eq!(unread(Protocol::Tcp, State::Listen, 3), None);
        assert!(Unread::Memory(0).is_nothing());
        assert!(!Unread::Stream { bytes: 0, end: true }.is_nothing());
    }
}
