//! The listener that a connection was accepted on, and what the connection has from it.

use std::collections::HashMap;
use std::rc::Rc;

use crate::catalog::sockopts;
use crate::model::options::{ChangedBy, SocketOption};
use crate::model::socket::{Endpoint, Protocol, Socket, State};
use crate::sys::options::{Meant, ProcessWaits, read_options};
use crate::sys::processes;
use crate::sys::sockets::{listeners, on_port};

use super::defaults::Fresh;
use super::{WANTED, judged};

/// No more processes than this are searched for one listener.
const MAX_PROCESSES: usize = 16;

/// The TCP listeners by their port, and the options of those that were asked for, read once each.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_port: Option<HashMap<u16, Rc<[Socket]>>>,
    read: HashMap<u64, Option<Rc<[SocketOption]>>>,
}

impl Listeners {
    /// The TCP listeners on a port, without their owners.
    pub(super) fn on_port(&mut self, port: u16) -> Rc<[Socket]> {
        let by_port = self.by_port.get_or_insert_with(by_port);
        by_port.get(&port).map(Rc::clone).unwrap_or_default()
    }

    /// The options of the listener that a connection was accepted on; `None` where it is no
    /// accepted connection, or its listener has ended or may not be read.
    pub(super) fn of(&mut self, socket: &Socket, fresh: &mut Fresh) -> Option<Rc<[SocketOption]>> {
        let is_connection = matches!(socket.protocol, Protocol::Tcp | Protocol::Mptcp)
            && socket.remote.is_some()
            && socket.state != State::SynSent;
        let port = socket.local.port.filter(|port| is_connection && *port != 0)?;
        let listening = self.on_port(port);
        let listener = listening.iter().filter(|listener| accepts(listener, socket));
        // The more specific one gets the connection.
        let listener = listener.max_by_key(|listener| !is_any(listener))?.clone();
        let inode = listener.inode.filter(|inode| *inode != 0)?;
        if let Some(known) = self.read.get(&inode) {
            return known.clone();
        }
        let options = read(&listener, inode, socket, fresh);
        self.read.insert(inode, options.clone());
        options
    }
}

fn by_port() -> HashMap<u16, Rc<[Socket]>> {
    let mut by_port: HashMap<u16, Vec<Socket>> = HashMap::new();
    for socket in listeners().unwrap_or_default() {
        by_port.entry(socket.local.port.unwrap_or(0)).or_default().push(socket);
    }
    by_port.into_iter().map(|(port, sockets)| (port, sockets.into())).collect()
}

/// The other end of a TCP connection, where that is in sockpit's network namespace.
pub(super) fn peer(socket: &Socket) -> Option<Socket> {
    let (local, remote) = (&socket.local, socket.remote.as_ref()?);
    let all = on_port(Protocol::Tcp, remote.port?).ok()?;
    let is_peer = |other: &Socket| {
        let same_place = other.netns.is_none() || other.netns == socket.netns;
        let ends = other.remote.as_ref().is_some_and(|theirs| is_same_end(theirs, local));
        same_place && ends && is_same_end(&other.local, remote)
    };
    all.into_iter().find(is_peer)
}

fn is_same_end(a: &Endpoint, b: &Endpoint) -> bool {
    (a.canonical_addr(), a.port) == (b.canonical_addr(), b.port)
}

/// Whether a connection's local end is one that the listener takes.
fn accepts(listener: &Socket, socket: &Socket) -> bool {
    let same_place =
        listener.netns.is_none() || socket.netns.is_none() || listener.netns == socket.netns;
    let same_addr = listener.local.addr == socket.local.addr;
    same_place && (same_addr || is_any(listener))
}

fn is_any(listener: &Socket) -> bool {
    listener.local.socket_addr().is_some_and(|addr| addr.ip().is_unspecified())
}

/// By a descriptor of the connection's owners or of their parents.
fn read(
    listener: &Socket,
    inode: u64,
    accepted: &Socket,
    fresh: &mut Fresh,
) -> Option<Rc<[SocketOption]>> {
    let owners = accepted.owners.iter().map(|owner| owner.process.pid);
    let mut pids: Vec<u32> = owners.take(MAX_PROCESSES).collect();
    let parents = pids.iter().filter_map(|pid| processes::read(*pid).ok()?.ppid);
    pids.extend(parents.collect::<Vec<_>>());
    pids.dedup();
    let meant = Meant { cookie: None, inode: Some(inode) };
    for pid in pids {
        let Some(fd) = ProcessWaits::descriptor(pid, inode) else { continue };
        let Ok(reading) = read_options(pid, fd, meant, &WANTED) else { continue };
        return Some(judged(fresh, pid, listener, &reading).into());
    }
    None
}

/// Says of what the program set on the listener, and not on the connection, that it is inherited.
pub(super) fn tell_inherited(options: &mut [SocketOption], above: &[SocketOption]) {
    for option in options.iter_mut().filter(|option| option.changed == Some(true)) {
        let of_listener = above.iter().find(|other| other.name == option.name);
        let Some(of_listener) = of_listener.filter(|other| other.value == option.value) else {
            continue;
        };
        let is_passed_on = sockopts::find(&option.name).is_some_and(|(_, entry)| entry.inherited);
        if !is_passed_on {
            continue;
        }
        match of_listener.changed_by {
            Some(ChangedBy::Program) => {
                option.changed_by = Some(ChangedBy::Inherited);
                option.why = Some("its listener has the same value, which accept passes on".into());
            }
            Some(ChangedBy::Kernel) => {
                option.changed = Some(false);
                option.changed_by = Some(ChangedBy::Kernel);
                let why = of_listener.why.as_deref().unwrap_or("the kernel set it there");
                option.why = Some(format!("it has it from its listener: {why}"));
            }
            _ => {}
        }
    }
}
