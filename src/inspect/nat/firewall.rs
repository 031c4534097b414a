//! What the filter rules of this host do with the first packet of a connection from outside.

use std::collections::HashMap;

use super::Question;
use super::packet::{Known, Packet};
use super::rule::{Action, Effect, effects};
use super::walk::{self, Sets};
use crate::model::why::ForwardRule;
use crate::wire::netfilter::{Chain, Expression, Hook, Policy, Rule, Ruleset, Table, Verdict, xt};

/// The kernel's own limit (`NFT_JUMP_STACK_SIZE`).
const DEEPEST: usize = 16;
/// More rules than this are not visited for one packet.
const MOST_VISITS: usize = 200_000;
/// More conditions than this are not told one by one.
const MOST_CONDITIONS: usize = 8;
/// What no packet from outside comes in by.
const LOOPBACK: &str = "from interface lo";
const NOT_LOOPBACK: &str = "not from interface lo";

/// What becomes of a packet that does not reach the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It vanishes: the client waits in vain.
    Dropped,
    /// The client is told: mostly as if nobody listened.
    Rejected,
    /// A transparent proxy gets it.
    Proxied,
}

/// A rule, or a chain's policy, that keeps packets from outside away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it does with them.
    pub fate: Fate,
    /// Which rule; `handle` is 0 for the policy of the chain.
    pub rule: ForwardRule,
    /// Whether that is the chain's policy.
    pub is_policy: bool,
    /// Which packets, beside those of the question; all where empty. Uncleaned.
    pub conditions: Vec<String>,
    /// Whether it is about IPv6.
    pub is_v6: bool,
}

/// The rules that keep such packets away, in the kernel's order, and how many rules on the way
/// were not understood.
pub fn blocks(rulesets: &[Ruleset], question: &Question) -> (Vec<Block>, usize) {
    let (mut found, mut unread) = (Vec::new(), 0);
    unread += rulesets.iter().map(|ruleset| ruleset.unread).sum::<usize>();
    for is_v6 in [false, true] {
        let mut open = Some(Vec::new());
        for hook in [Hook::Prerouting, Hook::Input] {
            let packet = Packet { question, hook, is_v6, known: Known::default() };
            if !packet.exists() {
                continue;
            }
            let Some(entered) = open.take() else { break };
            open = at_hook(rulesets, packet, entered, &mut found, &mut unread);
        }
    }
    (found, unread)
}

/// Takes packets through the chains of one hook. What holds of those that are left; `None` where
/// none is.
pub(super) fn at_hook(
    rulesets: &[Ruleset],
    packet: Packet<'_>,
    entered: Vec<String>,
    found: &mut Vec<Block>,
    unread: &mut usize,
) -> Option<Vec<String>> {
    let mut chains: Vec<(&Ruleset, &Chain, i32, Policy)> = rulesets
        .iter()
        .flat_map(|ruleset| ruleset.chains.iter().map(move |chain| (ruleset, chain)))
        .filter(|(_, chain)| packet.is_of(chain.table.family))
        .filter_map(|(ruleset, chain)| {
            let (at, priority, policy) = chain.filter?;
            (at == packet.hook).then_some((ruleset, chain, priority, policy))
        })
        .collect();
    chains.sort_by_key(|(_, _, priority, _)| *priority);
    let mut open = Some(entered);
    for (ruleset, chain, _, policy) in chains {
        let mut walker = Walker::new(ruleset, packet, found);
        open = walker.base_chain(chain, policy, open.take()?);
        *unread += walker.unread;
    }
    open
}

type Rules<'a> = HashMap<(&'a Table, &'a str), Vec<&'a Rule>>;

struct Walker<'a, 'b> {
    ruleset: &'a Ruleset,
    rules: Rules<'a>,
    sets: Sets<'a>,
    packet: Packet<'a>,
    visits: usize,
    unread: usize,
    found: &'b mut Vec<Block>,
}

/// Where the packets are that a chain did not end.
struct Left {
    /// Those that come back, and what holds of them; `None` where none does.
    back: Option<Vec<String>>,
    /// Whether some were accepted.
    accepted: bool,
}

impl<'a, 'b> Walker<'a, 'b> {
    fn new(ruleset: &'a Ruleset, packet: Packet<'a>, found: &'b mut Vec<Block>) -> Self {
        let mut rules: Rules<'a> = HashMap::new();
        for rule in &ruleset.rules {
            rules.entry((&rule.table, &rule.chain)).or_default().push(rule);
        }
        let sets = ruleset.sets.iter().map(|set| ((&set.table, set.name.as_str()), set)).collect();
        Self { ruleset, rules, sets, packet, visits: 0, unread: 0, found }
    }

