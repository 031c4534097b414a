//! How a TCP connection gets on: what one look at it tells.

use super::protocol::Protocol;
use super::queue::TimerKind;
use super::record::Socket;
use super::state::State;

impl Socket {
    /// Milliseconds since data was last received, or since the connection began where none ever
    /// was.
    pub fn idle_ms(&self) -> Option<u32> {
        let is_open = !matches!(self.state, State::SynSent | State::SynReceived);
        self.tcp.as_deref().filter(|_| is_open)?.last_data_received_ms
    }

    /// Bytes that the peer takes at this moment. Before its first segment it has told nothing.
    pub fn peer_window_bytes(&self) -> Option<u32> {
        let may_send = matches!(
            self.state,
            State::Established
                | State::CloseWait
                | State::FinWait1
                | State::Closing
                | State::LastAck
        );
        self.tcp.as_deref().filter(|_| may_send)?.snd_wnd_bytes
    }

    /// Whether the peer's window is shut; `None` where that is not told.
    pub fn is_window_shut(&self) -> Option<bool> {
        self.peer_window_bytes().map(|bytes| bytes == 0)
    }

    /// While the peer's window is shut, milliseconds since data last left: it was that data which
    /// filled the window. `None` while it is open, and where it is not told.
    pub fn shut_ms(&self) -> Option<u32> {
        self.tcp.as_deref().filter(|_| self.is_window_shut() == Some(true))?.last_data_sent_ms
    }

    /// Keep-alive probes in a row that nothing answered.
    pub fn unanswered_probes(&self) -> Option<u8> {
        let is_half_open = self.state == State::SynReceived;
        self.unanswered(TimerKind::Keepalive).filter(|_| !is_half_open)
    }

    /// How many times in a row the oldest segment was sent again without an answer.
    pub fn retransmitting(&self) -> Option<u8> {
        // The kernel shows the timer of a SYN-ACK as one of keep-alive.
        let of_syn_ack = self.state == State::SynReceived;
        let kind = if of_syn_ack { TimerKind::Keepalive } else { TimerKind::Retransmit };
        self.unanswered(kind)
    }

    /// What the running timer has sent in vain, if it is of this kind: a connection has one at a
    /// time that can.
    fn unanswered(&self, kind: TimerKind) -> Option<u8> {
        let has_timers =
            !matches!(self.state, State::Listen | State::Closed | State::Bound | State::TimeWait);
        if self.protocol != Protocol::Tcp || !has_timers {
            return None;
        }
        match self.timer {
            Some(timer) if timer.kind == kind => Some(timer.unanswered),
            Some(_) => Some(0),
            // Whoever tells cookies tells timers.
            None => self.cookie.map(|_| 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Endpoint, Family, Timer};
    use super::*;
    use crate::model::tcp::TcpInfo;

    fn connection(state: State, timer: Option<(TimerKind, u8)>) -> Socket {
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, state, Endpoint::default());
        socket.cookie = Some(1);
        socket.timer = timer.map(|(kind, unanswered)| Timer { kind, expires_ms: 5, unanswered });
        socket
    }

    #[test]
    fn what_a_timer_has_sent_in_vain_belongs_to_its_kind() {
        let told = |state, timer| {
            let socket = connection(state, timer);
            (socket.unanswered_probes(), socket.retransmitting())
        };
        let open = State::Established;
        assert_eq!(told(open, None), (Some(0), Some(0)));
        assert_eq!(told(open, Some((TimerKind::Keepalive, 3))), (Some(3), Some(0)));
        assert_eq!(told(open, Some((TimerKind::Retransmit, 2))), (Some(0), Some(2)));
        assert_eq!(told(open, Some((TimerKind::ZeroWindowProbe, 2))), (Some(0), Some(0)));
        let half_open = told(State::SynReceived, Some((TimerKind::Keepalive, 2)));
        assert_eq!(half_open, (None, Some(2)));
        assert_eq!(told(State::Listen, None), (None, None));
        let mut untold = connection(open, None);
        untold.cookie = None;
        assert_eq!((untold.unanswered_probes(), untold.retransmitting()), (None, None));
    }

    #[test]
    fn a_window_is_shut_only_once_the_peer_has_told_one() {
        let shut = |state, window| {
            let mut socket = connection(state, None);
            socket.tcp = Some(Box::new(TcpInfo {
                snd_wnd_bytes: window,
                last_data_sent_ms: Some(900),
                ..TcpInfo::default()
            }));
            (socket.is_window_shut(), socket.shut_ms())
        };
        assert_eq!(shut(State::Established, Some(0)), (Some(true), Some(900)));
        assert_eq!(shut(State::Established, Some(512)), (Some(false), None));
        assert_eq!(shut(State::Established, None), (None, None));
        assert_eq!(shut(State::SynSent, Some(0)), (None, None));
    }
}
