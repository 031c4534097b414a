//! One address in every notation: its class, its bytes, `struct sockaddr` as it lies in memory.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use serde::Serialize;

use crate::model::address_class::{AddressClass, class_of};

/// An address in every notation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notation {
    /// As it is usually written.
    pub address: String,
    /// `ipv4`, `ipv6` or `unix`.
    pub family: &'static str,
    /// The number of the family on Linux.
    pub family_number: u16,
    /// What it is for; `None` for a path.
    pub class: Option<AddressClass>,
    /// The address's bytes in network order.
    pub bytes: Option<String>,
    /// An IPv4 address as a number.
    pub number: Option<u32>,
    /// The same read by a machine that forgets ntohl.
    pub number_swapped: Option<u32>,
    /// The port.
    pub port: Option<u16>,
    /// Its bytes in network order.
    pub port_bytes: Option<String>,
    /// The port that a little-endian machine makes of it without htons.
    pub port_swapped: Option<u16>,
    /// The zone of a link-local address: an interface's name or index.
    pub zone: Option<String>,
    /// The number of that interface, which is what `sin6_scope_id` holds; `None` without a zone,
    /// and where this machine has no such interface.
    pub scope_id: Option<u32>,
    /// The IPv4 address that an IPv6 one carries.
    pub mapped: Option<String>,
    /// The name that a reverse look-up asks for.
    pub reverse: Option<String>,
    /// `struct sockaddr_in`, `sockaddr_in6` or `sockaddr_un` of this machine, for connect(2);
    /// `None` where the number of its zone is not known.
    pub sockaddr: Option<String>,
    /// Its length for connect(2).
    pub sockaddr_bytes: usize,
}

/// Reads `192.0.2.1`, `192.0.2.1:80`, `[::1]:80`, `fe80::1%eth0`, `/path`, `@name`. `index_of`
/// tells the number of an interface by its name.
pub fn read(text: &str, index_of: impl FnOnce(&str) -> Option<u32>) -> Result<Notation, String> {
    if text.starts_with('/') || text.starts_with('@') {
        return of_path(text);
    }
    let (addr, port, zone) = split(text).ok_or_else(|| {
        format!(
            "`{text}` is no address: write one like 192.168.0.1, 192.168.0.1:80, [::1]:80, \
             fe80::1%eth0, /run/x.sock or @name"
        )
    })?;
    let scope_id = zone.as_deref().and_then(|zone| zone.parse().ok().or_else(|| index_of(zone)));
    Ok(of_ip(addr, port, zone, scope_id))
}

fn split(text: &str) -> Option<(IpAddr, Option<u16>, Option<String>)> {
    if let Ok(addr) = text.parse::<IpAddr>() {
        return Some((addr, None, None));
    }
    if let Ok(addr) = text.parse::<SocketAddr>() {
        let zone = match addr {
            SocketAddr::V6(addr) if addr.scope_id() != 0 => Some(addr.scope_id().to_string()),
            _ => None,
        };
        return Some((addr.ip(), Some(addr.port()), zone));
    }
    // A zone may be a name, which the standard library does not read.
    let (inside, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (inside, port) = rest.split_once(']')?;
            let port = match port.strip_prefix(':') {
                Some(port) => Some(port.parse().ok()?),
                None if port.is_empty() => None,
                None => return None,
            };
            (inside, port)
        }
        None => (text, None),
    };
    let (addr, zone) = match inside.split_once('%') {
        Some((addr, zone)) if !zone.is_empty() => (addr, Some(zone.to_owned())),
        Some(_) => return None,
        None => (inside, None),
    };
    let addr: IpAddr = addr.parse().ok()?;
    (addr.is_ipv6()).then_some((addr, port, zone))
}

fn of_ip(addr: IpAddr, port: Option<u16>, zone: Option<String>, scope_id: Option<u32>) -> Notation {
    let port_number = port.unwrap_or(0);
    let (family, family_number, bytes) = match addr {
        IpAddr::V4(addr) => ("ipv4", 2_u16, addr.octets().to_vec()),
        IpAddr::V6(addr) => ("ipv6", 10, addr.octets().to_vec()),
    };
    let mut sockaddr = family_number.to_ne_bytes().to_vec();
    sockaddr.extend(port_number.to_be_bytes());
    match addr {
        IpAddr::V4(_) => {
            sockaddr.extend(&bytes);
            sockaddr.extend([0; 8]);
        }
        IpAddr::V6(_) => {
            sockaddr.extend([0; 4]);
            sockaddr.extend(&bytes);
            // An address without a zone has scope 0.
            sockaddr.extend(scope_id.unwrap_or(0).to_ne_bytes());
        }
    }
    let number = match addr {
        IpAddr::V4(addr) => Some(u32::from(addr)),
        IpAddr::V6(_) => None,
    };
    let mapped = match addr {
        IpAddr::V6(addr) => addr.to_ipv4_mapped().map(|inner| inner.to_string()),
        IpAddr::V4(_) => None,
    };
    Notation {
        address: written(addr, port, zone.as_deref()),
        family,
        family_number,
        class: Some(class_of(addr)),
        bytes: Some(hex(&bytes)),
        number,
        number_swapped: number.map(u32::swap_bytes),
        port,
        port_bytes: port.map(|port| hex(&port.to_be_bytes())),
        port_swapped: port.map(u16::swap_bytes),
        sockaddr_bytes: sockaddr.len(),
        sockaddr: (zone.is_some() == scope_id.is_some()).then(|| hex(&sockaddr)),
        zone,
        scope_id,
        mapped,
        reverse: Some(reverse(addr)),
    }
}

