//! The catalogue of socket options: `assets/sockopts.toml`, whose head explains each field.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer};

use crate::model::options::{OptionType, Structure};

pub mod wish;
mod written;

#[cfg(test)]
mod tests;

const SOURCE: &str = include_str!("../../assets/sockopts.toml");

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| toml::from_str(SOURCE).expect("it is compiled in, and a test parses it"));

/// Every option known, by level, in the order of their numbers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// `SOL_SOCKET` first.
    #[serde(rename = "level")]
    pub levels: Vec<Level>,
}

/// A level of getsockopt and its options.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Name in C: `IPPROTO_TCP`.
    pub name: String,
    /// The level argument.
    pub number: i32,
    /// Address families to try it on, by their names in C; empty for every one.
    pub domains: Vec<String>,
    /// What it speaks of.
    pub about: String,
    /// Its options.
    #[serde(rename = "option")]
    pub options: Vec<Entry>,
}

impl Level {
    /// Whether these numbers mean this level on a socket of that `AF_` name.
    pub fn is_tried_on(&self, domain: &str) -> bool {
        self.domains.is_empty() || self.domains.iter().any(|name| name == domain)
    }
}

/// One option.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name in C: `SO_REUSEADDR`.
    pub name: String,
    /// The option argument, by the kernel's generic numbering.
    pub number: i32,
    /// Type of its value.
    pub r#type: OptionType,
    /// What reading does.
    #[serde(default)]
    pub read: Read,
    /// Whether setsockopt knows it.
    #[serde(default = "yes")]
    pub writable: bool,
    /// When a difference from a fresh socket means that somebody changed it.
    #[serde(default)]
    pub compare: Compare,
    /// Unit of its number.
    pub unit: Option<String>,
    /// Names of an enum's numbers or of a flag's bits, by number.
    #[serde(default, deserialize_with = "by_number")]
    pub values: Vec<(String, i64)>,
    /// Families and protocols that have it, by sockpit's names; empty for every one.
    #[serde(default)]
    pub applies_to: Vec<String>,
    /// Its name in Winsock.
    pub winsock: Option<String>,
    /// What it does, in a few words.
    pub about: String,
    /// Kernel that brought it, where newer than 3.0.
    pub since: Option<String>,
    /// The structure that its bytes are.
    pub structure: Option<Structure>,
    /// How its number is written for people, where that is not plainly.
    pub form: Option<Form>,
    /// What single numbers mean, by number.
    #[serde(default, deserialize_with = "by_key")]
    pub words: Vec<(i64, String)>,
    /// Families and protocols whose sockets have it and refuse every setsockopt.
    #[serde(default)]
    pub not_set_on: Vec<String>,
    /// The states in which setsockopt takes it.
    #[serde(default)]
    pub set_when: SetWhen,
    /// The call after which setting it has no effect any more.
    pub early: Option<Early>,
    /// Whether an accepted socket has what its listener was given.
    #[serde(default = "yes")]
    pub inherited: bool,
    /// Why sockpit does not set it on the socket of another program.
    pub refused: Option<String>,
    /// The mistake that is often made with it.
    pub mistake: Option<String>,
    /// How Winsock's option of that name differs.
    pub differs: Option<String>,
    source: Option<String>,
    source_tcp: Option<String>,
    length: Option<usize>,
}

/// How the number of an option is written for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Two ports: the lowest in the low 16 bits, the highest in the high ones.
    PortRange,
    /// The index of an interface in network byte order.
    NetworkOrder,
    /// DSCP and ECN.
    Tos,
    /// Hexadecimal.
    Hex,
    /// The number that the kernel files the socket under: a raw socket's protocol, else the port.
    InetNum,
}

/// In which states setsockopt takes an option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetWhen {
    /// In all.
    #[default]
    Any,
    /// Before bind.
    Unbound,
    /// Closed or listening.
    Unconnected,
    /// Before connect and listen.
    Closed,
    /// Connected.
    Connected,
    /// While TCP_REPAIR is on.
    Repair,
}

/// The call after which an option's new value has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Early {
    /// bind(2).
    Bind,
    /// listen(2).
    Listen,
    /// connect(2) and accept(2): it counts in the handshake.
    Connect,
}

impl Entry {
    /// Buffer that getsockopt needs, in bytes.
    pub fn length(&self) -> usize {
        self.length.unwrap_or_else(|| natural_length(self.r#type))
    }

    /// Sysctl that gives a fresh socket its value; `None` for a constant of the kernel.
    pub fn default_source(&self, tcp: bool) -> Option<&str> {
        let of_tcp = self.source_tcp.as_deref().filter(|_| tcp);
        of_tcp.or(self.source.as_deref())
    }

    /// Whether sockets of this family and protocol (sockpit's names) take it at all.
    pub fn is_settable_on(&self, family: &str, protocol: &str) -> bool {
        self.writable && !self.not_set_on.iter().any(|name| name == family || name == protocol)
    }

    /// The name of an enum's number.
    pub fn value_name(&self, number: i64) -> Option<&str> {
        self.values.iter().find(|(_, value)| *value == number).map(|(name, _)| name.as_str())
    }
}

/// What reading an option does to a socket that is not ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// Nothing, and it tells no secret.
    #[default]
    Pure,
    /// Takes something away or makes something: never read.
    Consumes,
    /// Tells a key: never read.
    Secret,
    /// Cannot be read, or only with an argument of its own.
    None,
}

/// When a difference from a fresh socket means that somebody changed the option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// At any time.
    #[default]
    Always,
    /// Before there is a peer; later the connection decides.
    Unconnected,
    /// As [`Compare::Unconnected`], but with a peer too once SO_BUF_LOCK says it was set.
    Autotuned,
    /// Never: it describes state.
    Never,
}

/// The catalogue, parsed on first use.
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

/// Every option with its level, in catalogue order.
pub fn entries() -> impl Iterator<Item = (&'static Level, &'static Entry)> {
    let levels = &catalogue().levels;
    levels.iter().flat_map(|level| level.options.iter().map(move |entry| (level, entry)))
}

/// The option of this name in C, in any case of letters.
pub fn find(name: &str) -> Option<(&'static Level, &'static Entry)> {
    entries().find(|(_, entry)| entry.name.eq_ignore_ascii_case(name))
}

/// What a value of this type takes; 0 where the entry must say it.
fn natural_length(r#type: OptionType) -> usize {
    match r#type {
        OptionType::Bool
        | OptionType::Int
        | OptionType::Unsigned
        | OptionType::Bytes
        | OptionType::Enum
        | OptionType::Flags => 4,
        OptionType::Linger => 8,
        OptionType::Ucred => 12,
        OptionType::Timeval => 16,
        OptionType::String | OptionType::Address | OptionType::Opaque => 0,
    }
}

fn by_number<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<(String, i64)>, D::Error> {
    let mut values: Vec<_> = BTreeMap::deserialize(source)?.into_iter().collect();
    values.sort_by_key(|(_, number)| *number);
    Ok(values)
}

fn by_key<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<(i64, String)>, D::Error> {
    let words = BTreeMap::<String, String>::deserialize(source)?;
    let number = |(key, word): (String, String)| match key.parse() {
        Ok(key) => Ok((key, word)),
        Err(_) => Err(serde::de::Error::custom(format!("{key} is no number"))),
    };
    words.into_iter().map(number).collect()
}

fn yes() -> bool {
    true
}
