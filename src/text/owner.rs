//! Who holds a socket, and who holds its other end, in a few cleaned words.

use std::borrow::Cow;

use super::clean;
use super::units::UNKNOWN;
use crate::model::activation::{self, Activation};
use crate::model::owner::{Owner, Through};
use crate::model::peer::{Peer, PeerOwner};
use crate::model::socket::Socket;

/// The owner to name when only one can be, by name: `nginx`, or `systemd (for ssh.socket)`
/// while no service has been started. `None` without an owner.
pub fn name(socket: &Socket) -> Option<Cow<'_, str>> {
    let owner = activation::principal_owner(socket)?;
    let name = clean(&owner.process.name);
    Some(match &socket.activation {
        Some(activation) if is_held_for(socket, owner) => match activation.principal() {
            Some(unit) => format!("{name} (for {})", clean(unit)).into(),
            None => name,
        },
        _ => name,
    })
}

/// What the kernel's own socket is for, where nobody holds it: `vxlan vx0`, `accept_queue`.
pub fn kernel(socket: &Socket) -> Option<Cow<'_, str>> {
    let detail = clean(socket.ownership.detail.as_deref()?);
    Some(match &socket.ownership.device {
        Some(device) => format!("{detail} {}", clean(device)).into(),
        None => detail,
    })
}

/// Where an owner holds the socket, if not by a descriptor of its process, as a clause.
pub fn through(owner: &Owner) -> Option<String> {
    Some(match owner.through {
        Through::Descriptor => return None,
        Through::Thread { tid } => format!("in the table of descriptors of thread {tid}"),
        Through::IoUring { fd, slot } => {
            format!("as direct descriptor {slot} of the io_uring at fd {fd}")
        }
    })
}

/// Whether the owner that is named is the systemd that holds the socket: nobody else does.
fn is_held_for(socket: &Socket, named: &Owner) -> bool {
    socket.owners.iter().all(|owner| owner.process.pid == named.process.pid)
}

/// What a socket is held for, as a sentence.
pub fn activation(activation: &Activation) -> String {
    let unit = |unit: &str| clean(unit).into_owned();
    match (activation.socket_unit.as_deref(), activation.unit.as_deref()) {
        (Some(socket), Some(service)) => {
            format!("systemd holds it for {} and gave it to {}", unit(socket), unit(service))
        }
        (Some(socket), None) => format!("systemd holds it for {}", unit(socket)),
        (None, Some(service)) => format!("systemd holds it for {}", unit(service)),
        (None, None) => "systemd holds it for a socket unit that is not known".to_owned(),
    }
}

/// The process at the other end and how many more hold it: `nginx 812+3`.
pub fn peer(peer: &Peer) -> String {
    let Some(PeerOwner { pid, name, .. }) = peer.owners.first() else {
        return without_owner(peer).to_owned();
    };
    let name = clean(name);
    match processes(&peer.owners) {
        0 | 1 => format!("{name} {pid}"),
        count => format!("{name} {pid}+{}", count - 1),
    }
}

/// A peer that nobody is known to hold.
fn without_owner(peer: &Peer) -> &'static str {
    if peer.inode == Some(0) { "kernel" } else { UNKNOWN }
}

/// How many processes; owners stand by process.
fn processes(owners: &[PeerOwner]) -> usize {
    owners.chunk_by(|a, b| a.pid == b.pid).count()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::owner::Process;
    use crate::model::socket::{Endpoint, Family, Protocol, State};

    fn listener(owners: &[(u32, &str)]) -> Socket {
        let local = Endpoint::ip([0, 0, 0, 0], 22);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Listen, local);
        let owner = |&(pid, name): &(u32, &str)| Owner {
            through: Through::Descriptor,
            fd: Some(3),
            process: Arc::new(Process::named(pid, 1, name)),
        };
        socket.owners = owners.iter().map(owner).collect();
        socket
    }

    fn held(owners: &[(u32, &str)], socket_unit: Option<&str>) -> String {
        let mut socket = listener(owners);
        let socket_unit = socket_unit.map(Into::into);
        socket.activation = Some(Box::new(Activation { socket_unit, unit: None }));
        name(&socket).unwrap().into_owned()
    }

    #[test]
    fn systemd_is_named_with_what_it_holds_the_socket_for() {
        assert_eq!(held(&[(1, "systemd")], Some("ssh.socket")), "systemd (for ssh.socket)");
        assert_eq!(held(&[(1, "systemd")], None), "systemd");
        assert_eq!(held(&[(1, "systemd"), (812, "sshd")], Some("ssh.socket")), "sshd");
        assert_eq!(name(&listener(&[(812, "sshd")])).unwrap(), "sshd");
        assert_eq!(name(&listener(&[])), None);
        assert_eq!(held(&[(1, "systemd")], Some("a\x1b[2J")), "systemd (for a\u{FFFD}[2J)");
    }

    #[test]
    fn the_sentence_names_no_unit_that_is_not_known() {
        let sentence = |socket_unit: Option<&str>, unit: Option<&str>| {
            let (socket_unit, unit) = (socket_unit.map(Into::into), unit.map(Into::into));
            activation(&Activation { socket_unit, unit })
        };
        assert_eq!(
            sentence(Some("ssh.socket"), Some("ssh.service")),
            "systemd holds it for ssh.socket and gave it to ssh.service"
        );
        assert_eq!(sentence(None, None), "systemd holds it for a socket unit that is not known");
    }

    #[test]
    fn a_peer_is_its_first_process_and_how_many_more() {
        let owner = |pid, fd| PeerOwner { pid, fd: Some(fd), name: "nginx\n".into() };
        let of = |inode, owners| peer(&Peer { cookie: None, inode: Some(inode), owners });
        assert_eq!(of(9, vec![owner(7, 3), owner(7, 4)]), "nginx\u{FFFD} 7");
        assert_eq!(of(9, vec![owner(7, 3), owner(7, 4), owner(8, 3)]), "nginx\u{FFFD} 7+1");
        assert_eq!((&*of(0, vec![]), &*of(9, vec![])), ("kernel", "-"));
    }
}
