//! A parsed query: tests and how they are combined. Displays as canonical text.

use std::fmt::{self, Display as _};

use super::help::KeyHelp;
use super::key::{Key, NumberKey, Side, TextKey};
use super::needle::Pattern;
use super::values::{AddressSet, NameSet, NumberSet, OptionSet};
use super::word::Word;
use crate::model::socket::State;

/// A query or a part of one. No `All` lies directly in an `All`, no `Any` in an `Any`, no
/// `Not` in a `Not`; both lists have at least two parts.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    /// Every part must hold.
    All(Vec<Expr>),
    /// One part must hold.
    Any(Vec<Expr>),
    /// The part must be false.
    Not(Box<Expr>),
    /// `*`.
    Everything,
    /// A single question.
    Test(Test),
}

/// A single question about a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Number {
        key: NumberKey,
        set: NumberSet,
    },
    Address {
        side: Side,
        set: AddressSet,
    },
    Name(NameSet),
    Option(OptionSet),
    Text {
        key: TextKey,
        patterns: Vec<Pattern>,
        /// User ids, for `user:1000`.
        ids: Vec<u32>,
    },
    /// `key:*`: there is a value.
    Present(Key),
    /// A bare number: a port at either end, or an owner's process id.
    PortOrPid(u32),
    /// A bare word.
    Word(Word),
}

impl Expr {
    /// Both of two, without needless nesting.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        Self::list(parts, Self::All, |expr| match expr {
            Self::All(parts) => Ok(parts),
            other => Err(other),
        })
    }

    /// One of two, without needless nesting.
    pub(super) fn any(parts: Vec<Self>) -> Self {
        Self::list(parts, Self::Any, |expr| match expr {
            Self::Any(parts) => Ok(parts),
            other => Err(other),
        })
    }

    /// Adds the states that are asked for by name. Below a *not* a state is ruled out.
    pub(super) fn collect_named_states(&self, named: &mut Vec<State>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.collect_named_states(named));
            }
            Self::Test(Test::Name(set)) => named.extend(set.states()),
            Self::Not(_) | Self::Everything | Self::Test(_) => {}
        }
    }

    /// Whether a test in it says yes to `is_wanted`.
    pub(super) fn has(&self, is_wanted: &impl Fn(&Test) -> bool) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.has(is_wanted)),
            Self::Not(part) => part.has(is_wanted),
            Self::Everything => false,
            Self::Test(test) => is_wanted(test),
        }
    }

    /// The first key in it that is not among `keys`.
    pub(super) fn foreign_key(&self, keys: &[KeyHelp]) -> Option<Key> {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().find_map(|part| part.foreign_key(keys))
            }
            Self::Not(part) => part.foreign_key(keys),
            Self::Everything => None,
            Self::Test(test) => {
                test.key().filter(|key| !keys.iter().any(|help| help.key == key.name()))
            }
        }
    }

    /// How many tests are in it.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::count).sum(),
            Self::Not(part) => part.count(),
            Self::Everything | Self::Test(_) => 1,
        }
    }

    fn list(
        parts: Vec<Self>,
        combine: fn(Vec<Self>) -> Self,
        open: fn(Self) -> Result<Vec<Self>, Self>,
    ) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match open(part) {
                Ok(inner) => flat.extend(inner),
                Err(part) => flat.push(part),
            }
        }
        if flat.len() == 1 { flat.swap_remove(0) } else { combine(flat) }
    }

    /// The opposite. Twice is nothing, for unknown values too.
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => write_parts(parts, " ", f),
            Self::Any(parts) => write_parts(parts, " or ", f),
            Self::Not(part) => write!(f, "!{}", Operand(part)),
            Self::Everything => f.write_str("*"),
            Self::Test(test) => test.fmt(f),
        }
    }
}

fn write_parts(parts: &[Expr], between: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        Operand(part).fmt(f)?;
    }
    Ok(())
}

/// A part beside others: lists between parentheses.
struct Operand<'a>(&'a Expr);

impl fmt::Display for Operand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            list @ (Expr::All(_) | Expr::Any(_)) => write!(f, "({list})"),
            other => other.fmt(f),
        }
    }
}

impl Test {
    /// The key that it asks by; words have none.
    fn key(&self) -> Option<Key> {
        match self {
            Self::Number { key, .. } => Some(Key::Number(*key)),
            Self::Address { side, .. } => Some(Key::Address(*side)),
            Self::Name(set) => Some(Key::Set(set.key())),
            Self::Text { key, .. } => Some(Key::Text(*key)),
            Self::Option(_) => Some(Key::Option),
            Self::Present(key) => Some(*key),
            Self::PortOrPid(_) | Self::Word(_) => None,
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { key, set } => write!(f, "{}:{set}", Key::Number(*key).name()),
            Self::Address { side, set } => write!(f, "{}:{set}", Key::Address(*side).name()),
            Self::Name(set) => write!(f, "{}:{set}", Key::Set(set.key()).name()),
            Self::Option(set) => write!(f, "{}:{set}", Key::Option.name()),
            Self::Present(key) => write!(f, "{}:*", key.name()),
            Self::PortOrPid(number) => number.fmt(f),
            Self::Word(word) => word.fmt(f),
            Self::Text { key, patterns, ids } => {
                write!(f, "{}:", Key::Text(*key).name())?;
                let mut first = true;
                let mut separate = |f: &mut fmt::Formatter<'_>| {
                    let comma = if std::mem::take(&mut first) { "" } else { "," };
                    f.write_str(comma)
                };
                for id in ids {
                    separate(f)?;
                    write!(f, "{id}")?;
                }
                for pattern in patterns {
                    separate(f)?;
                    key.write_pattern(pattern, f)?;
                }
                Ok(())
            }
        }
    }
}

impl TextKey {
    /// Whether a value must be the whole text even without `=`: short names that are parts
    /// of each other (root and rootless, http and https, eth1 and eth10).
    pub(super) fn is_exact(self) -> bool {
        match self {
            Self::User | Self::Interface | Self::Service | Self::Netns => true,
            Self::Name | Self::Command | Self::Cwd | Self::Unit | Self::Container => false,
        }
    }

    fn write_pattern(self, pattern: &Pattern, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match pattern {
            // `user:=7` would be the name 7, and quotes say so just as well.
            Pattern::Whole(needle) if self.is_exact() => {
                super::needle::write_quoted(needle.text(), f)
            }
            _ => pattern.fmt(f),
        }
    }
}
