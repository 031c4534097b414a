//! What sockpit can see and do here, and for each gap what is lost and what closes it.

mod bpf;
mod terminal;
#[cfg(test)]
mod tests;

pub use terminal::Terminal;

use super::sockets::{self, Request};
use crate::model::health::{Health, HealthState, Source};
use crate::model::machine::{Ability, Capability, Machine, Namespaces, Trial};
use crate::model::why::Remedy;
use crate::sys::machine;

/// Finds out. Sends no packet, and touches no other process's socket.
pub fn examine(terminal: &Terminal) -> Vec<Ability> {
    let machine = machine::look();
    let owners = match sockets::list(&Request::default()) {
        Ok(listing) => listing.health.into_iter().find(|line| line.source == Source::Owners),
        Err(error) => Some(Health::unavailable(Source::Owners, error.to_string())),
    };
    judge(&machine, owners.as_ref(), terminal)
}

/// What these facts mean, the most telling first.
fn judge(machine: &Machine, owners: Option<&Health>, terminal: &Terminal) -> Vec<Ability> {
    let judge = Judge { machine };
    vec![
        judge.kernel(),
        judge.capabilities(),
        judge.owners(owners),
        judge.ptrace_scope(),
        judge.hidepid(),
        judge.pid_namespace(),
        judge.user_namespace(),
        judge.network_namespaces(),
        judge.capture(),
        judge.bpf(),
        judge.close(),
        judge.options(),
        judge.signals(),
        judge.resolver(),
        terminal.ability(),
    ]
}

fn ready(name: &str, reason: impl Into<String>) -> Ability {
    Ability {
        name: name.to_owned(),
        state: HealthState::Ready,
        reason: Some(reason.into()),
        effect: None,
        remedy: None,
    }
}

fn gap(name: &str, state: HealthState, reason: impl Into<String>, effect: &str) -> Ability {
    Ability { state, effect: Some(effect.to_owned()), ..ready(name, reason) }
}

use HealthState::{Degraded, Unavailable};

struct Judge<'a> {
    machine: &'a Machine,
}

