//! The columns of the socket table: their names, what they show and how they order. The
//! command line and the dashboard show the same ones.

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

use crate::model::activation::principal_owner;
use crate::model::activity::Rates;
use crate::model::owner::OwnershipKind;
use crate::model::socket::{Endpoint, Socket, State, TimerKind};
use crate::model::tcp::TcpInfo;
use crate::text::units::UNKNOWN;
use crate::text::{address, clean, owner};

/// A column that can be shown and ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Column {
    /// Protocol; orders by port and address too.
    #[default]
    Proto,
    /// Local address and port.
    Local,
    /// Remote address and port.
    Remote,
    /// State.
    State,
    /// Accept queue and its limit, else unread and unsent bytes.
    Queue,
    /// First process, and how many more.
    Pid,
    /// Descriptor in the first process.
    Fd,
    /// Name of the first process.
    Name,
    /// User who made it.
    User,
    /// That user's number.
    Uid,
    /// IANA name of the port.
    Service,
    /// Address family.
    Family,
    /// Command line of the first process.
    Cmdline,
    /// Program of the first process.
    Exe,
    /// Directory that the first process works in.
    Cwd,
    /// Systemd unit of the first process.
    Unit,
    /// Container of the first process.
    Container,
    /// What runs the first process: its container, else its systemd unit.
    Supervisor,
    /// Who holds it, in one word.
    Ownership,
    /// Bytes received and not read.
    RecvQ,
    /// Bytes not acknowledged or not sent.
    SendQ,
    /// Accept queue and its limit.
    Backlog,
    /// Packets dropped at the socket.
    Drops,
    /// Running TCP timer.
    Timer,
    /// Device it is bound to.
    Interface,
    /// Sockfs inode.
    Inode,
    /// Kernel socket cookie.
    Cookie,
    /// Inode of the network namespace.
    Netns,
    /// Network namespace, by its name where it has one.
    NetnsName,
    /// Process at the other end of a local connection.
    Peer,
    /// Cgroup it was made in.
    Cgroup,
    /// Smoothed round-trip time in µs.
    Rtt,
    /// Congestion window in segments.
    Cwnd,
    /// Segments sent again.
    Retransmits,
    /// Payload bytes sent.
    BytesSent,
    /// Payload bytes received.
    BytesReceived,
    /// Congestion control.
    Congestion,
    /// Bytes sent a second.
    SentRate,
    /// Bytes received a second.
    ReceivedRate,
    /// Local address without the port, or the path.
    LocalAddr,
    /// Local port.
    LocalPort,
    /// Remote address without the port, or the path.
    RemoteAddr,
    /// Remote port.
    RemotePort,
    /// Bytes a second, both ways together.
    Rate,
    /// Time since first sight: at least as old.
    Age,
}

use Column::*;

impl Column {
    /// Every column, the usual ones first.
    pub const ALL: [Self; 45] = [
        Proto,
        Local,
        Remote,
        State,
        Queue,
        Pid,
        Fd,
        Name,
        User,
        Uid,
        Service,
        Family,
        Cmdline,
        Exe,
        Cwd,
        Unit,
        Container,
        Supervisor,
        Ownership,
        RecvQ,
        SendQ,
        Backlog,
        Drops,
        Timer,
        Interface,
        Inode,
        Cookie,
        Netns,
        NetnsName,
        Peer,
        Cgroup,
        Rtt,
        Cwnd,
        Retransmits,
        BytesSent,
        BytesReceived,
        Congestion,
        SentRate,
        ReceivedRate,
        LocalAddr,
        LocalPort,
        RemoteAddr,
        RemotePort,
        Rate,
        Age,
    ];

