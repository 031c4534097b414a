//! Which columns there are, and what those that are plain numbers count.

use crate::model::socket::Socket;
use crate::model::tcp::TcpInfo;

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
    /// Milliseconds since data was received.
    Idle,
    /// Keep-alive probes in a row without an answer.
    Probes,
    /// How many times the oldest segment was sent again.
    Resent,
    /// Bytes that the peer takes at this moment.
    Window,
    /// While that is 0, milliseconds since data last left.
    Shut,
    /// Time since first sight: at least as old.
    Age,
}

use Column::*;

impl Column {
    /// Every column, the usual ones first.
    pub const ALL: [Self; 50] = [
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
        Idle,
        Probes,
        Resent,
        Window,
        Shut,
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
            Idle => ("idle", "IDLE_MS", "ms since data was received"),
            Probes => ("probes", "PROBES", "keep-alive probes in a row without an answer"),
            Resent => ("resent", "RESENT", "times in a row the oldest segment was sent again"),
            Window => ("window", "WINDOW", "bytes that the peer takes now"),
            Shut => ("shut", "SHUT_MS", "peer's window is shut: ms since data last left"),
            Age => ("age", "AGE", "time since first sight: at least as old"),
        }
    }

    /// Whether only a full listing tells it.
    pub fn is_metric(self) -> bool {
        matches!(
            self,
            Drops
                | Rtt
                | Cwnd
                | Retransmits
                | BytesSent
                | BytesReceived
                | Congestion
                | Idle
                | Window
                | Shut
        )
    }

    /// Whether it takes two looks to tell.
    pub fn compares_looks(self) -> bool {
        matches!(self, SentRate | ReceivedRate | Rate | Age)
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
            Idle => |socket| socket.idle_ms().map(u64::from),
            Probes => |socket| socket.unanswered_probes().map(u64::from),
            Resent => |socket| socket.retransmitting().map(u64::from),
            Window => |socket| socket.peer_window_bytes().map(u64::from),
            Shut => |socket| socket.shut_ms().map(u64::from),
            _ => return None,
        })
    }
}
