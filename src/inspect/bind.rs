//! Whether a bind would succeed now, and what stands against it: the one answer that `why`,
//! `wait`, `free` and `kill` give.

mod trials;
mod words;

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use super::{Error, sockets};
use crate::model::socket::{Protocol, Socket, State};
use crate::sys::resolve;
use crate::sys::trial::{self, Trial};

pub(super) use trials::{at, places};

/// The bind that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// 1 to 65535.
    pub port: u16,
    /// UDP instead of TCP.
    pub udp: bool,
    /// Where; `None` for every address, of IPv4, of IPv6, and of both at once.
    pub addr: Option<IpAddr>,
    /// Index of the interface of a link-local address; 0 where none was given.
    pub scope: u32,
}

impl Target {
    /// A bind of every address.
    pub fn everywhere(port: u16, udp: bool) -> Self {
        Self { port, udp, addr: None, scope: 0 }
    }

    /// `8080`, `53/udp`.
    pub fn name(&self) -> String {
        let protocol = if self.udp { "/udp" } else { "" };
        format!("{}{protocol}", self.port)
    }

    /// The address as `--addr` takes it, a link-local one with its interface's number.
    pub(super) fn named_addr(&self) -> Option<String> {
        let addr = self.addr?;
        let zone = if self.scope == 0 { String::new() } else { format!("%{}", self.scope) };
        Some(format!("{addr}{zone}"))
    }

    /// The protocol that is bound.
    pub fn protocol(&self) -> Protocol {
        if self.udp { Protocol::Udp } else { Protocol::Tcp }
    }

    /// The one address that is asked about; `None` for every address, of one family or both.
    pub fn one_addr(&self) -> Option<IpAddr> {
        self.addr.map(|addr| addr.to_canonical()).filter(|addr| !addr.is_unspecified())
    }

    /// A link-local address means nothing without its interface; where none was given, that of
    /// a socket that has the address.
    pub fn with_scope_of<'a>(&self, sockets: impl IntoIterator<Item = &'a Socket>) -> Self {
        let lacks = self.scope == 0 && self.addr.is_some_and(|addr| is_link_local(&addr));
        let mut same = sockets.into_iter().filter(|socket| lacks && socket.local.addr == self.addr);
        let found = same.find_map(|socket| scope(socket.local.scope.as_deref()?).ok());
        Self { scope: found.unwrap_or(self.scope), ..*self }
    }

    /// Whether the socket has the target's port and protocol, on any address.
    pub fn is_port_of(&self, socket: &Socket) -> bool {
        holds_port(socket, self.udp) && socket.local.port == Some(self.port)
    }

    /// Whether a plain bind meets `socket`, which has its port.
    pub fn meets(&self, socket: &Socket) -> bool {
        let Some(held) = socket.local.canonical_addr() else { return false };
        // A bind of every address tries both families at once, as one of `::` does by default.
        let Some(wanted) = self.addr.map(|addr| addr.to_canonical()) else { return true };
        match (wanted, held) {
            (IpAddr::V6(v6), _) if v6.is_unspecified() => true,
            (IpAddr::V4(_), IpAddr::V6(_)) => socket.is_dual_stack(),
            (IpAddr::V6(_), IpAddr::V4(_)) => false,
            _ => wanted == held || wanted.is_unspecified() || held.is_unspecified(),
        }
    }

    /// Whether `socket`, which has the port, is a server that answers at the target's address; on
    /// any address where none is named.
    pub fn is_served_by(&self, socket: &Socket) -> bool {
        let Some(held) = socket.local.canonical_addr() else { return false };
        let Some(wanted) = self.addr.map(|addr| addr.to_canonical()) else {
            return socket.is_server();
        };
        let answers = match (wanted, held) {
            (IpAddr::V4(_), IpAddr::V6(v6)) => v6.is_unspecified() && socket.is_dual_stack(),
            (IpAddr::V6(_), IpAddr::V4(_)) => false,
            _ => wanted == held || held.is_unspecified(),
        };
        socket.is_server() && answers
    }

    /// Whether a plain bind may meet `socket` though their addresses do not: to an IPv4
    /// wildcard, a connection over IPv6 is in the way unless IPV6_V6ONLY was set, as it is by a
    /// bind to one address (`inet_rcv_saddr_equal`), and the table does not tell of connections.
    pub(super) fn may_meet(&self, socket: &Socket) -> bool {
        let is_ipv4_wildcard = self.addr == Some(Ipv4Addr::UNSPECIFIED.into());
        is_ipv4_wildcard && socket.remote.is_some() && socket.v6_only.is_none()
    }
}

/// The index of an interface, by its name or itself a number: what follows `%` in an address.
pub fn scope(name: &str) -> io::Result<u32> {
    resolve::interface_index(name)
}

