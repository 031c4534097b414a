use std::net::IpAddr;

use super::expression::{Base, Compare, Data};
use super::xtables::Info;
use super::*;

/// `struct nlattr` and its value, padded.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = ((value.len() + 4) as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn nested(kind: u16, attributes: &[Vec<u8>]) -> Vec<u8> {
    attribute(kind | 0x8000, &attributes.concat())
}

fn word(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_be_bytes())
}

fn value(kind: u16, bytes: &[u8]) -> Vec<u8> {
    nested(kind, &[attribute(1, bytes)])
}

/// An element of a rule's list of expressions.
fn expression(name: &[u8], fields: &[Vec<u8>]) -> Vec<u8> {
    nested(1, &[attribute(1, name), nested(2, fields)])
}

/// A message's payload: `struct nfgenmsg` of IPv4 and attributes.
fn object(attributes: &[Vec<u8>]) -> Vec<u8> {
    [vec![2, 0, 0, 0], attributes.concat()].concat()
}

/// `tcp dport 8080 jump DOCKER`, and what else a rule may hold.
fn rule_bytes() -> Vec<u8> {
    let jump = nested(2, &[nested(2, &[word(1, (-3i32) as u32), attribute(2, b"DOCKER\0")])]);
    object(&[
        attribute(1, b"nat\0"),
        attribute(2, b"PREROUTING\0"),
        attribute(3, &7u64.to_be_bytes()),
        nested(
            4,
            &[
                expression(b"payload\0", &[word(1, 1), word(2, 2), word(3, 2), word(4, 2)]),
                expression(b"cmp\0", &[word(1, 1), word(2, 0), value(3, &[0x1f, 0x90])]),
                expression(b"counter\0", &[]),
                expression(b"limit\0", &[word(1, 1)]),
                expression(b"numgen\0", &[word(1, 8)]),
                expression(b"immediate\0", &[word(1, 0), jump]),
            ],
        ),
    ])
}

#[test]
fn a_rule_is_its_expressions() {
    let rule = nft::rule(&rule_bytes()).unwrap().unwrap();
    let table = Table { family: TableFamily::Ip, name: "nat".to_owned() };
    assert_eq!((rule.table, rule.chain.as_str(), rule.handle), (table, "PREROUTING", 7));
    let expected = [
        Expression::Payload { to: 1, base: Base::Transport, offset: 2, len: 2 },
        Expression::Cmp { from: 1, op: Compare::Eq, data: vec![0x1f, 0x90] },
        Expression::Neutral,
        Expression::Condition { name: "limit".to_owned() },
        Expression::Unknown { name: "numgen".to_owned(), to: 8 },
        Expression::Verdict(Verdict::Jump("DOCKER".to_owned())),
    ];
    assert_eq!(rule.expressions, expected);
}

#[test]
fn a_chain_says_where_it_translates() {
    let bytes = |kind: &[u8], hook| {
        object(&[
            attribute(1, b"nat\0"),
            attribute(3, b"OUT\0"),
            nested(4, &[word(1, hook), word(2, (-100i32) as u32)]),
            attribute(7, kind),
        ])
    };
    let nat = |kind, hook| nft::chain(&bytes(kind, hook)).unwrap().unwrap().nat;
    assert_eq!(nat(b"nat\0", 3), Some((Hook::Output, -100)));
    assert_eq!(nat(b"nat\0", 0), Some((Hook::Prerouting, -100)));
    assert_eq!(nat(b"nat\0", 4), None, "the source is translated there");
    assert_eq!(nat(b"filter\0", 0), None);
    let mut of_arp = bytes(b"nat\0", 0);
    of_arp[0] = 3;
    assert_eq!(nft::chain(&of_arp), Ok(None));
}

fn elements_bytes() -> Vec<u8> {
    let element = |key: &[u8], flags, more: Vec<Vec<u8>>| {
        nested(1, &[vec![value(1, key), word(3, flags)], more].concat())
    };
    object(&[
        attribute(1, b"nat\0"),
        attribute(2, b"m\0"),
        nested(
            3,
            &[
                element(&[0, 9], 1, Vec::new()),
                element(&[0, 5], 0, vec![value(2, &[1, 2])]),
                element(&[0, 9], 0, vec![value(10, &[0, 12])]),
                nested(1, &[word(3, 2)]),
            ],
        ),
    ])
}

