//! What sockpit remembers between runs: small files below `$XDG_STATE_HOME/sockpit`, made for
//! their user alone, replaced as a whole, never through a symbolic link, and with the user's
//! own rights even where sockpit has more.

use std::env;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::platform::host;

/// No file of these is longer; what is, is some other file.
const MAX_BYTES: u64 = 1 << 20;

/// The text of the file `name`; `None` where there is none yet.
pub fn read(name: &str) -> io::Result<Option<String>> {
    let Some(dir) = directory() else { return Ok(None) };
    host::with_own_rights(|| read_in(&dir, name))?
}

/// Puts `text` in place of the file `name`: whoever reads sees the old text or the new one.
pub fn write(name: &str, text: &str) -> io::Result<()> {
    let dir = directory().ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, "neither XDG_STATE_HOME nor HOME is set")
    })?;
    host::with_own_rights(|| write_in(&dir, name, text))?
}

/// Where the file `name` is, or will be.
pub fn path(name: &str) -> Option<PathBuf> {
    directory().map(|directory| directory.join(name))
}

/// `sockpit` below the directory that the platform keeps such things in.
fn directory() -> Option<PathBuf> {
    // The specification has relative paths ignored.
    let var = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let dir = var("XDG_STATE_HOME")
        .or_else(|| var("LOCALAPPDATA"))
        .or_else(|| var("HOME").map(|home| home.join(".local").join("state")))?;
    Some(dir.join("sockpit"))
}

fn read_in(dir: &Path, name: &str) -> io::Result<Option<String>> {
    let file = match host::open_private(&dir.join(name)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too long to be ours"));
    }
    Ok(Some(text))
}

fn write_in(dir: &Path, name: &str, text: &str) -> io::Result<()> {
    host::create_private_dir(dir)?;
    // Another sockpit writes beside this one under another name, and so does another thread.
    let unique = format!(".{name}.{}.{:?}", std::process::id(), std::thread::current().id());
    let temporary = dir.join(unique.replace(['(', ')'], ""));
    // One that was left behind by a process that had this id before.
    let _ = std::fs::remove_file(&temporary);
    let written = host::create_private(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        // Replaces a symbolic link too, and not what it points at.
        std::fs::rename(&temporary, dir.join(name))
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("state").join("sockpit");
        assert_eq!(read_in(&dir, "filters").unwrap(), None);
        write_in(&dir, "filters", "one\n").unwrap();
        write_in(&dir, "filters", "two\n").unwrap();
        assert_eq!(read_in(&dir, "filters").unwrap().as_deref(), Some("two\n"));
        let names: Vec<_> = std::fs::read_dir(&dir).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left behind: {names:?}");
    }

    #[test]
    fn what_is_too_long_is_not_ours() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("filters"), vec![b'x'; MAX_BYTES as usize + 1]).unwrap();
        assert!(read_in(place.path(), "filters").is_err());
    }
}
