//! Sockets joined with the processes that hold them, and the honest word where none is found.

use std::borrow::Cow;
use std::sync::Arc;

use super::owner::{Owner, Ownership, Process, Through};
use super::socket::{Family, Socket, State};

/// A descriptor that refers to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holding {
    /// sockfs inode.
    pub inode: u64,
    /// The socket's cookie; 0 where whoever found the descriptor is not told it.
    pub cookie: u64,
    /// Which process, as an index into the list that came with it.
    pub process: u32,
    /// Where it holds it.
    pub through: Through,
    /// Descriptor number there; of no meaning for an io_uring.
    pub fd: i32,
}

impl Holding {
    /// The number of the descriptor, if there is one.
    fn descriptor(&self) -> Option<i32> {
        let is_ring = matches!(self.through, Through::IoUring { .. });
        (!is_ring).then_some(self.fd)
    }
}

/// Every known holding, to be asked by inode.
#[derive(Clone, Debug, Default)]
pub struct Holders {
    /// By inode, process and descriptor.
    holdings: Vec<Holding>,
    /// Where the holdings of each range of inodes begin, and the end: the kernel numbers inodes
    /// one after the other, so that a range of few has few and a search need not begin anew.
    starts: Vec<u32>,
    /// The first inode of the first range.
    first: u64,
    /// A range has two to this power of them.
    bits: u32,
}

impl Holders {
    /// Takes holdings in any order. Give the processes in order of their pid, so that owners
    /// come out in that order.
    pub fn new(mut holdings: Vec<Holding>) -> Self {
        holdings.sort_unstable();
        let mut holders = Self { holdings, ..Self::default() };
        holders.divide();
        holders
    }

    /// Divides the inodes into at most about as many ranges as there are holdings.
    fn divide(&mut self) {
        self.starts.clear();
        let (Some(first), Some(last)) = (self.holdings.first(), self.holdings.last()) else {
            return;
        };
        let (count, span) = (self.holdings.len() as u64, last.inode - first.inode);
        self.first = first.inode;
        self.bits = (span / count).checked_ilog2().map_or(0, |bits| bits + 1);
        for (index, holding) in (0..).zip(&self.holdings) {
            let range = ((holding.inode - self.first) >> self.bits) as usize;
            // Also the ranges before this one that nothing is in.
            self.starts.resize(self.starts.len().max(range + 1), index);
        }
        self.starts.push(self.holdings.len() as u32);
    }

    /// The holdings of one socket, by process and descriptor. None for inode 0, which stands
    /// for the lack of one. The kernel numbers inodes round and round: of several sockets that
    /// have the same one the cookie tells which is meant. It may be another than the holding's,
    /// as a subflow of MPTCP has one of its own.
    pub fn of(&self, inode: u64, cookie: Option<u64>) -> &[Holding] {
        let range = inode.checked_sub(self.first).map(|above| (above >> self.bits) as usize);
        let bound = |range: usize| self.starts.get(range).map(|&start| start as usize);
        let Some((start, end)) = range.and_then(|range| bound(range).zip(bound(range + 1))) else {
            return &[];
        };
        let held = &self.holdings[start..end];
        let held = &held[held.partition_point(|holding| holding.inode < inode)..];
        let count = held.iter().take_while(|holding| holding.inode == inode).count();
        if inode == 0 { &[] } else { of_cookie(&held[..count], cookie) }
    }

    /// Keeps the processes that have a new place, and moves them there. The places must
    /// ascend, so that the order stays.
    pub fn retain_processes(&mut self, places: &[Option<u32>]) {
        let before = self.holdings.len();
        self.holdings.retain_mut(|holding| {
            let place = places.get(holding.process as usize).copied().flatten();
            holding.process = place.unwrap_or(holding.process);
            place.is_some()
        });
        if self.holdings.len() != before {
            self.divide();
        }
    }
}

/// Those of `held`, which ascend by cookie, that are of the socket with this one; all of them where
/// they are of one socket, or none is of this.
fn of_cookie(held: &[Holding], cookie: Option<u64>) -> &[Holding] {
    let told = &held[held.partition_point(|holding| holding.cookie == 0)..];
    let is_one = told.first().map(|first| first.cookie) == told.last().map(|last| last.cookie);
    let Some(cookie) = cookie.filter(|_| !is_one) else { return held };
    let exact = &told[told.partition_point(|holding| holding.cookie < cookie)..];
    let count = exact.iter().take_while(|holding| holding.cookie == cookie).count();
    if count == 0 { held } else { &exact[..count] }
}