#[test]
fn elements_are_ordered_and_where_intervals_meet_the_beginning_is_last() {
    let bytes = object(&[
        attribute(1, b"nat\0"),
        attribute(2, b"m\0"),
        word(3, 4),
        word(5, 2),
        nested(9, &[nested(2, &[nested(1, &[word(1, 4)]), nested(1, &[word(1, 2)])])]),
    ]);
    let mut set = nft::set(&bytes).unwrap().unwrap();
    assert_eq!((set.name.as_str(), set.intervals, set.key_len), ("m", true, 2));
    assert_eq!(set.fields, [4, 2]);
    set.fill(nft::elements(&elements_bytes()).unwrap());
    let told: Vec<(&[u8], bool)> =
        set.elements.iter().map(|element| (element.key.as_slice(), element.is_end)).collect();
    let none: &[u8] = &[];
    assert_eq!(told, [(none, false), (&[0, 5], false), (&[0, 9], true), (&[0, 9], false)]);
    assert!(set.elements[0].is_catchall);
    assert_eq!(set.elements[1].value, Some(Data::Value(vec![1, 2])));
    assert_eq!(set.elements[3].key_end.as_deref(), Some(&[0, 12][..]));
}

#[test]
fn every_truncated_message_is_read_or_refused() {
    let (rule, elements) = (rule_bytes(), elements_bytes());
    for end in 0..rule.len() {
        let _ = (nft::rule(&rule[..end]), nft::chain(&rule[..end]), nft::set(&rule[..end]));
    }
    for end in 0..elements.len() {
        let _ = nft::elements(&elements[..end]);
    }
    assert!(nft::rule(&rule[..rule.len() - 1]).is_err());
    assert!(nft::rule(&[2, 0, 0]).is_err());
}

#[test]
fn a_request_names_its_table_and_set() {
    let table = Table { family: TableFamily::Ip6, name: "nat".to_owned() };
    let bytes = nft::Request::Elements(&table, "ports").encode(9);
    assert_eq!(bytes.len() % 4, 0);
    assert_eq!(bytes[..4], (bytes.len() as u32).to_ne_bytes());
    assert_eq!(bytes[4..6], 0x0a0du16.to_ne_bytes());
    assert_eq!(bytes[16], 10);
    assert_eq!(bytes[20..28], attribute(1, b"nat\0"));
    assert_eq!(bytes[28..], attribute(2, b"ports\0"));
}

/// `struct xt_entry_match` or `xt_entry_target`.
fn extension(name: &[u8], revision: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = ((32 + body.len()) as u16).to_ne_bytes().to_vec();
    bytes.extend(name);
    bytes.resize(31, 0);
    bytes.push(revision);
    bytes.extend(body);
    bytes
}

/// `struct ipt_entry` with what follows it.
fn entry(protocol: u16, matches: &[u8], target: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 112];
    bytes[80..82].copy_from_slice(&protocol.to_ne_bytes());
    let target_at = 112 + matches.len();
    bytes[88..90].copy_from_slice(&(target_at as u16).to_ne_bytes());
    bytes[90..92].copy_from_slice(&((target_at + target.len()) as u16).to_ne_bytes());
    [bytes, matches.to_vec(), target.to_vec()].concat()
}

fn standard(verdict: i32) -> Vec<u8> {
    extension(b"", 0, &[verdict.to_ne_bytes(), [0; 4]].concat())
}

/// PREROUTING jumps to DOCKER, which translates TCP 8080 to 172.17.0.2:80; OUTPUT accepts.
fn xtables_bytes() -> (Info, Vec<u8>) {
    let ports = [0, u16::MAX, 8080, 8080].map(u16::to_ne_bytes).concat();
    let tcp = extension(b"tcp", 0, &[ports, vec![0; 8]].concat());
    let flags = [1u32, 3].map(u32::to_ne_bytes).concat();
    let range = [172, 17, 0, 2, 172, 17, 0, 2, 0, 80, 0, 80];
    let dnat = extension(b"DNAT", 0, &[flags, range.to_vec(), vec![0; 4]].concat());
    let jump_len = 112 + 40;
    let docker_head = entry(0, &[], &extension(b"ERROR", 0, b"DOCKER\0\0"));
    let docker = 3 * jump_len + docker_head.len();
    let entries = [
        entry(0, &[], &standard(docker as i32)),
        entry(0, &[], &standard(-2)),
        entry(0, &[], &standard(-2)),
        docker_head,
        entry(6, &tcp, &dnat),
        entry(0, &[], &standard(-5)),
        entry(0, &[], &extension(b"ERROR", 0, b"ERROR\0\0\0")),
    ];
    let mut info = vec![0; xtables::INFO_LEN];
    info[32..36].copy_from_slice(&0b1001u32.to_ne_bytes());
    info[36 + 12..36 + 16].copy_from_slice(&(2 * jump_len as u32).to_ne_bytes());
    let entries = entries.concat();
    info[80..84].copy_from_slice(&(entries.len() as u32).to_ne_bytes());
    (Info::parse(&info).unwrap(), entries)
}

