//! What is said to a target: which dialogue, over which layers, with which names.

use std::time::Duration;

use super::dialogue::Exchange;
use super::dialogue::http::Request;
use super::security::tls::Offer;
use super::{Carrier, Host, Protocol, Settings, Target};

/// How long a connected peer is given to say something unasked, beside the two round trips that
/// it takes.
const LISTEN: Duration = Duration::from_millis(100);

/// How long an answer to a datagram of no known protocol is waited for.
const DATAGRAM: Duration = Duration::from_secs(2);

/// The conversation to have with a target whose handshake took `rtt`.
pub(super) fn exchange(target: &Target, rtt: Duration) -> Exchange {
    match target.protocol() {
        Protocol::Tcp | Protocol::Unix | Protocol::Tls | Protocol::Udp | Protocol::Icmp => {
            Exchange::Listen(LISTEN + 2 * rtt)
        }
        Protocol::Http | Protocol::Https => {
            Exchange::Http(Request::get(&host_header(target), target.path()))
        }
        Protocol::Ssh => Exchange::Ssh,
    }
}

/// The conversation by datagrams.
pub(super) fn datagrams(target: &Target, settings: &Settings) -> Exchange {
    let _ = target;
    Exchange::Listen(settings.at_most(DATAGRAM))
}

/// The name by which a target is asked for: that of the user's, without brackets.
fn name(target: &Target) -> String {
    match target.host() {
        Host::ThisMachine => "localhost".to_owned(),
        Host::Zoned(address, _) => address.to_string(),
        Host::Address(_) | Host::Name(_) | Host::Path(_) => target.host().to_string(),
    }
}

/// `example.org`, `[::1]:8080`: the port where it is not the scheme's own (RFC 9110, 7.2).
fn host_header(target: &Target) -> String {
    let name = name(target);
    let host = if name.contains(':') { format!("[{name}]") } else { name };
    match target.port() {
        Some(port) if target.protocol().default_port() != Some(port) => format!("{host}:{port}"),
        _ => host,
    }
}

/// The TLS that a target gets, from the first byte or after an upgrade; `None` where the name that
/// it is asked for cannot be one in a certificate.
pub(super) fn offer(target: &Target, settings: &Settings) -> Option<Offer> {
    let name = settings.server_name.clone().unwrap_or_else(|| name(target));
    let alpn: &[&str] = match target.protocol() {
        // What is asked then is asked by HTTP/1.1.
        Protocol::Https => &["http/1.1"],
        Protocol::Tls => &["h2", "http/1.1"],
        _ => &[],
    };
    Some(Offer {
        name: Offer::name_of(&name)?,
        alpn: alpn.to_vec(),
        material: settings.material.clone(),
    })
}

/// Whether TLS begins with the first byte.
pub(super) fn begins_with_tls(target: &Target) -> bool {
    target.protocol().carrier() == Carrier::Tls
}
