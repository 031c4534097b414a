//! Rows brought together under headers.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::arranged::Arranged;
use super::facts::Facts;
use super::group::{Group, GroupBy, GroupKey, Ordered};
use super::{sort, tree};
use crate::model::activation::principal_owner;
use crate::model::owner::Process;
use crate::model::socket::{Protocol, Socket};
use crate::model::tree::ProcessTree;
use crate::text::column::Column;

/// The groups of an arrangement in their order, and its rows group by group.
pub(super) fn group(
    arranged: &Arranged,
    by: GroupBy,
    processes: Option<&ProcessTree>,
) -> (Vec<Group>, Vec<u32>) {
    let mut gathered = Gathered::default();
    let ports = (by == GroupBy::Port).then(|| ServerPorts::of(arranged));
    let id_by_place: Vec<u32> = arranged
        .sorted
        .iter()
        .map(|index| {
            let socket = arranged.socket(*index);
            let id = match (by, &ports) {
                (GroupBy::Process | GroupBy::Tree, _) => gathered.by_process(socket),
                (_, Some(ports)) => gathered.id(ports.key(socket)),
                (GroupBy::Remote, _) => gathered.id(remote(socket)),
                (_, None) => gathered.id(GroupKey::State(socket.state)),
            };
            gathered.groups[id as usize].own.add(arranged.facts(*index), socket);
            id
        })
        .collect();
    let turned = arranged.sort.reverse && arranged.sort.by.is_some_and(|column| by.follows(column));
    let mut order: Vec<Ordered> = if by == GroupBy::Tree {
        tree::plant(&mut gathered.groups, &gathered.parents, processes, turned)
    } else {
        plain(&gathered.groups, turned, arranged.sort.by == Some(Column::Pid))
    };
    let mut place_by_id = vec![0; gathered.groups.len()];
    for (place, ordered) in order.iter().enumerate() {
        place_by_id[ordered.id] = place;
    }
    let grouped =
        sort::deal(&arranged.sorted, order.len(), |place| place_by_id[id_by_place[place] as usize]);
    (settle(&mut order, gathered.groups), grouped)
}

/// By name, then by key; without a process last.
fn plain(groups: &[Group], turned: bool, by_pid: bool) -> Vec<Ordered> {
    let name = |id: usize| groups[id].name.as_ref().map(|name| name.to_lowercase());
    let same_rank = |a: usize, b: usize| {
        let by_name = if by_pid { Ordering::Equal } else { name(a).cmp(&name(b)) };
        by_name.then_with(|| groups[a].key.cmp(&groups[b].key))
    };
    // There may be as many as rows: mostly one number tells them apart.
    let ranks = groups.iter().map(|group| rank(group, by_pid));
    let mut keyed: Vec<(u64, usize)> = ranks.zip(0..).collect();
    keyed.sort_unstable_by(|(a, i), (b, j)| a.cmp(b).then_with(|| same_rank(*i, *j)));
    if turned {
        let is_known = |(_, id): &(u64, usize)| !matches!(groups[*id].key, GroupKey::Unowned(_));
        let known = keyed.partition_point(is_known);
        keyed[..known].reverse();
    }
    keyed.into_iter().map(|(_, id)| Ordered { id, depth: 0 }).collect()
}

/// The beginning of a group's place in the order as a number.
fn rank(group: &Group, by_pid: bool) -> u64 {
    let (class, rest) = match group.key {
        GroupKey::Process(key) if by_pid => (0, key.pid.into()),
        GroupKey::Process(_) => {
            let name = group.name.as_deref().unwrap_or_default().to_lowercase();
            (0, sort::first_bytes(&name))
        }
        GroupKey::LocalPort(port) => (1, port.into()),
        GroupKey::RemotePort(port) => (2, port.into()),
        GroupKey::NoPort => (3, 0),
        GroupKey::NoRemote => (4, 0),
        GroupKey::Remote(IpAddr::V4(addr)) => (5, addr.to_bits().into()),
        GroupKey::Remote(IpAddr::V6(addr)) => (6, (addr.to_bits() >> 72) as u64),
        GroupKey::LocalPeer => (7, 0),
        GroupKey::State(_) => (8, 0),
        GroupKey::Unowned(_) => (9, 0),
        GroupKey::TimeWait(port) => (10, port.into()),
        GroupKey::Own => (11, 0),
    };
    class << 56 | rest
}

/// Brings the groups into their order, and tells each where its rows are.
fn settle(order: &mut [Ordered], groups: Vec<Group>) -> Vec<Group> {
    let mut slots: Vec<Option<Group>> = groups.into_iter().map(Some).collect();
    let mut settled: Vec<Group> = Vec::with_capacity(order.len());
    let mut start = 0;
    for Ordered { id, depth } in order.iter() {
        let Some(mut group) = slots[*id].take() else { continue };
        group.depth = *depth;
        group.rows = start..start + group.own.sockets;
        start = group.rows.end;
        group.all = group.own;
        settled.push(group);
    }
    // From the last to the first, whatever lies below a group is done when its turn comes.
    for at in (0..settled.len()).rev() {
        let depth = settled[at].depth;
        let (mut next, mut all) = (at + 1, settled[at].own);
        while let Some(child) = settled.get(next).filter(|group| group.depth > depth) {
            all += child.all;
            next = child.next;
        }
        let end = settled[next - 1].rows.end;
        let group = &mut settled[at];
        (group.next, group.all) = (next, all);
        group.all_rows = group.rows.start..end;
    }
    settled
}

/// The groups found so far.
#[derive(Default)]
struct Gathered {
    groups: Vec<Group>,
    // Parent's pid, by group, where there is a process.
    parents: Vec<Option<u32>>,
    ids: HashMap<GroupKey, u32>,
    // Processes are shared between rows: one that was met before is told by its address.
    ids_by_process: HashMap<usize, u32>,
}

