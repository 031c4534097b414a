//! Bare words: a search through all that a row shows.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};

use super::needle::{Pattern, is_plain, write_quoted};
use super::parser::{BareWord, classify};
use super::values::names;
use crate::model::owner::{OwnershipKind, Process};
use crate::model::socket::{Endpoint, Socket};

/// A pattern, and beforehand what it says of everything that has a closed set of names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    pattern: Pattern,
    states: u64,
    protocols: u64,
    kinds: u64,
    addresses: AddressText,
}

/// In which addresses, as they are shown, a pattern could be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AddressText {
    /// In any.
    All,
    /// It has letters from a to f or two colons: not in an IPv4 one.
    Ipv6,
    /// It has letters that only a zone's name can have.
    Zone,
}

impl Word {
    pub(super) fn new(pattern: Pattern) -> Self {
        let chosen = |name: &str| pattern.matches(name);
        let hyphenated = |name: &str| chosen(name) || chosen(&name.replace('_', "-"));
        let (state, protocol) = match &pattern {
            Pattern::Part(needle) => (
                names::find_state(needle.text()).map_or(0, |(_, bit)| bit),
                names::find_protocol(needle.text()).map_or(0, |(_, bits)| bits)
                    | names::protocols_of_family(needle.text()),
            ),
            Pattern::Whole(_) | Pattern::Regex(_) => (0, 0),
        };
        // "owned" is never shown: the owner is.
        let owned = names::kind_bit(OwnershipKind::Owned);
        Self {
            states: names::states_where(hyphenated) | state,
            protocols: names::protocols_where(chosen) | protocol,
            kinds: names::kinds_where(chosen) & !owned,
            addresses: AddressText::of(&pattern),
            pattern,
        }
    }

    /// Whether something that the row shows matches. Owners that nobody could name are not
    /// looked at here.
    pub(super) fn is_shown(&self, socket: &Socket) -> bool {
        self.is_named(socket)
            || self.is_in_texts(socket)
            || self.is_at(&socket.local)
            || socket.remote.as_ref().is_some_and(|remote| self.is_at(remote))
            || self.is_in_owners(socket)
    }

    /// Whether every TCP or UDP socket shows it.
    pub(super) fn is_on_every_row(&self) -> bool {
        names::is_ordinary(self.protocols)
            || self.states == names::states_where(|_| true)
            || self.is_in(":")
            || self.pattern.matches_any_text()
    }

    fn is_in(&self, text: &str) -> bool {
        self.pattern.matches(text)
    }

    fn is_named(&self, socket: &Socket) -> bool {
        self.states & names::state_bit(socket.state) != 0
            || self.protocols & names::protocol_bit(socket.protocol, socket.family) != 0
            || self.kinds & names::kind_bit(socket.ownership.kind) != 0
    }

    fn is_in_texts(&self, socket: &Socket) -> bool {
        [
            socket.service.as_deref(),
            socket.user.as_deref(),
            socket.interface.as_deref(),
            socket.ownership.detail.as_deref(),
        ]
        .into_iter()
        .flatten()
        .any(|text| self.is_in(text))
    }

    fn is_in_owners(&self, socket: &Socket) -> bool {
        let mut last: Option<&Process> = None;
        socket.owners.iter().map(|owner| &*owner.process).any(|process| {
            // A process that holds a socket by several descriptors stands there as often.
            let again = last.replace(process).is_some_and(|last| std::ptr::eq(last, process));
            !again && self.is_in_process(process)
        })
    }

    fn is_in_process(&self, process: &Process) -> bool {
        let container = process.container.as_ref();
        self.is_in(&process.name)
            || command_matches(&self.pattern, &process.cmdline)
            || process.unit.as_ref().is_some_and(|unit| self.is_in(&unit.name))
            || container.is_some_and(|container| {
                self.is_in(&container.id)
                    || self.is_in(&container.runtime)
                    || container.name.as_deref().is_some_and(|name| self.is_in(name))
            })
    }

