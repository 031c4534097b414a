//! Conditions to a program: first a graph in which every path ends at a verdict, made from its end
//! so that equal tails are one; then tests whose outcome is known are passed by; then it is laid
//! out in a row.

mod facts;
mod node;

use std::collections::HashMap;

use super::code::{Condition, Op, Operand};
use super::error::{FilterError, Result};
use super::machine::{Instruction, encode};
use facts::{Facts, meet};
use node::{Node, NodeId};

/// Instructions that the kernel takes (BPF_MAXINSNS).
const MAX_INSTRUCTIONS: usize = 4096;
/// Nodes of a graph; far above what fits the kernel.
const MAX_NODES: usize = 1 << 16;
/// How often a graph is gone over at most.
const ROUNDS: usize = 8;
/// The way of a short jump.
const SHORT: usize = 255;

/// A program as a graph; nodes point to earlier ones only.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    known: HashMap<Node, NodeId>,
    entry: NodeId,
}

impl Graph {
    /// What a condition amounts to.
    pub(super) fn of(condition: &Condition) -> Result<Self> {
        let mut graph = Self::default();
        let no = graph.add(Node::Verdict(false))?;
        let yes = graph.add(Node::Verdict(true))?;
        graph.entry = graph.emit(condition, yes, no)?;
        // What one round passes by makes tails equal, and equal tails let the next pass by more.
        for _ in 0..ROUNDS {
            let before = graph.nodes.len();
            graph.thread();
            graph = graph.shared()?;
            if graph.nodes.len() == before {
                break;
            }
        }
        Ok(graph)
    }

    /// The same graph with equal tails made one, and without what is not reached.
    fn shared(&self) -> Result<Self> {
        let mut graph = Self::default();
        let mut now = vec![0; self.nodes.len()];
        for id in self.reachable().into_iter().rev() {
            now[id] = graph.add(match self.nodes[id] {
                Node::Verdict(accepts) => Node::Verdict(accepts),
                Node::Op(op, next) => Node::Op(op, now[next]),
                Node::Branch { jump, operand, yes, no } => {
                    let (yes, no) = (now[yes], now[no]);
                    if yes == no {
                        now[id] = yes;
                        continue;
                    }
                    Node::Branch { jump, operand, yes, no }
                }
            })?;
        }
        graph.entry = now[self.entry];
        Ok(graph)
    }

    fn add(&mut self, node: Node) -> Result<NodeId> {
        if let Some(id) = self.known.get(&node) {
            return Ok(*id);
        }
        if self.nodes.len() == MAX_NODES {
            return Err(too_long());
        }
        self.nodes.push(node);
        self.known.insert(node, self.nodes.len() - 1);
        Ok(self.nodes.len() - 1)
    }

    fn ops(&mut self, ops: &[Op], mut next: NodeId) -> Result<NodeId> {
        for op in ops.iter().rev() {
            next = self.add(Node::Op(*op, next))?;
        }
        Ok(next)
    }

    fn emit(&mut self, condition: &Condition, yes: NodeId, no: NodeId) -> Result<NodeId> {
        match condition {
            Condition::Always(holds) => Ok(if *holds { yes } else { no }),
            Condition::Not(inner) => self.emit(inner, no, yes),
            Condition::And(first, second) => {
                let second = self.emit(second, yes, no)?;
                self.emit(first, second, no)
            }
            Condition::Or(first, second) => {
                let second = self.emit(second, yes, no)?;
                self.emit(first, yes, second)
            }
            Condition::Run(ops) => self.ops(ops, yes),
            Condition::RunIf(test, ops) => {
                let run = self.ops(ops, yes)?;
                self.emit(test, run, yes)
            }
            Condition::Test { code, jump, operand } => {
                let branch = Node::Branch { jump: *jump, operand: *operand, yes, no };
                let branch = if yes == no { yes } else { self.add(branch)? };
                self.ops(code, branch)
            }
        }
    }

    /// The way of a packet, as far as it is known at each branch, passes loads of what A holds
    /// and tests that were made.
    fn thread(&mut self) {
        let order = self.reachable();
        let mut states: HashMap<NodeId, Facts> = HashMap::from([(self.entry, Facts::default())]);
        let mut redirected: HashMap<NodeId, Node> = HashMap::new();
        // New nodes are never needed: an edge only moves to a node further down.
        for id in order {
            let Some(facts) = states.get(&id).cloned() else { continue };
            let node = match self.nodes[id] {
                Node::Verdict(_) => continue,
                Node::Op(op, next) => {
                    let facts = facts.after(op);
                    let next = self.pass(next, &facts);
                    meet(&mut states, next, facts);
                    Node::Op(op, next)
                }
                Node::Branch { jump, operand, yes, no } => {
                    let mut ends = [yes, no];
                    for (end, outcome) in ends.iter_mut().zip([true, false]) {
                        let facts = facts.with(jump, operand, outcome);
                        *end = self.pass(*end, &facts);
                        meet(&mut states, *end, facts);
                    }
                    Node::Branch { jump, operand, yes: ends[0], no: ends[1] }
                }
            };
            redirected.insert(id, node);
        }
        for (id, node) in redirected {
            self.nodes[id] = node;
        }
    }

