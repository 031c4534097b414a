#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

const V4_A: [u8; 4] = [10, 0, 0, 1];
const V4_B: [u8; 4] = [10, 0, 0, 2];
const V6_A: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const V6_B: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]; // destination, source
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

fn vlan(id: u16, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut tagged = id.to_be_bytes().to_vec();
    tagged.extend(ether_type.to_be_bytes());
    tagged.extend(payload);
    tagged
}

/// `fragment` is the flags and offset field.
fn ipv4_fragment(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0]; // version and header length, service
    packet.extend(u16::try_from(20 + payload.len()).unwrap().to_be_bytes());
    packet.extend([0, 7]); // identification
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0]); // hop limit, protocol, checksum
    packet.extend(V4_A);
    packet.extend(V4_B);
    packet.extend(payload);
    packet
}

fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_fragment(protocol, 0x4000, payload)
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    packet.extend([next, 64]);
    packet.extend(V6_A);
    packet.extend(V6_B);
    packet.extend(payload);
    packet
}

fn tcp(source: u16, destination: u16, flags: u8) -> Vec<u8> {
    let mut header = source.to_be_bytes().to_vec();
    header.extend(destination.to_be_bytes());
    header.extend([0, 0, 0, 1, 0, 0, 0, 2]); // sequence, acknowledgement
    header.extend([0x50, flags, 1, 0, 0, 0, 0, 0]); // length, flags, window, checksum, urgent
    header
}

fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = source.to_be_bytes().to_vec();
    datagram.extend(destination.to_be_bytes());
    datagram.extend(u16::try_from(8 + payload.len()).unwrap().to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}

fn v4(protocol: u8, transport: Transport) -> Network {
    let (source, destination) = (V4_A.into(), V4_B.into());
    Network::Ip(Ip { source, destination, protocol, transport, fragment: None, inner: None })
}

fn v6(protocol: u8, transport: Transport) -> Network {
    let (source, destination) = (V6_A.into(), V6_B.into());
    Network::Ip(Ip { source, destination, protocol, transport, fragment: None, inner: None })
}

/// The fragment of a packet with this identification.
fn of(identification: u32, mut network: Network) -> Network {
    if let Network::Ip(ip) = &mut network {
        ip.fragment = Some(identification);
    }
    network
}

fn whole(network: Network) -> Summary {
    Summary { layers: Layers::NONE, network, truncated: false }
}

fn with(layers: &[Layers], network: Network) -> Summary {
    let mut all = Layers::NONE;
    layers.iter().for_each(|layer| all.insert(*layer));
    Summary { layers: all, network, truncated: false }
}

const SYN: Transport = Transport::Tcp { source: 40000, destination: 80, flags: Some(TCP_SYN) };
const DNS: Transport = Transport::Ports { source: 40000, destination: 53, opens: false };

const SNAP_IPV4: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

/// An IEEE 802.11 data frame to an access point.
fn data_frame(packet: &[u8]) -> Vec<u8> {
    [&[0x08, 0x01], &[0; 22][..], &SNAP_IPV4, packet].concat()
}

/// One with QoS, and zeros up to a multiple of four.
fn padded_qos_frame(packet: &[u8]) -> Vec<u8> {
    [&[0x88, 0x01], &[0; 22][..], &[0, 0], &[0, 0], &SNAP_IPV4, packet].concat()
}

