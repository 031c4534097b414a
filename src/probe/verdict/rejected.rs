//! Something answered the SYN with a no: an RST, an ICMP error, or this host's own tables.

use std::io::{self, ErrorKind};
use std::net::IpAddr;

use super::super::evidence::listener::Listening;
use super::super::evidence::reset;
use super::super::fault::Scene;
use super::{failed, rule_words, silence, untried};
use crate::inspect::nat::firewall::Fate;
use crate::model::probe::{IcmpAnswer, ListenerDetail, OutcomeKind, RstDetail, Side, Verdict};
use crate::sys::routing::Route;
use crate::text::{clean, probe::icmp_words, units};

/// Something answered the SYN with a no, or the neighbour that leads there could not be found.
pub(super) fn rejected(error: &io::Error, scene: &Scene) -> Verdict {
    if let Some((_, block)) = scene.evidence.rules.certain(Fate::Rejected) {
        let text = format!(
            "a rule of this host's own firewall rejects what goes to {} ({}{})",
            scene.address,
            rule_words(block),
            with_icmp(scene.connect.icmp.last())
        );
        return failed(outcome_of(error), Side::Local, text, error);
    }
    if let Some(icmp) = scene.connect.icmp.last() {
        return by_icmp(*icmp, error, scene);
    }
    let ip = scene.address.ip();
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            failed(OutcomeKind::Refused, Side::Peer, refusal(scene), error)
        }
        ErrorKind::TimedOut => silence::silence(scene, Some(error)),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => broken(error, scene),
        ErrorKind::AddrNotAvailable | ErrorKind::OutOfMemory => untried::lacking(error, scene),
        ErrorKind::HostUnreachable if scene.to_self => untried::refused_here(error, scene),
        ErrorKind::HostUnreachable => {
            failed(OutcomeKind::Unreachable, Side::Path, no_neighbour(scene), error)
        }
        ErrorKind::PermissionDenied => {
            let text = format!("a router or firewall on the way to {ip} forbids it");
            failed(OutcomeKind::Unreachable, Side::Path, text, error)
        }
        _ => {
            let text = format!("a router on the way reports that {ip} cannot be reached: {error}");
            failed(OutcomeKind::Unreachable, Side::Path, text, error)
        }
    }
}

/// What was observed: a port unreachable reads as a refusal, like the RST.
fn outcome_of(error: &io::Error) -> OutcomeKind {
    match error.kind() {
        ErrorKind::ConnectionRefused => OutcomeKind::Refused,
        ErrorKind::TimedOut => OutcomeKind::Timeout,
        _ => OutcomeKind::Unreachable,
    }
}

fn with_icmp(icmp: Option<&IcmpAnswer>) -> String {
    icmp.map(|icmp| format!("; it answers with ICMP {}", icmp_words(*icmp))).unwrap_or_default()
}

/// The kernel queued an ICMP error: its code and its sender tell who said no.
fn by_icmp(icmp: IcmpAnswer, error: &io::Error, scene: &Scene) -> Verdict {
    let (ip, port) = (scene.address.ip(), scene.address.port());
    let said = icmp_words(icmp);
    let outcome = outcome_of(error);
    let verdict = |side, text| failed(outcome, side, text, error);
    if scene.is_udp && from_target(icmp, ip) && is_port_unreachable(icmp) {
        let text =
            format!("{ip} is there, and nothing listens on its UDP port {port} (ICMP {said})");
        return verdict(Side::Peer, text);
    }
    match icmp.from {
        Some(from) if scene.is_own(from) && is_lost_neighbour(error, scene) => {
            verdict(Side::Path, no_neighbour(scene))
        }
        Some(from) if scene.is_own(from) => {
            let text = format!(
                "this host itself answers what goes to {} with ICMP {said}, as a reject rule of \
                 its own firewall does: look with `nft list ruleset`{}",
                scene.address,
                possible(scene)
            );
            verdict(Side::Local, text)
        }
        Some(from) if from == ip => {
            let text = format!(
                "{ip} is there, and its firewall rejects what goes to port {port} with ICMP \
                 {said}; a closed port would answer with an RST"
            );
            verdict(Side::Peer, text)
        }
        Some(from) => {
            let text = format!(
                "{from}, a router or firewall on the way, answers what goes to {} with ICMP {said}",
                scene.address
            );
            verdict(Side::Path, text)
        }
        None => {
            let text = format!("what goes to {} is answered with ICMP {said}", scene.address);
            verdict(Side::Path, text)
        }
    }
}

fn from_target(icmp: IcmpAnswer, target: IpAddr) -> bool {
    icmp.from == Some(target)
}

fn is_port_unreachable(icmp: IcmpAnswer) -> bool {
    (icmp.kind, icmp.code) == if icmp.v6 { (1, 4) } else { (3, 3) }
}

