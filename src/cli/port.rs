//! `PORT[/tcp|/udp]` as several subcommands take it.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use super::Failure;
use crate::catalog::services;
use crate::inspect::bind::{self, Target};
use crate::model::socket::Protocol;

/// A port of one protocol, as the user wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// 1 to 65535.
    pub(super) number: u16,
    /// UDP instead of TCP.
    pub(super) udp: bool,
}

impl Port {
    /// Reads `8080`, `8080/tcp`, `53/udp`, or a service's name in place of the number.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let (port, udp) = match text.split_once('/') {
            None => (text, false),
            Some((port, "tcp")) => (port, false),
            Some((port, "udp")) => (port, true),
            Some((_, other)) => {
                let what = format!("`{other}` in `{text}` is no protocol that has ports here");
                return Err(Failure::usage(format!("{what}: write /tcp or /udp")));
            }
        };
        Ok(Self { number: parse_number(port, udp)?, udp })
    }
}

/// The path of a UNIX socket, when that is written in place of a port.
pub(super) fn path(text: &str) -> Option<&Path> {
    let path = text.strip_prefix("unix:").unwrap_or(text);
    let is_path = path.len() < text.len() || path.starts_with(['/', '.']);
    // `/udp` lacks its port.
    let is_protocol = matches!(path, "/udp" | "/tcp");
    (is_path && !is_protocol && !path.is_empty()).then(|| Path::new(path))
}

/// One port or several, as the user wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    /// In the order written, each once, with its text.
    pub(super) ports: Vec<(String, Port)>,
    /// Whether it was written as one port, so that the answer is one and not a list.
    pub(super) is_one: bool,
}

impl Ports {
    /// More ports than this are not asked about at once.
    pub(super) const MOST: usize = 1024;

    /// Reads `8080`, `3000,3001`, `3000-3002`, `5000-5002/udp,http`, each argument as many as it
    /// likes.
    pub(super) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut ports: Vec<(String, Port)> = Vec::new();
        for part in arguments.iter().flat_map(|argument| argument.split(',')) {
            let found = match range(part)? {
                Some(found) => found,
                None => vec![(part.to_owned(), Port::parse(part)?)],
            };
            if ports.len() + found.len() > Self::MOST {
                let text = format!("more than {} ports at once: write fewer", Self::MOST);
                return Err(Failure::usage(text));
            }
            for new in found {
                if !ports.iter().any(|(_, known)| *known == new.1) {
                    ports.push(new);
                }
            }
        }
        let is_one = matches!(arguments, [one] if !one.contains(',') && range(one)?.is_none());
        Ok(Self { ports, is_one })
    }
}

/// The ports of `FIRST-LAST[/udp]`; `None` for what is no range.
fn range(text: &str) -> Result<Option<Vec<(String, Port)>>, Failure> {
    let (ends, protocol) = match text.find('/') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let is_number = |end: &str| !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit());
    let ends = ends.split_once('-').filter(|(first, last)| is_number(first) && is_number(last));
    let Some((first, last)) = ends else { return Ok(None) };
    let end = |number: &str| Port::parse(&format!("{number}{protocol}"));
    let (first, last) = (end(first)?, end(last)?);
    if last.number < first.number {
        let what = format!("`{text}` ends before it begins");
        return Err(Failure::usage(format!("{what}: write the lower port first")));
    }
    let port = |number: u16| (format!("{number}{protocol}"), Port { number, ..first });
    Ok(Some((first.number..=last.number).take(Ports::MOST + 1).map(port).collect()))
}

fn parse_number(text: &str, udp: bool) -> Result<u16, Failure> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
    let sentence = match text.parse() {
        Ok(0) => "0 is no port that anyone can hold: write 1 to 65535".to_owned(),
        Ok(port) if digits => return Ok(port),
        _ if digits => format!("{text} is no port: the last is 65535"),
        _ => match services::port(protocol, text) {
            Some(port) => return Ok(port),
            None => format!(
                "`{text}` is no port, nor the name of a {} service: write 1 to 65535",
                protocol.name()
            ),
        },
    };
    Err(Failure::usage(sentence))
}

