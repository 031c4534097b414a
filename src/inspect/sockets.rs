//! One listing of the machine's sockets with their owners.

use std::net::SocketAddr;
use std::thread;

use jiff::Timestamp;

use super::Error;
use crate::catalog::services;
use crate::model::activity::ListenCounters;
use crate::model::health::Health;
use crate::model::owner::ProcessKey;
use crate::model::peer;
use crate::model::socket::{Protocol, Socket};
use crate::model::tables::{Table, Tables, Uncounted};
use crate::sys;
pub use crate::sys::listing::Backend;
pub use crate::sys::listing::{Coverage, Detail, Reach};

/// More threads than this gain little: the kernel serialises much of `/proc`.
const MAX_WORKERS: usize = 4;

/// What to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request {
    /// Who makes the listing; `None` for the best there is.
    pub backend: Option<Backend>,
    /// Whether memory and TCP metrics are wanted; without them it is cheaper.
    pub detail: Detail,
    /// Whether each socket shall say who is at its other end.
    pub peers: bool,
    /// Whether sockpit's own network namespace is meant, or all.
    pub reach: Reach,
    /// Which tables are listed; everyone by default.
    pub tables: Tables,
    /// Only sockets with this local port, which is cheaper; of every port by default.
    pub port: Option<u16>,
    /// Which of the other tables have their sockets counted.
    pub counted: Tables,
}

/// All sockets of sockpit's network namespace, or of all, at one moment.
#[derive(Clone, Debug)]
pub struct Listing {
    /// When the kernel was asked.
    pub taken_at: Timestamp,
    /// This host's name.
    pub host: String,
    /// Whether every process could be read.
    pub privileged: bool,
    /// In canonical order ([`Socket::cmp_canonical`]), owners joined.
    pub sockets: Vec<Socket>,
    /// What listeners turned away so far; `None` where the system does not count it.
    pub listen: Option<ListenCounters>,
    /// How many sockets the tables have that were only counted, as far as somebody tells.
    pub unlisted: Vec<(Table, usize)>,
    /// Processes with sockets that no table lists and that may not be looked at, by pid.
    pub uncounted: Vec<Uncounted>,
    /// The same of every other network namespace that was listed.
    pub listen_elsewhere: Vec<ListenCounters>,
    /// What the sources could not tell.
    pub health: Vec<Health>,
    /// The network namespaces whose sockets are among them.
    pub coverage: Coverage,
}

/// Lists every socket once. Fails when the system refuses the listing as a whole; a part that
/// is missing is in the listing's health.
pub fn list(request: &Request) -> Result<Listing, Error> {
    let taken_at = Timestamp::now();
    let workers = thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
    let mut table = sys::sockets::Table::open(request.backend, workers)?;
    table.set_reach(request.reach);
    table.ask_for(request.tables);
    table.ask_for_port(request.port);
    // A single look has nothing from memory, so nothing is unverified.
    let sys::listing::Listing {
        mut sockets,
        health,
        privileged,
        listen_elsewhere,
        coverage,
        uncounted,
        ..
    } = table.list_once(request.detail)?;
    let counted = request.counted.without(request.tables);
    let unlisted = counted.iter().filter_map(|kind| Some((kind, table.count(kind)?))).collect();
    Socket::sort_canonical(&mut sockets);
    // A socket that changes its state while the kernel lists it can be told twice.
    sockets.dedup_by(|a, b| a.cookie.is_some() && a.cookie == b.cookie && a.key() == b.key());
    for socket in &mut sockets {
        socket.service = services::of_socket(socket);
        socket.first_seen = Some(taken_at);
    }
    if request.peers {
        peer::fill(&mut sockets);
    }
    Ok(Listing {
        taken_at,
        host: sys::host::name(),
        privileged,
        sockets,
        listen: sys::tcp_ext::listen(),
        listen_elsewhere,
        uncounted,
        unlisted,
        health,
        coverage,
    })
}

/// The TCP or UDP sockets that have the local port `port`, in every state, without owners or
/// service: a look that is cheap enough to be repeated many times a second.
pub fn on_port(protocol: Protocol, port: u16) -> Result<Vec<Socket>, Error> {
    let mut sockets = sys::sockets::on_port(protocol, port)?;
    Socket::sort_canonical(&mut sockets);
    Ok(sockets)
}

/// The TCP socket that has this local end and this remote one, without owners or service; `None`
/// where there is none.
pub fn connection(local: SocketAddr, remote: SocketAddr) -> Result<Option<Socket>, Error> {
    sys::sockets::connection(local, remote)
}

/// Whether this very process still holds the socket with this inode: the question to ask
/// again right before a signal. `Ok(false)` also when the process has ended.
pub fn still_holds(process: ProcessKey, inode: u64) -> Result<bool, Error> {
    sys::processes::holds(process, inode)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;
    use crate::model::owner::OwnershipKind;
    use crate::model::socket::State;

    #[test]
    fn our_own_sockets_are_listed_as_ours() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let client = TcpStream::connect(at).unwrap();
        let udp = UdpSocket::bind("[::1]:0").unwrap();
        let listing = list(&Request::default()).unwrap();
        assert!(listing.sockets.is_sorted_by(|a, b| a.cmp_canonical(b).is_le()));
        let find = |protocol, addr| {
            listing
                .sockets
                .iter()
                .find(|s| s.protocol == protocol && s.local.socket_addr() == Some(addr))
                .unwrap_or_else(|| panic!("{addr} is missing"))
        };
        let connected = find(Protocol::Tcp, client.local_addr().unwrap());
        assert_eq!(connected.state, State::Established);
        assert_eq!(connected.remote.as_ref().unwrap().socket_addr(), Some(at));
        assert!(connected.tcp.as_ref().unwrap().rtt_us.is_some());
        let datagrams = find(Protocol::Udp, udp.local_addr().unwrap());
        assert_eq!(datagrams.state, State::Unconnected);
        for socket in [connected, datagrams] {
            assert_eq!(socket.ownership.kind, OwnershipKind::Owned);
            assert_eq!(socket.owners[0].process.pid, std::process::id());
            assert!(still_holds(socket.owners[0].process.key(), socket.inode.unwrap()).unwrap());
        }
    }

    #[test]
    fn a_port_has_its_listener_and_its_connections_alone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = TcpListener::bind("[::1]:0").unwrap();
        let at = listener.local_addr().unwrap();
        let client = TcpStream::connect(at).unwrap();
        let mut found = on_port(Protocol::Tcp, at.port()).unwrap();
        found.sort_unstable_by_key(|socket| socket.state);
        let states: Vec<State> = found.iter().map(|socket| socket.state).collect();
        assert_eq!(states, [State::Listen, State::Established]);
        assert!(found.iter().all(|socket| socket.cookie.is_some() && socket.netns.is_some()));
        assert_eq!(found[1].remote.as_ref().unwrap().socket_addr(), client.local_addr().ok());
        let v6 = on_port(Protocol::Tcp, other.local_addr().unwrap().port()).unwrap();
        assert_eq!(v6[0].local.socket_addr(), other.local_addr().ok());
    }

    #[test]
    fn netstat2_finds_our_own_listener_too() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let listing =
            list(&Request { backend: Some(Backend::Netstat2), ..Request::default() }).unwrap();
        let socket = listing.sockets.iter().find(|s| s.local.socket_addr() == Some(at)).unwrap();
        assert_eq!(socket.state, State::Listen);
        assert_eq!(socket.owners[0].process.pid, std::process::id());
        assert_eq!((socket.owners[0].fd, socket.owners_complete), (None, None));
    }
}
