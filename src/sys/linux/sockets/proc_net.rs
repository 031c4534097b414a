//! Socket tables that the kernel tells only in `/proc/PID/net`.

use std::os::fd::OwnedFd;

use rustix::io::pread;

use super::super::proc;
use super::bound::version;
use crate::model::socket::{Family, Protocol};
use crate::model::tables::Table;
use crate::sys::error::{Error, Result};
use crate::wire::procfs::net::{Count, Line, count};

/// The files of the network namespace that the opening thread was in. An open file stays with
/// its namespace, whichever thread reads it later.
#[derive(Debug)]
pub(super) struct ProcNet {
    protocols: Option<OwnedFd>,
    lists: [(Protocol, Family, Option<OwnedFd>); 8],
    content: Vec<u8>,
}

impl ProcNet {
    /// Opens what is there; without `/proc` nothing is.
    pub(super) fn open() -> Self {
        let net = proc::open_dir(rustix::fs::CWD, c"/proc/thread-self/net").ok();
        let file = |name| proc::open_file(net.as_ref()?, name).ok();
        Self {
            protocols: file(c"protocols"),
            lists: [
                (Protocol::Raw, Family::Ipv4, file(c"raw")),
                (Protocol::Raw, Family::Ipv6, file(c"raw6")),
                (Protocol::Icmp, Family::Ipv4, file(c"icmp")),
                (Protocol::Icmp, Family::Ipv6, file(c"icmp6")),
                (Protocol::Tcp, Family::Ipv4, file(c"tcp")),
                (Protocol::Tcp, Family::Ipv6, file(c"tcp6")),
                (Protocol::Udp, Family::Ipv4, file(c"udp")),
                (Protocol::Udp, Family::Ipv6, file(c"udp6")),
            ],
            content: Vec::new(),
        }
    }

    /// Reads anew how many sockets there are of each protocol.
    pub(super) fn census(&mut self) -> Census<'_> {
        let is_read = self.protocols.as_ref().is_some_and(|f| read(f, &mut self.content).is_ok());
        Census(is_read.then_some(&self.content))
    }

    /// Hands every socket of such a list to `visit`, and counts the lines that cannot be read.
    /// `Ok(None)` when the kernel has no such list.
    pub(super) fn list(
        &mut self,
        protocol: Protocol,
        family: Family,
        mut visit: impl FnMut(&Line),
    ) -> Result<Option<usize>> {
        let Some((.., Some(file))) =
            self.lists.iter().find(|(p, f, _)| (*p, *f) == (protocol, family))
        else {
            return Ok(None);
        };
        read(file, &mut self.content).map_err(|errno| {
            Error::os(format!("list {} sockets from /proc", protocol.name()), errno)
        })?;
        let mut unreadable = 0;
        // The first line is a heading.
        for line in self.content.split(|&byte| byte == b'\n').skip(1).filter(|l| !l.is_empty()) {
            match Line::parse(line, protocol) {
                Some(line) => visit(&line),
                None => unreadable += 1,
            }
        }
        Ok(Some(unreadable))
    }
}

/// How many sockets there are, as far as the kernel counts them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Census<'a>(Option<&'a Vec<u8>>);

impl Census<'_> {
    /// Whether a table certainly has no sockets, so that it need not be asked for.
    pub(super) fn lacks(self, table: Table) -> bool {
        let Some(protocols) = self.0 else { return false };
        let is_none = |name| matches!(count(protocols, name), Count::Absent | Count::Known(0));
        match table {
            Table::Tcp | Table::Udp => false,
            Table::Udplite => is_none("UDP-Lite") && is_none("UDPLITEv6"),
            // To ask costs the kernel a walk through every place for a token, twice.
            Table::Mptcp => ["MPTCP", "MPTCPv6"].iter().all(|name| match count(protocols, name) {
                Count::Absent => true,
                Count::Known(count) => count == 0 && Self::counts_mptcp(),
                _ => false,
            }),
            Table::Raw => is_none("RAW") && is_none("RAWv6"),
            Table::Icmp => is_none("PING") && is_none("PINGv6"),
            Table::Unix => is_none("UNIX") && is_none("UNIX-STREAM"),
            Table::Packet => is_none("PACKET"),
            Table::Netlink => is_none("NETLINK"),
            Table::Other => true,
        }
    }
}

impl Census<'_> {
    /// Whether MPTCP sockets are counted as soon as they can be listed: since Linux 6.1.
    fn counts_mptcp() -> bool {
        let uname = rustix::system::uname();
        version(&uname.release().to_string_lossy()).is_some_and(|version| version >= (6, 1))
    }
}

/// Reads a whole file from its beginning, replacing what was there.
fn read(file: &OwnedFd, content: &mut Vec<u8>) -> rustix::io::Result<()> {
    content.clear();
    loop {
        content.reserve(4096);
        let offset = content.len() as u64;
        match pread(file, rustix::buffer::spare_capacity(content), offset) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_read_again_and_again() {
        let mut net = ProcNet::open();
        let own = std::os::unix::net::UnixDatagram::unbound().unwrap();
        for _ in 0..2 {
            assert!(!net.census().lacks(Table::Unix), "{own:?} is one");
            let listed = net.list(Protocol::Raw, Family::Ipv4, |_| {}).unwrap();
            assert_eq!(listed, Some(0), "every line is read");
        }
    }
}
