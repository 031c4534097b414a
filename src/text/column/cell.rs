//! What each column shows of a socket.

use std::fmt::{self, Display, Formatter};

use super::list::Column::{self, *};
use crate::model::activation::principal_owner;
use crate::model::activity::Rates;
use crate::model::owner::OwnershipKind;
use crate::model::socket::{Endpoint, Socket, State, TimerKind};
use crate::text::units::UNKNOWN;
use crate::text::{address, clean, owner};

/// One cell, shown without allocation.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// Which column.
    pub column: Column,
    /// Of which row.
    pub socket: &'a Socket,
}

impl Display for Cell<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let socket = self.socket;
        if let Some(number) = self.column.number() {
            return known(f, number(socket));
        }
        match self.column {
            Proto => f.write_str(address::protocol(socket)),
            Local => write!(f, "{}", address::local(socket)),
            Remote => write!(f, "{}", address::remote(socket)),
            State => f.write_str(socket.state.name()),
            LocalAddr => addr(f, Some(&socket.local)),
            RemoteAddr => addr(f, socket.remote.as_ref()),
            Queue => queue(f, socket),
            Pid => pid(f, socket),
            Fd => known(f, principal_owner(socket).and_then(|owner| owner.fd)),
            Name => name(f, socket),
            User => match (&socket.user, socket.uid) {
                (Some(name), _) => f.write_str(&clean(name)),
                (None, uid) => known(f, uid),
            },
            Service => cleaned(f, socket.service.as_deref()),
            Ownership => ownership(f, socket),
            Backlog => known(f, socket.backlog.map(|b| Slash(b.queued, b.limit))),
            Timer => timer(f, socket),
            Family => f.write_str(socket.family.name()),
            Interface => cleaned(f, socket.interface.as_deref()),
            SentRate => known(f, socket.rates.map(|rates| rates.bytes_sent_per_s.round())),
            ReceivedRate => known(f, socket.rates.map(|rates| rates.bytes_received_per_s.round())),
            Rate => known(f, socket.rates.map(Rates::total)),
            Peer => known(f, socket.peer.as_deref().map(owner::peer)),
            Cgroup => cleaned(f, socket.cgroup.as_deref()),
            NetnsName => match &socket.netns_name {
                Some(name) => f.write_str(&clean(name)),
                None => known(f, socket.netns),
            },
            Congestion => cleaned(f, socket.tcp.as_ref().and_then(|tcp| tcp.congestion.as_deref())),
            _ => self.process(f),
        }
    }
}

impl Cell<'_> {
    /// What belongs to the owner that is named.
    fn process(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(owner) = principal_owner(self.socket) else { return f.write_str(UNKNOWN) };
        let process = &owner.process;
        match self.column {
            Cmdline if process.cmdline.is_empty() => f.write_str(UNKNOWN),
            Cmdline => f.write_str(&clean(&process.cmdline.join(" "))),
            Exe => cleaned(f, process.exe.as_deref()),
            Cwd => cleaned(f, process.cwd.as_deref()),
            Unit => cleaned(f, process.unit.as_ref().map(|unit| &*unit.name)),
            Supervisor if process.container.is_none() => {
                cleaned(f, process.unit.as_ref().map(|unit| &*unit.name))
            }
            Container | Supervisor => match &process.container {
                Some(container) => {
                    write!(f, "{}:{}", clean(&container.runtime), clean(container.shown()))
                }
                None => f.write_str(UNKNOWN),
            },
            _ => f.write_str(UNKNOWN),
        }
    }
}

struct Slash(u32, u32);

impl Display for Slash {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

fn known(f: &mut Formatter<'_>, value: Option<impl Display>) -> fmt::Result {
    match value {
        Some(value) => write!(f, "{value}"),
        None => f.write_str(UNKNOWN),
    }
}

/// An address as it is, or a path.
fn addr(f: &mut Formatter<'_>, end: Option<&Endpoint>) -> fmt::Result {
    match end.map(|end| (&end.path, end.addr)) {
        Some((Some(path), _)) => f.write_str(&clean(path)),
        Some((None, addr)) => known(f, addr),
        None => f.write_str(UNKNOWN),
    }
}

fn cleaned(f: &mut Formatter<'_>, text: Option<&str>) -> fmt::Result {
    f.write_str(&text.map_or(UNKNOWN.into(), clean))
}

/// What waits, in one notation: `3/128` are three connections in an accept queue whose limit is
/// 128, `!` where there is little room left or none; `52:0` are bytes unread and unsent.
fn queue(f: &mut Formatter<'_>, socket: &Socket) -> fmt::Result {
    if let Some(backlog) = socket.backlog {
        let alarm = if backlog.is_crowded() { "!" } else { "" };
        return write!(f, "{}/{}{alarm}", backlog.queued, backlog.limit);
    }
    if socket.recv_q.is_none() && socket.send_q.is_none() {
        return f.write_str(UNKNOWN);
    }
    known(f, socket.recv_q)?;
    f.write_str(":")?;
    known(f, socket.send_q)
}

/// One process and how many more, or the word for why there is none.
fn pid(f: &mut Formatter<'_>, socket: &Socket) -> fmt::Result {
    let Some(first) = principal_owner(socket) else {
        return f.write_str(socket.ownership.kind.name());
    };
    write!(f, "{}", first.process.pid)?;
    match processes(socket) {
        0 | 1 => Ok(()),
        count => write!(f, "+{}", count - 1),
    }
}

/// How many processes hold it; owners are in order of their pid.
fn processes(socket: &Socket) -> usize {
    let owners = &socket.owners;
    1 + owners.windows(2).filter(|pair| pair[0].process.pid != pair[1].process.pid).count()
}

fn name(f: &mut Formatter<'_>, socket: &Socket) -> fmt::Result {
    match owner::name(socket) {
        Some(name) => f.write_str(&name),
        // TIME_WAIT says it already.
        None if socket.state == State::TimeWait => f.write_str(UNKNOWN),
        None => match owner::kernel(socket) {
            Some(what) => f.write_str(&what),
            None => f.write_str(UNKNOWN),
        },
    }
}

fn ownership(f: &mut Formatter<'_>, socket: &Socket) -> fmt::Result {
    f.write_str(socket.ownership.kind.name())?;
    match &socket.ownership.detail {
        Some(detail) if socket.ownership.kind == OwnershipKind::Kernel => write!(f, ":{detail}"),
        _ => Ok(()),
    }
}

fn timer(f: &mut Formatter<'_>, socket: &Socket) -> fmt::Result {
    let Some(timer) = socket.timer else { return f.write_str(UNKNOWN) };
    let kind = match timer.kind {
        TimerKind::Retransmit => "retransmit",
        TimerKind::Keepalive => "keepalive",
        TimerKind::TimeWait => "time_wait",
        TimerKind::ZeroWindowProbe => "probe",
    };
    write!(f, "{kind} {:.1}s", f64::from(timer.expires_ms) / 1000.0)
}