/// Whether the kernel gave up on the link address of the next hop; it then tells itself so.
fn is_lost_neighbour(error: &io::Error, scene: &Scene) -> bool {
    error.kind() == ErrorKind::HostUnreachable && scene.evidence.silent_neighbour == Some(true)
}

fn possible(scene: &Scene) -> String {
    let possible = scene.evidence.rules.possible(Fate::Rejected);
    possible.map(|(_, block)| format!(" ({})", rule_words(block))).unwrap_or_default()
}

/// Why the host is not reached: the system gives one error for two reasons.
fn no_neighbour(scene: &Scene) -> String {
    let ip = scene.address.ip();
    let Some(Route { interface, gateway, .. }) = &scene.way else {
        return format!(
            "{ip} is not reached: neither it nor a router that leads there answers on the link, \
             or a router on the way reports it unreachable"
        );
    };
    let interface = clean(interface.as_deref().unwrap_or("the link"));
    let is_sure = scene.evidence.silent_neighbour == Some(true);
    match (gateway, is_sure) {
        (Some(gateway), true) => format!(
            "{ip} is not reached: its gateway {gateway} does not answer on {interface} (its link \
             address was asked for in vain): it is down, or not on this link"
        ),
        (Some(gateway), false) => format!(
            "{ip} is not reached: its gateway {gateway} does not answer on {interface}, or a \
             router behind it reports {ip} unreachable"
        ),
        (None, true) => format!(
            "{ip} should be on {interface} itself, and nobody there answers for it (its link \
             address was asked for in vain): it is down, or has another address"
        ),
        (None, false) => format!(
            "{ip} should be on {interface} itself, and nobody there answers for it, or its \
             firewall rejects with ICMP"
        ),
    }
}

/// Why an RST answered the SYN.
fn refusal(scene: &Scene) -> String {
    let address = scene.address;
    if let Some(forward) = &scene.evidence.rules.forward
        && !scene.to_self
        && forward.to_this_host
    {
        let port = forward.port.unwrap_or(address.port());
        return format!(
            "a redirect of this host takes what goes to {address} to its own port {port}, where \
             nothing listens ({} table {} {}, chain {}, handle {})",
            forward.rule.program,
            forward.rule.family,
            clean(&forward.rule.table),
            clean(&forward.rule.chain),
            forward.rule.handle
        );
    }
    match &scene.evidence.listening {
        Listening::Here(ListenerDetail { at, owner, .. }) => format!(
            "{owner} listens on {at} by now: it began just after the attempt, or a firewall of \
             this host rejects it"
        ),
        Listening::Elsewhere(others) => match others.as_slice() {
            [] => format!("nothing listens on port {} of this host", address.port()),
            [ListenerDetail { at, owner, .. }, ..] => format!(
                "nothing listens on {address}; {owner} listens on {at}: connect there, or let it \
                 listen here too"
            ),
        },
        Listening::Unasked if scene.to_self => {
            format!("nothing listens on {address}, or a firewall of this host rejects it")
        }
        Listening::Unasked => format!(
            "{} is there, but nothing listens on its port {}, or a firewall rejects it",
            address.ip(),
            address.port()
        ),
    }
}

/// An RST in the target's name came from nearer than the target is.
pub(in crate::probe) fn by_a_device_before(
    verdict: Verdict,
    rst: RstDetail,
    scene: &Scene,
) -> Verdict {
    let address = scene.address;
    let after = |ttl: u8| {
        let hops = units::counted(reset::hops(ttl).into(), "hop");
        format!("a TTL of {ttl}, after {hops}")
    };
    let target_is = rst.echo_ttl.into_iter().chain(rst.syn_ack_ttl);
    let target_is = target_is.max_by_key(|ttl| reset::hops(*ttl));
    let evidence = match target_is {
        Some(ttl) => format!("what {} sends itself with {}", address.ip(), after(ttl)),
        None => format!("and {} is behind a gateway", address.ip()),
    };
    let does = match verdict.outcome {
        OutcomeKind::Refused => "refuses",
        _ => "breaks off",
    };
    let text = format!(
        "a device before {address}, a firewall or load balancer on the way, {does} the connection \
         in its name: the RST arrives with {}, {evidence}",
        after(rst.ttl)
    );
    Verdict { side: Some(Side::Path), text, ..verdict }
}

/// The connection was open, and then it was not.
pub(super) fn broken(error: &io::Error, scene: &Scene) -> Verdict {
    let text = format!(
        "{} accepts the connection and then breaks it off with an RST: its process aborts it, or \
         a forwarder or firewall in between cuts it",
        scene.place()
    );
    failed(OutcomeKind::Reset, Side::Peer, text, error)
}
