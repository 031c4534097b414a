//! What Tab offers: keys, the names that a key takes, and values that the rows have.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::error::is_harmless;
use super::help::Table;
use super::key::{Key, NumberKey, SetKey, Side, TextKey};
use super::needle::TextValue;
use super::saved::Saved;
use crate::model::owner::Process;
use crate::model::packets::Flow;
use crate::model::socket::Socket;

/// At most so many values of rows are offered.
const MAX_VALUES: usize = 50;

/// A way to go on with the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What it stands in for, in characters; it ends at the cursor.
    pub replaces: Range<usize>,
    /// What to put there.
    pub text: String,
    /// What that is, in a few words; may be empty.
    pub about: Cow<'static, str>,
}

impl Completion {
    /// The text with this in it, and where the cursor is then, in characters.
    pub fn apply(&self, text: &str) -> (String, usize) {
        let before = text.chars().take(self.replaces.start);
        let after = text.chars().skip(self.replaces.end);
        let whole = before.chain(self.text.chars()).chain(after).collect();
        (whole, self.replaces.start + self.text.chars().count())
    }
}

/// Ways to go on at `cursor`, counted in characters: keys, and names of states, protocols,
/// families and kinds of ownership.
pub fn complete(text: &str, cursor: usize) -> Vec<Completion> {
    complete_with(text, cursor, &Saved::default(), std::iter::empty())
}

/// The same, the saved filters, and values that occur in `rows`, the most frequent first.
pub fn complete_with<'a>(
    text: &str,
    cursor: usize,
    saved: &Saved,
    rows: impl IntoIterator<Item = &'a Socket>,
) -> Vec<Completion> {
    offer(&Table::SOCKETS, text, cursor, saved, rows)
}

/// The same over flows.
pub fn complete_flows<'a>(
    text: &str,
    cursor: usize,
    saved: &Saved,
    rows: impl IntoIterator<Item = &'a Flow>,
) -> Vec<Completion> {
    offer(&Table::FLOWS, text, cursor, saved, rows)
}

fn offer<'a, R: Sample + 'a>(
    table: &Table,
    text: &str,
    cursor: usize,
    saved: &Saved,
    rows: impl IntoIterator<Item = &'a R>,
) -> Vec<Completion> {
    let typed: String = text.chars().take(cursor).collect();
    let Some(fragment) = last_word(&typed) else { return Vec::new() };
    match key_and_value(fragment) {
        Some((key, value)) => {
            let offers = match key {
                Key::Set(key) => names(key, value),
                key => values(key, value, rows),
            };
            offered(&typed, value, offers)
        }
        None if fragment.starts_with('@') => offered(&typed, fragment, filters(fragment, saved)),
        None => offered(&typed, fragment, keys(table, fragment)),
    }
}

type Offer = (String, Cow<'static, str>);

fn offered(typed: &str, fragment: &str, offers: Vec<Offer>) -> Vec<Completion> {
    let end = typed.chars().count();
    let start = end - fragment.chars().count();
    offers
        .into_iter()
        .map(|(text, about)| Completion { replaces: start..end, text, about })
        .collect()
}

/// What is being typed after the last blank, parenthesis or `!`; `None` within a quote that
/// is still open.
fn last_word(typed: &str) -> Option<&str> {
    let mut start = 0;
    let mut quote = None;
    let mut at_start = true;
    for (at, c) in typed.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if at_start && matches!(c, '"' | '\'') => quote = Some(c),
            None if c.is_whitespace() || matches!(c, '(' | ')') || (c == '!' && at == start) => {
                start = at + c.len_utf8();
            }
            None => {}
        }
        at_start = at + c.len_utf8() == start || matches!(c, ':' | ',' | '=');
    }
    quote.is_none().then(|| &typed[start..])
}

