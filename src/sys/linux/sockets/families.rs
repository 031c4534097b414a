//! The sockets beyond TCP and UDP: each family has a table of its own, which a kernel may lack.

use std::ops::Range;

use jiff::Timestamp;

use super::super::sock_diag::Dumped;
use super::dumps::{ATTEMPTS, IP};
use super::elsewhere::Place;
use super::identity::SecondLooks;
use super::native::Native;
use crate::model::health::{Health, Source};
use crate::model::socket::{Protocol, Socket, SocketId, SocketKey};
use crate::model::tables::{Table, Tables};
use crate::sys::error::Result;
use crate::wire::netlink::inet::{ALL_STATES, Detail, DumpRequest};
use crate::wire::netlink::unix::{self, Peers, Show};
use crate::wire::netlink::{Malformed, netlink_diag, packet};

/// How a table fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Complete,
    /// It changed meanwhile.
    Interrupted,
    /// Not this many of its sockets: their lines cannot be read.
    Except(usize),
    Absent,
}

impl From<Dumped> for Told {
    fn from(dumped: Dumped) -> Self {
        match dumped {
            Dumped::Complete | Dumped::Read => Self::Complete,
            Dumped::Interrupted => Self::Interrupted,
            Dumped::NoSuchTable => Self::Absent,
        }
    }
}

impl Native {
    /// Appends the sockets of every wanted family. One that cannot be listed leaves a line of
    /// health, and the others.
    pub(super) fn dump_families<T>(
        &mut self,
        detail: Detail,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        health: &mut Vec<Health>,
        sockets: &mut Vec<T>,
    ) {
        let wanted = self.tables.without(Tables::PORTS);
        if wanted.is_empty() {
            return;
        }
        let census = self.place.proc_net.census();
        let wanted: Tables = wanted.iter().filter(|table| !census.lacks(*table)).collect();
        for table in wanted.iter() {
            let before = sockets.len();
            let told = match table {
                Table::Tcp | Table::Udp => Ok(Told::Complete),
                Table::Udplite => self.dump_inet(Protocol::Udplite, detail, keep, sockets),
                Table::Mptcp => self.dump_inet(Protocol::Mptcp, detail, keep, sockets),
                Table::Raw => self.dump_raw(detail, keep, sockets),
                Table::Icmp => self.read_proc(Protocol::Icmp, keep, sockets),
                Table::Unix => self.dump_unix(detail, keep, sockets),
                Table::Packet => self.dump_packet(keep, sockets),
                Table::Netlink => self.dump_netlink(keep, sockets),
                // Processes are asked, after all tables were.
                Table::Other => Ok(Told::Complete),
            };
            if told.is_err() {
                sockets.truncate(before);
            }
            health.extend(trouble(table, told));
        }
    }

    fn dump_inet<T>(
        &mut self,
        protocol: Protocol,
        detail: Detail,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        sockets: &mut Vec<T>,
    ) -> Result<Told> {
        let mut worst = Told::Complete;
        for family in IP {
            let request =
                DumpRequest { family: Some(family), protocol, states: ALL_STATES, detail };
            match self.dump_one(&request, keep, sockets)? {
                Dumped::Complete => {}
                told => worst = told.into(),
            }
        }
        Ok(worst)
    }

    /// By raw_diag, which tells more, or from `/proc`. To ask for a module that is not there
    /// makes the kernel look for it each time.
    fn dump_raw<T>(
        &mut self,
        detail: Detail,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        sockets: &mut Vec<T>,
    ) -> Result<Told> {
        if !self.absent.contains(Table::Raw) {
            let before = sockets.len();
            match self.dump_inet(Protocol::Raw, detail, keep, sockets) {
                Ok(Told::Absent) | Err(_) => {}
                told => return told,
            }
            sockets.truncate(before);
            self.absent = self.absent.or(Table::Raw.into());
        }
        self.read_proc(Protocol::Raw, keep, sockets)
    }

