//! Going through chains as the kernel would, with what is not certain as conditions.

use std::collections::HashMap;

use super::conditions::not;
use super::packet::{Known, Packet};
use super::rule::{Action, Translation, effects};
use super::{NatAnswer, Question};
use crate::model::why::{Forward, ForwardFrom, ForwardRule};
use crate::wire::netfilter::{Chain, Hook, Origin, Rule, Ruleset, Set, Table, Verdict};

/// More forwards than this are not told; the rest counts as unread.
const MOST: usize = 64;
/// The kernel's own limit (`NFT_JUMP_STACK_SIZE`).
const DEEPEST: usize = 16;
/// More conditions than this are not told one by one.
const MOST_CONDITIONS: usize = 16;
/// More rules than this are not visited for one packet.
const MOST_VISITS: usize = 200_000;

/// Rules by their chain, in its order.
type Rules<'a> = HashMap<(&'a Table, &'a str), Vec<&'a Rule>>;
/// Sets by their name.
pub(super) type Sets<'a> = HashMap<(&'a Table, &'a str), &'a Set>;

/// Follows one packet of each family through the chains of each hook.
pub(super) fn walk(
    ruleset: &Ruleset,
    question: &Question,
    known: Known<'_>,
    answer: &mut NatAnswer,
) {
    let mut rules: Rules<'_> = HashMap::new();
    for rule in &ruleset.rules {
        rules.entry((&rule.table, &rule.chain)).or_default().push(rule);
    }
    let sets = ruleset.sets.iter().map(|set| ((&set.table, set.name.as_str()), set)).collect();
    for hook in [Hook::Prerouting, Hook::Output] {
        for is_v6 in [false, true] {
            let packet = Packet { question, hook, is_v6, known };
            if !packet.exists() {
                continue;
            }
            Walker { ruleset, rules: &rules, sets: &sets, packet, visits: 0, answer }.base_chains();
        }
    }
}

struct Walker<'a> {
    ruleset: &'a Ruleset,
    rules: &'a Rules<'a>,
    sets: &'a Sets<'a>,
    packet: Packet<'a>,
    visits: usize,
    answer: &'a mut NatAnswer,
}

/// How a chain was left.
enum Left {
    /// Some packets, those of which these hold, are still on their way.
    Open(Vec<String>),
    /// Everything is decided.
    Decided {
        /// By a new destination.
        translated: bool,
    },
}

/// What a rule made of the chain.
enum Next {
    Rule,
    Leave(Left),
}

/// Which packets are still in a chain.
struct Rest {
    /// What holds of them.
    conditions: Vec<String>,
    /// Of these, what holds also for those that returned from the chain early.
    lasting: Vec<String>,
}