    /// What a program gets as CSV without asking for more, with the namespaces where there may
    /// be several.
    pub fn usual_csv(namespaces: bool) -> &'static [Self] {
        const CSV: [Column; 20] = [
            Netns, NetnsName, Proto, Local, Remote, State, RecvQ, SendQ, Backlog, Ownership, Pid,
            Fd, Name, User, Inode, Cookie, LocalAddr, LocalPort, RemoteAddr, RemotePort,
        ];
        if namespaces { &CSV } else { &CSV[2..] }
    }

    /// The name in options, files and messages.
    pub fn name(self) -> &'static str {
        self.texts().0
    }

    /// What stands above it.
    pub fn title(self) -> &'static str {
        self.texts().1
    }

    /// What it shows, in a few words.
    pub fn about(self) -> &'static str {
        self.texts().2
    }

    /// The column of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Proto => ("proto", "PROTO", "protocol; orders by port and address too"),
            Local => ("local", "LOCAL", "local address and port"),
            Remote => ("remote", "REMOTE", "remote address and port"),
            State => ("state", "STATE", "state"),
            Queue => ("queue", "QUEUE", "accept queue/limit, else unread:unsent bytes"),
            Pid => ("pid", "PID", "first process, and how many more"),
            Fd => ("fd", "FD", "descriptor in the first process"),
            Name => ("name", "NAME", "name of the first process"),
            User => ("user", "USER", "user who made it"),
            Uid => ("uid", "UID", "that user's number"),
            Service => ("service", "SERVICE", "IANA name of the port"),
            Family => ("family", "FAMILY", "address family"),
            Cmdline => ("cmdline", "COMMAND", "command line of the first process"),
            Exe => ("exe", "EXE", "program of the first process"),
            Cwd => ("cwd", "CWD", "directory that the first process works in"),
            Unit => ("unit", "UNIT", "systemd unit of the first process"),
            Container => ("container", "CONTAINER", "container of the first process"),
            Supervisor => {
                ("supervisor", "UNIT/CONTAINER", "container of the first process, else its unit")
            }
            Ownership => ("ownership", "OWNERSHIP", "who holds it, in one word"),
            RecvQ => ("recv_q", "RECV-Q", "bytes received and not read"),
            SendQ => ("send_q", "SEND-Q", "bytes not acknowledged or not sent"),
            Backlog => ("backlog", "BACKLOG", "accept queue and its limit"),
            Drops => ("drops", "DROPS", "packets dropped at the socket"),
            Timer => ("timer", "TIMER", "running TCP timer"),
            Interface => ("interface", "INTERFACE", "device it is bound to"),
            Inode => ("inode", "INODE", "sockfs inode"),
            Cookie => ("cookie", "COOKIE", "kernel socket cookie"),
            Netns => ("netns", "NETNS-INODE", "inode of the network namespace"),
            NetnsName => ("netns_name", "NETNS", "network namespace, by name where it has one"),
            Peer => ("peer", "PEER", "process at the other end of a local connection"),
            Cgroup => ("cgroup", "CGROUP", "cgroup it was made in"),
            Rtt => ("rtt", "RTT_US", "smoothed round-trip time in µs"),
            Cwnd => ("cwnd", "CWND", "congestion window in segments"),
            Retransmits => ("retransmits", "RETRANS", "segments sent again"),
            BytesSent => ("bytes_sent", "SENT", "payload bytes sent"),
            BytesReceived => ("bytes_received", "RECEIVED", "payload bytes received"),
            Congestion => ("congestion", "CONGESTION", "congestion control"),
            SentRate => ("sent_rate", "SENT/S", "bytes sent a second"),
            ReceivedRate => ("received_rate", "RECV/S", "bytes received a second"),
            LocalAddr => ("local_addr", "LOCAL-ADDR", "local address, or path, on its own"),
            LocalPort => ("local_port", "LPORT", "local port on its own"),
            RemoteAddr => ("remote_addr", "REMOTE-ADDR", "remote address, or path, on its own"),
            RemotePort => ("remote_port", "RPORT", "remote port on its own"),
            Rate => ("rate", "RATE", "bytes a second, both ways"),
            Age => ("age", "AGE", "time since first sight: at least as old"),
        }
    }

    /// Whether only a full listing tells it.
    pub fn is_metric(self) -> bool {
        matches!(self, Drops | Rtt | Cwnd | Retransmits | BytesSent | BytesReceived | Congestion)
    }

    /// How to read the column as a number, where it is one.
    pub fn number(self) -> Option<fn(&Socket) -> Option<u64>> {
        fn tcp(socket: &Socket) -> Option<&TcpInfo> {
            socket.tcp.as_deref()
        }
        Some(match self {
            Uid => |socket| socket.uid.map(u64::from),
            RecvQ => |socket| socket.recv_q.map(u64::from),
            SendQ => |socket| socket.send_q.map(u64::from),
            Drops => |socket| socket.drops.map(u64::from),
            Inode => |socket| socket.inode,
            Cookie => |socket| socket.cookie,
            Netns => |socket| socket.netns,
            LocalPort => |socket| socket.local.port.map(u64::from),
            RemotePort => |socket| socket.remote.as_ref()?.port.map(u64::from),
            Rtt => |socket| tcp(socket)?.rtt_us.map(u64::from),
            Cwnd => |socket| tcp(socket)?.cwnd.map(u64::from),
            Retransmits => |socket| tcp(socket)?.retransmits.map(u64::from),
            BytesSent => |socket| tcp(socket)?.bytes_sent,
            BytesReceived => |socket| tcp(socket)?.bytes_received,
            _ => return None,
        })
    }

    /// What a socket is ordered by in this column; `None` for what is not known, which comes
    /// last whatever the direction.
    pub fn key(self, socket: &Socket) -> Option<Key<'_>> {
        if let Some(number) = self.number() {
            return number(socket).map(Key::Number);
        }
        match self {
            Proto => Some(Key::Number(socket.protocol as u64)),
            Family => Some(Key::Number(socket.family as u64)),
            State => Some(Key::Number(socket.state as u64)),
            Ownership => Some(Key::Number(socket.ownership.kind as u64)),
            Local => Key::end(Some(&socket.local)),
            Remote => Key::end(socket.remote.as_ref()),
            LocalAddr => Key::addr(Some(&socket.local)),
            RemoteAddr => Key::addr(socket.remote.as_ref()),
            Queue => queued(socket).map(Key::Number),
            Backlog => socket.backlog.map(|backlog| Key::Number(backlog.queued.into())),
            Timer => socket.timer.map(|timer| Key::Number(timer.expires_ms.into())),
            Age => socket.first_seen.map(|seen| {
                // The younger, the smaller the age.
                Key::Number(i64::MAX.abs_diff(seen.as_microsecond()))
            }),
            // The bits of floats that are not negative are in the order of their values.
            SentRate => socket.rates.map(|rates| rate(rates.bytes_sent_per_s)),
            ReceivedRate => socket.rates.map(|rates| rate(rates.bytes_received_per_s)),
            Rate => socket.rates.map(|rates| Key::Number(rates.total())),
            NetnsName => match &socket.netns_name {
                Some(name) => Some(Key::Text(name)),
                None => socket.netns.map(Key::Number),
            },
            Peer => socket
                .peer
                .as_ref()
                .and_then(|peer| peer.owners.first())
                .map(|owner| Key::Pair(&owner.name, owner.pid.into())),
            User => socket.user.as_deref().map(Key::Text),
            Service => socket.service.as_deref().map(Key::Text),
            Interface => socket.interface.as_deref().map(Key::Text),
            Cgroup => socket.cgroup.as_deref().map(Key::Text),
            Congestion => socket.tcp.as_ref()?.congestion.as_deref().map(Key::Text),
            _ => self.owner_key(socket),
        }
    }

    fn owner_key(self, socket: &Socket) -> Option<Key<'_>> {
        let owner = principal_owner(socket)?;
        let process = &owner.process;
        match self {
            Pid => Some(Key::Number(process.pid.into())),
            Fd => owner.fd.and_then(|fd| u64::try_from(fd).ok()).map(Key::Number),
            Name => Some(Key::Text(&process.name)),
            Exe => process.exe.as_deref().map(Key::Text),
            Cwd => process.cwd.as_deref().map(Key::Text),
            Cmdline => Some(Key::Words(&process.cmdline)).filter(|_| !process.cmdline.is_empty()),
            Unit => process.unit.as_ref().map(|unit| Key::Text(&unit.name)),
            Container => process
                .container
                .as_ref()
                .map(|container| Key::Texts(&container.runtime, container.shown())),
            Supervisor => match &process.container {
                Some(container) => Some(container.shown()),
                None => process.unit.as_ref().map(|unit| &*unit.name),
            }
            .map(Key::Text),
            _ => None,
        }
    }
}

