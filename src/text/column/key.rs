//! What sockets are ordered by in each column.

use std::net::IpAddr;

use super::list::Column::{self, *};
use crate::model::activation::principal_owner;
use crate::model::socket::{Endpoint, Socket};
use crate::model::table::SocketRow;

impl Column {
    /// What a socket is ordered by in this column; `None` for what is not known, which comes
    /// last whatever the direction.
    pub fn key(self, socket: &Socket) -> Option<Key<'_>> {
        if let Some(number) = self.number() {
            return number(socket).map(Key::Number);
        }
        match self {
            Proto => Some(Key::Number(socket.protocol as u64)),
            Family => Some(Key::Number(socket.family as u64)),
            State => Some(Key::Number(socket.state as u64)),
            Ownership => Some(Key::Number(socket.ownership.kind as u64)),
            Local => Key::end(Some(&socket.local)),
            Remote => Key::end(socket.remote.as_ref()),
            LocalAddr => Key::addr(Some(&socket.local)),
            RemoteAddr => Key::addr(socket.remote.as_ref()),
            Queue => queued(socket).map(Key::Number),
            Backlog => socket.backlog.map(|backlog| Key::Number(backlog.queued.into())),
            Timer => socket.timer.map(|timer| Key::Number(timer.expires_ms.into())),
            Age => socket.first_seen.map(|seen| {
                // The younger, the smaller the age.
                Key::Number(i64::MAX.abs_diff(seen.as_microsecond()))
            }),
            // The bits of floats that are not negative are in the order of their values.
            SentRate => socket.rates.map(|rates| rate(rates.bytes_sent_per_s)),
            ReceivedRate => socket.rates.map(|rates| rate(rates.bytes_received_per_s)),
            Rate => socket.rates.map(|rates| Key::Number(rates.total())),
            NetnsName => match &socket.netns_name {
                Some(name) => Some(Key::Text(name)),
                None => socket.netns.map(Key::Number),
            },
            Peer => socket
                .peer
                .as_ref()
                .and_then(|peer| peer.owners.first())
                .map(|owner| Key::Pair(&owner.name, owner.pid.into())),
            User => socket.user.as_deref().map(Key::Text),
            Service => socket.service.as_deref().map(Key::Text),
            Interface => socket.interface.as_deref().map(Key::Text),
            Cgroup => socket.cgroup.as_deref().map(Key::Text),
            Congestion => socket.tcp.as_ref()?.congestion.as_deref().map(Key::Text),
            _ => self.owner_key(socket),
        }
    }

    /// The same of a row that was read a while ago: its clocks ran on meanwhile.
    pub fn row_key(self, row: &SocketRow) -> Option<Key<'_>> {
        let key = self.key(&row.socket)?;
        match key {
            // The earlier it began, the longer it lasts.
            Key::Number(ms) if matches!(self, Idle | Shut) => {
                let ms = i64::try_from(ms).unwrap_or(i64::MAX);
                let began = row.observed_at.as_millisecond().saturating_sub(ms);
                Some(Key::Number(i64::MAX.abs_diff(began)))
            }
            key => Some(key),
        }
    }

    fn owner_key(self, socket: &Socket) -> Option<Key<'_>> {
        let owner = principal_owner(socket)?;
        let process = &owner.process;
        match self {
            Pid => Some(Key::Number(process.pid.into())),
            Fd => owner.fd.and_then(|fd| u64::try_from(fd).ok()).map(Key::Number),
            Name => Some(Key::Text(&process.name)),
            Exe => process.exe.as_deref().map(Key::Text),
            Cwd => process.cwd.as_deref().map(Key::Text),
            Cmdline => Some(Key::Words(&process.cmdline)).filter(|_| !process.cmdline.is_empty()),
            Unit => process.unit.as_ref().map(|unit| Key::Text(&unit.name)),
            Container => process
                .container
                .as_ref()
                .map(|container| Key::Texts(&container.runtime, container.shown())),
            Supervisor => match &process.container {
                Some(container) => Some(container.shown()),
                None => process.unit.as_ref().map(|unit| &*unit.name),
            }
            .map(Key::Text),
            _ => None,
        }
    }
}

/// What a socket is ordered by. Keys of one column are of one kind, but for ends, of which
/// those with addresses come before those with paths, and namespaces, of which those without
/// a name come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key<'a> {
    /// A number.
    Number(u64),
    /// An IP end: whether it is IPv6, the address, the port.
    Address(bool, u128, u16),
    /// Text, by its bytes.
    Text(&'a str),
    /// A text and a number.
    Pair(&'a str, u64),
    /// Two texts.
    Texts(&'a str, &'a str),
    /// A command line.
    Words(&'a [Box<str>]),
}

impl<'a> Key<'a> {
    fn end(end: Option<&'a Endpoint>) -> Option<Self> {
        let end = end?;
        let port = end.port.unwrap_or(0);
        match (&end.path, end.addr) {
            (Some(path), _) => Some(Self::Text(path)),
            (None, Some(IpAddr::V4(addr))) => {
                Some(Self::Address(false, addr.to_bits().into(), port))
            }
            (None, Some(IpAddr::V6(addr))) => Some(Self::Address(true, addr.to_bits(), port)),
            (None, None) => None,
        }
    }

    /// The same without its port.
    fn addr(end: Option<&'a Endpoint>) -> Option<Self> {
        Self::end(end).map(|key| match key {
            Self::Address(is_v6, addr, _) => Self::Address(is_v6, addr, 0),
            path => path,
        })
    }
}

fn rate(bytes_per_s: f32) -> Key<'static> {
    Key::Number(bytes_per_s.max(0.0).to_bits().into())
}

/// What waits: connections in an accept queue, else bytes either way.
fn queued(socket: &Socket) -> Option<u64> {
    match (socket.backlog, socket.recv_q, socket.send_q) {
        (Some(backlog), _, _) => Some(u64::from(backlog.queued)),
        (None, None, None) => None,
        (None, received, sent) => {
            Some(u64::from(received.unwrap_or(0)) + u64::from(sent.unwrap_or(0)))
        }
    }
}
