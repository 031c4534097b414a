//! What netstat2 and sysinfo tell on every platform beside the common part: nothing.

use std::sync::Arc;

use netstat2::SocketInfo;

/// What the library adds to a socket on some platforms.
pub struct Extra {
    /// sockfs inode.
    pub inode: Option<u64>,
    /// User id.
    pub uid: Option<u32>,
}

/// Neither inode nor user.
pub fn extra(_: &SocketInfo) -> Extra {
    Extra { inode: None, uid: None }
}

/// Numeric users have no names here.
pub fn user_name(_: u32) -> Option<Arc<str>> {
    None
}

/// Users have no numbers here.
pub fn numeric_user(_: &sysinfo::Process) -> Option<u32> {
    None
}

/// Whether the library can run at all.
pub fn check() -> std::io::Result<()> {
    Ok(())
}
