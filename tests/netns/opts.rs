//! Options of sockets of every kind and at every stage of life: who changed what, and what can be
//! set at all.

#[path = "opts_kinds.rs"]
mod kinds;
#[path = "opts_random.rs"]
mod random;
#[path = "opts_stages.rs"]
mod stages;
#[path = "opts_waiters.rs"]
mod waiters;

use std::os::fd::{AsRawFd, RawFd};

use sockpit::catalog::sockopts::{self, Entry, Read};
use sockpit::inspect::options::Inspector;
use sockpit::model::options::{ChangedBy, OptionType, OptionsReport, SocketOption};

use crate::support::{in_namespace, run};

/// What is told of a socket of this process.
fn report(fd: &impl AsRawFd) -> OptionsReport {
    let told = Inspector::default().options_at(std::process::id(), fd.as_raw_fd(), |_| None);
    told.unwrap()
}

fn option<'a>(report: &'a OptionsReport, name: &str) -> Option<&'a SocketOption> {
    report.options.iter().find(|option| option.name == name)
}

/// A pair of devices, so that there are link-local addresses, and a way for packets to nowhere.
fn with_devices() {
    let ip = |line: &str| run(std::process::Command::new("ip").args(line.split(' ')));
    ip("link add va type veth peer name vb");
    for line in ["link set va up", "link set vb up", "addr add fe80::77/64 dev va nodad"] {
        ip(line);
    }
    ip("addr add 10.9.9.9/24 dev va");
    ip("addr add 2001:db8:9::9/64 dev va nodad");
    std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 0").unwrap();
}

#[test]
fn what_nobody_set_is_never_the_programs_doing() {
    in_namespace(|| {
        with_devices();
        let all = stages::all();
        assert!(all.len() > 80, "{}", all.len());
        for (stage, socket) in &all {
            let report = report(socket);
            let by_program: Vec<&SocketOption> =
                report.options.iter().filter(|option| option.changed == Some(true)).collect();
            assert!(by_program.is_empty(), "{stage}: {by_program:#?}");
            for option in &report.options {
                let by_kernel = option.changed_by == Some(ChangedBy::Kernel);
                assert_eq!(by_kernel, option.changed_by.is_some(), "{stage}: {option:?}");
                assert!(!by_kernel || option.why.is_some(), "{stage}: {option:?}");
            }
        }
    });
}

/// Options whose doing cannot be told on a connection, or whose value is the same whatever is set.
const UNTELLABLE: [&str; 2] = ["IPV6_UNICAST_HOPS", "SO_PRIORITY"];

#[test]
fn what_is_set_is_the_programs_doing_and_what_is_writable_can_be_set() {
    in_namespace(|| {
        with_devices();
        let mut compared = 0;
        for kind in kinds::ALL {
            let Some(pristine) = kind.open() else { continue };
            let before = report(&pristine);
            for (level, entry) in sockopts::entries().filter(|(_, entry)| is_tried(entry)) {
                let Some(old) = option(&before, &entry.name) else { continue };
                let socket = kind.open().unwrap();
                let tried = kinds::candidates(entry, &old.value);
                let mut errors = tried
                    .iter()
                    .map(|value| kinds::set(socket.as_raw_fd(), level.number, entry.number, value));
                let took = errors.any(|error| error.is_none());
                let what = format!("{} on {}", entry.name, kind.name);
                assert_eq!(old.writable, took, "{what}");
                let now = report(&socket);
                let new = option(&now, &entry.name).unwrap();
                if !took || new.value == old.value || new.default.is_none() {
                    continue;
                }
                compared += 1;
                assert_eq!(new.changed, Some(true), "{what}: {new:?}");
                assert_eq!(new.changed_by, Some(ChangedBy::Program), "{what}: {new:?}");
            }
        }
        assert!(compared > 500, "{compared}");
    });
}

