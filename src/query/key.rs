//! The keys of the language, their spellings, and what kind of value each takes.

/// What stands before a colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Number(NumberKey),
    Address(Side),
    Set(SetKey),
    Text(TextKey),
    /// A socket option, by its name in the value.
    Option,
}

/// Keys that compare numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberKey {
    /// At either end, or at one.
    Port(Side),
    Pid,
    Ppid,
    Inode,
    Cookie,
    Netns,
    RecvQ,
    SendQ,
    /// How many wait to be accepted; with `%`, how full the queue is.
    Backlog,
    BacklogPercent,
    Rtt,
    Age,
    Drops,
    Retrans,
    /// Bytes a second, both directions together.
    Rate,
    /// Since a queue last moved.
    Stalled,
    /// Since data was received.
    Idle,
    /// Keep-alive probes without an answer.
    Probes,
    Resent,
    /// Bytes that the peer takes.
    Window,
    /// Since data last left, while the peer takes nothing.
    Shut,
}

/// Which end of a socket is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Either,
    Local,
    Remote,
}

/// Keys whose values are a closed set of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SetKey {
    Protocol,
    Family,
    State,
    Ownership,
    Exposure,
    Finding,
}

/// Keys that compare text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextKey {
    Name,
    Command,
    Cwd,
    User,
    Unit,
    Container,
    Interface,
    Service,
    /// The name of the namespace, where a value is no number.
    Netns,
}

/// How the numbers of a key are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// 0 to 65535, or a service's name.
    Port,
    /// 32 bits.
    Id,
    /// 64 bits, no unit.
    Count,
    /// With `k`, `M`, `G`.
    Bytes,
    /// Microseconds; with `us`, `ms`, `s`, `m`, `h`, `d`.
    Duration,
    /// With `%`.
    Percent,
}

/// Every key by its canonical name, in the order of the help table.
const KEYS: [(&str, Key); 40] = [
    ("port", Key::Number(NumberKey::Port(Side::Either))),
    ("lport", Key::Number(NumberKey::Port(Side::Local))),
    ("rport", Key::Number(NumberKey::Port(Side::Remote))),
    ("addr", Key::Address(Side::Either)),
    ("laddr", Key::Address(Side::Local)),
    ("raddr", Key::Address(Side::Remote)),
    ("proto", Key::Set(SetKey::Protocol)),
    ("family", Key::Set(SetKey::Family)),
    ("state", Key::Set(SetKey::State)),
    ("service", Key::Text(TextKey::Service)),
    ("pid", Key::Number(NumberKey::Pid)),
    ("ppid", Key::Number(NumberKey::Ppid)),
    ("name", Key::Text(TextKey::Name)),
    ("cmd", Key::Text(TextKey::Command)),
    ("cwd", Key::Text(TextKey::Cwd)),
    ("user", Key::Text(TextKey::User)),
    ("unit", Key::Text(TextKey::Unit)),
    ("container", Key::Text(TextKey::Container)),
    ("owner", Key::Set(SetKey::Ownership)),
    ("exposed", Key::Set(SetKey::Exposure)),
    ("finding", Key::Set(SetKey::Finding)),
    ("if", Key::Text(TextKey::Interface)),
    ("netns", Key::Number(NumberKey::Netns)),
    ("inode", Key::Number(NumberKey::Inode)),
    ("cookie", Key::Number(NumberKey::Cookie)),
    ("recvq", Key::Number(NumberKey::RecvQ)),
    ("sendq", Key::Number(NumberKey::SendQ)),
    ("backlog", Key::Number(NumberKey::Backlog)),
    ("rtt", Key::Number(NumberKey::Rtt)),
    ("age", Key::Number(NumberKey::Age)),
    ("drops", Key::Number(NumberKey::Drops)),
    ("retrans", Key::Number(NumberKey::Retrans)),
    ("rate", Key::Number(NumberKey::Rate)),
    ("stalled", Key::Number(NumberKey::Stalled)),
    ("idle", Key::Number(NumberKey::Idle)),
    ("probes", Key::Number(NumberKey::Probes)),
    ("resent", Key::Number(NumberKey::Resent)),
    ("window", Key::Number(NumberKey::Window)),
    ("shut", Key::Number(NumberKey::Shut)),
    ("opt", Key::Option),
];

