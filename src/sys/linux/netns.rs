//! Network namespaces.

/// Inode of the network namespace that the calling thread is in; `None` without `/proc`.
pub(super) fn own() -> Option<u64> {
    rustix::fs::stat(c"/proc/thread-self/ns/net").ok().map(|stat| stat.st_ino)
}
