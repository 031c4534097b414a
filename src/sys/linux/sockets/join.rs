//! Sockets and their holders, brought together.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::entry::Entry;
use super::identity::{Identity, SecondLooks, identity};
use super::sight::Outlook;
use crate::model::activation;
use crate::model::join::{self, Holders, SecondLook};
use crate::model::owner::{Ownership, OwnershipKind, Process, Unverified};
use crate::model::socket::Socket;
use crate::model::tables::Uncounted;
use crate::wire::cgroup;

/// Who holds what, as of one scan.
pub(super) struct Join {
    pub(super) holders: Holders,
    pub(super) processes: Vec<Arc<Process>>,
    pub(super) outlook: Outlook,
    pub(super) unverified: Vec<Unverified>,
    pub(super) second: SecondLooks,
    /// Sockets that the kernel holds itself, with what for.
    pub(super) kernel: HashMap<Identity, Ownership>,
    /// Sockets whose owner the next look will find.
    pub(super) pending: HashSet<Identity>,
    /// Sockets that are held and in no table.
    pub(super) unlisted: Vec<Socket>,
    /// Those of them that may not be looked at.
    pub(super) uncounted: Vec<Uncounted>,
}

impl Join {
    /// The sockets that someone should hold and nobody is known to, but for those that are
    /// `settled`.
    pub(super) fn lost<'a, T: Entry>(
        &self,
        sockets: &'a [T],
        settled: impl Fn(Identity) -> bool,
    ) -> Vec<&'a Socket> {
        let is_lost = |socket: &&Socket| {
            let inode = socket.inode.unwrap_or(0);
            inode != 0
                && self.holders.of(inode, socket.cookie).is_empty()
                && !identity(socket).is_some_and(&settled)
        };
        sockets.iter().map(T::socket).filter(is_lost).collect()
    }

    /// Writes the owners into a socket, unless they are there already. `Some` when a process
    /// should hold it and none was found.
    pub(super) fn apply(&self, entry: &mut impl Entry) -> Option<()> {
        let socket = entry.socket();
        let holdings = self.holders.of(socket.inode.unwrap_or(0), socket.cookie);
        let later = identity(socket).filter(|_| holdings.is_empty());
        if let Some(Some(now)) = later.and_then(|identity| self.second.get(&identity)) {
            *entry.socket_mut() = Socket::clone(now);
        }
        let ownership = match holdings {
            [] => self.without_owner(entry.socket()),
            _ => Ownership::OWNED,
        };
        let socket = entry.socket();
        let without_owner = !matches!(ownership.kind, OwnershipKind::Owned | OwnershipKind::Kernel);
        let is_complete =
            ownership.kind == OwnershipKind::Kernel || self.outlook.sight.is_complete();
        let is_same = socket.ownership == ownership
            && socket.owners_complete == Some(is_complete)
            && join::same_owners(&socket.owners, holdings, &self.processes);
        if !is_same {
            let socket = entry.socket_mut();
            socket.ownership = ownership;
            socket.owners_complete = Some(is_complete);
            socket.owners = join::owners(holdings, &self.processes);
            let made_in = || cgroup::unit(socket.cgroup.as_deref()?);
            socket.activation = activation::of(socket, made_in).map(Box::new);
        }
        without_owner.then_some(())
    }

    fn without_owner(&self, socket: &Socket) -> Ownership {
        if let Some(kernel) = identity(socket).and_then(|identity| self.kernel.get(&identity)) {
            return kernel.clone();
        }
        if identity(socket).is_some_and(|identity| self.pending.contains(&identity)) {
            return Ownership::unknown(
                "it appeared during this look; the next one finds its owner",
            );
        }
        let later = identity(socket).and_then(|identity| self.second.get(&identity));
        let second = if matches!(later, Some(None)) { SecondLook::Gone } else { SecondLook::Stays };
        join::ownerless(socket, &self.outlook.sight, second)
    }
}
