//! The arguments of `sockpit probe`, read and checked before anything is sent.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::Failure;
use super::Args;
use crate::catalog::sockopts::wish::Wish;
use crate::probe::{Close, Family, Material, Outfit, Proxy, Settings};
use crate::text;

/// A day is longer than any probe; it keeps every sum of times within bounds.
const LONGEST: Duration = Duration::from_secs(86_400);
/// More bytes of one's own are no word but a transfer.
const MOST_BYTES: usize = 64 * 1024;

// Numbers are read here and not by clap, whose errors repeat the argument uncleaned.
pub(super) fn settings(args: &Args) -> Result<Settings, Failure> {
    let count = match args.count.parse() {
        Ok(0) | Err(_) => {
            let count = &args.count;
            return Err(Failure::usage(format!("--count takes a number from 1, not `{count}`")));
        }
        Ok(count) => count,
    };
    let timeout = args.timeout.as_deref().map(|it| duration("--timeout", it)).transpose()?;
    if timeout.is_some_and(|timeout| timeout.is_zero()) {
        return Err(Failure::usage("--timeout of 0 would never hear an answer: give it time"));
    }
    let family = match (args.v4, args.v6) {
        (true, _) => Some(Family::V4),
        (_, true) => Some(Family::V6),
        _ => None,
    };
    let path = |written: &Option<String>| written.as_deref().map(Path::new).map(Path::to_owned);
    let (authorities, certificate, key) = (path(&args.ca), path(&args.cert), path(&args.key));
    let material = Material::read(authorities.as_deref(), certificate.as_deref(), key.as_deref())
        .map_err(Failure::usage)?;
    Ok(Settings {
        count: Some(count),
        interval: duration("--interval", &args.interval)?,
        timeout,
        outfit: outfit(args)?,
        family,
        at: args.at.as_deref().map(|it| address("--at", it)).transpose()?,
        server_name: args.sni.clone(),
        material: Arc::new(material),
        send: args.send.as_deref().map(own_bytes).transpose()?,
        starttls: args.starttls,
        via: args.via.as_deref().map(proxy).transpose()?,
        close: close(&args.close)?,
        every_address: args.every_address,
    })
}

fn outfit(args: &Args) -> Result<Outfit, Failure> {
    let (source, source_port) = args.source.as_deref().map_or(Ok((None, None)), source)?;
    let interface = args.interface.iter().map(|name| format!("SO_BINDTODEVICE={name}"));
    let mut options = Vec::new();
    for written in interface.chain(args.set.iter().cloned()) {
        let wish =
            Wish::parse(&written).map_err(|wrong| Failure::usage(format!("--set: {wrong}")))?;
        if wish.name == "TCP_FASTOPEN_CONNECT" {
            return Err(Failure::usage(
                "--set: TCP_FASTOPEN_CONNECT defers the handshake to the first bytes: --fast-open does \
                 that, and tells what came of it",
            ));
        }
        options.push(wish);
    }
    Ok(Outfit {
        source,
        source_port,
        options: options.into(),
        mptcp: args.mptcp,
        fast_open: args.fast_open,
    })
}

/// `ADDR`, `ADDR:PORT`, `[V6]:PORT`, `:PORT`.
fn source(written: &str) -> Result<(Option<IpAddr>, Option<u16>), Failure> {
    if let Ok(both) = written.parse::<SocketAddr>() {
        return Ok((Some(both.ip()), Some(both.port()).filter(|port| *port != 0)));
    }
    if let Some(port) = written.strip_prefix(':').and_then(|port| port.parse().ok())
        && port != 0
    {
        return Ok((None, Some(port)));
    }
    Ok((Some(address("--source", written)?), None))
}

/// As many at once; each has a descriptor.
pub(super) fn concurrency(args: &Args) -> Result<usize, Failure> {
    match args.concurrency.parse() {
        Ok(count @ 1..=10_000) => Ok(count),
        _ => {
            let count = &args.concurrency;
            Err(Failure::usage(format!(
                "--concurrency takes a number from 1 to 10000, not `{count}`"
            )))
        }
    }
}