    fn read_proc<T>(
        &mut self,
        protocol: Protocol,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        sockets: &mut Vec<T>,
    ) -> Result<Told> {
        let Self { place: Place { proc_net, .. }, names, scratch, .. } = self;
        let at = Timestamp::now();
        let (mut lists, mut unreadable) = (0, 0);
        for family in IP {
            let told = proc_net.list(protocol, family, |line| {
                line.fill(scratch, protocol, names);
                sockets.push(keep(scratch, at));
            })?;
            lists += u32::from(told.is_some());
            unreadable += told.unwrap_or(0);
        }
        Ok(match (lists, unreadable) {
            (0, _) => Told::Absent,
            (_, 0) => Told::Complete,
            (_, unreadable) => Told::Except(unreadable),
        })
    }

    /// Two sockets are joined by what each says of the other, so all are read before the first
    /// is made.
    fn dump_unix<T>(
        &mut self,
        detail: Detail,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        sockets: &mut Vec<T>,
    ) -> Result<Told> {
        let show = match detail {
            Detail::Bare => Show::Bare,
            Detail::Full => Show::Full,
        };
        let (mut bytes, mut places): (Vec<u8>, Vec<Range<usize>>) = (Vec::new(), Vec::new());
        let at = Timestamp::now();
        let told = self.repeat(
            "UNIX",
            |sequence| unix::request(sequence, show),
            |payload| {
                let Some(payload) = payload else {
                    bytes.clear();
                    places.clear();
                    return Ok(());
                };
                let start = bytes.len();
                bytes.extend_from_slice(payload);
                places.push(start..bytes.len());
                unix::Record::parse(payload).map(|_| ())
            },
        )?;
        let parse = |place: Range<usize>| unix::Record::parse(&bytes[place]).ok().flatten();
        let records: Vec<_> = places.into_iter().filter_map(parse).collect();
        let peers = Peers::of(&records);
        for record in &records {
            unix::fill(&mut self.scratch, record, peers.name(record), &mut self.names);
            sockets.push(keep(&self.scratch, at));
        }
        Ok(told.into())
    }

    fn dump_packet<T>(
        &mut self,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        sockets: &mut Vec<T>,
    ) -> Result<Told> {
        let Self { place: Place { diag, .. }, names, scratch, .. } = self;
        let at = Timestamp::now();
        let told = diag.dump_family("packet", packet::request, |payload| {
            if let Some(record) = packet::Record::parse(payload)? {
                packet::fill(scratch, &record, names);
                sockets.push(keep(scratch, at));
            }
            Ok(())
        })?;
        Ok(told.into())
    }

    fn dump_netlink<T>(
        &mut self,
        keep: &mut impl FnMut(&Socket, Timestamp) -> T,
        sockets: &mut Vec<T>,
    ) -> Result<Told> {
        let Self { place: Place { diag, .. }, scratch, .. } = self;
        let at = Timestamp::now();
        let told = diag.dump_family("netlink", netlink_diag::request, |payload| {
            netlink_diag::fill(scratch, &netlink_diag::Record::parse(payload)?);
            sockets.push(keep(scratch, at));
            Ok(())
        })?;
        Ok(told.into())
    }

    /// How many UNIX or netlink sockets there are in the namespace that is asked, the cheap
    /// way; `None` for other tables, and when the kernel does not tell.
    pub(super) fn count_here(&mut self, table: Table) -> Option<usize> {
        let mut count = 0;
        let mut visit = |payload: Option<&[u8]>| {
            count = if payload.is_some() { count + 1 } else { 0 };
            Ok(())
        };
        let told = match table {
            Table::Unix => {
                let ask = |sequence| unix::request(sequence, Show::Existence);
                self.repeat(table.name(), ask, &mut visit)
            }
            Table::Netlink => self.repeat(table.name(), netlink_diag::request, &mut visit),
            _ => return None,
        };
        matches!(told, Ok(Dumped::Complete | Dumped::Interrupted)).then_some(count)
    }

