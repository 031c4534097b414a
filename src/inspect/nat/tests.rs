use super::*;
use crate::wire::netfilter::expression::{Base, Compare};
use crate::wire::netfilter::{Chain, Expression, Hook, Origin, Rule, Table, TableFamily, Verdict};

fn table(family: TableFamily) -> Table {
    Table { family, name: "nat".to_owned() }
}

fn chain(name: &str, nat: Option<(Hook, i32)>) -> Chain {
    Chain { table: table(TableFamily::Inet), name: name.to_owned(), nat, filter: None }
}

fn rule(chain: &str, handle: u64, expressions: Vec<Expression>) -> Rule {
    Rule { table: table(TableFamily::Inet), chain: chain.to_owned(), handle, expressions }
}

/// `meta mark N`: something that is not known.
fn mark(number: u32) -> Vec<Expression> {
    vec![
        Expression::Meta { to: 1, key: 3 },
        Expression::Cmp { from: 1, op: Compare::Eq, data: number.to_ne_bytes().to_vec() },
    ]
}

fn redirect(port: u16) -> Vec<Expression> {
    let data = port.to_be_bytes().to_vec();
    vec![Expression::Load { to: 9, data }, Expression::Redirect { port: Some(9) }]
}

fn verdict(verdict: Verdict) -> Vec<Expression> {
    vec![Expression::Verdict(verdict)]
}

fn jump(chain: &str) -> Vec<Expression> {
    verdict(Verdict::Jump(chain.to_owned()))
}

/// Where packets for 8080 go by these rules of the chains `in` and others.
fn told(rules: Vec<Rule>) -> Vec<String> {
    let mut ruleset = Ruleset::empty(Origin::Nftables);
    ruleset.chains = vec![
        chain("in", Some((Hook::Prerouting, -100))),
        chain("late", Some((Hook::Prerouting, -90))),
        chain("a", None),
    ];
    ruleset.rules = rules;
    let question = Question { port: 8080, udp: false, addr: None };
    let answer = follow(&[ruleset], &question);
    assert_eq!(answer.unread, 0);
    let words = |forward: &Forward| {
        format!("{} {}", forward.port.unwrap_or(0), forward.conditions.join("; "))
    };
    answer.forwards.iter().map(words).collect()
}

#[test]
fn the_first_certain_translation_is_the_only_one() {
    let rules = |first| {
        vec![rule("in", 1, first), rule("in", 2, redirect(2)), rule("late", 3, redirect(3))]
    };
    assert_eq!(told(rules(redirect(1))), ["1 "]);
    let perhaps = [mark(5), redirect(1)].concat();
    assert_eq!(told(rules(perhaps)), ["1 with mark 0x5", "2 "]);
}

#[test]
fn a_packet_that_is_accepted_meets_the_next_hook_chain() {
    let rules = vec![
        rule("in", 1, verdict(Verdict::Accept)),
        rule("in", 2, redirect(2)),
        rule("late", 3, redirect(3)),
    ];
    assert_eq!(told(rules), ["3 "]);
}

#[test]
fn who_returns_or_is_accepted_early_is_excepted() {
    let rules = |early: Verdict| {
        vec![
            rule("in", 1, jump("a")),
            rule("in", 2, redirect(2)),
            rule("a", 3, [mark(5), verdict(early)].concat()),
            rule("a", 4, [mark(6), redirect(4)].concat()),
        ]
    };
    let returned = told(rules(Verdict::Return));
    assert_eq!(returned, ["4 not with mark 0x5; with mark 0x6", "2 "]);
    let accepted = told(rules(Verdict::Accept));
    assert_eq!(accepted, ["4 not with mark 0x5; with mark 0x6", "2 not with mark 0x5"]);
}

#[test]
fn a_goto_does_not_come_back() {
    let to_a = verdict(Verdict::Goto("a".to_owned()));
    let rules =
        |first| vec![rule("in", 1, first), rule("in", 2, redirect(2)), rule("a", 3, Vec::new())];
    assert_eq!(told(rules(to_a.clone())), [""; 0]);
    assert_eq!(told(rules([mark(5), to_a].concat())), ["2 not with mark 0x5"]);
    assert_eq!(told(rules(jump("a"))), ["2 "]);
}

#[test]
fn chains_that_lead_in_a_circle_end() {
    let mut ruleset = Ruleset::empty(Origin::Nftables);
    ruleset.chains = vec![chain("in", Some((Hook::Output, 0)))];
    ruleset.rules = vec![rule("in", 1, jump("in")), rule("in", 2, jump("in"))];
    let question = Question { port: 1, udp: true, addr: Some([127, 0, 0, 1].into()) };
    let answer = follow(&[ruleset], &question);
    assert!(answer.forwards.is_empty() && answer.unread > 0);
}

#[test]
fn thousands_of_exceptions_are_cut_short() {
    let except =
        |number| rule("in", number, [mark(number as u32), verdict(Verdict::Accept)].concat());
    let rules = (0..20_000).map(except).chain([rule("in", 1, redirect(1))]).collect();
    let told = told(rules);
    assert_eq!(told.len(), 1);
    assert!(told[0].ends_with("; by more conditions") && told[0].len() < 1000, "{told:?}");
}

#[test]
fn a_redirection_to_the_same_port_is_none() {
    assert_eq!(told(vec![rule("in", 1, redirect(8080))]), [""; 0]);
    assert_eq!(told(vec![rule("in", 1, vec![Expression::Redirect { port: None }])]), [""; 0]);
}

#[test]
fn registers_that_no_kernel_has_are_a_condition() {
    let wild = [
        Expression::Payload { to: 99, base: Base::Network, offset: u32::MAX, len: u32::MAX },
        Expression::Cmp { from: 23, op: Compare::Eq, data: vec![0; 100] },
    ];
    let told = told(vec![rule("in", 1, [wild.to_vec(), redirect(1)].concat())]);
    assert_eq!(told, ["1 by something that sockpit does not read"]);
}

#[test]
fn a_network_is_told_from_its_first_and_last_address() {
    use super::bytes::{Field, unknown};
    use super::conditions::{Holds, lies_between};
    let addr = unknown(&Field::Destination(4), 4);
    let told = |first: [u8; 4], last: [u8; 4]| lies_between(&addr, &first, &last);
    assert_eq!(told([10, 0, 0, 0], [10, 0, 0, 255]), Holds::If("to 10.0.0.0/24".to_owned()));
    assert_eq!(told([10, 0, 0, 7], [10, 0, 0, 7]), Holds::If("to 10.0.0.7".to_owned()));
    let range = Holds::If("with its destination in a range".to_owned());
    assert_eq!(told([10, 0, 0, 7], [10, 0, 0, 9]), range);
    assert_eq!(told([10, 0, 0, 1], [10, 0, 1, 254]), range);
}
