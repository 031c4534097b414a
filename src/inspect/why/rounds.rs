//! The table and the trial binds as one question. A port that changes hands in between would be
//! free by one and held by the other: then it is looked at again, and a port that goes on
//! changing is told as just that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Target, plain_trials, trials};
use crate::inspect::sockets::{Detail, Listing, Request};
use crate::inspect::{Error, bind, sockets};
use crate::model::health::Source;
use crate::model::owner::{OwnershipKind, Process};
use crate::model::socket::Socket;
use crate::model::tables::Table;
use crate::model::why::{Looks, TrialBind};

/// Disagreement that stays is no change: it is told as it is after so many rounds.
const ROUNDS: u32 = 3;
/// How long a port that changed is watched: longer than a server takes that starts, fails and
/// is started again at once.
const WATCH: Duration = Duration::from_millis(250);
/// The least number of looks while it is watched.
const LEAST_LOOKS: usize = 10;
/// When it is given up to find a moment at which the table and the trial agree.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks: no divisor of the usual pauses.
const PAUSE: Duration = Duration::from_millis(7);

/// What is known of a port at one moment.
pub(super) struct Seen {
    /// The sockets that have the port, with owners.
    pub(super) listing: Listing,
    pub(super) trial: Vec<TrialBind>,
    /// Whether the port was held or free in turn.
    pub(super) changing: Option<Changing>,
}

/// A port that would not stay as it was.
pub(super) struct Changing {
    pub(super) looks: Looks,
    /// Who was seen to hold it, in the order of their pids.
    pub(super) by: Vec<Arc<Process>>,
}

/// Looks until what is found is of one piece. Blocks.
pub(super) fn look(target: &Target) -> Result<Seen, Error> {
    let start = Instant::now();
    let mut watch = Watch::new(target);
    for _ in 0..ROUNDS {
        let round = watch.round()?;
        if let (Some(seen), 0) = (&round, watch.changes()) {
            return Ok(seen.clone().told(None));
        }
        watch.keep(round);
        if watch.changes() > 0 {
            break;
        }
    }
    if watch.changes() == 0 {
        // They disagree, and nothing moves: a holder that no table shows.
        return Ok(Round { trial: watch.tried()?, listing: list(target)? }.told(None));
    }
    while start.elapsed() < WATCH || watch.looks.len() < LEAST_LOOKS || !watch.is_settled() {
        if start.elapsed() > PATIENCE {
            break;
        }
        thread::sleep(PAUSE);
        let now = watch.look()?;
        if watch.wants(&now) {
            let round = watch.round()?;
            watch.keep(round);
        }
    }
    watch.conclude()
}

/// One round: the table, the trial binds and the owners, all of one moment.
#[derive(Clone)]
struct Round {
    listing: Listing,
    trial: Vec<TrialBind>,
}

impl Round {
    fn told(self, changing: Option<Changing>) -> Seen {
        Seen { listing: self.listing, trial: self.trial, changing }
    }
}

/// How the port stands at one look.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stand {
    /// Something stands against a plain bind.
    held: bool,
    /// Who holds it for serving, or could. Connections come and go on every busy server.
    holders: BTreeSet<u64>,
}

impl Stand {
    fn of(target: &Target, on_port: &[Socket]) -> Self {
        let meeting = || on_port.iter().filter(|socket| target.meets(socket));
        let identity = |socket: &Socket| socket.cookie.or(socket.inode);
        let holders = meeting().filter(|socket| bind::is_holder(socket)).filter_map(identity);
        Self { held: meeting().next().is_some(), holders: holders.collect() }
    }

    fn is_change_from(&self, before: &Self) -> bool {
        let both_served = !self.holders.is_empty() && !before.holders.is_empty();
        self.held != before.held
            || self.holders.is_empty() != before.holders.is_empty()
            || (both_served && self.holders.is_disjoint(&before.holders))
    }
}

struct Watch<'a> {
    target: &'a Target,
    looks: Vec<Stand>,
    /// The last round in which the port was free, and that in which it was held.
    rounds: [Option<(Stand, Round)>; 2],
    by: Vec<Arc<Process>>,
}

impl<'a> Watch<'a> {
    fn new(target: &'a Target) -> Self {
        Self { target, looks: Vec::new(), rounds: [None, None], by: Vec::new() }
    }

    fn look(&mut self) -> Result<Stand, Error> {
        let stand = Stand::of(self.target, &on_port(self.target)?);
        self.looks.push(stand.clone());
        Ok(stand)
    }

    fn tried(&self) -> Result<Vec<TrialBind>, Error> {
        let on_port = on_port(self.target)?;
        trials::run(&self.target.with_scope_of(&on_port), &on_port)
    }

    /// `None` when it changed meanwhile, or the table and the trial disagree. As few looks as will
    /// do: a round has to fit into the moment for which a failing server holds its port.
    fn round(&mut self) -> Result<Option<Round>, Error> {
        let mut listing = list(self.target)?;
        let before = Stand::of(self.target, &listing.sockets);
        self.looks.push(before.clone());
        // A descriptor goes a moment before its socket does.
        if self.lacks_owner(&listing.sockets) {
            thread::sleep(PAUSE * 3);
            if self.look()? != before {
                return Ok(None);
            }
            listing = list(self.target)?;
        }
        self.note_owners(&listing.sockets);
        let on_port = &listing.sockets;
        let trial = trials::run(&self.target.with_scope_of(on_port), on_port)?;
        let is_one = self.look()? == before && Stand::of(self.target, on_port) == before;
        Ok((is_one && agree(self.target, on_port, &trial)).then_some(Round { listing, trial }))
    }

