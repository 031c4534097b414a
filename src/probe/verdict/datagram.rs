//! Datagrams, echoes and paths: what their answers, and their silence, mean.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::super::Protocol;
use super::super::fault::Scene;
use super::{QUOTED, failed, rule_words};
use crate::inspect::nat::firewall::Fate;
use crate::model::probe::{OutcomeKind, Side, Verdict};
use crate::text::{clean::clean_to, units};

/// Nothing came back, which for datagrams has many causes.
pub(in crate::probe) fn unheard(protocol: Protocol, scene: &Scene) -> Verdict {
    let waited = units::duration(scene.timeout);
    let own = scene.evidence.rules.certain(Fate::Dropped);
    let is_lost = scene.evidence.silent_neighbour == Some(true);
    let why = match (own, protocol) {
        (Some((_, block)), _) => {
            format!("a rule of this host's own firewall drops it ({})", rule_words(block))
        }
        (None, _) if is_lost => "the next hop does not answer on its link".to_owned(),
        (None, Protocol::Icmp) => "the host is down, does not answer echoes, or a firewall drops \
                                   them"
            .to_owned(),
        (None, Protocol::Udp) => "silence of UDP says little: the service may be there and have \
                                  no answer to this datagram (send its own words with --send), a \
                                  firewall may drop it, or the host be down"
            .to_owned(),
        (None, _) => format!(
            "its service does not answer, speaks something other than {}, or a firewall drops it; \
             a closed port would mostly be told by ICMP",
            protocol.scheme()
        ),
    };
    let target = if protocol == Protocol::Icmp {
        scene.address.ip().to_string()
    } else {
        scene.address.to_string()
    };
    let side = if scene.to_self || own.is_some() { Side::Local } else { Side::Path };
    let text = format!("no answer from {target} within {waited}: {why}");
    Verdict { outcome: OutcomeKind::Timeout, side: Some(side), text, errno: None }
}

/// An echo came back.
pub(in crate::probe) fn echoed(took: Duration, ttl: Option<u8>, scene: &Scene) -> Verdict {
    let ttl = ttl.map(|ttl| format!(", TTL {ttl}")).unwrap_or_default();
    let text = format!("{} answers the echo in {}{ttl}", scene.address.ip(), units::duration(took));
    Verdict { outcome: OutcomeKind::Ok, side: None, text, errno: None }
}

/// This user may not send echoes.
pub(in crate::probe) fn no_echoes(error: &io::Error) -> Verdict {
    let text = "this user may not send ICMP echoes: a group of the user's has to be in \
                net.ipv4.ping_group_range, or CAP_NET_RAW be given"
        .to_owned();
    failed(OutcomeKind::NotPermitted, Side::Local, text, error)
}

/// There is no connection to the socket at this path.
pub(in crate::probe) fn unix_failure(error: &io::Error, path: &str, waited: Duration) -> Verdict {
    let path = clean_to(path, QUOTED);
    let (outcome, side, text) = match error.kind() {
        ErrorKind::NotFound => (
            OutcomeKind::LocalError,
            Side::Local,
            format!("there is no {path}: its server has not made it, or has removed it"),
        ),
        ErrorKind::ConnectionRefused => (
            OutcomeKind::Refused,
            Side::Peer,
            format!("nobody listens on {path}: the file is stale, left by a server that has ended"),
        ),
        ErrorKind::PermissionDenied => (
            OutcomeKind::NotPermitted,
            Side::Local,
            format!("this user may not write to {path}, which a connection needs"),
        ),
        ErrorKind::WouldBlock => (
            OutcomeKind::Timeout,
            Side::Local,
            format!(
                "the accept queue of {path} is full for {}: its server does not accept",
                units::duration(waited)
            ),
        ),
        _ => (
            OutcomeKind::LocalError,
            Side::Local,
            format!("no connection to {path}: {error} (a stream socket is looked for)"),
        ),
    };
    failed(outcome, side, text, error)
}
