//! Where a target is: an address, a name, or this machine.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest host name that the domain name system carries (RFC 1035, 2.3.4).
const MAX_NAME: usize = 253;

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
    /// A socket of this machine, by its path.
    Path(String),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ThisMachine => f.write_str("localhost"),
            Self::Address(address) => address.fmt(f),
            Self::Zoned(address, zone) => write!(f, "{address}%{zone}"),
            Self::Name(name) => f.write_str(name),
            Self::Path(path) => f.write_str(path),
        }
    }
}

pub(super) fn parse(host: &str) -> Result<Host, String> {
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
        return Err(format!("{address} stands for many hosts; a probe goes to one"));
    }
    Ok(reachable(address))
}

/// The address that a client would use: where a listener shows the wildcard, its loopback.
pub(super) fn reachable(address: IpAddr) -> IpAddr {
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
        Some('/') => wrong("name holds a `/`; a path follows the port of an http:// target"),
        Some('@') => wrong("name holds an `@`; a target takes no user"),
        Some(c) => wrong(&format!("name holds `{}`, which no host name may", c.escape_debug())),
        None => Ok(Host::Name(name.to_owned())),
    }
}
