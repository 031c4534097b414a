//! The targets of `sockpit probe`: words of the command line, and files of them.

use std::fs::File;
use std::io::Read;
use std::net::Ipv6Addr;

use super::super::Failure;
use crate::probe::{Carrier, Family, Host, Outfit, Settings, Target, Written};
use crate::text;

/// More targets than this are not probed at once.
const MOST: usize = 200_000;
/// A longer file is none of targets, nor of bytes to send.
const LONGEST: u64 = 16 * 1024 * 1024;

/// What is probed.
#[derive(Debug)]
pub(super) struct Targets {
    /// In their order.
    pub(super) list: Vec<Target>,
    /// Whether they were written as several: then the answer is an array.
    pub(super) is_several: bool,
    /// That scheme and port of a target disagree, and the like.
    pub(super) hints: Vec<String>,
}

/// Reads all targets. The first that cannot be read is an error.
pub(super) fn read(words: &[String], settings: &Settings) -> Result<Targets, Failure> {
    let joined = joined(words);
    let mut targets = Targets { list: Vec::new(), is_several: joined.len() > 1, hints: Vec::new() };
    for word in &joined {
        match word.strip_prefix('@') {
            Some(path) => {
                targets.is_several = true;
                let text = String::from_utf8(file(path).map_err(Failure::usage)?)
                    .map_err(|_| Failure::usage(format!("{path} is no text")))?;
                let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
                for line in lines.map(str::trim).filter(|line| !line.is_empty()) {
                    let line: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
                    for word in self::joined(&line) {
                        targets.add(&word, settings)?;
                    }
                }
            }
            None => targets.add(word, settings)?,
        }
    }
    if targets.list.is_empty() {
        return Err(Failure::usage("there is no target in what was named"));
    }
    Ok(targets)
}

/// Whether the target can be reached in the way that is asked for.
fn check_way(target: &Target, settings: &Settings) -> Result<(), Failure> {
    let text = text::clean(target.text());
    if settings.via.is_some() && !matches!(target.protocol().carrier(), Carrier::Tcp | Carrier::Tls)
    {
        return Err(Failure::usage(format!(
            "cannot probe `{text}` by --via: a proxy carries only TCP connections"
        )));
    }
    let Outfit { source, source_port, options, mptcp, fast_open } = &settings.outfit;
    let has_outfit = source.is_some() || source_port.is_some() || !options.is_empty();
    if target.protocol().carrier() == Carrier::Unix && has_outfit {
        return Err(Failure::usage(format!(
            "cannot probe `{text}` so: a socket with a path has no source, no interface and no \
             options of a network"
        )));
    }
    let is_stream = matches!(target.protocol().carrier(), Carrier::Tcp | Carrier::Tls);
    let streams_alone = [
        (*mptcp, "--mptcp"),
        (*fast_open, "--fast-open"),
        (settings.every_address, "--every-address"),
    ];
    if let Some((_, option)) = streams_alone.iter().find(|(asked, _)| *asked && !is_stream) {
        return Err(Failure::usage(format!(
            "cannot probe `{text}` by {option}: it is no TCP target"
        )));
    }
    let is_v4 = match target.host() {
        Host::Address(addr) => addr.is_ipv4(),
        Host::Zoned(..) => false,
        Host::ThisMachine | Host::Name(_) | Host::Path(_) => return Ok(()),
    };
    match (settings.family, is_v4) {
        (Some(Family::V6), true) => {
            Err(Failure::usage(format!("cannot probe `{text}` by -6: it is an IPv4 address")))
        }
        (Some(Family::V4), false) => {
            Err(Failure::usage(format!("cannot probe `{text}` by -4: it is an IPv6 address")))
        }
        _ => Ok(()),
    }
}

