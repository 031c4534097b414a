//! What this machine permits sockpit to do, as it was found out.

use serde::{Deserialize, Serialize};

use super::health::HealthState;
use super::why::Remedy;

/// A capability that sockpit makes use of (capabilities(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Reading the folders of other users' processes.
    DacReadSearch,
    /// Signals to other users' processes.
    Kill,
    /// Ending connections, and listing the rules of nftables and iptables.
    NetAdmin,
    /// Capturing packets.
    NetRaw,
    /// Looking at other processes, and duplicating their descriptors.
    SysPtrace,
    /// Entering network namespaces.
    SysAdmin,
    /// BPF programs.
    Bpf,
    /// BPF programs that follow processes.
    Perfmon,
}

impl Capability {
    /// Those that some part of sockpit uses.
    pub const USED: [Self; 6] = [
        Self::DacReadSearch,
        Self::Kill,
        Self::NetAdmin,
        Self::NetRaw,
        Self::SysPtrace,
        Self::SysAdmin,
    ];

    /// As setcap(8) writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::DacReadSearch => "cap_dac_read_search",
            Self::Kill => "cap_kill",
            Self::NetAdmin => "cap_net_admin",
            Self::NetRaw => "cap_net_raw",
            Self::SysPtrace => "cap_sys_ptrace",
            Self::SysAdmin => "cap_sys_admin",
            Self::Bpf => "cap_bpf",
            Self::Perfmon => "cap_perfmon",
        }
    }
}

/// What came of trying something that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// It works.
    Works,
    /// This user may not; the system's reason.
    Refused(String),
    /// This kernel or platform has no such thing; why.
    Missing(String),
    /// It failed in another way.
    Failed(String),
}

/// The network namespaces that were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespaces {
    /// All of them, sockpit's own included.
    pub found: usize,
    /// How many of them could be entered.
    pub entered: usize,
    /// Processes of which it is not known in which namespace they are.
    pub unreadable: usize,
}

/// What was found out. `None` where the platform has no such thing or does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Name and release: `Linux 6.18.0`.
    pub kernel: String,
    /// Major and minor number of a Linux kernel.
    pub linux: Option<(u32, u32)>,
    /// Capabilities in effect.
    pub capabilities: Option<Vec<Capability>>,
    /// Capabilities that the bounding set still lets a program gain.
    pub obtainable: Vec<Capability>,
    /// `kernel.yama.ptrace_scope`; `None` without yama, which is like 0.
    pub ptrace_scope: Option<u8>,
    /// The `hidepid=` that `/proc` is mounted with, unless it hides nothing.
    pub hidepid: Option<String>,
    /// Whether the PID namespace is the machine's first one.
    pub initial_pid_namespace: Option<bool>,
    /// Whether the user namespace is the machine's first one.
    pub initial_user_namespace: Option<bool>,
    /// Network namespaces.
    pub namespaces: Option<Namespaces>,
    /// Opening a packet capture.
    pub capture: Trial,
    /// Whether the kernel tells its types (BTF), without which BPF programs do not fit it.
    pub btf: bool,
    /// Asking the kernel to abort a socket that does not exist.
    pub destroy: Trial,
    /// Duplicating a descriptor of sockpit's own.
    pub duplicate: Trial,
    /// Name servers of `/etc/resolv.conf`.
    pub name_servers: Option<Vec<String>>,
    /// Where the running program lies.
    pub program: Option<String>,
}

/// One thing that sockpit can do here, or cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ability {
    /// A short stable name: `capture`, `owners`.
    pub name: String,
    /// Whether it is there.
    pub state: HealthState,
    /// What was found, in one sentence.
    pub reason: Option<String>,
    /// What is lost by it; `None` when ready.
    pub effect: Option<String>,
    /// The one command that closes the gap; `None` where no command does.
    pub remedy: Option<Remedy>,
}
