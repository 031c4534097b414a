use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use proptest::prelude::*;

use super::inet::{ALL_STATES, Detail, DumpRequest, REQUEST_LEN, Record};
use super::socket::{Names, blank, fill};
use super::*;
use crate::model::socket::{Backlog, Family, Protocol, Socket, State, TimerKind};

/// Builds a message of the kernel's, field by field.
#[derive(Default)]
pub(super) struct Fixture(pub(super) Vec<u8>);

impl Fixture {
    pub(super) fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }
    pub(super) fn be16(mut self, value: u16) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }
    pub(super) fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }
    pub(super) fn bytes(mut self, value: &[u8]) -> Self {
        self.0.extend(value);
        self
    }
    pub(super) fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend((4 + value.len() as u16).to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }
    fn message(self, kind: u16, flags: u16) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((HEADER_LEN as u32 + self.0.len() as u32).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(7u32.to_ne_bytes()); // nlmsg_seq
        bytes.extend(4242u32.to_ne_bytes()); // nlmsg_pid
        bytes.extend(self.0);
        bytes
    }
}

/// 127.0.0.1:8080 <- 127.0.0.1:51544, ESTABLISHED, as Linux 6.18 sends it.
fn established() -> Fixture {
    Fixture::default()
        .u8(2) // idiag_family: AF_INET
        .u8(1) // idiag_state: ESTABLISHED
        .u8(2) // idiag_timer: keepalive
        .u8(0) // idiag_retrans
        .be16(8080) // idiag_sport
        .be16(51544) // idiag_dport
        .bytes(&[127, 0, 0, 1])
        .bytes(&[0; 12]) // idiag_src
        .bytes(&[127, 0, 0, 1])
        .bytes(&[0; 12]) // idiag_dst
        .u32(0) // idiag_if
        .u32(0x1234) // idiag_cookie, low
        .u32(0x1) // idiag_cookie, high
        .u32(7_199_000) // idiag_expires
        .u32(5) // idiag_rqueue
        .u32(9) // idiag_wqueue
        .u32(1000) // idiag_uid
        .u32(98_765) // idiag_inode
}

fn with_attributes(fixture: Fixture) -> Fixture {
    let mut tcp_info = [0u8; 248];
    tcp_info[8..12].copy_from_slice(&204_000u32.to_ne_bytes()); // tcpi_rto
    tcp_info[60..64].copy_from_slice(&65_483u32.to_ne_bytes()); // tcpi_pmtu
    tcp_info[68..72].copy_from_slice(&31u32.to_ne_bytes()); // tcpi_rtt
    tcp_info[72..76].copy_from_slice(&15u32.to_ne_bytes()); // tcpi_rttvar
    tcp_info[76..80].copy_from_slice(&0x7fff_ffffu32.to_ne_bytes()); // tcpi_snd_ssthresh
    tcp_info[80..84].copy_from_slice(&10u32.to_ne_bytes()); // tcpi_snd_cwnd
    tcp_info[128..136].copy_from_slice(&777u64.to_ne_bytes()); // tcpi_bytes_received
    tcp_info[200..208].copy_from_slice(&888u64.to_ne_bytes()); // tcpi_bytes_sent
    let meminfo: Vec<u8> = [1u32, 131_072, 2, 2_626_560, 3, 4, 5, 6, 12]
        .iter()
        .flat_map(|n| n.to_ne_bytes())
        .collect();
    fixture
        .attribute(8, &[1]) // INET_DIAG_SHUTDOWN: no receiving
        .attribute(5, &[0x10]) // INET_DIAG_TOS
        .attribute(21, &77u64.to_ne_bytes()) // INET_DIAG_CGROUP_ID
        .attribute(22, &[0b0000_0011, 0b0000_0001]) // INET_DIAG_SOCKOPT
        .attribute(7, &meminfo) // INET_DIAG_SKMEMINFO
        .attribute(2, &tcp_info) // INET_DIAG_INFO
        .attribute(4, b"cubic\0") // INET_DIAG_CONG
}

pub(super) struct Numbers;

impl Names for Numbers {
    fn interface(&mut self, index: u32) -> Option<Arc<str>> {
        (index == 2).then(|| "eth0".into())
    }
    fn user(&mut self, uid: u32) -> Option<Arc<str>> {
        Some(format!("user{uid}").into())
    }
    fn cgroup(&mut self, id: u64) -> Option<Arc<str>> {
        (id == 77).then(|| "/system.slice/app.service".into())
    }
}

fn read(payload: &[u8], protocol: Protocol) -> Socket {
    let record = Record::parse(payload).unwrap();
    let mut socket = blank();
    fill(&mut socket, &record, protocol, &mut Numbers);
    socket
}

