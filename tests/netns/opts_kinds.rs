//! A socket of every kind, and values to set each option to.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use sockpit::catalog::sockopts::Entry;
use sockpit::model::options::{OptionType, OptionValue};

/// The three arguments of socket(2).
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) domain: i32,
    pub(super) r#type: i32,
    pub(super) protocol: i32,
}

const fn kind(name: &'static str, domain: i32, r#type: i32, protocol: i32) -> Kind {
    Kind { name, domain, r#type, protocol }
}

const INET: i32 = libc::AF_INET;
const INET6: i32 = libc::AF_INET6;

pub(super) const ALL: [Kind; 18] = [
    kind("tcp4", INET, libc::SOCK_STREAM, libc::IPPROTO_TCP),
    kind("tcp6", INET6, libc::SOCK_STREAM, libc::IPPROTO_TCP),
    kind("mptcp4", INET, libc::SOCK_STREAM, 262),
    kind("mptcp6", INET6, libc::SOCK_STREAM, 262),
    kind("udp4", INET, libc::SOCK_DGRAM, libc::IPPROTO_UDP),
    kind("udp6", INET6, libc::SOCK_DGRAM, libc::IPPROTO_UDP),
    kind("udplite4", INET, libc::SOCK_DGRAM, 136),
    kind("raw4", INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
    kind("raw6", INET6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6),
    kind("ping4", INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP),
    kind("ping6", INET6, libc::SOCK_DGRAM, libc::IPPROTO_ICMPV6),
    kind("unix stream", libc::AF_UNIX, libc::SOCK_STREAM, 0),
    kind("unix dgram", libc::AF_UNIX, libc::SOCK_DGRAM, 0),
    kind("unix seqpacket", libc::AF_UNIX, libc::SOCK_SEQPACKET, 0),
    kind("packet", libc::AF_PACKET, libc::SOCK_RAW, 0),
    kind("netlink", libc::AF_NETLINK, libc::SOCK_RAW, 0),
    kind("vsock", libc::AF_VSOCK, libc::SOCK_STREAM, 0),
    kind("xdp", libc::AF_XDP, libc::SOCK_RAW, 0),
];

impl Kind {
    /// A new socket; `None` where this kernel has none of the kind.
    pub(super) fn open(&self) -> Option<OwnedFd> {
        let flags = self.r#type | libc::SOCK_CLOEXEC;
        // SAFETY: takes three numbers.
        let fd = unsafe { libc::socket(self.domain, flags, self.protocol) };
        // SAFETY: the descriptor is new and nobody else's.
        (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

/// setsockopt; the error number, `None` where it was taken.
pub(super) fn set(fd: RawFd, level: i32, number: i32, value: &[u8]) -> Option<i32> {
    let length = libc::socklen_t::try_from(value.len()).unwrap();
    // SAFETY: the pointer is to `length` bytes that outlive the call.
    let result = unsafe { libc::setsockopt(fd, level, number, value.as_ptr().cast(), length) };
    (result != 0).then(|| std::io::Error::last_os_error().raw_os_error().unwrap())
}

/// Values that an option may take, of which the kernel takes one where it can be set at all.
pub(super) fn candidates(entry: &Entry, old: &OptionValue) -> Vec<Vec<u8>> {
    let ints = |numbers: &[i32]| numbers.iter().map(|n| n.to_ne_bytes().to_vec()).collect();
    match entry.name.as_str() {
        "SO_MAX_PACING_RATE" => vec![100_000_u64.to_ne_bytes().to_vec()],
        "TCP_CONGESTION" => vec![b"reno".to_vec()],
        "TCP_ULP" => vec![b"tls".to_vec()],
        "SO_BINDTODEVICE" => vec![b"lo".to_vec()],
        "IP_MULTICAST_IF" => vec![vec![127, 0, 0, 1]],
        "IP_OPTIONS" => vec![vec![1, 1, 1, 0]],
        "IPV6_HOPOPTS" | "IPV6_DSTOPTS" | "IPV6_RTHDRDSTOPTS" => vec![vec![0, 0, 1, 4, 0, 0, 0, 0]],
        "IP_UNICAST_IF" | "IPV6_UNICAST_IF" => vec![1_u32.to_be_bytes().to_vec()],
        "SO_TXTIME" => vec![[1_i32, 0].map(i32::to_ne_bytes).concat()],
        "IP_LOCAL_PORT_RANGE" => vec![(40000_u32 | 40010 << 16).to_ne_bytes().to_vec()],
        "TCP_RTO_MIN_US" | "TCP_DELACK_MAX_US" => ints(&[100_000]),
        "TCP_REPAIR_WINDOW" => vec![vec![0; 20]],
        "IPV6_MTU" => ints(&[1400]),
        _ => match entry.r#type {
            OptionType::Linger => vec![[1_i32, 5].map(i32::to_ne_bytes).concat()],
            OptionType::Timeval => vec![[2_i64, 0].map(i64::to_ne_bytes).concat()],
            OptionType::Bytes if entry.length() == 8 => {
                vec![100_000_u64.to_ne_bytes().to_vec(), 300_000_u64.to_ne_bytes().to_vec()]
            }
            OptionType::Bytes => ints(&[4096, 1200, 60_000]),
            // The other one: to take what it has already is no sign.
            OptionType::Bool => ints(&[i32::from(*old != OptionValue::Bool(true))]),
            _ => ints(&[2, 1, 16, 100, 1000]),
        },
    }
}
