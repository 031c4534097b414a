//! From what happened to what it means: the outcome, the side that failed, one sentence.
//!
//! Pure: every error is an argument, so that each mapping is a line in a test. A plain TCP
//! target is `ok` once its handshake is done, for the handshake is its answer; what the peer
//! does later is said in the sentence. Only an RST that comes before our own FIN is `reset`: one
//! in answer to the FIN is how some servers hang up.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use super::Host;
use super::fault::{Ending, Fault, Manners, NameFault, Scene};
use super::listener::{Evidence, Listener};
use crate::model::probe::{OutcomeKind, Side, Verdict};
use crate::model::socket::Backlog;
use crate::sys::errno;
use crate::sys::lookup::{LookupError, LookupFailure};
use crate::sys::way::Way;
use crate::text::{clean, clean::clean_to, units};

/// As much of text from outside as a sentence quotes.
const QUOTED: usize = 60;

/// The verdict on an attempt whose connection came about.
pub(super) fn answered(took: Duration, manners: &Manners, scene: &Scene) -> Verdict {
    let mut text = format!("{} answers in {}", scene.address, units::duration(took));
    if let Some(times @ 1..) = scene.syn_retransmits {
        let times = if times == 1 { "1 time".to_owned() } else { format!("{times} times") };
        text.push_str(&format!(
            ", only after its SYN was sent again ({times}): one was lost on the way, or its \
             accept queue was full"
        ));
    }
    match &manners.greeting {
        Some(greeting) => {
            let line = greeting.trim_end().lines().next().unwrap_or_default();
            text.push_str(&format!(" and says `{}`", clean_to(line, QUOTED)));
        }
        None if manners.ending == Ending::PeerFirst => text.push_str(
            ", then closes at once without a word, as an access rule does, or a forwarder whose \
             own target is down",
        ),
        None => {}
    }
    if manners.ending == Ending::Reset {
        text.push_str("; it meets our close with an RST");
    }
    Verdict { outcome: OutcomeKind::Ok, side: None, text, errno: None }
}

/// The verdict on a target that has no address to go to.
pub(super) fn nowhere(fault: &NameFault, host: &Host) -> Verdict {
    match fault {
        NameFault::Lookup(error) => lookup(error, host),
        NameFault::Silence(waited) => Verdict {
            outcome: OutcomeKind::DnsFailed,
            side: Some(Side::Path),
            text: format!(
                "no name server answered for {host} within {}: check the resolver's \
                 configuration and the way to its servers",
                units::duration(*waited)
            ),
            errno: None,
        },
        NameFault::Zone(error) => {
            let text =
                format!("{} names no interface of this host", clean_to(&host.to_string(), QUOTED));
            failed(OutcomeKind::LocalError, Side::Local, text, error)
        }
    }
}

fn lookup(error: &LookupError, host: &Host) -> Verdict {
    let (side, text) = match error.failure {
        LookupFailure::NoSuchName => {
            (None, format!("the name {host} does not exist: check its spelling"))
        }
        LookupFailure::NoAddress => (None, format!("the name {host} exists, but has no address")),
        LookupFailure::Temporary => (
            Some(Side::Path),
            format!(
                "no name server could be asked for {host}: check the resolver's configuration \
                 and the way to its servers"
            ),
        ),
        LookupFailure::Other => {
            (None, format!("the resolver failed on {host}: {}", clean_to(&error.text, 200)))
        }
    };
    let errno = error.source.as_ref().and_then(errno::name).map(str::to_owned);
    Verdict { outcome: OutcomeKind::DnsFailed, side, text, errno }
}

/// The verdict on an attempt that failed.
pub(super) fn of(fault: &Fault, scene: &Scene) -> Verdict {
    match fault {
        Fault::Local(error) | Fault::Connect { error, at_once: true } => untried(error, scene),
        Fault::Connect { error, at_once: false } => rejected(error, scene),
        Fault::Here(error) => lacking(error, scene),
        Fault::Silence => silence(scene, None),
        Fault::Broken(error) => broken(error, scene),
    }
}

fn failed(outcome: OutcomeKind, side: Side, text: String, error: &io::Error) -> Verdict {
    let errno = errno::name(error).map(str::to_owned);
    Verdict { outcome, side: Some(side), text, errno }
}

/// The system said no without asking anyone: this host's routes and rules.
fn untried(error: &io::Error, scene: &Scene) -> Verdict {
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
        ErrorKind::InvalidInput if !lacks_zone(scene.address) => (
            OutcomeKind::Unreachable,
            format!("this host discards what goes to {to}, as a blackhole route does"),
        ),
        ErrorKind::PermissionDenied => (
            OutcomeKind::NotPermitted,
            format!(
                "this host forbids connections to {to}: a prohibiting route, a firewall or a \
                 sandbox"
            ),
        ),
        ErrorKind::ConnectionRefused => return rejected(error, scene),
        _ => return lacking(error, scene),
    };
    failed(outcome, Side::Local, text, error)
}