impl Targets {
    fn add(&mut self, word: &str, settings: &Settings) -> Result<(), Failure> {
        let usage = |error: crate::probe::TargetError| Failure::usage(error.to_string());
        let Written { targets, is_several } = Target::read(word).map_err(usage)?;
        self.is_several |= is_several;
        for target in targets {
            if let Some(source) = settings.outfit.source {
                target.check_source(source).map_err(usage)?;
            }
            check_way(&target, settings)?;
            if self.hints.len() < 10
                && let Some(hint) = target.hint()
            {
                self.hints.push(hint);
            }
            self.list.push(target);
            if self.list.len() > MOST {
                return Err(Failure::usage(format!(
                    "more than {MOST} targets: probe them in parts"
                )));
            }
        }
        Ok(())
    }
}

/// `NAME NUMBER` is NAME:NUMBER; numbers alone are ports of this host.
fn joined(words: &[String]) -> Vec<String> {
    let is_port = |word: &str| word.bytes().all(|b| b.is_ascii_digit() || b == b',' || b == b'-');
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    let mut may_take_port = false;
    for word in words {
        match out.last_mut() {
            Some(host) if may_take_port && is_port(word) => {
                *host = with_port(host, word);
                may_take_port = false;
            }
            _ => {
                may_take_port = !is_port(word) && takes_port(word);
                out.push(word.clone());
            }
        }
    }
    out
}

/// Whether a word is a host without a port.
fn takes_port(word: &str) -> bool {
    let host = word.split_once("://").map_or(word, |(_, rest)| rest);
    if host.starts_with(['/', '@']) || host.contains('/') {
        return false;
    }
    host.ends_with(']') || !host.contains(':') || is_bare_v6(host)
}

/// Whether it is an IPv6 address, perhaps with its interface, without brackets.
fn is_bare_v6(host: &str) -> bool {
    host.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// Host and port as one target; an IPv6 address gets its brackets.
fn with_port(word: &str, port: &str) -> String {
    let at = word.find("://").map_or(0, |at| at + 3);
    let (scheme, host) = word.split_at(at);
    if is_bare_v6(host) { format!("{scheme}[{host}]:{port}") } else { format!("{word}:{port}") }
}

/// What a file has that the user names.
pub(super) fn file(path: &str) -> Result<Vec<u8>, String> {
    let shown = text::clean(path).into_owned();
    let cannot = |error: std::io::Error| format!("cannot read {shown}: {error}");
    let read = crate::sys::host::with_own_rights(|| {
        let mut content = Vec::new();
        File::open(path)?.take(LONGEST + 1).read_to_end(&mut content)?;
        Ok(content)
    });
    let content: Vec<u8> = read.and_then(|read: std::io::Result<_>| read).map_err(cannot)?;
    if content.len() as u64 > LONGEST {
        return Err(format!("{shown} is longer than {LONGEST} bytes"));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        joined(&text.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_name_and_a_number_are_one_target() {
        assert_eq!(words("host 443"), ["host:443"]);
        assert_eq!(words("host 443 80"), ["host:443", "80"]);
        assert_eq!(words("8080 9090"), ["8080", "9090"]);
        assert_eq!(words("host:1 80"), ["host:1", "80"]);
        assert_eq!(words("[::1] 80-82"), ["[::1]:80-82"]);
        assert_eq!(words("::1 80"), ["[::1]:80"]);
        assert_eq!(words("ssh://fe80::1%eth0 22"), ["ssh://[fe80::1%eth0]:22"]);
        assert_eq!(words("tcp://host 5 other"), ["tcp://host:5", "other"]);
        assert_eq!(words("@list 80"), ["@list", "80"]);
        assert_eq!(words("https://h/p 80"), ["https://h/p", "80"]);
    }

    #[test]
    fn a_file_has_a_target_a_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# mine\nhost:1\n\nhost 2 # two\nhost:3-4\n").unwrap();
        let word = format!("@{}", file.path().display());
        let targets = read(&[word], &Settings::default()).unwrap();
        let texts: Vec<_> = targets.list.iter().map(Target::text).collect();
        assert_eq!(texts, ["host:1", "host:2", "host:3", "host:4"]);
        assert!(targets.is_several);
        assert!(read(&["@/no/such/file".to_owned()], &Settings::default()).is_err());
    }
}
