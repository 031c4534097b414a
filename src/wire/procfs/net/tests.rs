use proptest::prelude::*;

use super::*;
use crate::wire::netlink::socket::blank;

/// As a kernel of this machine's byte order writes 127.0.0.1.
fn loopback() -> String {
    format!("{:08X}", u32::from_ne_bytes([127, 0, 0, 1]))
}

fn raw() -> String {
    format!(
        "    1: {}:0001 00000000:0000 07 00000010:00000300 00:00000000 00000000  1000        0 \
         12345 2 0000000000000000 7",
        loopback()
    )
}

#[test]
fn a_raw_socket_is_read_whole() {
    let line = Line::parse(raw().as_bytes(), Protocol::Raw).unwrap();
    assert_eq!((line.local, line.local_number), (Ipv4Addr::LOCALHOST.into(), 1));
    assert_eq!((line.send_q, line.recv_q, line.drops), (0x10, 0x300, Some(7)));
    assert_eq!((line.uid, line.inode, line.state), (1000, 12345, 7));
}

#[test]
fn an_ipv6_address_is_four_words() {
    let words = [0u32, 0, 0, u32::from_ne_bytes([0, 0, 0, 1])];
    let addr: String = words.iter().map(|word| format!("{word:08X}")).collect();
    let text = raw().replace(&loopback(), &addr);
    assert_eq!(Line::parse(text.as_bytes(), Protocol::Raw).unwrap().local, Ipv6Addr::LOCALHOST);
}

#[test]
fn every_truncated_prefix_is_refused_or_ends_in_the_last_number() {
    let text = raw();
    for end in 0..text.len() {
        assert_eq!(Line::parse(&text.as_bytes()[..end], Protocol::Raw), None, "{end} bytes");
    }
}

#[test]
fn the_heading_is_no_socket() {
    let heading = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
        uid  timeout inode ref pointer drops";
    assert_eq!(Line::parse(heading, Protocol::Raw), None);
}

struct NoNames;

impl Names for NoNames {
    fn interface(&mut self, _: u32) -> Option<std::sync::Arc<str>> {
        None
    }
    fn user(&mut self, _: u32) -> Option<std::sync::Arc<str>> {
        None
    }
    fn cgroup(&mut self, _: u64) -> Option<std::sync::Arc<str>> {
        None
    }
}

#[test]
fn the_number_of_a_raw_socket_is_its_protocol_and_that_of_a_ping_socket_its_identifier() {
    let line = Line::parse(raw().as_bytes(), Protocol::Raw).unwrap();
    let mut socket = blank();
    line.fill(&mut socket, Protocol::Raw, &mut NoNames);
    assert_eq!((socket.local.port, socket.protocol_number), (None, Some(1)));
    assert_eq!((socket.state, socket.remote.clone()), (State::Unconnected, None));
    line.fill(&mut socket, Protocol::Icmp, &mut NoNames);
    assert_eq!((socket.local.port, socket.protocol_number), (Some(1), None));
}

#[test]
fn counts_are_told_from_what_is_not_there() {
    let text = b"protocol  size sockets  memory press maxhdr  slab module     cl\n\
        RAW       1152      3      -1   NI       0   yes  kernel      y\n\
        OLD       1152     -1      -1   NI       0   yes  kernel      y\n\
        UNIX-STREAM 1152      6      -1   NI       0   yes  kernel      y\n";
    assert_eq!(count(text, "RAW"), Count::Known(3));
    assert_eq!(count(text, "RAWv6"), Count::Absent);
    assert_eq!(count(text, "OLD"), Count::Unknown);
    assert_eq!(count(text, "UNIX-STREAM"), Count::Known(6));
    assert_eq!(count(text, "UNIX"), Count::Absent);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (Line::parse(&bytes, Protocol::Raw), count(&bytes, "RAW"));
    }

    #[test]
    fn random_words_never_panic(words in "[ 0-9A-F:]{0,120}") {
        let _ = Line::parse(format!("1: {words}").as_bytes(), Protocol::Tcp);
    }
}

#[test]
fn the_nfs_server_lists_its_ports() {
    let told = nfsd_ports("rdma 20049\nudp 2049\ntcp 2049\n\ntcp x\n");
    assert_eq!(told, [(Protocol::Udp, 2049), (Protocol::Tcp, 2049)]);
}