impl Judge<'_> {
    fn has(&self, wanted: &[Capability]) -> bool {
        let held = self.machine.capabilities.as_deref().unwrap_or_default();
        wanted.iter().all(|capability| held.contains(capability))
    }

    /// The `setcap` that adds these to what the program has now: it replaces what the file had.
    /// `None` where it would not help: the bounding set keeps one of them out, or they would
    /// count in a user namespace alone.
    fn setcap(&self, wanted: &[Capability]) -> Option<Remedy> {
        let machine = self.machine;
        let is_obtainable = wanted.iter().all(|it| machine.obtainable.contains(it));
        if !is_obtainable || machine.initial_user_namespace == Some(false) {
            return None;
        }
        let held = machine.capabilities.iter().flatten();
        let mut names: Vec<&str> = held
            .filter(|capability| Capability::USED.contains(capability))
            .chain(wanted)
            .map(|capability| capability.name())
            .collect();
        names.sort_unstable();
        names.dedup();
        let program = machine.program.clone()?;
        Some(Remedy {
            text: "as root, grant it to this copy of the program, and so to all who may run it"
                .to_owned(),
            argv: vec!["setcap".to_owned(), format!("{}+ep", names.join(",")), program],
        })
    }

    fn with_setcap(&self, ability: Ability, wanted: &[Capability]) -> Ability {
        Ability { remedy: self.setcap(wanted), ..ability }
    }

    fn kernel(&self) -> Ability {
        let kernel = &self.machine.kernel;
        match self.machine.linux {
            None => gap(
                "kernel",
                Degraded,
                format!("{kernel}: sockpit lists sockets through a portable library here"),
                "no capture, no socket options, no closing of connections",
            ),
            Some(version) if version < (5, 6) => gap(
                "kernel",
                Degraded,
                format!("{kernel} is older than 5.6 and cannot duplicate descriptors"),
                "options of other processes' sockets are not read",
            ),
            Some(version) if version < (6, 8) => gap(
                "kernel",
                Degraded,
                format!(
                    "{kernel} is older than 6.8 and does not list bound sockets that do not listen"
                ),
                "why cannot name a socket that holds a port without listening",
            ),
            Some(_) => ready("kernel", kernel),
        }
    }

    fn capabilities(&self) -> Ability {
        let name = "capabilities";
        let Some(_) = &self.machine.capabilities else {
            return ready(name, "this platform has none");
        };
        let missing: Vec<Capability> =
            Capability::USED.into_iter().filter(|it| !self.has(&[*it])).collect();
        if missing.is_empty() {
            return ready(name, "all that sockpit uses are in effect");
        }
        let names: Vec<&str> = missing.iter().map(|it| it.name()).collect();
        let state = if missing.len() == Capability::USED.len() { Unavailable } else { Degraded };
        let reason = format!("not in effect: {}", names.join(", "));
        let kept_out: Vec<&str> = missing
            .iter()
            .filter(|it| !self.machine.obtainable.contains(it))
            .map(|it| it.name())
            .collect();
        let reason = match kept_out.is_empty() {
            true => reason,
            false => format!("{reason}; the bounding set keeps out {}", kept_out.join(", ")),
        };
        let ability = gap(name, state, reason, "what the lines below say");
        self.with_setcap(ability, &missing)
    }

    fn owners(&self, health: Option<&Health>) -> Ability {
        let name = "owners";
        let effect = "the processes behind some sockets stay hidden";
        let wanted = [Capability::DacReadSearch, Capability::SysPtrace];
        match health {
            Some(line) if line.is_troubled() => {
                let reason = line.reason.as_deref().unwrap_or("not all processes could be read");
                let ability = gap(name, line.state, reason, effect);
                if self.has(&wanted) { ability } else { self.with_setcap(ability, &wanted) }
            }
            Some(_) if self.has(&wanted) || self.machine.capabilities.is_none() => {
                ready(name, "every process could be read")
            }
            Some(_) => ready(name, "every process that exists now could be read"),
            None => gap(name, Unavailable, "nothing reported who holds the sockets", effect),
        }
    }

    fn ptrace_scope(&self) -> Ability {
        let name = "ptrace_scope";
        let wanted = [Capability::SysPtrace];
        let effect = "all options are read of sockpit's own children alone";
        match self.machine.ptrace_scope {
            None => ready(name, "yama does not restrict it"),
            Some(0) => ready(name, "0: processes of the same user may be inspected"),
            Some(3) => gap(name, Unavailable, "3: no process may inspect another one", effect),
            Some(scope) if self.has(&wanted) => {
                ready(name, format!("{scope}: permitted by cap_sys_ptrace"))
            }
            Some(scope) => {
                let reason =
                    format!("{scope}: cap_sys_ptrace is needed for processes of one's own, too");
                self.with_setcap(gap(name, Degraded, reason, effect), &wanted)
            }
        }
    }

    fn hidepid(&self) -> Ability {
        let name = "hidepid";
        let wanted = [Capability::SysPtrace];
        match &self.machine.hidepid {
            None => ready(name, "/proc shows every process"),
            Some(value) if self.has(&wanted) => {
                ready(name, format!("hidepid={value}: passed over by cap_sys_ptrace"))
            }
            Some(value) => {
                let reason = format!("/proc is mounted with hidepid={value}");
                let effect = "processes of other users are not even listed";
                self.with_setcap(gap(name, Degraded, reason, effect), &wanted)
            }
        }
    }

    fn pid_namespace(&self) -> Ability {
        let name = "pid_namespace";
        match self.machine.initial_pid_namespace {
            Some(true) => ready(name, "the machine's first one"),
            None => ready(name, "this platform has none"),
            Some(false) => gap(
                name,
                Degraded,
                "sockpit runs in a PID namespace of its own, as in a container",
                "sockets of processes outside of it have the owner `foreign`",
            ),
        }
    }

    fn user_namespace(&self) -> Ability {
        let name = "user_namespace";
        match self.machine.initial_user_namespace {
            Some(true) => ready(name, "the machine's first one"),
            None => ready(name, "this platform has none"),
            Some(false) => gap(
                name,
                Degraded,
                "sockpit runs in a user namespace, as in a rootless container",
                "its capabilities count for nothing outside of it",
            ),
        }
    }

    fn network_namespaces(&self) -> Ability {
        let name = "network_namespaces";
        let wanted = [Capability::SysAdmin, Capability::SysPtrace];
        let effect = "--all-netns and N leave out the sockets of the others";
        match self.machine.namespaces {
            None => gap(name, Unavailable, "network namespaces cannot be listed here", effect),
            Some(Namespaces { found, entered, unreadable: 0 }) if found == entered => {
                ready(name, format!("{entered} of {found} can be entered"))
            }
            Some(Namespaces { found, entered, unreadable }) => {
                let mut reason = format!("{entered} of {found} can be entered");
                if unreadable > 0 {
                    let processes = if unreadable == 1 { "process" } else { "processes" };
                    reason +=
                        &format!("; of {unreadable} {processes} it is not known where they are");
                }
                let ability = gap(name, Degraded, reason, effect);
                if self.has(&wanted) { ability } else { self.with_setcap(ability, &wanted) }
            }
        }
    }

    fn capture(&self) -> Ability {
        let wanted = [Capability::NetRaw];
        let effect = "no packets are counted; interface rates and capture files still are";
        self.tried("capture", &self.machine.capture, &wanted, "a capture could be opened", effect)
    }

    fn tried(
        &self,
        name: &str,
        trial: &Trial,
        wanted: &[Capability],
        works: &str,
        effect: &str,
    ) -> Ability {
        match trial {
            Trial::Works => ready(name, works),
            Trial::Refused(reason) => {
                self.with_setcap(gap(name, Unavailable, reason, effect), wanted)
            }
            Trial::Missing(reason) | Trial::Failed(reason) => {
                gap(name, Unavailable, reason, effect)
            }
        }
    }

    fn close(&self) -> Ability {
        let name = "close_connections";
        let wanted = [Capability::NetAdmin];
        let effect = "close and X cannot end a connection without its process";
        match &self.machine.destroy {
            Trial::Works if !self.has(&wanted) => {
                let reason = "the kernel can (SOCK_DESTROY), but cap_net_admin is not in effect";
                self.with_setcap(gap(name, Unavailable, reason, effect), &wanted)
            }
            trial => self.tried(name, trial, &wanted, "SOCK_DESTROY, and cap_net_admin", effect),
        }
    }

    fn options(&self) -> Ability {
        let name = "socket_options";
        let wanted = [Capability::SysPtrace];
        let effect =
            "of other users' sockets only the options that the kernel's table has are shown";
        match &self.machine.duplicate {
            Trial::Works if !self.has(&wanted) => {
                let reason = "descriptors of other users' processes may not be duplicated";
                self.with_setcap(gap(name, Degraded, reason, effect), &wanted)
            }
            trial => self.tried(name, trial, &wanted, "descriptors can be duplicated", effect),
        }
    }

    fn signals(&self) -> Ability {
        let name = "signals";
        let wanted = [Capability::Kill];
        if self.machine.capabilities.is_none() || self.has(&wanted) {
            return ready(name, "processes of every user can be ended");
        }
        let reason = "only processes of this user can be ended";
        let effect = "kill and K cannot end the processes of others";
        self.with_setcap(gap(name, Degraded, reason, effect), &wanted)
    }

    fn resolver(&self) -> Ability {
        let name = "resolver";
        match self.machine.name_servers.as_deref() {
            Some([]) | None if self.machine.linux.is_some() => gap(
                name,
                Degraded,
                "/etc/resolv.conf names no server",
                "names outside of /etc/hosts are asked of this machine itself, if anything",
            ),
            None => ready(name, "the system's own"),
            Some(servers) => ready(name, format!("{} (not asked)", servers.join(", "))),
        }
    }
}