/// Whether `owners` are exactly these holdings. Compares shared processes by identity, so
/// that a process whose details changed counts as another one.
pub fn same_owners(owners: &[Owner], holdings: &[Holding], processes: &[Arc<Process>]) -> bool {
    owners.len() == holdings.len()
        && owners.iter().zip(holdings).all(|(owner, holding)| {
            (owner.fd, owner.through) == (holding.descriptor(), holding.through)
                && processes
                    .get(holding.process as usize)
                    .is_some_and(|process| Arc::ptr_eq(process, &owner.process))
        })
}

/// The owners that `holdings` stand for.
pub fn owners(holdings: &[Holding], processes: &[Arc<Process>]) -> Vec<Owner> {
    let owner = |holding: &Holding| {
        let process = processes.get(holding.process as usize)?;
        let (fd, through) = (holding.descriptor(), holding.through);
        Some(Owner { fd, through, process: Arc::clone(process) })
    };
    // Most sockets have one, and there are many of them: no room for more.
    let mut owners = Vec::with_capacity(holdings.len());
    owners.extend(holdings.iter().filter_map(owner));
    owners
}

/// How far the look at the processes went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Why some processes could not be read, and what would permit it.
    pub hidden: Option<Cow<'static, str>>,
    /// Why some processes are not even listed: sockpit's PID namespace is not the first one.
    pub foreign: Option<Cow<'static, str>>,
}

impl Sight {
    /// Whether every process that could hold a socket was seen.
    pub fn is_complete(&self) -> bool {
        self.hidden.is_none() && self.foreign.is_none()
    }
}

/// What a second look at a socket without owner found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondLook {
    /// There was none.
    NotTaken,
    /// The socket is gone.
    Gone,
    /// The socket is still there.
    Stays,
}

/// What to call a socket that nobody was found to hold: the first answer that fits.
pub fn ownerless(socket: &Socket, sight: &Sight, second: SecondLook) -> Ownership {
    if socket.inode == Some(0) {
        return kernel(socket);
    }
    if let Some(reason) = &sight.hidden {
        return Ownership::hidden(reason.clone());
    }
    if second == SecondLook::Gone {
        return Ownership::vanished();
    }
    if let Some(reason) = &sight.foreign {
        return Ownership::foreign(reason.clone());
    }
    Ownership::unknown(
        "no process holds it: it is in flight between processes, or the kernel's own",
    )
}

