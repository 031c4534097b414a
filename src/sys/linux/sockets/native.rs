//! One listing: dump, scan, join, and a second look at what nobody seems to hold.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rustix::io::Errno;

use super::super::super::listing::{Coverage, Listing, Reach};
use super::super::holders::{Ahead, HolderScan};
use super::super::names::NameCache;
use super::super::processes::ProcessCache;
use super::bound::BoundSockets;
use super::elsewhere::{self, Elsewhere, Place};
use super::entry::Entry;
use super::identity::Identity;
use super::kernel_way::KernelWay;
use super::sight;
use super::unlisted::Unlisted;
use crate::model::activity::ListenCounters;
use crate::model::health::Health;
use crate::model::owner::Ownership;
use crate::model::socket::{Protocol, Socket, State};
use crate::model::tables::{Table, Tables};
use crate::sys::error::Result;
use crate::wire::netlink::inet::Detail;
use crate::wire::netlink::socket::{Names, blank};

/// So many namespaces are entered by one thread. Each costs some descriptors until it has been
/// asked.
const AT_ONCE: usize = 16;

/// See [`super::Table`].
#[derive(Debug)]
pub(super) struct Native {
    /// The network namespace that is being asked.
    pub(super) place: Place,
    pub(super) reach: Reach,
    /// What is listed.
    pub(super) tables: Tables,
    /// The only local port that is listed.
    pub(super) port: Option<u16>,
    /// Tables that this kernel turned out not to have.
    pub(super) absent: Tables,
    pub(super) elsewhere: Elsewhere,
    /// What this look learnt of the listeners there.
    listen_elsewhere: Vec<ListenCounters>,
    pub(super) scan: HolderScan,
    pub(super) kernel_way: KernelWay,
    pub(super) processes: ProcessCache,
    pub(super) names: NameCache,
    bound: BoundSockets,
    pub(super) scratch: Socket,
    /// How many sockets the next listing probably has.
    expected: usize,
    /// Whether it is listed again and again, so that it is worth remembering descriptors.
    pub(super) is_repeated: bool,
    /// How many descriptors of processes that ran are looked up anew each time.
    pub(super) most_descriptors: usize,
    /// Sockets that nobody was found to hold, after every descriptor was looked up.
    pub(super) ownerless: HashSet<Identity>,
    /// Processes that may hold some of them, and that neither `/proc` nor the kernel's own tables
    /// show; `None` until these have been asked.
    pub(super) kept_back: Option<Vec<(u32, Errno)>>,
    /// Those of them that the kernel holds itself.
    pub(super) kernel: HashMap<Identity, Ownership>,
    /// What no table lists.
    pub(super) unlisted: Unlisted,
    /// Sockets whose owner this look should find.
    pub(super) pending: HashSet<Identity>,
}

impl Native {
    pub(super) fn open(workers: usize) -> Result<Self> {
        let place = Place::here()?;
        let mut scratch = blank();
        (scratch.netns, scratch.netns_name) = (place.netns, place.name.clone());
        Ok(Self {
            place,
            reach: Reach::Own,
            tables: Tables::ALL,
            port: None,
            absent: Tables::NONE,
            elsewhere: Elsewhere::default(),
            listen_elsewhere: Vec::new(),
            scan: HolderScan::new(workers)?,
            kernel_way: KernelWay::default(),
            processes: ProcessCache::new(),
            names: NameCache::with_cgroups(),
            bound: BoundSockets::default(),
            scratch,
            expected: 0,
            is_repeated: false,
            most_descriptors: usize::MAX,
            ownerless: HashSet::new(),
            kept_back: None,
            kernel: HashMap::new(),
            unlisted: Unlisted::default(),
            pending: HashSet::new(),
        })
    }

    /// How far the next looks reach.
    pub(super) fn set_reach(&mut self, reach: Reach) {
        self.reach = reach;
    }

    /// From now on remembers what need not be looked up twice.
    pub(super) fn expect_repetition(&mut self) {
        self.is_repeated = true;
    }

    /// Lists with so much detail; `keep` makes an entry of each socket that is read.
    pub(super) fn list<T: Entry>(
        &mut self,
        detail: Detail,
        keep: impl FnMut(&Socket, Timestamp) -> T,
    ) -> Result<Listing<T>> {
        let wanted = self.tables;
        if wanted.contains(Table::Other) && self.port.is_none() {
            // Only who has seen every table knows what is in none.
            self.tables = Tables::ALL;
        }
        let listing = self.list_tables(wanted, detail, keep);
        self.tables = wanted;
        listing
    }

