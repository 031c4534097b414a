//! Who holds a socket, and how sure that answer is.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What identifies a process for as long as it lives: a pid alone comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessKey {
    /// Process id.
    pub pid: u32,
    /// Start in clock ticks since boot (field 22 of `/proc/PID/stat`), or the platform's like.
    pub start_time: u64,
}

/// A process that holds sockets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// The program's name, uncleaned: see [`super::process_name`].
    pub name: Box<str>,
    /// What its main thread calls itself (`/proc/PID/comm`, at most 15 bytes), uncleaned;
    /// `None` where the system has no such thing.
    #[serde(default)]
    pub comm: Option<Box<str>>,
    /// Path of its program; `None` for kernel threads and where not readable.
    pub exe: Option<Box<str>>,
    /// Command line, an element an argument; empty where not readable.
    pub cmdline: Vec<Box<str>>,
    /// Directory that it works in; `None` for kernel threads and where not readable.
    #[serde(default)]
    pub cwd: Option<Box<str>>,
    /// Real user id.
    pub uid: Option<u32>,
    /// Parent's process id.
    pub ppid: Option<u32>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// systemd unit from its cgroup.
    pub unit: Option<Unit>,
    /// Container from its cgroup.
    pub container: Option<Container>,
    /// See [`ProcessKey::start_time`].
    #[serde(skip)]
    pub start_time: u64,
}

impl Process {
    /// A process of which nothing is known but who it is.
    pub fn named(pid: u32, start_time: u64, name: impl Into<Box<str>>) -> Self {
        Self {
            pid,
            name: name.into(),
            comm: None,
            cwd: None,
            exe: None,
            cmdline: Vec::new(),
            uid: None,
            ppid: None,
            started_at: None,
            unit: None,
            container: None,
            start_time,
        }
    }

    /// What it goes by: its program's name, and what its main thread calls itself.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.name).chain(self.comm.as_deref())
    }

    /// The identity of this process.
    pub fn key(&self) -> ProcessKey {
        ProcessKey { pid: self.pid, start_time: self.start_time }
    }
}

/// A systemd unit, told from a cgroup path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Full unit name with its suffix: `nginx.service`.
    pub name: Box<str>,
    /// Which manager runs it.
    pub scope: UnitScope,
}

/// Which systemd manager a unit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitScope {
    /// The system manager, pid 1.
    System,
    /// A user's manager.
    User,
}

/// A container, told from a cgroup path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// `docker`, `podman`, `containerd`, `cri-o`, `kubernetes`, `lxc`, `systemd-nspawn`.
    pub runtime: Cow<'static, str>,
    /// The runtime's id.
    pub id: Box<str>,
    /// Its name, where one is known.
    pub name: Option<Box<str>>,
}

impl Container {
    /// What it is shown as: its name, or the first twelve digits of its id.
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| short_id(&self.id))
    }
}

/// As a runtime shows an id: the first twelve of its 64 digits. Anything else stays whole.
pub fn short_id(id: &str) -> &str {
    let is_long = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_long { &id[..12] } else { id }
}

/// Where in a process a socket is held, if not in the table of descriptors that its threads share.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Through {
    /// In that table.
    #[default]
    Descriptor,
    /// In the table that this thread has for itself (`unshare(CLONE_FILES)`), or that lives on
    /// with it since the first thread has ended: `/proc/PID/task/TID/fd`.
    Thread {
        /// Its thread id.
        tid: u32,
    },
    /// As a direct descriptor of an io_uring (io_uring_register_files(3)): no descriptor refers
    /// to the socket.
    IoUring {
        /// The ring's descriptor.
        fd: i32,
        /// Place in its table of files.
        slot: u32,
    },
}

impl Through {
    /// Whether it is an ordinary descriptor.
    pub fn is_descriptor(&self) -> bool {
        *self == Self::Descriptor
    }
}

