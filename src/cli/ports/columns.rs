//! The columns of the text table and of CSV: what they show and how they order.

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter, Write as _};
use std::io::{self, Write};
use std::str::FromStr;

use clap::ValueEnum;

use crate::model::activation::principal_owner;
use crate::model::owner::OwnershipKind;
use crate::model::socket::{Socket, State, TimerKind};
use crate::model::tcp::TcpInfo;
use crate::text::units::UNKNOWN;
use crate::text::{address, clean, owner, table};

/// A column that can be shown and ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Column {
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
    Cmdline,
    Exe,
    Unit,
    Container,
    Ownership,
    RecvQ,
    SendQ,
    Backlog,
    Drops,
    Timer,
    Interface,
    Peer,
    Cgroup,
    Inode,
    Cookie,
    Netns,
    NetnsName,
    Rtt,
    Cwnd,
    Retransmits,
    BytesSent,
    BytesReceived,
    Congestion,
}

use Column::*;

impl Column {
    /// What a person sees without asking for more.
    const TEXT: [Self; 9] = [NetnsName, Proto, Local, Remote, State, Queue, Pid, Name, User];

    /// What a program gets without asking for more.
    const CSV: [Self; 16] = [
        Netns, NetnsName, Proto, Local, Remote, State, RecvQ, SendQ, Backlog, Ownership, Pid, Fd,
        Name, User, Inode, Cookie,
    ];

    /// The columns of a text table, with the namespaces where there may be several.
    pub(super) fn text(namespaces: bool) -> &'static [Self] {
        if namespaces { &Self::TEXT } else { &Self::TEXT[1..] }
    }

    /// The columns of CSV, with the namespaces where there may be several.
    pub(super) fn csv(namespaces: bool) -> &'static [Self] {
        if namespaces { &Self::CSV } else { &Self::CSV[2..] }
    }

    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn head(self) -> table::Column {
        let title = match self {
            Proto => "PROTO",
            Local => "LOCAL",
            Remote => "REMOTE",
            State => "STATE",
            Queue => "QUEUE",
            Pid => "PID",
            Fd => "FD",
            Name => "NAME",
            User => "USER",
            Uid => "UID",
            Service => "SERVICE",
            Cmdline => "COMMAND",
            Exe => "EXE",
            Unit => "UNIT",
            Container => "CONTAINER",
            Ownership => "OWNERSHIP",
            RecvQ => "RECV-Q",
            SendQ => "SEND-Q",
            Backlog => "BACKLOG",
            Drops => "DROPS",
            Timer => "TIMER",
            Interface => "INTERFACE",
            Peer => "PEER",
            Cgroup => "CGROUP",
            Inode => "INODE",
            Cookie => "COOKIE",
            Netns => "NETNS-INODE",
            NetnsName => "NETNS",
            Rtt => "RTT_US",
            Cwnd => "CWND",
            Retransmits => "RETRANS",
            BytesSent => "SENT",
            BytesReceived => "RECEIVED",
            Congestion => "CONGESTION",
        };
        table::Column { title, right: self.is_number() }
    }

    fn is_number(self) -> bool {
        self.number_of().is_some()
    }

    /// Whether only a full listing tells it.
    pub(super) fn is_metric(self) -> bool {
        matches!(self, Drops | Rtt | Cwnd | Retransmits | BytesSent | BytesReceived | Congestion)
    }

    /// How to read the column as a number, where it is one.
    fn number_of(self) -> Option<fn(&Socket) -> Option<u64>> {
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
            Rtt => |socket| tcp(socket)?.rtt_us.map(u64::from),
            Cwnd => |socket| tcp(socket)?.cwnd.map(u64::from),
            Retransmits => |socket| tcp(socket)?.retransmits.map(u64::from),
            BytesSent => |socket| tcp(socket)?.bytes_sent,
            BytesReceived => |socket| tcp(socket)?.bytes_received,
            _ => return None,
        })
    }

    /// Orders two sockets by this column; what is not known comes last.
    fn compare(self, a: &Socket, b: &Socket) -> Ordering {
        let pid = |socket: &Socket| principal_owner(socket).map(|owner| owner.process.pid);
        let fd = |socket: &Socket| principal_owner(socket).and_then(|owner| owner.fd);
        let queue = |socket: &Socket| match socket.backlog {
            Some(backlog) => Some(u64::from(backlog.queued)),
            None => Some(u64::from(socket.recv_q?) + u64::from(socket.send_q?)),
        };
        match self {
            Proto => a.protocol.cmp(&b.protocol).then(a.family.cmp(&b.family)),
            Local => a.local.cmp(&b.local),
            Remote => known_first(a.remote.as_ref(), b.remote.as_ref()),
            State => a.state.cmp(&b.state),
            Pid => known_first(pid(a), pid(b)),
            Fd => known_first(fd(a), fd(b)),
            Ownership => a.ownership.kind.cmp(&b.ownership.kind),
            Queue | Backlog => known_first(queue(a), queue(b)),
            Timer => known_first(
                a.timer.map(|timer| timer.expires_ms),
                b.timer.map(|timer| timer.expires_ms),
            ),
            _ => match self.number_of() {
                Some(number) => known_first(number(a), number(b)),
                None => self.shown(a).cmp(&self.shown(b)),
            },
        }
    }

    fn shown(self, socket: &Socket) -> String {
        Cell { column: self, socket }.to_string()
    }
}

