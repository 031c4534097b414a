//! Reading targets as people write and paste them.

use std::ops::RangeInclusive;

use super::host::{self, Host};
use super::protocol::{Carrier, Protocol};
use super::{Target, TargetError};
use crate::probe::dialogue::dns::Question;
use crate::text::clean::clean_to;

/// What one word on the command line names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The targets, in the order of their ports.
    pub targets: Vec<Target>,
    /// Whether it was written as several: a list or a range, even of one.
    pub is_several: bool,
}

/// Reads `HOST:PORT`, `[V6]:PORT`, `[fe80::1%eth0]:PORT`, `PORT`, `NAME`, each also after a scheme;
/// in place of PORT also lists and ranges: `80,443`, `8000-8010`.
pub(super) fn written(text: &str) -> Result<Written, TargetError> {
    // Before anything repeats the text.
    if let Some(masked) = password(text) {
        return Err(TargetError::new(
            &masked,
            "a password in the arguments can be read by every user of this machine; sockpit takes \
             it from the environment variable SOCKPIT_PASSWORD, or from the file that \
             SOCKPIT_PASSWORD_FILE names",
        ));
    }
    read(text).map_err(|wrong| TargetError::new(text, &wrong))
}

/// The text with its password masked, where it has one.
pub(super) fn password(text: &str) -> Option<String> {
    let (before, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let (user, _) = authority.rsplit_once('@')?;
    let (name, _) = user.split_once(':').filter(|(_, secret)| !secret.is_empty())?;
    let after = &rest[user.len()..];
    Some(format!("{before}{name}:…{after}"))
}

fn read(text: &str) -> Result<Written, String> {
    let (scheme, rest) = split_scheme(text.trim())?;
    if scheme == Some(Protocol::Unix) {
        return unix(text, rest);
    }
    let (authority, path) = split_path(scheme, rest)?;
    // An empty path is written as `/` (RFC 9110, 4.2.3).
    let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
    let path = path.as_str();
    if scheme == Some(Protocol::Icmp) {
        let host = authority.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let host = host::parse(host.unwrap_or(authority))?;
        let target = Target { host, ..Target::blank(text, Protocol::Icmp) };
        return Ok(Written { targets: vec![target], is_several: false });
    }
    let (host, port) = split_port(authority, scheme)?;
    let host = host.map_or(Ok(Host::ThisMachine), host::parse)?;
    let Some(port) = port else {
        let target = without_port(text, scheme, &host, path)?;
        check_question(&target)?;
        return Ok(Written { targets: vec![target], is_several: false });
    };
    let (ports, is_several) = parse_ports(port)?;
    let target = |port: u16| {
        let protocol = scheme.or_else(|| Protocol::guess(port)).unwrap_or(Protocol::Tcp);
        Target {
            text: if is_several { at_port(text, authority, port) } else { text.to_owned() },
            guessed: scheme.is_none() && protocol != Protocol::Tcp,
            host: host.clone(),
            port: Some(port),
            path: path.to_owned(),
            ..Target::blank(text, protocol)
        }
    };
    let targets: Vec<Target> = ports.into_iter().map(target).collect();
    targets.iter().try_for_each(check_question)?;
    Ok(Written { targets, is_several })
}

/// What a name server shall be asked must be a question.
fn check_question(target: &Target) -> Result<(), String> {
    if !target.protocol.is_dns() {
        return Ok(());
    }
    let (name, kind) = target.question();
    Question::new(name, kind, 0).map(drop)
}

/// `HOST:80,443` for one of its ports.
fn at_port(text: &str, authority: &str, port: u16) -> String {
    let single = match authority.rsplit_once(':') {
        Some((host, _)) if !authority.ends_with(']') => format!("{host}:{port}"),
        _ => port.to_string(),
    };
    text.trim().replacen(authority, &single, 1)
}

fn without_port(
    text: &str,
    scheme: Option<Protocol>,
    host: &Host,
    path: &str,
) -> Result<Target, String> {
    let target = |protocol: Protocol| Target {
        host: host.clone(),
        port: protocol.default_port(),
        path: path.to_owned(),
        ..Target::blank(text, protocol)
    };
    match (scheme, host) {
        (Some(protocol), _) if protocol.default_port().is_some() => Ok(target(protocol)),
        (None, Host::Name(_)) => {
            let guess = target(Protocol::Https);
            Ok(Target { guessed: true, fallback: Some((Protocol::Http, 80)), ..guess })
        }
        (_, Host::Address(address)) if address.is_ipv6() => {
            Err(format!("it names no port; write [{host}]:PORT"))
        }
        (_, Host::Zoned(..)) => Err(format!("it names no port; write [{host}]:PORT")),
        _ => Err(format!("it names no port; write {host}:PORT")),
    }
}

fn unix(text: &str, path: &str) -> Result<Written, String> {
    if !path.starts_with(['/', '@']) {
        return Err("the path of its socket is missing; write unix:///run/name.sock, or \
                    unix://@name for an abstract one"
            .to_owned());
    }
    let host = Host::Path(path.to_owned());
    let target = Target { host, ..Target::blank(text, Protocol::Unix) };
    Ok(Written { targets: vec![target], is_several: false })
}

fn split_scheme(target: &str) -> Result<(Option<Protocol>, &str), String> {
    let Some((scheme, rest)) = target.split_once("://") else {
        return Ok((None, target));
    };
    match Protocol::of_scheme(scheme) {
        Some(protocol) => Ok((Some(protocol), rest)),
        None => Err(format!(
            "`{}` is no scheme that sockpit knows; it can probe {}",
            clean_to(scheme, 20),
            forms()
        )),
    }
}

/// The forms a target can take, for error sentences and help.
fn forms() -> String {
    let schemes: Vec<&str> = Protocol::ALL.iter().skip(1).map(|it| it.scheme()).collect();
    format!(
        "tcp://HOST:PORT, HOST:PORT, [IPV6]:PORT, or PORT of this machine; also {}",
        schemes.join(", ")
    )
}

/// Host with port, and the path behind them.
fn split_path(scheme: Option<Protocol>, rest: &str) -> Result<(&str, &str), String> {
    let rest = rest.split('#').next().unwrap_or_default();
    let begin = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(begin);
    match (scheme, path) {
        (_, "" | "/") => Ok((authority, "/")),
        (Some(protocol), _) if protocol.has_path() => Ok((authority, path)),
        // A pasted `example.org/path` is for a browser.
        (None, _) if !authority.is_empty() && !authority.contains(':') => Ok((authority, path)),
        _ => Err(format!("`{path}` is a path, which only http:// and https:// take")),
    }
}

/// Host and port apart; no host where the target is a number alone, no port where there is none.
fn split_port(
    rest: &str,
    scheme: Option<Protocol>,
) -> Result<(Option<&str>, Option<&str>), String> {
    if rest.is_empty() {
        return Err(format!("it names nothing; write {}", forms()));
    }
    if let Some(bracketed) = rest.strip_prefix('[') {
        let (host, after) =
            bracketed.split_once(']').ok_or("the bracket of its IPv6 address is not closed")?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((Some(host), Some(port))),
            None if after.is_empty() => Ok((Some(host), None)),
            None => Err(format!("what follows [{host}] is no port; write [{host}]:PORT")),
        };
    }
    let is_ports = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b',' || b == b'-');
    match rest.rsplit_once(':') {
        None if is_ports(rest) && scheme.is_none_or(|it| it.carrier() != Carrier::Icmp) => {
            Ok((None, Some(rest)))
        }
        None => Ok((Some(rest), None)),
        Some((host, _)) if host.contains(':') => {
            Err("an IPv6 address with a port needs brackets, as in [::1]:80".to_owned())
        }
        Some((host, port)) => Ok((Some(host), Some(port))),
    }
}

