//! Protocols whose first bytes are text: who speaks, which program, and whether it says no.

use crate::model::dialogue::{AppProtocol, Refusal, RefusalCause};

/// The protocol of a text.
pub(super) fn protocol(text: &str) -> Option<AppProtocol> {
    let first = text.lines().next().unwrap_or_default();
    by_prefix(text).or_else(|| by_reply(first)).or_else(|| by_line(text, first))
}

/// Beginnings that belong to one protocol alone.
fn by_prefix(text: &str) -> Option<AppProtocol> {
    const PREFIXES: [(&str, AppProtocol); 29] = [
        ("SSH-", AppProtocol::Ssh),
        ("Invalid SSH identification string", AppProtocol::Ssh),
        ("Exceeded MaxStartups", AppProtocol::Ssh),
        ("Not allowed at this time", AppProtocol::Ssh),
        ("HTTP/", AppProtocol::Http),
        ("<!DOCTYPE html", AppProtocol::Http),
        ("<html", AppProtocol::Http),
        ("<!DOCTYPE HTML", AppProtocol::Http),
        ("<HTML", AppProtocol::Http),
        ("RFB 0", AppProtocol::Vnc),
        ("@RSYNCD:", AppProtocol::Rsync),
        ("SIP/2.0 ", AppProtocol::Sip),
        ("RTSP/1.0 ", AppProtocol::Rtsp),
        ("RTSP/2.0 ", AppProtocol::Rtsp),
        ("\"IMPLEMENTATION\"", AppProtocol::Sieve),
        ("* OK", AppProtocol::Imap),
        ("* PREAUTH", AppProtocol::Imap),
        ("* BYE", AppProtocol::Imap),
        ("* BAD", AppProtocol::Imap),
        ("+OK ", AppProtocol::Pop3),
        ("INFO {", AppProtocol::Nats),
        ("-ERR '", AppProtocol::Nats),
        ("+PONG", AppProtocol::Redis),
        ("-NOAUTH ", AppProtocol::Redis),
        ("-DENIED ", AppProtocol::Redis),
        ("-LOADING ", AppProtocol::Redis),
        ("VERSION ", AppProtocol::Memcached),
        ("NOTICE AUTH ", AppProtocol::Irc),
        ("ERROR :Closing Link", AppProtocol::Irc),
    ];
    PREFIXES.iter().find(|(prefix, _)| text.starts_with(prefix)).map(|(_, protocol)| *protocol)
}

/// Replies of three digits: SMTP, FTP and NNTP, told apart by their words.
fn by_reply(first: &str) -> Option<AppProtocol> {
    let (code, rest) = first.split_at_checked(3)?;
    if !code.bytes().all(|byte| byte.is_ascii_digit()) || !rest.starts_with([' ', '-']) {
        return None;
    }
    let has = |words: &[&str]| words.iter().any(|word| contains(rest, word));
    if has(&["SMTP", "Postfix", "Exim", "Sendmail"]) || is_enhanced(rest) {
        return Some(AppProtocol::Smtp);
    }
    if has(&["FTP", "FileZilla", "USER and PASS"]) {
        return Some(AppProtocol::Ftp);
    }
    if matches!(code, "200" | "201" | "400" | "502") && has(&["NNTP", "InterNetNews", "news"]) {
        return Some(AppProtocol::Nntp);
    }
    None
}