#[test]
fn a_connection_is_read_whole() {
    let bytes = with_attributes(established()).message(inet::BY_FAMILY, 2);
    let message = messages(&bytes).next().unwrap().unwrap();
    assert_eq!(message.sequence, 7);
    let Reply::Object(payload) = message.reply().unwrap() else { panic!("{message:?}") };
    let record = Record::parse(payload).unwrap();
    assert_eq!(record.extras.shutdown, Some(1));
    assert_eq!(record.extras.tos, Some(0x10));
    assert_eq!(record.extras.socket_options, Some([3, 1]));
    let socket = read(payload, Protocol::Tcp);
    assert_eq!(socket.state, State::Established);
    assert_eq!(socket.local.socket_addr().unwrap().to_string(), "127.0.0.1:8080");
    assert_eq!(socket.remote.unwrap().socket_addr().unwrap().to_string(), "127.0.0.1:51544");
    assert_eq!(socket.cookie, Some(0x1_0000_1234));
    assert_eq!((socket.inode, socket.uid), (Some(98_765), Some(1000)));
    // Its 12 drops may be keep-alive probes.
    assert_eq!((socket.recv_q, socket.send_q, socket.drops), (Some(5), Some(9), None));
    assert_eq!(socket.memory.unwrap().rcvbuf_bytes, 131_072);
    assert_eq!(socket.timer.unwrap().kind, TimerKind::Keepalive);
    assert_eq!(socket.cgroup.as_deref(), Some("/system.slice/app.service"));
    let tcp = socket.tcp.unwrap();
    assert_eq!((tcp.rtt_us, tcp.rttvar_us, tcp.cwnd), (Some(31), Some(15), Some(10)));
    assert_eq!((tcp.bytes_sent, tcp.bytes_received), (Some(888), Some(777)));
    assert_eq!((tcp.ssthresh, tcp.min_rtt_us), (None, None));
    assert_eq!(tcp.congestion.as_deref(), Some("cubic"));
}

#[test]
fn every_truncated_prefix_is_an_error_or_has_less_to_tell() {
    let bytes = with_attributes(established()).message(inet::BY_FAMILY, 2);
    for end in 1..bytes.len() {
        let first = messages(&bytes[..end]).next().unwrap();
        assert!(first.is_err(), "{end} bytes were taken for a message");
    }
    let payload = &bytes[HEADER_LEN..];
    for end in 0..inet::RECORD_LEN {
        assert!(Record::parse(&payload[..end]).is_err(), "{end} bytes were taken for a record");
    }
    // Between attributes a shorter record is a valid one; within, it is an error.
    let whole = (inet::RECORD_LEN..payload.len())
        .filter(|&end| Record::parse(&payload[..end]).is_ok())
        .count();
    assert!((7..=20).contains(&whole), "{whole} prefixes parse");
}

#[test]
fn a_short_tcp_info_leaves_the_rest_unknown() {
    let old = Fixture(established().0).attribute(2, &[0; 104]);
    let tcp = read(&old.0, Protocol::Tcp).tcp.unwrap();
    assert_eq!(tcp.retransmits, Some(0));
    assert_eq!((tcp.bytes_acked, tcp.bytes_sent, tcp.snd_wnd_bytes), (None, None, None));
    assert_eq!(tcp.congestion, None);
}

#[test]
fn a_listener_has_a_backlog_and_no_queues() {
    let mut bytes = established().0;
    bytes[1] = 10; // LISTEN
    bytes[2] = 0; // no timer
    let socket = read(&bytes, Protocol::Tcp);
    assert_eq!(socket.backlog, Some(Backlog { queued: 5, limit: 9 }));
    assert_eq!((socket.recv_q, socket.send_q), (None, None));
    assert_eq!(socket.remote, None);
    assert_eq!(socket.timer, None);
}

#[test]
fn states_get_their_names() {
    let state = |number: u8, port: u16, protocol| {
        let mut bytes = established().0;
        bytes[1] = number;
        bytes[4..6].copy_from_slice(&port.to_be_bytes());
        read(&bytes, protocol).state
    };
    assert_eq!(state(12, 80, Protocol::Tcp), State::SynReceived);
    assert_eq!(state(7, 80, Protocol::Tcp), State::Bound);
    assert_eq!(state(13, 80, Protocol::Tcp), State::Bound);
    assert_eq!(state(7, 0, Protocol::Tcp), State::Closed);
    assert_eq!(state(7, 80, Protocol::Udp), State::Unconnected);
    assert_eq!(state(1, 80, Protocol::Udp), State::Connected);
}

#[test]
fn a_socket_without_inode_does_not_become_roots() {
    let mut bytes = established().0;
    bytes[1] = 6; // TIME_WAIT
    bytes[64..72].fill(0); // idiag_uid, idiag_inode
    let socket = read(&bytes, Protocol::Tcp);
    assert_eq!((socket.uid, socket.user, socket.inode), (None, None, Some(0)));
}

