//! How far the parser is among the tokens.

use super::error::{FilterError, Result};
use super::lexer::{Symbol, Token, TokenKind};
use super::names::Names;
use super::word::Word;

/// How deep an expression may nest.
const MAX_DEPTH: usize = 100;

/// Operators in one expression: more of them do not fit the kernel.
const MAX_OPERATORS: usize = 1_000;

pub(super) struct Parser<'a> {
    tokens: &'a [Token<'a>],
    pub(super) at: usize,
    depth: usize,
    operators: usize,
    pub(super) names: Names,
}

impl<'a> Parser<'a> {
    /// At the first token.
    pub(super) fn new(tokens: &'a [Token<'a>], names: Names) -> Self {
        Self { tokens, at: 0, depth: 0, operators: 0, names }
    }

    pub(super) fn peek(&self) -> Option<TokenKind> {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, by: usize) -> Option<TokenKind> {
        self.tokens.get(self.at + by).map(|token| token.kind)
    }

    pub(super) fn peek_word(&self) -> Option<Word> {
        match self.peek()? {
            TokenKind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> &'a str {
        self.tokens.get(self.at).map_or("", |token| token.text)
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    pub(super) fn take_word(&mut self, word: Word) -> bool {
        let is_it = self.peek() == Some(TokenKind::Word(word));
        self.at += usize::from(is_it);
        is_it
    }

    pub(super) fn take_symbol(&mut self, symbol: Symbol) -> bool {
        let is_it = self.peek() == Some(TokenKind::Symbol(symbol));
        self.at += usize::from(is_it);
        is_it
    }

    pub(super) fn expect_symbol(&mut self, symbol: Symbol) -> Result<()> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn expect_number(&mut self) -> Result<u32> {
        match self.peek() {
            Some(TokenKind::Number(number)) => {
                self.advance();
                Ok(number)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// What stands here does not fit.
    pub(super) fn unexpected(&self) -> FilterError {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        let after = before.map_or(String::new(), |token| format!(" after \"{}\"", token.text));
        match (self.tokens.get(self.at), self.peek_word()) {
            (None, _) => FilterError::new(format!("the filter ends too early{after}")),
            (Some(token), Some(Word::LeftOut)) => left_out(token.text),
            (Some(token), _) => {
                FilterError::new(format!("\"{}\" cannot stand{after} here", token.text))
                    .without_double_blank()
            }
        }
    }

    /// Passes an operator.
    pub(super) fn take_operator(&mut self) -> Result<()> {
        self.advance();
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            return Err(FilterError::new(format!(
                "the filter has more than {MAX_OPERATORS} operators, which no kernel takes"
            )));
        }
        Ok(())
    }

    pub(super) fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_DEPTH {
            return Err(FilterError::new(format!(
                "the filter nests deeper than {MAX_DEPTH} parentheses and negations"
            )));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// A number, perhaps in parentheses.
    pub(super) fn take_number(&mut self) -> Option<u32> {
        let begin = self.at;
        let mut open = 0;
        while self.take_symbol(Symbol::OpenParenthesis) {
            open += 1;
        }
        if let Some(TokenKind::Number(number)) = self.peek() {
            self.advance();
            if (0..open).all(|_| self.take_symbol(Symbol::CloseParenthesis)) {
                return Some(number);
            }
        }
        self.at = begin;
        None
    }
}

fn left_out(word: &str) -> FilterError {
    FilterError::new(format!(
        "\"{word}\" is left out: sockpit's filters know no DECnet, IS-IS, ATM, SS7 and protochain"
    ))
}