/// Whether an address needs an interface beside it.
pub fn is_link_local(addr: &IpAddr) -> bool {
    matches!(addr, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// Whether a socket holds its port against a plain bind of TCP, or of UDP.
pub(super) fn holds_port(socket: &Socket, udp: bool) -> bool {
    let protocol = match socket.protocol {
        Protocol::Tcp | Protocol::Mptcp => !udp,
        Protocol::Udp => udp,
        _ => false,
    };
    protocol && socket.state != State::Closed && socket.local.port.is_some_and(|port| port != 0)
}

/// Whether a socket holds its port for serving, or could.
pub fn is_holder(socket: &Socket) -> bool {
    socket.is_server() || socket.state == State::Bound
}

/// What the bind to come is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct How {
    /// With SO_REUSEADDR, as most servers do. Over UDP it is not asked: a trial with it would
    /// take datagrams away.
    pub reuse_addr: bool,
    /// Whether it may be tried once the table shows nothing against it.
    pub may_try: bool,
}

impl How {
    /// A bind without any option.
    pub const PLAIN: Self = Self { reuse_addr: false, may_try: true };
    /// One with SO_REUSEADDR.
    pub const REUSE_ADDR: Self = Self { reuse_addr: true, may_try: true };
}

/// How it stands with the bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A bind succeeded.
    Free,
    /// No socket stands against it; a bind did not prove that, because none was to be tried or
    /// this user may not bind the port.
    Unproven,
    /// The table shows what would refuse it; no bind was tried.
    Held,
    /// A bind was refused with this error number.
    Refused {
        /// `EADDRINUSE`.
        errno: String,
    },
}

/// The answer, and what stands against the bind.
#[derive(Clone, Debug, PartialEq)]
pub struct BindAnswer {
    /// The answer.
    pub outcome: Outcome,
    /// The sockets that stand against it, without their owners. None of them passes over; empty
    /// where it is free, and where who refuses it cannot be seen.
    pub against: Vec<Socket>,
}

impl BindAnswer {
    /// Whether nothing is known to stand against the bind.
    pub fn is_free(&self) -> bool {
        matches!(self.outcome, Outcome::Free | Outcome::Unproven)
    }

    /// What stands against it, as a clause about a port called `it`; `None` when it is free.
    pub fn obstacle(&self) -> Option<String> {
        words::obstacle(self)
    }
}

/// Asks the table, and when that shows nothing tries the bind once. See [`trial`] for what a
/// trial may disturb. Blocks.
pub fn ask(target: &Target, how: How) -> Result<BindAnswer, Error> {
    ask_with(target, how, &mut || sockets::on_port(target.protocol(), target.port))
}

/// The table and the trial are one question: where they disagree somebody came or went, and it
/// is asked again this often.
const LOOKS: u32 = 3;

/// [`ask`] by a look of the caller's at the sockets of this network namespace, of which those on
/// other ports are passed over.
pub fn ask_with(
    target: &Target,
    how: How,
    look: &mut dyn FnMut() -> Result<Vec<Socket>, Error>,
) -> Result<BindAnswer, Error> {
    let reuse_addr = how.reuse_addr && !target.udp;
    let mut answer = BindAnswer { outcome: Outcome::Unproven, against: Vec::new() };
    for _ in 0..LOOKS {
        let mut against = look()?;
        against.retain(|socket| target.is_port_of(socket));
        let target = target.with_scope_of(&against);
        let (mut against, maybe): (Vec<Socket>, Vec<Socket>) =
            against.into_iter().partition(|socket| target.meets(socket));
        if against.iter().any(|socket| !may_pass_over(socket, reuse_addr)) {
            return Ok(BindAnswer { outcome: Outcome::Held, against });
        }
        if !how.may_try {
            let is_passed_over = |socket: &Socket| socket.state == State::TimeWait;
            let is_open = against.iter().all(is_passed_over);
            let outcome = if is_open { Outcome::Unproven } else { Outcome::Held };
            return Ok(BindAnswer { outcome, against });
        }
        answer = match try_bind(&target, reuse_addr)? {
            Ok(()) => return Ok(BindAnswer { outcome: Outcome::Free, against: Vec::new() }),
            Err(refusal) if is_no_answer(&refusal) => {
                return Ok(BindAnswer { outcome: Outcome::Unproven, against });
            }
            Err(refusal) => {
                against.extend(maybe.into_iter().filter(|socket| target.may_meet(socket)));
                BindAnswer { outcome: Outcome::Refused { errno: refusal.errno }, against }
            }
        };
        if !answer.against.is_empty() || !answer.is_in_use() {
            break;
        }
    }
    Ok(answer)
}

impl BindAnswer {
    fn is_in_use(&self) -> bool {
        matches!(&self.outcome, Outcome::Refused { errno } if errno.ends_with("EADDRINUSE"))
    }
}

/// Whether a bind may get the port beside this socket: only with SO_REUSEADDR, and only a trial
/// tells when the socket is a connection that lives.
fn may_pass_over(socket: &Socket, reuse_addr: bool) -> bool {
    reuse_addr && !is_holder(socket)
}

/// A privileged port, or a link-local address without its interface: nothing about the port.
fn is_no_answer(refusal: &trial::Refusal) -> bool {
    matches!(refusal.kind, io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput)
}

fn try_bind(target: &Target, reuse_addr: bool) -> Result<Result<(), trial::Refusal>, Error> {
    let Some(addr) = target.addr.map(|addr| addr.to_canonical()) else {
        return trial::bind_everywhere(target.port, target.udp, reuse_addr);
    };
    let plain = Trial::plain(at(target, addr), target.udp);
    trial::bind(&Trial { reuse_addr, ..plain })
}

#[cfg(test)]
mod tests;
