//! Numbers that are computed from a packet: `ip[2:2] - ((ip[0] & 0xf) << 2)`. Read here, and made
//! into code.

use super::ast::{Arithmetic, Operator, Relation};
use super::code::{Alu, Condition, Jump, Op, Operand, Size};
use super::compiler::Compiler;
use super::cursor::Parser;
use super::error::{FilterError, Result};
use super::lexer::{Symbol, TokenKind};
use super::place::Anchor;
use super::word::{Protocol, Word};

/// How tightly an operator binds. pcap-filter's grammar gives `%` and `^` no rank: what
/// follows them is read first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    /// Nothing waits to be applied.
    Outermost,
    Of(u8),
    Unranked,
}

impl Rank {
    /// Whether an operator of rank `next` is applied before one of this rank that came earlier.
    fn yields_to(self, next: Self) -> bool {
        match (self, next) {
            (Self::Of(own), Self::Of(next)) => next > own,
            _ => true,
        }
    }
}

const NEGATION: Rank = Rank::Of(5);

fn operator(kind: TokenKind) -> Option<(Operator, Rank)> {
    let TokenKind::Symbol(symbol) = kind else { return None };
    Some(match symbol {
        Symbol::Bar => (Operator::Or, Rank::Of(0)),
        Symbol::Ampersand => (Operator::And, Rank::Of(1)),
        Symbol::ShiftLeft => (Operator::ShiftLeft, Rank::Of(2)),
        Symbol::ShiftRight => (Operator::ShiftRight, Rank::Of(2)),
        Symbol::Plus => (Operator::Add, Rank::Of(3)),
        Symbol::Minus => (Operator::Subtract, Rank::Of(3)),
        Symbol::Star => (Operator::Multiply, Rank::Of(4)),
        Symbol::Slash => (Operator::Divide, Rank::Of(4)),
        Symbol::Percent => (Operator::Modulo, Rank::Unranked),
        Symbol::Caret => (Operator::Xor, Rank::Unranked),
        _ => return None,
    })
}

