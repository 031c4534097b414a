//! This host and sockpit's own rights on it, as far as every platform can tell.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use tokio::sync::oneshot;

pub use crate::sys::signal::Signal;

pub use super::interrupt::Interrupt;

/// The host's name, `unknown` when the system does not tell.
pub fn name() -> String {
    sysinfo::System::host_name().unwrap_or_else(|_| "unknown".to_owned())
}

/// The signals of this process.
#[derive(Debug)]
pub struct Signals(());

impl Signals {
    /// Listens.
    pub fn listen() -> io::Result<Self> {
        Ok(Self(()))
    }

    /// The next signal. Here only Ctrl-C is one.
    pub async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            // Where Ctrl-C cannot be heard there is nothing to wait for.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Stops this process until it is continued. There is no such thing here.
pub fn suspend() -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this platform cannot suspend a program to its shell",
    ))
}

/// Whether this process may use the terminal. Here nothing hinders it.
pub fn in_foreground() -> bool {
    true
}

/// Resolves when the terminal is gone. Here the console ends its programs itself, so this
/// never does.
pub fn terminal_gone() -> io::Result<oneshot::Receiver<()>> {
    Ok(oneshot::channel().1)
}

/// Makes a new file; fails when anything has this name already. It has the permissions of
/// its directory.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Opens a file to append to.
pub fn append_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Opens a file to read.
pub fn open_private(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Makes a directory, and what is missing above it.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Has the allocator give memory back. Here there is nothing to ask it.
pub fn keep_memory_small() {}

/// From now on no program is loaded into the kernel. There is none here.
pub fn forgo_bpf() {}

/// Gives up the rights that only loading a program takes. There are none here.
pub fn give_up_bpf() {}

/// Does `work` on files with the user's own rights. Here sockpit never has others.
pub fn with_own_rights<T>(work: impl FnOnce() -> T) -> io::Result<T> {
    Ok(work())
}
