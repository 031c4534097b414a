//! The tables of TCP and UDP, and how one of inet_diag's is read.

use jiff::Timestamp;

use super::super::sock_diag::Dumped;
use super::native::Native;
use crate::model::health::{Health, Source};
use crate::model::socket::{Family, Protocol, Socket};
use crate::model::tables::Table;
use crate::sys::error::{Error, Result};
use crate::wire::netlink::inet::{ALL_STATES, Detail, DumpRequest, Record};
use crate::wire::netlink::socket::fill;

/// The families that share a table of ports.
pub(super) const IP: [Family; 2] = [Family::Ipv4, Family::Ipv6];

/// An inconsistent dump is asked for again this often.
pub(super) const ATTEMPTS: u32 = 4;

/// About so many records come with one read.
const RECORDS_A_READ: usize = 64;

/// How one table that was asked for fared.
struct Told {
    name: String,
    dumped: Dumped,
}

impl Native {
    /// Appends the sockets of every wanted table of the namespace that is being asked.
    pub(super) fn dump_all<T>(
        &mut self,
        detail: Detail,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        health: &mut Vec<Health>,
        sockets: &mut Vec<T>,
    ) -> Result<()> {
        let mut told = Vec::new();
        for (protocol, table) in [(Protocol::Tcp, Table::Tcp), (Protocol::Udp, Table::Udp)] {
            if self.tables.contains(table) {
                self.dump_protocol(protocol, detail, keep, &mut told, sockets)?;
            }
        }
        report(&told, health)?;
        self.dump_families(detail, keep, health, sockets);
        Ok(())
    }

    /// Appends the sockets of one protocol: TCP's in one pass where the kernel has it.
    fn dump_protocol<T>(
        &mut self,
        protocol: Protocol,
        detail: Detail,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        told: &mut Vec<Told>,
        sockets: &mut Vec<T>,
    ) -> Result<()> {
        let mut request = DumpRequest { family: None, protocol, states: ALL_STATES, detail };
        if protocol == Protocol::Tcp {
            let before = sockets.len();
            match self.dump_one(&request, keep, sockets) {
                Ok(dumped @ (Dumped::Complete | Dumped::Interrupted)) => {
                    told.push(Told { name: protocol.name().to_owned(), dumped });
                    return Ok(());
                }
                // A sandbox may know the newer request alone. What is wrong besides, that tells.
                Ok(Dumped::NoSuchTable | Dumped::Read) | Err(_) => sockets.truncate(before),
            }
        }
        for family in IP {
            request.family = Some(family);
            let dumped = self.dump_one(&request, keep, sockets)?;
            told.push(Told { name: format!("{} over {}", protocol.name(), family.name()), dumped });
        }
        Ok(())
    }

    /// Appends one table's sockets, asking again while the dump is inconsistent.
    pub(super) fn dump_one<T>(
        &mut self,
        request: &DumpRequest,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        sockets: &mut Vec<T>,
    ) -> Result<Dumped> {
        let before = sockets.len();
        let mut told = Dumped::Interrupted;
        for _ in 0..ATTEMPTS {
            if self.place.diag.is_absent() {
                break;
            }
            sockets.truncate(before);
            let mut at = Timestamp::now();
            let Self { place, names, scratch, port, .. } = self;
            let mut hear = |record: &Record<'_>| {
                // A long dump takes its time, and clocks in the records run meanwhile.
                if sockets.len().is_multiple_of(RECORDS_A_READ) {
                    at = Timestamp::now();
                }
                fill(scratch, record, request.protocol, names);
                sockets.push(keep(scratch, at));
            };
            told = match *port {
                None => place.diag.dump(request, &mut hear)?,
                // An older kernel does not know the filter.
                Some(port) => place.diag.dump_port(request, port, |record| {
                    if record.local_port == port {
                        hear(record);
                    }
                })?,
            };
            if told != Dumped::Interrupted {
                break;
            }
        }
        if self.place.diag.is_absent() || told == Dumped::NoSuchTable {
            return self.read_instead(request, keep, sockets);
        }
        Ok(told)
    }

    /// What `/proc` tells of a table that is not told over sock_diag.
    fn read_instead<T>(
        &mut self,
        request: &DumpRequest,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        sockets: &mut Vec<T>,
    ) -> Result<Dumped> {
        let DumpRequest { protocol, family: Some(family), .. } = *request else {
            return Ok(Dumped::NoSuchTable);
        };
        if !matches!(protocol, Protocol::Tcp | Protocol::Udp) {
            return Ok(Dumped::NoSuchTable);
        }
        let Self { place, names, scratch, port, .. } = self;
        let at = Timestamp::now();
        let listed = place.proc_net.list(protocol, family, |line| {
            if port.is_none_or(|port| port == line.local_number) {
                line.fill(scratch, protocol, names);
                sockets.push(keep(scratch, at));
            }
        })?;
        Ok(if listed.is_some() { Dumped::Read } else { Dumped::NoSuchTable })
    }
}

/// What of that a user should know; an error when nothing at all could be listed.
fn report(told: &[Told], health: &mut Vec<Health>) -> Result<()> {
    let named = |dumped: Dumped| {
        let names = told.iter().filter(move |told| told.dumped == dumped);
        names.map(|told| told.name.as_str()).collect::<Vec<_>>()
    };
    for name in named(Dumped::Interrupted) {
        health.push(Health::degraded(
            Source::SockDiag,
            format!(
                "{name} changed while it was listed, {ATTEMPTS} times: some sockets may be missing"
            ),
        ));
    }
    let (missing, read) = (named(Dumped::NoSuchTable), named(Dumped::Read));
    if !told.is_empty() && missing.len() == told.len() {
        return Err(Error::unsupported(
            "listing sockets over sock_diag",
            "the kernel has neither tcp_diag nor udp_diag; try --backend netstat2",
        ));
    }
    if !missing.is_empty() {
        let missing = missing.join(", ");
        health.push(
            Health::degraded(Source::SockDiag, format!("the kernel does not list {missing}"))
                .with_remedy("load the module: modprobe tcp_diag, modprobe udp_diag"),
        );
    } else if health.is_empty() && read.is_empty() {
        health.push(Health::ready(Source::SockDiag));
    }
    if !read.is_empty() {
        let read = read.join(", ");
        let lost = "interfaces, accept queues, metrics, IPV6_V6ONLY and sockets that are bound \
                    without listening are not told there";
        health.push(Health::degraded(
            Source::SockDiag,
            format!("{read} are read from /proc/net, since sock_diag does not list them: {lost}"),
        ));
    }
    Ok(())
}
