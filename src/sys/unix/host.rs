//! This host, the signals and the terminal of a UNIX process, and files for its user alone.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::oneshot;

pub use super::interrupt::Interrupt;
pub use crate::sys::portable::host::name;
pub use crate::sys::signal::Signal;

/// How long other threads get to take a stop signal before its handler is put back.
const STOP_TAKES: Duration = Duration::from_millis(20);

/// The signals of this process, from the moment it listens on.
#[derive(Debug)]
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
    stop: unix::Signal,
    resume: unix::Signal,
}

impl Signals {
    /// Listens. From here on none of them ends or stops the process by itself.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hang_up: unix::signal(SignalKind::hangup())?,
            stop: unix::signal(SignalKind::from_raw(libc::SIGTSTP))?,
            resume: unix::signal(SignalKind::from_raw(libc::SIGCONT))?,
        })
    }

    /// The next signal. Dropping the future loses none.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hang_up.recv() => Signal::HangUp,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.stop.recv() => Signal::Stop,
            _ = self.resume.recv() => Signal::Continue,
        }
    }
}

/// Stops this process and its whole job the way Ctrl-Z in a cooked terminal does; returns
/// when it is continued. Where nobody could continue it (an orphaned process group) the
/// kernel ignores the signal, and this returns at once.
pub fn suspend() -> io::Result<()> {
    let default = libc::sigaction {
        sa_sigaction: libc::SIG_DFL,
        // SAFETY: sigaction is plain data; all zeroes mean an empty mask and no flags.
        ..unsafe { std::mem::zeroed() }
    };
    // SAFETY: as above; the call below fills it.
    let mut handler: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both point to sigaction structures that live through the call.
    if unsafe { libc::sigaction(libc::SIGTSTP, &default, &mut handler) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: kill takes no pointers. 0 is the caller's own process group.
    let sent = unsafe { libc::kill(0, libc::SIGTSTP) };
    let error = io::Error::last_os_error();
    // Any thread may be the one that takes the signal; with the handler back in place too
    // early it would count as another request to stop.
    thread::sleep(STOP_TAKES);
    // SAFETY: `handler` is what the first call has filled in.
    if unsafe { libc::sigaction(libc::SIGTSTP, &handler, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if sent == 0 { Ok(()) } else { Err(error) }
}

/// Whether this process may use the terminal on stdin: in the background the kernel stops a
/// process that changes its settings. `true` also where nobody knows.
pub fn in_foreground() -> bool {
    rustix::termios::tcgetpgrp(io::stdin())
        .map_or(true, |group| group == rustix::process::getpgrp())
}

/// Resolves when the terminal on stdin is hung up, also where SIGHUP is ignored (nohup).
/// An error of the sender means that it cannot be watched.
pub fn terminal_gone() -> io::Result<oneshot::Receiver<()>> {
    let (tell, told) = oneshot::channel();
    thread::Builder::new().name("terminal".to_owned()).spawn(move || {
        let stdin = io::stdin();
        loop {
            // No events are asked for: hang-up and error are always reported.
            let mut watched = [PollFd::new(&stdin, PollFlags::empty())];
            match poll(&mut watched, None) {
                Ok(_) if !watched[0].revents().is_empty() => break,
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
        // Nobody listens any more when the program is ending anyway.
        let _ = tell.send(());
    })?;
    Ok(told)
}

/// Makes a new file that its user alone can read; fails when anything has this name already,
/// a symbolic link included.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Opens a file to append to, made for its user alone; fails on a symbolic link.
pub fn append_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
}

/// Opens a regular file to read; fails on a symbolic link, and waits for no pipe.
pub fn open_private(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(file)
}

/// Makes a directory, and what is missing above it, for its user alone; one that is there
/// stays as it is. Fails where it would lie in another user's: what root left there, that
/// user could not replace.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    let above = path.ancestors().find_map(|above| std::fs::metadata(above).ok());
    if above.is_some_and(|above| above.uid() != rustix::process::geteuid().as_raw()) {
        let text = "the directory belongs to another user";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn private_files_are_for_their_user_and_never_behind_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        create_private(&file).unwrap().write_all(b"x").unwrap();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(create_private(&file).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        symlink(&file, &link).unwrap();
        assert!(create_private(&link).is_err());
        assert!(append_private(&link).is_err());
        append_private(&file).unwrap().write_all(b"y").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"xy");
        assert!(open_private(&file).is_ok());
        assert!(open_private(&link).is_err());
        assert!(open_private(dir.path()).is_err());
    }

    #[test]
    fn private_directories_are_for_their_user() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("a").join("b");
        create_private_dir(&dir).unwrap();
        create_private_dir(&dir).unwrap();
        for made in [&dir, &place.path().join("a")] {
            assert_eq!(std::fs::metadata(made).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }
}
