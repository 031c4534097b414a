//! Options of another process's socket: the shapes, and the word of platforms without pidfd_getfd.

use std::time::Duration;

use crate::model::options::{BlockedThread, SigioOwner, Watcher};
use crate::model::socket::Endpoint;
use crate::sys::error::{Error, Result};

/// An option to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The level argument of getsockopt.
    pub level: i32,
    /// The option argument.
    pub number: i32,
    /// Size of the buffer in bytes.
    pub length: usize,
    /// Address families (`AF_` numbers) to try it on; empty for every one.
    pub domains: Vec<i32>,
}

/// Which socket a descriptor must still be before anything is read from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meant {
    /// Its cookie, which never comes back, but which accepted MPTCP sockets can share.
    pub cookie: Option<u64>,
    /// Its sockfs inode.
    pub inode: Option<u64>,
}

/// The three arguments of socket(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketKind {
    /// Address family (SO_DOMAIN).
    pub domain: i32,
    /// SOCK_STREAM and the like (SO_TYPE).
    pub r#type: i32,
    /// IPPROTO_TCP and the like (SO_PROTOCOL).
    pub protocol: i32,
}

/// What getsockopt returned for each wanted option, in their order; `None` where this socket
/// has no such option.
pub type Answers = Vec<Option<Box<[u8]>>>;

/// What a duplicate of a descriptor told in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What kind of socket it is.
    pub kind: SocketKind,
    /// Cookie (SO_COOKIE, kernel 4.12 and later).
    pub cookie: Option<u64>,
    /// sockfs inode.
    pub inode: u64,
    /// Cookie of its network namespace (kernel 5.14 and later).
    pub netns_cookie: Option<u64>,
    /// getsockname; `None` for families without a known form.
    pub local: Option<Endpoint>,
    /// getpeername; `None` where there is no peer.
    pub remote: Option<Endpoint>,
    /// O_NONBLOCK of the open file description.
    pub nonblocking: bool,
    /// Who gets SIGIO for it, where O_ASYNC is set.
    pub sigio: Option<SigioOwner>,
    /// The options.
    pub answers: Answers,
    /// How long the duplicate was held.
    pub held: Duration,
}

/// What an untouched socket of the same kind tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// Cookie of the network namespace it was made in.
    pub netns_cookie: Option<u64>,
    /// Inode of that namespace.
    pub netns: Option<u64>,
    /// The options.
    pub answers: Answers,
}

/// Who waits on a socket in one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// epoll instances that watch it.
    pub watchers: Vec<Watcher>,
    /// Threads in a call on it.
    pub blocked: Vec<BlockedThread>,
}

/// An option to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The level argument of setsockopt.
    pub level: i32,
    /// The option argument.
    pub number: i32,
    /// The value's bytes.
    pub value: Vec<u8>,
    /// Size of the buffer for reading it, in bytes.
    pub length: usize,
}

/// What came of setting an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WasSet {
    /// What getsockopt returned before.
    pub before: Option<Box<[u8]>>,
    /// The error number where the kernel refused.
    pub errno: Option<i32>,
    /// What getsockopt returned after.
    pub after: Option<Box<[u8]>>,
}

/// Sets options of the socket behind a descriptor of another process.
pub fn set_options(
    _pid: u32,
    _fd: i32,
    _meant: Meant,
    _settings: &[Setting],
) -> Result<Vec<WasSet>> {
    Err(absent("setting another process's socket options"))
}

/// Reads options of the socket behind a descriptor of another process.
pub fn read_options(_pid: u32, _fd: i32, _meant: Meant, _wanted: &[Wanted]) -> Result<Reading> {
    Err(absent("reading another process's socket options"))
}

/// Reads the same options of a socket made for the purpose.
pub fn fresh_options(
    _kind: SocketKind,
    _netns_of: Option<u32>,
    _wanted: &[Wanted],
) -> Result<Fresh> {
    Err(absent("reading the default options of a socket"))
}

/// What one process waits for. There is none on this platform.
#[derive(Debug)]
pub enum ProcessWaits {}

impl ProcessWaits {
    /// Looks at one process.
    pub fn of(_pid: u32) -> Result<Self> {
        Err(absent("looking up who waits on a socket"))
    }

    /// What of it concerns the socket with this inode.
    pub fn on(&self, _inode: u64) -> Waiting {
        match *self {}
    }

    /// A descriptor of the socket with this inode in one process.
    pub fn descriptor(_pid: u32, _inode: u64) -> Option<i32> {
        None
    }

    /// Whether each of its descriptors of the socket is passed on to programs that it starts.
    pub fn passes_on(&self, _inode: u64) -> Option<bool> {
        match *self {}
    }

    /// Whether all that can wait is known.
    pub fn is_whole(&self) -> bool {
        match *self {}
    }

    /// Whether it has the socket and does not care for it.
    pub fn neglects(&self, _inode: u64) -> Option<bool> {
        match *self {}
    }
}

/// The inode of the socket behind a descriptor.
pub fn socket_inode(_pid: u32, _fd: i32) -> Result<u64> {
    Err(absent("looking up a descriptor of another process"))
}

/// The value of a sysctl by its name with dots, in sockpit's own network namespace.
pub fn sysctl(_name: &str) -> Option<String> {
    None
}

fn absent(what: &str) -> Error {
    Error::unsupported(what, "sockpit does so on Linux only")
}
