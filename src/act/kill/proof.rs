//! After the victims: is the port free, and does it stay so?

mod coming;
mod respawn;

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::plan::{covers_target, holds_target};
use super::words::{describe_socket, list, target_name, who};
use super::{Depth, Look, Progress};
use crate::inspect::bind::{self, BindAnswer, How, Outcome, Target};
use crate::inspect::forwarders::{Held, redirect};
use crate::inspect::keepers::Before;
use crate::inspect::unix_path;
use crate::model::action::{KillPlan, KillTarget, PortProof, Respawn};
use crate::model::forwarder::Forwarder;
use crate::model::keeper::{self, Keeper};
use crate::model::owner::Process;
use crate::model::socket::Socket;
use crate::sys::process;
use crate::text::shell;

/// How long the kernel is given to take the victims' sockets out of its table.
const SETTLE: Duration = Duration::from_millis(500);
/// The shortest pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// A look may cost this part of the time, so that a huge table does not eat a core.
const SHARE: u32 = 4;

/// What was found out about the port.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) free: bool,
    pub(super) shown_by: Option<PortProof>,
    pub(super) reason: Option<String>,
    pub(super) respawned: Option<Respawn>,
    /// How long nothing held the port while it was watched.
    pub(super) watched_ms: u64,
}

impl Proof {
    fn free(shown_by: PortProof) -> Self {
        Self { free: true, shown_by: Some(shown_by), reason: None, respawned: None, watched_ms: 0 }
    }

    fn busy(reason: impl Into<String>) -> Self {
        Self {
            free: false,
            shown_by: None,
            reason: Some(reason.into()),
            respawned: None,
            watched_ms: 0,
        }
    }
}

/// Polls the table until nothing holds the port, watches it for as long as the plan says, and then
/// asks [`bind::ask_with`]. No bind where a keeper may be about to restart its service: the trial
/// could make that start fail. `all_ended` tells that only the kernel's own tidying is left to wait
/// for, `before` what the victims' parents had started before their end.
pub(super) fn prove(
    plan: &KillPlan,
    all_ended: bool,
    before: Before,
    look: &mut Look<'_>,
    tell: &mut dyn FnMut(Progress),
) -> Proof {
    let (netns, old) = (process::own_netns(), planned_sockets(plan));
    let mut port = Port { plan, netns, old, before, look, watched: Duration::ZERO };
    let proof = port.prove(all_ended, tell).unwrap_or_else(|proof| proof);
    let watched_ms = port.watched.as_millis().try_into().unwrap_or(u64::MAX);
    Proof { watched_ms, ..proof }
}

fn planned_sockets(plan: &KillPlan) -> BTreeSet<Option<u64>> {
    let held = plan.victims.iter().flat_map(|victim| &victim.holds);
    held.chain(&plan.unattributed).chain(&plan.covering).map(identity).collect()
}

fn identity(socket: &Socket) -> Option<u64> {
    socket.cookie.or(socket.inode)
}

struct Port<'a, 'l> {
    plan: &'a KillPlan,
    netns: Option<u64>,
    /// Identities of the sockets that held the port when the plan was made.
    old: BTreeSet<Option<u64>>,
    /// What the victims' parents had started before their end.
    before: Before,
    look: &'a mut Look<'l>,
    /// How long the port has been watched.
    watched: Duration,
}

impl Port<'_, '_> {
    /// `Err` is an early answer.
    fn prove(&mut self, all_ended: bool, tell: &mut dyn FnMut(Progress)) -> Result<Proof, Proof> {
        self.settle(all_ended)?;
        if !self.plan.victims.is_empty() {
            self.watch(tell)?;
        }
        if let Some(keeper) = keeper::later(&self.plan.keepers, self.plan.watch_ms) {
            let seconds = keeper.delay_ms.unwrap_or_default() as f64 / 1_000.0;
            let (target, name) = (target_name(&self.plan.target), &keeper.name);
            let reason =
                format!("{target} is free now; {name} brings it back in about {seconds} s");
            return Ok(Proof { reason: Some(reason), ..Proof::free(PortProof::Table) });
        }
        if let Some(reason) = self.coming(tell)? {
            return Ok(Proof { reason: Some(reason), ..Proof::free(PortProof::Table) });
        }
        self.judge().map(|proof| self.with_rules(proof))
    }