/// A descriptor that refers to a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Descriptor number in that process, or in the thread that `through` names; `None` where a
    /// backend knows only the process, and where an io_uring holds the socket.
    pub fd: Option<i32>,
    /// Where the socket is held, if not by a descriptor of the process.
    #[serde(default, skip_serializing_if = "Through::is_descriptor")]
    pub through: Through,
    /// The process.
    #[serde(flatten)]
    pub process: Arc<Process>,
}

impl Owner {
    /// A holder by an ordinary descriptor.
    pub fn new(fd: Option<i32>, process: Arc<Process>) -> Self {
        Self { fd, through: Through::Descriptor, process }
    }
}

/// A process that may hold other sockets by now than a table says: it ran since its
/// descriptors were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unverified {
    /// The process.
    #[serde(flatten)]
    pub process: ProcessKey,
    /// When its descriptors were read.
    pub as_of: Timestamp,
}

/// The six answers to "who holds this socket".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnershipKind {
    /// The listed processes hold it.
    Owned,
    /// No process can hold it: inode 0; `detail` says what it is.
    Kernel,
    /// No owner found, and some process could not be read.
    Hidden,
    /// Gone in a second look.
    Vanished,
    /// No owner found, and sockpit sees only its own PID namespace.
    Foreign,
    /// None of these.
    Unknown,
}

impl OwnershipKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Owned, Self::Kernel, Self::Hidden, Self::Vanished, Self::Foreign, Self::Unknown];

    /// The lower-case name used in JSON, on screen and in queries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owned => "owned",
            Self::Kernel => "kernel",
            Self::Hidden => "hidden",
            Self::Vanished => "vanished",
            Self::Foreign => "foreign",
            Self::Unknown => "unknown",
        }
    }
}

/// Who holds a socket: the kind, and what backs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// Which of the six.
    pub kind: OwnershipKind,
    /// For *kernel*: `time_wait`, `half_open`, `accept_queue`, `orphan`, `kernel_socket`, or what
    /// the kernel holds the port for: `vxlan`, `wireguard`, `fou`, `mptcp_endpoint`, `nfs`, …
    pub detail: Option<Cow<'static, str>>,
    /// For *kernel*: the device that goes with it, uncleaned.
    #[serde(default)]
    pub device: Option<Arc<str>>,
    /// One sentence on why no more is known, and what would permit it; for *kernel* a clause on
    /// what the port is held for, and what would free it.
    pub reason: Option<Cow<'static, str>>,
    /// For *kernel*: the command that frees it, where it can be run from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freed_by: Option<Box<[String]>>,
}

impl Ownership {
    /// The listed processes hold it.
    pub const OWNED: Self = Self::of(OwnershipKind::Owned, None);

    const fn of(kind: OwnershipKind, reason: Option<Cow<'static, str>>) -> Self {
        Self { kind, detail: None, device: None, reason, freed_by: None }
    }

    /// The kernel alone holds it, as `detail` says.
    pub fn kernel(detail: &'static str) -> Self {
        Self { detail: Some(Cow::Borrowed(detail)), ..Self::of(OwnershipKind::Kernel, None) }
    }

    /// Some process could not be read.
    pub fn hidden(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::of(OwnershipKind::Hidden, Some(reason.into()))
    }

    /// Gone in a second look.
    pub fn vanished() -> Self {
        Self::of(OwnershipKind::Vanished, None)
    }

    /// sockpit runs outside the initial PID namespace.
    pub fn foreign(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::of(OwnershipKind::Foreign, Some(reason.into()))
    }

    /// None of the others.
    pub fn unknown(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::of(OwnershipKind::Unknown, Some(reason.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_ids_are_cut() {
        let id = "3f4e1b0c9d8a".to_owned() + &"0".repeat(52);
        let mut container = Container { runtime: "docker".into(), id: (*id).into(), name: None };
        assert_eq!(container.shown(), "3f4e1b0c9d8a");
        container.name = Some("web".into());
        assert_eq!(container.shown(), "web");
        assert_eq!(short_id("web"), "web");
        assert_eq!(short_id(&"ü".repeat(32)), "ü".repeat(32));
    }
}
