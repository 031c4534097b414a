//! The sockets on one port, or one connection: looks that are cheap enough to be repeated many
//! times a second.

use std::net::SocketAddr;

use super::super::names::NameCache;
use super::super::netns;
use super::super::sock_diag::{Dumped, SockDiag};
use super::dumps::{ATTEMPTS, IP};
use super::proc_net::ProcNet;
use crate::model::socket::{Family, Protocol, Socket, State};
use crate::sys::error::{Error, Result};
use crate::wire::netlink::inet::{
    ALL_STATES, ANY_COOKIE, Detail, DumpRequest, LookupRequest, Record,
};
use crate::wire::netlink::socket::{blank, fill};

/// `TCP_LISTEN` of the kernel's tcp_states.h, as a bit.
const LISTENING: u32 = 1 << 10;

/// The TCP or UDP sockets of this network namespace that have the local port `port`, in every
/// state, without their owners. The kernel itself leaves out all others.
pub fn on_port(protocol: Protocol, port: u16) -> Result<Vec<Socket>> {
    let mut found = list(protocol, ALL_STATES, Some(port))?;
    // An older kernel does not know the filter.
    found.retain(|socket| socket.local.port == Some(port));
    Ok(found)
}

/// The TCP listeners of this network namespace, without their owners. The kernel has a table of
/// these alone, so that it is cheap however many connections there are.
pub fn listeners() -> Result<Vec<Socket>> {
    let mut found = list(Protocol::Tcp, LISTENING, None)?;
    found.retain(|socket| socket.state == State::Listen);
    Ok(found)
}

/// The TCP socket of this network namespace that has this local end and this remote one, without
/// its owners; `None` where there is none. However many others share its port, the kernel looks at
/// this one alone.
pub fn connection(local: SocketAddr, remote: SocketAddr) -> Result<Option<Socket>> {
    let mut diag = SockDiag::open()?;
    let is_it = |socket: &Socket| socket.remote.as_ref().is_some_and(|end| end.is_at(remote));
    if diag.is_absent() {
        return Ok(on_port(Protocol::Tcp, local.port())?.into_iter().find(is_it));
    }
    let protocol = Protocol::Tcp;
    let request = LookupRequest { protocol, local, remote, interface: 0, cookie: ANY_COOKIE };
    let mut names = NameCache::default();
    let mut found = None;
    diag.look_up(&request, |record| {
        let socket = found.insert(blank());
        socket.netns = netns::own();
        fill(socket, record, protocol, &mut names);
    })?;
    // Without such a connection the kernel tells of the listener that would take it.
    Ok(found.filter(is_it))
}

fn list(protocol: Protocol, states: u32, port: Option<u16>) -> Result<Vec<Socket>> {
    let mut diag = SockDiag::open()?;
    let mut names = NameCache::default();
    let mut found = Vec::new();
    let mut request = DumpRequest { family: None, protocol, states, detail: Detail::Bare };
    if protocol == Protocol::Tcp {
        let told = dump(&mut diag, &request, port, &mut names, &mut found);
        if matches!(told, Ok(Dumped::Complete | Dumped::Interrupted)) {
            return Ok(found);
        }
        // A sandbox may know the newer request alone.
        found.clear();
    }
    let mut missing = 0;
    for family in IP {
        request.family = Some(family);
        if dump(&mut diag, &request, port, &mut names, &mut found)? == Dumped::NoSuchTable {
            missing += u32::from(!read_instead(protocol, family, &mut names, &mut found)?);
        }
    }
    if missing == 2 {
        return Err(Error::unsupported(
            format!("listing {} sockets over sock_diag", protocol.name()),
            "the kernel has no table of them; load the module tcp_diag or udp_diag",
        ));
    }
    Ok(found)
}

/// Appends what one table tells, asking again while it is inconsistent.
fn dump(
    diag: &mut SockDiag,
    request: &DumpRequest,
    port: Option<u16>,
    names: &mut NameCache,
    found: &mut Vec<Socket>,
) -> Result<Dumped> {
    let (netns, before) = (netns::own(), found.len());
    let mut told = Dumped::Interrupted;
    for _ in 0..ATTEMPTS {
        found.truncate(before);
        let visit = |record: &Record<'_>| {
            let mut socket = blank();
            socket.netns = netns;
            fill(&mut socket, record, request.protocol, names);
            found.push(socket);
        };
        told = match port {
            Some(port) => diag.dump_port(request, port, visit)?,
            None => diag.dump(request, visit)?,
        };
        if told != Dumped::Interrupted {
            break;
        }
    }
    Ok(told)
}

/// What `/proc` tells of a table that is not told over sock_diag; `false` when it has no such list.
fn read_instead(
    protocol: Protocol,
    family: Family,
    names: &mut NameCache,
    found: &mut Vec<Socket>,
) -> Result<bool> {
    let netns = netns::own();
    let listed = ProcNet::open().list(protocol, family, |line| {
        let mut socket = blank();
        socket.netns = netns;
        line.fill(&mut socket, protocol, names);
        found.push(socket);
    })?;
    Ok(listed.is_some())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn one_connection_is_found_by_its_ends_and_its_listener_is_not_taken_for_it() {
        let listener = TcpListener::bind("[::]:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "::1"] {
            let target = SocketAddr::new(host.parse().unwrap(), port);
            let client = TcpStream::connect(target).unwrap();
            let local = client.local_addr().unwrap();
            // Nobody has accepted it: it has no descriptor.
            let found = connection(target, local).unwrap().unwrap();
            assert_eq!((found.state, found.inode), (State::Established, Some(0)), "{host}");
            let (_accepted, _) = listener.accept().unwrap();
            let found = connection(target, local).unwrap().unwrap();
            assert_ne!(found.inode, Some(0), "{host}");
            assert!(connection(target, SocketAddr::new(local.ip(), 1)).unwrap().is_none());
        }
    }
}