/// Only what has a value of its own can be tried: the rest needs rights or a state.
fn is_tried(entry: &&Entry) -> bool {
    const NEED_MORE: [&str; 10] = [
        // A bound socket, a size of its own.
        "PACKET_FANOUT",
        "PACKET_VNET_HDR_SZ",
        // A protocol, a route header or a key that only some machines know.
        "IPV6_RTHDR",
        "IPV6_ROUTER_ALERT",
        "SO_RESERVE_MEM",
        // A privilege outside of the namespace.
        "SO_DEBUG",
        "SO_BUSY_POLL",
        "SO_PREFER_BUSY_POLL",
        "IPV6_CHECKSUM",
        "SO_TXREHASH",
    ];
    entry.read == Read::Pure
        && !NEED_MORE.contains(&&*entry.name)
        && !UNTELLABLE.contains(&&*entry.name)
        && entry.r#type != OptionType::Ucred
}

#[test]
fn a_connection_inherits_what_its_listener_was_given() {
    in_namespace(|| {
        use socket2::SockRef;
        use std::net::{TcpListener, TcpStream};
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let above = SockRef::from(&listener);
        above.set_tcp_nodelay(true).unwrap();
        above.set_keepalive(true).unwrap();
        let fd = listener.as_raw_fd();
        assert_eq!(kinds::set(fd, libc::SOL_SOCKET, libc::SO_PRIORITY, &3_i32.to_ne_bytes()), None);
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        SockRef::from(&accepted).set_linger(Some(std::time::Duration::from_secs(3))).unwrap();
        let of_accepted = report(&accepted);
        let by = |name| option(&of_accepted, name).unwrap().changed_by;
        assert_eq!(by("TCP_NODELAY"), Some(ChangedBy::Inherited));
        assert_eq!(by("SO_KEEPALIVE"), Some(ChangedBy::Inherited));
        assert_eq!(by("SO_LINGER"), Some(ChangedBy::Program));
        assert_eq!(by("SO_PRIORITY"), None);
        let client = report(&client);
        assert!(client.options.iter().all(|option| option.changed_by.is_none()));
        // Without its listener nobody can say where the connection has it from.
        drop(listener);
        let alone = report(&accepted);
        assert_eq!(option(&alone, "TCP_NODELAY").unwrap().changed_by, Some(ChangedBy::Program));
    });
}

#[test]
fn values_are_in_words() {
    in_namespace(|| {
        use std::net::UdpSocket;
        let socket = UdpSocket::bind("127.0.0.1:4433").unwrap();
        let fd: RawFd = socket.as_raw_fd();
        let set = |level, number, value: &[u8]| {
            assert_eq!(kinds::set(fd, level, number, value), None, "{number}");
        };
        let range = 40000_u32 | 40010 << 16;
        set(libc::IPPROTO_IP, 51, &range.to_ne_bytes());
        set(libc::SOL_SOCKET, libc::SO_LINGER, &[1_i32, -1].map(i32::to_ne_bytes).concat());
        set(libc::SOL_SOCKET, libc::SO_MAX_PACING_RATE, &5_000_000_000_u64.to_ne_bytes());
        set(libc::SOL_SOCKET, libc::SO_TXTIME, &[1_i32, 0].map(i32::to_ne_bytes).concat());
        set(libc::SOL_SOCKET, libc::SO_RCVBUF, &i32::MAX.to_ne_bytes());
        let report = report(&socket);
        let shown = |name| sockpit::text::options::value(option(&report, name).unwrap());
        assert_eq!(shown("IP_LOCAL_PORT_RANGE"), "40000-40010");
        assert_eq!(shown("SO_LINGER"), "on, waits for ever");
        assert_eq!(shown("SO_MAX_PACING_RATE"), "5.00 GB/s");
        assert_eq!(shown("SO_TXTIME"), "clockid 1, flags 0");
        assert!(shown("SO_MEMINFO").contains("rcvbuf "), "{}", shown("SO_MEMINFO"));
        let note = |name| option(&report, name).unwrap().note.as_deref().unwrap_or_default();
        assert!(note("IP_PROTOCOL").contains("local port"));
        assert!(note("SO_RCVBUF").contains("net.core.rmem_max"), "{}", note("SO_RCVBUF"));
        for option in &report.options {
            let text = sockpit::text::options::value(option);
            let digits = text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            assert!(!digits || is_number, "{}: {text}", option.name);
            assert!(!text.ends_with(" bytes"), "{}: {text}", option.name);
        }
    });
}