    /// Dumps one family, again while the dump is inconsistent. `visit` hears of a new beginning
    /// as `None`.
    fn repeat<const LEN: usize>(
        &mut self,
        name: &str,
        encode: impl Fn(u32) -> [u8; LEN],
        mut visit: impl FnMut(Option<&[u8]>) -> std::result::Result<(), Malformed>,
    ) -> Result<Dumped> {
        let mut told = Dumped::Interrupted;
        for _ in 0..ATTEMPTS {
            // Nothing was read that could be malformed.
            let _ = visit(None);
            told = self.place.diag.dump_family(name, &encode, |payload| visit(Some(payload)))?;
            if told != Dumped::Interrupted {
                break;
            }
        }
        Ok(told)
    }

    /// The second look at sockets of these families: takes those out of `later` to which a
    /// descriptor still refers.
    pub(super) fn hear_families(
        &mut self,
        lost: &[&Socket],
        later: &mut SecondLooks,
    ) -> Result<()> {
        let tables: Tables = lost.iter().map(|socket| Table::of(socket)).collect();
        let netns = self.scratch.netns;
        let mut hear = |inode: u32, cookie: u64| {
            if inode != 0 {
                later.remove(&SocketKey { netns, id: SocketId::Cookie(cookie) });
            }
        };
        if tables.contains(Table::Unix) {
            let ask = |sequence| unix::request(sequence, Show::Existence);
            self.place.diag.dump_family("UNIX", ask, |payload| {
                let record = unix::Record::parse(payload)?;
                record.into_iter().for_each(|record| hear(record.inode, record.cookie));
                Ok(())
            })?;
        }
        if tables.contains(Table::Packet) {
            self.place.diag.dump_family("packet", packet::request, |payload| {
                let record = packet::Record::parse(payload)?;
                record.into_iter().for_each(|record| hear(record.inode, record.cookie));
                Ok(())
            })?;
        }
        if tables.contains(Table::Netlink) {
            self.place.diag.dump_family("netlink", netlink_diag::request, |payload| {
                let record = netlink_diag::Record::parse(payload)?;
                hear(record.inode, record.cookie);
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// What to say of a table that was not told whole.
fn trouble(table: Table, told: Result<Told>) -> Option<Health> {
    let (source, module) = match table {
        Table::Tcp => (Source::SockDiag, "tcp_diag"),
        Table::Udp | Table::Udplite => (Source::SockDiag, "udp_diag"),
        Table::Mptcp => (Source::MptcpDiag, "mptcp_diag"),
        Table::Raw => (Source::RawDiag, "raw_diag"),
        Table::Icmp => (Source::ProcNet, ""),
        Table::Unix => (Source::UnixDiag, "unix_diag"),
        Table::Packet => (Source::PacketDiag, "af_packet_diag"),
        Table::Netlink => (Source::NetlinkDiag, "netlink_diag"),
        Table::Other => (Source::Unlisted, ""),
    };
    let name = table.name();
    let health = match told {
        Ok(Told::Complete) => return None,
        Ok(Told::Interrupted) => Health::degraded(
            source,
            format!(
                "the {name} sockets changed while they were listed, {ATTEMPTS} times: some may be missing"
            ),
        ),
        Ok(Told::Except(lines)) => {
            Health::degraded(source, format!("{lines} lines on {name} sockets cannot be read"))
        }
        Ok(Told::Absent) => {
            Health::unavailable(source, format!("the kernel does not list {name} sockets"))
        }
        Err(error) => {
            return Some(Health::unavailable(
                source,
                format!("{name} sockets are missing: {error}"),
            ));
        }
    };
    let is_absent = told.is_ok_and(|told| told == Told::Absent);
    Some(if is_absent && !module.is_empty() {
        health.with_remedy(format!("load the module: modprobe {module}"))
    } else {
        health
    })
}
