//! What about a socket's options, queues and waiting programs deserves a word.

mod connection;
mod listening;
#[cfg(test)]
mod tests;
mod waiting;

use crate::model::options::{OptionFinding, OptionValue, SocketOption};
use crate::model::socket::{Socket, State};

use super::io_model::Model;

/// What is known of one socket.
pub(super) struct Look<'a> {
    pub(super) socket: &'a Socket,
    pub(super) options: &'a [SocketOption],
    /// Who waits; `None` where that could not be looked up.
    pub(super) waits: Option<&'a Model>,
    /// Other sockets with the same local port, without owners.
    pub(super) neighbours: &'a [Socket],
    /// The socket at the other end, where that is on this machine and was looked for.
    pub(super) peer: Option<&'a Socket>,
    /// The owners of it that have children.
    pub(super) parents: &'a [u32],
}

/// Every finding, the gravest first.
pub(super) fn findings(look: &Look<'_>) -> Vec<OptionFinding> {
    let checks: [fn(&Look<'_>) -> Option<OptionFinding>; 24] = [
        listening::accept_queue_full,
        waiting::close_wait,
        connection::peer_window_zero,
        connection::keepalive_unanswered,
        connection::retransmitting,
        waiting::receive_drops,
        waiting::unread_unwatched,
        linger_aborts,
        linger_nonblocking,
        timeout_nonblocking,
        connection::buffer_below_window,
        connection::buffer_fixed,
        connection::buffer_capped,
        connection::nagle_delayed_ack,
        connection::keepalive_off,
        connection::keepalive_late,
        connection::user_timeout,
        connection::idle,
        listening::backlog_capped,
        listening::beside_ipv4,
        listening::reuse_port_users,
        listening::reuse_port_neglected,
        listening::defer_accept,
        waiting::passed_on,
    ];
    checks.iter().filter_map(|check| check(look)).collect()
}

impl Look<'_> {
    fn option(&self, name: &str) -> Option<&SocketOption> {
        self.options.iter().find(|option| option.name == name)
    }

    fn is_on(&self, name: &str) -> Option<bool> {
        match self.option(name)?.value {
            OptionValue::Bool(on) => Some(on),
            _ => None,
        }
    }

    fn number(&self, name: &str) -> Option<i64> {
        match self.option(name)?.value {
            OptionValue::Number(number) => Some(number),
            OptionValue::Time { us } => Some(us),
            _ => None,
        }
    }

    /// A field of TCP_INFO.
    fn tcp(&self, field: &str) -> Option<i64> {
        let info = self.option("TCP_INFO")?;
        match info.parts.iter().find(|part| part.name == field)?.value {
            OptionValue::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Whether the peer takes nothing.
    pub(super) fn is_window_shut(&self) -> bool {
        let may_send = matches!(self.socket.state, State::Established | State::CloseWait);
        may_send && self.tcp("snd_wnd") == Some(0)
    }

    fn nonblocking(&self) -> bool {
        self.waits.is_some_and(|waits| waits.model.nonblocking == Some(true))
    }

    /// Whether it is known that nobody waits on it.
    fn is_unwatched(&self) -> bool {
        self.waits.is_some_and(|waits| {
            waits.is_whole && waits.model.watchers.is_empty() && waits.model.blocked_in.is_empty()
        })
    }

    /// Whether SO_BUF_LOCK says that this buffer was set by hand.
    fn is_fixed(&self, lock: &str) -> bool {
        let Some(OptionValue::Names(names)) = self.option("SO_BUF_LOCK").map(|o| &o.value) else {
            return false;
        };
        names.iter().any(|name| name == lock)
    }
}

/// A finding: its name, its sentence, what it was drawn from, what would be better.
fn finding(kind: &str, text: String, evidence: String, fix: &str) -> OptionFinding {
    OptionFinding {
        kind: kind.to_owned(),
        text,
        evidence: Some(evidence),
        fix: Some(fix.to_owned()),
    }
}

fn linger_aborts(look: &Look<'_>) -> Option<OptionFinding> {
    let linger = &look.option("SO_LINGER")?.value;
    (*linger == OptionValue::Linger { on: true, seconds: 0 }).then(|| {
        finding(
            "linger_aborts",
            "SO_LINGER is on with 0 s: close drops unsent data and resets the connection".into(),
            "SO_LINGER on, 0 s".into(),
            "switch SO_LINGER off, unless the reset is intended",
        )
    })
}

fn linger_nonblocking(look: &Look<'_>) -> Option<OptionFinding> {
    let OptionValue::Linger { on: true, seconds } = look.option("SO_LINGER")?.value else {
        return None;
    };
    (seconds != 0 && look.nonblocking()).then(|| {
        finding(
            "linger_nonblocking",
            "SO_LINGER is on and the socket is non-blocking: close still waits until the data is \
             acknowledged, and holds up the program that expects never to wait"
                .into(),
            format!("SO_LINGER on, {seconds} s; O_NONBLOCK"),
            "switch SO_LINGER off, or shut down for writing and wait for the peer's end",
        )
    })
}

fn timeout_nonblocking(look: &Look<'_>) -> Option<OptionFinding> {
    let set = ["SO_RCVTIMEO", "SO_SNDTIMEO"].map(|name| (name, look.number(name).unwrap_or(0)));
    let (name, us) = set.into_iter().find(|(_, us)| *us != 0)?;
    look.nonblocking().then(|| {
        finding(
            "timeout_nonblocking",
            format!("{name} is set and the socket is non-blocking, where it has no effect"),
            format!("{name} {} ms; O_NONBLOCK", us / 1000),
            "give the time limit to poll, epoll_wait or the event loop",
        )
    })
}
