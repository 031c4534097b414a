//! Network namespaces: which there are, what they are called, and how to do something in one.
//!
//! A namespace is found by the processes in it (`/proc/PID/ns/net`, one stat a process) and by
//! the files on which it is mounted (`/run/netns/NAME`, ip-netns(8)). One that lives on by an
//! open descriptor or by a mount elsewhere alone is not found, nor one that only a thread
//! beside its process's first is in.
//!
//! A socket belongs for good to the namespace of the thread that made it. So a thread of its
//! own enters (`setns(2)` moves a thread, not a process), and what it opens there can be used
//! from anywhere. An open socket keeps its namespace alive: nothing here keeps one for longer
//! than a look.

mod names;
mod seek;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rustix::fs::{CWD, Mode, OFlags, fstat, openat, stat};
use rustix::io::Errno;
use rustix::thread::{CapabilitySet, LinkNameSpaceType, capabilities, move_into_link_name_space};

use super::super::{Error, Result};
pub(super) use seek::Seeker;

/// Inode of the network namespace that the calling thread is in; `None` without `/proc`.
pub fn own() -> Option<u64> {
    stat(c"/proc/thread-self/ns/net").ok().map(|stat| stat.st_ino)
}

/// What the namespace of the calling thread is called; see [`Namespace::name`].
pub(super) fn own_name() -> Option<Arc<str>> {
    seek::name_of(own()?)
}

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Its inode, which names it for as long as it lives.
    pub inode: u64,
    /// Its name in `/run/netns`, else the container or service whose processes are in it.
    /// Uncleaned.
    pub name: Option<Arc<str>>,
    /// Files that lead into it, the most lasting first.
    doors: Vec<PathBuf>,
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

/// Looks for every namespace.
pub fn all() -> Result<Found> {
    Seeker::new()?.seek()
}

/// Runs `act` in the namespace with this inode: on a thread of its own, or right here when
/// this thread is in it already. See [`Namespace::enter`] for the errors.
pub fn within<T: Send>(inode: u64, act: impl FnOnce() -> T + Send) -> Result<T> {
    if own() == Some(inode) {
        return Ok(act());
    }
    find(inode)?.enter(act)
}

/// Runs `act` in each of these namespaces in turn, all on one thread of its own; what came of
/// it, in their order. See [`Namespace::enter`].
pub fn enter_each<T: Send>(
    namespaces: &[Namespace],
    act: impl Fn(&Namespace) -> T + Sync,
) -> Vec<Result<T>> {
    let visit = |namespace: &Namespace| namespace.go().map(|()| act(namespace));
    apart(|| namespaces.iter().map(visit).collect()).unwrap_or_else(|error| {
        let failed = |namespace: &Namespace| Err(Error::os(namespace.purpose(), error.kind()));
        namespaces.iter().map(failed).collect()
    })
}

/// Runs `work` on a thread of its own, which may go where it likes.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("netns".to_owned()).spawn_scoped(scope, work)?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Looks for the namespace with this inode.
pub(super) fn find(inode: u64) -> Result<Namespace> {
    let Found { namespaces, unreadable, .. } = all()?;
    let what = format!("network namespace {inode}");
    match namespaces.into_iter().find(|namespace| namespace.inode == inode) {
        Some(namespace) => Ok(namespace),
        None if unreadable > 0 => Err(Error::not_permitted(format!("find {what}"), remedy())),
        None => Err(Error::Gone { what }),
    }
}

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
    fn go(&self) -> Result<()> {
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

    fn purpose(&self) -> String {
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
pub(super) fn remedy() -> &'static str {
    let wanted = CapabilitySet::SYS_ADMIN | CapabilitySet::SYS_PTRACE;
    if capabilities(None).is_ok_and(|sets| sets.effective.contains(wanted)) {
        "run it as root outside of the user namespace"
    } else {
        super::remedy_for(super::Missing::Namespaces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_namespace_is_found_and_is_entered_without_a_thread() {
        let own = own().unwrap();
        let found = all().unwrap();
        let namespace = found.namespaces.iter().find(|namespace| namespace.inode == own).unwrap();
        assert!(namespace.door().is_some());
        let here = thread::current().id();
        assert_eq!(within(own, || thread::current().id()).unwrap(), here);
    }

    #[test]
    fn what_is_not_there_cannot_be_entered() {
        let missing = within(1, || ());
        let is_told = matches!(missing, Err(Error::Gone { .. } | Error::NotPermitted { .. }));
        assert!(is_told, "{missing:?}");
        let doors = vec![PathBuf::from("/proc/self/ns/net"), PathBuf::from("/nowhere")];
        let other = Namespace { inode: 1, name: Some("web".into()), doors };
        let error = other.enter(|| ()).unwrap_err();
        assert_eq!(error.to_string(), "network namespace web (1) is gone");
    }
}
