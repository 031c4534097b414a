//! Files that the user names.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::process::getuid;
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

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