/// The ports of `80`, `80,443`, `8000-8010`, each once, and whether they are written as several.
fn parse_ports(text: &str) -> Result<(Vec<u16>, bool), String> {
    let mut ports = Vec::new();
    let is_several = text.contains([',', '-']) && !text.starts_with('-');
    if !is_several {
        return Ok((vec![parse_port(text)?], false));
    }
    for part in text.split(',') {
        ports.extend(parse_range(part)?);
    }
    let mut seen = vec![false; usize::from(u16::MAX) + 1];
    ports.retain(|port| !std::mem::replace(&mut seen[usize::from(*port)], true));
    Ok((ports, true))
}

fn parse_range(part: &str) -> Result<RangeInclusive<u16>, String> {
    let Some((first, last)) = part.split_once('-') else {
        let port = parse_port(part)?;
        return Ok(port..=port);
    };
    let (first, last) = (parse_port(first)?, parse_port(last)?);
    if first > last {
        return Err(format!("the range {first}-{last} runs backwards; write {last}-{first}"));
    }
    Ok(first..=last)
}

fn parse_port(port: &str) -> Result<u16, String> {
    let wrong = |why| format!("the port {why}; ports are numbers from 1 to 65535");
    if port.is_empty() {
        return Err(wrong("is missing".to_owned()));
    }
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong(format!("`{port}` is not a number")));
    }
    match port.parse() {
        Ok(0) => Err(wrong("0 cannot be connected to".to_owned())),
        Ok(number) => Ok(number),
        Err(_) => Err(wrong(format!("{port} is too large"))),
    }
}
