use super::*;
use crate::model::owner::Ownership;
use crate::model::socket::{Backlog, Endpoint, Family, Protocol, SocketMemory, State};

fn entry(name: &str) -> &'static Entry {
    sockopts::find(name).expect("in the catalogue").1
}

fn decoded(name: &str, raw: &[u8]) -> Option<OptionValue> {
    decode::value(entry(name), raw)
}

fn ints(numbers: &[i32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

fn text(text: &str) -> OptionValue {
    OptionValue::Text(text.to_owned())
}

fn find<'a>(report: &'a OptionsReport, name: &str) -> &'a SocketOption {
    let found = report.options.iter().find(|option| option.name == name);
    found.unwrap_or_else(|| panic!("{name} is not listed"))
}

#[test]
fn numbers_are_decoded_by_their_type() {
    assert_eq!(decoded("SO_KEEPALIVE", &ints(&[1])), Some(OptionValue::Bool(true)));
    assert_eq!(decoded("SO_PEEK_OFF", &ints(&[-1])), Some(OptionValue::Number(-1)));
    let unlimited = OptionValue::Number(4_294_967_295);
    assert_eq!(decoded("SO_MAX_PACING_RATE", &ints(&[-1])), Some(unlimited));
    assert_eq!(decoded("SO_RCVBUF", &ints(&[8192])), Some(OptionValue::Number(8192)));
    assert_eq!(decoded("SO_COOKIE", &77_u64.to_ne_bytes()), Some(OptionValue::Number(77)));
    assert_eq!(decoded("SO_TYPE", &ints(&[2])), Some(text("SOCK_DGRAM")));
    assert_eq!(decoded("SO_TYPE", &ints(&[77])), Some(text("77")));
    let locks = OptionValue::Names(vec!["SOCK_RCVBUF_LOCK".to_owned(), "0x8".to_owned()]);
    assert_eq!(decoded("SO_BUF_LOCK", &ints(&[10])), Some(locks));
}

#[test]
fn structures_are_decoded_by_their_type() {
    let linger = OptionValue::Linger { on: true, seconds: 5 };
    assert_eq!(decoded("SO_LINGER", &ints(&[1, 5])), Some(linger));
    let credentials = OptionValue::Credentials { pid: 0, uid: u32::MAX, gid: 7 };
    assert_eq!(decoded("SO_PEERCRED", &ints(&[0, -1, 7])), Some(credentials));
    let wide = [2_i64.to_ne_bytes(), 500_000_i64.to_ne_bytes()].concat();
    assert_eq!(decoded("SO_RCVTIMEO", &wide), Some(OptionValue::Time { us: 2_500_000 }));
    let narrow = ints(&[2, 500_000]);
    assert_eq!(decoded("SO_RCVTIMEO", &narrow), Some(OptionValue::Time { us: 2_500_000 }));
    assert_eq!(decoded("TCP_CONGESTION", b"cubic\0\0\0"), Some(text("cubic")));
    assert_eq!(decoded("SO_BINDTODEVICE", b""), Some(text("")));
    assert_eq!(decoded("IP_MULTICAST_IF", &[127, 0, 0, 1]), Some(text("127.0.0.1")));
    let mut addr = 2_u16.to_ne_bytes().to_vec();
    addr.extend([0x1f, 0x90, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(decoded("SO_PEERNAME", &addr), Some(text("192.0.2.1:8080")));
    let mut addr = 1_u16.to_ne_bytes().to_vec();
    addr.extend(b"\0name");
    assert_eq!(decoded("SO_PEERNAME", &addr), Some(text("@name")));
}

#[test]
fn what_is_cut_short_is_shown_as_bytes() {
    for (name, raw) in [
        ("SO_KEEPALIVE", ints(&[1])),
        ("SO_LINGER", ints(&[1, 5])),
        ("SO_PEERCRED", ints(&[1, 2, 3])),
        ("SO_BUF_LOCK", ints(&[2])),
        ("SO_TYPE", ints(&[2])),
    ] {
        for end in (0..raw.len()).filter(|end| *end != 1) {
            let cut = &raw[..end];
            assert_eq!(decode::value(entry(name), cut), None, "{name} of {end} bytes");
            let (shown_as, _) = decode::value_or_bytes(entry(name), cut);
            assert_eq!(shown_as, OptionType::Opaque);
        }
    }
    let mut addr = 2_u16.to_ne_bytes().to_vec();
    addr.extend([0x1f, 0x90, 192, 0]);
    for end in (0..=addr.len()).filter(|end| *end != 4) {
        assert_eq!(decoded("SO_PEERNAME", &addr[..end]), None, "{end} bytes");
    }
}

#[test]
fn without_a_descriptor_the_table_speaks() {
    let local = Endpoint::ip([127, 0, 0, 1], 8080);
    let mut socket = Socket::new(Family::Ipv6, Protocol::Tcp, State::Listen, local);
    socket.cookie = Some(77);
    socket.v6_only = Some(true);
    socket.memory =
        Some(SocketMemory { rcvbuf_bytes: 4096, sndbuf_bytes: 16_384, ..Default::default() });
    socket.backlog = Some(Backlog { queued: 3, limit: 2 });
    socket.ownership = Ownership::hidden("process 1 could not be read");
    let report = options(&socket).unwrap();
    assert_eq!(report.access, OptionAccess::KernelDiag);
    assert!(report.reason.as_deref().unwrap().contains("process 1 could not be read"));
    assert_eq!(find(&report, "SO_RCVBUF").value, OptionValue::Number(4096));
    assert_eq!(find(&report, "SO_ACCEPTCONN").value, OptionValue::Bool(true));
    assert_eq!(find(&report, "IPV6_V6ONLY").value, OptionValue::Bool(true));
    assert!(report.options.iter().all(|option| option.raw_hex.is_none()));
    assert_eq!(report.io_model, None);
    assert_eq!(report.findings[0].kind, "accept_queue_full");
}

#[test]
fn what_no_table_tells_is_none() {
    let local = Endpoint::ip([127, 0, 0, 1], 8080);
    let socket = Socket::new(Family::Ipv4, Protocol::Tcp, State::Listen, local);
    let report = options(&socket).unwrap();
    assert_eq!(report.access, OptionAccess::None);
    assert!(report.options.is_empty());
    assert!(report.reason.is_some());
}
