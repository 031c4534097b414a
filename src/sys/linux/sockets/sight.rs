//! How far sockpit sees: which processes it may read, and which it is not even shown.

use std::os::fd::{AsFd, BorrowedFd};

use jiff::Timestamp;
use rustix::fs::{AtFlags, statat};
use rustix::io::Errno;
use rustix::process::geteuid;
use rustix::thread::{CapabilitySet, capabilities};

use super::super::holders::Scan;
use super::super::proc::{Decimal, open_dir, read_file};
use super::super::rights::{INITIAL_USER_NAMESPACE, Missing, remedy_for};
use crate::model::health::{Health, Source};
use crate::model::join::Sight;
use crate::model::owner::Unverified;
use crate::sys::errno;

/// Inode of the first PID namespace (`PROC_PID_INIT_INO` of the kernel's proc_ns.h).
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// How far one scan saw, in words that stay the same from scan to scan for the sockets, and
/// with counts for the health line.
#[derive(Debug)]
pub(super) struct Outlook {
    pub(super) sight: Sight,
    hidden: Option<String>,
    obstacle: Option<Obstacle>,
}

/// Why some processes are hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    Rights,
    /// Root, of whose rights some were taken away.
    LesserRoot,
    UserNamespace,
    Policy,
    Hidepid,
    NoProcesses,
    Descriptors,
    Other,
}

impl Outlook {
    /// Judges a scan of the `/proc` that is open as `proc`.
    pub(super) fn new(proc: BorrowedFd<'_>, scan: &Scan) -> Self {
        let obstacle = Obstacle::of(proc, scan);
        let hidden = obstacle.map(|obstacle| obstacle.sentence(proc, scan));
        let is_foreign = !is_namespace(proc, c"self/ns/pid", INITIAL_PID_NAMESPACE);
        let sight = Sight {
            hidden: obstacle.map(|obstacle| obstacle.reason().into()),
            foreign: is_foreign.then(|| OWN_NAMESPACE.into()),
        };
        Self { sight, hidden, obstacle }
    }

    /// The line on owners: whether they are all there.
    pub(super) fn health(&self, without_owner: usize) -> Health {
        let sockets = match without_owner {
            1 => "the owner of 1 socket is".to_owned(),
            count => format!("the owners of {count} sockets are"),
        };
        let hidden = match (&self.hidden, without_owner) {
            (Some(reason), 0) => format!("a socket may have more owners than shown: {reason}"),
            (Some(reason), _) => format!("{sockets} hidden: {reason}"),
            (None, _) => return self.health_of_namespace(&sockets, without_owner),
        };
        let health = Health::degraded(Source::Owners, hidden);
        match self.obstacle.and_then(Obstacle::remedy) {
            Some(remedy) => health.with_remedy(remedy),
            None => health,
        }
    }

    fn health_of_namespace(&self, sockets: &str, without_owner: usize) -> Health {
        match &self.sight.foreign {
            Some(reason) if without_owner > 0 => {
                Health::degraded(Source::Owners, format!("{sockets} not to be seen: {reason}"))
                    .with_remedy("run it in the host's PID namespace (docker run --pid=host)")
            }
            _ => Health::ready(Source::Owners),
        }
    }
}

/// The line on owners that are not told as of now; none when all are.
pub(super) fn health_of_memory(unverified: &[Unverified]) -> Option<Health> {
    let oldest = unverified.iter().map(|process| process.as_of).min()?;
    let seconds = Timestamp::now().duration_since(oldest).as_secs().max(1);
    let processes = match unverified.len() {
        1 => "1 process has".to_owned(),
        count => format!("{count} processes have"),
    };
    Some(Health::degraded(
        Source::Owners,
        format!("{processes} not been checked for up to {seconds} s, and may hold other sockets"),
    ))
}

const OWN_NAMESPACE: &str =
    "sockpit runs in a PID namespace of its own and cannot see the processes outside of it";

impl Obstacle {
    fn of(proc: BorrowedFd<'_>, scan: &Scan) -> Option<Self> {
        if scan.by_kernel && scan.unreadable == 0 {
            return None;
        }
        // We are one ourselves.
        if scan.processes == 0 {
            return Some(Self::NoProcesses);
        }
        if scan.unreadable == 0 {
            return (!init_is_listed(proc)).then_some(Self::Hidepid);
        }
        Some(match scan.refused.first().map(|(_, errno)| *errno) {
            Some(Errno::MFILE | Errno::NFILE) => Self::Descriptors,
            Some(Errno::ACCESS | Errno::PERM) if !has_the_rights() => {
                if geteuid().is_root() {
                    Self::LesserRoot
                } else {
                    Self::Rights
                }
            }
            Some(Errno::ACCESS | Errno::PERM)
                if is_namespace(proc, c"self/ns/user", INITIAL_USER_NAMESPACE) =>
            {
                Self::Policy
            }
            Some(Errno::ACCESS | Errno::PERM) => Self::UserNamespace,
            _ => Self::Other,
        })
    }