impl Gathered {
    fn id(&mut self, key: GroupKey) -> u32 {
        self.enter(key, None)
    }

    fn by_process(&mut self, socket: &Socket) -> u32 {
        let Some(process) = holder(socket) else {
            return self.id(GroupKey::Unowned(socket.ownership.kind));
        };
        let address = Arc::as_ptr(process).addr();
        if let Some(id) = self.ids_by_process.get(&address) {
            return *id;
        }
        let id = self.enter(GroupKey::Process(process.key()), Some(process));
        self.ids_by_process.insert(address, id);
        id
    }

    fn enter(&mut self, key: GroupKey, process: Option<&Process>) -> u32 {
        let Self { groups, parents, ids, .. } = self;
        *ids.entry(key).or_insert_with(|| {
            groups.push(Group::new(key, process));
            parents.push(process.and_then(|process| process.ppid));
            u32::try_from(groups.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

fn remote(socket: &Socket) -> GroupKey {
    match &socket.remote {
        None => GroupKey::NoRemote,
        Some(end) => end.canonical_addr().map_or(GroupKey::LocalPeer, GroupKey::Remote),
    }
}

/// Which ports of this host are those of servers.
struct ServerPorts(Vec<bool>);

impl ServerPorts {
    fn of(arranged: &Arranged) -> Self {
        let mut ports = vec![false; 2 << 16];
        for (row, facts) in arranged.table.rows.iter().zip(&arranged.facts) {
            let is_server =
                facts.has(Facts::LISTENS) || !facts.has(Facts::CONNECTED) && row.socket.is_server();
            if is_server && let Some(port) = row.socket.local.port {
                ports[Self::index(row.socket.protocol, port)] = true;
            }
        }
        Self(ports)
    }

    /// Datagrams and connections have ports of their own.
    fn index(protocol: Protocol, port: u16) -> usize {
        let is_stream = matches!(protocol, Protocol::Tcp | Protocol::Mptcp);
        usize::from(is_stream) << 16 | usize::from(port)
    }

    /// A connection to a port that nobody serves here was made from here: the port that it
    /// used is of no interest, the one it went to is.
    fn key(&self, socket: &Socket) -> GroupKey {
        let Some(local) = socket.local.port else { return GroupKey::NoPort };
        match socket.remote.as_ref().and_then(|end| end.port) {
            Some(remote) if !self.0[Self::index(socket.protocol, local)] => {
                GroupKey::RemotePort(remote)
            }
            _ => GroupKey::LocalPort(local),
        }
    }
}

/// The process that a row is shown under, the one that is named in it.
fn holder(socket: &Socket) -> Option<&Arc<Process>> {
    principal_owner(socket).map(|owner| &owner.process)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;
    use crate::model::owner::OwnershipKind;
    use crate::model::socket::State;

    /// The order as it is documented, compared pair by pair.
    fn slowly(groups: &[Group], turned: bool, by_pid: bool) -> Vec<usize> {
        let name = |id: usize| {
            groups[id].name.as_ref().filter(|_| !by_pid).map(|name| name.to_lowercase())
        };
        let is_known = |id: &usize| !matches!(groups[*id].key, GroupKey::Unowned(_));
        let (mut known, mut unowned): (Vec<_>, Vec<_>) = (0..groups.len()).partition(is_known);
        known.sort_by_key(|&id| (name(id), groups[id].key));
        unowned.sort_by_key(|&id| groups[id].key);
        if turned {
            known.reverse();
        }
        known.into_iter().chain(unowned).collect()
    }

    #[test]
    fn groups_are_in_order_of_their_names_and_keys() {
        let names = ["nginx", "Nginx", "nginx: worker 10", "nginx: worker 9", "", "a\0", "a", "Ä"];
        let mut processes = Vec::new();
        for (pid, name) in (1..).zip(names.into_iter().cycle().take(40)) {
            let process = Process::named(pid * 7919 % 101, u64::from(pid), name);
            processes.push(Group::new(GroupKey::Process(process.key()), Some(&process)));
        }
        processes.extend(OwnershipKind::ALL.map(|kind| Group::new(GroupKey::Unowned(kind), None)));
        let address = |n: u32| match n % 3 {
            0 => IpAddr::V6(Ipv6Addr::from_bits(u128::from(n * 31 % 7) << 96 | u128::from(n))),
            _ => IpAddr::from(n.wrapping_mul(2_654_435_761).to_be_bytes()),
        };
        let mut remotes: Vec<_> = (0..60).map(|n| GroupKey::Remote(address(n))).collect();
        remotes.extend([GroupKey::NoRemote, GroupKey::LocalPeer]);
        let ports = (0..50u16).map(|n| n * 1_311);
        let mut ports: Vec<_> = ports
            .flat_map(|port| [GroupKey::RemotePort(port), GroupKey::LocalPort(port)])
            .collect();
        ports.push(GroupKey::NoPort);
        let states = State::ALL.into_iter().rev().map(GroupKey::State).collect();
        let keyed = |keys: Vec<GroupKey>| keys.into_iter().map(|key| Group::new(key, None));
        let kinds: [Vec<Group>; 4] =
            [processes, keyed(remotes).collect(), keyed(ports).collect(), keyed(states).collect()];
        for groups in kinds {
            for (turned, by_pid) in [(false, false), (true, false), (false, true), (true, true)] {
                let order = plain(&groups, turned, by_pid);
                let order: Vec<usize> = order.into_iter().map(|ordered| ordered.id).collect();
                assert_eq!(order, slowly(&groups, turned, by_pid), "{turned} {by_pid}");
            }
        }
    }
}
