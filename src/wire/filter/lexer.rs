//! Text to tokens. The longest token wins, as in pcap-filter(7): `80-90` is a name, `80 - 90` a
//! difference.

use std::net::Ipv6Addr;

use super::error::{FilterError, Result};
use super::number::{self, NumberError};
use super::word::{self, Word};

/// A token and the text that it was.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TokenKind {
    Word(Word),
    Number(u32),
    /// A name: of a host, a port, a protocol.
    Name,
    /// Two to four numbers with dots between them.
    Dotted,
    V6(Ipv6Addr),
    Mac([u8; 6]),
    Symbol(Symbol),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Caret,
    Colon,
    OpenBracket,
    CloseBracket,
    OpenParenthesis,
    CloseParenthesis,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    Equal,
    NotEqual,
    ShiftLeft,
    ShiftRight,
    Ampersand,
    Bar,
}

/// Longer expressions are somebody's joke.
const MAX_TEXT: usize = 64 * 1024;
/// The longest text of an IPv6 address.
const MAX_ADDRESS: usize = 45;

/// All tokens of an expression.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>> {
    if text.len() > MAX_TEXT {
        return Err(FilterError::new(format!(
            "a filter of {} bytes is too long; {MAX_TEXT} are the limit",
            text.len()
        )));
    }
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(is_blank);
    while !rest.is_empty() {
        let (kind, length) = next(rest)?;
        let (text, behind) = rest.split_at(length);
        tokens.push(Token { kind, text: text.strip_prefix('\\').unwrap_or(text) });
        rest = behind.trim_start_matches(is_blank);
    }
    Ok(tokens)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\r' | '\n' | '\t')
}

/// The first token of `text`, and its length.
fn next(text: &str) -> Result<(TokenKind, usize)> {
    let name = name_length(text);
    let address = address(text).filter(|(_, length)| *length >= name);
    if let Some((kind, length)) = address {
        return Ok((kind, length));
    }
    if name > 0 {
        return Ok((named(&text[..name])?, name));
    }
    if let Some(escaped) = text.strip_prefix('\\') {
        let end = |c: char| matches!(c, ' ' | '!' | '(' | ')' | '\n' | '\t');
        let length = escaped.find(end).unwrap_or(escaped.len());
        if length > 0 {
            return Ok((TokenKind::Name, 1 + length));
        }
    }
    symbol(text).ok_or_else(|| {
        let what: String = text.chars().take(1).collect();
        FilterError::new(format!("\"{what}\" means nothing in a filter"))
    })
}

/// Letters, digits, dots, and within these also dashes and underscores.
fn name_length(text: &str) -> usize {
    let is_inner = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    let run = text.bytes().take_while(|c| is_inner(*c)).count();
    let run = &text[..run];
    if !run.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return 0;
    }
    run.trim_end_matches(['-', '_']).len()
}

/// What a run of letters and digits is.
fn named(text: &str) -> Result<TokenKind> {
    if let Some(word) = word::word(text) {
        return Ok(TokenKind::Word(word));
    }
    if let Some(number) = word::number(text) {
        return Ok(TokenKind::Number(number));
    }
    match number::read(text) {
        Ok(number) => return Ok(TokenKind::Number(number)),
        Err(NumberError::NotANumber) => {}
        Err(NumberError::TooLarge) => {
            return Err(FilterError::new(format!("the number {text} does not fit 32 bits")));
        }
        Err(NumberError::NotOctal) => {
            return Err(FilterError::new(format!(
                "{text} begins with 0, which stands for octal, and has a digit that is not"
            )));
        }
    }
    let parts: Vec<&str> = text.split('.').collect();
    let is_dotted = (2..=4).contains(&parts.len())
        && parts.iter().all(|part| !matches!(number::read(part), Err(NumberError::NotANumber)));
    Ok(if is_dotted { TokenKind::Dotted } else { TokenKind::Name })
}

/// The longest address of a link or of IPv6 at the beginning of `text`.
fn address(text: &str) -> Option<(TokenKind, usize)> {
    let is_part = |c: &u8| c.is_ascii_hexdigit() || matches!(c, b':' | b'.' | b'-');
    let run = text.bytes().take_while(is_part).take(MAX_ADDRESS).count();
    (2..=run).rev().find_map(|length| {
        let text = &text[..length];
        let kind = mac(text).map(TokenKind::Mac);
        Some((kind.or_else(|| v6(text).map(TokenKind::V6))?, length))
    })
}