fn known_first<T: Ord>(a: Option<T>, b: Option<T>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

/// A column to order by, and in which direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sort {
    column: Column,
    descending: bool,
}

impl Sort {
    /// The column.
    pub(super) fn column(self) -> Column {
        self.column
    }

    /// The order of two sockets; equal ones keep their canonical order.
    pub(super) fn compare(self, a: &Socket, b: &Socket) -> Ordering {
        if self.descending { self.column.compare(b, a) } else { self.column.compare(a, b) }
    }
}

impl FromStr for Sort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix('-').unwrap_or(text);
        let column = Column::from_str(name, true).map_err(|_| {
            let known: Vec<String> =
                Column::value_variants().iter().map(|column| column.name()).collect();
            format!("there is no column `{name}`; there are {}", known.join(", "))
        })?;
        Ok(Self { column, descending: text.starts_with('-') })
    }
}

/// The table of these sockets.
pub(super) fn table<'a>(
    columns: &[Column],
    sockets: impl Iterator<Item = &'a Socket>,
) -> table::Table {
    let mut table = table::Table::new(columns.iter().map(|column| column.head()).collect());
    for socket in sockets {
        for &column in columns {
            table.push_cell(Cell { column, socket });
        }
    }
    table
}

/// Comma-separated values (RFC 4180), what is not known empty.
pub(super) fn csv(out: &mut impl Write, columns: &[Column], sockets: &[Socket]) -> io::Result<()> {
    let names: Vec<String> = columns.iter().map(|column| column.name()).collect();
    write!(out, "{}\r\n", names.join(","))?;
    let mut cell = String::new();
    for socket in sockets {
        for (index, &column) in columns.iter().enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            cell.clear();
            // Writing to a string cannot fail.
            let _ = write!(cell, "{}", Cell { column, socket });
            write_csv_cell(out, if cell == UNKNOWN { "" } else { &cell })?;
        }
        out.write_all(b"\r\n")?;
    }
    Ok(())
}

fn write_csv_cell(out: &mut impl Write, cell: &str) -> io::Result<()> {
    // A spreadsheet would take such a cell, whose text may come from a stranger's process
    // name, for a formula.
    let is_formula = cell.starts_with(['=', '+', '-', '@']);
    if !is_formula && !cell.contains([',', '"', '\r', '\n']) {
        return out.write_all(cell.as_bytes());
    }
    let guard = if is_formula { "'" } else { "" };
    write!(out, "\"{guard}{}\"", cell.replace('"', "\"\""))
}

/// One cell, shown without allocation.
struct Cell<'a> {
    column: Column,
    socket: &'a Socket,
}

impl Display for Cell<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let socket = self.socket;
        if let Some(number) = self.column.number_of() {
            return known(f, number(socket));
        }
        match self.column {
            Proto => f.write_str(address::protocol(socket)),
            Local => write!(f, "{}", address::local(socket)),
            Remote => write!(f, "{}", address::remote(socket)),
            State => f.write_str(socket.state.name()),
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
            Interface => cleaned(f, socket.interface.as_deref()),
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
            Unit => cleaned(f, process.unit.as_ref().map(|unit| &*unit.name)),
            Container => match &process.container {
                Some(container) => {
                    let id = container.name.as_deref().unwrap_or(&container.id);
                    write!(f, "{}:{}", clean(&container.runtime), clean(id))
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

fn cleaned(f: &mut Formatter<'_>, text: Option<&str>) -> fmt::Result {
    f.write_str(&text.map_or(UNKNOWN.into(), clean))
}

/// A listener's accept queue with its limit, `!` when full; else what waits in which direction.
fn queue(f: &mut Formatter<'_>, socket: &Socket) -> fmt::Result {
    if let Some(backlog) = socket.backlog {
        let full = if backlog.limit > 0 && backlog.queued >= backlog.limit { "!" } else { "" };
        return write!(f, "{}/{}{full}", backlog.queued, backlog.limit);
    }
    match (socket.recv_q, socket.send_q) {
        (None, None) => f.write_str(UNKNOWN),
        (None | Some(0), None | Some(0)) => f.write_str("0"),
        (Some(unread), None | Some(0)) => write!(f, "r{unread}"),
        (None | Some(0), Some(unsent)) => write!(f, "s{unsent}"),
        (Some(unread), Some(unsent)) => write!(f, "r{unread} s{unsent}"),
    }
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
        None => cleaned(f, socket.ownership.detail.as_deref()),
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