/// What a socket is ordered by. Keys of one column are of one kind, but for ends, of which
/// those with addresses come before those with paths, and namespaces, of which those without
/// a name come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key<'a> {
    /// A number.
    Number(u64),
    /// An IP end: whether it is IPv6, the address, the port.
    Address(bool, u128, u16),
    /// Text, by its bytes.
    Text(&'a str),
    /// A text and a number.
    Pair(&'a str, u64),
    /// Two texts.
    Texts(&'a str, &'a str),
    /// A command line.
    Words(&'a [Box<str>]),
}

impl<'a> Key<'a> {
    fn end(end: Option<&'a Endpoint>) -> Option<Self> {
        let end = end?;
        let port = end.port.unwrap_or(0);
        match (&end.path, end.addr) {
            (Some(path), _) => Some(Self::Text(path)),
            (None, Some(IpAddr::V4(addr))) => {
                Some(Self::Address(false, addr.to_bits().into(), port))
            }
            (None, Some(IpAddr::V6(addr))) => Some(Self::Address(true, addr.to_bits(), port)),
            (None, None) => None,
        }
    }

    /// The same without its port.
    fn addr(end: Option<&'a Endpoint>) -> Option<Self> {
        Self::end(end).map(|key| match key {
            Self::Address(is_v6, addr, _) => Self::Address(is_v6, addr, 0),
            path => path,
        })
    }
}

fn rate(bytes_per_s: f32) -> Key<'static> {
    Key::Number(bytes_per_s.max(0.0).to_bits().into())
}

/// What waits: connections in an accept queue, else bytes either way.
fn queued(socket: &Socket) -> Option<u64> {
    match (socket.backlog, socket.recv_q, socket.send_q) {
        (Some(backlog), _, _) => Some(u64::from(backlog.queued)),
        (None, None, None) => None,
        (None, received, sent) => {
            Some(u64::from(received.unwrap_or(0)) + u64::from(sent.unwrap_or(0)))
        }
    }
}

/// One cell, shown without allocation.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// Which column.
    pub column: Column,
    /// Of which row.
    pub socket: &'a Socket,
}

