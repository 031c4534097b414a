//! A network namespace, and how to get into it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rustix::fs::{CWD, Mode, OFlags, fstat, openat, stat};
use rustix::io::Errno;
use rustix::thread::{CapabilitySet, LinkNameSpaceType, capabilities, move_into_link_name_space};

use super::super::rights::{Missing, remedy_for};
use crate::sys::error::{Error, Result};

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Its inode, which names it for as long as it lives.
    pub inode: u64,
    /// Its name in `/run/netns`, else the container or service whose processes are in it.
    /// Uncleaned.
    pub name: Option<Arc<str>>,
    /// Files that lead into it, the most lasting first.
    pub(super) doors: Vec<PathBuf>,
}

/// The namespaces that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// By inode, sockpit's own among them.
    pub namespaces: Vec<Namespace>,
    /// Processes of which this user may not know in which namespace they are.
    pub unreadable: usize,
    /// Namespaces beyond those that are looked at.
    pub surplus: usize,
}

/// Moves this thread, and all that it starts from now on, into the namespace behind a door: a name
/// below `/run/netns`, or a path such as `/proc/PID/ns/net`.
pub fn move_to(door: &str) -> Result<()> {
    let path = match door.contains('/') {
        true => PathBuf::from(door),
        false => Path::new("/run/netns").join(door),
    };
    let what = || format!("enter the network namespace {}", path.display());
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = openat(CWD, &path, flags, Mode::empty());
    let moved = opened
        .and_then(|door| move_into_link_name_space(door.as_fd(), Some(LinkNameSpaceType::Network)));
    moved.map_err(|errno| Error::os(what(), errno))
}

/// The namespace that someone means: the name of a file in `/run/netns`, the number of a process,
/// or a path. `None` is the one that this thread is in.
pub fn named(text: &str) -> Result<Option<Namespace>> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let (door, what) = if text.contains('/') {
        (PathBuf::from(text), format!("network namespace {text}"))
    } else if is_number && !Path::new(NAMED).join(text).exists() {
        (PathBuf::from(format!("/proc/{text}/ns/net")), format!("process {text}"))
    } else {
        (Path::new(NAMED).join(text), format!("network namespace {text}"))
    };
    let stat_of = |path: &Path| match stat(path) {
        Ok(stat) => Ok(stat),
        Err(Errno::NOENT | Errno::SRCH | Errno::NOTDIR) => Err(Error::Gone { what: what.clone() }),
        Err(Errno::PERM | Errno::ACCESS) => {
            Err(Error::not_permitted(format!("enter the {what}"), remedy()))
        }
        Err(errno) => Err(Error::os(format!("find the {what}"), errno)),
    };
    let (there, own) = (stat_of(&door)?, stat_of(Path::new("/proc/thread-self/ns/net"))?);
    // All namespaces lie on one file system.
    if there.st_dev != own.st_dev {
        let why = format!("{} is no network namespace", door.display());
        return Err(Error::unsupported(format!("entering {text}"), why));
    }
    let name = (!is_number).then(|| Arc::from(text));
    let namespace = Namespace { inode: there.st_ino, name, doors: vec![door] };
    Ok((there.st_ino != own.st_ino).then_some(namespace))
}

/// Where ip-netns(8) mounts namespaces by name.
const NAMED: &str = "/run/netns";

impl Namespace {
    /// A file that leads into it: `/run/netns/NAME`, or `/proc/PID/ns/net`.
    pub fn door(&self) -> Option<&Path> {
        self.doors.first().map(PathBuf::as_path)
    }

    /// Runs `act` on a thread of its own that is in this namespace. The thread is the only
    /// one that moves.
    ///
    /// [`Error::NotPermitted`] without CAP_SYS_ADMIN over the namespace, or without the right
    /// to look at the processes in it; [`Error::Gone`] when it has ended.
    pub fn enter<T: Send>(&self, act: impl FnOnce() -> T + Send) -> Result<T> {
        apart(|| self.go().map(|()| act())).map_err(|error| Error::os(self.purpose(), error))?
    }

    /// Moves this thread.
    pub(super) fn go(&self) -> Result<()> {
        let door = self.open()?;
        move_into_link_name_space(door.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|errno| self.refused(errno))
    }

    /// The first door that still leads into this very namespace: a pid may have come back, and
    /// a process may have gone elsewhere.
    fn open(&self) -> Result<OwnedFd> {
        let mut refusal = None;
        for path in &self.doors {
            // Whatever was put there meanwhile shall not block.
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
            match openat(CWD, path, flags, Mode::empty()) {
                Ok(door) if fstat(&door).is_ok_and(|stat| stat.st_ino == self.inode) => {
                    return Ok(door);
                }
                Ok(_) | Err(Errno::NOENT | Errno::SRCH) => {}
                Err(errno) => refusal = Some(errno),
            }
        }
        Err(match refusal {
            Some(errno) => self.refused(errno),
            None => Error::Gone { what: self.to_string() },
        })
    }

    fn refused(&self, errno: Errno) -> Error {
        match errno {
            Errno::PERM | Errno::ACCESS => Error::not_permitted(self.purpose(), remedy()),
            errno => Error::os(self.purpose(), errno),
        }
    }

    pub(super) fn purpose(&self) -> String {
        format!("enter {self}")
    }
}

impl std::fmt::Display for Namespace {
    /// `network namespace web (4026532211)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "network namespace {name} ({})", self.inode),
            None => write!(f, "network namespace {}", self.inode),
        }
    }
}

/// What would let sockpit enter every namespace.
pub(in super::super) fn remedy() -> &'static str {
    let wanted = CapabilitySet::SYS_ADMIN | CapabilitySet::SYS_PTRACE;
    if capabilities(None).is_ok_and(|sets| sets.effective.contains(wanted)) {
        "run it as root outside of the user namespace"
    } else {
        remedy_for(Missing::Namespaces)
    }
}

/// Runs `work` on a thread of its own, which may go where it likes.
pub(super) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("netns".to_owned()).spawn_scoped(scope, work)?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