/// A link type, a frame, and what must be read from it.
fn fixtures() -> Vec<(&'static str, Link, Vec<u8>, Summary)> {
    let syn = tcp(40000, 80, TCP_SYN);
    let dns = udp(40000, 53, b"query");
    let syn4 = ipv4(6, &syn);
    let dns6 = ipv6(17, &dns);
    let echo6 = ipv6(58, &[128, 0, 0, 0, 0, 1, 0, 1]);
    let many_extensions = ipv6(
        60,
        &(0..19).fold(syn.clone(), |rest, at| {
            [&[if at == 0 { 6 } else { 60 }, 0, 1, 4, 0, 0, 0, 0], &rest[..]].concat()
        }),
    );
    let hop_by_hop = |next: u8, rest: &[u8]| [&[next, 0, 5, 2, 0, 0, 1, 0], rest].concat();
    let fragment6 = |next: u8, offset: u16, rest: &[u8]| {
        [&[next, 0], &offset.to_be_bytes()[..], &[0, 0, 0, 9], rest].concat()
    };
    let ah = |next: u8, rest: &[u8]| [&[next, 4], &[0; 22][..], rest].concat();
    let sll = |protocol: u16, rest: &[u8]| {
        [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &protocol.to_be_bytes()[..], rest].concat()
    };
    let sll2 = |protocol: u16, rest: &[u8]| {
        [&protocol.to_be_bytes()[..], &[0, 0, 0, 0, 0, 2, 0, 1, 0, 6], &[0; 8], rest].concat()
    };
    vec![
        ("tcp", Link::Ethernet, ethernet(0x0800, &syn4), whole(v4(6, SYN))),
        ("udp over ipv6", Link::Ethernet, ethernet(0x86dd, &dns6), whole(v6(17, DNS))),
        (
            "ping over ipv6",
            Link::Ethernet,
            ethernet(0x86dd, &echo6),
            whole(v6(58, Transport::Icmp { kind: 128, code: 0, ident: Some(1) })),
        ),
        (
            "port unreachable",
            Link::Ethernet,
            ethernet(0x0800, &ipv4(1, &[3, 3, 0, 0, 0, 0, 0, 0])),
            whole(v4(1, Transport::Icmp { kind: 3, code: 3, ident: None })),
        ),
        ("arp", Link::Ethernet, ethernet(0x0806, &[0; 28]), whole(Network::EtherType(0x0806))),
        (
            "double tag",
            Link::Ethernet,
            ethernet(0x88a8, &vlan(1, 0x8100, &vlan(2, 0x0800, &syn4))),
            with(&[Layers::VLAN], v4(6, SYN)),
        ),
        (
            "mpls",
            Link::Ethernet,
            ethernet(0x8847, &[&[0, 1, 0, 64, 0, 2, 1, 64], &syn4[..]].concat()),
            with(&[Layers::MPLS], v4(6, SYN)),
        ),
        (
            "pppoe",
            Link::Ethernet,
            ethernet(0x8864, &[&[0x11, 0, 0, 1, 0, 42, 0, 0x57], &dns6[..]].concat()),
            with(&[Layers::PPPOE], v6(17, DNS)),
        ),
        (
            "spanning tree",
            Link::Ethernet,
            ethernet(38, &[0x42, 0x42, 3, 0, 0]),
            whole(Network::Llc(0x42)),
        ),
        (
            "snap",
            Link::Ethernet,
            ethernet(60, &[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &syn4[..]].concat()),
            whole(v4(6, SYN)),
        ),
        ("cooked", Link::LinuxSll, sll(0x0800, &syn4), whole(v4(6, SYN))),
        ("cooked 2", Link::LinuxSll2, sll2(0x86dd, &dns6), whole(v6(17, DNS))),
        ("raw ipv4", Link::RawIp, syn4.clone(), whole(v4(6, SYN))),
        ("raw ipv6", Link::RawIp, dns6.clone(), whole(v6(17, DNS))),
        ("null", Link::Null, [&[2, 0, 0, 0], &syn4[..]].concat(), whole(v4(6, SYN))),
        ("loop", Link::Null, [&[0, 0, 0, 24], &dns6[..]].concat(), whole(v6(17, DNS))),
        ("ppp", Link::Ppp, [&[0xff, 3, 0, 0x21], &syn4[..]].concat(), whole(v4(6, SYN))),
        (
            "cisco hdlc",
            Link::CiscoHdlc,
            [&[0x0f, 0, 0x08, 0], &syn4[..]].concat(),
            whole(v4(6, SYN)),
        ),
        (
            "cisco hdlc in place of ppp",
            Link::PppHdlc,
            [&[0x8f, 0, 0x08, 0], &syn4[..]].concat(),
            whole(v4(6, SYN)),
        ),
        (
            "ppp in hdlc framing",
            Link::PppHdlc,
            [&[0xff, 3, 0, 0x57], &dns6[..]].concat(),
            whole(v6(17, DNS)),
        ),
        (
            "mpls in ppp",
            Link::Ppp,
            [&[0xff, 3, 2, 0x81, 0, 1, 0x41, 64], &syn4[..]].concat(),
            with(&[Layers::MPLS], v4(6, SYN)),
        ),
        (
            "cisco's keep-alive, which has RARP's number",
            Link::CiscoHdlc,
            [&[0x8f, 0, 0x80, 0x35], &[0; 18][..]].concat(),
            whole(Network::Cisco(0x8035)),
        ),
        (
            "cisco's spanning tree for each vlan",
            Link::Ethernet,
            ethernet(50, &[&[0xaa, 0xaa, 3, 0, 0, 0x0c, 1, 0x0b], &[0; 42][..]].concat()),
            whole(Network::Cisco(0x010b)),
        ),
        (
            "frame relay",
            Link::FrameRelay,
            [&[0x18, 0x41, 3, 0xcc], &syn4[..]].concat(),
            whole(v4(6, SYN)),
        ),
        (
            "frame relay with a padded snap header",
            Link::FrameRelay,
            [&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 0x86, 0xdd], &dns6[..]].concat(),
            whole(v6(17, DNS)),
        ),
        (
            "frame relay as cisco has it",
            Link::FrameRelay,
            [&[0x18, 0x41, 0x08, 0], &syn4[..]].concat(),
            whole(v4(6, SYN)),
        ),
        (
            "fddi",
            Link::Fddi,
            [&[0; 13][..], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &syn4[..]].concat(),
            whole(v4(6, SYN)),
        ),
        (
            "token ring with a source route",
            Link::TokenRing,
            [
                &[0; 8][..],
                &[0x80, 0, 0, 0, 0, 0, 4, 0, 0, 0],
                &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0],
                &syn4[..],
            ]
            .concat(),
            whole(v4(6, SYN)),
        ),
        ("payload", Link::Payload(0x86dd), dns6.clone(), whole(v6(17, DNS))),
        (
            "first fragment",
            Link::RawIp,
            ipv4_fragment(17, 0x2000, &dns),
            with(&[Layers::FRAGMENT], of(7, v4(17, DNS))),
        ),
        (
            "later fragment",
            Link::RawIp,
            ipv4_fragment(17, 0x0010, &dns),
            with(&[Layers::FRAGMENT], of(7, v4(17, Transport::LaterFragment))),
        ),
        (
            "later fragment over ipv6 that would begin with destination options",
            Link::RawIp,
            ipv6(44, &fragment6(60, 0x0008, &dns)),
            with(&[Layers::FRAGMENT], of(9, v6(60, Transport::LaterFragment))),
        ),
        ("atomic fragment", Link::RawIp, ipv6(44, &fragment6(17, 0, &dns)), whole(v6(17, DNS))),
        (
            "extension headers",
            Link::RawIp,
            ipv6(0, &hop_by_hop(43, &hop_by_hop(60, &hop_by_hop(51, &ah(6, &syn))))),
            with(
                &[
                    Layers::HOP_BY_HOP,
                    Layers::ROUTING,
                    Layers::DESTINATION_OPTIONS,
                    Layers::AUTHENTICATION,
                ],
                v6(6, SYN),
            ),
        ),
        (
            "authentication header",
            Link::RawIp,
            ipv4(51, &ah(17, &dns)),
            with(&[Layers::AUTHENTICATION], v4(17, DNS)),
        ),
        ("esp", Link::RawIp, ipv4(50, &[0; 24]), whole(v4(50, Transport::None))),
        ("gre", Link::RawIp, ipv4(47, &[0, 0, 8, 0]), whole(v4(47, Transport::None))),
        ("nineteen extension headers", Link::RawIp, many_extensions, {
            with(&[Layers::DESTINATION_OPTIONS], v6(6, SYN))
        }),
        (
            "sctp asks for an association",
            Link::RawIp,
            ipv4(132, &[&[0x9c, 0x40, 0, 53], &[0; 8][..], &[1, 0, 0, 20]].concat()),
            whole(v4(132, Transport::Ports { source: 40000, destination: 53, opens: true })),
        ),
        ("wlan", Link::Wireless, data_frame(&syn4), with(&[Layers::WIRELESS], v4(6, SYN))),
        (
            "radiotap with padding",
            Link::Radiotap,
            [&[0, 0, 9, 0, 2, 0, 0, 0, 0x20], &padded_qos_frame(&syn4)[..]].concat(),
            with(&[Layers::WIRELESS], v4(6, SYN)),
        ),
        (
            "a beacon",
            Link::Radiotap,
            [&[0, 0, 8, 0, 0, 0, 0, 0, 0x80, 0], &[0; 34][..]].concat(),
            with(&[Layers::WIRELESS], Network::Beyond),
        ),
        (
            "avs",
            Link::PrismOrAvs,
            [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 8], &data_frame(&syn4)[..]].concat(),
            with(&[Layers::WIRELESS], v4(6, SYN)),
        ),
        (
            "nflog",
            Link::Nflog,
            [&[2, 0, 0, 1, 6, 0, 10, 0, b'i', b'n', 0, 0, 44, 0, 9, 0], &syn4[..]].concat(),
            whole(v4(6, SYN)),
        ),
        (
            "nflog of a big-endian host",
            Link::Nflog,
            [&[10, 0, 0, 1, 0, 57, 0, 9], &dns6[..]].concat(),
            whole(v6(17, DNS)),
        ),
        ("pflog", Link::Pflog, [&[61, 2], &[0; 62][..], &syn4].concat(), whole(v4(6, SYN))),
        ("ppi", Link::Ppi, [&[0, 0, 8, 0, 101, 0, 0, 0], &syn4[..]].concat(), whole(v4(6, SYN))),
        (
            "sctp",
            Link::RawIp,
            ipv4(132, &[&[0x9c, 0x40, 0, 53][..], &[0; 12]].concat()),
            whole(v4(132, DNS)),
        ),
    ]
}

