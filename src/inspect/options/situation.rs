//! What decides whether a difference from an untouched socket means anything: the kind of socket
//! and the stage of its life.

use crate::catalog::sockopts::{Entry, SetWhen};
use crate::model::socket::{Endpoint, Family, Protocol, Socket, State};
use crate::sys::options::Reading;

use super::index_of;

/// `tcpi_state` of linux/tcp.h.
const TCP_CLOSE: u8 = 7;
const TCP_LISTEN: u8 = 10;
/// Where these begin in `struct tcp_info`.
const PMTU_AT: usize = 60;
const SEGS_OUT_AT: usize = 136;

/// The kind of one socket and its stage.
pub(super) struct Situation<'a> {
    pub(super) family: Family,
    pub(super) protocol: Protocol,
    /// Whether it has options of TCP.
    pub(super) tcp: bool,
    /// Whether there is a peer, or was one.
    pub(super) connected: bool,
    pub(super) listens: bool,
    pub(super) local: &'a Endpoint,
    pub(super) remote: Option<&'a Endpoint>,
    reading: Option<&'a Reading>,
}

impl<'a> Situation<'a> {
    /// Of a socket whose options were read.
    pub(super) fn of(socket: &'a Socket, reading: &'a Reading) -> Self {
        let tcp_info = answer(reading, "TCP_INFO");
        Self {
            family: socket.family,
            protocol: socket.protocol,
            tcp: tcp_info.is_some() || socket.protocol == Protocol::Mptcp,
            connected: tcp_info.map_or(reading.remote.is_some(), was_connected),
            listens: answer(reading, "SO_ACCEPTCONN").is_some_and(|raw| raw != [0; 4]),
            local: reading.local.as_ref().unwrap_or(&socket.local),
            remote: reading.remote.as_ref(),
            reading: Some(reading),
        }
    }

    /// Of a socket of which only its row is known.
    pub(super) fn of_row(socket: &'a Socket) -> Self {
        let unconnected = [State::Listen, State::Bound, State::Closed, State::Unconnected];
        Self {
            family: socket.family,
            protocol: socket.protocol,
            tcp: matches!(socket.protocol, Protocol::Tcp | Protocol::Mptcp),
            connected: !unconnected.contains(&socket.state),
            listens: socket.state == State::Listen,
            local: &socket.local,
            remote: socket.remote.as_ref(),
            reading: None,
        }
    }

    /// What getsockopt returned for an option.
    pub(super) fn answer(&self, name: &str) -> Option<&'a [u8]> {
        answer(self.reading?, name)
    }

    /// The same as one C int.
    pub(super) fn int(&self, name: &str) -> Option<i32> {
        Some(i32::from_ne_bytes(self.answer(name)?.try_into().ok()?))
    }

    /// The congestion control algorithm.
    pub(super) fn algorithm(&self) -> Option<&'a str> {
        let name = self.answer("TCP_CONGESTION")?;
        std::str::from_utf8(name.split(|byte| *byte == 0).next()?).ok()
    }

    /// Whether the buffer's size was set by hand, by SO_BUF_LOCK; `None` before kernel 5.14.
    pub(super) fn is_locked(&self, buffer: &str) -> Option<bool> {
        let bit = if buffer == "SO_SNDBUF" { 1 } else { 2 };
        Some(self.int("SO_BUF_LOCK")? & bit != 0)
    }

    /// Whether a setsockopt of the option can succeed, rights apart.
    pub(super) fn takes(&self, entry: &Entry) -> bool {
        let bound = self.local.port.is_some_and(|port| port != 0) || self.connected;
        entry.is_settable_on(self.family.name(), self.protocol.name())
            && match entry.set_when {
                SetWhen::Any => true,
                SetWhen::Unbound => !bound,
                SetWhen::Unconnected => !self.connected,
                SetWhen::Closed => !self.connected && !self.listens,
                SetWhen::Connected => self.connected,
                SetWhen::Repair => self.int("TCP_REPAIR").is_some_and(|on| on != 0),
            }
    }
}

fn answer<'a>(reading: &'a Reading, name: &str) -> Option<&'a [u8]> {
    reading.answers.get(index_of(name)?)?.as_deref()
}

/// Whether a TCP socket has or had a peer, by its TCP_INFO: a connection that was reset or refused
/// is in CLOSE again, with what it learnt.
pub(super) fn was_connected(tcp_info: &[u8]) -> bool {
    let is_set = |at: usize| tcp_info.get(at..at + 4).is_some_and(|bytes| bytes != [0; 4]);
    match tcp_info.first() {
        Some(&TCP_LISTEN) => false,
        Some(&TCP_CLOSE) => is_set(SEGS_OUT_AT) || is_set(PMTU_AT),
        _ => true,
    }
}
