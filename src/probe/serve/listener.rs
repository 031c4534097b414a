//! The listening socket: accepting, ceasing to listen, and an accept queue that stays full.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::tls::Acceptor;
use super::{Manner, Seen, ServeError, Service, Settings, Watch};

/// As many connections are served at once; further ones wait in the accept queue.
const MOST: usize = 1024;

/// The accept queue of an ordinary listener.
const BACKLOG: i32 = 1024;

/// Serves TCP and what runs over it.
pub(super) async fn serve(settings: Settings, watch: &Watch) -> Result<(), ServeError> {
    let listen = |error| ServeError::Listen { addr: settings.addr, error };
    let is_full = matches!(
        settings.service,
        Service::Tcp(Manner::QueueFull) | Service::Tls(Manner::QueueFull, _)
    );
    let acceptor = match &settings.service {
        Service::Tls(_, secure) | Service::Http(_, Some(secure)) => Some(Acceptor::new(secure)),
        _ => None,
    };
    if settings.refuse_after == Some(0) {
        // The port stays taken, so that nobody else answers there.
        let held = held(settings.addr).map_err(listen)?;
        let addr = held.local_addr().map_err(listen)?.as_socket().unwrap_or(settings.addr);
        watch.see(Seen::Held { addr }).await;
        return pending().await;
    }
    let listener = listening(settings.addr, is_full).map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;
    watch.see(Seen::Listening { addr }).await;
    if is_full {
        return stay_full(listener, addr, watch).await.map_err(listen);
    }
    accept(listener, settings, acceptor, watch).await;
    Ok(())
}

/// A port that is taken and on which nobody listens.
fn held(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SockAddr::from(addr))?;
    Ok(socket)
}

/// The standard library's listener, which lets closed connections of an earlier run not stand in
/// its way where that is safe; then another length for its queue.
fn listening(addr: SocketAddr, is_full: bool) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(addr)?;
    SockRef::from(&listener).listen(if is_full { 0 } else { BACKLOG })?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Fills the accept queue by connections of its own, and keeps it so.
async fn stay_full(listener: TcpListener, addr: SocketAddr, watch: &Watch) -> io::Result<()> {
    let mut own = Vec::new();
    let to = reachable(addr);
    // One more than the backlog of 0 fits; the next is not answered.
    own.push(TcpStream::connect(to).await?);
    watch.see(Seen::QueueFull { queued: own.len() as u64 }).await;
    let _held = (listener, own);
    pending().await
}

/// Where this host reaches a listener of its own.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let mut to = addr;
    if addr.ip().is_unspecified() {
        to.set_ip(match addr {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    to
}

/// Accepts until there have been enough, then waits for those that are left.
async fn accept(
    listener: TcpListener,
    settings: Settings,
    acceptor: Option<Acceptor>,
    watch: &Watch,
) {
    let room = Arc::new(Semaphore::new(MOST));
    let most = match (settings.count, settings.refuse_after) {
        (Some(count), Some(refuse)) => Some(count.min(refuse)),
        (count, refuse) => count.or(refuse),
    };
    let (settings, acceptor) = (Arc::new(settings), acceptor.map(Arc::new));
    let mut connections = JoinSet::new();
    let mut number = 0;
    while most.is_none_or(|most| number < most) {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    watch.see(Seen::Failed { reason: format!("accept: {error}") }).await;
                    // Out of descriptors, most likely: some connection has to end first.
                    let _ = connections.join_next().await;
                    continue;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        number += 1;
        let watch = Watch { connection: Some(number), peer: Some(peer), ..watch.clone() };
        let connection = Connection::new(Arc::clone(&settings), acceptor.clone(), watch);
        connections.spawn(async move {
            connection.serve(stream).await;
            drop(permit);
        });
    }
    let refuses = settings
        .refuse_after
        .is_some_and(|refuse| settings.count.is_none_or(|count| refuse < count));
    drop(listener);
    if refuses {
        watch.see(Seen::Refusing { after: number }).await;
    }
    while connections.join_next().await.is_some() {}
    if refuses && settings.count.is_none() {
        pending::<()>().await;
    }
}
