//! The second look: what became of sockets that nobody was found to hold.

use std::collections::{BTreeMap, HashMap};

use super::elsewhere::Place;
use super::identity::{SecondLooks, identity};
use super::native::Native;
use crate::model::socket::{Family, Protocol, Socket, SocketId, SocketKey};
use crate::model::tables::Table;
use crate::sys::error::{Error, Result};
use crate::wire::netlink::inet::{ALL_STATES, Detail, DumpRequest, LookupRequest, Record};
use crate::wire::netlink::socket::fill;

/// Beyond this many a dump is cheaper than to ask for connections one by one.
const MOST_LOOKUPS: usize = 4_000;

impl Native {
    /// Asks the kernel again for these sockets. The answer is on those of which nobody can
    /// hold a descriptor any more.
    pub(super) fn look_again(&mut self, lost: &[&Socket]) -> Result<SecondLooks> {
        let mut by_namespace: BTreeMap<Option<u64>, Vec<&Socket>> = BTreeMap::new();
        for socket in lost {
            by_namespace.entry(socket.netns).or_default().push(socket);
        }
        let mut later = SecondLooks::new();
        for (netns, lost) in by_namespace {
            if netns == self.scratch.netns {
                later.extend(self.look_again_here(&lost)?);
                continue;
            }
            match self.elsewhere.place(netns) {
                Ok(place) => {
                    later.extend(self.visit(place, |native| native.look_again_here(&lost))?);
                }
                // Its sockets went with it.
                Err(Error::Gone { .. }) => {
                    later.extend(lost.iter().filter_map(|socket| Some((identity(socket)?, None))));
                }
                // Nothing more is known of them.
                Err(_) => {}
            }
        }
        Ok(later)
    }

    fn look_again_here(&mut self, lost: &[&Socket]) -> Result<SecondLooks> {
        let netns = self.scratch.netns;
        // Nobody can be asked.
        if self.place.diag.is_absent() {
            return Ok(SecondLooks::new());
        }
        let mut later: SecondLooks =
            lost.iter().filter_map(|socket| Some((identity(socket)?, None))).collect();
        let mut tables: HashMap<(Protocol, Family), u32> = HashMap::new();
        self.hear_families(lost, &mut later)?;
        let Self { place: Place { diag, .. }, names, scratch, .. } = self;
        let mut hear = |record: &Record<'_>, protocol: Protocol| {
            let identity = match protocol {
                // Several may have one cookie.
                Protocol::Mptcp => {
                    fill(scratch, record, protocol, names);
                    scratch.key()
                }
                _ => SocketKey { netns, id: SocketId::Cookie(record.cookie) },
            };
            if record.inode != 0 {
                later.remove(&identity);
            } else if let Some(now) = later.get_mut(&identity) {
                fill(scratch, record, protocol, names);
                *now = Some(Box::new(scratch.clone()));
            }
        };
        let is_inet = |socket: &&&Socket| !is_of_family(Table::of(socket));
        for (index, socket) in lost.iter().filter(is_inet).enumerate() {
            let table = (socket.protocol, socket.family);
            match lookup(socket).filter(|_| index < MOST_LOOKUPS) {
                Some(request) => {
                    diag.look_up(&request, |record| hear(record, socket.protocol))?;
                }
                None if socket.cookie.is_some() => {
                    *tables.entry(table).or_default() |= states(socket);
                }
                // Nothing would tell it from another one.
                None => {}
            }
        }
        for ((protocol, family), states) in tables {
            let request =
                DumpRequest { family: Some(family), protocol, states, detail: Detail::Bare };
            diag.dump(&request, |record| hear(record, protocol))?;
        }
        Ok(later)
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
        interface: 0,
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

/// Whether a table is one of those that are not asked for by inet_diag.
fn is_of_family(table: Table) -> bool {
    matches!(table, Table::Unix | Table::Packet | Table::Netlink | Table::Other)
}
