//! Tokens to an expression. `and` and `or` bind equally and from left to right; a number or a name
//! alone takes the qualifiers of what stood before it.

use super::ast::{Arithmetic, Direction, Expression, Kind, Qualifiers, WirelessAddress};
use super::cursor::Parser;
use super::error::{FilterError, Result};
use super::lexer::{Symbol, TokenKind, tokens};
use super::names::Names;
use super::word::{Protocol, Word};
use super::{hosts, special};

/// Reads an expression; `None` for an empty one.
pub(super) fn parse(text: &str, names: Names) -> Result<Option<Expression>> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser::new(&tokens, names);
    let (expression, _) = parser.expression(None)?;
    match parser.peek() {
        None => Ok(Some(expression)),
        Some(_) => Err(parser.unexpected()),
    }
}

/// What follows a number or name alone: nothing, or what it takes over.
type Inherited = Option<Qualifiers>;

impl Parser<'_> {
    fn expression(&mut self, outer: Inherited) -> Result<(Expression, Inherited)> {
        let (mut left, mut inherited) = self.term(outer)?;
        loop {
            let is_and = match self.peek_word() {
                Some(Word::And) => true,
                Some(Word::Or) => false,
                _ => return Ok((left, inherited)),
            };
            self.take_operator()?;
            let right = match inherited {
                Some(qualifiers) if self.is_identifier() => self.identifier(qualifiers)?,
                _ => {
                    let (right, qualifiers) = self.term(inherited)?;
                    inherited = qualifiers;
                    right
                }
            };
            left = if is_and {
                Expression::And(left.into(), right.into())
            } else {
                Expression::Or(left.into(), right.into())
            };
        }
    }

    /// Whether a name or number alone comes next, perhaps negated or in parentheses.
    fn is_identifier(&self) -> bool {
        let mut ahead = 0;
        let mut open = 0;
        loop {
            match self.ahead(ahead) {
                Some(TokenKind::Word(Word::Not)) => {}
                Some(TokenKind::Symbol(Symbol::OpenParenthesis)) => open += 1,
                Some(
                    TokenKind::Name | TokenKind::Dotted | TokenKind::V6(_) | TokenKind::Mac(_),
                ) => return true,
                Some(TokenKind::Number(_)) => break,
                _ => return false,
            }
            ahead += 1;
        }
        // A number may also begin a comparison.
        ahead += 1;
        while open > 0 && self.ahead(ahead) == Some(TokenKind::Symbol(Symbol::CloseParenthesis)) {
            ahead += 1;
            open -= 1;
        }
        !matches!(
            self.ahead(ahead),
            Some(TokenKind::Symbol(symbol)) if symbol != Symbol::CloseParenthesis
        )
    }

    fn term(&mut self, outer: Inherited) -> Result<(Expression, Inherited)> {
        if self.take_word(Word::Not) {
            return self.deeper(|parser| {
                let (inner, inherited) = parser.term(outer)?;
                Ok((Expression::Not(inner.into()), inherited))
            });
        }
        if self.peek() == Some(TokenKind::Symbol(Symbol::OpenParenthesis)) {
            return self.parenthesized(outer);
        }
        self.primitive()
    }

    /// A comparison that begins with a parenthesis, or an expression in parentheses.
    fn parenthesized(&mut self, outer: Inherited) -> Result<(Expression, Inherited)> {
        let begin = self.at;
        if let Ok(left) = self.deeper(Self::arithmetic)
            && let Some(relation) = self.take_relation()
        {
            let right = self.arithmetic()?;
            return Ok((Expression::Relation(relation, left.into(), right.into()), None));
        }
        self.at = begin;
        self.expect_symbol(Symbol::OpenParenthesis)?;
        let (inner, _) = self.deeper(|parser| parser.expression(outer))?;
        self.expect_symbol(Symbol::CloseParenthesis)?;
        Ok((inner, outer))
    }

    fn comparison(&mut self) -> Result<(Expression, Inherited)> {
        let left = self.arithmetic()?;
        let Some(relation) = self.take_relation() else { return Err(self.unexpected()) };
        let right = self.arithmetic()?;
        Ok((Expression::Relation(relation, left.into(), right.into()), None))
    }

    fn primitive(&mut self) -> Result<(Expression, Inherited)> {
        let protocol = match self.peek() {
            Some(TokenKind::Word(Word::Protocol(protocol))) => {
                if self.ahead(1) == Some(TokenKind::Symbol(Symbol::OpenBracket)) {
                    return self.comparison();
                }
                self.advance();
                Some(protocol)
            }
            Some(
                TokenKind::Number(_)
                | TokenKind::Symbol(Symbol::Minus)
                | TokenKind::Word(Word::Length),
            ) => return self.comparison(),
            _ => None,
        };
        if let Some(special) = special::parse(self, protocol)? {
            return Ok((Expression::Special(special), None));
        }
        match self.qualifiers(protocol)? {
            Some(qualifiers) => Ok((self.identifier(qualifiers)?, Some(qualifiers))),
            None => match protocol {
                Some(Protocol::Radio) => Err(FilterError::new(
                    "\"radio\" alone selects nothing; it reads the radio header, as in radio[0]",
                )),
                Some(protocol) => Ok((Expression::Protocol(protocol), None)),
                None => Err(self.unexpected()),
            },
        }
    }

    /// What may stand between a protocol and an address; `None` when there is nothing.
    fn qualifiers(&mut self, protocol: Option<Protocol>) -> Result<Option<Qualifiers>> {
        if self.take_word(Word::Proto) {
            let kind = Some(Kind::Protocol);
            return Ok(Some(Qualifiers { protocol, direction: Direction::Any, kind }));
        }
        if self.peek_word() == Some(Word::Gateway) {
            return Err(FilterError::new(
                "\"gateway\" is not supported: it needs the link address of a host's name",
            ));
        }
        let direction = self.direction()?;
        let kind = match self.peek_word() {
            Some(Word::Host) => Some(Kind::Host),
            Some(Word::Net) => Some(Kind::Net),
            Some(Word::Port) => Some(Kind::Port),
            Some(Word::PortRange) => Some(Kind::PortRange),
            _ => None,
        };
        self.at += usize::from(kind.is_some());
        if direction.is_none() && kind.is_none() {
            return Ok(None);
        }
        let direction = direction.unwrap_or(Direction::Any);
        Ok(Some(Qualifiers { protocol, direction, kind }))
    }

    fn direction(&mut self) -> Result<Option<Direction>> {
        use WirelessAddress as W;
        let address = match self.peek_word() {
            Some(word @ (Word::Source | Word::Destination)) => {
                self.advance();
                return self.second_direction(word).map(Some);
            }
            Some(Word::Address(1)) => W::First,
            Some(Word::Address(2)) => W::Second,
            Some(Word::Address(3)) => W::Third,
            Some(Word::Address(_)) => W::Fourth,
            Some(Word::Receiver) => W::Receiver,
            Some(Word::Transmitter) => W::Transmitter,
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(Direction::Wireless(address)))
    }

    /// `src or dst` and the like.
    fn second_direction(&mut self, first: Word) -> Result<Direction> {
        let (alone, other) = match first {
            Word::Source => (Direction::Source, Word::Destination),
            _ => (Direction::Destination, Word::Source),
        };
        let both = match self.peek_word() {
            Some(Word::And) => Direction::Both,
            Some(Word::Or) => Direction::Any,
            _ => return Ok(alone),
        };
        self.advance();
        if self.take_word(other) { Ok(both) } else { Err(self.unexpected()) }
    }

    /// A name or number, negated, or several of them in parentheses.
    fn identifier(&mut self, qualifiers: Qualifiers) -> Result<Expression> {
        if self.take_word(Word::Not) {
            let inner = self.deeper(|parser| parser.identifier(qualifiers))?;
            return Ok(Expression::Not(inner.into()));
        }
        if !self.take_symbol(Symbol::OpenParenthesis) {
            return hosts::parse(self, qualifiers);
        }
        let mut left = self.deeper(|parser| parser.identifier(qualifiers))?;
        loop {
            let is_and = match self.peek_word() {
                Some(Word::And) => true,
                Some(Word::Or) => false,
                _ => break,
            };
            self.take_operator()?;
            let right = self.deeper(|parser| parser.identifier(qualifiers))?;
            left = if is_and {
                Expression::And(left.into(), right.into())
            } else {
                Expression::Or(left.into(), right.into())
            };
        }
        self.expect_symbol(Symbol::CloseParenthesis)?;
        Ok(left)
    }

    pub(super) fn nested_arithmetic(&mut self) -> Result<Arithmetic> {
        self.deeper(Self::arithmetic)
    }
}
