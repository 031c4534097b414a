//! Bare words: a search through all that a row shows.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bare::{BareWord, classify};
use super::needle::{Pattern, is_plain, write_quoted};
use super::values::{bits, names};
use crate::model::owner::{OwnershipKind, Process};
use crate::model::process_name;
use crate::model::socket::{Endpoint, Socket};
use crate::model::tables::{Table, Tables};

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
    /// It has a dot: in one that is, or holds, an IPv4 address.
    Dotted,
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
                bits::find_state(needle.text()).map_or(0, |(_, bit)| bit),
                bits::find_protocol(needle.text()).map_or(0, |(_, bits)| bits)
                    | bits::protocols_of_family(needle.text()),
            ),
            Pattern::Whole(_) | Pattern::Regex(_) => (0, 0),
        };
        // "owned" is never shown: the owner is.
        let owned = bits::kind_bit(OwnershipKind::Owned);
        Self {
            states: bits::states_where(hyphenated) | state,
            protocols: bits::protocols_where(chosen) | protocol,
            kinds: bits::kinds_where(chosen) & !owned,
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

    /// The tables that it is a name of: of their protocol or family, or as the beginning of a
    /// path or an abstract name.
    pub(super) fn tables_named(&self) -> Tables {
        let Pattern::Part(needle) = &self.pattern else { return Tables::NONE };
        if needle.text().starts_with(['/', '@']) {
            return Table::Unix.into();
        }
        names::tables_of_name(needle.text())
    }

    /// Whether every TCP or UDP socket shows it.
    pub(super) fn is_on_every_row(&self) -> bool {
        names::is_ordinary(self.protocols)
            || self.states == bits::states_where(|_| true)
            || self.is_in(":")
            || self.pattern.matches_any_text()
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        self.pattern.matches(text)
    }

    fn is_named(&self, socket: &Socket) -> bool {
        self.states & bits::state_bit(socket.state) != 0
            || self.protocols & bits::protocol_bit(socket.protocol, socket.family) != 0
            || self.kinds & bits::kind_bit(socket.ownership.kind) != 0
    }

    fn is_in_texts(&self, socket: &Socket) -> bool {
        [
            socket.service.as_deref(),
            socket.user.as_deref(),
            socket.interface.as_deref(),
            socket.ownership.detail.as_deref(),
            socket.ownership.device.as_deref(),
            socket.netlink.as_ref().map(|netlink| &*netlink.family),
        ]
        .into_iter()
        .flatten()
        .chain(held_for(socket))
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
        process_name::any(process, |name| self.is_in(name))
            || process.cwd.as_deref().is_some_and(|directory| self.is_in(directory))
            || command_matches(&self.pattern, &process.cmdline)
            || process.unit.as_ref().is_some_and(|unit| self.is_in(&unit.name))
            || container.is_some_and(|container| {
                self.is_in(&container.id)
                    || self.is_in(&container.runtime)
                    || container.name.as_deref().is_some_and(|name| self.is_in(name))
            })
    }

    pub(super) fn is_at(&self, end: &Endpoint) -> bool {
        if let Some(path) = &end.path {
            return self.is_in(path);
        }
        let Some(addr) = end.addr else { return false };
        let Some(port) = end.port else { return self.is_in_address(addr) };
        if !self.addresses.can_be_in(addr, end) {
            return false;
        }
        let is_shown = match addr {
            IpAddr::V4(addr) => self.is_in(Ipv4Text::new(addr, port).as_str()),
            IpAddr::V6(addr) => self.is_in_ipv6(addr, end.scope.as_deref(), port),
        };
        is_shown
            || (addr.is_unspecified()
                && with_scratch(|text| {
                    // Writing to a string cannot fail.
                    let _ = write!(text, "*:{port}");
                    self.is_in(text)
                }))
    }

    /// An address by itself, as a raw socket has it.
    fn is_in_address(&self, addr: IpAddr) -> bool {
        with_scratch(|text| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{addr}");
            self.is_in(text)
        })
    }

    fn is_in_ipv6(&self, addr: Ipv6Addr, scope: Option<&str>, port: u16) -> bool {
        if let Some(mapped) = addr.to_ipv4_mapped()
            && self.is_in(Ipv4Text::new(mapped, port).as_str())
        {
            return true;
        }
        with_scratch(|text| {
            // Writing to a string cannot fail.
            let _ = match scope {
                Some(scope) => write!(text, "[{addr}%{scope}]:{port}"),
                None => write!(text, "[{addr}]:{port}"),
            };
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
            if text.contains('.') { Self::Dotted } else { Self::All }
        } else if text.chars().all(is_ipv6) {
            Self::Ipv6
        } else {
            Self::Zone
        }
    }

    fn can_be_in(self, addr: IpAddr, end: &Endpoint) -> bool {
        match self {
            Self::All => true,
            Self::Dotted => addr.to_canonical().is_ipv4() || end.scope.is_some(),
            Self::Ipv6 => addr.is_ipv6(),
            Self::Zone => end.scope.is_some(),
        }
    }
}

/// `255.255.255.255:65535` at the longest. The formatting machinery would take most of the
/// time of a search.
struct Ipv4Text {
    bytes: [u8; 21],
    length: usize,
}

impl Ipv4Text {
    fn new(addr: Ipv4Addr, port: u16) -> Self {
        let mut text = Self { bytes: [0; 21], length: 0 };
        let [a, b, c, d] = addr.octets();
        text.push_decimal(a.into());
        for part in [b, c, d] {
            text.push(b'.');
            text.push_decimal(part.into());
        }
        text.push(b':');
        text.push_decimal(port);
        text
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    fn push_decimal(&mut self, number: u16) {
        let mut divisor = match number {
            0..10 => 1,
            10..100 => 10,
            100..1_000 => 100,
            1_000..10_000 => 1_000,
            10_000.. => 10_000,
        };
        while divisor > 0 {
            self.push(b'0' + (number / divisor % 10) as u8);
            divisor /= 10;
        }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).expect("digits and dots are ASCII")
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

/// The units that systemd holds a socket for.
pub(super) fn held_for(socket: &Socket) -> impl Iterator<Item = &str> {
    let activation = socket.activation.as_deref();
    let units = activation.map(|held| [held.socket_unit.as_deref(), held.unit.as_deref()]);
    units.into_iter().flatten().flatten()
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
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn ipv4_ends_are_written_as_the_standard_library_does() {
        for end in ["255.10.0.1:65535", "0.0.0.0:0", "1.20.100.9:10", "192.168.1.99:9999"] {
            let SocketAddr::V4(parsed) = end.parse().unwrap() else { panic!("{end} is IPv4") };
            assert_eq!(Ipv4Text::new(*parsed.ip(), parsed.port()).as_str(), end);
        }
    }
}
