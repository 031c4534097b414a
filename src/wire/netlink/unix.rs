//! `unix_diag` of `linux/unix_diag.h`: the request for a dump of UNIX sockets, and its records.

use std::collections::HashMap;

use super::socket::{self, Names};
use super::{DUMP, HEADER_LEN, Malformed, REQUEST, attributes, inet, u32_at};
use crate::model::socket::{Backlog, Endpoint, Family, Protocol, Socket, SocketFile, State};

/// Length of a dump request with its netlink header.
pub const REQUEST_LEN: usize = HEADER_LEN + 24;
/// `sizeof(struct unix_diag_msg)`.
pub const RECORD_LEN: usize = 16;

const AF_UNIX: u8 = 1;

/// What comes with each socket (`UDIAG_SHOW_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Nothing: enough to count them, or to see which are still there.
    Existence,
    /// Name, file, peer, queues and user.
    Bare,
    /// Memory too.
    Full,
}

impl Show {
    fn flags(self) -> u32 {
        const NAME: u32 = 0x01;
        const VFS: u32 = 0x02;
        const PEER: u32 = 0x04;
        const ICONS: u32 = 0x08;
        const RQLEN: u32 = 0x10;
        const MEMINFO: u32 = 0x20;
        const UID: u32 = 0x40;
        match self {
            Self::Existence => 0,
            Self::Bare => NAME | VFS | PEER | ICONS | RQLEN | UID,
            Self::Full => NAME | VFS | PEER | ICONS | RQLEN | UID | MEMINFO,
        }
    }
}

/// The bytes that ask for every UNIX socket (`struct unix_diag_req`).
pub fn request(sequence: u32, show: Show) -> [u8; REQUEST_LEN] {
    let mut bytes = [0; REQUEST_LEN];
    bytes[0..4].copy_from_slice(&(REQUEST_LEN as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&inet::BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&(REQUEST | DUMP).to_ne_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
    bytes[16] = AF_UNIX;
    // In every state. No inode and no cookie: a dump takes every socket.
    bytes[20..24].copy_from_slice(&u32::MAX.to_ne_bytes());
    bytes[28..32].copy_from_slice(&show.flags().to_ne_bytes());
    bytes
}

/// Attribute types (`UNIX_DIAG_*`).
pub mod attribute {
    /// The name it was bound to, as in `sun_path`.
    pub const NAME: u16 = 0;
    /// `struct unix_diag_vfs`.
    pub const VFS: u16 = 1;
    /// Inode of the socket at the other end.
    pub const PEER: u16 = 2;
    /// Inodes of the sockets that wait to be accepted, an array of u32.
    pub const ICONS: u16 = 3;
    /// `struct unix_diag_rqlen`.
    pub const RQLEN: u16 = 4;
    /// `SK_MEMINFO_*`, an array of u32.
    pub const MEMINFO: u16 = 5;
    /// User id.
    pub const UID: u16 = 7;
}

/// One socket as the kernel dumped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.
    pub protocol: Protocol,
    /// State number: 1 connected, 7 not, 10 listening.
    pub state: u8,
    /// sockfs inode, 0 for none.
    pub inode: u32,
    /// Socket cookie.
    pub cookie: u64,
    /// The name's bytes: a path, or an abstract name behind a NUL.
    pub name: Option<&'a [u8]>,
    /// Inode and device of the file it was bound to.
    pub file: Option<(u32, u32)>,
    /// Inode of the socket at the other end, 0 when no descriptor refers to that one.
    pub peer: Option<u32>,
    /// For a listener, the inodes of the sockets that wait to be accepted: words.
    pub waiting: &'a [u8],
    /// Bytes to read and to be read by the other end; for a listener connections to accept and
    /// their limit.
    pub queues: Option<(u32, u32)>,
    /// `SK_MEMINFO_*`, as many as the kernel has.
    pub memory: Option<&'a [u8]>,
    /// User id (Linux 4.20).
    pub uid: Option<u32>,
}

impl<'a> Record<'a> {
    /// Reads a record from a message's payload. `Ok(None)` for a type of UNIX socket that does
    /// not exist yet.
    pub fn parse(payload: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let cut = Malformed { what: "unix_diag_msg", need: RECORD_LEN, have: payload.len() };
        let (fixed, rest) = payload.split_at_checked(RECORD_LEN).ok_or(cut)?;
        let word = |at| u32_at(fixed, at).ok_or(cut);
        let mut record = Self {
            protocol: Protocol::Stream,
            state: fixed[2],
            inode: word(4)?,
            cookie: u64::from(word(8)?) | u64::from(word(12)?) << 32,
            name: None,
            file: None,
            peer: None,
            waiting: &[],
            queues: None,
            memory: None,
            uid: None,
        };
        for attribute in attributes(rest) {
            let (kind, value) = attribute?;
            record.take(kind, value);
        }
        record.protocol = match (fixed[0], fixed[1]) {
            (AF_UNIX, 1) => Protocol::Stream,
            (AF_UNIX, 2) => Protocol::Dgram,
            (AF_UNIX, 5) => Protocol::Seqpacket,
            _ => return Ok(None),
        };
        Ok(Some(record))
    }

    /// A value that is shorter than its type counts as not told.
    fn take(&mut self, kind: u16, value: &'a [u8]) {
        let pair = || Some((u32_at(value, 0)?, u32_at(value, 4)?));
        match kind {
            attribute::NAME => self.name = Some(value),
            attribute::VFS => self.file = pair(),
            attribute::PEER => self.peer = u32_at(value, 0),
            attribute::ICONS => self.waiting = value,
            attribute::RQLEN => self.queues = pair(),
            attribute::MEMINFO => self.memory = Some(value),
            attribute::UID => self.uid = u32_at(value, 0),
            _ => {}
        }
    }

    /// The name as text; see [`name`].
    pub fn path(&self) -> Option<Box<str>> {
        name(self.name?)
    }
}

/// What the sockets of one dump say of each other.
#[derive(Clone, Debug, Default)]
pub struct Peers<'a> {
    // Names by the inode of the socket that has them, and by that of one that waits for it.
    by_inode: HashMap<u32, &'a [u8]>,
    by_peer: HashMap<u32, &'a [u8]>,
}

