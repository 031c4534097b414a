//! Datagrams and echoes: what their answers, and their silence, mean.

use std::io;
use std::time::Duration;

use super::super::Protocol;
use super::super::evidence::listener::Listening;
use super::super::fault::Scene;
use super::{failed, rule_words};
use crate::inspect::nat::firewall::Fate;
use crate::model::probe::{ListenerDetail, OutcomeKind, Side, Verdict};
use crate::text::units;

/// Nothing came back, which for datagrams has many causes.
pub(in crate::probe) fn unheard(protocol: Protocol, scene: &Scene) -> Verdict {
    let waited = units::duration(scene.timeout);
    let (side, why) = match scene.evidence.rules.certain(Fate::Dropped) {
        Some((_, block)) => (
            Side::Local,
            format!("a rule of this host's own firewall drops it ({})", rule_words(block)),
        ),
        None if scene.to_self => on_this_host(protocol, scene),
        None => (Side::Path, elsewhere(protocol, scene)),
    };
    let target = if protocol == Protocol::Icmp {
        scene.address.ip().to_string()
    } else {
        scene.address.to_string()
    };
    let text = format!("no answer from {target} within {waited}: {why}");
    Verdict { outcome: OutcomeKind::Timeout, side: Some(side), text, errno: None }
}

/// On this host it is known who has the port.
fn on_this_host(protocol: Protocol, scene: &Scene) -> (Side, String) {
    match &scene.evidence.listening {
        Listening::Here(ListenerDetail { owner, stopped: Some(true), .. }) => (
            Side::Local,
            format!("{owner} has that UDP port and is stopped (SIGSTOP, Ctrl-Z or a debugger)"),
        ),
        Listening::Here(ListenerDetail { at, owner, .. }) => {
            let words = match protocol {
                Protocol::Udp => "; send it its own words with --send".to_owned(),
                other => format!(": it hangs, or speaks something other than {}", other.scheme()),
            };
            (Side::Peer, format!("{owner} has UDP {at} and does not answer this datagram{words}"))
        }
        Listening::Elsewhere(_) => (
            Side::Local,
            "no socket has that UDP port, and the ICMP error that says so is missing: a firewall \
             of this host drops one of the two"
                .to_owned(),
        ),
        Listening::Unasked if protocol == Protocol::Icmp => (
            Side::Local,
            "this host does not answer echoes (net.ipv4.icmp_echo_ignore_all), or its own firewall \
             drops them"
                .to_owned(),
        ),
        Listening::Unasked => (Side::Local, elsewhere(protocol, scene)),
    }
}

fn elsewhere(protocol: Protocol, scene: &Scene) -> String {
    let is_lost = scene.evidence.silent_neighbour == Some(true);
    match protocol {
        _ if is_lost => "the next hop does not answer on its link".to_owned(),
        Protocol::Icmp => {
            "the host is down, does not answer echoes, or a firewall drops them".to_owned()
        }
        Protocol::Udp => "silence of UDP says little: the service may be there and have no answer \
                          to this datagram (send its own words with --send), a firewall may drop \
                          it, or the host be down"
            .to_owned(),
        _ => format!(
            "its service does not answer, speaks something other than {}, or a firewall drops it; \
             a closed port would mostly be told by ICMP",
            protocol.scheme()
        ),
    }
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
