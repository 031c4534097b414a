//! Numbers that are computed from a packet: `ip[2:2] - ((ip[0] & 0xf) << 2)`. Read here, and made
//! into code.

use super::ast::{Arithmetic, Operator, Relation};
use super::code::{Alu, Condition, Jump, Op, Operand, Size};
use super::compile::Compiler;
use super::lexer::{Symbol, TokenKind};
use super::link::Anchor;
use super::parser::Parser;
use super::word::{Protocol, Word};
use super::{FilterError, Result};

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
            check(operator, &right)?;
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

fn check(operator: Operator, right: &Arithmetic) -> Result<()> {
    match (operator, right) {
        (Operator::Divide | Operator::Modulo, Arithmetic::Number(0)) => {
            Err(FilterError::new("a number cannot be divided by 0"))
        }
        (Operator::ShiftLeft | Operator::ShiftRight, Arithmetic::Number(by @ 32..)) => {
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
        let operand = match constant(right) {
            Some(number) => Operand::K(number),
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
            Arithmetic::Binary(operator, left, right) => self.binary(*operator, left, right),
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
        if let Some(number) = constant(right) {
            code.push(Op::AluK(alu, number));
            return Ok(Value { checks: left.checks, code });
        }
        let register = self.take_scratch()?;
        code.push(Op::Store(register));
        let right = self.value(right)?;
        self.scratch = register;
        code.extend(right.code);
        code.extend([Op::Tax, Op::LoadMemory(register), Op::AluX(alu)]);
        Ok(Value { checks: both(left.checks, right.checks), code })
    }

    /// `protocol[index:size]`: offsets count from the protocol's header, which must be there.
    fn loaded(&mut self, protocol: Protocol, index: &Arithmetic, size: u32) -> Result<Value> {
        use Protocol as P;
        let size = Size::of(size);
        let fixed = constant(index);
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
        let code = match fixed {
            Some(number) => self.load(anchor, number, size),
            None => {
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

fn constant(value: &Arithmetic) -> Option<u32> {
    match value {
        Arithmetic::Number(number) => Some(*number),
        _ => None,
    }
}
