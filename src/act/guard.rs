//! What no action ends by accident: pid 1, sockpit, and what it runs under.

use std::collections::BTreeMap;

use super::kill::Subject;
use crate::model::forwarder::Ending;
use crate::model::tree::ProcessTree;
use crate::text::forwarder;

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

/// Programs that others cannot do without, by the name of their process. Those that forward are
/// told by their own facts.
const SHARED: [(&str, &str); 3] = [
    ("containerd", "it is containerd, and containers cannot be stopped or started without it"),
    ("xinetd", "it listens for all of its services, which end with it"),
    ("containerd-shim", "it watches a container, which cannot be stopped properly without it"),
];

/// Why others would suffer with a process, as a clause: their sockets or processes go with it.
pub(super) fn shared(pid: u32, tree: &ProcessTree, subject: &Subject) -> Option<String> {
    let node = tree.get(pid)?;
    let name = &*node.name;
    let children = tree.children(pid).count();
    if name == "systemd" && children > 0 {
        return Some("it is a user's systemd: every process of that user ends with it".to_owned());
    }
    if name.starts_with("PM2 v") && children > 0 {
        let text = "it is pm2's daemon, which listens for its applications: all of them end";
        return Some(text.to_owned());
    }
    if let Some(forwarder) = subject.forwarder.as_ref().filter(|it| it.ending.harms_others()) {
        return Some(forwarder::ending(forwarder));
    }
    // A name is cut after 15 bytes.
    let is_of = |known: &str| name == known || (name.len() == 15 && known.starts_with(name));
    if let Some((_, why)) = SHARED.iter().find(|(known, _)| is_of(known)) {
        return Some((*why).to_owned());
    }
    (subject.fellows > 0).then(|| {
        let fellows = subject.fellows;
        let others = if fellows == 1 { "1 other process" } else { "the other processes" };
        format!("it is pid 1 of its PID namespace: {others} ({fellows}) in it end with it")
    })
}

/// Whether a process takes its children along when it ends.
pub(super) fn takes_children(pid: u32, tree: &ProcessTree, subject: &Subject) -> bool {
    let is_named = |name: &str| name == "systemd" || name.starts_with("PM2 v");
    let ending = subject.forwarder.as_ref().map(|forwarder| forwarder.ending);
    pid == 1
        || tree.get(pid).is_some_and(|node| is_named(&node.name))
        || subject.standing.is_inner_init()
        || ending == Some(Ending::Daemon)
}

/// Why a process is protected, as a clause; `None` for ordinary ones.
pub(super) fn process(pid: u32, own_pid: u32, tree: &ProcessTree) -> Option<&'static str> {
    processes(own_pid, tree).remove(&pid)
}