#[test]
fn a_link_local_address_has_its_zone() {
    let address = "fe80::1".parse::<Ipv6Addr>().unwrap();
    let mut bytes = established().0;
    bytes[0] = 10; // AF_INET6
    bytes[8..24].copy_from_slice(&address.octets());
    bytes[40..44].copy_from_slice(&2u32.to_ne_bytes()); // idiag_if
    let socket = read(&bytes, Protocol::Tcp);
    assert_eq!(socket.local.addr, Some(IpAddr::V6(address)));
    assert_eq!(socket.local.scope.as_deref(), Some("eth0"));
    assert_eq!(socket.interface.as_deref(), Some("eth0"));
    bytes[40..44].copy_from_slice(&9u32.to_ne_bytes());
    assert_eq!(read(&bytes, Protocol::Tcp).local.scope.as_deref(), Some("9"));
}

#[test]
fn filling_again_leaves_nothing_of_the_socket_before() {
    let mut socket = blank();
    let full = with_attributes(established()).0;
    fill(&mut socket, &Record::parse(&full).unwrap(), Protocol::Tcp, &mut Numbers);
    let mut bare = established().0;
    bare[1] = 7;
    fill(&mut socket, &Record::parse(&bare).unwrap(), Protocol::Udp, &mut Numbers);
    assert_eq!(socket, read(&bare, Protocol::Udp));
}

#[test]
fn the_end_and_refusals_carry_an_errno() {
    let done = Fixture::default().u32(0).message(3, 2);
    let refused = Fixture::default().u32((-2i32) as u32).bytes(&[0; 16]).message(2, 0);
    fn reply(bytes: &[u8]) -> Result<Reply<'_>, Malformed> {
        messages(bytes).next().unwrap().unwrap().reply()
    }
    assert_eq!(reply(&done), Ok(Reply::Done(0)));
    assert_eq!(reply(&refused), Ok(Reply::Error(2)));
    assert!(reply(&Fixture::default().bytes(&[1]).message(2, 0)).is_err());
    let interrupted = Fixture::default().message(inet::BY_FAMILY, DUMP_INTERRUPTED);
    assert!(messages(&interrupted).next().unwrap().unwrap().is_interrupted());
}

#[test]
fn several_messages_of_one_read_are_told_apart() {
    let mut bytes = established().message(inet::BY_FAMILY, 2);
    bytes.extend(Fixture::default().u32(0).message(3, 2));
    let replies: Vec<_> = messages(&bytes).map(|m| m.unwrap().reply().unwrap()).collect();
    assert!(matches!(replies[..], [Reply::Object(_), Reply::Done(0)]), "{replies:?}");
}

#[test]
fn the_request_is_what_the_kernel_expects() {
    let request = DumpRequest {
        family: Some(Family::Ipv6),
        protocol: Protocol::Tcp,
        states: ALL_STATES,
        detail: Detail::Full,
    };
    let bytes = request.encode(7).unwrap();
    assert_eq!(bytes.len(), REQUEST_LEN);
    assert_eq!(u32_at(&bytes, 0), Some(72)); // nlmsg_len
    assert_eq!(u16_at(&bytes, 4), Some(20)); // SOCK_DIAG_BY_FAMILY
    assert_eq!(u16_at(&bytes, 6), Some(0x301)); // REQUEST | DUMP
    assert_eq!(bytes[16..19], [10, 6, 0b0100_1010]); // AF_INET6, TCP, INFO | CONG | SKMEMINFO
    assert_eq!(u32_at(&bytes, 20), Some(ALL_STATES));
    assert_eq!(DumpRequest { family: Some(Family::Unix), ..request }.encode(7), None);
    let raw = DumpRequest { protocol: Protocol::Raw, ..request }.encode(7).unwrap();
    assert_eq!(raw[16..19], [10, 255, 0b0100_0000]);
    assert_eq!(DumpRequest { protocol: Protocol::Icmp, ..request }.encode(7), None);
}

#[test]
fn tcp_of_both_families_is_asked_for_as_before_families_were_named() {
    let request = DumpRequest {
        family: None,
        protocol: Protocol::Tcp,
        states: ALL_STATES,
        detail: Detail::Full,
    };
    let bytes = request.encode_for_port(7, 8080).unwrap();
    assert_eq!((bytes.len(), u32_at(&bytes, 0)), (76, Some(76))); // nlmsg_len
    assert_eq!(u16_at(&bytes, 4), Some(18)); // TCPDIAG_GETSOCK
    assert_eq!(u16_at(&bytes, 6), Some(0x301)); // REQUEST | DUMP
    assert_eq!(bytes[16..20], [0, 0, 0, 0b0100_1010]); // no family; INFO | CONG | SKMEMINFO
    assert_eq!(bytes[20..22], 8080u16.to_be_bytes()); // idiag_sport
    assert_eq!(u32_at(&bytes, 68), Some(ALL_STATES));
    let udp = DumpRequest { protocol: Protocol::Udp, ..request };
    assert_eq!(udp.encode(7), None, "UDP never had that request");
}

