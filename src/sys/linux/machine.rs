//! What this machine permits. All of it is tried on sockpit itself, or on what does not exist.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use rustix::fs::stat;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use rustix::system::uname;
use rustix::thread::{CapabilitySet, capabilities, capability_is_in_bounding_set};

use super::capture::Capture;
use super::netns;
use super::rights::INITIAL_USER_NAMESPACE;
use super::sock_diag::SockDiag;
use crate::model::machine::{Capability, Machine, Namespaces, Trial};
use crate::model::socket::Protocol;
use crate::sys::capture::CaptureOptions;
use crate::sys::error::{Error, Result};
use crate::wire::netlink::inet::LookupRequest;
use crate::wire::{procfs, resolv_conf};

/// Inode of the first PID namespace (`PROC_PID_INIT_INO` of the kernel's proc_ns.h).
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// The capabilities that sockpit knows, by the kernel's name.
const CAPABILITIES: [(Capability, CapabilitySet); 8] = [
    (Capability::DacReadSearch, CapabilitySet::DAC_READ_SEARCH),
    (Capability::Kill, CapabilitySet::KILL),
    (Capability::NetAdmin, CapabilitySet::NET_ADMIN),
    (Capability::NetRaw, CapabilitySet::NET_RAW),
    (Capability::SysPtrace, CapabilitySet::SYS_PTRACE),
    (Capability::SysAdmin, CapabilitySet::SYS_ADMIN),
    (Capability::Bpf, CapabilitySet::BPF),
    (Capability::Perfmon, CapabilitySet::PERFMON),
];

/// Whether sockpit's PID namespace is the machine's first one; `None` where nobody tells.
pub fn initial_pid_namespace() -> Option<bool> {
    is_namespace("/proc/self/ns/pid", INITIAL_PID_NAMESPACE)
}

/// Finds out. Sends no packet, and touches no other process and no socket but its own.
pub fn look() -> Machine {
    let release = uname().release().to_string_lossy().into_owned();
    let effective = capabilities(None).ok().map(|sets| sets.effective);
    let named = |keep: &dyn Fn(CapabilitySet) -> bool| {
        CAPABILITIES.iter().filter(|(_, set)| keep(*set)).map(|(name, _)| *name).collect()
    };
    let is_obtainable = |set| capability_is_in_bounding_set(set).unwrap_or(false);
    let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let resolver = fs::read("/etc/resolv.conf").ok();
    Machine {
        linux: procfs::kernel_version(&release),
        kernel: format!("Linux {release}"),
        capabilities: effective.map(|effective| named(&|set| effective.contains(set))),
        obtainable: named(&is_obtainable),
        ptrace_scope: fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope")
            .ok()
            .and_then(|scope| scope.trim().parse().ok()),
        hidepid: procfs::hidepid(&mounts),
        initial_pid_namespace: initial_pid_namespace(),
        initial_user_namespace: is_namespace("/proc/self/ns/user", INITIAL_USER_NAMESPACE),
        namespaces: namespaces().ok(),
        capture: trial(capture()),
        btf: fs::exists("/sys/kernel/btf/vmlinux").unwrap_or(false),
        destroy: trial(destroy()),
        duplicate: trial(duplicate()),
        name_servers: resolver.map(|text| resolv_conf::name_servers(&text)),
        program: std::env::current_exe().ok().map(|path| path.to_string_lossy().into_owned()),
    }
}

fn is_namespace(link: &str, inode: u64) -> Option<bool> {
    stat(link).ok().map(|stat| stat.st_ino == inode)
}

fn namespaces() -> Result<Namespaces> {
    let found = netns::all()?;
    let entered = netns::enter_each(&found.namespaces, |_| ());
    // Its own needs no right to be entered: sockpit is there.
    let own = netns::own();
    let is_reached = found
        .namespaces
        .iter()
        .zip(&entered)
        .filter(|(namespace, entered)| entered.is_ok() || own == Some(namespace.inode));
    Ok(Namespaces {
        found: found.namespaces.len() + found.surplus,
        entered: is_reached.count(),
        unreadable: found.unreadable,
    })
}

fn capture() -> Result<()> {
    Capture::open(&CaptureOptions::default(), None).map(drop)
}

/// Port 0 has no socket, so nothing is found to be destroyed; a kernel without the ability
/// says so before it looks. Whether this user may is told by the capabilities alone.
fn destroy() -> Result<()> {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let protocol = Protocol::Tcp;
    let request =
        LookupRequest { protocol, local: nowhere, remote: nowhere, interface: 0, cookie: 1 };
    SockDiag::open()?.destroy(&request).map(drop)
}

fn duplicate() -> Result<()> {
    let what = "duplicate a descriptor";
    let own = pidfd_open(getpid(), PidfdFlags::empty()).map_err(|errno| Error::os(what, errno))?;
    pidfd_getfd(&own, own.as_raw_fd(), PidfdGetfdFlags::empty())
        .map(drop)
        .map_err(|errno| Error::os(what, errno))
}

fn trial(result: Result<()>) -> Trial {
    match result {
        Ok(()) => Trial::Works,
        Err(error @ Error::NotPermitted { .. }) => Trial::Refused(error.to_string()),
        Err(Error::Os { source, .. }) if source.kind() == std::io::ErrorKind::Unsupported => {
            Trial::Missing("this kernel has no such call".to_owned())
        }
        Err(error @ Error::Unsupported { .. }) => Trial::Missing(error.to_string()),
        Err(error) => Trial::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_changes_nothing_and_tells_what_the_kernel_says() {
        let machine = look();
        assert!(machine.kernel.starts_with("Linux "), "{machine:?}");
        assert!(machine.linux >= Some((5, 0)), "{machine:?}");
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:\t")).unwrap();
        let mask = u64::from_str_radix(mask, 16).unwrap();
        let has = |capability| machine.capabilities.as_ref().unwrap().contains(&capability);
        // Numbers of linux/capability.h.
        for (capability, bit) in
            [(Capability::NetRaw, 13), (Capability::SysPtrace, 19), (Capability::Kill, 5)]
        {
            assert_eq!(has(capability), mask >> bit & 1 == 1, "{capability:?}");
        }
        assert_eq!(machine.duplicate, Trial::Works);
        assert!(machine.namespaces.unwrap().entered >= 1);
    }
}
