//! What this host itself did not let out: its routes, its addresses, its ports.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use super::super::fault::Scene;
use super::{failed, rejected};
use crate::model::interface::AddressState;
use crate::model::probe::{OutcomeKind, Side, Verdict};
use crate::text::clean;

/// The system said no without asking anyone: this host's routes and rules.
pub(super) fn refused_here(error: &io::Error, scene: &Scene) -> Verdict {
    let to = scene.address.ip();
    let (outcome, text) = match error.kind() {
        ErrorKind::NetworkUnreachable => (
            OutcomeKind::Unreachable,
            format!("this host has no route to {to}: check its addresses and routing table"),
        ),
        ErrorKind::HostUnreachable => (
            OutcomeKind::Unreachable,
            format!("this host's routing table declares {to} unreachable"),
        ),
        ErrorKind::NetworkDown => {
            (OutcomeKind::Unreachable, format!("the interface that leads to {to} is down"))
        }
        ErrorKind::InvalidInput if lacks_zone(scene.address) => return lacking(error, scene),
        ErrorKind::InvalidInput if leaves_loopback(scene) => (
            OutcomeKind::LocalError,
            format!(
                "nothing leaves this host from a loopback address, and {to} is another host: \
                 leave the source to the routing table, or take an address of an interface"
            ),
        ),
        ErrorKind::InvalidInput => (
            OutcomeKind::Unreachable,
            format!("this host discards what goes to {to} by a blackhole route"),
        ),
        ErrorKind::PermissionDenied => (
            OutcomeKind::NotPermitted,
            format!(
                "this host forbids connections to {to}: a prohibiting route, a firewall or a \
                 sandbox"
            ),
        ),
        ErrorKind::ConnectionRefused => return rejected::rejected(error, scene),
        _ => return lacking(error, scene),
    };
    failed(outcome, Side::Local, text, error)
}

fn leaves_loopback(scene: &Scene) -> bool {
    scene.source.is_some_and(|source| source.is_loopback()) && !scene.address.ip().is_loopback()
}

/// The target is every host of a subnet.
pub(super) fn broadcast(scene: &Scene) -> Verdict {
    let to = scene.address.ip();
    let text = format!(
        "{to} is a broadcast address: it stands for every host of its subnet, and TCP connects to \
         one"
    );
    Verdict { outcome: OutcomeKind::Unreachable, side: Some(Side::Local), text, errno: None }
}

/// TCP connected to itself again and again.
pub(super) fn only_itself(scene: &Scene) -> Verdict {
    let text = format!(
        "nothing listens on {}: it connects only to itself, because the port is one of those that \
         this host connects from, and no other one is free",
        scene.address
    );
    Verdict { outcome: OutcomeKind::LocalError, side: Some(Side::Local), text, errno: None }
}

/// This host lacks something that an attempt needs.
pub(super) fn lacking(error: &io::Error, scene: &Scene) -> Verdict {
    let ip = scene.address.ip();
    let text = match (error.kind(), scene.source) {
        (_, Some(source)) if source.is_ipv4() != ip.is_ipv4() => {
            format!("nothing can be sent from {source} to {ip}: they are of different IP versions")
        }
        (ErrorKind::AddrNotAvailable, Some(source)) if scene.own.is_none() => {
            not_ours(source, scene)
        }
        (ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable, _) if scene.source_port.is_some() => {
            let port = scene.source_port.unwrap_or_default();
            format!(
                "port {port} of this host is taken for {}: by another socket, or by what is left of \
                 a connection before (TIME_WAIT, for a minute)",
                scene.address
            )
        }
        (ErrorKind::AddrNotAvailable, None) => format!(
            "this host has no free port to reach {} from: all of its outgoing ports are taken \
             (`sockpit why 0` lists by whom)",
            scene.address
        ),
        (ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable, Some(source)) => {
            format!("no port of {source} is free to connect to {} from", scene.address)
        }
        (ErrorKind::InvalidInput, _) if lacks_zone(scene.address) => {
            format!("a link-local address needs its interface, {}", zone_offer(scene))
        }
        (ErrorKind::Unsupported, _) => {
            let version = if ip.is_ipv4() { "IPv4" } else { "IPv6" };
            format!("this host does not speak {version} at all")
        }
        _ => format!("this host could not try {}: {error}", scene.address),
    };
    failed(OutcomeKind::LocalError, Side::Local, text, error)
}

/// Why nothing can be sent from an address.
fn not_ours(source: IpAddr, scene: &Scene) -> String {
    let own = scene.evidence.inet6.iter().find(|own| IpAddr::V6(own.addr) == source);
    match own.map(|own| own.state) {
        Some(AddressState::Duplicate) => format!(
            "{source} is a duplicate address: another host on the link has it too, so this host \
             may not use it"
        ),
        Some(AddressState::Tentative) => format!(
            "{source} is still tentative: this host asks whether another one on the link has it"
        ),
        Some(AddressState::Ready) | None => {
            format!("{source} is no address of this host, so nothing can be sent from it")
        }
    }
}

pub(super) fn lacks_zone(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0)
}

/// The interfaces that a link-local address could be behind, as one would write them.
fn zone_offer(scene: &Scene) -> String {
    let (ip, port) = (scene.address.ip(), scene.address.port());
    let mut links: Vec<&str> = scene
        .evidence
        .inet6
        .iter()
        .filter(|own| own.addr.is_unicast_link_local())
        .map(|own| &*own.interface)
        .collect();
    links.sort();
    links.dedup();
    let written = |link: &str| format!("[{ip}%{}]:{port}", clean(link));
    match links.as_slice() {
        [] => format!("as in {}", written("eth0")),
        [only] => format!("and only {} has one here: write {}", clean(only), written(only)),
        [first, ..] => {
            let names: Vec<_> = links.iter().map(|link| clean(link)).collect();
            format!("as in {} (here: {})", written(first), names.join(", "))
        }
    }
}
