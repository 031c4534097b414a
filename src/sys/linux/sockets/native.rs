//! One listing: dump, scan, join, and a second look at what nobody seems to hold.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::super::super::listing::Listing;
use super::super::super::{Error, Result};
use super::super::holders::{HolderScan, Scan};
use super::super::names::NameCache;
use super::super::processes::ProcessCache;
use super::super::sock_diag::{Dumped, SockDiag};
use super::entry::Entry;
use super::sight::Outlook;
use crate::model::health::Health;
use crate::model::join::{self, Holders, SecondLook};
use crate::model::owner::{Ownership, OwnershipKind, Process};
use crate::model::socket::{Family, Protocol, Socket};
use crate::wire::netlink::inet::{ALL_STATES, Detail, DumpRequest, LookupRequest};
use crate::wire::netlink::socket::{blank, fill};

/// The kernel's tables that are listed.
const TABLES: [(Protocol, Family); 4] = [
    (Protocol::Tcp, Family::Ipv4),
    (Protocol::Tcp, Family::Ipv6),
    (Protocol::Udp, Family::Ipv4),
    (Protocol::Udp, Family::Ipv6),
];

/// An inconsistent dump is asked for again this often.
const ATTEMPTS: u32 = 4;

/// Beyond this many a dump is cheaper than to ask for connections one by one.
const MOST_LOOKUPS: usize = 4_000;

/// See [`super::Table`].
#[derive(Debug)]
pub(super) struct Native {
    diag: SockDiag,
    scan: HolderScan,
    processes: ProcessCache,
    names: NameCache,
    scratch: Socket,
    /// How many sockets the next listing probably has.
    expected: usize,
    /// Whether it is listed again and again, so that it is worth remembering descriptors.
    is_repeated: bool,
    /// Cookies of sockets that nobody was found to hold, after every descriptor was looked up.
    ownerless: HashSet<u64>,
}

impl Native {
    pub(super) fn open(workers: usize) -> Result<Self> {
        let mut scratch = blank();
        scratch.netns = super::super::netns::own();
        Ok(Self {
            diag: SockDiag::open()?,
            scan: HolderScan::new(workers)?,
            processes: ProcessCache::new(),
            names: NameCache::default(),
            scratch,
            expected: 0,
            is_repeated: false,
            ownerless: HashSet::new(),
        })
    }

    /// From now on remembers what need not be looked up twice.
    pub(super) fn expect_repetition(&mut self) {
        self.is_repeated = true;
    }

    /// Lists with so much detail; `keep` makes an entry of each socket that is read.
    pub(super) fn list<T: Entry>(
        &mut self,
        detail: Detail,
        mut keep: impl FnMut(&Socket, Timestamp) -> T,
    ) -> Result<Listing<T>> {
        self.names.forget_interfaces();
        let mut health = Vec::new();
        // First the sockets, then who holds them: what opens in between is in neither, and
        // what closes in between is told by the second look.
        let mut sockets = self.dump_all(detail, &mut keep, &mut health)?;
        let (join, gone) = self.look_for_owners(&sockets)?;
        let without_owner =
            sockets.iter_mut().filter_map(|listed| join.apply(listed, &gone)).count();
        self.processes.forget_unused();
        health.push(join.outlook.health(without_owner));
        Ok(Listing { sockets, health, privileged: join.outlook.sight.hidden.is_none() })
    }

    fn dump_all<T>(
        &mut self,
        detail: Detail,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        health: &mut Vec<Health>,
    ) -> Result<Vec<T>> {
        let mut sockets = Vec::with_capacity(self.expected);
        let mut missing = Vec::new();
        for (protocol, family) in TABLES {
            let request = DumpRequest { family, protocol, states: ALL_STATES, detail };
            let told = self.dump_one(&request, keep, &mut sockets)?;
            let name = format!("{} over {}", protocol.name(), family.name());
            match told {
                Dumped::Complete => {}
                Dumped::NoSuchTable => missing.push(name),
                Dumped::Interrupted => health.push(Health::degraded(
                    "sock_diag",
                    format!("{name} changed while it was listed, {ATTEMPTS} times: some sockets may be missing"),
                )),
            }
        }
        if missing.len() == TABLES.len() {
            return Err(Error::unsupported(
                "listing sockets over sock_diag",
                "the kernel has neither tcp_diag nor udp_diag; try --backend netstat2",
            ));
        }
        if !missing.is_empty() {
            let missing = missing.join(", ");
            health.push(
                Health::degraded("sock_diag", format!("the kernel does not list {missing}"))
                    .with_remedy("load the module: modprobe tcp_diag, modprobe udp_diag"),
            );
        } else if health.is_empty() {
            health.push(Health::ready("sock_diag"));
        }
        self.expected = sockets.len() + sockets.len() / 16;
        Ok(sockets)
    }

    /// Appends one table's sockets, asking again while the dump is inconsistent.
    fn dump_one<T>(
        &mut self,
        request: &DumpRequest,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        sockets: &mut Vec<T>,
    ) -> Result<Dumped> {
        let before = sockets.len();
        let mut told = Dumped::Interrupted;
        for _ in 0..ATTEMPTS {
            sockets.truncate(before);
            let at = Timestamp::now();
            let Self { diag, names, scratch, .. } = self;
            told = diag.dump(request, |record| {
                fill(scratch, record, request.protocol, names);
                sockets.push(keep(scratch, at));
            })?;
            if told != Dumped::Interrupted {
                break;
            }
        }
        Ok(told)
    }

