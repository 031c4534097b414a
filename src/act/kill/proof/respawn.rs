//! Who has started the new holder of a port.

use super::super::words::who;
use super::Port;
use crate::inspect::keepers;
use crate::model::action::Respawn;
use crate::model::keeper::{Keeper, KeeperKind};
use crate::model::owner::Process;
use crate::sys::process;

impl Port<'_, '_> {
    pub(super) fn respawn(&self, process: &Process) -> Respawn {
        let supervisor = self.planned(process).or_else(|| self.claimed(process));
        Respawn {
            pid: process.pid,
            name: process.name.to_string(),
            supervisor: supervisor.or_else(|| self.common_parent(process)),
        }
    }

    /// The nearest ancestor of the new holder that the plan knows, as a keeper or for living on.
    fn planned(&self, process: &Process) -> Option<String> {
        let tree = process::tree().unwrap_or_default();
        let ancestors = process.ppid.into_iter().chain(tree.ancestors(process.pid));
        ancestors.into_iter().find_map(|pid| {
            let mut keepers = self.plan.keepers.iter();
            let mut parents = self.plan.parents.iter();
            let keeper = keepers.find(|keeper| keeper.pid == Some(pid));
            let mut parent = || parents.find(|parent| parent.key.pid == pid);
            keeper
                .map(|keeper| keeper.name.clone())
                .or_else(|| parent().map(|parent| who(&parent.name, parent.key.pid)))
        })
    }

    /// The unit or container that the new holder is in. A unit that does not start its own again has
    /// been started: by the unit that triggers it, where the plan knows one, else by nobody knows whom.
    fn claimed(&self, process: &Process) -> Option<String> {
        let claimed = keepers::claimed(process)?;
        let mut keepers = self.plan.keepers.iter();
        let is_it = |keeper: &&Keeper| {
            keeper.kind == KeeperKind::Systemd
                && claimed.kind == KeeperKind::Systemd
                && keeper.name == claimed.name
        };
        match keepers.clone().find(is_it) {
            Some(unit) if !unit.may_restart() => unit.triggered_by.first().cloned(),
            Some(_) => Some(claimed.name),
            // In place of one that has ended, as that one's settings ask for.
            None => {
                let before = keepers.find(|keeper| keeper.starts.contains(&claimed.name));
                let after = |it: &Keeper| format!("{} (OnSuccess=, OnFailure=)", it.name);
                Some(before.map_or(claimed.name, after))
            }
        }
    }

    /// The parent that a new holder has in common with a victim: the one that started both.
    /// The first process is also the parent of all whose own has ended, so that this says
    /// nothing of it, unless starting again is its trade.
    fn common_parent(&self, process: &Process) -> Option<String> {
        let parent = process.ppid?;
        let mut owners = self.plan.victims.iter().flat_map(|victim| &victim.holds);
        let victims: Vec<u32> = self.plan.victims.iter().map(|victim| victim.key.pid).collect();
        let common = owners.any(|socket| {
            let mut owners = socket.owners.iter().map(|owner| &owner.process);
            owners.any(|owner| victims.contains(&owner.pid) && owner.ppid == Some(parent))
        });
        let tree = common.then(process::tree)?.ok()?;
        let node = tree.get(parent)?;
        let started_both = parent != 1 || keepers::is_restarter(parent);
        started_both.then(|| who(&node.name, parent))
    }
}
