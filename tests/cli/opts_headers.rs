//! The catalogue against the kernel's own headers, where they are installed (linux-libc-dev).

use sockpit::catalog::sockopts;

/// A header, the beginning of its options' names, and what else begins so: values, flags, other
/// names of options, protocols.
const HEADERS: [(&str, &[&str], &[&str]); 8] = [
    ("asm-generic/socket.h", &["SO_"], &["_OLD"]),
    (
        "linux/tcp.h",
        &["TCP_"],
        &["TCP_MSS_", "TCP_REPAIR_O", "TCP_MD5SIG_", "TCP_RECEIVE_", "TCP_AO_", "TCP_FLAG"],
    ),
    ("linux/in.h", &["IP_", "MCAST_"], &["IP_ORIGDSTADDR", "IP_PMTUDISC_", "IP_DEFAULT_", "CLUDE"]),
    (
        "linux/in6.h",
        &["IPV6_"],
        &[
            "IPV6_FL_",
            "IPV6_FLOWINFO_",
            "IPV6_PRIORITY_",
            "IPV6_TLV_",
            "IPV6_PMTUDISC_",
            "IPV6_PREFER_",
            "IPV6_ORIGDSTADDR",
        ],
    ),
    ("linux/udp.h", &["UDP_"], &["UDP_ENCAP_"]),
    (
        "linux/if_packet.h",
        &["PACKET_"],
        &[
            "PACKET_HOST",
            "PACKET_BROADCAST",
            "PACKET_MULTICAST",
            "PACKET_OTHERHOST",
            "PACKET_OUTGOING",
            "PACKET_LOOPBACK",
            "PACKET_USER",
            "PACKET_KERNEL",
            "PACKET_FASTROUTE",
            "PACKET_MR_",
            "PACKET_FANOUT_",
        ],
    ),
    (
        "linux/netlink.h",
        &["NETLINK_"],
        &[
            "NETLINK_ROUTE",
            "NETLINK_UNUSED",
            "NETLINK_USERSOCK",
            "NETLINK_FIREWALL",
            "NETLINK_SOCK_DIAG",
            "NETLINK_NFLOG",
            "NETLINK_XFRM",
            "NETLINK_SELINUX",
            "NETLINK_ISCSI",
            "NETLINK_AUDIT",
            "NETLINK_FIB_LOOKUP",
            "NETLINK_CONNECTOR",
            "NETLINK_NETFILTER",
            "NETLINK_IP6_FW",
            "NETLINK_DNRTMSG",
            "NETLINK_KOBJECT_UEVENT",
            "NETLINK_GENERIC",
            "NETLINK_SCSITRANSPORT",
            "NETLINK_ECRYPTFS",
            "NETLINK_RDMA",
            "NETLINK_CRYPTO",
            "NETLINK_SMC",
            "NETLINK_INET_DIAG",
            "NETLINK_UNCONNECTED",
            "NETLINK_CONNECTED",
        ],
    ),
    ("linux/tls.h", &["TLS_TX", "TLS_RX"], &[]),
];

#[test]
fn every_option_of_the_kernels_headers_is_in_the_catalogue() {
    let mut missing = Vec::new();
    let mut seen = 0;
    for (header, prefixes, exceptions) in HEADERS {
        let path = format!("/usr/include/{header}");
        let Ok(text) = std::fs::read_to_string(&path) else {
            return crate::support::cannot_run(&format!("no {path} (linux-libc-dev)"));
        };
        for line in text.lines().filter_map(|line| line.strip_prefix("#define")) {
            let mut words = line.split_whitespace();
            let (Some(name), Some(number)) = (words.next(), words.next()) else { continue };
            let is_option = prefixes.iter().any(|prefix| name.starts_with(prefix))
                && number.parse::<i32>().is_ok()
                && !exceptions.iter().any(|part| name.contains(part));
            if !is_option {
                continue;
            }
            seen += 1;
            match sockopts::find(name) {
                Some((_, entry)) if number.parse() == Ok(entry.number) => {}
                found => {
                    missing.push(format!("{name} {number}: {:?}", found.map(|it| it.1.number)));
                }
            }
        }
    }
    assert!(seen > 150, "{seen}");
    assert!(missing.is_empty(), "in {HEADERS:?} and not in assets/sockopts.toml: {missing:#?}");
}
