//! Socket options: `SO_KEEPALIVE=off`, `SO_RCVBUF>=64k`, or a name alone for one that was set.

use std::fmt;

use crate::catalog::sockopts::{self, Entry};
use crate::model::options::{OptionAccess, OptionValue, OptionsReport, SocketOption};
use crate::query::needle::{TextValue, is_plain};

/// What the options of a socket should be; one of several.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::query) struct OptionSet {
    wanted: Vec<Wanted>,
}

#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    /// As the catalogue spells it.
    name: &'static str,
    /// How it compares, and with what; `None` for one that the program or its listener set.
    value: Option<(Order, OptionValue)>,
    /// As it was written.
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The longer signs first.
const SIGNS: [(&str, Order); 6] = [
    ("!=", Order::Unequal),
    ("<=", Order::LessOrEqual),
    (">=", Order::GreaterOrEqual),
    ("=", Order::Equal),
    ("<", Order::Less),
    (">", Order::Greater),
];

impl OptionSet {
    /// Adds one way to match; the error says what is wrong in one sentence.
    pub(in crate::query) fn add(&mut self, text: &str) -> Result<(), String> {
        let at = text.find(['=', '<', '>', '!']).unwrap_or(text.len());
        let (name, rest) = text.split_at(at);
        let entry = entry(name)?;
        let value =
            match SIGNS.iter().find_map(|(sign, order)| Some((order, rest.strip_prefix(sign)?))) {
                None if rest.is_empty() => None,
                None => return Err(format!("`{text}` is no NAME=VALUE")),
                Some((order, value)) => {
                    let value = entry.read_value(value)?;
                    if !matches!(order, Order::Equal | Order::Unequal) && number(&value).is_none() {
                        return Err(format!(
                            "{} has no order: `<` and `>` go with numbers",
                            entry.name
                        ));
                    }
                    Some((*order, value))
                }
            };
        self.wanted.push(Wanted { name: &entry.name, value, text: text.to_owned() });
        Ok(())
    }

    /// Whether one of them holds; `None` where it was not read, which is not the same as that the
    /// socket has no such option.
    pub(in crate::query) fn holds(&self, report: &OptionsReport) -> Option<bool> {
        let mut all_known = true;
        for wanted in &self.wanted {
            match report.options.iter().find(|option| option.name == wanted.name) {
                Some(option) => match wanted.holds(option) {
                    Some(true) => return Some(true),
                    Some(false) => {}
                    None => all_known = false,
                },
                None => all_known &= report.access == OptionAccess::Full,
            }
        }
        all_known.then_some(false)
    }
}

fn entry(name: &str) -> Result<&'static Entry, String> {
    let prefixes = ["", "SO_", "TCP_", "IP_", "IPV6_", "UDP_"];
    let found = prefixes.iter().find_map(|prefix| sockopts::find(&format!("{prefix}{name}")));
    found
        .map(|(_, entry)| entry)
        .ok_or_else(|| format!("`{name}` is no socket option: write one like SO_KEEPALIVE=off"))
}

impl Wanted {
    fn holds(&self, option: &SocketOption) -> Option<bool> {
        let Some((order, value)) = &self.value else { return option.changed };
        let compared = || Some((number(&option.value)?, number(value)?));
        match order {
            Order::Equal => Some(option.value == *value),
            Order::Unequal => Some(option.value != *value),
            Order::Less => compared().map(|(is, than)| is < than),
            Order::LessOrEqual => compared().map(|(is, than)| is <= than),
            Order::Greater => compared().map(|(is, than)| is > than),
            Order::GreaterOrEqual => compared().map(|(is, than)| is >= than),
        }
    }
}

/// A value that has an order.
fn number(value: &OptionValue) -> Option<i128> {
    match value {
        OptionValue::Number(number) => Some((*number).into()),
        OptionValue::Large(number) => Some((*number).into()),
        OptionValue::Time { us } => Some((*us).into()),
        _ => None,
    }
}

impl fmt::Display for OptionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, wanted) in self.wanted.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            let plain = |part: &str| part.is_empty() || is_plain(part);
            match wanted.text.split_once('=') {
                Some((name, value)) if plain(name) && plain(value) => f.write_str(&wanted.text)?,
                _ => write!(f, "{}", TextValue(&wanted.text))?,
            }
        }
        Ok(())
    }
}