#[test]
fn a_protocol_whose_number_takes_more_than_a_byte_is_named_by_an_attribute() {
    let request = DumpRequest {
        family: Some(Family::Ipv4),
        protocol: Protocol::Mptcp,
        states: ALL_STATES,
        detail: Detail::Bare,
    };
    let bytes = request.encode_for_port(7, 8080).unwrap();
    assert_eq!(u32_at(&bytes, 0), Some(80)); // nlmsg_len
    assert_eq!(bytes.len(), 80);
    assert_eq!(bytes[16..18], [2, 0]); // AF_INET; nothing goes by protocol 0
    assert_eq!(bytes[24..26], 8080u16.to_be_bytes());
    let told: Vec<_> = attributes(&bytes[72..]).map(Result::unwrap).collect();
    assert_eq!(told, [(3, &262u32.to_ne_bytes()[..])]); // INET_DIAG_REQ_PROTOCOL
}

#[test]
fn the_metrics_of_mptcp_are_not_taken_for_those_of_tcp() {
    let mut bytes = established().0;
    bytes = Fixture(bytes).attribute(2, &[0xff; 120]).0; // INET_DIAG_INFO
    assert!(read(&bytes, Protocol::Tcp).tcp.is_some());
    assert_eq!(read(&bytes, Protocol::Mptcp).tcp, None);
}

#[test]
fn where_others_have_a_port_a_raw_socket_has_a_protocol() {
    let mut bytes = established().0;
    bytes[4..6].copy_from_slice(&1u16.to_be_bytes());
    let socket = read(&bytes, Protocol::Raw);
    assert_eq!((socket.local.port, socket.protocol_number), (None, Some(1)));
    assert_eq!(socket.remote.unwrap().port, None);
    assert_eq!(read(&bytes, Protocol::Udp).protocol_number, None);
}

#[test]
fn a_lookup_names_one_connection() {
    let request = inet::LookupRequest {
        protocol: Protocol::Tcp,
        local: "127.0.0.1:8080".parse().unwrap(),
        remote: "10.0.0.7:51544".parse().unwrap(),
        interface: 3,
        cookie: 0x1_0000_1234,
    };
    let bytes = request.encode(7).unwrap();
    assert_eq!(u16_at(&bytes, 6), Some(0x1), "no dump");
    // From its ports on a request's socket id has the layout of a record's.
    let mut record = established().0;
    record[4..52].copy_from_slice(&bytes[24..72]);
    let record = Record::parse(&record).unwrap();
    assert_eq!((record.local, record.local_port), (request.local.ip(), 8080));
    assert_eq!((record.remote, record.remote_port), (request.remote.ip(), 51544));
    assert_eq!((record.interface, record.cookie), (3, request.cookie));
    let mixed = inet::LookupRequest { remote: "[::1]:1".parse().unwrap(), ..request };
    assert_eq!(mixed.encode(7), None);
}

#[test]
fn an_abort_differs_from_a_lookup_by_its_type_alone() {
    let request = inet::LookupRequest {
        protocol: Protocol::Udp,
        local: "[::1]:53".parse().unwrap(),
        remote: "[::]:0".parse().unwrap(),
        interface: 0,
        cookie: 7,
    };
    let (mut abort, lookup) = (request.encode_destroy(9).unwrap(), request.encode(9).unwrap());
    assert_eq!(u16_at(&abort, 4), Some(21)); // SOCK_DESTROY
    assert_eq!(u16_at(&abort, 6), Some(0x5)); // REQUEST | ACK, and no DUMP: one socket only
    abort[4..8].copy_from_slice(&lookup[4..8]);
    assert_eq!(abort, lookup);
}

#[test]
fn ipv4_addresses_take_the_first_word() {
    let record_bytes = established().0;
    let record = Record::parse(&record_bytes).unwrap();
    assert_eq!(record.local, IpAddr::V4(Ipv4Addr::LOCALHOST));
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for message in messages(&bytes).flatten() {
            let _ = message.reply();
        }
        if let Ok(record) = Record::parse(&bytes) {
            let mut socket = blank();
            fill(&mut socket, &record, Protocol::Tcp, &mut Numbers);
        }
        let _ = attributes(&bytes).count();
    }

    #[test]
    fn random_attributes_never_panic(
        state in 0u8..20,
        rest in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut bytes = established().0;
        bytes[1] = state;
        bytes.extend(rest);
        if let Ok(record) = Record::parse(&bytes) {
            let mut socket = blank();
            fill(&mut socket, &record, Protocol::Tcp, &mut Numbers);
        }
    }
}
