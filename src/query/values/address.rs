//! Addresses and networks of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::socket::Endpoint;
use crate::query::error::echo;
use crate::query::needle::{Pattern, write_quoted};

/// Any of several.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::query) struct AddressSet(Vec<Address>);

#[derive(Clone, Debug, PartialEq)]
enum Address {
    /// `0.0.0.0` or `::`: every local address.
    Wildcard,
    /// 127.0.0.0/8 or ::1.
    Loopback,
    /// One address, of one zone where that is said.
    Host { addr: IpAddr, scope: Option<Box<str>> },
    /// Masked to its prefix.
    Network { addr: IpAddr, prefix: u8 },
    /// A part of a UNIX path or abstract name.
    Path { text: Box<str>, pattern: Pattern },
}

impl AddressSet {
    /// Adds what `text` says: an address, a network, `*`, `localhost`, a UNIX path.
    pub(in crate::query) fn add(&mut self, text: &str) -> Result<(), String> {
        self.0.push(Address::parse(text).ok_or_else(|| expectation(text))?);
        Ok(())
    }

    pub(in crate::query) fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    pub(in crate::query) fn contains(&self, end: &Endpoint) -> bool {
        self.0.iter().any(|address| address.contains(end))
    }

    /// Whether an IP address can be in it.
    pub(in crate::query) fn has_ip(&self) -> bool {
        self.0.iter().any(|address| !matches!(address, Address::Path { .. }))
    }

    /// Whether a path or abstract name can be in it.
    pub(in crate::query) fn has_path(&self) -> bool {
        self.0.iter().any(|address| matches!(address, Address::Path { .. }))
    }

    /// Whether every IPv4 and IPv6 address is in it.
    pub(in crate::query) fn contains_all(&self) -> bool {
        let all_of = |is_family: fn(&IpAddr) -> bool| {
            self.0.iter().any(|address| {
                matches!(address, Address::Network { addr, prefix: 0 } if is_family(addr))
            })
        };
        all_of(IpAddr::is_ipv4) && all_of(IpAddr::is_ipv6)
    }
}

/// A network in prefix notation, and nothing else.
pub(in crate::query) fn is_network(text: &str) -> bool {
    parse_network(text).is_some()
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        match bare {
            "*" => return Some(Self::Wildcard),
            "localhost" | "loopback" => return Some(Self::Loopback),
            _ if bare.starts_with(['/', '@']) => {
                return Some(Self::Path { text: bare.into(), pattern: Pattern::part(bare) });
            }
            _ => {}
        }
        parse_network(bare).or_else(|| parse_host(bare))
    }

    fn contains(&self, end: &Endpoint) -> bool {
        if let Self::Path { pattern, .. } = self {
            return end.path.as_deref().is_some_and(|path| pattern.matches(path));
        }
        let Some(known) = end.canonical_addr() else { return false };
        match self {
            Self::Wildcard => end.is_wildcard(),
            Self::Loopback => known.is_loopback(),
            Self::Host { addr, scope } => {
                *addr == known && (scope.is_none() || *scope == end.scope)
            }
            Self::Network { addr, prefix } => masked(known, *prefix) == Some(*addr),
            Self::Path { .. } => false,
        }
    }
}

fn parse_host(text: &str) -> Option<Address> {
    let (addr, scope) = match text.split_once('%') {
        Some((_, "")) => return None,
        Some((addr, scope)) => (addr, Some(scope)),
        None => (text, None),
    };
    let addr: IpAddr = addr.parse().ok()?;
    if scope.is_some() && addr.is_ipv4() {
        return None;
    }
    Some(Address::Host { addr: addr.to_canonical(), scope: scope.map(Into::into) })
}

fn parse_network(text: &str) -> Option<Address> {
    let (addr, prefix) = text.split_once('/')?;
    let addr: IpAddr = addr.parse().ok()?;
    if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let prefix: u8 = prefix.parse().ok()?;
    let (addr, prefix) = match (addr, addr.to_canonical()) {
        // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
        (IpAddr::V6(_), mapped @ IpAddr::V4(_)) if prefix >= 96 => (mapped, prefix - 96),
        (addr, _) => (addr, prefix),
    };
    Some(Address::Network { addr: masked(addr, prefix)?, prefix })
}

