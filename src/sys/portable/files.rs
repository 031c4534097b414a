//! Files that the user names.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::model::socket::SocketFile;

/// Opens a file for reading with the user's own rights, which are the only ones there are here.
pub fn open_named(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLook {
    /// Its identity, which nothing tells portably.
    pub file: Option<SocketFile>,
    /// Whether it is a UNIX socket.
    pub is_socket: bool,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Where it really is, without symbolic links.
    pub real_path: Option<PathBuf>,
}

/// Looks at what is at a path. What is neither file nor directory nor link counts as a socket.
pub fn look_at(path: &Path) -> io::Result<FileLook> {
    let kind = std::fs::metadata(path)?.file_type();
    Ok(FileLook {
        file: None,
        is_socket: !kind.is_file() && !kind.is_dir(),
        is_directory: kind.is_dir(),
        real_path: std::fs::canonicalize(path).ok(),
    })
}

/// Where a symbolic link leads that leads to nothing; `None` for anything else.
pub fn dangling(path: &Path) -> Option<PathBuf> {
    std::fs::read_link(path).ok().filter(|_| !path.exists())
}

/// Whether any socket is bound to this file: not told.
pub fn is_bound(_path: &Path) -> Option<bool> {
    None
}
