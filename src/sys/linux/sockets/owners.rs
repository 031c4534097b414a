//! Who holds the sockets of a listing: processes, the kernel itself, or nobody that can be seen.

use std::collections::{HashMap, HashSet};

use super::super::super::listing::Reach;
use super::super::holders::{Ahead, Listed, MANY, Scan};
use super::super::kernel_ports;
use super::super::options::own_netns_cookie;
use super::entry::Entry;
use super::identity::{Identity, SecondLooks, identity};
use super::join::Join;
use super::native::Native;
use super::sight::{self, Outlook};
use super::unlisted::Scope;
use crate::model::join::Holders;
use crate::model::kernel_port::KernelPort;
use crate::model::owner::{Ownership, Unverified};
use crate::model::socket::{Protocol, Socket, State};
use crate::model::tables::{Table, Uncounted};
use crate::sys::error::Result;

impl Native {
    /// Finds the holders of these sockets, and takes a second look at those without.
    pub(super) fn look_for_owners<T: Entry>(
        &mut self,
        sockets: &[T],
        ahead: Option<&Ahead>,
    ) -> Result<Join> {
        let scan = self.scan(sockets, self.most_descriptors, ahead)?;
        // What changes hands during a pass through the kernel's tables can be missed.
        let may_miss = scan.ended > 0 || scan.by_kernel;
        let is_partial = !scan.unverified.is_empty();
        if scan.by_kernel && self.kept_back.is_none() {
            // What `/proc` showed nobody to hold is looked at anew.
            self.ownerless.clear();
            self.kept_back = Some(Vec::new());
        }
        let mut join = self.join(sockets, scan);
        let mut lost = join.lost(sockets, |identity| self.ownerless.contains(&identity));
        self.kernel.retain(|identity, _| self.ownerless.contains(identity));
        let kernel = self.held_by_kernel(&lost);
        lost.retain(|socket| !identity(socket).is_some_and(|known| kernel.contains_key(&known)));
        self.kernel.extend(kernel);
        join.kernel.clone_from(&self.kernel);
        if !lost.is_empty() && (is_partial || may_miss || join.outlook.sight.hidden.is_none()) {
            let second = self.look_again(&lost)?;
            let open = lost.iter().filter_map(|socket| identity(socket));
            let open: HashSet<Identity> =
                open.filter(|identity| !second.contains_key(identity)).collect();
            // A process that ended during a full scan may have left what it held to a child
            // that was not listed yet.
            if is_partial && self.can_wait(&open) {
                join.pending = open;
            } else if !open.is_empty() && (is_partial || may_miss) {
                let mut scan = self.scan(sockets, usize::MAX, None)?;
                if scan.by_kernel && sight::has_the_rights() {
                    let kept_back = self.kept_back.insert(self.scan.kept_back(&scan)?);
                    scan.refuse(kept_back.iter().copied());
                }
                join = self.join(sockets, scan);
                join.kernel.clone_from(&self.kernel);
            }
            join.second = second;
        }
        let is_settled =
            |identity| join.second.contains_key(&identity) || join.pending.contains(&identity);
        let ownerless = join.lost(sockets, is_settled);
        self.ownerless = ownerless.iter().filter_map(|socket| identity(socket)).collect();
        if self.ownerless.is_empty() {
            self.kept_back.iter_mut().for_each(Vec::clear);
        }
        self.pending.clone_from(&join.pending);
        Ok(join)
    }

    /// Which of these sockets the kernel holds itself, each namespace being asked once.
    fn held_by_kernel(&self, lost: &[&Socket]) -> HashMap<Identity, Ownership> {
        let mut ports: HashMap<Option<u64>, Vec<KernelPort>> = HashMap::new();
        let mut held = HashMap::new();
        for socket in lost.iter().filter(|socket| has_port(socket)) {
            let netns = socket.netns;
            let there = ports.entry(netns).or_insert_with(|| match netns == self.scratch.netns {
                true => kernel_ports::here(),
                false => self.elsewhere.within(netns, kernel_ports::here).unwrap_or_default(),
            });
            let port = there.iter().find(|port| port.is(socket));
            let is_here = netns == self.scratch.netns;
            held.extend(
                port.and_then(|port| Some((identity(socket)?, port.ownership(socket, is_here)))),
            );
        }
        held
    }

