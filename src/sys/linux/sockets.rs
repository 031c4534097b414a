//! The socket table: the kernel's own tables over sock_diag, joined with `/proc/PID/fd`.

mod bound;
mod destroy;
mod dumps;
mod elsewhere;
mod entry;
mod families;
mod identity;
mod join;
mod kernel_way;
mod native;
mod owners;
mod port;
mod proc_net;
mod second_look;
mod sight;
mod unlisted;

use super::super::listing::{self, Backend, Detail, KnownRows, Listed, Listing, Reach};
use crate::model::socket::Socket;
use crate::model::tables::{self, Tables};
use crate::sys::error::Result;
use crate::sys::portable;

pub use destroy::Destroyer;
pub use port::{connection, listeners, on_port};

/// Lists sockets with their owners, again and again, remembering what need not be read twice.
/// It sees the network namespace of the thread that opened it, unless told to see all.
#[derive(Debug)]
pub struct Table(Kind);

#[derive(Debug)]
enum Kind {
    Native(Box<native::Native>),
    Netstat2(Box<portable::sockets::Table>),
}

impl Table {
    /// Opens a table; without a `backend` the best one there is. `workers` threads at most
    /// read `/proc`.
    pub fn open(backend: Option<Backend>, workers: usize) -> Result<Self> {
        Ok(Self(match backend.unwrap_or(Backend::Native) {
            Backend::Native => Kind::Native(Box::new(native::Native::open(workers)?)),
            Backend::Netstat2 => {
                let table = portable::sockets::Table::open(Some(Backend::Netstat2), workers)?;
                Kind::Netstat2(Box::new(table))
            }
        }))
    }

    /// Sets how far the next looks reach.
    pub fn set_reach(&mut self, reach: Reach) {
        match &mut self.0 {
            Kind::Native(native) => native.set_reach(reach),
            Kind::Netstat2(table) => table.set_reach(reach),
        }
    }

    /// Of processes that ran since it looked at them, [`Table::list`] looks up about so many
    /// descriptors each time, and names the other processes as unverified. Without a limit
    /// every look is certain of every owner.
    pub fn limit(&mut self, descriptors: Option<usize>) {
        match &mut self.0 {
            Kind::Native(native) => native.most_descriptors = descriptors.unwrap_or(usize::MAX),
            Kind::Netstat2(table) => table.limit(descriptors),
        }
    }

    /// From now on lists the sockets of these tables alone.
    pub fn ask_for(&mut self, tables: Tables) {
        match &mut self.0 {
            Kind::Native(native) => native.tables = tables,
            Kind::Netstat2(table) => table.ask_for(tables),
        }
    }

    /// From now on lists only sockets that have this local port.
    pub fn ask_for_port(&mut self, port: Option<u16>) {
        match &mut self.0 {
            Kind::Native(native) => native.port = port,
            Kind::Netstat2(table) => table.ask_for_port(port),
        }
    }

    /// How many UNIX or netlink sockets there are, without listing them; `None` for other
    /// tables, and when nobody tells.
    pub fn count(&mut self, table: tables::Table) -> Option<usize> {
        match &mut self.0 {
            Kind::Native(native) => native.count(table),
            Kind::Netstat2(portable) => portable.count(table),
        }
    }

    /// One look at everything. Sockets that still are as their row in `known` says come back
    /// as that row.
    pub fn list(&mut self, known: &KnownRows) -> Result<Listing<Listed>> {
        let reuse = |socket: &Socket, at| listing::reuse(known, socket, at);
        match &mut self.0 {
            Kind::Native(native) => {
                native.expect_repetition();
                native.list(Detail::Full, reuse)
            }
            Kind::Netstat2(table) => table.list(known),
        }
    }

    /// One look at everything, by itself.
    pub fn list_once(&mut self, detail: Detail) -> Result<Listing<Socket>> {
        match &mut self.0 {
            Kind::Native(native) => native.list(detail, |socket, _| socket.clone()),
            Kind::Netstat2(table) => table.list_once(detail),
        }
    }
}
