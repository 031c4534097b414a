//! The socket table as netstat2 gives it: addresses, TCP states and process ids.
//!
//! It takes *not permitted* for *no owner*, and a refused dump for an empty one, so a socket
//! without process is *unknown* here, and whether owners are complete is not known.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use netstat2::{AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, SocketInfo, TcpState};

use super::super::listing::{self, Backend, Coverage, Detail, KnownRows, Listed, Listing, Reach};
use super::processes::ProcessCache;
use crate::model::health::{Health, Source};
use crate::model::join;
use crate::model::owner::{Owner, Ownership};
use crate::model::socket::{Endpoint, Family, Protocol, Socket, State};
use crate::model::tables::{self, Tables};
use crate::sys::error::{Error, Result};
use crate::sys::here;

/// Lists sockets with the processes that netstat2 names.
#[derive(Debug)]
pub struct Table {
    processes: ProcessCache,
    reach: Reach,
    tables: Tables,
    /// The only local port that is listed.
    port: Option<u16>,
}

impl Table {
    /// Opens a table. There is no other backend here than netstat2.
    pub fn open(backend: Option<Backend>, _workers: usize) -> Result<Self> {
        if backend == Some(Backend::Native) {
            return Err(Error::unsupported(
                "the native socket table",
                "this platform has none yet; use --backend netstat2",
            ));
        }
        Ok(Self {
            processes: ProcessCache::open()?,
            reach: Reach::Own,
            tables: Tables::ALL,
            port: None,
        })
    }

    /// There is nothing to limit: everything is read each time.
    pub fn limit(&mut self, _: Option<usize>) {}

    /// Sets how far to look. There is but one network namespace to be seen here.
    pub fn set_reach(&mut self, reach: Reach) {
        self.reach = reach;
    }

    /// From now on lists the sockets of these tables alone.
    pub fn ask_for(&mut self, tables: Tables) {
        self.tables = tables;
    }

    /// From now on lists only sockets that have this local port.
    pub fn ask_for_port(&mut self, port: Option<u16>) {
        self.port = port;
    }

    /// netstat2 knows only what is listed.
    pub fn count(&mut self, _: tables::Table) -> Option<usize> {
        None
    }

    /// One look at everything. Sockets that still are as their row in `known` says come back
    /// as that row.
    pub fn list(&mut self, known: &KnownRows) -> Result<Listing<Listed>> {
        let at = Timestamp::now();
        let reuse = |socket: Socket| {
            let listed = listing::reuse(known, &socket, at);
            // A reused row says nothing of owners.
            match listed {
                Listed::Same(row, _) if row.socket.owners != socket.owners => {
                    Listed::new(row.key, socket, at)
                }
                listed => listed,
            }
        };
        let listing = self.list_once(Detail::Bare)?;
        let Listing { sockets, health, privileged, coverage, .. } = listing;
        let sockets = sockets.into_iter().map(reuse).collect();
        let (unverified, listen_elsewhere) = (Vec::new(), Vec::new());
        let uncounted = Vec::new();
        Ok(Listing {
            sockets,
            health,
            privileged,
            unverified,
            coverage,
            listen_elsewhere,
            uncounted,
        })
    }

    /// One look at everything, by itself. There is no more detail to be had.
    pub fn list_once(&mut self, _: Detail) -> Result<Listing<Socket>> {
        let is_wanted = |info: &SocketInfo| match info.protocol_socket_info {
            ProtocolSocketInfo::Tcp(_) => self.tables.contains(tables::Table::Tcp),
            ProtocolSocketInfo::Udp(_) => self.tables.contains(tables::Table::Udp),
        };
        let is_on_port = |info: &SocketInfo| self.port.is_none_or(|port| port == info.local_port());
        let infos = ask()?.into_iter().filter(|info| is_wanted(info) && is_on_port(info));
        let infos: Vec<_> = infos.collect();
        let pids: BTreeSet<u32> =
            infos.iter().flat_map(|info| info.associated_pids.iter().copied()).collect();
        self.processes.refresh(&pids.into_iter().collect::<Vec<_>>());
        let sockets = infos.iter().map(|info| self.socket(info)).collect();
        let mut health = health();
        if self.reach == Reach::All {
            health.push(Health::unavailable(
                Source::Netns,
                "netstat2 lists the sockets of one network namespace alone",
            ));
        }
        Ok(Listing {
            sockets,
            health,
            privileged: false,
            unverified: Vec::new(),
            coverage: Coverage::Own(None),
            listen_elsewhere: Vec::new(),
            uncounted: Vec::new(),
        })
    }

    fn socket(&self, info: &SocketInfo) -> Socket {
        let mut socket = addresses(info);
        let extra = here::netstat2::extra(info);
        socket.inode = extra.inode;
        socket.uid = extra.uid;
        socket.user = extra.uid.and_then(here::netstat2::user_name);
        let mut pids = info.associated_pids.clone();
        pids.sort_unstable();
        pids.dedup();
        socket.owners =
            pids.into_iter().map(|pid| Owner::new(None, self.processes.process(pid))).collect();
        socket.ownership = ownership(&socket);
        socket
    }
}

