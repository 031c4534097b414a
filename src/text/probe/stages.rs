//! What each stage found, on one line.

use std::borrow::Cow;

use super::answers;
use super::words::icmp_words;
use crate::model::probe::{
    CloseDetail, CloseHow, ConnectDetail, Detail, End, FastOpenDetail, GreetingDetail, LocalDetail,
    ProxyDetail, RequestDetail, ResolveDetail, Stage, TlsDetail,
};
use crate::text::clean::{clean, clean_to};
use crate::text::units;

/// As much of a greeting as a line shows.
const GREETING_CHARS: usize = 60;
/// As many addresses of a name as a line shows.
const ADDRESSES: usize = 4;

/// What a stage found, on one line; empty where there is nothing to say.
pub fn stage_words(stage: &Stage) -> String {
    let ok = stage.ok;
    let words = match &stage.detail {
        Detail::Resolve(found) => resolve_words(ok, found),
        Detail::Local(found) => local_words(ok, found),
        Detail::Proxy(found) => proxy_words(found),
        Detail::Connect(found) => connect_words(ok, found),
        Detail::Tls(found) => tls_words(found),
        Detail::Greeting(found) => greeting_words(ok, found),
        Detail::Request(found) => request_words(found),
        Detail::Close(found) => close_words(*found).to_owned(),
    };
    clean(&words).into_owned()
}

fn resolve_words(ok: bool, found: &ResolveDetail) -> String {
    if !ok {
        return format!("no address for {}", found.name);
    }
    let shown: Vec<String> =
        found.addresses.iter().take(ADDRESSES).map(ToString::to_string).collect();
    let more = match found.addresses.len().saturating_sub(ADDRESSES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let left: Vec<String> = found.not_tried.iter().map(ToString::to_string).collect();
    let left = match left.as_slice() {
        [] => String::new(),
        left => format!("; not tried: {}", left.join(", ")),
    };
    format!("{}{more}{left}", shown.join(", "))
}

fn local_words(ok: bool, found: &LocalDetail) -> String {
    let source = found.source.map(|source| source.to_string());
    let from = source.map(|source| format!(" from {source}")).unwrap_or_default();
    if !ok {
        return format!("no way out of this host{from}");
    }
    let mut words = from.trim_start().to_owned();
    if let Some(interface) = &found.interface {
        words.push_str(&format!(" by {interface}"));
    }
    if let Some(gateway) = found.gateway {
        words.push_str(&format!(" to gateway {gateway}"));
    }
    if found.to_self == Some(true) {
        words.push_str(", on this host");
    }
    words
}

fn proxy_words(found: &ProxyDetail) -> String {
    let ProxyDetail { protocol, target, status, reason, .. } = found;
    let status = status.map(|status| format!(" {status}")).unwrap_or_default();
    let reason = reason.as_deref().map(|reason| format!(" {}", clean_to(reason, GREETING_CHARS)));
    format!("{protocol} to {target}{status}{}", reason.unwrap_or_default())
}

fn connect_words(ok: bool, found: &ConnectDetail) -> String {
    // A socket that has a path has no address.
    let Some(remote) = found.remote else { return String::new() };
    let local = found.local.filter(|_| ok).map(|local| format!("{local} "));
    let mut words = format!("{}→ {remote}", local.unwrap_or_default());
    words.push_str(match found.mptcp {
        Some(true) => ", MPTCP",
        Some(false) => ", the peer speaks no MPTCP",
        None => "",
    });
    if let Some(fast_open) = found.fast_open {
        words.push_str(fast_open_words(fast_open));
    }
    if let Some(times @ 1..) = found.retransmits {
        words.push_str(&format!(", SYN sent {} times", times + 1));
    }
    if let Some(icmp) = found.icmp.last() {
        let from = icmp.from.map(|from| format!(" from {from}")).unwrap_or_default();
        words.push_str(&format!(", ICMP {}{from}", icmp_words(*icmp)));
    }
    if found.self_connects > 0 {
        let times = units::counted(found.self_connects.into(), "time");
        words.push_str(&format!(", met itself {times} before"));
    }
    words
}

fn fast_open_words(found: FastOpenDetail) -> &'static str {
    match (found.cookie, found.accepted) {
        (false, _) => ", fast open: no cookie yet, one was asked for",
        (true, Some(true)) => ", fast open: data taken with the SYN",
        (true, Some(false)) => ", fast open: data with the SYN was not taken",
        (true, None) => ", fast open: with a cookie, no data went with the SYN",
    }
}

fn tls_words(found: &TlsDetail) -> String {
    let mut words: Vec<Cow<'_, str>> = Vec::new();
    words.extend(found.version.as_deref().map(Cow::from));
    words.extend(found.cipher.as_deref().map(Cow::from));
    words.extend(found.group.as_deref().map(Cow::from));
    words.extend(found.alpn.as_deref().map(|alpn| format!("ALPN {alpn}").into()));
    if let Some(own) = found.peer.first() {
        let days = own.days_left.map(|days| format!(", {days} days left")).unwrap_or_default();
        let names = own.names.first().unwrap_or(&own.subject);
        words.push(format!("for {}{days}", clean_to(names, GREETING_CHARS)).into());
    }
    words.extend(found.fault.map(|fault| fault.name().replace('_', " ").into()));
    words.extend(found.instead.as_deref().map(|said| format!("it says {}", quoted(said)).into()));
    words.join(", ")
}

