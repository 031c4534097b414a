//! The language as a table, from which every help text is made.

use std::fmt::Write as _;

/// One key of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHelp {
    /// Its name, without the colon.
    pub key: &'static str,
    /// What kind of value it takes, in a word.
    pub takes: &'static str,
    /// What it asks, in a few words.
    pub about: &'static str,
    /// A query that uses it.
    pub example: &'static str,
}

const fn key(
    key: &'static str,
    takes: &'static str,
    about: &'static str,
    example: &'static str,
) -> KeyHelp {
    KeyHelp { key, takes, about, example }
}

/// A table of rows that queries can be about: its name, and the keys that it has.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// What its rows are called.
    pub name: &'static str,
    /// Its keys, in the order of the help.
    pub keys: &'static [KeyHelp],
}

impl Table {
    /// Sockets, which have every key.
    pub const SOCKETS: Self = Self { name: "sockets", keys: KEYS };
    /// Flows of packets.
    pub const FLOWS: Self = Self { name: "flows", keys: FLOW_KEYS };
    /// Every table.
    pub const ALL: [Self; 2] = [Self::SOCKETS, Self::FLOWS];

    /// The language with this table's keys in plain text, no line wider than 78 columns.
    pub fn help_text(&self) -> String {
        let mut out = String::from("All words of a query must match:\n");
        for (form, meaning) in SYNTAX {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "  {form:<17} {meaning}");
        }
        out.push_str("\nKeys:\n");
        for KeyHelp { key, about, example, .. } in self.keys {
            let _ = writeln!(out, "  {key:<9} {about:<44} {example}");
        }
        out.push('\n');
        out.push_str(NOTES);
        out.push('\n');
        out
    }
}

const FLOW_KEYS: &[KeyHelp] = &[
    key("port", "port", "port at either end, or a service's name", "port:8000..8100"),
    key("addr", "address", "address or network at either end", "addr:10.0.0.0/8"),
    key("proto", "name", "tcp udp icmp udplite, or with 4 or 6", "proto:udp,tcp6"),
    key("family", "name", "ipv4 ipv6", "family:ipv6"),
    key("pid", "number", "process id of an owner", "pid:4242"),
    key("name", "text", "process name", "name:nginx"),
];

/// Every key, ends first, then what it is, who holds it, and its numbers.
pub const KEYS: &[KeyHelp] = &[
    key("port", "port", "port at either end, or a service's name", "port:8000..8100"),
    key("lport", "port", "local port", "lport:80,443"),
    key("rport", "port", "remote port", "rport:443"),
    key("addr", "address", "address or network at either end", "addr:10.0.0.0/8"),
    key("laddr", "address", "local address; * is the wildcard", "laddr:*"),
    key("raddr", "address", "remote address", "!raddr:localhost"),
    key("proto", "name", "tcp udp tcp6 raw icmp mptcp unix ...", "proto:udp,tcp6"),
    key("family", "name", "ipv4 ipv6 unix packet netlink vsock ...", "family:ipv6"),
    key("state", "name", "as here, in ss, netstat or Windows; server", "state:estab,listen"),
    key("service", "text", "service name of the port", "service:https"),
    key("pid", "number", "process id of an owner", "pid:4242"),
    key("ppid", "number", "process id of an owner's parent", "ppid:1"),
    key("name", "text", "process name", "name:nginx"),
    key("cmd", "text", "command line", "cmd:\"-m http.server\""),
    key("cwd", "text", "working directory of an owner", "cwd:/srv/shop"),
    key("user", "text", "user name or id of the socket", "user:root,1000"),
    key("unit", "text", "systemd unit: the owner's, or the activated one", "unit:ssh.service"),
    key("container", "text", "container's name, id or runtime", "container:web"),
    key("owner", "name", "owned kernel hidden vanished foreign unknown", "owner:hidden"),
    key("exposed", "name", "a server that other hosts can reach: yes no", "exposed:yes"),
    key("finding", "name", "accept_queue_full close_wait receive_drops; * any", "finding:*"),
    key("if", "text", "interface it is bound to", "if:eth0"),
    key("netns", "name", "network namespace, by name or inode", "netns:web,4026531840"),
    key("inode", "number", "socket inode; 0 if no process holds it", "inode:0"),
    key("cookie", "number", "the kernel's socket cookie", "cookie:8193"),
    key("recvq", "size", "bytes received and not read", "recvq:64k.."),
    key("sendq", "size", "bytes sent and not acknowledged, or unsent", "sendq:1.."),
    key("backlog", "number", "accept queue: length, or fill with %", "backlog:80%.."),
    key("rtt", "time", "round-trip time", "rtt:50ms.."),
    key("age", "time", "time since it was first seen (at least so old)", "age:1h.."),
    key("drops", "number", "packets dropped at the socket", "drops:1.."),
    key("retrans", "number", "segments sent again", "retrans:10.."),
    key("rate", "size", "bytes a second, both ways; needs two looks", "rate:1M.."),
    key("stalled", "time", "a queue has not moved for at least this", "stalled:10s.."),
    key("idle", "time", "nothing was received for this long", "idle:10m.."),
    key("probes", "number", "keep-alive probes without an answer", "probes:1.."),
    key("resent", "number", "times a segment was resent", "resent:1.."),
    key("window", "size", "bytes that the peer takes now", "window:0"),
    key("shut", "time", "peer takes nothing; since data last left", "shut:10s.."),
    key("opt", "option", "a socket option, or one that was set", "opt:SO_KEEPALIVE=off"),
];