fn written(addr: IpAddr, port: Option<u16>, zone: Option<&str>) -> String {
    match (addr, port, zone) {
        (addr, None, None) => addr.to_string(),
        (addr, None, Some(zone)) => format!("{addr}%{zone}"),
        (IpAddr::V4(addr), Some(port), _) => format!("{addr}:{port}"),
        (IpAddr::V6(addr), Some(port), None) => SocketAddrV6::new(addr, port, 0, 0).to_string(),
        (IpAddr::V6(addr), Some(port), Some(zone)) => format!("[{addr}%{zone}]:{port}"),
    }
}

/// RFC 1035, 3.5 and RFC 3596, 2.5.
fn reverse(addr: IpAddr) -> String {
    match addr {
        IpAddr::V4(addr) => {
            let [a, b, c, d] = addr.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(addr) => {
            let digits = addr.octets().into_iter().rev();
            let names = digits.map(|byte| format!("{:x}.{:x}.", byte & 0xf, byte >> 4));
            names.collect::<String>() + "ip6.arpa"
        }
    }
}

/// `sun_path` has 108 bytes; an abstract name begins with a zero byte (unix(7)).
fn of_path(text: &str) -> Result<Notation, String> {
    const MOST: usize = 107;
    let mut sockaddr = 1_u16.to_ne_bytes().to_vec();
    match text.strip_prefix('@') {
        Some(name) => {
            sockaddr.push(0);
            sockaddr.extend(name.bytes());
        }
        None => {
            sockaddr.extend(text.bytes());
            sockaddr.push(0);
        }
    }
    if text.len() > MOST {
        return Err(format!("this path has {} bytes, and sun_path takes {MOST}", text.len()));
    }
    Ok(Notation {
        address: text.to_owned(),
        family: "unix",
        family_number: 1,
        class: None,
        bytes: None,
        number: None,
        number_swapped: None,
        port: None,
        port_bytes: None,
        port_swapped: None,
        zone: None,
        scope_id: None,
        mapped: None,
        reverse: None,
        sockaddr_bytes: sockaddr.len(),
        sockaddr: Some(hex(&sockaddr)),
    })
}

fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Notation, String> {
        super::read(text, |name| (name == "eth0").then_some(7))
    }

    fn sockaddr(text: &str) -> String {
        read(text).expect("an address").sockaddr.expect("its zone is known")
    }

    #[test]
    fn an_address_is_told_in_every_notation() {
        let told = read("192.168.0.1:80").expect("an address");
        assert_eq!(told.bytes.as_deref(), Some("c0 a8 00 01"));
        assert_eq!((told.number, told.port_swapped), (Some(3_232_235_521), Some(20_480)));
        assert_eq!(told.port_bytes.as_deref(), Some("00 50"));
        assert_eq!(told.reverse.as_deref(), Some("1.0.168.192.in-addr.arpa"));
        assert_eq!(told.sockaddr_bytes, 16);
        assert!(sockaddr("192.168.0.1:80").ends_with("00 50 c0 a8 00 01 00 00 00 00 00 00 00 00"));

        let told = read("[fe80::1%3]:443").expect("an address");
        assert_eq!((told.zone.as_deref(), told.sockaddr_bytes), (Some("3"), 28));
        assert!(told.reverse.expect("a name").starts_with("1.0.0.0."));
        assert_eq!(read("fe80::1%eth0").expect("an address").address, "fe80::1%eth0");
        let mapped = read("::ffff:10.0.0.1").expect("an address").mapped;
        assert_eq!(mapped.as_deref(), Some("10.0.0.1"));

        assert!(sockaddr("@name").ends_with("00 6e 61 6d 65"));
        let told = read("/run/x").expect("an address");
        assert_eq!(told.sockaddr_bytes, 2 + 6 + 1);
    }

    #[test]
    fn a_zone_is_the_number_of_an_interface() {
        let ends_with = |text: &str, scope: u32| {
            let scope: Vec<String> =
                scope.to_ne_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(sockaddr(text).ends_with(&scope.join(" ")), "{}", sockaddr(text));
        };
        ends_with("fe80::1%3", 3);
        ends_with("[fe80::1%3]:443", 3);
        ends_with("fe80::1%eth0", 7);
        ends_with("[fe80::1%eth0]:443", 7);
        ends_with("fe80::1", 0);
        let unknown = read("fe80::1%eth1").expect("an address");
        assert_eq!((unknown.scope_id, unknown.sockaddr), (None, None));
    }

    #[test]
    fn what_is_no_address_is_told_with_what_would_be_right() {
        for text in
            ["", "300.1.1.1", "localhost", "1.2.3.4:99999", "[::1", "fe80::1%", "1.2.3.4%lo"]
        {
            assert!(read(text).expect_err(text).contains("192.168.0.1"), "{text}");
        }
        assert!(read(&format!("/{}", "x".repeat(200))).expect_err("long").contains("107"));
    }
}
