//! What a word without a key could be.

use super::key::Measure;
use super::lexer;
use super::named::name_in;
use super::values::{NumberSet, is_network};

/// What a word without a key asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum BareWord {
    Everything,
    PortOrPid(u32),
    /// `:8080`, `8000..8100`, `8000-8100`: what to read as ports.
    Ports(String),
    /// `53/udp`: the port and the protocol to read.
    PortOfProtocol(String, String),
    Network,
    /// `and`, `or`, `not`: the lexer makes tokens of these where they stand alone.
    Operator,
    /// `@web`: resolved before it is asked what else it could be.
    Saved,
    Text,
}

/// Tells the kinds of bare word apart.
pub(super) fn classify(word: &str) -> BareWord {
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if word == "*" {
        return BareWord::Everything;
    }
    if let Ok(number) = word.parse::<u32>()
        && is_number(word)
    {
        return BareWord::PortOrPid(number);
    }
    if let Some(port) = word.strip_prefix(':').filter(|port| !port.is_empty() && is_number(port)) {
        return BareWord::Ports(port.to_owned());
    }
    if let Some((port, protocol)) = word.split_once('/')
        && !port.is_empty()
        && is_number(port)
        && matches!(protocol, "tcp" | "udp")
    {
        return BareWord::PortOfProtocol(port.to_owned(), protocol.to_owned());
    }
    if let Some((low, high)) = word.split_once("..")
        && word.len() > 2
        && is_number(low)
        && is_number(high)
    {
        return BareWord::Ports(word.to_owned());
    }
    // A hyphen also stands in names, dates and ids: only what can be a range of ports is one.
    if word.starts_with(|c: char| c.is_ascii_digit())
        && NumberSet::new(Measure::Port).add(None, word).is_ok()
    {
        return BareWord::Ports(word.to_owned());
    }
    if lexer::operator(word).is_some() {
        return BareWord::Operator;
    }
    if name_in(word).is_some() {
        return BareWord::Saved;
    }
    if is_network(word) { BareWord::Network } else { BareWord::Text }
}