    /// For each socket: the same words for as long as the obstacle is the same.
    fn reason(self) -> &'static str {
        match self {
            Self::Rights => {
                "some processes may not be read: run as root, or with CAP_SYS_PTRACE and \
                 CAP_DAC_READ_SEARCH"
            }
            Self::LesserRoot => {
                "some processes may not be read: this root lacks CAP_SYS_PTRACE or \
                 CAP_DAC_READ_SEARCH"
            }
            Self::UserNamespace => {
                "some processes belong to another user namespace and may not be read from here"
            }
            Self::Policy => "some processes may not be read even with CAP_SYS_PTRACE",
            Self::Hidepid => "/proc is mounted with hidepid and shows only some processes",
            Self::NoProcesses => "/proc shows no processes: it is no proc file system",
            Self::Descriptors => "some processes could not be read: out of file descriptors",
            Self::Other => "some processes could not be read",
        }
    }

    fn sentence(self, proc: BorrowedFd<'_>, scan: &Scan) -> String {
        let Scan { unreadable, processes, .. } = scan;
        match self {
            Self::Hidepid | Self::NoProcesses => self.reason().to_owned(),
            Self::Policy => {
                format!(
                    "{unreadable} of {processes} processes may not be read even with \
                     CAP_SYS_PTRACE{}",
                    which(proc, &scan.refused)
                )
            }
            _ => format!(
                "{unreadable} of {processes} processes could not be read{}",
                which(proc, &scan.refused)
            ),
        }
    }

    fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Rights | Self::LesserRoot | Self::Hidepid => Some(remedy_for(Missing::Owners)),
            Self::NoProcesses => Some("mount it: mount -t proc proc /proc"),
            Self::UserNamespace => Some("run it as root outside of the user namespace"),
            Self::Descriptors => Some("raise the limit: ulimit -n"),
            Self::Policy | Self::Other => None,
        }
    }
}

/// No more processes than these are told one by one.
const MOST_NAMED: usize = 3;

/// No more users than these are told.
const MOST_USERS: usize = 4;

/// Which processes could not be read, and why: a few by name, many by their users.
fn which(proc: BorrowedFd<'_>, refused: &[(u32, Errno)]) -> String {
    if refused.is_empty() {
        return String::new();
    }
    if refused.len() <= MOST_NAMED {
        let one = |(pid, errno): &(u32, Errno)| {
            let name = comm(proc, *pid).map_or(String::new(), |name| format!(" {name}"));
            format!("pid {pid}{name} ({})", why(*errno))
        };
        return format!(": {}", refused.iter().map(one).collect::<Vec<_>>().join(", "));
    }
    // By user and reason, the most first.
    let mut groups: Vec<((Option<u32>, Errno), usize)> = Vec::new();
    for (pid, errno) in refused {
        let key = (user_of(proc, *pid), *errno);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, count)) => *count += 1,
            None => groups.push((key, 1)),
        }
    }
    groups.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let group = |((uid, errno), count): &((Option<u32>, Errno), usize)| {
        let user = uid.map_or("ended ones".to_owned(), |uid| format!("uid {uid}"));
        format!("{count} of {user} ({})", why(*errno))
    };
    let told: Vec<String> = groups.iter().take(MOST_USERS).map(group).collect();
    let rest: usize = groups.iter().skip(MOST_USERS).map(|(_, count)| count).sum();
    let rest = if rest == 0 { String::new() } else { format!(", {rest} of others") };
    format!(": {}{rest}", told.join(", "))
}

/// The name that everyone may read.
fn comm(proc: BorrowedFd<'_>, pid: u32) -> Option<String> {
    let process = open_dir(proc, Decimal::new(pid).as_c_str()).ok()?;
    let mut name = Vec::new();
    read_file(&process, c"comm", &mut name).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}

fn user_of(proc: BorrowedFd<'_>, pid: u32) -> Option<u32> {
    statat(proc, Decimal::new(pid).as_c_str(), AtFlags::empty()).ok().map(|stat| stat.st_uid)
}

fn why(errno: Errno) -> String {
    let error = std::io::Error::from(errno);
    errno::name(&error).map_or_else(|| format!("error {}", errno.raw_os_error()), str::to_owned)
}

/// Whether sockpit has all rights that reading a process takes.
pub(super) fn has_the_rights() -> bool {
    let wanted = CapabilitySet::SYS_PTRACE | CapabilitySet::DAC_READ_SEARCH;
    capabilities(None).is_ok_and(|sets| sets.effective.contains(wanted))
}

/// Process 1 always exists: where it is missing, hidepid hides it, and others with it.
fn init_is_listed(proc: BorrowedFd<'_>) -> bool {
    !matches!(statat(proc, c"1", AtFlags::empty()), Err(Errno::NOENT))
}

/// Where a namespace cannot be told, the ordinary case is assumed.
fn is_namespace(proc: impl AsFd, link: &std::ffi::CStr, inode: u64) -> bool {
    statat(proc, link, AtFlags::empty()).map_or(true, |stat| stat.st_ino == inode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proc_without_any_process_is_not_blamed_on_hidepid() {
        let proc = super::super::super::proc::open().unwrap();
        let nothing = Outlook::new(proc.as_fd(), &Scan::default());
        let health = nothing.health(3);
        assert!(health.reason.unwrap().ends_with("it is no proc file system"));
        assert!(health.remedy.unwrap().contains("mount -t proc"));
        let one = Scan { processes: 1, unreadable: 1, ..Scan::default() };
        let some = Outlook::new(proc.as_fd(), &one).health(0);
        assert!(some.reason.unwrap().contains("1 of 1 processes could not be read"));
    }

    #[test]
    fn which_processes_could_not_be_read_is_told_with_why() {
        let proc = super::super::super::proc::open().unwrap();
        let own = std::process::id();
        let one = which(proc.as_fd(), &[(own, Errno::ACCESS)]);
        let name = comm(proc.as_fd(), own).unwrap();
        assert_eq!(one, format!(": pid {own} {name} (EACCES)"));
        let many: Vec<(u32, Errno)> = vec![(own, Errno::ACCESS); 7];
        let uid = geteuid().as_raw();
        assert_eq!(which(proc.as_fd(), &many), format!(": 7 of uid {uid} (EACCES)"));
        assert_eq!(which(proc.as_fd(), &[]), "");
    }
}
