//! The keepers of whoever holds given sockets.

use super::{Subject, lifeline, of};
use crate::inspect::forwarders::{Forwarders, Held};
use crate::inspect::processes;
use crate::model::forwarder::{Behind, Forwarder};
use crate::model::keeper::Keeper;
use crate::model::owner::Process;
use crate::model::socket::{Protocol, Socket};
use crate::sys;

/// Draws the chains of all that hold these sockets, some of them as forwarders. Blocks, as [`of`]
/// does.
pub fn of_sockets(sockets: &[&Socket], forwarders: &[Forwarder]) -> Vec<Keeper> {
    let mut holders: Vec<(&Process, Vec<Socket>)> = Vec::new();
    for socket in sockets {
        for owner in &socket.owners {
            let is_it = |(known, _): &&mut (&Process, _)| known.key() == owner.process.key();
            match holders.iter_mut().find(is_it) {
                Some((_, holds)) => holds.push((*socket).clone()),
                None => holders.push((&owner.process, vec![(*socket).clone()])),
            }
        }
    }
    if holders.is_empty() {
        return Vec::new();
    }
    let tree = processes::tree().unwrap_or_default();
    let subjects: Vec<Subject<'_>> = holders
        .iter()
        .map(|(process, holds)| Subject {
            process,
            activation: holds.iter().find_map(|socket| socket.activation.as_deref()),
            holds,
            forwarder: forwarders.iter().find(|it| it.pid == process.pid),
        })
        .collect();
    of(&subjects, &tree, &lifeline(std::process::id(), &tree))
}

/// Draws the chains of those who serve in containers to which rules send a port's packets: they
/// stand behind the port, and nobody holds it for them. Blocks, as [`of`] does.
pub fn of_places(places: &[&Behind]) -> Vec<Keeper> {
    let there = places.iter().filter_map(|place| place.process.as_ref());
    let there: Vec<Process> = there.filter_map(|it| sys::processes::read(it.pid).ok()).collect();
    if there.is_empty() {
        return Vec::new();
    }
    let tree = processes::tree().unwrap_or_default();
    let bare = |process| Subject { process, activation: None, holds: &[], forwarder: None };
    let subjects: Vec<Subject<'_>> = there.iter().map(bare).collect();
    let found = of(&subjects, &tree, &lifeline(std::process::id(), &tree));
    found.into_iter().map(|keeper| Keeper { is_behind: true, ..keeper }).collect()
}

/// The same for one socket, with a look at what its holders forward to.
pub fn of_socket(socket: &Socket) -> Vec<Keeper> {
    let udp = socket.protocol == Protocol::Udp;
    let held = Held { port: socket.local.port.unwrap_or_default(), udp };
    let look = Forwarders::look();
    let processes = socket.owners.iter().map(|owner| &owner.process);
    let forwarders: Vec<Forwarder> = processes.filter_map(|it| look.of(it, held)).collect();
    of_sockets(&[socket], &forwarders)
}