    /// What forwarded the port is gone, and rules may lead to what is behind it as before: who asks
    /// there is answered yet.
    fn with_rules(&self, proof: Proof) -> Proof {
        let KillTarget::Port { port, udp, .. } = self.plan.target else { return proof };
        let leads = |it: &Forwarder| it.rules.as_ref().is_some_and(|rules| !rules.is_empty());
        if !proof.free || proof.reason.is_some() || !self.plan.forwarders.iter().any(leads) {
            return proof;
        }
        let name = target_name(&self.plan.target);
        let reason = redirect(Held { port, udp })
            .map(|where_to| format!("{name} is free for a bind, but {where_to}"));
        Proof { reason, ..proof }
    }

    fn settle(&mut self, all_ended: bool) -> Result<(), Proof> {
        let is_ending = all_ended && !self.plan.victims.is_empty();
        let patience = if is_ending { SETTLE } else { Duration::ZERO };
        let start = Instant::now();
        loop {
            let before = Instant::now();
            let holders = self.holders()?;
            if holders.is_empty() {
                return Ok(());
            }
            if start.elapsed() >= patience {
                return Err(self.still_held(&holders));
            }
            pause(before.elapsed());
        }
    }

    fn watch(&mut self, tell: &mut dyn FnMut(Progress)) -> Result<(), Proof> {
        let (start, total) = (Instant::now(), Duration::from_millis(self.plan.watch_ms));
        loop {
            let before = Instant::now();
            self.watched = start.elapsed().min(total);
            if !self.holders()?.is_empty() {
                return Err(self.taken_again());
            }
            let elapsed = start.elapsed();
            tell(Progress::Watching { elapsed: elapsed.min(total), total });
            if elapsed >= total {
                self.watched = total;
                return Ok(());
            }
            pause(before.elapsed());
        }
    }

    /// What holds the port now. A new holder is an answer in itself.
    fn holders(&mut self) -> Result<Vec<Socket>, Proof> {
        let holders = self.table(Depth::Sockets)?;
        let holders: Vec<Socket> =
            holders.into_iter().filter(|socket| self.is_in_way(socket)).collect();
        let is_new = |socket: &Socket| !self.old.contains(&identity(socket));
        if holders.iter().any(is_new) {
            return Err(self.taken_again());
        }
        Ok(holders)
    }

    fn table(&mut self, depth: Depth) -> Result<Vec<Socket>, Proof> {
        (self.look)(depth)
            .map_err(|error| Proof::busy(format!("the sockets could not be listed: {error}")))
    }

    /// Who holds the port, or a wildcard socket that covers the address.
    fn is_in_way(&self, socket: &Socket) -> bool {
        let target = &self.plan.target;
        // They were looked up by the path as it is now.
        if matches!(target, KillTarget::Path { .. }) {
            return true;
        }
        holds_target(target, socket, self.netns) || covers_target(target, socket, self.netns)
    }

    /// The sockets of the plan are there yet: with their old owners, or passed on to new ones.
    fn still_held(&mut self, holders: &[Socket]) -> Proof {
        let now: BTreeSet<Option<u64>> = holders.iter().map(identity).collect();
        let mut table = match self.table(Depth::Owners) {
            Ok(table) => table,
            Err(proof) => return proof,
        };
        table.retain(|socket| self.is_in_way(socket) && now.contains(&identity(socket)));
        if let Some((end, heir)) = self.heir(&table) {
            let respawned = self.respawn(&heir);
            let who = who(&respawned.name, respawned.pid);
            let reason = format!("{who} has taken over {end}");
            return Proof { respawned: Some(respawned), ..Proof::busy(reason) };
        }
        let ends = list(holders.iter().map(describe_socket));
        let owners = table.iter().flat_map(|socket| &socket.owners);
        let owners: BTreeSet<(&str, u32)> =
            owners.map(|owner| (&*owner.process.name, owner.process.pid)).collect();
        match list(owners.into_iter().map(|(name, pid)| who(name, pid))) {
            names if names.is_empty() => Proof::busy(format!("{ends} is still held")),
            names => Proof::busy(format!("{ends} is still held by {names}")),
        }
    }

