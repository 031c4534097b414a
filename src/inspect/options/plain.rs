//! A socket that stands in no table, described by what its duplicate told.

use std::sync::Arc;

use crate::catalog::sockopts;
use crate::model::owner::{Owner, Ownership};
use crate::model::socket::{Endpoint, Family, Protocol, Socket, State};
use crate::sys::options::Reading;
use crate::sys::processes;
use crate::wire::netlink::socket::tcp_state;

use super::situation::was_connected;
use super::{Error, index_of};

/// The socket at a descriptor.
pub(super) fn socket(pid: u32, fd: i32, reading: &Reading) -> Result<Socket, Error> {
    let name = |option: &str, number: i32| {
        let known = sockopts::find(option).and_then(|(_, entry)| entry.value_name(number.into()));
        known.map_or_else(|| number.to_string(), str::to_owned)
    };
    let kind = reading.kind;
    let domain = name("SO_DOMAIN", kind.domain);
    let r#type = name("SO_TYPE", kind.r#type);
    let protocol = name("SO_PROTOCOL", kind.protocol);
    let of_unknown_kind = || {
        let what = format!("a description of sockets of {domain}, {type}, {protocol}");
        Error::unsupported(what, "sockpit has no name for them")
    };
    let (family, protocol) = named(&domain, &r#type, &protocol).ok_or_else(of_unknown_kind)?;
    let local = reading.local.clone().unwrap_or_default();
    let state = state(protocol, &local, reading);
    Ok(Socket {
        remote: reading.remote.clone(),
        inode: Some(reading.inode),
        cookie: reading.cookie,
        ownership: Ownership::OWNED,
        // Others may hold it too: nobody looked.
        owners_complete: None,
        owners: vec![Owner::new(Some(fd), Arc::new(processes::read(pid)?))],
        ..Socket::new(family, protocol, state, local)
    })
}

fn named(domain: &str, r#type: &str, protocol: &str) -> Option<(Family, Protocol)> {
    let family = match domain {
        "AF_INET" => Family::Ipv4,
        "AF_INET6" => Family::Ipv6,
        "AF_UNIX" => Family::Unix,
        "AF_PACKET" => return Some((Family::Packet, Protocol::Packet)),
        "AF_NETLINK" => return Some((Family::Netlink, Protocol::Netlink)),
        "AF_VSOCK" => Family::Vsock,
        "AF_XDP" => Family::Xdp,
        "AF_ALG" => Family::Alg,
        "AF_BLUETOOTH" => Family::Bluetooth,
        "AF_CAN" => Family::Can,
        "AF_TIPC" => Family::Tipc,
        "AF_SMC" => Family::Smc,
        _ => Family::Other,
    };
    let protocol = match (family, r#type, protocol) {
        (_, "SOCK_RAW", _) => Protocol::Raw,
        (_, _, "IPPROTO_TCP") => Protocol::Tcp,
        (_, _, "IPPROTO_MPTCP") => Protocol::Mptcp,
        (_, _, "IPPROTO_UDP") => Protocol::Udp,
        (_, _, "IPPROTO_UDPLITE") => Protocol::Udplite,
        (_, _, "IPPROTO_ICMP" | "IPPROTO_ICMPV6") => Protocol::Icmp,
        (_, "SOCK_STREAM", _) => Protocol::Stream,
        (_, "SOCK_DGRAM", _) => Protocol::Dgram,
        (_, "SOCK_SEQPACKET", _) => Protocol::Seqpacket,
        _ => return None,
    };
    Some((family, protocol))
}

fn state(protocol: Protocol, local: &Endpoint, reading: &Reading) -> State {
    let answer = |name| reading.answers.get(index_of(name)?)?.as_deref();
    if answer("SO_ACCEPTCONN").is_some_and(|raw| raw.iter().any(|byte| *byte != 0)) {
        return State::Listen;
    }
    let named = local.path.is_some() || local.port.is_some_and(|port| port != 0);
    let has_peer = reading.remote.is_some();
    match protocol {
        Protocol::Tcp => of_tcp(answer("TCP_INFO").unwrap_or_default(), named),
        Protocol::Mptcp if has_peer => State::Established,
        Protocol::Stream | Protocol::Seqpacket if has_peer => State::Connected,
        Protocol::Mptcp | Protocol::Stream | Protocol::Seqpacket if named => State::Bound,
        Protocol::Mptcp | Protocol::Stream | Protocol::Seqpacket => State::Closed,
        _ if has_peer => State::Connected,
        _ => State::Unconnected,
    }
}

/// A socket that lost its peer keeps its address, but not the port.
fn of_tcp(tcp_info: &[u8], named: bool) -> State {
    let told = tcp_info.first().and_then(|number| tcp_state(*number));
    match told.unwrap_or(State::Closed) {
        State::Closed if named && !was_connected(tcp_info) => State::Bound,
        state => state,
    }
}