/// This host lacks something that an attempt needs.
fn lacking(error: &io::Error, scene: &Scene) -> Verdict {
    let (ip, port) = (scene.address.ip(), scene.address.port());
    let text = match (error.kind(), scene.source) {
        (_, Some(source)) if source.is_ipv4() != ip.is_ipv4() => {
            format!("nothing can be sent from {source} to {ip}: they are of different IP versions")
        }
        (ErrorKind::AddrNotAvailable, Some(source)) => {
            format!("{source} is no address of this host, so nothing can be sent from it")
        }
        (ErrorKind::AddrNotAvailable, None) => {
            format!("this host has no free port, or no address, to reach {ip} from")
        }
        (ErrorKind::InvalidInput, _) if lacks_zone(scene.address) => {
            format!("a link-local address needs its interface, as in [{ip}%eth0]:{port}")
        }
        _ => format!("this host could not try {}: {error}", scene.address),
    };
    failed(OutcomeKind::LocalError, Side::Local, text, error)
}

fn lacks_zone(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0)
}

/// Something answered the SYN with a no, or the neighbour that leads there could not be found.
fn rejected(error: &io::Error, scene: &Scene) -> Verdict {
    let ip = scene.address.ip();
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            failed(OutcomeKind::Refused, Side::Peer, refusal(scene), error)
        }
        ErrorKind::TimedOut => silence(scene, Some(error)),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => broken(error, scene),
        ErrorKind::AddrNotAvailable | ErrorKind::OutOfMemory => lacking(error, scene),
        ErrorKind::HostUnreachable if scene.to_self => untried(error, scene),
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

/// Why the host is not reached: the system gives one error for two reasons.
fn no_neighbour(scene: &Scene) -> String {
    let ip = scene.address.ip();
    let Some(Way { interface, gateway, .. }) = &scene.way else {
        return format!(
            "{ip} is not reached: neither it nor a router that leads there answers on the link, \
             or a router on the way reports it unreachable"
        );
    };
    let interface = clean(interface.as_deref().unwrap_or("the link"));
    match gateway {
        Some(gateway) => format!(
            "{ip} is not reached: its gateway {gateway} does not answer on {interface}, or a \
             router behind it reports {ip} unreachable"
        ),
        None => format!(
            "{ip} should be on {interface} itself, and nobody there answers for it, or its \
             firewall rejects with ICMP"
        ),
    }
}

/// Why an RST answered the SYN.
fn refusal(scene: &Scene) -> String {
    let Scene { address, evidence, .. } = scene;
    match evidence {
        Evidence::Here(Listener { at, owner, .. }) => format!(
            "{owner} listens on {at} by now: it began just after the attempt, or a firewall of \
             this host rejects it"
        ),
        Evidence::Elsewhere(others) => match others.as_slice() {
            [] => format!("nothing listens on port {} of this host", address.port()),
            [Listener { at, owner, .. }, ..] => format!(
                "nothing listens on {address}; {owner} listens on {at}: connect there, or let it \
                 listen here too"
            ),
        },
        Evidence::Unasked | Evidence::Unknown(_) if scene.to_self => {
            format!("nothing listens on {address}, or a firewall of this host rejects it")
        }
        Evidence::Unasked | Evidence::Unknown(_) => format!(
            "{} is there, but nothing listens on its port {}, or a firewall rejects it",
            address.ip(),
            address.port()
        ),
    }
}

/// Nothing came back, in our time or in the system's.
fn silence(scene: &Scene, error: Option<&io::Error>) -> Verdict {
    let side = if scene.to_self { Side::Local } else { Side::Path };
    let waited = units::duration(scene.timeout);
    let text = format!("no answer from {} within {waited}: {}", scene.address, deafness(scene));
    let errno = error.and_then(errno::name).map(str::to_owned);
    Verdict { outcome: OutcomeKind::Timeout, side: Some(side), text, errno }
}

/// Why nobody answers.
fn deafness(scene: &Scene) -> String {
    match &scene.evidence {
        Evidence::Here(Listener { owner, backlog: Some(backlog), .. }) if backlog.is_full() => {
            let Backlog { queued, limit } = backlog;
            format!(
                "the listener's accept queue is full ({queued} wait, its limit is {limit}). {owner} does not \
                 accept: find what blocks it, or raise its backlog"
            )
        }
        Evidence::Here(Listener { at, owner, .. }) => format!(
            "{owner} listens on {at}, and its accept queue has room by now: a firewall of this \
             host drops what goes there, or the queue was full"
        ),
        Evidence::Elsewhere(_) => {
            "nothing listens there, and a firewall of this host drops what goes there".to_owned()
        }
        Evidence::Unasked | Evidence::Unknown(_) if scene.to_self => {
            "a firewall of this host drops it, or its listener's accept queue is full".to_owned()
        }
        Evidence::Unasked | Evidence::Unknown(_) => "the host is down, a firewall drops what \
             goes there, or the answer finds no way back"
            .to_owned(),
    }
}

/// The connection was open, and then it was not.
fn broken(error: &io::Error, scene: &Scene) -> Verdict {
    let text = format!(
        "{} accepts the connection and then breaks it off with an RST: its process aborts it, or \
         a forwarder or firewall in between cuts it",
        scene.address
    );
    failed(OutcomeKind::Reset, Side::Peer, text, error)
}

#[cfg(test)]
mod tests;