/// The address with the bits after the prefix cleared; `None` if it has fewer bits.
fn masked(addr: IpAddr, prefix: u8) -> Option<IpAddr> {
    let prefix = u32::from(prefix);
    Some(match addr {
        IpAddr::V4(addr) => {
            let host = u32::MAX.checked_shr(prefix).unwrap_or(0);
            (prefix <= 32).then(|| Ipv4Addr::from(u32::from(addr) & !host).into())?
        }
        IpAddr::V6(addr) => {
            let host = u128::MAX.checked_shr(prefix).unwrap_or(0);
            (prefix <= 128).then(|| Ipv6Addr::from(u128::from(addr) & !host).into())?
        }
    })
}

fn expectation(text: &str) -> String {
    let advice = match text.split_once('/') {
        Some((addr, _)) if addr.parse::<Ipv4Addr>().is_ok() => {
            "an IPv4 prefix is 0 to 32".to_owned()
        }
        Some((addr, _)) if addr.parse::<Ipv6Addr>().is_ok() => {
            "an IPv6 prefix is 0 to 128".to_owned()
        }
        _ => network_meant(text).map_or_else(
            || {
                "write an address, a network such as 10.0.0.0/8, *, localhost or a UNIX path \
                 (names are not resolved)"
                    .to_owned()
            },
            |meant| format!("for the whole network write {meant}"),
        ),
    };
    format!("{} is no address: {advice}", echo(text))
}

/// `10.0.` or `10.0` was probably meant as 10.0.0.0/16.
fn network_meant(text: &str) -> Option<String> {
    let text = text.trim_end_matches(['*', '.']);
    let parts: Vec<&str> = text.split('.').collect();
    let known = parts.len();
    if !(1..=3).contains(&known) || !parts.iter().all(|part| part.parse::<u8>().is_ok()) {
        return None;
    }
    let zeros = ".0".repeat(4 - known);
    Some(format!("{text}{zeros}/{}", 8 * known))
}

impl fmt::Display for AddressSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match address {
                Address::Wildcard => f.write_str("*")?,
                Address::Loopback => f.write_str("localhost")?,
                Address::Host { addr, scope: None } => write!(f, "{addr}")?,
                Address::Host { addr, scope: Some(scope) } => {
                    write_quoted(&format!("{addr}%{scope}"), f)?;
                }
                Address::Network { addr, prefix } => write!(f, "{addr}/{prefix}")?,
                Address::Path { text, .. } => write_quoted(text, f)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, addr: &str) -> bool {
        let mut set = AddressSet::default();
        set.add(text).unwrap();
        set.contains(&Endpoint::ip(addr.parse::<IpAddr>().unwrap(), 80))
    }

    #[test]
    fn networks_hold_their_addresses() {
        for (network, addr, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.7/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("0.0.0.0/0", "9.9.9.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("::/0", "2001:db8:1::1", true),
            ("[::1]", "::1", true),
            ("::1/128", "::1", true),
            ("localhost", "127.9.9.9", true),
            ("*", "::", true),
            ("*", "127.0.0.1", false),
            ("0.0.0.0", "::", false),
        ] {
            assert_eq!(holds(network, addr), expected, "{network} {addr}");
        }
    }

    #[test]
    fn a_zone_narrows() {
        let mut set = AddressSet::default();
        set.add("fe80::1%eth0").unwrap();
        let mut end = Endpoint::ip("fe80::1".parse::<IpAddr>().unwrap(), 80);
        assert!(!set.contains(&end));
        end.scope = Some("eth0".into());
        assert!(set.contains(&end));
    }

    #[test]
    fn what_is_no_address_is_told_what_would_be() {
        for (text, part) in [
            ("10.0", "10.0.0.0/16"),
            ("192.168.*", "192.168.0.0/16"),
            ("10.0.0.0/33", "0 to 32"),
            ("::1/129", "0 to 128"),
            ("example.org", "not resolved"),
            ("1.2.3.4%eth0", "no address"),
            ("fe80::1%", "no address"),
        ] {
            let complaint = AddressSet::default().add(text).unwrap_err();
            assert!(complaint.contains(part), "{text}: {complaint}");
        }
    }
}
