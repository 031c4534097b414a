//! What is said to a target: which dialogue, over which layers, with which names.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;

use super::dialogue::http::Request;
use super::dialogue::{Exchange, dns, h2, ntp};
use super::security::tls::Offer;
use super::{Carrier, Host, Protocol, Settings, Target};
use crate::model::dialogue::AppProtocol;

/// How long a connected peer is given to say something unasked, beside the two round trips that
/// it takes.
const LISTEN: Duration = Duration::from_millis(100);
/// Who asks, where a server wants a name: nobody has to be called so.
const USER: &str = "sockpit";

/// What is known besides the target when a conversation begins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// How long the handshake of the connection took.
    pub rtt: Duration,
    /// Our end of it.
    pub local: Option<SocketAddr>,
    /// What spoke there the time before.
    pub speaker: Option<AppProtocol>,
}

/// The conversation to have.
pub(super) fn exchange(target: &Target, settings: &Settings, known: Known) -> Exchange {
    let starttls = settings.starttls;
    let user = USER.to_owned();
    match target.protocol() {
        // A server that counts connections without a login as errors is heard once, and asked
        // with a login from then on.
        Protocol::Tcp if known.speaker == Some(AppProtocol::Mysql) => {
            Exchange::Mysql { user, starttls: false }
        }
        Protocol::Tcp | Protocol::Unix | Protocol::Tls | Protocol::Udp | Protocol::Icmp => {
            Exchange::Listen(LISTEN + 2 * known.rtt)
        }
        Protocol::Http | Protocol::Https => {
            Exchange::Http(Request::get(&host_header(target), target.path()))
        }
        Protocol::H2 | Protocol::H2c => Exchange::H2(h2::Request {
            scheme: if target.protocol() == Protocol::H2 { "https" } else { "http" },
            host: host_header(target),
            target: target.path().to_owned(),
        }),
        Protocol::Ssh => Exchange::Ssh,
        Protocol::Smtp | Protocol::Smtps | Protocol::Submission => {
            Exchange::Smtp { client: client(known.local), starttls }
        }
        Protocol::Pop3 | Protocol::Pop3s => Exchange::Pop3 { starttls },
        Protocol::Imap | Protocol::Imaps => Exchange::Imap { starttls },
        Protocol::Ftp | Protocol::Ftps => Exchange::Ftp { starttls },
        Protocol::Telnet => Exchange::Telnet,
        Protocol::Socks5 => Exchange::Socks5 { end: None, login: None },
        Protocol::Socks4 => Exchange::Socks4 { end: None },
        Protocol::Redis => Exchange::Redis,
        Protocol::Postgres => Exchange::Postgres { user, starttls },
        Protocol::Mysql => Exchange::Mysql { user, starttls },
        Protocol::Mqtt | Protocol::Mqtts => Exchange::Mqtt,
        Protocol::Memcached => Exchange::Memcached,
        Protocol::Dns => question(target).map_or(Exchange::Listen(LISTEN), Exchange::Dns),
        Protocol::Dot => question(target).map_or(Exchange::Listen(LISTEN), Exchange::DnsOverStream),
        Protocol::Doh => over_https(target).unwrap_or(Exchange::Listen(LISTEN)),
        Protocol::Ntp => {
            let ask = ntp::Ask { cookie: unguessable(), opened_at: Some(Timestamp::now()) };
            Exchange::Ntp(ask)
        }
    }
}

/// `None` for what cannot be asked, which was told when the target was read.
fn question(target: &Target) -> Option<dns::Question> {
    let (name, kind) = target.question();
    dns::Question::new(name, kind, (unguessable() & 0xffff) as u16).ok()
}

/// A question by HTTP/2, at the path where its servers mostly take it (RFC 8484, 4.1).
fn over_https(target: &Target) -> Option<Exchange> {
    let (name, kind) = target.question();
    // Without a number of its own, so that caches know it again.
    let question = dns::Question::new(name, kind, 0).ok()?;
    let (host, target) = (host_header(target), "/dns-query".to_owned());
    Some(Exchange::DnsOverHttps(h2::Request { scheme: "https", host, target }, question))
}

/// A number that is hard to guess from outside.
pub(super) fn unguessable() -> u64 {
    RandomState::new().hash_one(Timestamp::now())
}

/// How a mail client without a name calls itself: `[192.0.2.1]`, `[IPv6:2001:db8::1]` (RFC 5321,
/// 4.1.3).
fn client(local: Option<SocketAddr>) -> String {
    match local.map(|local| local.ip().to_canonical()) {
        Some(IpAddr::V4(v4)) => format!("[{v4}]"),
        Some(IpAddr::V6(v6)) => format!("[IPv6:{v6}]"),
        None => "[127.0.0.1]".to_owned(),
    }
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
        Protocol::H2 | Protocol::Doh => &["h2"],
        Protocol::Tls => &["h2", "http/1.1"],
        Protocol::Dot => &["dot"],
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
