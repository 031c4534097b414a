//! What is known of a packet on its way through a program.

use std::collections::HashMap;

use super::node::NodeId;
use crate::wire::filter::code::{Jump, Op, Operand};

/// What is known of a packet at one place of the program.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The load that A holds the outcome of.
    pub(super) a: Option<Op>,
    /// The same for X.
    pub(super) x: Option<Op>,
    /// Tests of loads, and whether they held.
    tests: HashMap<(Op, Jump, u32), bool>,
}

/// Facts kept at once.
const MAX_FACTS: usize = 64;

impl Facts {
    pub(super) fn after(&self, op: Op) -> Self {
        let mut facts = self.clone();
        match op {
            Op::LoadAbsolute(..) | Op::LoadLength => facts.a = Some(op),
            Op::LoadIndexed(..) => facts.a = facts.x.and(Some(op)),
            Op::LoadXHeaderLength(_) => facts.set_x(Some(op)),
            Op::LoadXImmediate(_) | Op::LoadXMemory(_) | Op::Tax => facts.set_x(None),
            Op::Store(_) => {}
            Op::LoadImmediate(_)
            | Op::LoadMemory(_)
            | Op::AluK(..)
            | Op::AluX(_)
            | Op::Negate
            | Op::Txa => facts.a = None,
        }
        facts
    }

    /// What was read by way of another X is something else.
    fn set_x(&mut self, x: Option<Op>) {
        if x.is_some() && self.x == x {
            return;
        }
        self.x = x;
        if matches!(self.a, Some(Op::LoadIndexed(..))) {
            self.a = None;
        }
        self.tests.retain(|(load, ..), _| !matches!(load, Op::LoadIndexed(..)));
    }

    pub(super) fn with(&self, jump: Jump, operand: Operand, outcome: bool) -> Self {
        let mut facts = self.clone();
        if let (Operand::K(k), Some(a)) = (operand, self.a)
            && facts.tests.len() < MAX_FACTS
        {
            facts.tests.insert((a, jump, k), outcome);
        }
        facts
    }

    /// How a test of a load comes out, where that is known.
    pub(super) fn outcome(&self, load: Op, jump: Jump, k: u32) -> Option<bool> {
        if let Some(known) = self.tests.get(&(load, jump, k)) {
            return Some(*known);
        }
        let has_another = |(test, holds): (&(Op, Jump, u32), &bool)| {
            let (other, by, value) = *test;
            other == load && by == Jump::Equal && *holds && value != k
        };
        (jump == Jump::Equal && self.tests.iter().any(has_another)).then_some(false)
    }
}

/// Joins what is known on another way to a node.
pub(super) fn meet(states: &mut HashMap<NodeId, Facts>, at: NodeId, facts: Facts) {
    let Some(known) = states.get_mut(&at) else {
        states.insert(at, facts);
        return;
    };
    if known.a != facts.a {
        known.a = None;
    }
    if known.x != facts.x {
        known.set_x(None);
    }
    known.tests.retain(|test, holds| facts.tests.get(test) == Some(holds));
}
