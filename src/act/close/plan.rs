//! From a listing to a plan: what is closed, and what is not.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::super::guard;
use super::words;
use super::{Choice, Facts, Selection};
use crate::model::close::{ClosePlan, CloseTarget, SocketAndReason};
use crate::model::socket::{Endpoint, Family, Protocol, Socket, State};

/// Plans the close of the sockets that are selected. Pure: `sockets` is a listing with
/// owners, as whole as it can be, since a connection's other end may need protection, too.
///
/// A plan without targets is an answer, too: see [`crate::act::Action::obstacle`].
pub fn plan(sockets: &[Socket], selection: &Selection<'_>, facts: &Facts) -> ClosePlan {
    let protection = Protection::of(sockets, facts);
    let mut plan = ClosePlan::default();
    for socket in sockets {
        match (selection.chosen)(socket) {
            Choice::No => {}
            Choice::Undecided => plan.undecided += 1,
            Choice::Yes => match obstacle(socket, selection.named, facts) {
                Some(reason) => plan
                    .spared
                    .push(SocketAndReason { socket: socket.clone(), reason: reason.to_owned() }),
                None => plan.targets.push(CloseTarget {
                    protected: protection.reason(socket),
                    socket: socket.clone(),
                }),
            },
        }
    }
    plan.protected = plan.targets.iter().any(|target| target.protected.is_some());
    plan.warnings = words::warnings(&plan);
    plan.steps = words::steps(&plan);
    plan
}

/// Why a socket that was selected is not to be closed, as a clause.
fn obstacle(socket: &Socket, named: &[State], facts: &Facts) -> Option<&'static str> {
    if let Some(reason) = never(socket.family, socket.protocol) {
        return Some(reason);
    }
    let elsewhere = facts.netns.is_some() && socket.netns.is_some() && socket.netns != facts.netns;
    if !named.contains(&socket.state) {
        match socket.state {
            State::Listen => {
                return Some("it is a listener, no connection; state:listen in the query names it");
            }
            State::Unconnected => {
                return Some("it has no peer; state:unconnected in the query names it");
            }
            State::Bound => {
                return Some("it only holds its port, and has no connection to close");
            }
            _ => {}
        }
    }
    if elsewhere {
        Some("it is in another network namespace; run sockpit in there")
    } else if socket.cookie.is_none() {
        Some("its cookie is unknown, and without it another socket might be closed")
    } else {
        None
    }
}

/// Why the kernel cannot close any socket of this kind from outside.
fn never(family: Family, protocol: Protocol) -> Option<&'static str> {
    match (family, protocol) {
        (_, Protocol::Tcp | Protocol::Udp | Protocol::Udplite) => None,
        (Family::Unix, _) => Some(
            "the kernel cannot close a UNIX socket from outside: only its processes can, or \
             their end (sockpit kill pid:N)",
        ),
        (_, Protocol::Mptcp) => Some(
            "the kernel cannot close an MPTCP connection from outside, and without its subflows \
             it lives on for a minute (net.mptcp.close_timeout); sockpit kill pid:N ends its \
             process",
        ),
        _ => Some("only TCP and UDP sockets can be closed from outside"),
    }
}

/// The connections that sockpit's user depends on.
struct Protection<'a> {
    facts: &'a Facts,
    /// Processes that no action ends by accident, and why.
    guarded: BTreeMap<u32, &'static str>,
    /// The connections they hold, by their own end.
    held: HashMap<Pair, u32>,
}

/// Protocol, local and remote end of a connection.
pub(super) type Pair = (Protocol, (IpAddr, u16), (IpAddr, u16));

impl<'a> Protection<'a> {
    fn of(sockets: &[Socket], facts: &'a Facts) -> Self {
        let guarded = guard::processes(facts.own_pid, &facts.tree);
        let holder = |socket: &Socket| {
            let mut pids = socket.owners.iter().map(|owner| owner.process.pid);
            pids.find(|pid| guarded.contains_key(pid))
        };
        let held = sockets
            .iter()
            .filter_map(|socket| Some((socket, holder(socket)?)))
            .filter_map(|(socket, pid)| Some((pair(socket)?, pid)))
            .collect();
        Self { facts, guarded, held }
    }

    /// Why closing a socket needs a confirmation of its own, as a clause.
    fn reason(&self, socket: &Socket) -> Option<String> {
        if self.facts.ssh.is_some_and(|ssh| ssh.has_end(socket)) {
            return Some("it is the connection of SSH_CONNECTION, over which you came".to_owned());
        }
        for owner in &socket.owners {
            if let Some(why) = self.guarded.get(&owner.process.pid) {
                let (name, pid) = (&owner.process.name, owner.process.pid);
                return Some(format!("{name} {pid} holds it, and {why}"));
            }
        }
        let pid = self.held.get(&mirrored(pair(socket)?))?;
        let why = self.guarded.get(pid)?;
        Some(format!("process {pid} holds its other end, and {why}"))
    }
}

pub(super) fn pair(socket: &Socket) -> Option<Pair> {
    let end = |end: &Endpoint| Some((end.canonical_addr()?, end.port?));
    Some((socket.protocol, end(&socket.local)?, end(socket.remote.as_ref()?)?))
}

/// The same connection seen from its other end.
pub(super) fn mirrored((protocol, local, remote): Pair) -> Pair {
    (protocol, remote, local)
}

#[cfg(test)]
mod tests;