impl Display for Cell<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let socket = self.socket;
        if let Some(number) = self.column.number() {
            return known(f, number(socket));
        }
        match self.column {
            Proto => f.write_str(address::protocol(socket)),
            Local => write!(f, "{}", address::local(socket)),
            Remote => write!(f, "{}", address::remote(socket)),
            State => f.write_str(socket.state.name()),
            LocalAddr => addr(f, Some(&socket.local)),
            RemoteAddr => addr(f, socket.remote.as_ref()),
            Queue => queue(f, socket),
            Pid => pid(f, socket),
            Fd => known(f, principal_owner(socket).and_then(|owner| owner.fd)),
            Name => name(f, socket),
            User => match (&socket.user, socket.uid) {
                (Some(name), _) => f.write_str(&clean(name)),
                (None, uid) => known(f, uid),
            },
            Service => cleaned(f, socket.service.as_deref()),
            Ownership => ownership(f, socket),
            Backlog => known(f, socket.backlog.map(|b| Slash(b.queued, b.limit))),
            Timer => timer(f, socket),
            Family => f.write_str(socket.family.name()),
            Interface => cleaned(f, socket.interface.as_deref()),
            SentRate => known(f, socket.rates.map(|rates| rates.bytes_sent_per_s.round())),
            ReceivedRate => known(f, socket.rates.map(|rates| rates.bytes_received_per_s.round())),
            Rate => known(f, socket.rates.map(Rates::total)),
            Peer => known(f, socket.peer.as_deref().map(owner::peer)),
            Cgroup => cleaned(f, socket.cgroup.as_deref()),
            NetnsName => match &socket.netns_name {
                Some(name) => f.write_str(&clean(name)),
                None => known(f, socket.netns),
            },
            Congestion => cleaned(f, socket.tcp.as_ref().and_then(|tcp| tcp.congestion.as_deref())),
            _ => self.process(f),
        }
    }
}