#[test]
fn an_old_table_is_chains_and_rules() {
    let (info, entries) = xtables_bytes();
    assert_eq!(info.size as usize, entries.len());
    let ruleset = xtables::ruleset(TableFamily::Ip, "nat", &info, &entries).unwrap();
    let chains: Vec<(&str, Option<Hook>)> = ruleset
        .chains
        .iter()
        .map(|chain| (chain.name.as_str(), chain.nat.map(|(hook, _)| hook)))
        .collect();
    let expected = [
        ("PREROUTING", Some(Hook::Prerouting)),
        ("OUTPUT", Some(Hook::Output)),
        ("DOCKER", None),
        ("ERROR", None),
    ];
    assert_eq!(chains, expected);
    let of = |chain: &str| {
        let rules = ruleset.rules.iter().filter(|rule| rule.chain == chain);
        rules.map(|rule| (rule.handle, rule.expressions.clone())).collect::<Vec<_>>()
    };
    let verdict = |verdict| vec![Expression::Verdict(verdict)];
    assert_eq!(
        of("PREROUTING"),
        [(1, verdict(Verdict::Jump("DOCKER".to_owned()))), (2, verdict(Verdict::Accept))]
    );
    assert_eq!(of("OUTPUT"), [(1, verdict(Verdict::Accept))]);
    let docker = of("DOCKER");
    let ports = xt::Match::Ports {
        protocol: Some(6),
        destination: vec![8080..=8080],
        inverted: false,
        more: false,
    };
    let addr: IpAddr = [172, 17, 0, 2].into();
    let dnat = xt::Target::Dnat { addr: Some(addr), port: Some(80) };
    let expected = [
        Expression::Meta { to: 1, key: 16 },
        Expression::Cmp { from: 1, op: Compare::Eq, data: vec![6] },
        Expression::Match(ports),
        Expression::Target(dnat),
    ];
    assert_eq!(docker[0], (1, expected.to_vec()));
    assert_eq!(docker[1], (2, verdict(Verdict::Return)));
}

#[test]
fn every_truncated_table_is_read_or_refused() {
    let (info, entries) = xtables_bytes();
    for end in 1..entries.len() {
        let _ = xtables::ruleset(TableFamily::Ip, "nat", &info, &entries[..end]);
        let _ = xtables::ruleset(TableFamily::Ip6, "nat", &info, &entries[..end]);
    }
    assert!(xtables::ruleset(TableFamily::Ip, "nat", &info, &entries[..200]).is_err());
    assert!(Info::parse(&[0; xtables::INFO_LEN - 1]).is_err());
    // An entry of length 0 would be read for ever.
    assert!(xtables::ruleset(TableFamily::Ip, "nat", &info, &[0; 112]).is_err());
}

#[test]
fn matches_and_targets_that_are_cut_short_are_unknown() {
    let names = ["tcp", "udp", "multiport", "addrtype", "comment", "recent"];
    for name in names {
        for len in 0..64 {
            let found = xt::Match::parse(name, &vec![0xff; len]);
            assert!(name != "recent" || found == xt::Match::Other(name.to_owned()));
        }
    }
    for len in 0..64 {
        for revision in 0..3 {
            let _ = xt::Target::parse("DNAT", revision, &vec![0xff; len]);
            let _ = xt::Target::parse("REDIRECT", revision, &vec![0xff; len]);
        }
    }
    assert_eq!(xt::Match::parse("tcp", &[0; 3]), xt::Match::Other("tcp".to_owned()));
    assert_eq!(xt::Target::parse("NETMAP", 0, &[]), xt::Target::Unread("NETMAP".to_owned()));
    assert_eq!(xt::Target::parse("MARK", 2, &[]), xt::Target::Neutral);
}