impl Parser<'_> {
    pub(super) fn take_relation(&mut self) -> Option<Relation> {
        let Some(TokenKind::Symbol(symbol)) = self.peek() else { return None };
        let relation = match symbol {
            Symbol::Greater => Relation::Greater,
            Symbol::GreaterOrEqual => Relation::GreaterOrEqual,
            Symbol::Equal => Relation::Equal,
            Symbol::LessOrEqual => Relation::LessOrEqual,
            Symbol::Less => Relation::Less,
            Symbol::NotEqual => Relation::NotEqual,
            _ => return None,
        };
        self.advance();
        Some(relation)
    }

    pub(super) fn arithmetic(&mut self) -> Result<Arithmetic> {
        self.operation(Rank::Outermost)
    }

    fn operation(&mut self, waiting: Rank) -> Result<Arithmetic> {
        let mut left = self.operand()?;
        while let Some((operator, rank)) = self.peek().and_then(operator) {
            if !waiting.yields_to(rank) {
                break;
            }
            self.take_operator()?;
            let right = self.deeper(|parser| parser.operation(rank))?;
            if let Arithmetic::Number(number) = right {
                check(operator, number)?;
            }
            left = Arithmetic::Binary(operator, left.into(), right.into());
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Arithmetic> {
        match self.peek() {
            Some(TokenKind::Number(number)) => {
                self.advance();
                Ok(Arithmetic::Number(number))
            }
            Some(TokenKind::Word(Word::Length)) => {
                self.advance();
                Ok(Arithmetic::Length)
            }
            Some(TokenKind::Word(Word::Protocol(protocol))) => self.load(protocol),
            Some(TokenKind::Symbol(Symbol::Minus)) => {
                self.advance();
                let inner = self.deeper(|parser| parser.operation(NEGATION))?;
                Ok(Arithmetic::Negative(inner.into()))
            }
            Some(TokenKind::Symbol(Symbol::OpenParenthesis)) => {
                self.advance();
                let inner = self.nested_arithmetic()?;
                self.expect_symbol(Symbol::CloseParenthesis)?;
                Ok(inner)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// `protocol[index:size]`.
    fn load(&mut self, protocol: Protocol) -> Result<Arithmetic> {
        self.advance();
        self.expect_symbol(Symbol::OpenBracket)?;
        let index = self.nested_arithmetic()?.into();
        let size = if self.take_symbol(Symbol::Colon) { self.expect_number()? } else { 1 };
        if !matches!(size, 1 | 2 | 4) {
            return Err(FilterError::new(format!(
                "{}[…:{size}] is not possible: 1, 2 or 4 bytes can be read",
                protocol.name()
            )));
        }
        self.expect_symbol(Symbol::CloseBracket)?;
        Ok(Arithmetic::Load { protocol, index, size })
    }
}

fn check(operator: Operator, right: u32) -> Result<()> {
    match (operator, right) {
        (Operator::Divide | Operator::Modulo, 0) => {
            Err(FilterError::new("a number cannot be divided by 0"))
        }
        (Operator::ShiftLeft | Operator::ShiftRight, by @ 32..) => {
            Err(FilterError::new(format!("a shift by {by} leaves nothing of 32 bits")))
        }
        _ => Ok(()),
    }
}

/// Code that leaves a number in A, and what must hold for the number to exist.
struct Value {
    checks: Option<Condition>,
    code: Vec<Op>,
}

impl Compiler {
    pub(super) fn relation(
        &mut self,
        relation: Relation,
        left: &Arithmetic,
        right: &Arithmetic,
    ) -> Result<Condition> {
        let Value { checks: mut all_checks, mut code } = self.value(left)?;
        let operand = match constant(right)? {
            Some(number) => {
                all_checks = both(all_checks, self.value(right)?.checks);
                Operand::K(number)
            }
            None => {
                let register = self.take_scratch()?;
                code.push(Op::Store(register));
                let right = self.value(right)?;
                self.scratch = register;
                all_checks = both(all_checks, right.checks);
                code.extend(right.code);
                code.extend([Op::Tax, Op::LoadMemory(register)]);
                Operand::X
            }
        };
        let (jump, is_negated) = match relation {
            Relation::Greater => (Jump::Greater, false),
            Relation::GreaterOrEqual => (Jump::GreaterOrEqual, false),
            Relation::Equal => (Jump::Equal, false),
            Relation::LessOrEqual => (Jump::Greater, true),
            Relation::Less => (Jump::GreaterOrEqual, true),
            Relation::NotEqual => (Jump::Equal, true),
        };
        let test = Condition::Test { code, jump, operand };
        let test = if is_negated { test.not() } else { test };
        Ok(match all_checks {
            Some(checks) => checks.and(test),
            None => test,
        })
    }

    fn value(&mut self, value: &Arithmetic) -> Result<Value> {
        match value {
            Arithmetic::Number(number) => {
                Ok(Value { checks: None, code: vec![Op::LoadImmediate(*number)] })
            }
            Arithmetic::Length => Ok(Value { checks: None, code: vec![Op::LoadLength] }),
            Arithmetic::Negative(inner) => {
                let mut value = self.value(inner)?;
                value.code.push(Op::Negate);
                Ok(value)
            }
            Arithmetic::Binary(operator, left, right) => match constant(value)? {
                Some(number) => {
                    let left = self.value(left)?;
                    Ok(Value { checks: left.checks, code: vec![Op::LoadImmediate(number)] })
                }
                None => self.binary(*operator, left, right),
            },
            Arithmetic::Load { protocol, index, size } => self.loaded(*protocol, index, *size),
        }
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: &Arithmetic,
        right: &Arithmetic,
    ) -> Result<Value> {
        let alu = Alu::from(operator);
        let left = self.value(left)?;
        let mut code = left.code;
        if let Some(number) = constant(right)? {
            check(operator, number)?;
            code.push(Op::AluK(alu, number));
            return Ok(Value { checks: left.checks, code });
        }
        let register = self.take_scratch()?;
        code.push(Op::Store(register));
        let right = self.value(right)?;
        self.scratch = register;
        code.extend(right.code);
        code.extend([Op::Tax, Op::LoadMemory(register), Op::AluX(alu)]);
        // Whether the right operand's protocol is there is not asked: libpcap does not, either.
        Ok(Value { checks: left.checks, code })
    }

    /// `protocol[index:size]`: offsets count from the protocol's header, which must be there.
    fn loaded(&mut self, protocol: Protocol, index: &Arithmetic, size: u32) -> Result<Value> {
        use Protocol as P;
        let size = Size::of(size);
        let fixed = constant(index)?;
        let index = self.value(index)?;
        let (anchor, checks) = match protocol {
            P::Radio => {
                self.layout.require_radio()?;
                (Anchor::Packet, index.checks)
            }
            P::Link => (Anchor::LinkHeader, index.checks),
            P::Ip
            | P::Ip6
            | P::Arp
            | P::Rarp
            | P::AppleTalk
            | P::Lat
            | P::Sca
            | P::MopRc
            | P::MopDl => {
                let check = self.protocol(protocol)?;
                (Anchor::Payload, both(index.checks, Some(check)))
            }
            P::Tcp
            | P::Udp
            | P::Sctp
            | P::Icmp
            | P::Igmp
            | P::Igrp
            | P::Pim
            | P::Vrrp
            | P::Carp => {
                let ip = self.protocol(P::Ip)?;
                let own = self.protocol(protocol)?;
                let check = own.and(self.no_later_fragment());
                let check = both(index.checks, Some(check));
                (Anchor::Transport4, both(Some(ip), check))
            }
            P::Icmp6 => {
                let ip6 = self.protocol(P::Ip6)?;
                let ip6 = both(index.checks, Some(ip6));
                let own = self.compare(Anchor::Payload, 6, Size::Byte, 58);
                (Anchor::Transport6, both(ip6, Some(own)))
            }
            _ => {
                return Err(FilterError::new(format!(
                    "\"{}[…]\" is not possible: its header is not looked into",
                    protocol.name()
                )));
            }
        };
        // Where a header's length is only known from the packet, an offset before it is added to it.
        let is_before = |number| number > i32::MAX as u32 && self.is_moving(anchor);
        let code = match fixed {
            Some(number) if !is_before(number) => self.load(anchor, number, size),
            _ => {
                let register = self.take_scratch()?;
                let code = self.load_at(anchor, index.code, size, register);
                self.scratch = register;
                code
            }
        };
        Ok(Value { checks, code })
    }
}

fn both(first: Option<Condition>, second: Option<Condition>) -> Option<Condition> {
    match (first, second) {
        (Some(first), Some(second)) => Some(first.and(second)),
        (one, other) => one.or(other),
    }
}

/// The number that a value is whatever the packet: libpcap finds it out too, and then looks at
/// `ip[-2]` where that is in the packet.
fn constant(value: &Arithmetic) -> Result<Option<u32>> {
    Ok(match value {
        Arithmetic::Number(number) => Some(*number),
        Arithmetic::Length | Arithmetic::Load { .. } => None,
        Arithmetic::Negative(inner) => constant(inner)?.map(u32::wrapping_neg),
        Arithmetic::Binary(operator, left, right) => match (constant(left)?, constant(right)?) {
            (Some(left), Some(right)) => Some(computed(*operator, left, right)?),
            _ => None,
        },
    })
}

fn computed(operator: Operator, left: u32, right: u32) -> Result<u32> {
    Ok(match operator {
        Operator::Add => left.wrapping_add(right),
        Operator::Subtract => left.wrapping_sub(right),
        Operator::Multiply => left.wrapping_mul(right),
        Operator::Divide | Operator::Modulo => {
            check(operator, right)?;
            if operator == Operator::Divide { left / right } else { left % right }
        }
        Operator::And => left & right,
        Operator::Or => left | right,
        Operator::Xor => left ^ right,
        Operator::ShiftLeft => left.checked_shl(right).unwrap_or(0),
        Operator::ShiftRight => left.checked_shr(right).unwrap_or(0),
    })
}
