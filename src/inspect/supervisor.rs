//! Who would start a process again, and what stops it for good.

mod parent;
mod word;

use super::Error;
use crate::model::action::{Supervisor, SupervisorKind};
use crate::model::owner::{Container, Process, Unit, UnitScope};

pub use parent::{is_restarter, of_parent};
pub use word::{Ask, Cgroups, Reply, Words, ask_about};

/// The supervisor of a process, told from its cgroup.
///
/// Only a service is started again; a scope or slice merely groups processes. docker-proxy
/// lives in the daemon's own service, which nobody should stop for the sake of one port.
pub fn supervisor(process: &Process) -> Option<Supervisor> {
    if is_docker_proxy(&process.name) {
        return None;
    }
    let (kind, name, command) = match (&process.container, &process.unit) {
        (Some(container), _) => {
            (SupervisorKind::Container, container_name(container), stop_container(container))
        }
        // A user's whole manager runs more than anybody wants to stop for one port.
        (None, Some(unit)) if unit.name.ends_with(".service") && !is_user_manager(unit) => {
            (SupervisorKind::Systemd, unit.name.to_string(), stop_unit(unit))
        }
        _ => return None,
    };
    Some(Supervisor { pid: process.pid, kind, name, command, word: None })
}

/// For processes that hold a port on behalf of something else: where to turn instead.
pub fn better_way(pid: u32, name: &str, port: u16, udp: bool) -> Option<String> {
    if is_docker_proxy(name) {
        return Some(format!(
            "docker-proxy {pid} only forwards to a container, which would run on without its \
             port; find the container to stop: docker ps --filter {}",
            published(port, udp)
        ));
    }
    (pid == 1 && name == "systemd").then(|| {
        "systemd holds it for a socket unit; find the unit and stop it: systemctl list-sockets"
            .to_owned()
    })
}

/// Whether a process only forwards a published port to a container.
pub fn is_docker_proxy(name: &str) -> bool {
    name == "docker-proxy"
}

/// The filter of `docker ps` for who publishes a port; one without a protocol means TCP.
pub(super) fn published(port: u16, udp: bool) -> String {
    let protocol = if udp { "/udp" } else { "" };
    format!("publish={port}{protocol}")
}

fn is_user_manager(unit: &Unit) -> bool {
    unit.scope == UnitScope::System && unit.name.starts_with("user@")
}

fn container_name(container: &Container) -> String {
    container.name.as_ref().unwrap_or(&container.id).to_string()
}

fn stop_container(container: &Container) -> Vec<String> {
    let name = container_name(container);
    match &*container.runtime {
        runtime @ ("docker" | "podman") => words(&[runtime, "stop", "--", &name]),
        "lxc" => words(&["lxc-stop", "--name", &name]),
        "systemd-nspawn" => words(&["machinectl", "terminate", "--", &name]),
        "containerd" => words(&["nerdctl", "stop", "--", &name]),
        _ => words(&["crictl", "stop", &container.id]),
    }
}

fn stop_unit(unit: &Unit) -> Vec<String> {
    match unit.scope {
        UnitScope::System => words(&["systemctl", "stop", "--", &unit.name]),
        UnitScope::User => words(&["systemctl", "--user", "stop", "--", &unit.name]),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
