//! Names of protocol numbers, as they stand in counts: lower case, one word.

use std::borrow::Cow;

use etherparse::IpNumber;

pub use link_types::link_type;

mod link_types;

/// An IP protocol number (IANA "Assigned Internet Protocol Numbers").
pub fn ip_protocol(number: u8) -> Cow<'static, str> {
    let name = match number {
        // As the layers of a frame are named.
        0 => "ipv6_hop_by_hop",
        43 => "ipv6_routing",
        44 => "ip_fragment",
        60 => "ipv6_destination_options",
        1 => "icmp",
        2 => "igmp",
        4 => "ipv4_in_ip",
        6 => "tcp",
        17 => "udp",
        41 => "ipv6_in_ip",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmpv6",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        132 => "sctp",
        _ => return registered_ip_protocol(number),
    };
    Cow::Borrowed(name)
}

fn registered_ip_protocol(number: u8) -> Cow<'static, str> {
    match IpNumber(number).keyword_str() {
        Some(keyword) => Cow::Owned(
            keyword
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
                .collect(),
        ),
        None => Cow::Owned(format!("ip_protocol_{number}")),
    }
}

/// An EtherType (IEEE registration authority).
pub fn ether_type(number: u16) -> Cow<'static, str> {
    let name = match number {
        0x0800 => "ipv4",
        0x0806 => "arp",
        0x0842 => "wake_on_lan",
        0x22f0 => "avtp",
        0x6558 => "trans_ether_bridging",
        0x8035 => "rarp",
        0x80f3 => "aarp",
        0x8137 => "ipx",
        0x86dd => "ipv6",
        0x8808 => "mac_control",
        0x8809 => "slow_protocols",
        0x8847 | 0x8848 => "mpls",
        0x8863 => "pppoe_discovery",
        0x8864 => "pppoe",
        0x887b | 0x88e1 => "homeplug",
        0x888e => "eapol",
        0x8892 => "profinet",
        0x889a => "hyperscsi",
        0x88a2 => "ata_over_ethernet",
        0x88a4 => "ethercat",
        0x88b8 => "goose",
        0x88ba => "sampled_values",
        0x88cc => "lldp",
        0x88e5 => "macsec",
        0x88f5 => "mvrp",
        0x88f7 => "ptp",
        0x8902 => "cfm",
        0x8906 => "fcoe",
        0x8914 => "fcoe_initialisation",
        0x8915 => "roce",
        0x891d => "tte",
        0x892f => "hsr",
        0x9000 => "loopback_test",
        _ => return Cow::Owned(format!("ethertype_{number:04x}")),
    };
    Cow::Borrowed(name)
}

/// An IEEE 802.2 service access point.
pub fn llc(access_point: u8) -> &'static str {
    match access_point {
        0x42 => "stp",
        0xe0 => "ipx",
        0xf0 => "netbeui",
        0xfe => "osi",
        _ => "llc",
    }
}

/// A protocol of Cisco's behind SNAP (OUI 00-00-0c) or in Cisco HDLC.
pub fn cisco(number: u16) -> &'static str {
    match number {
        0x0104 => "pagp",
        0x010b => "pvst",
        0x0111 => "udld",
        0x2000 => "cdp",
        0x2003 => "vtp",
        0x2004 => "dtp",
        0x8035 => "slarp",
        _ => "cisco",
    }
}

/// An ICMP message by type and code (IANA "ICMP Parameters").
pub fn icmp(kind: u8, code: u8) -> Cow<'static, str> {
    let name = match (kind, code) {
        (0, _) => "echo reply",
        (3, 0) => "network unreachable",
        (3, 1) => "host unreachable",
        (3, 2) => "protocol unreachable",
        (3, 3) => "port unreachable",
        (3, 4) => "fragmentation needed",
        (3, 5) => "source route failed",
        (3, 6) => "network unknown",
        (3, 7) => "host unknown",
        (3, 9) => "network prohibited",
        (3, 10) => "host prohibited",
        (3, 11) => "network unreachable for this service",
        (3, 12) => "host unreachable for this service",
        (3, 13) => "communication prohibited",
        (3, _) => "destination unreachable",
        (4, _) => "source quench",
        (5, 0) => "redirect for network",
        (5, 1) => "redirect for host",
        (5, _) => "redirect",
        (8, _) => "echo request",
        (9, _) => "router advertisement",
        (10, _) => "router solicitation",
        (11, 0) => "time exceeded in transit",
        (11, 1) => "reassembly time exceeded",
        (11, _) => "time exceeded",
        (12, _) => "parameter problem",
        (13, _) => "timestamp request",
        (14, _) => "timestamp reply",
        (42, _) => "extended echo request",
        (43, _) => "extended echo reply",
        _ => return Cow::Owned(format!("type {kind}")),
    };
    Cow::Borrowed(name)
}

/// An ICMPv6 message by type and code (IANA "ICMPv6 Parameters").
pub fn icmpv6(kind: u8, code: u8) -> Cow<'static, str> {
    let name = match (kind, code) {
        (1, 0) => "no route",
        (1, 1) => "communication prohibited",
        (1, 2) => "beyond scope of source address",
        (1, 3) => "address unreachable",
        (1, 4) => "port unreachable",
        (1, 5) => "source address failed policy",
        (1, 6) => "route rejected",
        (1, _) => "destination unreachable",
        (2, _) => "packet too big",
        (3, 0) => "hop limit exceeded",
        (3, 1) => "reassembly time exceeded",
        (3, _) => "time exceeded",
        (4, _) => "parameter problem",
        (128, _) => "echo request",
        (129, _) => "echo reply",
        (130, _) => "multicast listener query",
        (131, _) => "multicast listener report",
        (132, _) => "multicast listener done",
        (133, _) => "router solicitation",
        (134, _) => "router advertisement",
        (135, _) => "neighbor solicitation",
        (136, _) => "neighbor advertisement",
        (137, _) => "redirect",
        (143, _) => "multicast listener report v2",
        (160, _) => "extended echo request",
        (161, _) => "extended echo reply",
        _ => return Cow::Owned(format!("type {kind}")),
    };
    Cow::Borrowed(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ip_protocol_has_a_name_of_its_own() {
        let names: std::collections::HashSet<_> = (0..=255).map(ip_protocol).collect();
        assert_eq!(names.len(), 256);
        for name in &names {
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
        }
    }

    #[test]
    fn names_are_those_of_the_json_contract() {
        assert_eq!(ip_protocol(6), "tcp");
        assert_eq!(ip_protocol(58), "icmpv6");
        assert_eq!(ip_protocol(253), "ip_protocol_253");
        assert_eq!(ether_type(0x0806), "arp");
        assert_eq!(ether_type(0x88b5), "ethertype_88b5");
        assert_eq!(icmp(3, 3), "port unreachable");
        assert_eq!(icmpv6(1, 4), "port unreachable");
    }
}
