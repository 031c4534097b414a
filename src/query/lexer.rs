//! Text to tokens: words, pairs of key and values, operators. Knows which keys exist, since
//! `fe80::1` is a word and `prot:tcp` is a mistake.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::error::{QueryError, echo, nearest};
use super::key::Key;

/// A token and where it begins, in characters from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) column: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Open,
    Close,
    Not,
    And,
    Or,
    /// A word without a key, or several with commas between.
    Words(Vec<Value>),
    /// `key:value,value`, or `key!=value`.
    Pair {
        key: Key,
        negated: bool,
        values: Vec<Value>,
    },
}

/// One value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub(super) comparison: Option<Comparison>,
    pub(super) form: Form,
    /// Without quotes, slashes and their escapes.
    pub(super) text: String,
    pub(super) column: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Bare,
    Quoted,
    Regex,
}

/// Splits `text`; each of `groups` (byte ranges in order) is put between parentheses.
pub(super) fn tokens(text: &str, groups: &[Range<usize>]) -> Result<Vec<Token>, QueryError> {
    let mut lexer = Lexer { text, at: 0, counted: (0, 1) };
    let mut tokens = Vec::new();
    let mut groups = groups.iter();
    let mut group = groups.next();
    let mut inside = false;
    loop {
        lexer.skip_blanks();
        while let Some(range) = group {
            let reached = lexer.at >= if inside { range.end } else { range.start };
            if !reached {
                break;
            }
            let kind = if inside { TokenKind::Close } else { TokenKind::Open };
            tokens.push(Token { kind, column: lexer.column() });
            if inside {
                group = groups.next();
            }
            inside = !inside;
        }
        if lexer.rest().is_empty() {
            return Ok(tokens);
        }
        let column = lexer.column();
        let kind = lexer.token()?;
        tokens.push(Token { kind, column });
    }
}

struct Lexer<'a> {
    text: &'a str,
    /// Byte offset of what comes next.
    at: usize,
    /// A byte offset and its column, so that columns are counted once.
    counted: (usize, usize),
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn column(&mut self) -> usize {
        let (offset, column) = self.counted;
        self.counted = (self.at, column + self.text[offset..self.at].chars().count());
        self.counted.1
    }

    fn error(&mut self, message: impl Into<String>) -> QueryError {
        QueryError { column: self.column(), message: message.into() }
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, expected: &str) -> bool {
        let eaten = self.rest().starts_with(expected);
        if eaten {
            self.at += expected.len();
        }
        eaten
    }

    fn token(&mut self) -> Result<TokenKind, QueryError> {
        const SIGNS: [(&str, TokenKind); 5] = [
            ("(", TokenKind::Open),
            (")", TokenKind::Close),
            ("!", TokenKind::Not),
            ("&&", TokenKind::And),
            ("||", TokenKind::Or),
        ];
        for (sign, kind) in SIGNS {
            if self.eat(sign) {
                return Ok(kind);
            }
        }
        if let Some(kind) = self.operator_word() {
            return Ok(kind);
        }
        match self.key()? {
            Some((key, negated)) => {
                let name = key.name();
                let values = self.values(Some(name))?;
                Ok(TokenKind::Pair { key, negated, values })
            }
            None => Ok(TokenKind::Words(self.values(None)?)),
        }
    }

    /// `and`, `or`, `not` in any case, where they stand alone.
    fn operator_word(&mut self) -> Option<TokenKind> {
        let word = &self.rest()[..bare_length(self.rest())];
        let kind = operator(word)?;
        self.at += word.len();
        Some(kind)
    }

    /// `name:`, or the name of a key before `<`, `>`, `=` or `!=`. Takes `:` and `!=`.
    fn key(&mut self) -> Result<Option<(Key, bool)>, QueryError> {
        let rest = self.rest();
        let is_name = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-');
        let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
        let after = &rest[name.len()..];
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Ok(None);
        }
        let key = Key::find(name);
        if after.starts_with(':') {
            let key = match key {
                Some(key) => key,
                None if is_text_with_colon(rest, after) => return Ok(None),
                None => return Err(self.error(unknown_key(name))),
            };
            self.at += name.len() + 1;
            return Ok(Some((key, false)));
        }
        let negated = after.starts_with("!=");
        let compared = negated || after.starts_with(['<', '>', '=']);
        let Some(key) = key.filter(|_| compared) else { return Ok(None) };
        self.at += name.len() + if negated { 2 } else { 0 };
        Ok(Some((key, negated)))
    }

    /// Values with commas between; `key` is the name of the key that they belong to.
    fn values(&mut self, key: Option<&str>) -> Result<Vec<Value>, QueryError> {
        let mut values = vec![self.value(key)?];
        while self.eat(",") {
            values.push(self.value(key)?);
        }
        Ok(values)
    }

    fn value(&mut self, key: Option<&str>) -> Result<Value, QueryError> {
        let column = self.column();
        let comparison = key.and_then(|_| self.comparison());
        let (form, text) = if self.rest().starts_with(['"', '\'']) {
            (Form::Quoted, self.quoted()?)
        } else if let Some(pattern) = self.regex()? {
            (Form::Regex, pattern)
        } else {
            let bare = &self.rest()[..bare_length(self.rest())];
            self.at += bare.len();
            (Form::Bare, bare.to_owned())
        };
        if text.is_empty() {
            let message = missing_value(key, form, self.rest());
            return Err(QueryError { column, message });
        }
        if form != Form::Bare && !at_boundary(self.rest()) {
            return Err(self.error("a space is missing after the closing quote or slash"));
        }
        Ok(Value { comparison, form, text, column })
    }

    fn comparison(&mut self) -> Option<Comparison> {
        const SIGNS: [(&str, Comparison); 6] = [
            ("==", Comparison::Equal),
            (">=", Comparison::GreaterOrEqual),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
            ("=", Comparison::Equal),
        ];
        SIGNS.into_iter().find(|(sign, _)| self.eat(sign)).map(|(_, comparison)| comparison)
    }

    /// Text between quotes of one kind; a backslash there guards a quote or a backslash.
    fn quoted(&mut self) -> Result<String, QueryError> {
        let rest = self.rest();
        let mut text = String::new();
        let mut chars = rest.char_indices();
        let quote = chars.next().map_or('"', |(_, quote)| quote);
        while let Some((offset, c)) = chars.next() {
            if c == quote {
                self.at += offset + 1;
                return Ok(text);
            }
            let next = rest[offset + c.len_utf8()..].chars().next();
            if c == '\\' && next.is_some_and(|next| next == '\\' || next == quote) {
                chars.next();
                text.extend(next);
            } else {
                text.push(c);
            }
        }
        Err(self.error(format!("the quote {quote} that opens here is not closed")))
    }

    /// `/pattern/`. A path such as `/run/x.sock` is none: within its word no slash ends it.
    fn regex(&mut self) -> Result<Option<String>, QueryError> {
        let rest = self.rest();
        if !rest.starts_with('/') {
            return Ok(None);
        }
        let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let slashes = || unescaped_slashes(rest).filter(|slash| at_boundary(&rest[slash + 1..]));
        let is_path = || unescaped_slashes(&rest[..word]).next().is_some();
        let end = match slashes().next() {
            Some(end) if end < word => end,
            _ if is_path() => return Ok(None),
            Some(end) => end,
            None => {
                return Err(self.error(
                    "the regular expression that opens here is not closed: end it with /, \
                     or quote the text to search for it as it stands",
                ));
            }
        };
        self.at += end + 1;
        Ok(Some(without_guards(&rest[1..end])))
    }
}

