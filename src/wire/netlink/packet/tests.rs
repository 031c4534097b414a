use proptest::prelude::*;

use super::super::netlink_diag;
use super::super::socket::blank;
use super::super::tests::{Fixture, Numbers};
use super::*;
use crate::model::socket::NetlinkSocket;

/// `struct packet_diag_msg`.
fn fixed(kind: u8) -> Fixture {
    let mut fixture = Fixture::default().u8(17).u8(kind); // pdiag_family, pdiag_type
    fixture.0.extend(0x0800u16.to_ne_bytes()); // pdiag_num, in host order
    fixture.u32(77).u32(0x1234).u32(0x1) // pdiag_ino, pdiag_cookie
}

/// A capture of IPv4 on eth0 with a ring, in a group, as Linux 6.18 sends it.
fn capture() -> Fixture {
    let words =
        |words: &[u32]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>();
    fixed(3)
        .attribute(0, &words(&[2, 2, 0, 0, 0, 1])) // PACKET_DIAG_INFO: pdi_index first
        .attribute(5, &words(&[0])) // PACKET_DIAG_UID
        .attribute(2, &words(&[1 << 20, 64, 2048, 512, 60, 0, 0])) // PACKET_DIAG_RX_RING
        .attribute(4, &words(&[7 | 0x8001 << 16])) // PACKET_DIAG_FANOUT: lb, defragmented
        .attribute(6, &words(&[300, 212_992, 0, 212_992, 0, 0, 0, 0, 5])) // PACKET_DIAG_MEMINFO
}

fn read(bytes: &[u8]) -> Socket {
    let mut socket = blank();
    fill(&mut socket, &Record::parse(bytes).unwrap().unwrap(), &mut Numbers);
    socket
}

#[test]
fn a_capture_is_read_whole() {
    let socket = read(&capture().0);
    assert_eq!((socket.family, socket.protocol), (Family::Packet, Protocol::Packet));
    assert_eq!((socket.protocol_number, socket.interface.as_deref()), (Some(0x0800), Some("eth0")));
    assert_eq!((socket.inode, socket.cookie), (Some(77), Some(0x1_0000_1234)));
    assert_eq!((socket.recv_q, socket.send_q, socket.drops), (Some(300), Some(0), Some(5)));
    assert_eq!((socket.uid, socket.local.port), (Some(0), None));
    let packet = PacketSocket {
        kind: PacketKind::Raw,
        rx_ring_bytes: Some(64 << 20),
        tx_ring_bytes: None,
        fanout_group: Some(7),
        fanout_mode: Some("lb".into()),
    };
    assert_eq!(socket.packet.as_deref(), Some(&packet));
}

#[test]
fn an_interface_without_a_name_is_its_number_and_none_is_none() {
    let info = |index: u32| {
        fixed(2).attribute(0, &[index, 0, 0, 0, 0, 0].map(u32::to_ne_bytes).concat()).0
    };
    assert_eq!(read(&info(9)).interface.as_deref(), Some("9"));
    assert_eq!(read(&info(0)).interface, None);
    assert_eq!(read(&info(0)).packet.unwrap().kind, PacketKind::Dgram);
    assert_eq!(Record::parse(&fixed(99).0), Ok(None), "no such type yet");
}

#[test]
fn every_truncated_prefix_is_an_error_or_has_less_to_tell() {
    let whole = capture().0;
    for end in 0..whole.len() {
        match Record::parse(&whole[..end]) {
            Err(_) => {}
            Ok(record) => {
                assert!(end >= RECORD_LEN, "{end} bytes");
                assert_ne!(record, Record::parse(&whole).unwrap(), "{end} bytes");
            }
        }
    }
}

/// `struct netlink_diag_msg`.
fn netlink(state: u8, port_id: u32) -> Fixture {
    Fixture::default()
        .u8(16) // ndiag_family: AF_NETLINK
        .u8(3) // ndiag_type
        .u8(0) // ndiag_protocol: NETLINK_ROUTE
        .u8(state)
        .u32(port_id)
        .u32(0) // ndiag_dst_portid
        .u32(0) // ndiag_dst_group
        .u32(77) // ndiag_ino
        .u32(0x1234) // ndiag_cookie
        .u32(0x1)
        .attribute(0, &[0; 36]) // NETLINK_DIAG_MEMINFO
}

#[test]
fn a_netlink_socket_is_read_whole() {
    let read = |bytes: &[u8]| {
        let mut socket = blank();
        netlink_diag::fill(&mut socket, &netlink_diag::Record::parse(bytes).unwrap());
        socket
    };
    let socket = read(&netlink(1, 812).0);
    assert_eq!((socket.family, socket.state), (Family::Netlink, State::Connected));
    assert_eq!((socket.inode, socket.cookie), (Some(77), Some(0x1_0000_1234)));
    let expected = NetlinkSocket { family: "rtnl".into(), port_id: 812, peer_port_id: Some(0) };
    assert_eq!(socket.netlink.as_deref(), Some(&expected));
    let kernels = read(&netlink(0, 0).0);
    assert_eq!((kernels.state, kernels.inode), (State::Unconnected, Some(0)));
    for end in 0..netlink_diag::RECORD_LEN {
        assert!(netlink_diag::Record::parse(&netlink(1, 812).0[..end]).is_err(), "{end} bytes");
    }
}

#[test]
fn the_requests_are_what_the_kernel_expects() {
    let bytes = request(7);
    assert_eq!((u32_at(&bytes, 0), u16_at(&bytes, 6)), (Some(36), Some(0x301)));
    assert_eq!(bytes[16..18], [17, 0]); // AF_PACKET; a protocol other than 0 is refused
    assert_eq!(u32_at(&bytes, 24), Some(0x1d));
    let bytes = netlink_diag::request(7);
    assert_eq!((u32_at(&bytes, 0), u16_at(&bytes, 6)), (Some(36), Some(0x301)));
    assert_eq!(bytes[16..18], [16, 255]); // AF_NETLINK, NDIAG_PROTO_ALL
}

proptest! {
    #[test]
    fn random_attributes_never_panic(
        kind in 0u8..12,
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        if let Ok(Some(record)) = Record::parse(&fixed(kind).bytes(&rest).0) {
            fill(&mut blank(), &record, &mut Numbers);
        }
        if let Ok(record) = netlink_diag::Record::parse(&netlink(1, 1).bytes(&rest).0) {
            netlink_diag::fill(&mut blank(), &record);
        }
        let _ = (Record::parse(&rest), netlink_diag::Record::parse(&rest));
    }
}
