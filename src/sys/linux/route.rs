//! Asking the kernel for its routing decision over NETLINK_ROUTE (`rtnetlink(7)`).

use std::io;
use std::net::{IpAddr, SocketAddr};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netdevice, recv, send,
    socket_with,
};

use crate::model::route_table::RouteEntry;
use crate::sys::error::{Error, Result};
use crate::sys::routing::Route;
use crate::wire::netlink::route::{self, RouteRequest};
use crate::wire::netlink::{Malformed, Reply, messages};
use crate::wire::routes;

/// One route with all of its attributes is far shorter.
const ANSWER_LEN: usize = 8 * 1024;

/// The way that a TCP segment to `destination` would go, from `source` where one is given.
/// The error is the kernel's own where a route forbids the destination. Sends nothing.
pub fn lookup(destination: SocketAddr, source: Option<IpAddr>) -> Result<Route> {
    let what = || format!("ask for the route to {}", destination.ip());
    let refused = |errno: Errno| Error::os(what(), errno);
    // NETLINK_ROUTE is protocol 0, the family's default.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(refused)?;
    let request = RouteRequest { destination, source }.encode(1);
    send(&socket, &request, SendFlags::empty()).map_err(refused)?;
    let mut answer = [0; ANSWER_LEN];
    let (length, _) = recv(&socket, &mut answer, RecvFlags::empty()).map_err(refused)?;
    let route = read(&answer[..length]).map_err(|error| Error::os(what(), error))?;
    let interface = route.interface.map(|index| {
        netdevice::index_to_name(&socket, index).unwrap_or_else(|_| index.to_string())
    });
    Ok(Route { kind: route.kind, interface, index: route.interface, gateway: route.gateway })
}

/// The main table of this network namespace, IPv4 first.
pub fn table() -> Result<Vec<RouteEntry>> {
    let lines = |path: &str, parse: fn(&str) -> Option<RouteEntry>| {
        std::fs::read_to_string(path).map(|text| text.lines().filter_map(parse).collect::<Vec<_>>())
    };
    let mut all = lines("/proc/thread-self/net/route", routes::ipv4)
        .map_err(|error| Error::os("read the routes", error))?;
    // Absent where IPv6 is.
    all.extend(lines("/proc/thread-self/net/ipv6_route", routes::ipv6).unwrap_or_default());
    Ok(all)
}

fn read(answer: &[u8]) -> io::Result<route::Route> {
    let malformed = |error: Malformed| io::Error::new(io::ErrorKind::InvalidData, error);
    for message in messages(answer) {
        match message.map_err(malformed)?.reply().map_err(malformed)? {
            Reply::Object(payload) => return route::Route::parse(payload).map_err(malformed),
            Reply::Error(0) | Reply::Done(0) | Reply::Noop => {}
            Reply::Error(errno) | Reply::Done(errno) => {
                return Err(io::Error::from_raw_os_error(errno));
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the kernel answered without a route"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::probe::RouteKind;

    #[test]
    fn the_way_to_oneself_is_the_loopback_interface() {
        for destination in ["127.0.0.1:80", "127.3.4.5:1"] {
            let way = lookup(destination.parse().unwrap(), None).unwrap();
            let lo = Some("lo".to_owned());
            let kind = Some(RouteKind::Local);
            assert_eq!(way, Route { kind, interface: lo, index: way.index, gateway: None });
        }
    }

    #[test]
    fn a_source_that_is_not_ours_has_no_way() {
        let stranger = "192.0.2.77".parse().unwrap();
        assert!(lookup("127.0.0.1:80".parse().unwrap(), Some(stranger)).is_err());
    }
}