/// Other spellings: those of `ss`, of the JSON contract, and of a hasty hand.
const ALIASES: [(&str, &str); 31] = [
    ("sport", "lport"),
    ("dport", "rport"),
    ("localport", "lport"),
    ("remoteport", "rport"),
    ("address", "addr"),
    ("src", "laddr"),
    ("dst", "raddr"),
    ("local", "laddr"),
    ("remote", "raddr"),
    ("protocol", "proto"),
    ("process", "name"),
    ("comm", "name"),
    ("cmdline", "cmd"),
    ("command", "cmd"),
    ("uid", "user"),
    ("ownership", "owner"),
    ("dev", "if"),
    ("iface", "if"),
    ("interface", "if"),
    ("ns", "netns"),
    ("ino", "inode"),
    ("rq", "recvq"),
    ("rxq", "recvq"),
    ("sq", "sendq"),
    ("txq", "sendq"),
    ("queue", "backlog"),
    ("retransmits", "retrans"),
    ("retransmitting", "resent"),
    ("svc", "service"),
    ("option", "opt"),
    ("sockopt", "opt"),
];

impl Key {
    /// The key with this spelling, in any case, with or without `_` and `-`.
    pub(super) fn find(spelling: &str) -> Option<Self> {
        let spelling: String = spelling
            .chars()
            .filter(|c| !matches!(c, '_' | '-'))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let alias = ALIASES.iter().find(|(alias, _)| *alias == spelling);
        let name = alias.map_or(spelling.as_str(), |(_, name)| name);
        KEYS.iter().find(|(known, _)| *known == name).map(|(_, key)| *key)
    }

    /// The canonical names of all keys.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        KEYS.iter().map(|(name, _)| *name)
    }

    /// The canonical name.
    pub(super) fn name(self) -> &'static str {
        let same = match self {
            Self::Number(NumberKey::BacklogPercent) => Self::Number(NumberKey::Backlog),
            Self::Text(TextKey::Netns) => Self::Number(NumberKey::Netns),
            key => key,
        };
        // Every key but those above stands in the table; a test walks through it.
        KEYS.iter().find(|(_, key)| *key == same).map_or("", |(name, _)| name)
    }
}

impl NumberKey {
    /// How its numbers are written.
    pub(super) fn measure(self) -> Measure {
        match self {
            Self::Port(_) => Measure::Port,
            Self::Pid | Self::Ppid => Measure::Id,
            Self::Inode | Self::Cookie | Self::Netns | Self::Backlog => Measure::Count,
            Self::Drops | Self::Retrans | Self::Probes | Self::Resent => Measure::Count,
            Self::RecvQ | Self::SendQ | Self::Rate | Self::Window => Measure::Bytes,
            Self::BacklogPercent => Measure::Percent,
            Self::Rtt | Self::Age | Self::Stalled | Self::Idle | Self::Shut => Measure::Duration,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_by_its_name() {
        for (name, key) in KEYS {
            assert_eq!(Key::find(name), Some(key));
            assert_eq!(key.name(), name);
        }
        assert_eq!(Key::Number(NumberKey::BacklogPercent).name(), "backlog");
        assert_eq!(Key::Text(TextKey::Netns).name(), "netns");
    }

    #[test]
    fn other_spellings_lead_to_a_key() {
        for (alias, name) in ALIASES {
            assert_eq!(Key::find(alias), Key::find(name), "{alias}");
            assert!(Key::find(name).is_some(), "{name}");
        }
        assert_eq!(Key::find("Recv_Q"), Key::find("recvq"));
        assert_eq!(Key::find("prot"), None);
    }
}
