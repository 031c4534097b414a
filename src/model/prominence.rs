//! What leads in a list of sockets that nobody has ordered: who can be reached, then who has
//! something to say, then the rest.

use super::socket::{Socket, State, TimerKind};

/// How near to the top of a list a socket belongs. Within a rank sockets keep their documented
/// order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Prominence {
    /// It can be reached: it listens, or is bound without a peer.
    Serving,
    /// Something waits or moves in it, or something is wrong with it.
    Talking,
    /// Nothing does.
    Quiet,
    /// The kernel keeps its port a while longer.
    TimeWait,
    /// It is sockpit's own.
    Own,
}

impl Prominence {
    /// In order.
    pub const ALL: [Self; 5] =
        [Self::Serving, Self::Talking, Self::Quiet, Self::TimeWait, Self::Own];

    /// The rank of a socket, for the sockpit whose process is `own`.
    pub fn of(socket: &Socket, own: u32) -> Self {
        if !socket.owners.is_empty() && socket.owners.iter().all(|owner| owner.process.pid == own) {
            return Self::Own;
        }
        match socket.state {
            State::TimeWait => Self::TimeWait,
            State::Listen | State::Bound | State::Unconnected if socket.remote.is_none() => {
                Self::Serving
            }
            _ if talks(socket) => Self::Talking,
            _ => Self::Quiet,
        }
    }
}

/// Whether something waits or moves, or the other end keeps silent or has gone.
fn talks(socket: &Socket) -> bool {
    let waits = socket.recv_q.unwrap_or(0) > 0 || socket.send_q.unwrap_or(0) > 0;
    let moves = socket.rates.is_some_and(|rates| !rates.is_idle());
    let is_stuck = socket.timer.is_some_and(|timer| timer.kind == TimerKind::ZeroWindowProbe);
    let is_odd = matches!(socket.state, State::SynSent | State::SynReceived | State::CloseWait);
    waits || moves || is_stuck || is_odd
}

/// The port of this host under which a socket in TIME_WAIT stands together with others.
pub fn waiting_port(socket: &Socket) -> Option<u16> {
    socket.local.port.filter(|_| socket.state == State::TimeWait)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::activity::Rates;
    use crate::model::owner::{Owner, Process};
    use crate::model::socket::{Endpoint, Family, Protocol};

    fn socket(state: State) -> Socket {
        let local = Endpoint::ip([127, 0, 0, 1], 80);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, state, local);
        if !matches!(state, State::Listen | State::Bound) {
            socket.remote = Some(Endpoint::ip([127, 0, 0, 1], 4000));
        }
        socket
    }

    #[test]
    fn servers_lead_and_what_waits_moves_or_is_wrong_comes_before_the_rest() {
        let of = |socket: &Socket| Prominence::of(socket, 7);
        assert_eq!(of(&socket(State::Listen)), Prominence::Serving);
        assert_eq!(of(&socket(State::Bound)), Prominence::Serving);
        assert_eq!(of(&socket(State::TimeWait)), Prominence::TimeWait);
        assert_eq!(of(&socket(State::CloseWait)), Prominence::Talking);
        let mut connection = socket(State::Established);
        assert_eq!(of(&connection), Prominence::Quiet);
        connection.rates = Some(Rates::IDLE);
        assert_eq!(of(&connection), Prominence::Quiet);
        connection.rates = Some(Rates { bytes_sent_per_s: 1.0, bytes_received_per_s: 0.0 });
        assert_eq!(of(&connection), Prominence::Talking);
        let mut connection = socket(State::Established);
        (connection.recv_q, connection.send_q) = (Some(0), Some(9));
        assert_eq!(of(&connection), Prominence::Talking);
    }

    #[test]
    fn what_sockpit_holds_with_others_is_not_its_own() {
        let mut listener = socket(State::Listen);
        let owner = |pid| Owner::new(Some(3), Arc::new(Process::named(pid, 1, "x")));
        listener.owners.push(owner(7));
        assert_eq!(Prominence::of(&listener, 7), Prominence::Own);
        listener.owners.push(owner(8));
        assert_eq!(Prominence::of(&listener, 7), Prominence::Serving);
    }
}
