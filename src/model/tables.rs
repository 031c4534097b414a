//! Which of the system's socket tables are asked for.

use std::fmt;

use super::socket::{Family, Protocol, Socket};

/// A table of sockets that the system keeps by itself, so that it costs by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// TCP over IPv4 and IPv6.
    Tcp,
    /// UDP over IPv4 and IPv6.
    Udp,
    /// UDP-Lite (RFC 3828).
    Udplite,
    /// MPTCP connections and listeners; their subflows are in the table of TCP.
    Mptcp,
    /// Raw IP sockets.
    Raw,
    /// Ping sockets.
    Icmp,
    /// AF_UNIX, all three types.
    Unix,
    /// AF_PACKET.
    Packet,
    /// AF_NETLINK.
    Netlink,
    /// What no table of the system lists: vsock, XDP and further families, and whatever was
    /// never bound. Processes are asked for it.
    Other,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 10] = [
        Self::Tcp,
        Self::Udp,
        Self::Udplite,
        Self::Mptcp,
        Self::Raw,
        Self::Icmp,
        Self::Unix,
        Self::Packet,
        Self::Netlink,
        Self::Other,
    ];

    /// The table that a socket is in.
    pub fn of(socket: &Socket) -> Self {
        Self::with(socket.family, socket.protocol)
    }

    /// The table that has the sockets of this family and protocol.
    pub fn with(family: Family, protocol: Protocol) -> Self {
        match (family, protocol) {
            (family, _) if !family.has_table() => Self::Other,
            (_, Protocol::Tcp) => Self::Tcp,
            (_, Protocol::Udp) => Self::Udp,
            (_, Protocol::Udplite) => Self::Udplite,
            (_, Protocol::Mptcp) => Self::Mptcp,
            (_, Protocol::Raw) => Self::Raw,
            (_, Protocol::Icmp) => Self::Icmp,
            (Family::Unix, _) => Self::Unix,
            (_, Protocol::Stream | Protocol::Dgram | Protocol::Seqpacket) => Self::Other,
            (_, Protocol::Packet) => Self::Packet,
            (_, Protocol::Netlink) => Self::Netlink,
        }
    }

    /// What to call its sockets in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Udplite => "UDP-Lite",
            Self::Mptcp => "MPTCP",
            Self::Raw => "raw",
            Self::Icmp => "ping",
            Self::Unix => "UNIX",
            Self::Packet => "packet",
            Self::Netlink => "netlink",
            Self::Other => "other",
        }
    }
}

/// Sockets of a process that no table lists and that may not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Uncounted {
    /// Process id.
    pub pid: u32,
    /// What its main thread calls itself, uncleaned.
    pub name: Box<str>,
    /// How many.
    pub sockets: usize,
}

/// A set of tables.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tables(u16);

impl Tables {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// Every one.
    pub const ALL: Self = Self((1 << Table::ALL.len()) - 1);
    /// Those that the system keeps: every one but [`Table::Other`].
    pub const LISTED: Self = Self(Self::ALL.0 & !(1 << Table::Other as u16));
    /// Those in which a socket can hold a port that another one wants: a listening MPTCP socket
    /// holds its port by a subflow, which is in the table of TCP.
    pub const PORTS: Self = Self(1 << Table::Tcp as u16 | 1 << Table::Udp as u16);
    /// Those whose sockets the kernel may be asked to abort (SOCK_DESTROY).
    pub const CLOSABLE: Self = Self(Self::PORTS.0 | 1 << Table::Udplite as u16);
    /// Those that only concern processes of this machine: UNIX and netlink.
    pub const LOCAL: Self = Self(1 << Table::Unix as u16 | 1 << Table::Netlink as u16);

    /// Whether a table is one of them.
    pub fn contains(self, table: Table) -> bool {
        self.0 & 1 << table as u16 != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// One after the other, in the order of [`Table::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Table> {
        Table::ALL.into_iter().filter(move |table| self.contains(*table))
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self::LISTED
    }
}

impl From<Table> for Tables {
    fn from(table: Table) -> Self {
        Self(1 << table as u16)
    }
}

impl FromIterator<Table> for Tables {
    fn from_iter<I: IntoIterator<Item = Table>>(tables: I) -> Self {
        tables.into_iter().fold(Self::NONE, |set, table| set.or(table.into()))
    }
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in() {
        assert_eq!(Tables::ALL.iter().collect::<Tables>(), Tables::ALL);
        assert_eq!(Tables::ALL.iter().count(), 10);
        assert_eq!(Tables::LISTED.iter().collect::<Vec<_>>(), Table::ALL[..9]);
        let ports: Vec<Table> = Tables::PORTS.iter().collect();
        assert_eq!(ports, [Table::Tcp, Table::Udp]);
        assert_eq!(Tables::LOCAL.iter().collect::<Vec<_>>(), [Table::Unix, Table::Netlink]);
        assert!(Tables::PORTS.and(Tables::LOCAL).is_empty());
        assert_eq!(Tables::ALL.without(Tables::LOCAL).or(Tables::LOCAL), Tables::ALL);
    }
}