    /// Who was given a victim's socket (a child made since, or whoever it was sent to), when no
    /// victim has it any more; with the socket's end.
    fn heir(&self, table: &[Socket]) -> Option<(String, Process)> {
        let victims = &self.plan.victims;
        let of_victim = |socket: &Socket| {
            let mut held = victims.iter().flat_map(|victim| &victim.holds);
            held.any(|held| identity(held) == identity(socket))
        };
        let is_victim = |process: &Process| victims.iter().any(|v| v.key == process.key());
        let passed_on = |socket: &&Socket| {
            of_victim(socket) && !socket.owners.iter().any(|owner| is_victim(&owner.process))
        };
        let socket = table.iter().find(passed_on)?;
        Some((describe_socket(socket), (*socket.owners.first()?.process).clone()))
    }

    fn taken_again(&mut self) -> Proof {
        let name = target_name(&self.plan.target);
        let table = match self.table(Depth::Owners) {
            Ok(table) => table,
            Err(proof) => return proof,
        };
        let new =
            |socket: &&Socket| self.is_in_way(socket) && !self.old.contains(&identity(socket));
        let owner = table.iter().filter(new).find_map(|socket| socket.owners.first());
        let Some(owner) = owner else {
            return Proof::busy(format!("{name} was taken again, by whom is not known"));
        };
        let respawned = self.respawn(&owner.process);
        let who = who(&respawned.name, respawned.pid);
        Proof { respawned: Some(respawned), ..Proof::busy(format!("{who} has taken {name} again")) }
    }

    /// The answer of a plain bind, and beside it that of one with SO_REUSEADDR, as servers do
    /// that restart. Neither is tried where a keeper may be about to restart its service.
    fn judge(&mut self) -> Result<Proof, Proof> {
        let (port, udp, addr) = match &self.plan.target {
            KillTarget::Port { port, udp, addr } => (*port, *udp, *addr),
            KillTarget::Path { path, .. } if unix_path::is_taken(Path::new(path)) => {
                let remove = shell::line(&["rm".to_owned(), "--".to_owned(), path.clone()]);
                return Ok(Proof::busy(format!(
                    "nothing listens on {path} any more, but its file is left, and a bind is refused \
                     until it is removed: {remove}"
                )));
            }
            _ => return Ok(Proof::free(PortProof::Table)),
        };
        let held = self.plan.victims.iter().flat_map(|victim| &victim.holds);
        let target = Target { addr, ..Target::everywhere(port, udp) }.with_scope_of(held);
        let may_try = !self.plan.keepers.iter().any(Keeper::may_restart);
        let answer = self.ask(&target, How { may_try, ..How::PLAIN })?;
        let Some(obstacle) = answer.obstacle() else {
            let is_tried = answer.outcome == Outcome::Free;
            return Ok(Proof::free(if is_tried { PortProof::Bind } else { PortProof::Table }));
        };
        self.holders()?;
        let name = target_name(&self.plan.target);
        let mut proof = Proof::busy(format!("{name} is not free for a plain bind: {obstacle}"));
        let is_open = || answer.against.iter().all(|socket| socket.remote.is_some());
        if may_try
            && !udp
            && is_open()
            && self.ask(&target, How::REUSE_ADDR)?.outcome == Outcome::Free
        {
            proof.shown_by = Some(PortProof::BindReuseAddr);
            let gets = "; a bind with SO_REUSEADDR, as most servers do it, gets the port";
            proof.reason = proof.reason.map(|reason| reason + gets);
        }
        Ok(proof)
    }

    fn ask(&mut self, target: &Target, how: How) -> Result<BindAnswer, Proof> {
        let netns = self.netns;
        let is_here =
            |socket: &Socket| netns.is_none() || socket.netns.is_none() || socket.netns == netns;
        let look = &mut self.look;
        let answer = bind::ask_with(target, how, &mut || {
            let mut table = look(Depth::Sockets)?;
            table.retain(is_here);
            Ok(table)
        });
        answer.map_err(|error| Proof::busy(format!("the port could not be asked about: {error}")))
    }
}

fn pause(cost: Duration) {
    thread::sleep(PAUSE.max(cost * SHARE));
}
