//! The family tree of processes.

use std::collections::{BTreeMap, BTreeSet};

use super::owner::ProcessKey;

/// A process's place in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessNode {
    /// Identity.
    pub key: ProcessKey,
    /// Parent's process id; 0 where the parent is outside the PID namespace.
    pub ppid: u32,
    /// Short name, uncleaned.
    pub name: Box<str>,
    /// Whether it runs in the kernel only.
    pub kernel_thread: bool,
    /// Whether it is stopped: Ctrl-Z, or a debugger.
    pub stopped: bool,
}

/// All processes that could be seen at one moment.
///
/// The nodes are read one after the other, so that a process may be missing, and a parent
/// may be younger than its child where a pid came back meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessTree {
    nodes: BTreeMap<u32, ProcessNode>,
}

impl FromIterator<ProcessNode> for ProcessTree {
    fn from_iter<I: IntoIterator<Item = ProcessNode>>(nodes: I) -> Self {
        Self { nodes: nodes.into_iter().map(|node| (node.key.pid, node)).collect() }
    }
}

impl ProcessTree {
    /// The process with this pid.
    pub fn get(&self, pid: u32) -> Option<&ProcessNode> {
        self.nodes.get(&pid)
    }

    /// Every process, by pid.
    pub fn iter(&self) -> impl Iterator<Item = &ProcessNode> {
        self.nodes.values()
    }

    /// Its parent, the parent's parent, and so on up to the root, as far as they were seen.
    pub fn ancestors(&self, pid: u32) -> Vec<u32> {
        let mut chain = Vec::new();
        let mut current = pid;
        while let Some(node) = self.get(current) {
            if node.ppid == 0 || node.ppid == pid || chain.contains(&node.ppid) {
                break;
            }
            chain.push(node.ppid);
            current = node.ppid;
        }
        chain
    }

    /// Its children, by pid.
    pub fn children(&self, pid: u32) -> impl Iterator<Item = &ProcessNode> {
        self.nodes.values().filter(move |node| node.ppid == pid && node.key.pid != pid)
    }

    /// Its children, their children, and so on; parents before their children.
    pub fn descendants(&self, pid: u32) -> Vec<&ProcessNode> {
        let mut seen = BTreeSet::from([pid]);
        let mut found: Vec<&ProcessNode> = Vec::new();
        let mut next = vec![pid];
        while let Some(parent) = next.pop() {
            for child in self.children(parent) {
                if seen.insert(child.key.pid) {
                    found.push(child);
                    next.push(child.key.pid);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(pid: u32, ppid: u32) -> ProcessNode {
        ProcessNode {
            key: ProcessKey { pid, start_time: u64::from(pid) },
            ppid,
            name: format!("p{pid}").into(),
            kernel_thread: false,
            stopped: false,
        }
    }

    #[test]
    fn ancestors_end_at_the_root() {
        let tree: ProcessTree = [node(1, 0), node(5, 1), node(9, 5)].into_iter().collect();
        assert_eq!(tree.ancestors(9), [5, 1]);
        assert!(tree.ancestors(1).is_empty());
        assert!(tree.ancestors(77).is_empty());
    }

    #[test]
    fn an_unseen_parent_is_still_an_ancestor() {
        let tree: ProcessTree = [node(9, 5)].into_iter().collect();
        assert_eq!(tree.ancestors(9), [5]);
    }

    #[test]
    fn descendants_come_after_their_parents() {
        let nodes = [node(1, 0), node(5, 1), node(6, 1), node(9, 5), node(10, 9)];
        let tree: ProcessTree = nodes.into_iter().collect();
        let pids: Vec<u32> = tree.descendants(5).iter().map(|node| node.key.pid).collect();
        assert_eq!(pids, [9, 10]);
        assert_eq!(tree.descendants(1).len(), 4);
    }

    #[test]
    fn a_ring_of_reused_pids_ends() {
        let tree: ProcessTree = [node(5, 9), node(9, 5)].into_iter().collect();
        assert_eq!(tree.ancestors(5), [9]);
        assert_eq!(tree.descendants(5).len(), 1);
    }
}
