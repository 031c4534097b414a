//! What to probe: a target as the user writes it, read and checked before anything is sent.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::model::socket::{self, Socket};
use crate::text::clean::clean_to;

/// The longest host name that the domain name system carries (RFC 1035, 2.3.4).
const MAX_NAME: usize = 253;

/// How to talk to the target. A protocol is a variant here and a file of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// A TCP connection: handshake, what the peer says first, close.
    Tcp,
}

impl Protocol {
    /// Every protocol, in the order in which help names them.
    pub const ALL: [Self; 1] = [Self::Tcp];

    /// The scheme before `://`.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
        }
    }

    fn of_scheme(scheme: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.scheme().eq_ignore_ascii_case(scheme))
    }
}

/// Where the target is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// This machine, named by a port alone: 127.0.0.1, then ::1.
    ThisMachine,
    /// A literal address.
    Address(IpAddr),
    /// A link-local address and the interface it is reached by, as a name or an index.
    Zoned(Ipv6Addr, String),
    /// A name for the system's resolver.
    Name(String),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ThisMachine => f.write_str("localhost"),
            Self::Address(address) => address.fmt(f),
            Self::Zoned(address, zone) => write!(f, "{address}%{zone}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A target that can be probed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    text: String,
    protocol: Protocol,
    host: Host,
    port: u16,
}

impl Target {
    /// As the user wrote it, uncleaned.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How to talk to it.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Where it is.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Its port, never 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether packets from `source` could go to this target at all: an IPv4 address reaches
    /// no IPv6 one, nor the other way round.
    pub fn check_source(&self, source: IpAddr) -> Result<(), TargetError> {
        let v4 = match self.host {
            Host::Address(address) => address.is_ipv4(),
            Host::Zoned(..) => false,
            Host::ThisMachine | Host::Name(_) => return Ok(()),
        };
        if v4 == source.is_ipv4() {
            return Ok(());
        }
        let (own, other) = if v4 { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
        let wrong = format!("it is an {own} address, and the source {source} an {other} one");
        Err(TargetError::new(&self.text, &wrong))
    }

    /// The target that a socket suggests: where a client of this listener would connect, or
    /// the remote end of this connection. `None` for what this module cannot probe.
    pub fn of_socket(socket: &Socket) -> Option<Self> {
        if socket.protocol != socket::Protocol::Tcp {
            return None;
        }
        let end = socket.remote.as_ref().unwrap_or(&socket.local);
        let address = reachable(end.addr?);
        let host = match (address, &end.scope) {
            (IpAddr::V6(v6), Some(zone)) if v6.is_unicast_link_local() => format!("[{v6}%{zone}]"),
            (IpAddr::V6(v6), _) => format!("[{v6}]"),
            (IpAddr::V4(v4), _) => v4.to_string(),
        };
        format!("tcp://{host}:{}", end.port?).parse().ok()
    }
}

/// Why a target cannot be probed: one sentence that says what would be right, fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(String);

impl TargetError {
    fn new(target: &str, wrong: &str) -> Self {
        let target = clean_to(target.trim(), 100);
        Self(format!("cannot probe `{target}`: {}", clean_to(wrong, 300)))
    }
}

impl FromStr for Target {
    type Err = TargetError;

