//! How far sockpit sees: which processes it may read, and which it is not even shown.

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, statat};
use rustix::io::Errno;

use super::super::REMEDY_FOR_HIDDEN_OWNERS;
use super::super::holders::Scan;
use crate::model::health::Health;
use crate::model::join::Sight;

/// Inode of the first PID namespace (`PROC_PID_INIT_INO` of the kernel's proc_ns.h).
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// How far one scan saw, in words that stay the same from scan to scan for the sockets, and
/// with counts for the health line.
#[derive(Debug)]
pub(super) struct Outlook {
    pub(super) sight: Sight,
    hidden: Option<String>,
}

impl Outlook {
    /// Judges a scan of the `/proc` that is open as `proc`.
    pub(super) fn new(proc: impl AsFd, scan: &Scan) -> Self {
        let mut sight = Sight::default();
        let mut hidden = None;
        if scan.unreadable > 0 {
            let why = refusal(scan.first_refusal);
            sight.hidden = Some(why.into());
            hidden = Some(format!(
                "{} of {} processes could not be read",
                scan.unreadable, scan.processes
            ));
        } else if !init_is_listed(&proc) {
            sight.hidden = Some(HIDEPID.into());
            hidden = Some(HIDEPID.to_owned());
        }
        if !in_initial_pid_namespace(&proc) {
            sight.foreign = Some(OWN_NAMESPACE.into());
        }
        Self { sight, hidden }
    }

    /// The line on owners: whether they are all there.
    pub(super) fn health(&self, without_owner: usize) -> Health {
        let sockets = match without_owner {
            1 => "the owner of 1 socket is".to_owned(),
            count => format!("the owners of {count} sockets are"),
        };
        match (&self.hidden, &self.sight.foreign) {
            (Some(reason), _) if without_owner > 0 => {
                Health::degraded("owners", format!("{sockets} hidden: {reason}"))
                    .with_remedy(REMEDY_FOR_HIDDEN_OWNERS)
            }
            (Some(reason), _) => {
                Health::degraded("owners", format!("a socket may have more owners: {reason}"))
                    .with_remedy(REMEDY_FOR_HIDDEN_OWNERS)
            }
            (None, Some(reason)) if without_owner > 0 => {
                Health::degraded("owners", format!("{sockets} not to be seen: {reason}"))
                    .with_remedy("run it in the host's PID namespace (docker run --pid=host)")
            }
            _ => Health::ready("owners"),
        }
    }
}

const HIDEPID: &str = "/proc is mounted with hidepid and shows only some processes";

const OWN_NAMESPACE: &str =
    "sockpit runs in a PID namespace of its own and cannot see the processes outside of it";

fn refusal(errno: Option<Errno>) -> &'static str {
    match errno {
        Some(Errno::MFILE | Errno::NFILE) => {
            "some processes could not be read for want of file descriptors"
        }
        Some(Errno::ACCESS | Errno::PERM) | None => {
            "some processes may not be read: run as root, or with CAP_SYS_PTRACE and \
             CAP_DAC_READ_SEARCH"
        }
        Some(_) => "some processes could not be read",
    }
}

/// Process 1 always exists: where it is missing, hidepid hides it, and others with it.
fn init_is_listed(proc: impl AsFd) -> bool {
    !matches!(statat(proc, c"1", AtFlags::empty()), Err(Errno::NOENT))
}

fn in_initial_pid_namespace(proc: impl AsFd) -> bool {
    // Where the namespace cannot be told, assume the ordinary case.
    statat(proc, c"self/ns/pid", AtFlags::empty())
        .map_or(true, |stat| stat.st_ino == INITIAL_PID_NAMESPACE)
}