fn v6(text: &str) -> Option<Ipv6Addr> {
    let colons = text.bytes().filter(|c| *c == b':').count();
    (colons >= 2).then(|| text.parse().ok()).flatten()
}

/// Six numbers of one or two digits with colons, dashes or dots between them; three of four
/// digits with dots; twelve digits.
fn mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    for separator in [':', '-', '.'] {
        if text.matches(separator).count() == 5 {
            for (byte, part) in bytes.iter_mut().zip(text.split(separator)) {
                *byte = hexadecimal(part, 1..=2)?.try_into().ok()?;
            }
            return Some(bytes);
        }
    }
    let digits: String = match text.matches('.').count() {
        0 => text.to_owned(),
        2 if text.split('.').all(|part| part.len() == 4) => text.replace('.', ""),
        _ => return None,
    };
    if digits.len() != 12 {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = hexadecimal(digits.get(2 * index..2 * index + 2)?, 2..=2)?.try_into().ok()?;
    }
    Some(bytes)
}

fn hexadecimal(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let is_digits = text.bytes().all(|c| c.is_ascii_hexdigit());
    (is_digits && lengths.contains(&text.len())).then(|| u32::from_str_radix(text, 16).ok())?
}

fn symbol(text: &str) -> Option<(TokenKind, usize)> {
    use Symbol as S;
    let double = match text.get(..2) {
        Some("&&") => Some(TokenKind::Word(Word::And)),
        Some("||") => Some(TokenKind::Word(Word::Or)),
        Some(">=") => Some(TokenKind::Symbol(S::GreaterOrEqual)),
        Some("<=") => Some(TokenKind::Symbol(S::LessOrEqual)),
        Some("!=") => Some(TokenKind::Symbol(S::NotEqual)),
        Some("==") => Some(TokenKind::Symbol(S::Equal)),
        Some("<<") => Some(TokenKind::Symbol(S::ShiftLeft)),
        Some(">>") => Some(TokenKind::Symbol(S::ShiftRight)),
        _ => None,
    };
    if let Some(kind) = double {
        return Some((kind, 2));
    }
    let single = match text.chars().next()? {
        '!' => return Some((TokenKind::Word(Word::Not), 1)),
        '+' => S::Plus,
        '-' => S::Minus,
        '*' => S::Star,
        '/' => S::Slash,
        '%' => S::Percent,
        '^' => S::Caret,
        ':' => S::Colon,
        '[' => S::OpenBracket,
        ']' => S::CloseBracket,
        '(' => S::OpenParenthesis,
        ')' => S::CloseParenthesis,
        '<' => S::Less,
        '>' => S::Greater,
        '=' => S::Equal,
        '&' => S::Ampersand,
        '|' => S::Bar,
        _ => return None,
    };
    Some((TokenKind::Symbol(single), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind> {
        tokens(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn the_longest_token_wins() {
        use TokenKind as T;
        assert_eq!(kinds("80-90"), [T::Name]);
        assert_eq!(kinds("80 -90"), [T::Number(80), T::Symbol(Symbol::Minus), T::Number(90)]);
        assert_eq!(kinds("0x10 010"), [T::Number(16), T::Number(8)]);
        assert_eq!(kinds("10.1 1.2.3.4.5"), [T::Dotted, T::Name]);
        assert_eq!(kinds("a:b:c:d:e:f"), [T::Mac([10, 11, 12, 13, 14, 15])]);
        assert_eq!(kinds("0011.2233.4455"), [T::Mac([0, 0x11, 0x22, 0x33, 0x44, 0x55])]);
        assert_eq!(kinds("::1"), [T::V6(Ipv6Addr::LOCALHOST)]);
        let slice = [T::Word(Word::Protocol(word::Protocol::Ip)), T::Symbol(Symbol::OpenBracket)];
        assert_eq!(kinds("ip[2:2]")[..2], slice);
        assert_eq!(kinds("ip[2:2]").len(), 6);
        assert_eq!(tokens("\\host").unwrap()[0].text, "host");
        assert_eq!(kinds("tcp-syn"), [T::Number(2)]);
    }

    #[test]
    fn what_is_no_token_is_named() {
        let error = |text| tokens(text).unwrap_err().to_string();
        assert_eq!(error("tcp § udp"), "\"§\" means nothing in a filter");
        assert!(error("port 4294967296").contains("4294967296"));
        assert!(error("port 080").contains("080"));
    }
}