#[test]
fn every_fixture_is_read() {
    for (name, link, frame, expected) in fixtures() {
        assert_eq!(decode(link, &frame), expected, "{name}");
    }
}

#[test]
fn a_prefix_tells_less_but_never_something_else() {
    for (name, link, frame, expected) in fixtures() {
        for end in 0..frame.len() {
            let cut = decode(link, &frame[..end]);
            assert_no_contradiction(&cut, &expected, &format!("{name}, first {end} bytes"));
        }
    }
}

/// Whatever is said of a part must be true of the whole.
fn assert_no_contradiction(part: &Summary, whole: &Summary, context: &str) {
    assert!(whole.layers.contains(part.layers), "{context}: {part:?}");
    if part == whole {
        return;
    }
    assert!(part.truncated, "{context}: {part:?} is not marked as truncated");
    if let (Some(part), Some(whole)) = (part.ip(), whole.ip()) {
        assert_eq!(part.source, whole.source, "{context}");
        assert_eq!(part.destination, whole.destination, "{context}");
        if let Some(ports) = part.transport.ports() {
            assert_eq!(Some(ports), whole.transport.ports(), "{context}");
        }
    }
}

#[test]
fn a_tunnel_tells_what_it_carries() {
    let inner4 = ipv4(6, &tcp(40000, 80, TCP_SYN));
    let inner6 = ipv6(0, &[&[17, 0, 5, 2, 0, 0, 1, 0], &udp(1, 2, b"")[..]].concat());
    let in4 = Some(Inner { is_v4: true, protocol: 6 });
    let in6 = Some(Inner { is_v4: false, protocol: 17 });
    for (protocol, payload, inner) in [
        (4, inner4.clone(), in4),
        (41, inner6.clone(), in6),
        (47, [&[0, 0, 8, 0], &inner4[..]].concat(), in4),
        (47, [&[0xb0, 0, 0x86, 0xdd], &[0; 12][..], &inner6].concat(), in6),
        (47, [&[0x30, 1, 0x88, 0x0b], &inner4[..]].concat(), None),
        (4, inner4[..19].to_vec(), None),
        (6, inner4, None),
    ] {
        let summary = decode(Link::RawIp, &ipv4(protocol, &payload));
        let outer = summary.ip().unwrap();
        assert_eq!((outer.protocol, outer.source, outer.inner), (protocol, V4_A.into(), inner));
    }
}

