//! From a dumped record to the model's socket.

use std::net::IpAddr;
use std::sync::Arc;

use super::inet::Record;
use super::u32_at;
use super::{mptcp_info, tcp_info};
use crate::model::socket::{
    Backlog, Endpoint, Family, Protocol, Socket, SocketMemory, State, Timer, TimerKind,
};

/// Names that a record has only numbers for. What is not known stays a number or `None`.
pub trait Names {
    /// Name of the interface with this index.
    fn interface(&mut self, index: u32) -> Option<Arc<str>>;
    /// Name of the user with this id.
    fn user(&mut self, uid: u32) -> Option<Arc<str>>;
    /// Path of the cgroup with this id, below the cgroup root.
    fn cgroup(&mut self, id: u64) -> Option<Arc<str>>;
}

/// A socket to [`fill`], of which nothing is known yet.
pub fn blank() -> Socket {
    let nowhere = Endpoint::ip(IpAddr::from([0, 0, 0, 0]), 0);
    Socket::new(Family::Ipv4, Protocol::Tcp, State::Closed, nowhere)
}

/// Takes everything out of `socket` that the kernel told of another one; owners, service and
/// first sight stay as they are.
pub(crate) fn forget(socket: &mut Socket) {
    socket.local = Endpoint::default();
    socket.remote = None;
    socket.v6_only = None;
    (socket.inode, socket.peer_inode, socket.cookie) = (None, None, None);
    socket.protocol_number = None;
    (socket.interface, socket.cgroup) = (None, None);
    (socket.uid, socket.user) = (None, None);
    (socket.recv_q, socket.send_q, socket.backlog) = (None, None, None);
    (socket.drops, socket.timer, socket.memory) = (None, None, None);
    (socket.tcp, socket.mptcp) = (None, None);
    (socket.file, socket.packet, socket.netlink) = (None, None, None);
}

/// Memory, drops, and what waits in either direction by the memory that is allocated for it,
/// bookkeeping included, as `ss` shows it for sockets that tell no bytes.
pub(super) fn set_memory(socket: &mut Socket, words: Option<&[u8]>) {
    let word = |index: usize| u32_at(words?, index * 4);
    socket.memory = memory(word);
    socket.recv_q = word(0);
    socket.send_q = word(2);
    socket.drops = word(8);
}

/// Overwrites everything in `socket` that a record tells, reusing its allocations; owners,
/// service and first sight stay as they are.
pub fn fill(socket: &mut Socket, record: &Record<'_>, protocol: Protocol, names: &mut impl Names) {
    let state = state(record, protocol);
    let listens = state == State::Listen;
    let has_peer = has_peer(state);
    socket.family = record.family;
    socket.protocol = protocol;
    socket.state = state;
    let zone = if record.interface == 0 { None } else { names.interface(record.interface) };
    set_endpoint(&mut socket.local, record.local, record.local_port, record.interface, &zone);
    if has_peer {
        let remote = socket.remote.get_or_insert_default();
        set_endpoint(remote, record.remote, record.remote_port, record.interface, &zone);
    } else {
        socket.remote = None;
    }
    socket.interface = zone;
    socket.v6_only = record.extras.v6_only;
    socket.inode = Some(u64::from(record.inode));
    socket.cookie = Some(record.cookie);
    // Without an inode there may be no struct socket to take the user from: 0 is not root then.
    socket.uid = (record.uid != 0 || record.inode != 0).then_some(record.uid);
    socket.user = socket.uid.and_then(|uid| names.user(uid));
    socket.recv_q = (!listens).then_some(record.recv_q);
    socket.send_q = (!listens).then_some(record.send_q);
    socket.backlog = listens.then_some(Backlog { queued: record.recv_q, limit: record.send_q });
    socket.timer = timer(record);
    fill_extras(socket, record, names);
    (socket.peer_inode, socket.protocol_number) = (None, None);
    (socket.file, socket.packet, socket.netlink) = (None, None, None);
    match protocol {
        Protocol::Raw => number_instead_of_port(socket),
        Protocol::Mptcp => read_mptcp(socket, record),
        _ => socket.mptcp = None,
    }
}