fn greeting_words(ok: bool, found: &GreetingDetail) -> String {
    let text = found.greeting.text.as_deref().map(quoted);
    let protocol = found.greeting.protocol.map(|protocol| {
        let how = if found.guessed { " (a guess)" } else { "" };
        format!("{}{how}: ", protocol.title())
    });
    let said = match (text, ok, found.ended) {
        (Some(text), ..) => text,
        (None, false, false) => "no greeting came".to_owned(),
        (None, _, true) => "closed without a word".to_owned(),
        (None, true, false) => "the peer says nothing first".to_owned(),
    };
    format!("{}{said}", protocol.unwrap_or_default())
}

/// The first line, quoted.
fn quoted(text: &str) -> String {
    let line = text.trim_end().lines().next().unwrap_or_default();
    format!("`{}`", clean_to(line, GREETING_CHARS))
}

fn request_words(found: &RequestDetail) -> String {
    match found {
        RequestDetail::Answer(answer) => answers::words(answer),
        RequestDetail::Echo(echo) => match echo.ttl {
            Some(ttl) => format!("echo {}, TTL {ttl}", echo.echo_sequence),
            None => format!("echo {}", echo.echo_sequence),
        },
        RequestDetail::Bytes(bytes)
            if bytes.received_bytes == 0 && bytes.first_byte_us.is_none() =>
        {
            match bytes.sent_bytes {
                0 => "an empty datagram, no answer".to_owned(),
                sent => format!("{}, no answer", units::counted(sent, "byte")),
            }
        }
        RequestDetail::Bytes(bytes) => format!(
            "{} → {} {}",
            units::counted(bytes.sent_bytes, "byte"),
            units::counted(bytes.received_bytes, "byte"),
            quoted(&bytes.received_text)
        ),
        RequestDetail::Nothing { received_bytes: 0 } => "no answer".to_owned(),
        RequestDetail::Nothing { received_bytes } => {
            format!("no answer, but {}", units::counted(*received_bytes, "byte"))
        }
    }
}

fn close_words(found: CloseDetail) -> &'static str {
    match (found.first, found.how, found.reset_by) {
        (End::Peer, CloseHow::Rst, _) => "the peer broke it off with an RST",
        (End::Peer, ..) => "the peer had closed first",
        (End::Us, CloseHow::Fin, _) => "the peer closed after us",
        (End::Us, CloseHow::Half, _) => "we closed; the peer has not yet",
        (End::Us, CloseHow::Rst, Some(End::Peer)) => "the peer answered our FIN with an RST",
        (End::Us, CloseHow::Rst, _) => "we broke it off with an RST",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dialogue::Greeting;
    use crate::model::probe::IcmpAnswer;

    fn said(ok: bool, detail: Detail) -> String {
        stage_words(&Stage { detail, ok, duration_us: 31 })
    }

    #[test]
    fn stages_are_told_in_words() {
        let source = Some("127.0.0.1".parse().unwrap());
        let local = LocalDetail { source, to_self: Some(true), ..LocalDetail::default() };
        assert_eq!(said(true, Detail::Local(local)), "from 127.0.0.1, on this host");
        let local = LocalDetail {
            source: Some("10.0.0.5".parse().unwrap()),
            interface: Some("eth0".into()),
            gateway: Some("10.0.0.1".parse().unwrap()),
            ..LocalDetail::default()
        };
        assert_eq!(said(true, Detail::Local(local)), "from 10.0.0.5 by eth0 to gateway 10.0.0.1");
        let ends = ConnectDetail {
            local: Some("127.0.0.1:40000".parse().unwrap()),
            remote: Some("127.0.0.1:80".parse().unwrap()),
            ..ConnectDetail::default()
        };
        let connect = |ok, detail| said(ok, Detail::Connect(Box::new(detail)));
        assert_eq!(connect(true, ends.clone()), "127.0.0.1:40000 → 127.0.0.1:80");
        let icmp = IcmpAnswer { v6: false, kind: 3, code: 13, from: source };
        let lost = ConnectDetail { retransmits: Some(2), icmp: vec![icmp], ..ends };
        assert_eq!(
            connect(false, lost),
            "→ 127.0.0.1:80, SYN sent 3 times, ICMP administratively prohibited from 127.0.0.1"
        );
        let names = ResolveDetail {
            addresses: vec!["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()],
            not_tried: vec!["::1".parse().unwrap()],
            ..ResolveDetail::default()
        };
        assert_eq!(said(true, Detail::Resolve(names)), "::1, 127.0.0.1; not tried: ::1");
    }

    #[test]
    fn a_hostile_greeting_is_cleaned_and_cut() {
        let text = Some(format!("\x1b[2J{}\r\nsecond", "x".repeat(200)));
        let greeting = Greeting { text, ..Greeting::default() };
        let banner = GreetingDetail { greeting, ..GreetingDetail::default() };
        let said = said(true, Detail::Greeting(banner));
        assert!(!said.contains('\x1b') && !said.contains("second"), "{said:?}");
        assert!(said.chars().count() <= GREETING_CHARS + 2, "{said:?}");
    }
}
