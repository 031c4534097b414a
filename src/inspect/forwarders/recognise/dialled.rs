//! Forwarders that dial what their arguments say: `socat`, `kubectl port-forward`,
//! `systemd-socket-proxyd`.

use super::{Held, Told};
use crate::model::forwarder::ForwarderKind;
use crate::wire::monitor::option;

/// `kubectl port-forward [-n NAMESPACE] svc/web 8080:80` (kubernetes.io, `kubectl
/// port-forward`).
pub(super) fn kubectl(arguments: &[&str], held: Held) -> Option<Told> {
    let at = arguments.iter().position(|word| *word == "port-forward")?;
    let mut told = Told::new(ForwarderKind::KubectlPortForward);
    let namespace = option(arguments, &["-n", "--namespace"]);
    told.via = namespace.map(|namespace| format!("namespace {namespace}"));
    let with_value = [
        "-n",
        "--namespace",
        "--address",
        "--context",
        "--kubeconfig",
        "--cluster",
        "--user",
        "--server",
        "-s",
        "--pod-running-timeout",
    ];
    let mut words = super::positional(&arguments[at + 1..], &with_value);
    let resource = words.next()?.to_owned();
    for pair in words {
        let (from, to) = pair.split_once(':').unwrap_or((pair, pair));
        if from.parse() == Ok(held.port) {
            told.port = to.parse().ok();
            // A port of a service may have a name.
            told.host = Some(match told.port {
                Some(_) => resource,
                None => format!("{resource} port {to}"),
            });
            return Some(told);
        }
    }
    // Without a number before the colon kubectl takes any port.
    told.host = Some(resource);
    Some(told)
}

/// `socat [OPTION]… ADDRESS ADDRESS` (socat(1)): the one that does not listen.
pub(super) fn socat(arguments: &[&str]) -> Option<Told> {
    let with_value = ["-lf", "-lp", "-lm", "-b", "-t", "-T", "-L", "-W", "-r", "-R", "-S"];
    let addresses: Vec<&str> = super::positional(arguments, &with_value).collect();
    let [.., first, second] = addresses.as_slice() else { return None };
    let other = match (listens(first), listens(second)) {
        (true, false) => second,
        (false, true) => first,
        _ => return None,
    };
    let told = Told::new(ForwarderKind::Socat);
    let address = other.split(',').next().unwrap_or(other);
    let (kind, rest) = address.split_once(':').unwrap_or(("", address));
    let kind = kind.to_ascii_uppercase();
    let dials = ["TCP", "UDP", "OPENSSL", "SSL", "SCTP"].iter().any(|of| kind.starts_with(of));
    Some(match rest.rsplit_once(':') {
        Some((host, port)) if dials => told.leading_to(host, port.parse().ok()),
        _ if kind.starts_with("UNIX") => told.leading_to(rest, None),
        // A program, a file, a terminal.
        _ => told.leading_to(address, None),
    })
}

fn listens(address: &str) -> bool {
    let kind = address.split([':', ',']).next().unwrap_or(address).to_ascii_uppercase();
    ["-LISTEN", "-L", "-RECVFROM", "-RECV"].iter().any(|end| kind.ends_with(end))
}

/// `systemd-socket-proxyd [OPTION]… HOST:PORT|PATH` (systemd-socket-proxyd(8)).
pub(super) fn socket_proxyd(arguments: &[&str]) -> Option<Told> {
    let with_value = ["-c", "--connections-max", "--exit-idle-time"];
    let target = super::positional(arguments, &with_value).last()?;
    let told = Told::new(ForwarderKind::SystemdSocketProxyd);
    Some(match target.rsplit_once(':') {
        Some((host, port)) if !target.starts_with('/') => told.leading_to(host, port.parse().ok()),
        _ => told.leading_to(target, None),
    })
}