    /// What holds of the packets that the next chain sees; `None` where none is left.
    fn base_chain(
        &mut self,
        chain: &Chain,
        policy: Policy,
        entered: Vec<String>,
    ) -> Option<Vec<String>> {
        let left = self.chain(&chain.table, &chain.name, &entered, 0);
        match (left.back, policy) {
            (Some(rest), Policy::Drop) => {
                let rule = self.name(&chain.table, &chain.name, 0);
                self.add(Fate::Dropped, rule, true, rest);
                left.accepted.then_some(entered)
            }
            (None, _) if !left.accepted => None,
            _ => Some(entered),
        }
    }

    fn chain(&mut self, table: &Table, name: &str, entered: &[String], depth: usize) -> Left {
        let mut rest = entered.to_vec();
        let mut accepted = false;
        if depth > DEEPEST {
            self.unread += 1;
            return Left { back: Some(rest), accepted };
        }
        let rules = self.rules.get(&(table, name)).cloned().unwrap_or_default();
        for rule in rules {
            self.visits += 1;
            if self.visits > MOST_VISITS {
                self.unread += 1;
                break;
            }
            let (effects, unread) = effects(rule, self.packet, &self.sets);
            self.unread += unread;
            for effect in effects {
                let Some(conditions) = self.conditions(&effect) else { continue };
                let certain = conditions.is_empty();
                let within = [rest.as_slice(), &conditions].concat();
                let back = match &effect.action {
                    // Where it goes instead is another finding.
                    Action::Translate(_) | Action::Verdict(Verdict::Continue) => continue,
                    Action::Verdict(Verdict::Accept) if is_proxied(rule) => {
                        let name = self.name(table, name, rule.handle);
                        self.add(Fate::Proxied, name, false, within);
                        None
                    }
                    Action::Verdict(Verdict::Accept) => {
                        accepted = true;
                        None
                    }
                    Action::Verdict(Verdict::Drop) => {
                        let fate = if is_reject(rule) { Fate::Rejected } else { Fate::Dropped };
                        let name = self.name(table, name, rule.handle);
                        self.add(fate, name, false, within);
                        None
                    }
                    Action::Verdict(Verdict::Return) if certain => {
                        return Left { back: Some(rest), accepted };
                    }
                    // Those that return come back with what held before.
                    Action::Verdict(Verdict::Return) => continue,
                    Action::Verdict(Verdict::Jump(to) | Verdict::Goto(to)) => {
                        let left = self.chain(table, to, &within, depth + 1);
                        accepted |= left.accepted;
                        left.back.map(|_| ())
                    }
                };
                match (back, certain) {
                    (None, true) => return Left { back: None, accepted },
                    (None, false) => without(&mut rest, &conditions),
                    (Some(()), _) => {}
                }
            }
        }
        Left { back: Some(rest), accepted }
    }

    /// The conditions of an effect; `None` where they cannot be met.
    fn conditions(&self, effect: &Effect) -> Option<Vec<String>> {
        match self.packet.known.source {
            // Who asks knows where the packet comes from.
            Some(_) => Some(effect.conditions.clone()),
            None => from_outside(effect),
        }
    }

    fn add(&mut self, fate: Fate, rule: ForwardRule, is_policy: bool, conditions: Vec<String>) {
        let mut conditions = conditions;
        if conditions.len() > MOST_CONDITIONS {
            conditions.truncate(MOST_CONDITIONS);
            conditions.push("by more conditions".to_owned());
        }
        let is_v6 = self.packet.is_v6;
        self.found.push(Block { fate, rule, is_policy, conditions, is_v6 });
    }

    fn name(&self, table: &Table, chain: &str, handle: u64) -> ForwardRule {
        walk::rule_name(self.ruleset.origin, table, chain, handle)
    }
}

/// The conditions of an effect for a packet from outside; `None` where it cannot be met.
fn from_outside(effect: &Effect) -> Option<Vec<String>> {
    let conditions = &effect.conditions;
    if conditions.iter().any(|condition| condition == LOOPBACK) {
        return None;
    }
    Some(conditions.iter().filter(|condition| *condition != NOT_LOOPBACK).cloned().collect())
}

fn without(rest: &mut Vec<String>, conditions: &[String]) {
    let condition = super::conditions::not(&conditions.join(" and "));
    if !rest.contains(&condition) {
        rest.push(condition);
    }
}

fn is_reject(rule: &Rule) -> bool {
    rule.expressions.iter().any(|expression| {
        matches!(expression, Expression::Reject | Expression::Target(xt::Target::Reject))
    })
}

fn is_proxied(rule: &Rule) -> bool {
    rule.expressions.iter().any(|expression| {
        matches!(expression, Expression::Tproxy | Expression::Target(xt::Target::Tproxy))
    })
}
