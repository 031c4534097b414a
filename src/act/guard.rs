//! What no action ends by accident: pid 1, sockpit, and what it runs under.

use std::collections::BTreeMap;

use super::kill::Subject;
use crate::model::tree::ProcessTree;

/// What was confirmed beyond the plan itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// What is protected (pid 1, sockpit, its ancestors, and their connections) may be ended,
    /// too. Without it it is spared.
    pub protected: bool,
}

/// The protected processes, each with the reason as a clause.
pub(super) fn processes(own_pid: u32, tree: &ProcessTree) -> BTreeMap<u32, &'static str> {
    let ancestors = tree.ancestors(own_pid).into_iter().map(|pid| (pid, "sockpit runs under it"));
    ancestors
        .chain([
            (own_pid, "it is sockpit itself"),
            (1, "it is pid 1, which keeps the system running"),
        ])
        .collect()
}

/// sockpit and what it runs under: what holds one of them cannot be stopped by sockpit.
pub(super) fn lifeline(own_pid: u32, tree: &ProcessTree) -> Vec<u32> {
    tree.ancestors(own_pid).into_iter().chain([own_pid]).collect()
}

/// Programs that hold the sockets or the network of others, by the name of their process, and what
/// goes with them.
const SHARED: [(&str, &str); 9] = [
    ("dockerd", "it is docker's daemon, and every container that it runs loses its ports or ends"),
    ("containerd", "it is containerd, and containers cannot be stopped or started without it"),
    ("containerd-shim", "it watches a container, which cannot be stopped properly without it"),
    ("rootlesskit", "it is rootless docker's own network and namespace: every container ends"),
    ("conmon", "it watches a podman container, which goes on without it and cannot be stopped"),
    ("slirp4netns", "it is the whole network of a container"),
    ("pasta", "it is the whole network of a container"),
    ("passt", "it is the whole network of a virtual machine"),
    ("rootlessport", "it only forwards to a container, which goes on without its port"),
];

/// Why others would suffer with a process, as a clause: their sockets or processes go with it.
pub(super) fn shared(pid: u32, tree: &ProcessTree, subject: &Subject) -> Option<String> {
    let node = tree.get(pid)?;
    let name = &*node.name;
    let title = subject.about.cmdline.first().map_or("", |title| &**title);
    let children = tree.children(pid).count();
    if name == "systemd" && children > 0 {
        return Some("it is a user's systemd: every process of that user ends with it".to_owned());
    }
    if name.starts_with("PM2 v") && children > 0 {
        let text = "it is pm2's daemon, which listens for its applications: all of them end";
        return Some(text.to_owned());
    }
    // The process of one login; the daemon itself has another title.
    if name.starts_with("sshd")
        && (title.starts_with("sshd: ") || title.starts_with("sshd-session: "))
        && !title.contains("[listener]")
    {
        return Some(format!("it is an ssh session ({title}), which ends with it"));
    }
    let is_of = |known: &str| name == known || name.starts_with(&format!("{known}."));
    // A name is cut after 15 bytes.
    let is_cut = |known: &str| known.len() >= 15 && known.starts_with(name) && name.len() == 15;
    if let Some((_, why)) = SHARED.iter().find(|(known, _)| is_of(known) || is_cut(known)) {
        return Some((*why).to_owned());
    }
    (subject.fellows > 0).then(|| {
        let fellows = subject.fellows;
        let others = if fellows == 1 { "1 other process" } else { "the other processes" };
        format!("it is pid 1 of its PID namespace: {others} ({fellows}) in it end with it")
    })
}

/// Why a process is protected, as a clause; `None` for ordinary ones.
pub(super) fn process(pid: u32, own_pid: u32, tree: &ProcessTree) -> Option<&'static str> {
    processes(own_pid, tree).remove(&pid)
}
