use std::collections::HashSet;

use super::*;

/// What takes something away, makes something or tells a key when it is read.
const NEVER_READ: [&str; 12] = [
    "SO_ERROR",
    "SO_PEERPIDFD",
    "SO_ATTACH_FILTER",
    "TCP_SAVED_SYN",
    "TCP_ZEROCOPY_RECEIVE",
    "TCP_FASTOPEN_KEY",
    "TCP_MD5SIG",
    "TCP_MD5SIG_EXT",
    "TCP_AO_ADD_KEY",
    "TCP_AO_GET_KEYS",
    "TCP_AO_REPAIR",
    "IP_PKTOPTIONS",
];

#[test]
fn names_and_numbers_are_unique_and_in_order() {
    let mut names = HashSet::new();
    for level in &catalogue().levels {
        for pair in level.options.windows(2) {
            assert!(pair[0].number < pair[1].number, "{} {}", pair[0].name, pair[1].name);
        }
        for entry in &level.options {
            assert!(names.insert(&entry.name), "{} stands twice", entry.name);
        }
    }
    assert!(names.len() > 200);
}

#[test]
fn what_reading_would_spoil_is_never_read() {
    for name in NEVER_READ {
        let (_, entry) = find(name).unwrap_or_else(|| panic!("{name} is not in the catalogue"));
        assert_ne!(entry.read, Read::Pure, "{name}");
    }
}

#[test]
fn every_option_that_is_read_has_a_buffer_and_a_meaning() {
    for (_, entry) in entries() {
        assert!(!entry.about.is_empty(), "{}", entry.name);
        let named = matches!(entry.r#type, OptionType::Enum | OptionType::Flags);
        assert_eq!(named, !entry.values.is_empty(), "{}", entry.name);
        if entry.read == Read::Pure {
            assert!((1..=1024).contains(&entry.length()), "{}", entry.name);
        }
    }
}

#[test]
fn what_an_option_applies_to_is_a_family_or_a_protocol() {
    let known = "ipv4 ipv6 unix packet netlink vsock xdp tcp udp udplite mptcp raw icmp";
    for (_, entry) in entries() {
        for name in &entry.applies_to {
            assert!(known.split(' ').any(|word| word == name), "{}: {name}", entry.name);
        }
    }
}

#[test]
fn levels_are_only_tried_where_their_numbers_mean_them() {
    let tcp = &catalogue().levels[1];
    assert_eq!(tcp.name, "IPPROTO_TCP");
    assert!(tcp.is_tried_on("AF_INET6"));
    // 6 is SOL_L2CAP there.
    assert!(!tcp.is_tried_on("AF_BLUETOOTH"));
    assert!(catalogue().levels[0].is_tried_on("AF_BLUETOOTH"));
}

#[test]
fn names_of_values_come_in_the_order_of_their_numbers() {
    let (_, entry) = find("SO_TIMESTAMPING").expect("in the catalogue");
    assert!(entry.values.is_sorted_by_key(|(_, number)| *number));
    let (_, entry) = find("SO_TYPE").expect("in the catalogue");
    assert_eq!(entry.value_name(2), Some("SOCK_DGRAM"));
    assert_eq!(entry.value_name(99), None);
}

#[test]
fn the_source_of_a_default_depends_on_the_protocol() {
    let (level, entry) = find("so_rcvbuf").expect("in the catalogue");
    assert_eq!(level.name, "SOL_SOCKET");
    assert_eq!(entry.default_source(true), Some("net.ipv4.tcp_rmem"));
    assert_eq!(entry.default_source(false), Some("net.core.rmem_default"));
}
