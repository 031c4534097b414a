//! What would give sockpit a right that it lacks. Who is root already gains nothing by becoming
//! root: in a container root has few of the capabilities, and the runtime hands them out.

use rustix::process::geteuid;
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// Inode of the first user namespace (`PROC_USER_INIT_INO` of the kernel's proc_ns.h).
pub(super) const INITIAL_USER_NAMESPACE: u64 = 0xEFFF_FFFD;

/// The rights that something needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// To see who holds sockets.
    Owners,
    /// To load programs into the kernel.
    #[cfg(feature = "bpf")]
    Bpf,
    /// To enter network namespaces.
    Namespaces,
    /// To read and change the network's settings.
    Network,
}

/// What would permit it, as a clause.
pub(super) fn remedy_for(missing: Missing) -> &'static str {
    remedy(missing, geteuid().is_root())
}

fn remedy(missing: Missing, is_root: bool) -> &'static str {
    match (missing, is_root) {
        (Missing::Owners, false) => "run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
        (Missing::Owners, true) => {
            "grant it CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (docker run --cap-add SYS_PTRACE \
             --cap-add DAC_READ_SEARCH)"
        }
        #[cfg(feature = "bpf")]
        (Missing::Bpf, false) => "run as root, or with CAP_BPF and CAP_PERFMON",
        #[cfg(feature = "bpf")]
        (Missing::Bpf, true) => {
            "grant it CAP_BPF and CAP_PERFMON in the machine's first user namespace (docker run \
             --cap-add BPF --cap-add PERFMON)"
        }
        (Missing::Namespaces, false) => "run as root, or with CAP_SYS_ADMIN and CAP_SYS_PTRACE",
        (Missing::Namespaces, true) => {
            "grant it CAP_SYS_ADMIN and CAP_SYS_PTRACE (docker run --cap-add SYS_ADMIN --cap-add \
             SYS_PTRACE)"
        }
        (Missing::Network, false) => "run as root, or with CAP_NET_ADMIN",
        (Missing::Network, true) => "grant it CAP_NET_ADMIN (docker run --cap-add NET_ADMIN)",
    }
}

/// Gives up, for this thread and those that it starts, the rights that only loading a program takes:
/// what runs in the kernel needs them no more. What they may still do as root is another matter.
pub fn give_up_bpf() {
    let rights = CapabilitySet::BPF | CapabilitySet::PERFMON;
    let Ok(held) = capabilities(None) else { return };
    let rest = CapabilitySets {
        effective: held.effective - rights,
        permitted: held.permitted - rights,
        inheritable: held.inheritable - rights,
    };
    if rest != held
        && let Err(errno) = set_capabilities(None, rest)
    {
        tracing::debug!("CAP_BPF and CAP_PERFMON are kept: {errno}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_not_told_to_become_root() {
        for missing in [
            Missing::Owners,
            #[cfg(feature = "bpf")]
            Missing::Bpf,
            Missing::Namespaces,
            Missing::Network,
        ] {
            assert!(remedy(missing, false).starts_with("run as root, or with CAP_"));
            let told = remedy(missing, true);
            assert!(told.contains("--cap-add") && !told.contains("run as root"), "{told}");
        }
    }
}