/// A socket without inode: no descriptor can refer to it.
fn kernel(socket: &Socket) -> Ownership {
    match socket.state {
        _ if socket.family == Family::Netlink => Ownership::kernel("kernel_socket"),
        // The other end of a UNIX connection goes with its descriptor.
        _ if socket.family == Family::Unix => Ownership::kernel("accept_queue"),
        State::TimeWait => Ownership::kernel("time_wait"),
        State::SynReceived => Ownership::kernel("half_open"),
        // A peer may have closed a connection before anyone accepted it.
        State::Established | State::CloseWait => Ownership::kernel("accept_queue"),
        _ => Ownership::kernel("orphan"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::owner::OwnershipKind;
    use crate::model::socket::{Endpoint, Protocol};

    fn socket(state: State, inode: u64) -> Socket {
        let local = Endpoint::ip([127, 0, 0, 1], 80);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, state, local);
        socket.inode = Some(inode);
        socket
    }

    fn all_seen() -> Sight {
        Sight::default()
    }

    #[test]
    fn a_socket_without_inode_is_the_kernels_whatever_was_hidden() {
        let hidden = Sight { hidden: Some("no rights".into()), foreign: Some("container".into()) };
        let detail = |state| ownerless(&socket(state, 0), &hidden, SecondLook::Gone).detail;
        assert_eq!(detail(State::TimeWait).as_deref(), Some("time_wait"));
        assert_eq!(detail(State::SynReceived).as_deref(), Some("half_open"));
        assert_eq!(detail(State::Established).as_deref(), Some("accept_queue"));
        assert_eq!(detail(State::CloseWait).as_deref(), Some("accept_queue"));
        assert_eq!(detail(State::FinWait2).as_deref(), Some("orphan"));
        assert_eq!(detail(State::LastAck).as_deref(), Some("orphan"));
    }

    #[test]
    fn the_first_answer_that_fits_counts() {
        let kind = |sight: &Sight, second| ownerless(&socket(State::Listen, 7), sight, second).kind;
        let foreign = Sight { foreign: Some("container".into()), ..all_seen() };
        let both = Sight { hidden: Some("no rights".into()), ..foreign.clone() };
        assert_eq!(kind(&both, SecondLook::Gone), OwnershipKind::Hidden);
        assert_eq!(kind(&foreign, SecondLook::Gone), OwnershipKind::Vanished);
        assert_eq!(kind(&foreign, SecondLook::Stays), OwnershipKind::Foreign);
        assert_eq!(kind(&all_seen(), SecondLook::Stays), OwnershipKind::Unknown);
        assert_eq!(kind(&all_seen(), SecondLook::NotTaken), OwnershipKind::Unknown);
    }

    #[test]
    fn holders_are_found_by_inode_in_order_of_process_and_descriptor() {
        let through = Through::Descriptor;
        let holding = |inode, process, fd| Holding { inode, cookie: 0, process, through, fd };
        let holders = Holders::new(vec![
            holding(9, 1, 4),
            holding(7, 0, 3),
            holding(9, 0, 5),
            holding(9, 0, 3),
            holding(0, 0, 9),
        ]);
        let fds =
            |inode| holders.of(inode, None).iter().map(|h| (h.process, h.fd)).collect::<Vec<_>>();
        assert_eq!(fds(9), [(0, 3), (0, 5), (1, 4)]);
        assert_eq!(fds(7), [(0, 3)]);
        assert_eq!(fds(8), []);
        assert_eq!(fds(0), [], "inode 0 is no inode");
    }

    #[test]
    fn of_sockets_with_one_inode_the_cookie_tells() {
        let through = Through::Descriptor;
        let holding = |cookie, fd| Holding { inode: 9, cookie, process: 0, through, fd };
        let fds = |held: &[Holding], cookie| -> Vec<i32> {
            let holders = Holders::new(held.to_vec());
            holders.of(9, cookie).iter().map(|holding| holding.fd).collect()
        };
        let two = [holding(5, 3), holding(7, 4), holding(5, 6)];
        assert_eq!(fds(&two, Some(5)), [3, 6]);
        assert_eq!(fds(&two, Some(7)), [4]);
        assert_eq!((fds(&two, Some(6)).len(), fds(&two, None).len()), (3, 3));
        // One socket, also by a ring, which does not tell cookies; a subflow has another one.
        let one = [holding(0, 8), holding(5, 3)];
        assert_eq!((fds(&one, Some(5)), fds(&one, Some(6))), (vec![8, 3], vec![8, 3]));
    }

    #[test]
    fn every_inode_is_found_however_they_are_spread() {
        let through = Through::Descriptor;
        let holding = |inode| Holding { inode, cookie: 0, process: 0, through, fd: 3 };
        let dense = (1..=1_000).chain([1_500]);
        let wide = [1, 7, 1 << 20, (1 << 20) + 1, 1 << 40, u64::MAX];
        let spread = (1..600).map(|n: u64| n * n * n);
        let all: [Vec<u64>; 4] = [dense.collect(), wide.into(), spread.collect(), vec![42]];
        for inodes in all {
            let mut holders = Holders::new(inodes.iter().copied().map(holding).collect());
            for _ in 0..2 {
                for &inode in &inodes {
                    assert_eq!(holders.of(inode, Some(1)), [holding(inode)], "{inode}");
                    for other in [inode.wrapping_sub(1), inode.wrapping_add(1)] {
                        let is_there = inodes.contains(&other);
                        assert_eq!(holders.of(other, None).len(), usize::from(is_there), "{other}");
                    }
                }
                holders.retain_processes(&[Some(0)]);
            }
            holders.retain_processes(&[]);
            assert_eq!(holders.of(inodes[0], None), []);
        }
        assert_eq!(Holders::new(Vec::new()).of(1, None), []);
    }

    #[test]
    fn owners_are_the_same_only_with_the_same_process_and_descriptor() {
        let process = |pid| Arc::new(Process::named(pid, 1, "x"));
        let before = [process(1), process(2)];
        let through = Through::Descriptor;
        let holding = Holding { inode: 9, cookie: 0, process: 1, through, fd: 4 };
        let holdings = [holding];
        let owned = owners(&holdings, &before);
        assert_eq!((owned.len(), owned[0].process.pid, owned[0].fd), (1, 2, Some(4)));
        assert_eq!(owned.capacity(), 1);
        assert!(same_owners(&owned, &holdings, &before));
        assert!(!same_owners(&owned, &[Holding { fd: 5, ..holding }], &before));
        assert!(!same_owners(&owned, &holdings, &[process(1), process(2)]));
        assert!(!same_owners(&owned, &[], &before));
        // A ring has no descriptor of the socket, and is not the same as one.
        let ring = Holding { through: Through::IoUring { fd: 7, slot: 0 }, ..holding };
        let by_ring = owners(&[ring], &before);
        assert_eq!((by_ring[0].fd, by_ring[0].through), (None, ring.through));
        assert!(same_owners(&by_ring, &[ring], &before) && !same_owners(&owned, &[ring], &before));
    }
}