    /// Where a path with these facts really goes on.
    fn pass(&self, mut at: NodeId, facts: &Facts) -> NodeId {
        loop {
            at = match self.nodes[at] {
                // A or X holds it already.
                Node::Op(op, next) if facts.a == Some(op) || facts.x == Some(op) => next,
                // A load and a test of it whose outcome is known, with a load behind them.
                Node::Op(op @ Op::LoadAbsolute(..), next) => {
                    let Node::Branch { jump, operand: Operand::K(k), yes, no } = self.nodes[next]
                    else {
                        return at;
                    };
                    let Some(outcome) = facts.outcome(op, jump, k) else { return at };
                    let end = if outcome { yes } else { no };
                    if !self.needs_nothing(end) {
                        return at;
                    }
                    end
                }
                Node::Branch { jump, operand: Operand::K(k), yes, no } => {
                    let outcome = facts.a.and_then(|a| facts.outcome(a, jump, k));
                    match outcome {
                        Some(outcome) => {
                            if outcome {
                                yes
                            } else {
                                no
                            }
                        }
                        None => return at,
                    }
                }
                _ => return at,
            };
        }
    }

    /// Whether what begins here loads A anew before it looks at it.
    fn needs_nothing(&self, at: NodeId) -> bool {
        match self.nodes[at] {
            Node::Verdict(_) => true,
            Node::Op(op, next) => match op {
                Op::LoadAbsolute(..)
                | Op::LoadImmediate(_)
                | Op::LoadLength
                | Op::LoadMemory(_) => true,
                Op::LoadXImmediate(_) | Op::LoadXMemory(_) | Op::LoadXHeaderLength(_) => {
                    self.needs_nothing(next)
                }
                Op::LoadIndexed(..) => true,
                _ => false,
            },
            Node::Branch { .. } => false,
        }
    }

    /// All nodes that can be reached, each before those that it leads to.
    fn reachable(&self) -> Vec<NodeId> {
        let mut is_seen = vec![false; self.nodes.len()];
        let mut order = Vec::new();
        // Depth first, without recursion: each node is left when all that it leads to was.
        let mut open = vec![(self.entry, false)];
        while let Some((id, is_done)) = open.pop() {
            if is_done {
                order.push(id);
                continue;
            }
            if std::mem::replace(&mut is_seen[id], true) {
                continue;
            }
            open.push((id, true));
            match self.nodes[id] {
                Node::Verdict(_) => {}
                Node::Op(_, next) => open.push((next, false)),
                // The last to be opened comes first in the row.
                Node::Branch { yes, no, .. } => open.extend([(yes, false), (no, false)]),
            }
        }
        order.reverse();
        order
    }

    /// The program in a row: jumps lead forward only.
    pub(super) fn linear(&self) -> Result<Vec<Instruction>> {
        let order = self.reachable();
        let mut next_in_row: HashMap<NodeId, NodeId> = HashMap::new();
        for pair in order.windows(2) {
            next_in_row.insert(pair[0], pair[1]);
        }
        // What stands behind a node that cannot reach where it leads to by itself.
        let mut far = vec![[false; 2]; self.nodes.len()];
        loop {
            let (positions, length) = self.positions(&order, &next_in_row, &far);
            if length > MAX_INSTRUCTIONS {
                return Err(too_long());
            }
            let mut changed = false;
            for id in &order {
                let Node::Branch { yes, no, .. } = self.nodes[*id] else { continue };
                for (index, end) in [yes, no].into_iter().enumerate() {
                    let way = positions[end] - positions[*id] - 1;
                    if way > SHORT && !far[*id][index] {
                        far[*id][index] = true;
                        changed = true;
                    }
                }
            }
            if !changed {
                return Ok(self.instructions(&order, &next_in_row, &far, &positions));
            }
        }
    }

    fn positions(
        &self,
        order: &[NodeId],
        next_in_row: &HashMap<NodeId, NodeId>,
        far: &[[bool; 2]],
    ) -> (Vec<usize>, usize) {
        let mut positions = vec![0; self.nodes.len()];
        let mut at = 0;
        for id in order {
            positions[*id] = at;
            at += 1;
            match self.nodes[*id] {
                Node::Op(_, next) if next_in_row.get(id) != Some(&next) => at += 1,
                Node::Branch { .. } => at += far[*id].iter().filter(|far| **far).count(),
                _ => {}
            }
        }
        (positions, at)
    }

    fn instructions(
        &self,
        order: &[NodeId],
        next_in_row: &HashMap<NodeId, NodeId>,
        far: &[[bool; 2]],
        positions: &[usize],
    ) -> Vec<Instruction> {
        let mut all = Vec::new();
        for id in order {
            match self.nodes[*id] {
                Node::Verdict(accepts) => all.push(encode::verdict(accepts)),
                Node::Op(op, next) => {
                    all.push(encode::operation(op));
                    if next_in_row.get(id) != Some(&next) {
                        all.push(encode::jump(positions[next] - all.len() - 1));
                    }
                }
                Node::Branch { jump, operand, yes, no } => {
                    let here = all.len();
                    let mut behind = here + 1;
                    let mut ways = [0; 2];
                    let mut long = Vec::new();
                    for (index, end) in [yes, no].into_iter().enumerate() {
                        ways[index] = positions[end] - here - 1;
                        if far[*id][index] {
                            ways[index] = behind - here - 1;
                            long.push(encode::jump(positions[end] - behind - 1));
                            behind += 1;
                        }
                    }
                    all.push(encode::branch(jump, operand, ways[0] as u8, ways[1] as u8));
                    all.extend(long);
                }
            }
        }
        all
    }
}

fn too_long() -> FilterError {
    FilterError::new(format!(
        "the filter takes more than the {MAX_INSTRUCTIONS} instructions that a kernel accepts"
    ))
}
