//! A dump of those tables of nf_tables that translate addresses.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use super::super::rights::{Missing, remedy_for};
use crate::sys::error::{Error, Result};
use crate::wire::netfilter::nft::{self, Request};
use crate::wire::netfilter::{Chain, Expression, Origin, Ruleset, Set, Table};
use crate::wire::netlink::{Malformed, Reply, messages};

const BUFFER_LEN: usize = 256 * 1024;
/// More rules or elements than this are not taken.
const MOST: usize = 500_000;
/// So often a dump is begun again when the rules changed meanwhile.
const TRIES: usize = 3;

/// Reads the base chains that are `wanted`, and what they may lead to.
pub(super) fn read(wanted: fn(&Chain) -> bool) -> Result<Ruleset> {
    let Some(mut connection) = Connection::open()? else {
        return Ok(Ruleset::empty(Origin::Nftables));
    };
    let mut ruleset = Ruleset::empty(Origin::Nftables);
    let chains = connection.dump(&Request::Chains, nft::chain)?;
    ruleset.unread += chains.unread;
    ruleset.chains = chains.objects.into_iter().flatten().collect();
    let wanted = ruleset.chains.iter().filter(|chain| wanted(chain));
    let tables: BTreeSet<Table> = wanted.map(|chain| chain.table.clone()).collect();
    for table in &tables {
        let rules = connection.dump(&Request::Rules(table), nft::rule)?;
        ruleset.unread += rules.unread;
        // Kernels that do not narrow a dump send every table's.
        let of_table = rules.objects.into_iter().flatten().filter(|rule| rule.table == *table);
        ruleset.rules.extend(of_table);
        connection.sets(table, &mut ruleset)?;
    }
    Ok(ruleset)
}

struct Connection {
    socket: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

/// What a dump told.
struct Dumped<T> {
    objects: Vec<T>,
    unread: usize,
    interrupted: bool,
}

impl Connection {
    /// `None` on a kernel without netfilter.
    fn open() -> Result<Option<Self>> {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            Some(netlink::NETFILTER),
        );
        match socket {
            Ok(socket) => {
                Ok(Some(Self { socket, buffer: Vec::with_capacity(BUFFER_LEN), sequence: 0 }))
            }
            Err(Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT) => Ok(None),
            Err(errno) => Err(refused(errno)),
        }
    }

    /// The sets of a table that its rules look into.
    fn sets(&mut self, table: &Table, ruleset: &mut Ruleset) -> Result<()> {
        let named = |rule: &crate::wire::netfilter::Rule| {
            let names = rule.expressions.iter().filter_map(|expression| match expression {
                Expression::Lookup { set, .. } => Some(set.clone()),
                _ => None,
            });
            names.collect::<Vec<_>>()
        };
        let rules = ruleset.rules.iter().filter(|rule| rule.table == *table);
        let wanted: BTreeSet<String> = rules.flat_map(named).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let sets = self.dump(&Request::Sets(table), nft::set)?;
        ruleset.unread += sets.unread;
        let is_wanted = |set: &Set| set.table == *table && wanted.contains(&set.name);
        for mut set in sets.objects.into_iter().flatten().filter(is_wanted) {
            let elements = self.dump(&Request::Elements(table, &set.name), nft::elements)?;
            ruleset.unread += elements.unread;
            set.fill(elements.objects.into_iter().flatten().collect());
            ruleset.sets.push(set);
        }
        Ok(())
    }

    fn dump<T>(
        &mut self,
        request: &Request<'_>,
        parse: fn(&[u8]) -> std::result::Result<T, Malformed>,
    ) -> Result<Dumped<T>> {
        let mut told = self.dump_once(request, parse)?;
        for _ in 1..TRIES {
            if !told.interrupted {
                return Ok(told);
            }
            told = self.dump_once(request, parse)?;
        }
        told.unread += usize::from(told.interrupted);
        Ok(told)
    }

    fn dump_once<T>(
        &mut self,
        request: &Request<'_>,
        parse: fn(&[u8]) -> std::result::Result<T, Malformed>,
    ) -> Result<Dumped<T>> {
        self.sequence = self.sequence.wrapping_add(1);
        send(&self.socket, &request.encode(self.sequence), SendFlags::empty()).map_err(refused)?;
        let mut told = Dumped { objects: Vec::new(), unread: 0, interrupted: false };
        loop {
            self.receive()?;
            for message in messages(&self.buffer) {
                let message = message.map_err(malformed)?;
                if message.sequence != self.sequence {
                    continue;
                }
                told.interrupted |= message.is_interrupted();
                match message.reply().map_err(malformed)? {
                    Reply::Noop | Reply::Error(0) => {}
                    Reply::Done(0) => return Ok(told),
                    Reply::Done(errno) | Reply::Error(errno) => {
                        return match Errno::from_raw_os_error(errno) {
                            // No nf_tables in this kernel, or the table went meanwhile.
                            Errno::NOENT | Errno::INVAL | Errno::OPNOTSUPP => Ok(told),
                            // The rules changed while they were told.
                            Errno::INTR => Ok(Dumped { interrupted: true, ..told }),
                            errno => Err(refused(errno)),
                        };
                    }
                    Reply::Object(payload) => match parse(payload) {
                        Ok(object) if told.objects.len() < MOST => told.objects.push(object),
                        _ => told.unread += 1,
                    },
                }
            }
        }
    }

    fn receive(&mut self) -> Result<()> {
        self.buffer.clear();
        loop {
            let spare = rustix::buffer::spare_capacity(&mut self.buffer);
            match recv(&self.socket, spare, RecvFlags::TRUNC) {
                Ok((taken, length)) if length > taken => return Err(refused(Errno::MSGSIZE)),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(refused(errno)),
            }
        }
    }
}

const WHAT: &str = "list the rules of nf_tables";

fn refused(errno: Errno) -> Error {
    match errno {
        Errno::ACCESS | Errno::PERM => Error::not_permitted(WHAT, remedy_for(Missing::Network)),
        errno => Error::os(WHAT, errno),
    }
}

fn malformed(error: Malformed) -> Error {
    Error::os(WHAT, io::Error::new(io::ErrorKind::InvalidData, error))
}