/// The record's queues are those of no MPTCP connection: the first is memory, bookkeeping
/// included, and the second stays 0.
fn read_mptcp(socket: &mut Socket, record: &Record<'_>) {
    let told = record.extras.tcp_info.filter(|_| has_peer(socket.state));
    socket.mptcp = told.and_then(mptcp_info::read).map(Box::new);
    if has_peer(socket.state) {
        socket.recv_q = socket.recv_q.filter(|&memory| memory == 0);
        socket.send_q = told.and_then(mptcp_info::send_queue);
    }
}

/// Where others have a port, a raw socket has the number of the protocol that it receives.
fn number_instead_of_port(socket: &mut Socket) {
    socket.protocol_number = socket.local.port.take();
    if let Some(remote) = &mut socket.remote {
        remote.port = None;
    }
}

fn fill_extras(socket: &mut Socket, record: &Record<'_>, names: &mut impl Names) {
    let extras = &record.extras;
    // That of a TCP connection counts each keep-alive probe that is answered, too: what a
    // healthy peer sends is no loss (tcp_validate_incoming, net/ipv4/tcp_input.c).
    let is_connection =
        matches!(socket.protocol, Protocol::Tcp | Protocol::Mptcp) && socket.state != State::Listen;
    socket.drops = extras.memory_word(8).filter(|_| !is_connection);
    socket.memory = memory(|index| extras.memory_word(index));
    socket.cgroup = extras.cgroup_id.and_then(|id| names.cgroup(id));
    match extras.tcp_info {
        // A socket that never had a peer has an empty TCP_INFO: zeroes that say nothing. That
        // of MPTCP is another structure.
        Some(bytes) if has_peer(socket.state) && socket.protocol == Protocol::Tcp => {
            let info = socket.tcp.get_or_insert_default();
            tcp_info::read_into(info, bytes);
            tcp_info::set_congestion(info, extras.congestion);
        }
        _ => socket.tcp = None,
    }
}

fn has_peer(state: State) -> bool {
    !matches!(state, State::Listen | State::Bound | State::Unconnected | State::Closed)
}

/// The state by its name; inet_diag uses TCP's numbers for every protocol.
pub fn state(record: &Record<'_>, protocol: Protocol) -> State {
    if !matches!(protocol, Protocol::Tcp | Protocol::Mptcp) {
        return if record.state == 1 { State::Connected } else { State::Unconnected };
    }
    match tcp_state(record.state) {
        // 13 is BOUND_INACTIVE; the kernel reports such sockets as 7, CLOSE.
        None | Some(State::Closed) if record.local_port != 0 => State::Bound,
        state => state.unwrap_or(State::Closed),
    }
}

/// A TCP state by its number in the kernel's net/tcp_states.h.
pub fn tcp_state(number: u8) -> Option<State> {
    Some(match number {
        1 => State::Established,
        2 => State::SynSent,
        // 12 is NEW_SYN_RECV, the kernel's own name for a half-open connection.
        3 | 12 => State::SynReceived,
        4 => State::FinWait1,
        5 => State::FinWait2,
        6 => State::TimeWait,
        7 => State::Closed,
        8 => State::CloseWait,
        9 => State::LastAck,
        10 => State::Listen,
        11 => State::Closing,
        _ => return None,
    })
}

fn timer(record: &Record<'_>) -> Option<Timer> {
    let kind = match record.timer {
        1 => TimerKind::Retransmit,
        2 => TimerKind::Keepalive,
        3 => TimerKind::TimeWait,
        4 => TimerKind::ZeroWindowProbe,
        _ => return None,
    };
    Some(Timer { kind, expires_ms: record.expires_ms, unanswered: record.retransmits })
}

fn memory(word: impl Fn(usize) -> Option<u32>) -> Option<SocketMemory> {
    Some(SocketMemory {
        rmem_alloc_bytes: word(0)?,
        rcvbuf_bytes: word(1)?,
        wmem_alloc_bytes: word(2)?,
        sndbuf_bytes: word(3)?,
    })
}

fn set_endpoint(
    end: &mut Endpoint,
    addr: IpAddr,
    port: u16,
    interface: u32,
    zone: &Option<Arc<str>>,
) {
    end.addr = Some(addr);
    end.port = Some(port);
    end.path = None;
    if interface == 0 || !needs_zone(addr) {
        end.scope = None;
    } else if end.scope.is_none() || end.scope.as_deref() != zone.as_deref() {
        end.scope = Some(match zone {
            Some(name) => Box::from(&**name),
            None => interface.to_string().into(),
        });
    }
}

fn needs_zone(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_multicast(),
        IpAddr::V4(_) => false,
    }
}
