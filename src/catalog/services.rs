//! Names of well-known ports, from `assets/services.txt`.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::model::socket::{Protocol, Socket};

static SERVICES: LazyLock<Vec<Service>> =
    LazyLock::new(|| include_str!("../../assets/services.txt").lines().filter_map(parse).collect());

#[derive(Clone, Copy, Debug)]
struct Service {
    port: u16,
    tcp: bool,
    udp: bool,
    name: &'static str,
}

/// The name of a port; MPTCP shares TCP's, UDP-Lite UDP's.
pub fn name(protocol: Protocol, port: u16) -> Option<&'static str> {
    let speaks: fn(&Service) -> bool = match protocol {
        Protocol::Tcp | Protocol::Mptcp => |service| service.tcp,
        Protocol::Udp | Protocol::Udplite => |service| service.udp,
        _ => return None,
    };
    let first = SERVICES.partition_point(|service| service.port < port);
    SERVICES[first..]
        .iter()
        .take_while(|service| service.port == port)
        .find(|service| speaks(service))
        .map(|service| service.name)
}

/// The name of a port of TCP, UDP or UDP-Lite, by the IP protocol's number.
pub fn of_ip_protocol(number: u8, port: u16) -> Option<&'static str> {
    match number {
        6 => name(Protocol::Tcp, port),
        17 | 136 => name(Protocol::Udp, port),
        _ => None,
    }
}

/// The port that a name stands for.
pub fn port(protocol: Protocol, wanted: &str) -> Option<u16> {
    let named = SERVICES.iter().filter(|service| service.name.eq_ignore_ascii_case(wanted));
    named.map(|service| service.port).find(|&port| name(protocol, port).is_some())
}

/// IP protocol number and port of all services with this name.
pub fn ports_named(wanted: &str) -> Vec<(u8, u16)> {
    let named = SERVICES.iter().filter(|service| service.name.eq_ignore_ascii_case(wanted));
    named
        .flat_map(|service| {
            let tcp = service.tcp.then_some((6, service.port));
            tcp.into_iter().chain(service.udp.then_some((17, service.port)))
        })
        .collect()
}

/// The names of all services, by port.
pub fn names() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|service| service.name)
}

/// The service that a socket gives or uses: by its own port, else by its peer's.
pub fn of_socket(socket: &Socket) -> Option<Cow<'static, str>> {
    let of = |port: Option<u16>| port.and_then(|port| name(socket.protocol, port));
    of(socket.local.port).or_else(|| of(socket.remote.as_ref()?.port)).map(Cow::Borrowed)
}

fn parse(line: &'static str) -> Option<Service> {
    let mut words = line.split(' ');
    let port = words.next()?.parse().ok()?;
    let protocols = words.next()?;
    let speaks = |protocol: &str| protocols.split(',').any(|word| word == protocol);
    Some(Service { port, tcp: speaks("tcp"), udp: speaks("udp"), name: words.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::socket::{Endpoint, Family, State};

    #[test]
    fn every_line_of_the_asset_is_used_and_they_ascend() {
        let lines = include_str!("../../assets/services.txt").lines();
        assert_eq!(lines.filter(|line| !line.starts_with('#')).count(), SERVICES.len());
        assert!(SERVICES.is_sorted_by_key(|service| service.port));
        assert!(SERVICES.iter().all(|service| service.tcp || service.udp));
    }

    #[test]
    fn a_port_has_a_name_for_each_protocol() {
        assert_eq!(name(Protocol::Tcp, 22), Some("ssh"));
        assert_eq!(name(Protocol::Udp, 22), None);
        assert_eq!(name(Protocol::Udp, 53), Some("domain"));
        assert_eq!(name(Protocol::Tcp, 5432), Some("postgresql"));
        assert_eq!(name(Protocol::Udp, 51820), Some("wireguard"));
        assert_eq!(name(Protocol::Tcp, 0), None);
        assert_eq!(name(Protocol::Stream, 22), None);
        assert_eq!(port(Protocol::Tcp, "SSH"), Some(22));
        assert_eq!(port(Protocol::Udp, "ssh"), None);
    }

    #[test]
    fn a_client_is_named_by_its_peers_port() {
        let local = Endpoint::ip([10, 0, 0, 1], 43_210);
        let mut socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Established, local);
        assert_eq!(of_socket(&socket), None);
        socket.remote = Some(Endpoint::ip([10, 0, 0, 2], 443));
        assert_eq!(of_socket(&socket).as_deref(), Some("https"));
    }
}