/// The TCP or UDP sockets that have the local port `port`, in every state.
pub fn on_port(protocol: Protocol, port: u16) -> Result<Vec<Socket>> {
    let mut found: Vec<Socket> = ask()?.iter().map(addresses).collect();
    found.retain(|socket| socket.protocol == protocol && socket.local.port == Some(port));
    Ok(found)
}

/// The TCP socket that has this local end and this remote one.
pub fn connection(local: SocketAddr, remote: SocketAddr) -> Result<Option<Socket>> {
    let is_it = |socket: &Socket| {
        socket.local.is_at(local) && socket.remote.as_ref().is_some_and(|end| end.is_at(remote))
    };
    Ok(on_port(Protocol::Tcp, local.port())?.into_iter().find(is_it))
}

/// The TCP listeners.
pub fn listeners() -> Result<Vec<Socket>> {
    let mut found: Vec<Socket> = ask()?.iter().map(addresses).collect();
    found.retain(|socket| socket.state == State::Listen);
    Ok(found)
}

/// Aborts connections; there is no portable way to.
#[derive(Debug)]
pub struct Destroyer(Infallible);

impl Destroyer {
    /// Always [`Error::Unsupported`].
    pub fn open() -> Result<Self> {
        Err(Error::unsupported(
            "closing another process's connection",
            "this platform has no such call that sockpit knows",
        ))
    }

    /// Cannot be reached: none can be opened.
    pub fn destroy(&mut self, _: &Socket) -> Result<()> {
        match self.0 {}
    }
}

fn ownership(socket: &Socket) -> Ownership {
    if !socket.owners.is_empty() {
        return Ownership::OWNED;
    }
    if socket.inode == Some(0) || socket.state == State::TimeWait {
        let mut kernels = socket.clone();
        kernels.inode = Some(0);
        return join::ownerless(&kernels, &join::Sight::default(), join::SecondLook::NotTaken);
    }
    Ownership::unknown("netstat2 does not tell a socket without owner from one that it may not see")
}

fn ask() -> Result<Vec<SocketInfo>> {
    let families = AddressFamilyFlags::IPV4 | AddressFamilyFlags::IPV6;
    let protocols = ProtocolFlags::TCP | ProtocolFlags::UDP;
    let what = "list sockets with netstat2";
    // It panics where the process list cannot be read; a panic would be reported before it is
    // caught, so the likely cause is looked for first.
    here::netstat2::check().map_err(|error| Error::os(what, error))?;
    let answer = catch_unwind(AssertUnwindSafe(|| netstat2::get_sockets_info(families, protocols)));
    match answer {
        Ok(Ok(infos)) => Ok(infos),
        Ok(Err(error)) => Err(Error::os(what, std::io::Error::other(error))),
        Err(_) => Err(Error::os(what, std::io::Error::other("the process list cannot be read"))),
    }
}

fn health() -> Vec<Health> {
    vec![
        Health::degraded(
            Source::Sockets,
            "netstat2 tells no other sockets than TCP and UDP, no queues, UDP peers, timers or \
             TCP metrics, no port that is held without listening, and takes a refused table for \
             an empty one",
        ),
        Health::degraded(
            Source::Owners,
            "netstat2 names processes but not descriptors, and only those it may read",
        ),
    ]
}

fn addresses(info: &SocketInfo) -> Socket {
    let (protocol, state, local, remote) = match &info.protocol_socket_info {
        ProtocolSocketInfo::Tcp(tcp) => {
            let state = tcp_state(tcp.state, tcp.local_port);
            let remote = Endpoint::ip(tcp.remote_addr, tcp.remote_port);
            let has_peer = !matches!(state, State::Listen | State::Bound | State::Closed);
            let local = Endpoint::ip(tcp.local_addr, tcp.local_port);
            (Protocol::Tcp, state, local, has_peer.then_some(remote))
        }
        // A peer is not told, so this is all that can be said of any UDP socket.
        ProtocolSocketInfo::Udp(udp) => {
            let local = Endpoint::ip(udp.local_addr, udp.local_port);
            (Protocol::Udp, State::Unconnected, local, None)
        }
    };
    let is_v4 = local.addr.is_some_and(|addr| addr.is_ipv4());
    let family = if is_v4 { Family::Ipv4 } else { Family::Ipv6 };
    Socket { remote, ..Socket::new(family, protocol, state, local) }
}

fn tcp_state(state: TcpState, local_port: u16) -> State {
    match state {
        TcpState::Listen => State::Listen,
        TcpState::SynSent => State::SynSent,
        TcpState::SynReceived => State::SynReceived,
        TcpState::Established => State::Established,
        TcpState::FinWait1 => State::FinWait1,
        TcpState::FinWait2 => State::FinWait2,
        TcpState::CloseWait => State::CloseWait,
        TcpState::Closing => State::Closing,
        TcpState::LastAck => State::LastAck,
        TcpState::TimeWait => State::TimeWait,
        // Linux calls a half-open connection by a number that netstat2 has no name for.
        TcpState::Unknown => State::SynReceived,
        TcpState::Closed | TcpState::DeleteTcb if local_port != 0 => State::Bound,
        TcpState::Closed | TcpState::DeleteTcb => State::Closed,
    }
}