/// Whether an enhanced status code follows (RFC 3463), which only SMTP has: ` 5.5.2 `.
fn is_enhanced(rest: &str) -> bool {
    let word = rest[1..].split_whitespace().next().unwrap_or_default();
    let mut parts = word.split('.');
    let number = |part: Option<&str>| {
        part.is_some_and(|part| {
            (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    matches!(word.bytes().next(), Some(b'2' | b'4' | b'5'))
        && number(parts.next())
        && number(parts.next())
        && number(parts.next())
        && parts.next().is_none()
}

/// What a whole line tells.
fn by_line(text: &str, first: &str) -> Option<AppProtocol> {
    match first {
        // Not the beginning of a longer line.
        _ if !text.contains('\n') => {}
        "ERROR" | "CLIENT_ERROR unauthenticated" => return Some(AppProtocol::Memcached),
        "ERROR Too many open connections" => return Some(AppProtocol::Memcached),
        "+OK" => return Some(AppProtocol::Redis),
        _ => {}
    }
    if first.starts_with("-ERR") {
        let redis = ["unknown command", "max number of clients", "Protocol error", "wrong number"];
        return Some(match redis.iter().any(|words| contains(first, words)) {
            true => AppProtocol::Redis,
            false => AppProtocol::Pop3,
        });
    }
    if first.starts_with(':') && contains(first, " NOTICE ") {
        return Some(AppProtocol::Irc);
    }
    if text.starts_with("<?xml") && contains(text, "<stream:stream") {
        return Some(AppProtocol::Xmpp);
    }
    // SSH servers may say other things first (RFC 4253, 4.2).
    text.lines().any(|line| line.starts_with("SSH-2.0-")).then_some(AppProtocol::Ssh)
}

fn contains(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

/// The program and its version that a protocol's greeting names; `None` where it names none.
pub(in crate::probe::dialogue) fn software(protocol: AppProtocol, text: &str) -> Option<String> {
    let first = text.lines().next().unwrap_or_default();
    let named = match protocol {
        AppProtocol::Ssh => ssh_software(text),
        AppProtocol::Http => header(text, "server").map(str::to_owned),
        AppProtocol::Smtp => smtp_software(first),
        AppProtocol::Ftp => ftp_software(first),
        AppProtocol::Imap | AppProtocol::Pop3 => mail_software(first),
        AppProtocol::Memcached => first.strip_prefix("VERSION ").map(str::to_owned),
        AppProtocol::Nats => {
            let from = first.find("\"version\":\"")? + "\"version\":\"".len();
            first[from..].split_once('"').map(|(version, _)| format!("nats-server {version}"))
        }
        _ => None,
    };
    named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// `OpenSSH_9.2p1 Debian-2+deb12u7` of `SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7`.
fn ssh_software(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("SSH-"))?;
    line.splitn(3, '-').nth(2).map(str::to_owned)
}

/// A header's value.
fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().take_while(|line| !line.is_empty()).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// What stands behind the word ESMTP or SMTP, without a date.
fn smtp_software(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| matches!(*word, "ESMTP" | "SMTP" | "ESMTPSA"))?;
    let behind = &words[at + 1..];
    let dated = |word: &&&str| {
        let day = word.trim_end_matches(',');
        !matches!(day, "Mon" | "Tue" | "Wed" | "Thu" | "Fri" | "Sat" | "Sun" | "ready")
    };
    let name: Vec<&str> = behind.iter().take_while(dated).copied().collect();
    Some(name.join(" ").trim_end_matches([';', ' ']).to_owned())
}

/// `vsFTPd 3.0.3` of `220 (vsFTPd 3.0.3)`, `ProFTPD 1.3.8` of `220 ProFTPD 1.3.8 Server …`.
fn ftp_software(line: &str) -> Option<String> {
    if let Some((_, inside)) = line.split_once('(')
        && inside.starts_with("vsFTPd")
    {
        return inside.split_once(')').map(|(name, _)| name.to_owned());
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let known = ["ProFTPD", "Pure-FTPd", "FileZilla"];
    let at = words.iter().position(|word| known.iter().any(|name| word.starts_with(name)))?;
    let version = words.get(at + 1).filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    Some(version.map_or(words[at].to_owned(), |version| format!("{} {version}", words[at])))
}

/// `Dovecot (Debian)` of `* OK [CAPABILITY …] Dovecot (Debian) ready.`
fn mail_software(line: &str) -> Option<String> {
    let words = line.rsplit_once(']').map_or(line, |(_, words)| words);
    let words = words.trim_start_matches("* OK").trim_start_matches("+OK").trim();
    let known = ["Dovecot", "Cyrus", "Courier", "UW IMAP", "Zimbra", "Microsoft Exchange"];
    let name = known.iter().find(|name| contains(words, name))?;
    let end = words.find(" ready").unwrap_or(words.len());
    let named = &words[..end];
    Some(if named.len() <= 60 { named.to_owned() } else { (*name).to_owned() })
}

/// The refusal that first bytes are; `None` where they are none, or their protocol is not known.
pub fn refusal(bytes: &[u8]) -> Option<Refusal> {
    if let Some(refusal) = super::packet_refusal(bytes) {
        return Some(refusal);
    }
    let text = String::from_utf8_lossy(bytes);
    let first = text.lines().next().unwrap_or_default();
    let refused = |code: &str| {
        let words = first.to_owned();
        Some(Refusal { cause: cause(first), code: (!code.is_empty()).then(|| code.into()), words })
    };
    match protocol(&text)? {
        AppProtocol::Ssh if !first.starts_with("SSH-") => refused(""),
        AppProtocol::Imap if first.starts_with("* BYE") => refused(""),
        AppProtocol::Redis => match first.strip_prefix('-')?.split(' ').next()? {
            "NOAUTH" => None,
            code => refused(code),
        },
        AppProtocol::Pop3 | AppProtocol::Nats if first.starts_with("-ERR") => refused(""),
        AppProtocol::Irc if first.starts_with("ERROR") => refused(""),
        AppProtocol::Memcached if first.starts_with("ERROR Too many") => refused(""),
        AppProtocol::Smtp | AppProtocol::Ftp | AppProtocol::Nntp
            if first.starts_with(['4', '5']) =>
        {
            refused(&first[..3])
        }
        _ => None,
    }
}

/// What kind of no these words are.
pub(in crate::probe::dialogue) fn cause(words: &str) -> RefusalCause {
    let has = |parts: &[&str]| parts.iter().any(|part| contains(words, part));
    if has(&["too many", "max number of", "MaxStartups", "maximum number", "limit reached"]) {
        RefusalCause::TooManyClients
    } else if has(&["blocked", "blacklist", "blocklist", "banned"]) {
        RefusalCause::Blocked
    } else if has(&["rate", "too fast", "slow down", "try again later"]) {
        RefusalCause::TooFast
    } else if has(&["not allowed", "denied", "DENIED", "not permitted", "no pg_hba.conf entry"]) {
        RefusalCause::NotAllowed
    } else if has(&["starting up", "shutting down", "shutdown", "unavailable", "loading"]) {
        RefusalCause::Unavailable
    } else {
        RefusalCause::Other
    }
}