#[test]
fn what_follows_the_ip_header_is_found_on_every_link() {
    let query = [7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1];
    let packet = ipv4(17, &udp(40_000, 53, &query));
    let behind = |header: &[u8]| [header, &packet].concat();
    let pppoe = [&[0x11, 0, 0, 1, 0, 49, 0, 0x21][..], &packet].concat();
    for (link, frame) in [
        (Link::Ppp, behind(&[0xff, 3, 0, 0x21])),
        (Link::Ppp, behind(&[0x21])),
        (Link::PppHdlc, behind(&[0x0f, 0, 8, 0])),
        (Link::CiscoHdlc, behind(&[0x0f, 0, 8, 0])),
        (Link::Null, behind(&[2, 0, 0, 0])),
        (Link::Ethernet, ethernet(0x8864, &pppoe)),
        (Link::Ethernet, ethernet(0x8847, &behind(&[0, 0, 0x11, 64]))),
        (Link::Wireless, data_frame(&packet)),
        (Link::Radiotap, [&[0, 0, 8, 0, 0, 0, 0, 0][..], &data_frame(&packet)].concat()),
    ] {
        let summary = decode(link, &frame);
        let detail = detail(link, &frame, summary.ip().unwrap());
        assert_eq!(detail.application, Application::Dns, "{link:?} {frame:02x?}");
        assert_eq!(detail.payload, query, "{link:?}");
    }
    let frame = [&[0x57][..], &ipv6(6, &tcp(1, 2, TCP_SYN))].concat();
    let summary = decode(Link::Ppp, &frame);
    assert!(detail(Link::Ppp, &frame, summary.ip().unwrap()).segment.is_some());
}