/// The key of a word and the value that is being typed after it.
fn key_and_value(word: &str) -> Option<(Key, &str)> {
    let (name, values) = word.split_once(':')?;
    let value = values.rsplit(',').next().unwrap_or(values);
    Some((Key::find(name)?, value.strip_prefix('=').unwrap_or(value)))
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Saved filters, and what they ask for.
fn filters(prefix: &str, saved: &Saved) -> Vec<Offer> {
    let named = saved.iter().map(|(name, text)| (format!("@{name}"), text));
    let wanted = named.filter(|(name, _)| starts_with(name, prefix));
    // Fit for a terminal, as every offer is.
    let about = |text: &str| if is_harmless(text) { text.to_owned() } else { String::new() };
    wanted.map(|(name, text)| (name, about(text).into())).collect()
}

/// Keys, and after two letters also what one of their names would make a whole pair.
fn keys(table: &Table, prefix: &str) -> Vec<Offer> {
    let mut offers: Vec<Offer> = table
        .keys
        .iter()
        .filter(|help| starts_with(help.key, prefix))
        .map(|help| (format!("{}:", help.key), help.about.into()))
        .collect();
    if prefix.len() >= 2 {
        for key in [SetKey::State, SetKey::Protocol, SetKey::Ownership] {
            let name = Key::Set(key).name();
            if !table.keys.iter().any(|help| help.key == name) {
                continue;
            }
            offers.extend(
                names(key, prefix)
                    .into_iter()
                    .map(|(value, about)| (format!("{name}:{value}"), about)),
            );
        }
    }
    offers
}

fn names(key: SetKey, prefix: &str) -> Vec<Offer> {
    let prefix = prefix.replace('-', "_");
    key.names()
        .into_iter()
        .filter(|name| starts_with(name, &prefix))
        .map(|name| (name.to_ascii_lowercase(), Cow::Borrowed("")))
        .collect()
}

fn values<'a, R: Sample + 'a>(
    key: Key,
    prefix: &str,
    rows: impl IntoIterator<Item = &'a R>,
) -> Vec<Offer> {
    let mut counts: HashMap<Value<'a>, usize> = HashMap::new();
    for row in rows {
        row.for_each_value(key, &mut |value| {
            if value.starts_with(prefix) {
                *counts.entry(value).or_default() += 1;
            }
        });
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(a, a_rows), (b, b_rows)| b_rows.cmp(a_rows).then_with(|| a.cmp(b)));
    counts.truncate(MAX_VALUES);
    counts.into_iter().map(|(value, rows)| value.offer(rows)).collect()
}

/// A value of a row, with what is said beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Value<'a> {
    Text(&'a str),
    Number(u64, &'a str),
}

impl Value<'_> {
    fn starts_with(&self, prefix: &str) -> bool {
        match self {
            Self::Text(text) => is_harmless(text) && starts_with(text, prefix),
            Self::Number(number, _) => number.to_string().starts_with(prefix),
        }
    }

    fn offer(self, rows: usize) -> Offer {
        let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
        match self {
            Self::Text(text) => (TextValue(text).to_string(), rows.into()),
            Self::Number(number, name) if !name.is_empty() && is_harmless(name) => {
                (number.to_string(), format!("{name}, {rows}").into())
            }
            Self::Number(number, _) => (number.to_string(), rows.into()),
        }
    }
}

/// A row that has values to offer.
trait Sample {
    /// Calls with each value of the row under this key.
    fn for_each_value<'a>(&'a self, key: Key, take: &mut dyn FnMut(Value<'a>));
}

impl Sample for Socket {
    fn for_each_value<'a>(&'a self, key: Key, take: &mut dyn FnMut(Value<'a>)) {
        of_socket(key, self, take);
    }
}

impl Sample for Flow {
    fn for_each_value<'a>(&'a self, key: Key, take: &mut dyn FnMut(Value<'a>)) {
        match (key, &self.owner) {
            (Key::Number(NumberKey::Port(_)), _) if self.has_ports() => {
                take(Value::Number(self.a.port.into(), ""));
                if self.b.port != self.a.port {
                    take(Value::Number(self.b.port.into(), ""));
                }
            }
            (Key::Number(NumberKey::Pid), Some(owner)) => {
                take(Value::Number(owner.pid.into(), &owner.name));
            }
            (Key::Text(TextKey::Name), Some(owner)) => take(Value::Text(&owner.name)),
            _ => {}
        }
    }
}

fn of_socket<'a>(key: Key, socket: &'a Socket, mut take: impl FnMut(Value<'a>)) {
    let processes = || socket.owners.iter().map(|owner| &*owner.process);
    let of_process = |process: &'a Process| match key {
        Key::Text(TextKey::Name) => Some(Value::Text(&process.name)),
        Key::Text(TextKey::Cwd) => process.cwd.as_deref().map(Value::Text),
        Key::Text(TextKey::Unit) => process.unit.as_ref().map(|unit| Value::Text(&unit.name)),
        Key::Text(TextKey::Container) => {
            process.container.as_ref().map(|container| Value::Text(container.shown()))
        }
        Key::Number(NumberKey::Pid) => Some(Value::Number(process.pid.into(), &process.name)),
        Key::Number(NumberKey::Ppid) => process.ppid.map(|pid| Value::Number(pid.into(), "")),
        _ => None,
    };
    let of_socket = match key {
        Key::Text(TextKey::User) => socket.user.as_deref().map(Value::Text),
        Key::Text(TextKey::Interface) => socket.interface.as_deref().map(Value::Text),
        Key::Text(TextKey::Service) => socket.service.as_deref().map(Value::Text),
        Key::Number(NumberKey::Netns) => match &socket.netns_name {
            Some(name) => Some(Value::Text(name)),
            None => socket.netns.map(|netns| Value::Number(netns, "")),
        },
        _ => None,
    };
    of_socket.into_iter().chain(processes().filter_map(of_process)).for_each(&mut take);
    if let Key::Number(NumberKey::Port(side)) = key {
        let local = socket.local.port.filter(|_| side != Side::Remote);
        let remote = socket.remote.as_ref().filter(|_| side != Side::Local);
        let service = socket.service.as_deref().unwrap_or_default();
        local.into_iter().for_each(|port| take(Value::Number(port.into(), service)));
        let remote = remote.and_then(|remote| remote.port);
        remote.into_iter().for_each(|port| take(Value::Number(port.into(), "")));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::socket::{Endpoint, Family, Protocol, State};
    use crate::query::{KEYS, Query};

    fn texts(text: &str) -> Vec<String> {
        complete(text, text.chars().count()).into_iter().map(|offer| offer.text).collect()
    }

    #[test]
    fn keys_and_closed_sets_are_offered() {
        assert_eq!(texts("").len(), KEYS.len());
        assert_eq!(texts("sta"), ["state:", "stalled:"]);
        assert_eq!(texts("port:80 !na"), ["name:"]);
        assert_eq!(texts("(lpo"), ["lport:"]);
        assert_eq!(texts("state:time-"), ["time_wait"]);
        assert_eq!(texts("state:listen,CLO"), ["close_wait", "closing", "closed"]);
        assert_eq!(texts("owner:h"), ["hidden"]);
        assert_eq!(texts("estab"), ["state:established"]);
        assert!(texts("name:\"sta").is_empty());
        assert!(texts("zzz:").is_empty());
        assert_eq!(texts("name:\"a b\" stat"), ["state:"]);
    }

    #[test]
    fn a_completion_replaces_what_was_typed() {
        let text = "ü state:lis port:80";
        let offers = complete(text, 11);
        assert_eq!(offers.len(), 1);
        assert_eq!(offers[0].apply(text), ("ü state:listen port:80".to_owned(), 14));
        assert!(complete("st", 99).iter().all(|offer| offer.replaces == (0..2)));
    }

    #[test]
    fn values_of_rows_are_offered_most_frequent_first() {
        let row = |user: &str, port| Socket {
            user: Some(Arc::from(user)),
            ..Socket::new(
                Family::Ipv4,
                Protocol::Tcp,
                State::Listen,
                Endpoint::ip([127, 0, 0, 1], port),
            )
        };
        let rows = [row("bob", 80), row("alice", 8080), row("alice", 443), row("a b", 443)];
        let texts = |text: &str| -> Vec<String> {
            let offers = complete_with(text, text.len(), &Saved::default(), &rows);
            offers.into_iter().map(|offer| offer.text).collect()
        };
        assert_eq!(texts("user:"), ["alice", "\"a b\"", "bob"]);
        assert_eq!(texts("user:al"), ["alice"]);
        assert_eq!(texts("lport:8"), ["80", "8080"]);
        assert_eq!(texts("port:80,"), ["443", "80", "8080"]);
        let hostile = [row("x\x1b[31m", 1)];
        assert!(complete_with("user:", 5, &Saved::default(), &hostile).is_empty());
    }

    #[test]
    fn saved_filters_are_offered_with_what_they_ask_for() {
        let saved = Saved::new([("web", "port:80"), ("www", "port:443")]).unwrap();
        let offers = |text: &str| complete_with(text, text.len(), &saved, []);
        let of_web = Completion { replaces: 8..11, text: "@web".into(), about: "port:80".into() };
        assert_eq!(offers("port:1 (@we"), [of_web]);
        assert_eq!(offers("!@").len(), 2);
        assert!(offers("@x").is_empty());
    }

    #[test]
    fn every_offer_of_a_name_is_a_query() {
        for key in ["state:", "proto:", "family:", "owner:"] {
            for offer in complete(key, key.len()) {
                let (text, _) = offer.apply(key);
                assert!(Query::parse(&text).is_ok(), "{text}");
            }
        }
    }
}