/// Reads an IP address, also in the brackets that URLs put around IPv6.
pub(super) fn parse_addr(text: &str) -> Result<IpAddr, String> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    inner
        .parse()
        .map_err(|_| "it is no IP address: write one such as 127.0.0.1, 0.0.0.0 or ::1".to_owned())
}

/// An address, and the interface of a link-local one (0 for none).
#[derive(Clone, Copy, Debug)]
pub(super) struct Addr {
    pub(super) ip: IpAddr,
    pub(super) scope: u32,
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope {
            0 => write!(f, "{}", self.ip),
            scope => write!(f, "{}%{scope}", self.ip),
        }
    }
}

/// The bind that `--addr` and a port name.
pub(super) fn target(port: Port, addr: Option<Addr>) -> Target {
    let Port { number, udp } = port;
    let scope = addr.map_or(0, |addr| addr.scope);
    Target { port: number, udp, addr: addr.map(|addr| addr.ip), scope }
}

/// Reads an address, a link-local one with its interface: `fe80::1%eth0`.
pub(super) fn parse_scoped_addr(text: &str) -> Result<Addr, String> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let (addr, interface) = match inner.split_once('%') {
        Some((addr, interface)) => (addr, Some(interface)),
        None => (inner, None),
    };
    let ip = parse_addr(addr)?;
    match (bind::is_link_local(&ip), interface) {
        (false, None) => Ok(Addr { ip, scope: 0 }),
        (false, Some(_)) => Err("only a link-local address (fe80::/10) has an interface".into()),
        (true, None) => Err(format!("it is link-local: write its interface too, as {ip}%eth0")),
        (true, Some(name)) => match bind::scope(name) {
            Ok(scope) => Ok(Addr { ip, scope }),
            Err(error) => Err(format!("there is no interface `{name}`: {error}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_with_and_without_a_protocol() {
        let port = |text| Port::parse(text).unwrap();
        assert_eq!(port("8080"), Port { number: 8080, udp: false });
        assert_eq!(port("8080/tcp"), Port { number: 8080, udp: false });
        assert_eq!(port("53/udp"), Port { number: 53, udp: true });
        assert_eq!(port("https"), Port { number: 443, udp: false });
        assert_eq!(port("domain/udp"), Port { number: 53, udp: true });
    }

    #[test]
    fn lists_and_ranges_are_several_ports_also_of_one() {
        let ports = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|text| (*text).into()).collect();
            let Ports { ports, is_one } = Ports::parse(&arguments).unwrap();
            let names: Vec<String> = ports.into_iter().map(|(name, _)| name).collect();
            (names.join(" "), is_one)
        };
        assert_eq!(ports(&["8080"]), ("8080".into(), true));
        assert_eq!(ports(&["http-alt"]), ("http-alt".into(), true));
        assert_eq!(ports(&["3000,3001"]), ("3000 3001".into(), false));
        assert_eq!(ports(&["3000", "53/udp"]), ("3000 53/udp".into(), false));
        assert_eq!(ports(&["3000-3002/udp"]), ("3000/udp 3001/udp 3002/udp".into(), false));
        assert_eq!(ports(&["3000-3000"]), ("3000".into(), false));
        assert_eq!(ports(&["3000,3000-3001,3000/tcp"]), ("3000 3001".into(), false));
        for bad in [&["3001-3000"][..], &["1-65535"], &["3000,"], &["0-3"], &["3000-70000"]] {
            let arguments: Vec<String> = bad.iter().map(|text| (*text).into()).collect();
            let failure = Ports::parse(&arguments).unwrap_err();
            assert_eq!(failure.exit(), super::super::Exit::Usage, "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_port_is_named_with_what_would_be_right() {
        for bad in ["0", "70000", "-1", "+80", "http!", "", "80/sctp", "80/", "/udp"] {
            let failure = Port::parse(bad).unwrap_err();
            assert_eq!(failure.exit(), super::super::Exit::Usage, "{bad}");
            let sentence = failure.to_string();
            assert!(sentence.contains("65535") || sentence.contains("/tcp"), "{bad}: {sentence}");
        }
        assert!(Port::parse("70000").unwrap_err().to_string().contains("70000"));
    }
}