    fn is_at(&self, end: &Endpoint) -> bool {
        if let Some(path) = &end.path {
            return self.is_in(path);
        }
        let (Some(addr), Some(port)) = (end.addr, end.port) else { return false };
        match (self.addresses, addr) {
            (AddressText::Zone, _) if end.scope.is_none() => return false,
            (AddressText::Ipv6, IpAddr::V4(_)) => return false,
            _ => {}
        }
        with_scratch(|text| {
            shown(text, addr, end.scope.as_deref(), port);
            if self.is_in(text) {
                return true;
            }
            text.clear();
            if addr.is_unspecified() {
                text.push('*');
                write_port(text, port);
                return self.is_in(text);
            }
            let canonical = addr.to_canonical();
            if canonical == addr {
                return false;
            }
            shown(text, canonical, None, port);
            self.is_in(text)
        })
    }
}

impl AddressText {
    fn of(pattern: &Pattern) -> Self {
        let text = match pattern {
            Pattern::Part(needle) | Pattern::Whole(needle) => needle.text(),
            Pattern::Regex(_) => return Self::All,
        };
        let is_ipv4 = |c: char| c.is_ascii_digit() || matches!(c, '.' | ':' | '*');
        let is_ipv6 = |c: char| is_ipv4(c) || c.is_ascii_hexdigit() || matches!(c, '[' | ']');
        if text.chars().all(is_ipv4) && !text.contains("::") {
            Self::All
        } else if text.chars().all(is_ipv6) {
            Self::Ipv6
        } else {
            Self::Zone
        }
    }
}

/// Whether a command line holds a match; arguments stand one blank apart.
pub(super) fn command_matches(pattern: &Pattern, arguments: &[Box<str>]) -> bool {
    match arguments {
        [] => false,
        [only] => pattern.matches(only),
        _ if !pattern.spans_words() => arguments.iter().any(|argument| pattern.matches(argument)),
        _ => with_scratch(|line| {
            for (index, argument) in arguments.iter().enumerate() {
                if index > 0 {
                    line.push(' ');
                }
                line.push_str(argument);
            }
            pattern.matches(line)
        }),
    }
}

/// Lends an empty string whose room is kept from row to row.
fn with_scratch<T>(work: impl FnOnce(&mut String) -> T) -> T {
    thread_local! {
        static SCRATCH: RefCell<String> = const { RefCell::new(String::new()) };
    }
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        work(scratch)
    })
}

/// `127.0.0.1:80`, `[::1]:80`, `[fe80::1%eth0]:80`.
fn shown(out: &mut String, addr: IpAddr, scope: Option<&str>, port: u16) {
    match addr {
        IpAddr::V4(addr) => write_ipv4(out, addr),
        IpAddr::V6(addr) => {
            out.push('[');
            // Writing to a string cannot fail.
            let _ = write!(out, "{addr}");
            if let Some(scope) = scope {
                out.push('%');
                out.push_str(scope);
            }
            out.push(']');
        }
    }
    write_port(out, port);
}

fn write_ipv4(out: &mut String, addr: Ipv4Addr) {
    for (index, part) in addr.octets().into_iter().enumerate() {
        if index > 0 {
            out.push('.');
        }
        write_decimal(out, part.into());
    }
}

fn write_port(out: &mut String, port: u16) {
    out.push(':');
    write_decimal(out, port);
}

/// The formatting machinery takes most of the time of a search otherwise.
fn write_decimal(out: &mut String, number: u16) {
    let mut divisor = 10_000;
    while divisor > 1 && number < divisor {
        divisor /= 10;
    }
    while divisor > 0 {
        let digit = (number / divisor % 10) as u8;
        out.push(char::from(b'0' + digit));
        divisor /= 10;
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Pattern::Part(needle) | Pattern::Whole(needle) => {
                let text = needle.text();
                let is_bare = is_plain(text) && matches!(classify(text), BareWord::Text);
                if is_bare { f.write_str(text) } else { write_quoted(text, f) }
            }
            regex @ Pattern::Regex(_) => regex.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_are_shown() {
        let text = |end: &str, scope| {
            let end: std::net::SocketAddr = end.parse().unwrap();
            let mut out = String::new();
            shown(&mut out, end.ip(), scope, end.port());
            out
        };
        assert_eq!(text("255.10.0.1:65535", None), "255.10.0.1:65535");
        assert_eq!(text("0.0.0.0:0", None), "0.0.0.0:0");
        assert_eq!(text("1.20.100.9:10", None), "1.20.100.9:10");
        assert_eq!(text("[fe80::1]:80", Some("eth0")), "[fe80::1%eth0]:80");
    }
}
