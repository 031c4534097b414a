//! Tokens to a query.

use std::ops::Range;

use super::ast::{Expr, Test};
use super::bare::{BareWord, classify};
use super::error::QueryError;
use super::help::Table;
use super::key::{Key, NumberKey, SetKey, Side, TextKey};
use super::lexer::{self, Comparison, Form, Token, TokenKind, Value};
use super::named::name_in;
use super::needle::Pattern;
use super::resolve::Resolve;
use super::values::{AddressSet, NameSet, NumberSet, OptionSet};
use super::word::Word;

/// Parentheses may be nested this deep.
const MAX_DEPTH: usize = 50;

/// Reads a query; `None` for blank text. See [`lexer::tokens`] for `groups`.
pub(super) fn parse(
    table: &Table,
    text: &str,
    groups: &[Range<usize>],
    saved: &mut dyn Resolve,
) -> Result<Option<Expr>, QueryError> {
    let tokens = lexer::tokens(text, groups)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let end = text.trim_end().chars().count() + 1;
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), end, depth: 0, table, saved };
    let query = parser.any()?;
    match parser.tokens.next() {
        None => Ok(Some(query)),
        // Only a parenthesis ends a query early.
        Some(token) => Err(error(token.column, "this parenthesis closes nothing")),
    }
}

fn error(column: usize, message: impl Into<String>) -> QueryError {
    QueryError { column, message: message.into() }
}

