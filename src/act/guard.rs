//! What no action ends by accident: pid 1, sockpit, and what it runs under.

use std::collections::BTreeMap;

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

/// Why a process is protected, as a clause; `None` for ordinary ones.
pub(super) fn process(pid: u32, own_pid: u32, tree: &ProcessTree) -> Option<&'static str> {
    processes(own_pid, tree).remove(&pid)
}
