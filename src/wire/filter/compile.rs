//! The compiler: walks an expression in the order in which it was written, since a `vlan` or
//! `mpls` shifts what stands behind it whatever stands between.

use super::ast::{Expression, Special};
use super::code::{Condition, Jump, Op, Operand, Size};
use super::compiler::Compiler;
use super::error::Result;
use super::graph::Graph;
use super::link::{Layout, Target};
use super::place::{FIRST_TUNNEL_REGISTER, LinkKind};

/// Makes a program of an expression; `None` lets everything through.
pub(super) fn compile(expression: Option<&Expression>, target: Target) -> Result<Graph> {
    Graph::of(&condition(expression, target)?)
}

pub(super) fn condition(expression: Option<&Expression>, target: Target) -> Result<Condition> {
    let Some(expression) = expression else { return Ok(Condition::Always(true)) };
    let layout = Layout::new(target)?;
    let mut compiler = Compiler { layout, scratch: 0, reserved: FIRST_TUNNEL_REGISTER + 1 };
    let body = compiler.expression(expression)?;
    let body = match compiler.layout.prologue() {
        Some(prologue) => prologue.and(body),
        None => body,
    };
    Ok(match compiler.layout.kind {
        // Only IEEE 802.11 behind the header is looked at (the number is little-endian).
        LinkKind::Ppi => Condition::Test {
            code: vec![Op::LoadAbsolute(Size::Word, 4)],
            jump: Jump::Equal,
            operand: Operand::K(105u32.swap_bytes()),
        }
        .and(body),
        _ => body,
    })
}

impl Compiler {
    fn expression(&mut self, expression: &Expression) -> Result<Condition> {
        match expression {
            Expression::And(first, second) => {
                let first = self.expression(first)?;
                Ok(first.and(self.expression(second)?))
            }
            Expression::Or(first, second) => {
                let first = self.expression(first)?;
                Ok(first.or(self.expression(second)?))
            }
            Expression::Not(inner) => Ok(self.expression(inner)?.not()),
            Expression::Protocol(protocol) => self.protocol(*protocol),
            Expression::Host(qualifiers, address) => self.host(qualifiers, address),
            Expression::Port(qualifiers, range) => self.port(qualifiers.direction, range),
            Expression::Number(qualifiers, number) => self.proto(qualifiers, *number),
            Expression::Relation(relation, left, right) => self.relation(*relation, left, right),
            Expression::Special(special) => self.special(special),
        }
    }

    fn special(&mut self, special: &Special) -> Result<Condition> {
        super::special::compile(self, special)
    }
}