/// The operator that a bare word is, if it is one.
pub(super) fn operator(word: &str) -> Option<TokenKind> {
    const WORDS: [(&str, TokenKind); 3] =
        [("and", TokenKind::And), ("or", TokenKind::Or), ("not", TokenKind::Not)];
    WORDS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, kind)| kind)
}

/// Length of the bare word at the start: up to a blank, a parenthesis, a comma, `&&`, `||`.
fn bare_length(text: &str) -> usize {
    text.char_indices().find(|(at, _)| at_boundary(&text[*at..])).map_or(text.len(), |(at, _)| at)
}

fn at_boundary(rest: &str) -> bool {
    rest.is_empty()
        || rest.starts_with(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ','))
        || rest.starts_with("&&")
        || rest.starts_with("||")
}

/// Offsets of the slashes after the first that no backslash guards.
fn unescaped_slashes(text: &str) -> impl Iterator<Item = usize> {
    let mut guarded = false;
    text.bytes().enumerate().skip(1).filter_map(move |(at, byte)| {
        let is_end = byte == b'/' && !guarded;
        guarded = byte == b'\\' && !guarded;
        is_end.then_some(at)
    })
}

/// A pattern with `\/` written as `/`.
fn without_guards(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some('/')) => {}
            ('\\', Some(next)) => {
                out.extend([c, next]);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// Whether a word with a colon is text all the same: a URL or an IPv6 address.
fn is_text_with_colon(word: &str, from_colon: &str) -> bool {
    let word = &word[..bare_length(word)];
    let address = word.split(['/', '%']).next().unwrap_or(word);
    from_colon.starts_with("://")
        || from_colon.starts_with("::")
        || address.parse::<Ipv6Addr>().is_ok()
}

fn unknown_key(name: &str) -> String {
    let meant = nearest(name, Key::names())
        .map_or_else(String::new, |meant| format!(": did you mean `{meant}`?"));
    let known = Key::names().collect::<Vec<_>>().join(" ");
    let separator = if meant.is_empty() { ": the keys are" } else { " The keys are" };
    format!("unknown key {}{meant}{separator} {known} (quote a word to search for it)", echo(name))
}

fn missing_value(key: Option<&str>, form: Form, rest: &str) -> String {
    match (form, key) {
        (Form::Quoted, _) => "there is nothing between these quotes".into(),
        (Form::Regex, _) => "this regular expression is empty".into(),
        (Form::Bare, Some(key)) if rest.starts_with('(') => {
            format!("`{key}` takes a value, not a group: write a list such as {key}:a,b")
        }
        (Form::Bare, Some(key)) => format!("`{key}` needs a value"),
        (Form::Bare, None) => "a value is missing before or after the comma".into(),
    }
}
