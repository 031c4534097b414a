//! Files that the user names.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::getuid;
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::model::socket::SocketFile;

/// Opens a file for reading with the user's own rights.
pub fn open_named(path: &Path) -> io::Result<File> {
    with_own_rights(|| File::open(path))?
}

/// Does `work` on files with the user's own rights: what file capabilities give sockpit for
/// looking at sockets is not given to whoever names a file.
pub fn with_own_rights<T>(work: impl FnOnce() -> T) -> io::Result<T> {
    if getuid().is_root() { Ok(work()) } else { without_capabilities(work) }
}

/// Does `work` while the calling thread's capabilities are not in effect.
fn without_capabilities<T>(work: impl FnOnce() -> T) -> io::Result<T> {
    let before = capabilities(None)?;
    if before.effective.is_empty() {
        return Ok(work());
    }
    set_capabilities(None, CapabilitySets { effective: CapabilitySet::empty(), ..before })?;
    let result = work();
    // They stay permitted, so they can be taken up again.
    set_capabilities(None, before)?;
    Ok(result)
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLook {
    /// Its identity.
    pub file: Option<SocketFile>,
    /// Whether it is a UNIX socket.
    pub is_socket: bool,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Where it really is, without symbolic links.
    pub real_path: Option<PathBuf>,
}

/// Looks at what is at a path, through symbolic links, without opening it.
pub fn look_at(path: &Path) -> io::Result<FileLook> {
    with_own_rights(|| {
        let found = std::fs::metadata(path)?;
        let file = SocketFile {
            inode: found.ino(),
            device_major: rustix::fs::major(found.dev()),
            device_minor: rustix::fs::minor(found.dev()),
        };
        let kind = found.file_type();
        Ok(FileLook {
            file: Some(file),
            is_socket: kind.is_socket(),
            is_directory: kind.is_dir(),
            real_path: std::fs::canonicalize(path).ok(),
        })
    })?
}

/// Where a symbolic link leads that leads to nothing; `None` for anything else.
pub fn dangling(path: &Path) -> Option<PathBuf> {
    with_own_rights(|| std::fs::read_link(path).ok().filter(|_| !path.exists())).ok()?
}

/// Whether any socket, of whatever network namespace, is bound to this file: a connection is
/// tried and closed at once. `None` where that cannot be told.
pub fn is_bound(path: &Path) -> Option<bool> {
    let address = SockAddr::unix(path).ok()?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).ok()?;
    // A full accept queue would block.
    socket.set_nonblocking(true).ok()?;
    match with_own_rights(|| socket.connect(&address)).ok()? {
        Ok(()) => Some(true),
        Err(error) => match error.raw_os_error()? {
            libc::ECONNREFUSED => Some(false),
            // A full queue, or a socket of another type.
            libc::EAGAIN | libc::EPROTOTYPE => Some(true),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn capabilities_do_not_open_what_the_user_may_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, "secret").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        let before = capabilities(None).unwrap().effective;
        let error = without_capabilities(|| File::open(&path)).unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(capabilities(None).unwrap().effective, before);
    }

    #[test]
    fn an_ordinary_file_opens() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        open_named(&path).unwrap();
        assert_eq!(
            open_named(Path::new("/no/such/file")).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}
