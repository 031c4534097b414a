//! `/proc/net/route` and `/proc/net/ipv6_route` (proc(5); net/ipv4/fib_trie.c, net/ipv6/route.c).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::route_table::RouteEntry;

/// `RTF_UP` of linux/route.h.
const UP: u32 = 1;

/// A line of `/proc/net/route`: interface, destination and gateway as a word in host order,
/// flags, three counters, metric, mask.
pub fn ipv4(line: &str) -> Option<RouteEntry> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [interface, destination, gateway, flags, _, _, metric, mask, ..] = words[..] else {
        return None;
    };
    let addr = |word: &str| {
        // The word is the address's bytes as they lie in memory.
        Some(Ipv4Addr::from(u32::from_str_radix(word, 16).ok()?.to_ne_bytes()))
    };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let gateway = addr(gateway)?;
    (flags & UP != 0).then_some(())?;
    Some(RouteEntry {
        destination: IpAddr::V4(addr(destination)?),
        prefix: u8::try_from(u32::from(addr(mask)?).count_ones()).ok()?,
        gateway: (!gateway.is_unspecified()).then_some(IpAddr::V4(gateway)),
        interface: interface.to_owned(),
        metric: metric.parse().ok()?,
    })
}

/// A line of `/proc/net/ipv6_route`: destination and its prefix, source and its prefix, next hop,
/// metric, two counters, flags, interface.
pub fn ipv6(line: &str) -> Option<RouteEntry> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [destination, prefix, _, _, gateway, metric, _, _, flags, interface] = words[..] else {
        return None;
    };
    let addr = |word: &str| (word.len() == 32).then(|| u128::from_str_radix(word, 16).ok())?;
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let gateway = Ipv6Addr::from(addr(gateway)?);
    (flags & UP != 0).then_some(())?;
    Some(RouteEntry {
        destination: IpAddr::V6(addr(destination)?.into()),
        prefix: u8::from_str_radix(prefix, 16).ok()?,
        gateway: (!gateway.is_unspecified()).then_some(IpAddr::V6(gateway)),
        interface: interface.to_owned(),
        metric: u32::from_str_radix(metric, 16).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const V6: &str = "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 \
                      00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0";

    #[test]
    fn routes_are_read() {
        let gateway = u32::from_ne_bytes([10, 0, 0, 1]);
        let line = format!("eth0\t00000000\t{gateway:08X}\t0003\t0\t0\t100\t00000000\t0\t0\t0");
        let route = ipv4(&line).expect("a route");
        assert_eq!((route.prefix, route.metric), (0, 100));
        assert_eq!(route.gateway, Some("10.0.0.1".parse().expect("an address")));
        let route = ipv6(V6).expect("a route");
        assert_eq!((route.destination.to_string(), route.prefix), ("fe80::".to_owned(), 64));
        assert_eq!((route.gateway, &*route.interface), (None, "eth0"));
    }

    #[test]
    fn what_is_cut_is_no_route() {
        for end in 0..V6.len() - "     eth0".len() {
            assert_eq!(ipv6(&V6[..end]), None);
        }
        assert_eq!(ipv4("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask"), None);
    }
}