/// How the parts of a query are written, and what they mean.
pub const SYNTAX: &[(&str, &str)] = &[
    ("a b", "both match (also: a and b, a && b)"),
    ("a or b", "either matches (also: a || b); binds looser than and"),
    ("!a", "a does not match (also: not a)"),
    ("( )", "a group"),
    ("word", "some text of the row contains it, in any case"),
    ("\"two words\"", "the same, with spaces and signs taken literally"),
    ("/regex/", "some text of the row matches it, in any case"),
    ("8080", "a port at either end, or an owner's process id"),
    (":8080 8000..8100", "a port, or a range of ports, at either end"),
    ("53/udp", "a port of one protocol"),
    ("10.0.0.0/8", "an address of that network at either end"),
    ("key:a,b", "one of several values"),
    ("key:10..20", "a range (also 10-20); 10.. and ..20 have one end"),
    ("key:>10", "compared; also < >= <= (quote them for a shell)"),
    ("name:=nginx", "the whole text, not just a part"),
    ("unit:*", "any value at all"),
    ("@name", "a filter saved under this name"),
];

/// What holds for several keys.
pub const NOTES: &str = "\
Times take us, ms, s, m, h, d; sizes k, M, G (Ki, Mi, Gi for powers of 1024).
Text keys match a part of the text, but user, if and service all of it;
they take /regex/ too. An unknown value is neither true nor false: it matches
neither a comparison nor the negation of one.";

/// The language over sockets in plain text, no line wider than 78 columns.
pub fn help_text() -> String {
    Table::SOCKETS.help_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;
    use crate::query::key::Key;

    #[test]
    fn the_table_has_every_key_in_order() {
        assert!(KEYS.iter().map(|help| help.key).eq(Key::names()));
    }

    #[test]
    fn every_example_is_a_query_of_its_key() {
        for help in KEYS {
            let query = Query::parse(help.example).unwrap();
            let text = query.to_string();
            assert!(text.trim_start_matches('!').starts_with(help.key), "{text}");
            assert!(!query.matches_everything(), "{text}");
        }
    }

    #[test]
    fn the_text_fits_a_terminal() {
        for line in help_text().lines() {
            assert!(line.chars().count() <= 78, "{line}");
        }
    }
}