pub(super) fn duration(option: &str, written: &str) -> Result<Duration, Failure> {
    let span = text::duration::parse(written)
        .map_err(|error| Failure::usage(format!("{option}: {error}")))?;
    if span > LONGEST {
        return Err(Failure::usage(format!("{option}: `{written}` is longer than a day")));
    }
    Ok(span)
}

/// A proxy; the user of a SOCKS 5 login is written before an @, the password is the environment's.
fn proxy(written: &str) -> Result<Proxy, Failure> {
    let usage = |error: crate::probe::TargetError| Failure::usage(format!("--via: {error}"));
    let (scheme, rest) = written.split_once("://").unwrap_or(("", written));
    let user = rest.rsplit_once('@').filter(|(user, _)| !user.contains(':'));
    let Some((user, place)) = user else { return written.parse().map_err(usage) };
    let proxy: Proxy = format!("{scheme}://{place}").parse().map_err(usage)?;
    let password = password().ok_or_else(|| {
        Failure::usage(
            "--via: the password is taken from the environment variable SOCKPIT_PASSWORD, or from \
             the file that SOCKPIT_PASSWORD_FILE names; neither is set",
        )
    })?;
    Ok(proxy.with_login(user, password))
}

fn password() -> Option<String> {
    if let Ok(password) = std::env::var("SOCKPIT_PASSWORD") {
        return Some(password);
    }
    let path = std::env::var("SOCKPIT_PASSWORD_FILE").ok()?;
    let content = String::from_utf8(super::targets::file(&path).ok()?).ok()?;
    Some(content.trim_end_matches(['\r', '\n']).to_owned())
}

fn address(option: &str, written: &str) -> Result<IpAddr, Failure> {
    let bare = written.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(written);
    bare.parse().map_err(|_| {
        let example = match option {
            "--source" => {
                "an address of this host, such as 192.0.2.5 or 2001:db8::5, and perhaps a port, such \
                 as 192.0.2.5:4000"
            }
            _ => "an address, such as 192.0.2.5 or 2001:db8::5",
        };
        Failure::usage(format!("{option} takes {example}, not `{written}`"))
    })
}

fn close(written: &str) -> Result<Close, Failure> {
    match written {
        "graceful" => Ok(Close::Graceful),
        "half" => Ok(Close::Half),
        "abort" => Ok(Close::Abort),
        other => {
            Err(Failure::usage(format!("--close takes graceful, half or abort, not `{other}`")))
        }
    }
}

/// What [`text::own_bytes`] reads, or `@FILE`.
fn own_bytes(written: &str) -> Result<Arc<[u8]>, Failure> {
    let bytes = match written.strip_prefix('@') {
        Some(path) => super::targets::file(path),
        None => text::own_bytes::read(written),
    };
    let usage = |wrong: String| Failure::usage(format!("--send: {wrong}"));
    let bytes = bytes.map_err(usage)?;
    if bytes.len() > MOST_BYTES {
        return Err(usage(format!("{} bytes are more than {MOST_BYTES}", bytes.len())));
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_may_have_a_port() {
        let read = |text: &str| source(text).ok();
        let v4 = Some("192.0.2.5".parse().unwrap());
        let v6 = Some("2001:db8::5".parse().unwrap());
        assert_eq!(read("192.0.2.5"), Some((v4, None)));
        assert_eq!(read("192.0.2.5:4000"), Some((v4, Some(4000))));
        assert_eq!(read("2001:db8::5"), Some((v6, None)));
        assert_eq!(read("[2001:db8::5]:4000"), Some((v6, Some(4000))));
        assert_eq!(read(":4000"), Some((None, Some(4000))));
        for wrong in ["", ":", ":0", "host", "192.0.2.5:70000"] {
            assert!(source(wrong).is_err(), "{wrong}");
        }
    }
}
