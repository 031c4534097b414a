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
mod namespace;
mod seek;

use std::sync::Arc;

use rustix::fs::stat;

use crate::sys::error::{Error, Result};
use namespace::apart;
pub(super) use namespace::remedy;
pub use namespace::{Found, Namespace, move_to, named};
pub(super) use seek::Seeker;

/// Inode of the network namespace that the calling thread is in; `None` without `/proc`.
pub fn own() -> Option<u64> {
    stat(c"/proc/thread-self/ns/net").ok().map(|stat| stat.st_ino)
}

/// What the namespace of the calling thread is called; see [`Namespace::name`].
pub(super) fn own_name() -> Option<Arc<str>> {
    seek::name_of(own()?)
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::thread;

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
