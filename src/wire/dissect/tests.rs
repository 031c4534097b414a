use proptest::prelude::*;

use super::*;

fn summaries(layers: &[Layer]) -> Vec<(&str, &str)> {
    layers.iter().map(|layer| (layer.name.as_ref(), layer.summary.as_str())).collect()
}

fn value<'a>(layer: &'a Layer, name: &str) -> &'a str {
    let field = layer.fields.iter().find(|field| field.name == name);
    field.map_or_else(|| panic!("no {name} in {layer:?}"), |field| field.value.as_str())
}

/// Ethernet with a tag, IPv4, UDP, a DNS answer.
fn dns_answer() -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0];
    message.extend(b"\x03www\x07example\x03org\x00\x00\x01\x00\x01");
    message.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, b'a', 0xc0, 16]);
    message.extend([0xc0, 45, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0x20, 5, 8, 0];
    let length = u16::try_from(28 + message.len()).unwrap();
    frame.extend([0x45, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 0x1b, 0x58]);
    frame.extend((length - 20).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(message);
    // Padding of the link is no part of the packet.
    frame.extend([0; 6]);
    frame
}

#[test]
fn each_header_is_named_with_its_fields_and_their_places() {
    let frame = dns_answer();
    let layers = dissect(Link::Ethernet, &frame);
    assert_eq!(
        summaries(&layers),
        [
            ("ethernet", "02:00:00:00:00:01 > 02:00:00:00:00:02"),
            ("vlan", "vlan 5"),
            ("ipv4", "10.0.0.1 > 10.0.0.2, ttl 64"),
            ("udp", "53 > 7000 len 65"),
            ("dns", "answer 0x1234 A www.example.org: CNAME a.example.org, A 192.0.2.7"),
        ]
    );
    assert_eq!(value(&layers[1], "priority"), "1");
    let destination = layers[2].fields.iter().find(|field| field.name == "destination").unwrap();
    assert_eq!(frame[destination.start..destination.start + 4], [10, 0, 0, 2]);
    assert!(layers.iter().all(|layer| layer.fault.is_none()));
}

#[test]
fn a_segment_has_its_options_and_its_hello() {
    let mut frame = vec![0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    frame.extend([15, 160, 1, 187, 0, 0, 0, 1, 0, 0, 0, 9, 0x60, 0x18, 4, 0, 0, 0, 0, 0]);
    frame.extend([2, 4, 5, 180]);
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0x13, 1, 1, 0, 0, 28, 0, 0, 0, 12, 0, 10, 0, 0, 7]);
    hello.extend(b"a.b.org");
    hello.extend([0, 16, 0, 8, 0, 6, 2, b'h', b'2', 2, b'h', b'3']);
    let mut record = vec![1, 0, 0, u8::try_from(hello.len()).unwrap()];
    record.extend(hello);
    frame.extend([22, 3, 1, 0, u8::try_from(record.len()).unwrap()]);
    frame.extend(record);
    let layers = dissect(Link::RawIp, &frame);
    let [_, tcp, tls] = &layers[..] else { panic!("{layers:?}") };
    assert!(tcp.summary.starts_with("4000 > 443 [P.] seq 1 ack 9 win 1024 <mss 1460> len "));
    assert_eq!(tls.summary, "client hello for a.b.org, alpn h2 h3");
}

#[test]
fn an_error_of_icmp_shows_the_packet_that_it_speaks_of() {
    let mut frame = vec![0x45, 0, 0, 56, 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1];
    frame.extend([3, 3, 0, 0, 0, 0, 0, 0]);
    frame.extend([0x45, 0, 1, 0, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0x1b, 0x58, 0x1b, 0x59, 0, 236, 0, 0]);
    let layers = dissect(Link::RawIp, &frame);
    let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_ref()).collect();
    assert_eq!(names, ["ipv4", "icmp", "ipv4", "udp"]);
    assert!(layers[1].summary.contains("port"), "{}", layers[1].summary);
}

#[test]
fn a_name_that_points_to_itself_ends() {
    let mut message = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend([0xc0, 12, 0, 1, 0, 1]);
    assert_eq!(dns_message(&message).unwrap().question, None);
}

#[test]
fn every_prefix_is_read_as_far_as_it_goes() {
    let frame = dns_answer();
    for end in 0..frame.len() {
        for layer in dissect(Link::Ethernet, &frame[..end]) {
            assert!(layer.start + layer.length <= end, "{end}: {layer:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_headers_of_any_link(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        link_type in any::<u16>(),
        ether_type in any::<u16>(),
    ) {
        for link in [Link::from_link_type(link_type), Link::Payload(ether_type), Link::Ethernet] {
            for layer in dissect(link, &bytes) {
                prop_assert!(layer.start + layer.length <= bytes.len());
            }
        }
        let _ = (dns_message(&bytes), client_hello(&bytes), http_host(&bytes), ssh_version(&bytes));
    }
}