    /// Reads `HOST:PORT`, `[V6]:PORT`, `[fe80::1%eth0]:PORT`, `PORT`, each also after `tcp://`.
    fn from_str(written: &str) -> Result<Self, TargetError> {
        let error = |wrong: String| TargetError::new(written, &wrong);
        let (protocol, rest) = split_scheme(written.trim()).map_err(error)?;
        let (host, port) = split_port(rest).map_err(error)?;
        let host = host.map_or(Ok(Host::ThisMachine), parse_host).map_err(error)?;
        let port = parse_port(port).map_err(error)?;
        Ok(Self { text: written.to_owned(), protocol, host, port })
    }
}

fn split_scheme(target: &str) -> Result<(Protocol, &str), String> {
    let Some((scheme, rest)) = target.split_once("://") else {
        return Ok((Protocol::Tcp, target));
    };
    match Protocol::of_scheme(scheme) {
        // A lone slash is how URLs end; anything behind it would be a promise not kept.
        Some(protocol) => Ok((protocol, rest.strip_suffix('/').unwrap_or(rest))),
        None => Err(format!(
            "`{}` is no scheme that sockpit knows; it can probe {}",
            clean_to(scheme, 20),
            forms()
        )),
    }
}

/// The forms a target can take, for error sentences and help.
fn forms() -> String {
    let schemes: Vec<String> =
        Protocol::ALL.iter().map(|protocol| format!("{}://HOST:PORT", protocol.scheme())).collect();
    format!("{}, HOST:PORT, [IPV6]:PORT, or PORT of this machine", schemes.join(", "))
}

/// Host and port apart; no host where the target is a number alone.
fn split_port(rest: &str) -> Result<(Option<&str>, &str), String> {
    if rest.is_empty() {
        return Err(format!("it names nothing; write {}", forms()));
    }
    if let Some(bracketed) = rest.strip_prefix('[') {
        let (host, after) =
            bracketed.split_once(']').ok_or("the bracket of its IPv6 address is not closed")?;
        let port = after
            .strip_prefix(':')
            .ok_or_else(|| format!("it names no port; write [{host}]:PORT"))?;
        return Ok((Some(host), port));
    }
    match rest.rsplit_once(':') {
        None if rest.bytes().all(|byte| byte.is_ascii_digit()) => Ok((None, rest)),
        None => Err(format!("it names no port; write {rest}:PORT")),
        Some((host, _)) if host.contains(':') => {
            Err("an IPv6 address stands in brackets before its port, as in [::1]:80".to_owned())
        }
        Some((host, port)) => Ok((Some(host), port)),
    }
}

fn parse_port(port: &str) -> Result<u16, String> {
    let wrong = |why| format!("the port {why}; ports are numbers from 1 to 65535");
    if port.is_empty() {
        return Err(wrong("is missing".to_owned()));
    }
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong(format!("`{port}` is not a number")));
    }
    match port.parse() {
        Ok(0) => Err(wrong("0 cannot be connected to".to_owned())),
        Ok(number) => Ok(number),
        Err(_) => Err(wrong(format!("{port} is too large"))),
    }
}

fn parse_host(host: &str) -> Result<Host, String> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return checked(address).map(Host::Address);
    }
    if let Some((address, zone)) = host.split_once('%') {
        return parse_zoned(address, zone);
    }
    if host.contains(':') {
        return Err(format!("`{host}` is no IPv6 address"));
    }
    parse_name(host)
}

/// An address that one can connect to.
fn checked(address: IpAddr) -> Result<IpAddr, String> {
    if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err(format!("{address} stands for many hosts; TCP connects to one"));
    }
    Ok(reachable(address))
}

/// The address that a client would use: where a listener shows the wildcard, its loopback.
fn reachable(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

fn parse_zoned(address: &str, zone: &str) -> Result<Host, String> {
    let address = address
        .parse::<Ipv6Addr>()
        .map_err(|_| format!("`{address}` before the % is no IPv6 address"))?;
    if !address.is_unicast_link_local() {
        return Err(format!(
            "only a link-local address (fe80::…) takes an interface, {address} does not"
        ));
    }
    if zone.is_empty() || zone.chars().any(|c| c.is_control() || c.is_whitespace() || c == '/') {
        return Err(
            "the interface after the % is missing or malformed, as in [fe80::1%eth0]:80".to_owned()
        );
    }
    Ok(Host::Zoned(address, zone.to_owned()))
}

fn parse_name(name: &str) -> Result<Host, String> {
    let wrong = |why: &str| Err(format!("the host {why}"));
    if name.is_empty() {
        return wrong("is missing; for this machine write the port alone");
    }
    if name.len() > MAX_NAME {
        return wrong("name is longer than 253 bytes, which no name server would take");
    }
    if !name.is_ascii() {
        return wrong("name has letters beyond ASCII; write it in its xn-- form");
    }
    match name.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(*c))) {
        Some('/') => wrong("name holds a `/`; a target ends with its port, without a path"),
        Some('@') => wrong("name holds an `@`; a target takes no user"),
        Some(c) => wrong(&format!("name holds `{}`, which no host name may", c.escape_debug())),
        None => Ok(Host::Name(name.to_owned())),
    }
}

#[cfg(test)]
mod tests;