impl Walker<'_> {
    /// A connection's destination is translated once: by the first chain that does.
    fn base_chains(&mut self) {
        let is_met = |chain: &&Chain| {
            self.packet.is_of(chain.table.family)
                && chain.nat.is_some_and(|(hook, _)| hook == self.packet.hook)
        };
        let mut chains: Vec<&Chain> = self.ruleset.chains.iter().filter(is_met).collect();
        chains.sort_by_key(|chain| chain.nat.map(|(_, priority)| priority));
        for chain in chains {
            let left = self.chain(&chain.table, &chain.name, &[], 0);
            if matches!(left, Left::Decided { translated: true }) {
                return;
            }
        }
    }

    fn chain(&mut self, table: &Table, name: &str, entered: &[String], depth: usize) -> Left {
        if depth > DEEPEST {
            self.answer.unread += 1;
            return Left::Open(Vec::new());
        }
        let mut rest = Rest { conditions: entered.to_vec(), lasting: Vec::new() };
        let all_rules = self.rules;
        for rule in all_rules.get(&(table, name)).map_or(&[][..], Vec::as_slice) {
            self.visits += 1;
            if self.visits > MOST_VISITS {
                self.answer.unread += 1;
                break;
            }
            if let Next::Leave(left) = self.rule(rule, &mut rest, depth) {
                return left;
            }
        }
        Left::Open(rest.lasting)
    }

    fn rule(&mut self, rule: &Rule, rest: &mut Rest, depth: usize) -> Next {
        let (effects, unread) = effects(rule, self.packet, self.sets);
        self.answer.unread += unread;
        for effect in effects {
            let certain = effect.conditions.is_empty();
            let within = || [rest.conditions.as_slice(), &effect.conditions].concat();
            let (left, stays_in_chain) = match effect.action {
                Action::Translate(translation) => {
                    self.tell(rule, translation, within());
                    // For those of another kind the order of the forwards says as much.
                    if !certain {
                        continue;
                    }
                    (Left::Decided { translated: true }, false)
                }
                Action::Verdict(Verdict::Continue) => continue,
                Action::Verdict(Verdict::Accept | Verdict::Drop) => {
                    (Left::Decided { translated: false }, false)
                }
                Action::Verdict(Verdict::Return) => (Left::Open(rest.lasting.clone()), false),
                Action::Verdict(Verdict::Jump(to)) => {
                    (self.chain(&rule.table, &to, &within(), depth + 1), true)
                }
                Action::Verdict(Verdict::Goto(to)) => {
                    (self.chain(&rule.table, &to, &within(), depth + 1), false)
                }
            };
            if certain && !(stays_in_chain && matches!(left, Left::Open(_))) {
                return Next::Leave(left);
            }
            rest.go_on(left, &effect.conditions, stays_in_chain);
        }
        Next::Rule
    }

    fn tell(&mut self, rule: &Rule, to: Translation, conditions: Vec<String>) {
        // The packet arrives as if there were no rule.
        if to.to_this_host && to.port.is_none_or(|port| port == self.packet.question.port) {
            return;
        }
        let forward = Forward {
            from: match self.packet.hook {
                Hook::Prerouting | Hook::Input => ForwardFrom::Outside,
                Hook::Output => ForwardFrom::ThisHost,
            },
            addr: to.addr,
            to_this_host: to.to_this_host,
            port: to.port,
            rule: self.name(rule),
            conditions,
        };
        // A rule for both families is met by a packet of either.
        if self.answer.forwards.contains(&forward) {
            return;
        }
        if self.answer.forwards.len() < MOST {
            self.answer.forwards.push(forward);
        } else {
            self.answer.unread += 1;
        }
    }

    fn name(&self, rule: &Rule) -> ForwardRule {
        rule_name(self.ruleset.origin, &rule.table, &rule.chain, rule.handle)
    }
}

/// What a rule is called.
pub(super) fn rule_name(origin: Origin, table: &Table, chain: &str, handle: u64) -> ForwardRule {
    let program = match origin {
        Origin::Nftables => "nftables",
        Origin::Xtables => "iptables-legacy",
    };
    ForwardRule {
        program: program.to_owned(),
        family: table.family.name().to_owned(),
        table: table.name.clone(),
        chain: chain.to_owned(),
        handle,
    }
}

impl Rest {
    /// Notes what holds of all that are left.
    fn require(&mut self, condition: &str, lasts: bool) {
        add(&mut self.conditions, condition);
        if lasts {
            add(&mut self.lasting, condition);
        }
    }

    /// Takes out those packets that a rule led elsewhere, and that did not come back.
    fn go_on(&mut self, left: Left, conditions: &[String], stays_in_chain: bool) {
        match left {
            Left::Open(lasting) if stays_in_chain => {
                lasting.iter().for_each(|condition| self.require(condition, true));
            }
            Left::Open(_) => self.require(&not(&conditions.join(" and ")), false),
            Left::Decided { .. } => self.require(&not(&conditions.join(" and ")), true),
        }
    }
}

/// A chain may have thousands of exceptions.
fn add(conditions: &mut Vec<String>, condition: &str) {
    if conditions.iter().any(|known| known == condition) || conditions.len() > MOST_CONDITIONS {
        return;
    }
    let is_last = conditions.len() == MOST_CONDITIONS;
    let condition = if is_last { "by more conditions" } else { condition };
    conditions.push(condition.to_owned());
}