    /// Whether nobody was found to hold a socket that somebody should.
    fn lacks_owner(&self, on_port: &[Socket]) -> bool {
        let settled = [OwnershipKind::Owned, OwnershipKind::Kernel, OwnershipKind::Hidden];
        on_port.iter().any(|socket| {
            bind::is_holder(socket)
                && self.target.meets(socket)
                && !settled.contains(&socket.ownership.kind)
        })
    }

    fn note_owners(&mut self, on_port: &[Socket]) {
        let meeting = on_port.iter().filter(|socket| self.target.meets(socket));
        for owner in meeting.flat_map(|socket| &socket.owners) {
            if !self.by.iter().any(|known| known.key() == owner.process.key()) {
                self.by.push(Arc::clone(&owner.process));
            }
        }
    }

    fn keep(&mut self, round: Option<Round>) {
        let Some(round) = round else { return };
        let stand = Stand::of(self.target, &round.listing.sockets);
        let place = usize::from(stand.held);
        self.rounds[place] = Some((stand, round));
    }

    /// Whether a whole round is worth its trial binds: they may disturb a server that starts.
    fn wants(&self, now: &Stand) -> bool {
        self.rounds[usize::from(now.held)].as_ref().is_none_or(|(known, _)| known != now)
    }

    fn changes(&self) -> usize {
        self.looks.windows(2).filter(|pair| pair[1].is_change_from(&pair[0])).count()
    }

    /// Whether a round shows the port as it was at the last look, or, where it goes on
    /// changing, as it is when it is held.
    fn is_settled(&self) -> bool {
        let Some(last) = self.looks.last() else { return false };
        let kept = |held: bool| self.rounds[usize::from(held)].as_ref();
        match self.changes() {
            0 | 1 => kept(last.held).is_some_and(|(known, _)| known == last),
            _ => kept(true).is_some(),
        }
    }

    /// One change is a server that came or went; more are a port that goes on changing, told
    /// as it is when somebody holds it.
    fn conclude(mut self) -> Result<Seen, Error> {
        let is_held = |stand: &&Stand| stand.held;
        let (changes, taken) = (self.changes(), self.looks.len());
        let held = self.looks.iter().filter(is_held).count();
        self.by.sort_by_key(|process| process.pid);
        let changing =
            (changes > 1).then(|| Changing { looks: Looks { held, taken }, by: self.by.clone() });
        let last_held = self.looks.last().is_some_and(|last| last.held);
        let first = usize::from(last_held || changing.is_some());
        let [free, busy] = std::mem::take(&mut self.rounds);
        let mut order = if first == 1 { [busy, free] } else { [free, busy] };
        match order.iter_mut().find_map(Option::take) {
            Some((_, round)) => Ok(round.told(changing)),
            None => self.told_in_passing(changing),
        }
    }

    /// For a port that would not keep still for one round: what a bind met last, and who was seen.
    /// A socket without its owner had gone when the owner was looked for.
    fn told_in_passing(self, changing: Option<Changing>) -> Result<Seen, Error> {
        let mut listing = list(self.target)?;
        let trial = trials::run(&self.target.with_scope_of(&listing.sockets), &listing.sockets)?;
        if changing.is_some() {
            listing.sockets.retain(|socket| !self.target.meets(socket));
            listing.health.retain(|line| line.source != Source::Owners);
        }
        Ok(Round { listing, trial }.told(changing))
    }
}

/// Whether a plain bind was refused exactly where a socket meets it.
fn agree(target: &Target, on_port: &[Socket], trial: &[TrialBind]) -> bool {
    let is_in_use = |trial: &TrialBind| trial.error.as_deref() == Some("EADDRINUSE");
    if plain_trials(trial).any(is_in_use) {
        return on_port.iter().any(|socket| target.meets(socket) || target.may_meet(socket));
    }
    let is_free = plain_trials(trial).all(TrialBind::succeeded);
    !is_free || !on_port.iter().any(|socket| target.meets(socket))
}

fn on_port(target: &Target) -> Result<Vec<Socket>, Error> {
    let mut on_port = sockets::on_port(target.protocol(), target.port)?;
    on_port.retain(|socket| target.is_port_of(socket));
    Ok(on_port)
}

fn list(target: &Target) -> Result<Listing, Error> {
    let table = if target.udp { Table::Udp } else { Table::Tcp };
    let mut listing = sockets::list(&Request {
        detail: Detail::Bare,
        tables: [table].into_iter().collect(),
        port: Some(target.port),
        ..Request::default()
    })?;
    listing.sockets.retain(|socket| target.is_port_of(socket));
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand(held: bool, holders: &[u64]) -> Stand {
        Stand { held, holders: holders.iter().copied().collect() }
    }

    #[test]
    fn what_comes_and_goes_on_a_busy_server_is_no_change() {
        let served = stand(true, &[1, 2]);
        assert!(!stand(true, &[2, 3]).is_change_from(&served), "a worker was replaced");
        assert!(stand(false, &[]).is_change_from(&served));
        assert!(stand(true, &[7]).is_change_from(&served), "another server");
        assert!(stand(true, &[]).is_change_from(&served), "only its connections are left");
        assert!(!stand(true, &[]).is_change_from(&stand(true, &[])));
    }
}