struct Parser<'a> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    /// The column after the last character.
    end: usize,
    depth: usize,
    table: &'a Table,
    saved: &'a mut dyn Resolve,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<&TokenKind> {
        self.tokens.peek().map(|token| &token.kind)
    }

    /// Parts with `or` between.
    fn any(&mut self) -> Result<Expr, QueryError> {
        let mut parts = vec![self.all()?];
        while self.peek() == Some(&TokenKind::Or) {
            self.tokens.next();
            parts.push(self.all()?);
        }
        Ok(Expr::any(parts))
    }

    /// Parts side by side.
    fn all(&mut self) -> Result<Expr, QueryError> {
        let mut parts = vec![self.part()?];
        loop {
            match self.peek() {
                None | Some(TokenKind::Or | TokenKind::Close) => return Ok(Expr::all(parts)),
                Some(TokenKind::And) => {
                    self.tokens.next();
                }
                Some(_) => {}
            }
            parts.push(self.part()?);
        }
    }

    fn part(&mut self) -> Result<Expr, QueryError> {
        let mut negated = false;
        while self.peek() == Some(&TokenKind::Not) {
            self.tokens.next();
            negated = !negated;
        }
        let Some(token) = self.tokens.next() else {
            return Err(error(self.end, "the query ends where a key or a word is expected"));
        };
        let part = match token.kind {
            TokenKind::Open => self.group(token.column)?,
            TokenKind::Words(values) => self.words(values)?,
            TokenKind::Pair { key, negated, values } => {
                let test = pair(key, values)?;
                if let Some(key) = test.foreign_key(self.table.keys) {
                    let (rows, name) = (self.table.name, key.name());
                    let known = self.table.keys.iter().map(|help| help.key);
                    let known = known.collect::<Vec<_>>().join(" ");
                    let message = format!("{rows} have no key `{name}`; they have {known}");
                    return Err(error(token.column, message));
                }
                if negated { test.negated() } else { test }
            }
            TokenKind::Close => {
                return Err(error(token.column, "a key or a word is missing before `)`"));
            }
            TokenKind::And | TokenKind::Or | TokenKind::Not => {
                return Err(error(
                    token.column,
                    "a key or a word is missing before this operator; quote it to search for it",
                ));
            }
        };
        Ok(if negated { part.negated() } else { part })
    }

    fn words(&mut self, values: Vec<Value>) -> Result<Expr, QueryError> {
        let parts: Result<Vec<_>, _> = values.into_iter().map(|value| self.word(value)).collect();
        parts.map(Expr::any)
    }

    fn word(&mut self, value: Value) -> Result<Expr, QueryError> {
        match name_in(&value.text).filter(|_| value.form == Form::Bare) {
            Some(name) => {
                let saved = self.saved.resolve(name);
                let saved = saved.map_err(|message| error(value.column, message))?;
                match saved.foreign_key(self.table.keys) {
                    None => Ok(saved),
                    Some(key) => {
                        let (rows, key) = (self.table.name, key.name());
                        let message =
                            format!("@{name} is no filter of {rows}: it asks for `{key}`");
                        Err(error(value.column, message))
                    }
                }
            }
            None => word(value),
        }
    }

    fn group(&mut self, column: usize) -> Result<Expr, QueryError> {
        if self.depth == MAX_DEPTH {
            return Err(error(column, format!("parentheses are nested deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        if self.peek() == Some(&TokenKind::Close) {
            return Err(error(column, "there is nothing between these parentheses"));
        }
        let inner = self.any()?;
        self.depth -= 1;
        match self.tokens.next() {
            Some(_) => Ok(inner),
            None => Err(error(column, "the parenthesis that opens here is not closed")),
        }
    }
}

fn word(value: Value) -> Result<Expr, QueryError> {
    let at = value.column;
    let test = match (value.form, &value.text) {
        (Form::Regex, source) => {
            Test::Word(Word::new(Pattern::regex(source).map_err(|message| error(at, message))?))
        }
        (Form::Quoted, text) => Test::Word(Word::new(Pattern::part(text))),
        (Form::Bare, text) => match classify(text) {
            BareWord::Everything => return Ok(Expr::Everything),
            BareWord::PortOrPid(number) => Test::PortOrPid(number),
            BareWord::Ports(text) => {
                let ports = Value { text, ..value };
                return numbers(NumberKey::Port(Side::Either), &[ports]);
            }
            BareWord::PortOfProtocol(port, protocol) => {
                let port = Value { text: port, ..value.clone() };
                let protocol = Value { text: protocol, ..value };
                return Ok(Expr::all(vec![
                    numbers(NumberKey::Port(Side::Either), &[port])?,
                    names(SetKey::Protocol, &[protocol])?,
                ]));
            }
            BareWord::Network => return addresses(Side::Either, &[value]),
            BareWord::Operator | BareWord::Saved | BareWord::Text => {
                Test::Word(Word::new(Pattern::part(text)))
            }
        },
    };
    Ok(Expr::Test(test))
}

fn pair(key: Key, values: Vec<Value>) -> Result<Expr, QueryError> {
    // For addresses `*` is the wildcard address, as in every listing.
    let is_star = |value: &Value| value.form == Form::Bare && value.text == "*";
    if let Some(star) = values.iter().find(|value| is_star(value))
        && !matches!(key, Key::Address(_))
    {
        if values.len() > 1 || star.comparison.is_some() {
            return Err(error(star.column, "`*` means any value, and must be the only one"));
        }
        return Ok(Expr::Test(Test::Present(key)));
    }
    match key {
        Key::Number(NumberKey::Backlog) => backlog(values),
        Key::Number(NumberKey::Netns) => namespaces(values),
        Key::Number(key) => numbers(key, &values),
        Key::Address(side) => addresses(side, &values),
        Key::Set(key) => names(key, &values),
        Key::Text(key) => texts(key, &values),
        Key::Option => options(&values),
    }
}

fn options(values: &[Value]) -> Result<Expr, QueryError> {
    let mut set = OptionSet::default();
    for value in values {
        refuse_regex(value, Key::Option)?;
        refuse_order(value, Key::Option)?;
        set.add(&value.text).map_err(|message| error(value.column, message))?;
    }
    Ok(Expr::Test(Test::Option(set)))
}

/// Lengths and shares of a queue can stand in one list; they become two tests.
fn backlog(values: Vec<Value>) -> Result<Expr, QueryError> {
    let (shares, lengths): (Vec<_>, Vec<_>) =
        values.into_iter().partition(|value| value.text.contains('%'));
    let mut tests = Vec::new();
    if !lengths.is_empty() {
        tests.push(numbers(NumberKey::Backlog, &lengths)?);
    }
    if !shares.is_empty() {
        tests.push(numbers(NumberKey::BacklogPercent, &shares)?);
    }
    Ok(Expr::any(tests))
}

/// Inodes and names can stand in one list; they become two tests.
fn namespaces(values: Vec<Value>) -> Result<Expr, QueryError> {
    let is_number = |value: &Value| {
        let measure = NumberKey::Netns.measure();
        let reads = || NumberSet::new(measure).add(value.comparison, &value.text).is_ok();
        let has_order = !matches!(value.comparison, None | Some(Comparison::Equal));
        value.form == Form::Bare && (has_order || reads())
    };
    let (inodes, names): (Vec<_>, Vec<_>) = values.into_iter().partition(is_number);
    let mut tests = Vec::new();
    if !inodes.is_empty() {
        tests.push(numbers(NumberKey::Netns, &inodes)?);
    }
    if !names.is_empty() {
        tests.push(texts(TextKey::Netns, &names)?);
    }
    Ok(Expr::any(tests))
}

fn numbers(key: NumberKey, values: &[Value]) -> Result<Expr, QueryError> {
    let mut set = NumberSet::new(key.measure());
    for value in values {
        refuse_regex(value, Key::Number(key))?;
        set.add(value.comparison, &value.text).map_err(|message| error(value.column, message))?;
    }
    Ok(Expr::Test(Test::Number { key, set }))
}

fn addresses(side: Side, values: &[Value]) -> Result<Expr, QueryError> {
    let mut set = AddressSet::default();
    for value in values {
        let key = Key::Address(side);
        refuse_regex(value, key)?;
        refuse_order(value, key)?;
        set.add(&value.text).map_err(|message| error(value.column, message))?;
    }
    Ok(Expr::Test(Test::Address { side, set }))
}

fn names(key: SetKey, values: &[Value]) -> Result<Expr, QueryError> {
    let mut set = NameSet::new(key);
    for value in values {
        refuse_regex(value, Key::Set(key))?;
        refuse_order(value, Key::Set(key))?;
        set.add(&value.text).map_err(|message| error(value.column, message))?;
    }
    Ok(Expr::Test(Test::Name(set)))
}

fn texts(key: TextKey, values: &[Value]) -> Result<Expr, QueryError> {
    let mut patterns = Vec::new();
    let mut ids = Vec::new();
    for value in values {
        refuse_order(value, Key::Text(key))?;
        let text = &value.text;
        let is_whole = key.is_exact() || value.comparison.is_some();
        patterns.push(match value.form {
            Form::Regex if value.comparison.is_some() => {
                return Err(error(value.column, "`=` goes with text, not a regular expression"));
            }
            Form::Regex => Pattern::regex(text).map_err(|message| error(value.column, message))?,
            Form::Bare if key == TextKey::User && text.parse::<u32>().is_ok() => {
                ids.extend(text.parse::<u32>());
                continue;
            }
            Form::Bare | Form::Quoted if is_whole => Pattern::whole(text),
            Form::Bare | Form::Quoted => Pattern::part(text),
        });
    }
    Ok(Expr::Test(Test::Text { key, patterns, ids }))
}

fn refuse_regex(value: &Value, key: Key) -> Result<(), QueryError> {
    if value.form != Form::Regex {
        return Ok(());
    }
    let advice = if matches!(key, Key::Address(_)) { ": quote a path" } else { "" };
    let message = format!("`{}` takes no regular expression{advice}", key.name());
    Err(error(value.column, message))
}

fn refuse_order(value: &Value, key: Key) -> Result<(), QueryError> {
    if matches!(value.comparison, None | Some(Comparison::Equal)) {
        return Ok(());
    }
    let message = format!("`{}` has no order: `<` and `>` go with numbers", key.name());
    Err(error(value.column, message))
}
