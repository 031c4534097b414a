//! What netstat2 and sysinfo tell on Linux alone.

use std::sync::Arc;

use netstat2::SocketInfo;

/// What the library adds to a socket on some platforms.
pub(crate) struct Extra {
    /// sockfs inode.
    pub(crate) inode: Option<u64>,
    /// User id.
    pub(crate) uid: Option<u32>,
}

/// The inode and user.
pub(crate) fn extra(info: &SocketInfo) -> Extra {
    // 0 is told for sockets that have no user as well.
    let uid = (info.uid != 0 || info.inode != 0).then_some(info.uid);
    Extra { inode: Some(u64::from(info.inode)), uid }
}

/// The user's name.
pub(crate) fn user_name(uid: u32) -> Option<Arc<str>> {
    super::names::user_name(uid)
}

/// The process's real user.
pub(crate) fn numeric_user(process: &sysinfo::Process) -> Option<u32> {
    process.user_id().map(|uid| **uid)
}

/// Whether the library can run at all: it panics without `/proc`.
pub(crate) fn check() -> std::io::Result<()> {
    std::fs::read_dir("/proc").map(drop)
}
