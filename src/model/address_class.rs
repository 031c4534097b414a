//! What an IP address is for: RFC 6890, RFC 4291, RFC 4193, RFC 6598.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

/// What an address is for, and how far it is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AddressClass {
    /// `loopback`, `private`, `global`, …
    pub name: &'static str,
    /// `host`, `link`, `site`, `global`, or `none` for what is no destination.
    pub scope: &'static str,
    /// Where that is laid down.
    pub source: &'static str,
}

const fn class(name: &'static str, scope: &'static str, source: &'static str) -> AddressClass {
    AddressClass { name, scope, source }
}

/// The class of an address.
pub fn class_of(addr: IpAddr) -> AddressClass {
    match addr {
        IpAddr::V4(addr) => of_v4(addr),
        IpAddr::V6(addr) => of_v6(addr),
    }
}

fn of_v4(addr: Ipv4Addr) -> AddressClass {
    let [a, b, c, _] = addr.octets();
    match (a, b, c) {
        (0, ..) if addr.is_unspecified() => class("any address", "none", "RFC 1122, 3.2.1.3"),
        (0, ..) => class("this network", "none", "RFC 1122, 3.2.1.3"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => class("private", "site", "RFC 1918"),
        (100, 64..=127, _) => class("shared (carrier NAT)", "site", "RFC 6598"),
        (127, ..) => class("loopback", "host", "RFC 1122, 3.2.1.3"),
        (169, 254, _) => class("link-local", "link", "RFC 3927"),
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => class("documentation", "none", "RFC 5737"),
        (198, 18..=19, _) => class("benchmarks", "site", "RFC 2544"),
        (224, 0, 0) => class("multicast", "link", "RFC 5771"),
        (239, ..) => class("multicast", "site", "RFC 2365"),
        (224..=239, ..) => class("multicast", "global", "RFC 5771"),
        (240..=255, ..) if addr.is_broadcast() => class("broadcast", "link", "RFC 919"),
        (240..=255, ..) => class("reserved", "none", "RFC 1112"),
        _ => class("unicast", "global", "RFC 6890"),
    }
}

fn of_v6(addr: Ipv6Addr) -> AddressClass {
    let segments = addr.segments();
    if addr.is_unspecified() {
        return class("any address", "none", "RFC 4291, 2.5.2");
    }
    if addr.is_loopback() {
        return class("loopback", "host", "RFC 4291, 2.5.3");
    }
    if let Some(inner) = addr.to_ipv4_mapped() {
        return AddressClass { name: "IPv4-mapped", ..of_v4(inner) };
    }
    if segments[..2] == [0x2001, 0xdb8] || segments[0] == 0x3fff && segments[1] < 0x1000 {
        return class("documentation", "none", "RFC 3849, RFC 9637");
    }
    if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return class("translated IPv4 (NAT64)", "global", "RFC 6052");
    }
    match segments[0] {
        0x2002 => class("6to4", "global", "RFC 3056"),
        0xfe80..=0xfebf => class("link-local", "link", "RFC 4291, 2.5.6"),
        0xfc00..=0xfdff => class("unique local", "site", "RFC 4193"),
        0xff00..=0xffff => {
            let scope = match segments[0] & 0xf {
                1 => "host",
                2 => "link",
                3..=8 => "site",
                _ => "global",
            };
            class("multicast", scope, "RFC 4291, 2.7")
        }
        0x2000..=0x3fff => class("unicast", "global", "RFC 4291, 2.5.4"),
        _ => class("reserved", "none", "RFC 4291"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_class_and_a_scope() {
        for (addr, name, scope) in [
            ("127.8.9.1", "loopback", "host"),
            ("192.168.0.1", "private", "site"),
            ("172.32.0.1", "unicast", "global"),
            ("100.64.0.1", "shared (carrier NAT)", "site"),
            ("169.254.1.1", "link-local", "link"),
            ("255.255.255.255", "broadcast", "link"),
            ("224.0.0.251", "multicast", "link"),
            ("0.0.0.0", "any address", "none"),
            ("::1", "loopback", "host"),
            ("::ffff:10.0.0.1", "IPv4-mapped", "site"),
            ("fe80::1", "link-local", "link"),
            ("fd00::1", "unique local", "site"),
            ("ff02::1", "multicast", "link"),
            ("ff0e::1", "multicast", "global"),
            ("2001:db8::1", "documentation", "none"),
            ("2606:4700::1", "unicast", "global"),
        ] {
            let told = class_of(addr.parse().expect("an address"));
            assert_eq!((told.name, told.scope), (name, scope), "{addr}");
        }
    }
}