    /// Finds the holders of these sockets, and the cookies of those that are gone already.
    fn look_for_owners<T: Entry>(&mut self, sockets: &[T]) -> Result<(Join, HashSet<u64>)> {
        let scan = self.scan(sockets)?;
        // From memory alone nobody can be sure; and when a process ended during the scan, what
        // it held may be with a child that was not listed yet.
        let is_doubtful = scan.is_partial || scan.ended > 0;
        let mut join = self.join(sockets, scan);
        let mut lost = join.lost(sockets, &self.ownerless);
        let mut gone = HashSet::new();
        if !lost.is_empty() && (is_doubtful || join.outlook.sight.hidden.is_none()) {
            gone = self.gone(&lost)?;
            lost.retain(|socket| socket.cookie.is_some_and(|cookie| !gone.contains(&cookie)));
        }
        if !lost.is_empty() && is_doubtful {
            let scan = self.scan.full()?;
            join = self.join(sockets, scan);
        }
        self.ownerless = join.lost(sockets, &gone).iter().filter_map(|s| s.cookie).collect();
        Ok((join, gone))
    }

    /// Looks through the processes, from memory as far as this table is listed repeatedly.
    fn scan<T: Entry>(&mut self, sockets: &[T]) -> Result<Scan> {
        if !self.is_repeated {
            return self.scan.full();
        }
        let inodes = sockets.iter().filter_map(|entry| entry.socket().inode);
        let mut inodes: Vec<u64> = inodes.filter(|&inode| inode != 0).collect();
        inodes.sort_unstable();
        self.scan.refresh(&inodes)
    }

    /// Reads who the holders of these sockets are.
    fn join<T: Entry>(&mut self, sockets: &[T], scan: Scan) -> Join {
        let outlook = Outlook::new(self.scan.proc(), &scan);
        let mut holders = Holders::new(scan.holdings);
        let mut wanted = vec![false; scan.holders.len()];
        for listed in sockets {
            for holding in holders.of(listed.socket().inode.unwrap_or(0)) {
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
        Join { holders, processes, outlook }
    }

    /// Of these sockets, the cookies of those that the kernel does not have any more.
    fn gone(&mut self, lost: &[&Socket]) -> Result<HashSet<u64>> {
        let mut gone: HashSet<u64> = lost.iter().filter_map(|socket| socket.cookie).collect();
        let mut tables: HashMap<(Protocol, Family), u32> = HashMap::new();
        for (index, socket) in lost.iter().enumerate() {
            match lookup(socket).filter(|_| index < MOST_LOOKUPS) {
                Some(request) => {
                    if self.diag.exists(&request)? {
                        gone.remove(&request.cookie);
                    }
                }
                None => {
                    *tables.entry((socket.protocol, socket.family)).or_default() |= states(socket);
                }
            }
        }
        for ((protocol, family), states) in tables {
            let request = DumpRequest { family, protocol, states, detail: Detail::Bare };
            self.diag.dump(&request, |record| {
                gone.remove(&record.cookie);
            })?;
        }
        Ok(gone)
    }
}

/// How to ask for a connection by its addresses; `None` for a socket that these do not name
/// alone.
fn lookup(socket: &Socket) -> Option<LookupRequest> {
    if socket.protocol != Protocol::Tcp || socket.interface.is_some() {
        return None;
    }
    Some(LookupRequest {
        protocol: Protocol::Tcp,
        local: socket.local.socket_addr()?,
        remote: socket.remote.as_ref()?.socket_addr()?,
        cookie: socket.cookie?,
    })
}

/// The states to dump in order to meet this socket again. The kernel keeps TCP sockets
/// without peer in tables of their own, which are short.
fn states(socket: &Socket) -> u32 {
    if socket.protocol == Protocol::Tcp && socket.remote.is_none() {
        return 1 << 7 | 1 << 10 | 1 << 13;
    }
    ALL_STATES
}

/// Who holds what, as of one scan.
struct Join {
    holders: Holders,
    processes: Vec<Arc<Process>>,
    outlook: Outlook,
}

impl Join {
    /// The sockets that someone should hold and nobody is known to, but for the `settled`.
    fn lost<'a, T: Entry>(&self, sockets: &'a [T], settled: &HashSet<u64>) -> Vec<&'a Socket> {
        let is_lost = |socket: &&Socket| {
            let inode = socket.inode.unwrap_or(0);
            inode != 0
                && self.holders.of(inode).is_empty()
                && !socket.cookie.is_some_and(|cookie| settled.contains(&cookie))
        };
        sockets.iter().map(T::socket).filter(is_lost).collect()
    }

    /// Writes the owners into a socket, unless they are there already. `Some` when a process
    /// should hold it and none was found.
    fn apply(&self, entry: &mut impl Entry, gone: &HashSet<u64>) -> Option<()> {
        let socket = entry.socket();
        let holdings = self.holders.of(socket.inode.unwrap_or(0));
        let ownership = if holdings.is_empty() {
            let is_gone = socket.cookie.is_some_and(|cookie| gone.contains(&cookie));
            let second = if is_gone { SecondLook::Gone } else { SecondLook::Stays };
            join::ownerless(socket, &self.outlook.sight, second)
        } else {
            Ownership::OWNED
        };
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
        }
        without_owner.then_some(())
    }
}