impl Cell<'_> {
    /// What belongs to the owner that is named.
    fn process(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(owner) = principal_owner(self.socket) else { return f.write_str(UNKNOWN) };
        let process = &owner.process;
        match self.column {
            Cmdline if process.cmdline.is_empty() => f.write_str(UNKNOWN),
            Cmdline => f.write_str(&clean(&process.cmdline.join(" "))),
            Exe => cleaned(f, process.exe.as_deref()),
            Cwd => cleaned(f, process.cwd.as_deref()),
            Unit => cleaned(f, process.unit.as_ref().map(|unit| &*unit.name)),
            Supervisor if process.container.is_none() => {
                cleaned(f, process.unit.as_ref().map(|unit| &*unit.name))
            }
            Container | Supervisor => match &process.container {
                Some(container) => {
                    write!(f, "{}:{}", clean(&container.runtime), clean(container.shown()))
                }
                None => f.write_str(UNKNOWN),
            },
            _ => f.write_str(UNKNOWN),
        }
    }
}

struct Slash(u32, u32);

impl Display for Slash {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

fn known(f: &mut Formatter<'_>, value: Option<impl Display>) -> fmt::Result {
    match value {
        Some(value) => write!(f, "{value}"),
        None => f.write_str(UNKNOWN),
    }
}

/// An address as it is, or a path.
fn addr(f: &mut Formatter<'_>, end: Option<&Endpoint>) -> fmt::Result {
    match end.map(|end| (&end.path, end.addr)) {
        Some((Some(path), _)) => f.write_str(&clean(path)),
        Some((None, addr)) => known(f, addr),
        None => f.write_str(UNKNOWN),
    }
}

fn cleaned(f: &mut Formatter<'_>, text: Option<&str>) -> fmt::Result {
    f.write_str(&text.map_or(UNKNOWN.into(), clean))
}

/// What waits, in one notation: `3/128` are three connections in an accept queue whose limit is
/// 128, `!` where there is little room left or none; `52:0` are bytes unread and unsent.
fn queue(f: &mut Formatter<'_>, socket: &Socket) -> fmt::Result {
    if let Some(backlog) = socket.backlog {
        let alarm = if backlog.is_crowded() { "!" } else { "" };
        return write!(f, "{}/{}{alarm}", backlog.queued, backlog.limit);
    }
    if socket.recv_q.is_none() && socket.send_q.is_none() {
        return f.write_str(UNKNOWN);
    }
    known(f, socket.recv_q)?;
    f.write_str(":")?;
    known(f, socket.send_q)
}

/// One process and how many more, or the word for why there is none.
fn pid(f: &mut Formatter<'_>, socket: &Socket) -> fmt::Result {
    let Some(first) = principal_owner(socket) else {
        return f.write_str(socket.ownership.kind.name());
    };
    write!(f, "{}", first.process.pid)?;
    match processes(socket) {
        0 | 1 => Ok(()),
        count => write!(f, "+{}", count - 1),
    }
}

/// How many processes hold it; owners are in order of their pid.
fn processes(socket: &Socket) -> usize {
    let owners = &socket.owners;
    1 + owners.windows(2).filter(|pair| pair[0].process.pid != pair[1].process.pid).count()
}

fn name(f: &mut Formatter<'_>, socket: &Socket) -> fmt::Result {
    match owner::name(socket) {
        Some(name) => f.write_str(&name),
        // TIME_WAIT says it already.
        None if socket.state == State::TimeWait => f.write_str(UNKNOWN),
        None => match owner::kernel(socket) {
            Some(what) => f.write_str(&what),
            None => f.write_str(UNKNOWN),
        },
    }
}

fn ownership(f: &mut Formatter<'_>, socket: &Socket) -> fmt::Result {
    f.write_str(socket.ownership.kind.name())?;
    match &socket.ownership.detail {
        Some(detail) if socket.ownership.kind == OwnershipKind::Kernel => write!(f, ":{detail}"),
        _ => Ok(()),
    }
}

fn timer(f: &mut Formatter<'_>, socket: &Socket) -> fmt::Result {
    let Some(timer) = socket.timer else { return f.write_str(UNKNOWN) };
    let kind = match timer.kind {
        TimerKind::Retransmit => "retransmit",
        TimerKind::Keepalive => "keepalive",
        TimerKind::TimeWait => "time_wait",
        TimerKind::ZeroWindowProbe => "probe",
    };
    write!(f, "{kind} {:.1}s", f64::from(timer.expires_ms) / 1000.0)
}
