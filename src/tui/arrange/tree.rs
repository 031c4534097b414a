//! Processes below their parents.

use std::collections::{HashMap, HashSet};

use super::group::{Group, GroupKey, Ordered};
use crate::model::owner::ProcessKey;
use crate::model::tree::ProcessTree;

/// Parents that are shown above a process. Deeper ones begin a tree of their own.
const ANCESTORS: usize = 16;

/// Adds groups for the parents of the processes in `groups`, and gives the order in which
/// parents stand above their children, those by pid.
///
/// The processes were read one after the other and pids come back, so what a child calls its
/// parent may be another process by now: one that started after its child is not its parent,
/// and a ring of parents is cut where it closes.
pub(super) fn plant(
    groups: &mut Vec<Group>,
    parents: &[Option<u32>],
    processes: Option<&ProcessTree>,
    turned: bool,
) -> Vec<Ordered> {
    let mut forest = Forest::new(groups, parents, processes);
    for id in 0..parents.len() {
        forest.climb(id, groups);
    }
    let Forest { parent_of, .. } = forest;
    let mut children: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for id in 0..groups.len() {
        children.entry(parent_of.get(&id).copied().flatten()).or_default().push(id);
    }
    for siblings in children.values_mut() {
        siblings.sort_unstable_by_key(|id| groups[*id].key);
        if turned {
            let known = siblings.partition_point(|id| is_process(&groups[*id]));
            siblings[..known].reverse();
        }
    }
    walk(groups.len(), &children)
}

fn is_process(group: &Group) -> bool {
    matches!(group.key, GroupKey::Process(_))
}

/// From the roots down. Each group once, whatever the parents say.
fn walk(groups: usize, children: &HashMap<Option<usize>, Vec<usize>>) -> Vec<Ordered> {
    let mut order = Vec::with_capacity(groups);
    let below = |id| children.get(&id).into_iter().flatten().rev().copied();
    let mut seen = HashSet::new();
    let mut next: Vec<(usize, u16)> = below(None).map(|id| (id, 0)).collect();
    while let Some((id, depth)) = next.pop() {
        if seen.insert(id) {
            order.push(Ordered { id, depth });
            next.extend(below(Some(id)).map(|child| (child, depth.saturating_add(1))));
        }
    }
    order
}

struct Forest<'a> {
    processes: Option<&'a ProcessTree>,
    /// Group by process id.
    by_pid: HashMap<u32, usize>,
    /// Parent's pid, by group.
    parent_pids: Vec<Option<u32>>,
    parent_of: HashMap<usize, Option<usize>>,
}

impl<'a> Forest<'a> {
    fn new(groups: &[Group], parents: &[Option<u32>], processes: Option<&'a ProcessTree>) -> Self {
        let mut by_pid: HashMap<u32, usize> = HashMap::new();
        for (id, group) in groups.iter().enumerate() {
            let Some(key) = process_key(group) else { continue };
            let place = by_pid.entry(key.pid).or_insert(id);
            // A pid that came back: the younger process is the one that lives.
            if process_key(&groups[*place]).is_some_and(|old| old.start_time < key.start_time) {
                *place = id;
            }
        }
        Self { processes, by_pid, parent_pids: parents.to_vec(), parent_of: HashMap::new() }
    }

    /// Finds the parents of a group, and theirs, up to a root, one that is known already, or
    /// the bound.
    fn climb(&mut self, id: usize, groups: &mut Vec<Group>) {
        let mut path = vec![id];
        let mut current = id;
        while !self.parent_of.contains_key(&current) && path.len() <= ANCESTORS {
            let parent = self.parent(current, groups).filter(|parent| !path.contains(parent));
            self.parent_of.insert(current, parent);
            let Some(parent) = parent else { break };
            path.push(parent);
            current = parent;
        }
    }

    /// The group of the parent of a process, made when there is none yet.
    fn parent(&mut self, id: usize, groups: &mut Vec<Group>) -> Option<usize> {
        let child = process_key(&groups[id])?;
        let ppid = self.parent_pids[id].filter(|ppid| *ppid != 0)?;
        let is_older = |key: ProcessKey| {
            key.start_time <= child.start_time || child.start_time == 0 || key.start_time == 0
        };
        if let Some(parent) = self.by_pid.get(&ppid) {
            return process_key(&groups[*parent]).is_some_and(is_older).then_some(*parent);
        }
        let node = self.processes?.get(ppid).filter(|node| is_older(node.key))?;
        let mut group = Group::new(GroupKey::Process(node.key), None);
        group.name = Some(node.name.clone());
        groups.push(group);
        self.parent_pids.push(Some(node.ppid));
        self.by_pid.insert(ppid, groups.len() - 1);
        Some(groups.len() - 1)
    }
}

fn process_key(group: &Group) -> Option<ProcessKey> {
    match group.key {
        GroupKey::Process(key) => Some(key),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