    /// Reads every table, and lists those that are `wanted`.
    fn list_tables<T: Entry>(
        &mut self,
        wanted: Tables,
        detail: Detail,
        mut keep: impl FnMut(&Socket, Timestamp) -> T,
    ) -> Result<Listing<T>> {
        self.names.begin();
        let mut health = Vec::new();
        // First the sockets, then who holds them: what opens in between is in neither, and
        // what closes in between is told by the second look.
        let mut sockets = Vec::with_capacity(self.expected);
        let ahead = if self.is_repeated { None } else { self.scan.ahead() };
        let (dumped, mut ahead) =
            Ahead::during(ahead, || self.dump_all(detail, &mut keep, &mut health, &mut sockets));
        dumped?;
        if let Some(opened) = ahead.as_mut().and_then(Ahead::take_by_kernel) {
            self.kernel_way.settle(opened);
        }
        if self.tables.contains(Table::Tcp) {
            let is_bound =
                |socket: &Socket| (Protocol::Tcp, State::Bound) == (socket.protocol, socket.state);
            let has_bound = || sockets.iter().any(|entry| is_bound(entry.socket()));
            health.extend(self.bound.health(&mut self.place.diag, has_bound));
        }
        let coverage = match self.reach {
            Reach::Own => Coverage::Own(self.scratch.netns),
            Reach::All => self.dump_others(detail, &mut keep, &mut health, &mut sockets),
        };
        self.expected = sockets.len() + sockets.len() / 16;
        let mut join = self.look_for_owners(&sockets, ahead.as_ref())?;
        let at = Timestamp::now();
        for mut socket in std::mem::take(&mut join.unlisted) {
            socket.user = socket.uid.and_then(|uid| self.names.user(uid));
            socket.netns_name =
                self.scratch.netns_name.clone().filter(|_| socket.netns == self.scratch.netns);
            sockets.push(keep(&socket, at));
        }
        if wanted.contains(Table::Other) {
            sockets.retain(|entry| wanted.contains(Table::of(entry.socket())));
        }
        let without_owner = sockets.iter_mut().filter_map(|listed| join.apply(listed)).count();
        self.processes.forget_unused();
        health.push(join.outlook.health(without_owner));
        health.extend(self.kernel_way.health());
        let privileged = join.outlook.sight.hidden.is_none();
        let listen_elsewhere = std::mem::take(&mut self.listen_elsewhere);
        health.extend(sight::health_of_memory(&join.unverified));
        let unverified = join.unverified;
        let uncounted = join.uncounted;
        Ok(Listing {
            sockets,
            health,
            privileged,
            unverified,
            coverage,
            listen_elsewhere,
            uncounted,
        })
    }

    /// Appends the sockets of every other namespace that can be entered.
    fn dump_others<T: Entry>(
        &mut self,
        detail: Detail,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        health: &mut Vec<Health>,
        sockets: &mut Vec<T>,
    ) -> Coverage {
        let mut troubles = elsewhere::Troubles::default();
        let others = self.elsewhere.seek(self.scratch.netns, &mut troubles);
        for (namespace, place) in others.chunks(AT_ONCE).flat_map(Place::of_each) {
            let before = sockets.len();
            let mut told = Vec::new();
            let dumped = place.and_then(|place| {
                self.listen_elsewhere.extend(place.listen);
                let asking = place.diag.inode();
                self.visit(place, |native| native.dump_all(detail, keep, &mut told, sockets))?;
                // sockpit is not in there: its own socket has gone by the time anyone reads this.
                let is_asking = |entry: &T| entry.socket().inode == asking;
                if let Some(at) = sockets[before..].iter().position(is_asking) {
                    sockets.swap_remove(before + at);
                }
                Ok(())
            });
            troubles.add(namespace, told);
            if let Err(error) = dumped {
                sockets.truncate(before);
                troubles.refuse(namespace, error);
            }
        }
        let missing = troubles.missing();
        health.extend(troubles.health());
        Coverage::AllBut(missing)
    }

    /// Lets `act` ask another namespace than sockpit's own.
    pub(super) fn visit<T>(&mut self, place: Place, act: impl FnOnce(&mut Self) -> T) -> T {
        let name = place.name.clone();
        let home = std::mem::replace(&mut self.place, place);
        let own = (self.scratch.netns, self.scratch.netns_name.take());
        (self.scratch.netns, self.scratch.netns_name) = (self.place.netns, name);
        self.names.look_into(self.place.any.take());
        let answer = act(self);
        self.names.look_into(None);
        (self.scratch.netns, self.scratch.netns_name) = own;
        self.place = home;
        answer
    }

    /// How many UNIX or netlink sockets there are, as far as the last look reached; `None` for
    /// other tables, and when nobody tells.
    pub(super) fn count(&mut self, table: Table) -> Option<usize> {
        let own = self.count_here(table);
        let others = match self.reach {
            Reach::Own => Vec::new(),
            Reach::All => self.elsewhere.found(),
        };
        // The socket that asks is one of them there.
        let asking = usize::from(table == Table::Netlink);
        let others = others.chunks(AT_ONCE).flat_map(Place::of_each).filter_map(|(_, place)| {
            let count = self.visit(place.ok()?, |native| native.count_here(table))?;
            Some(count.saturating_sub(asking))
        });
        others.fold(own, |sum, count| Some(sum.unwrap_or(0) + count))
    }
}