impl<'a> Peers<'a> {
    /// Of a whole dump.
    pub fn of(records: &[Record<'a>]) -> Self {
        let mut peers = Self::default();
        for record in records {
            let Some(name) = record.name else { continue };
            if record.inode != 0 {
                peers.by_inode.insert(record.inode, name);
            }
            // What waits to be accepted is connected to something that has no inode yet, and
            // will have the listener's name.
            let waiting = record.waiting.chunks_exact(4).filter_map(|word| u32_at(word, 0));
            peers.by_peer.extend(waiting.map(|inode| (inode, name)));
        }
        peers
    }

    /// The name of the socket at the other end, if it has one.
    pub fn name(&self, record: &Record<'_>) -> Option<Box<str>> {
        let name_of_peer = match record.peer? {
            0 => self.by_peer.get(&record.inode),
            peer => self.by_inode.get(&peer),
        };
        name(name_of_peer?)
    }
}

/// A UNIX socket's name as text (`unix(7)`): a path up to its NUL, or an abstract name whole,
/// with `@` for the NUL that it begins with. `None` without a name.
///
/// A path that itself begins with `@` is written `./@…`, which names the same file. Every
/// other character stands as it is, control characters and NUL included; bytes that are no
/// UTF-8 become U+FFFD, since a JSON string cannot hold them.
pub fn name(bytes: &[u8]) -> Option<Box<str>> {
    let (&first, rest) = bytes.split_first()?;
    if first == 0 {
        return Some(format!("@{}", String::from_utf8_lossy(rest)).into());
    }
    let path = bytes.split(|&byte| byte == 0).next().unwrap_or(bytes);
    let guard = if first == b'@' { "./" } else { "" };
    Some(format!("{guard}{}", String::from_utf8_lossy(path)).into())
}

/// Overwrites everything in `socket` that a record tells; owners, service and first sight stay
/// as they are. `peer` is the name that the socket at the other end has.
pub fn fill(
    socket: &mut Socket,
    record: &Record<'_>,
    peer: Option<Box<str>>,
    names: &mut impl Names,
) {
    socket::forget(socket);
    socket::set_memory(socket, record.memory);
    socket.family = Family::Unix;
    socket.protocol = record.protocol;
    socket.state = state(record);
    socket.local = Endpoint { path: record.path(), ..Endpoint::default() };
    socket.remote = peer.map(Endpoint::unix);
    socket.inode = Some(u64::from(record.inode));
    socket.peer_inode = record.peer.map(u64::from);
    socket.cookie = Some(record.cookie);
    // Without an inode there may be no struct socket to take the user from.
    socket.uid = record.uid.filter(|uid| *uid != 0 || record.inode != 0);
    socket.user = socket.uid.and_then(|uid| names.user(uid));
    let (first, second) = record.queues.unzip();
    let listens = socket.state == State::Listen;
    socket.recv_q = first.filter(|_| !listens);
    socket.send_q = second.filter(|_| !listens);
    let backlog = record.queues.map(|(queued, limit)| Backlog { queued, limit });
    socket.backlog = backlog.filter(|_| listens);
    socket.file = record.file.map(file);
}

/// UNIX sockets borrow TCP's numbers. Connecting to a datagram socket makes ESTABLISHED of that
/// one as well, although it has no peer.
fn state(record: &Record<'_>) -> State {
    match (record.state, record.protocol) {
        (10, _) => State::Listen,
        (1, Protocol::Dgram) if record.peer.is_none() => State::Unconnected,
        (1, _) => State::Connected,
        _ => State::Unconnected,
    }
}

/// The device number has the kernel's own layout: 12 bits major, 20 bits minor.
fn file((inode, device): (u32, u32)) -> Box<SocketFile> {
    Box::new(SocketFile {
        inode: inode.into(),
        device_major: device >> 20,
        device_minor: device & 0xf_ffff,
    })
}

#[cfg(test)]
mod tests;
