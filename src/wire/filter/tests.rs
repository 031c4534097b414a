use super::*;

fn filter(text: &str) -> Filter {
    Filter::parse(text, Names::NONE).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> String {
    match Filter::parse(text, Names::NONE).and_then(|filter| filter.for_file(1)) {
        Ok(_) => panic!("{text} is taken"),
        Err(error) => error.to_string(),
    }
}

/// An Ethernet frame with a TCP SYN from 10.0.0.1:4000 to 10.0.0.2:80.
fn syn() -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([15, 160, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0, 0, 0, 0, 0]);
    frame
}

fn matches(text: &str, frame: &[u8]) -> bool {
    filter(text).for_file(1).unwrap().matches(frame, frame.len() as u32)
}

#[test]
fn a_frame_is_judged_by_what_it_carries() {
    for yes in [
        "",
        "tcp",
        "ip and not udp",
        "host 10.0.0.1",
        "src 10.0.0.1 and dst net 10.0.0.0/24",
        "port 80",
        "portrange 79-81",
        "dst port 443 or 80",
        "tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn",
        "ether host 2:0:0:0:0:1",
        "len = 54 and less 54 and greater 54",
        "ip[2:2] - ((ip[0] & 0xf) << 2) = 20",
        "not not not udp",
    ] {
        assert!(matches(yes, &syn()), "{yes}");
    }
    for no in ["udp", "src port 80", "not tcp", "vlan", "ip6", "tcp[13] & 2 = 0", "arp or port 81"]
    {
        assert!(!matches(no, &syn()), "{no}");
    }
}

#[test]
fn a_look_beyond_the_end_refuses_the_packet_whatever_stands_around_it() {
    let cut = &syn()[..36];
    assert!(matches("tcp", cut));
    assert!(!matches("tcp port 80", cut));
    assert!(!matches("not tcp port 80", cut));
}

#[test]
fn an_error_names_the_word() {
    for (text, word) in [
        ("tcp and decnet", "decnet"),
        ("protochain 6", "protochain"),
        ("isis", "isis"),
        ("vpi 3", "vpi"),
        ("tcp prot 80", "prot"),
        ("port nothing", "nothing"),
        ("host 1.2.3.400", "1.2.3.400"),
        ("net 1.2.3.4/24", "1.2.3.0"),
        ("port 70000", "70000"),
        ("tcp host 1.2.3.4", "tcp"),
        ("type data", "802.11"),
        ("inbound", "inbound"),
        ("stp[0] = 1", "stp"),
        ("tcp[0:3] = 1", "3"),
        ("tcp and", "and"),
        ("(tcp", "tcp"),
        ("ip proto tcp", "tcp"),
        ("gateway a", "gateway"),
    ] {
        let error = error(text);
        assert!(error.contains(word), "{text}: {error}");
        assert!(!error.contains('\n') && !error.ends_with('.'), "{error}");
    }
}

#[test]
fn a_known_outcome_is_not_tested_again() {
    let program = filter("tcp port 80 or tcp port 443 or udp port 53").for_file(1).unwrap();
    let frame = syn();
    assert!(program.matches(&frame, 54));
    let loads = |k| {
        let is_it = |i: &&Instruction| i.code == 0x28 && i.k == k;
        program.instructions().iter().filter(is_it).count()
    };
    assert_eq!(loads(12), 1, "{:?}", program.instructions());
}

#[test]
fn a_long_filter_jumps_far() {
    let ports: Vec<String> = (1..200).map(|port| format!("udp port {port}")).collect();
    let text = format!("{} or tcp", ports.join(" or "));
    assert!(matches(&text, &syn()));
    let ports: Vec<String> = (1..20_000).map(|port| format!("port {port}")).collect();
    assert!(filter(&ports[..30].join(" or ")).for_live().is_ok());
    let error = Filter::parse(&ports[..900].join(" or "), Names::NONE)
        .and_then(|filter| filter.for_live())
        .unwrap_err();
    assert!(error.to_string().contains("4096"), "{error}");
    assert!(Filter::parse(&ports.join(" or "), Names::NONE).is_err());
}

#[test]
fn deep_nesting_is_an_error() {
    for text in
        ["(".repeat(10_000), "not ".repeat(10_000), "-".repeat(10_000), "tcp[".repeat(9_000)]
    {
        assert!(Filter::parse(&text, Names::NONE).is_err());
    }
}

#[test]
fn nonsense_programs_end() {
    for code in 0..=255 {
        let program = Program::from_instructions(vec![
            Instruction { code, jt: 255, jf: 0, k: u32::MAX },
            Instruction { code, jt: 0, jf: 9, k: 3 },
        ]);
        program.matches(&syn(), 54);
    }
}