#[test]
fn ports_are_read_though_the_tcp_header_is_cut() {
    let packet = ipv4(6, &tcp(40000, 80, TCP_SYN));
    let cut = decode(Link::RawIp, &packet[..24]);
    let transport = Transport::Tcp { source: 40000, destination: 80, flags: None };
    assert_eq!(cut, Summary { truncated: true, ..whole(v4(6, transport)) });
}

#[test]
fn addresses_are_read_though_the_ipv4_options_are_cut() {
    let mut packet = ipv4(6, &tcp(40000, 80, TCP_SYN));
    packet[0] = 0x47;
    let cut = decode(Link::RawIp, &packet[..24]);
    assert_eq!(cut, Summary { truncated: true, ..whole(v4(6, Transport::None)) });
}

#[test]
fn padding_behind_a_short_packet_is_not_a_transport_header() {
    let mut frame = ethernet(0x0800, &ipv4(6, &[]));
    frame.resize(60, 0x11);
    let summary = decode(Link::Ethernet, &frame);
    assert_eq!(summary, Summary { truncated: true, ..whole(v4(6, Transport::None)) });
}

#[test]
fn a_length_of_zero_stands_for_all_that_is_there() {
    let mut v4_packet = ipv4(6, &tcp(40000, 80, TCP_SYN));
    v4_packet[2..4].fill(0);
    assert_eq!(decode(Link::RawIp, &v4_packet), whole(v4(6, SYN)));
    let mut v6_packet = ipv6(6, &tcp(40000, 80, TCP_SYN));
    v6_packet[4..6].fill(0);
    assert_eq!(decode(Link::RawIp, &v6_packet), whole(v6(6, SYN)));
}

#[test]
fn nonsense_is_unreadable() {
    for (link, frame) in [
        (Link::Unknown(147), &[0x45; 60][..]),
        (Link::RawIp, &[0x10; 60]),
        (Link::Null, &[9, 9, 9, 9, 0x45]),
        (Link::Ethernet, &ethernet(0x0800, &[0x61; 40])),
        (Link::Ethernet, &ethernet(0x0800, &[0x42; 40])), // a header of eight bytes
        (Link::Ethernet, &ethernet(0x86dd, &[0x45; 40])),
    ] {
        assert_eq!(decode(link, frame).network, Network::Unreadable, "{link:?}");
    }
}

#[test]
fn addresses_keep_their_order_and_value() {
    for text in ["0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "fe80::1", "2001:db8::ffff:1"] {
        let addr: IpAddr = text.parse().unwrap();
        assert_eq!(IpAddr::from(Address::from(addr)), addr);
    }
    assert!(Address::from([255; 4]) < Address::from([0; 16]));
    assert!(Address::from(V6_A) < Address::from(V6_B));
}

#[test]
fn a_summary_is_small() {
    assert!(size_of::<Summary>() <= 80, "{}", size_of::<Summary>());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), number in 0u16..300) {
        decode(Link::from_link_type(number), &bytes);
        decode(Link::Payload(number), &bytes);
    }

    #[test]
    fn flipped_bytes_never_panic(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let fixtures = fixtures();
        let (_, link, frame, _) = &fixtures[which.index(fixtures.len())];
        let mut frame = frame.clone();
        let at = at.index(frame.len());
        frame[at] = value;
        decode(*link, &frame);
    }
}