    /// Whether the next look will probably find who holds these sockets: it goes on where this
    /// one stopped. To look up everything instead is for those that it did not help.
    fn can_wait(&self, open: &HashSet<Identity>) -> bool {
        open.is_disjoint(&self.pending)
    }

    /// Looks through the processes, as far as they ran if this table is listed repeatedly: then
    /// up to `most` descriptors of those that are known already.
    fn scan<T: Entry>(
        &mut self,
        sockets: &[T],
        most: usize,
        ahead: Option<&Ahead>,
    ) -> Result<Scan> {
        if !self.is_repeated && sockets.len() as u64 > MANY {
            self.kernel_way.open();
        }
        if let Some(way) = self.kernel_way.get() {
            match self.scan.by_kernel(way, sockets.len()) {
                Ok(mut scan) => {
                    scan.refuse(self.kept_back.iter().flatten().copied());
                    return Ok(scan);
                }
                Err(error) => self.kernel_way.settle(Err(error)),
            }
        }
        if !self.is_repeated {
            return self.scan.full(ahead);
        }
        // The first look does not wait for it.
        self.kernel_way.begin();
        let sockets = sockets.iter().map(T::socket);
        let listed = sockets.filter_map(|socket| Some((socket.inode?, socket.cookie.unwrap_or(0))));
        let mut listed: Vec<Listed> = listed.filter(|&(inode, _)| inode != 0).collect();
        listed.sort_unstable();
        self.scan.refresh(listed, most)
    }

    /// Reads who the holders of these sockets are.
    fn join<T: Entry>(&mut self, sockets: &[T], scan: Scan) -> Join {
        let unverified = |&(process, as_of): &_| Unverified { process, as_of };
        let unverified = scan.unverified.iter().map(unverified).collect();
        let outlook = Outlook::new(self.scan.proc(), &scan);
        let (unlisted, uncounted) = self.find_unlisted(sockets, &scan);
        let mut holders = Holders::new(scan.holdings);
        let mut wanted = vec![false; scan.holders.len()];
        for socket in sockets.iter().map(T::socket).chain(&unlisted) {
            for holding in holders.of(socket.inode.unwrap_or(0), socket.cookie) {
                wanted[holding.process as usize] = true;
            }
        }
        // Details are read only for those that hold one of these sockets.
        let mut processes = Vec::new();
        let mut positions = vec![None; scan.holders.len()];
        for (index, holder) in scan.holders.iter().enumerate().filter(|(index, _)| wanted[*index]) {
            positions[index] = Some(processes.len() as u32);
            processes.push(self.processes.process(self.scan.proc(), holder));
        }
        holders.retain_processes(&positions);
        Join {
            holders,
            processes,
            outlook,
            unverified,
            second: SecondLooks::new(),
            kernel: HashMap::new(),
            pending: HashSet::new(),
            unlisted,
            uncounted,
        }
    }

    /// What is held and in no table, if that is asked for.
    fn find_unlisted<T: Entry>(
        &mut self,
        sockets: &[T],
        scan: &Scan,
    ) -> (Vec<Socket>, Vec<Uncounted>) {
        if !self.tables.contains(Table::Other) || self.port.is_some() {
            return (Vec::new(), Vec::new());
        }
        let mut listed: Vec<u64> =
            sockets.iter().filter_map(|entry| entry.socket().inode).collect();
        listed.sort_unstable();
        let scope = Scope {
            proc: self.scan.proc(),
            netns: self.scratch.netns,
            netns_cookie: own_netns_cookie(self.place.diag.socket()),
            everywhere: self.reach == Reach::All,
            is_repeated: self.is_repeated,
        };
        self.unlisted.find(scan, &listed, &scope)
    }
}

/// Whether it may be one of those that the kernel makes for itself: servers.
fn has_port(socket: &Socket) -> bool {
    let is_server = match socket.protocol {
        Protocol::Tcp | Protocol::Mptcp => socket.state == State::Listen,
        Protocol::Udp => true,
        _ => false,
    };
    is_server && socket.local.port.is_some_and(|port| port != 0)
}
