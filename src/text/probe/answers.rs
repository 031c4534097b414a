//! What came back to a request, on one line.

use super::words::micros;
use crate::model::dialogue::{Answer, DnsAnswer, HttpAnswer, NtpAnswer, PostgresAnswer};
use crate::text::clean::clean_to;

/// As much of a peer's word as a line shows.
const CHARS: usize = 60;
/// As many records as a line shows.
const RECORDS: usize = 4;

/// An answer on one line, uncleaned.
pub fn words(answer: &Answer) -> String {
    let short = |text: &str| clean_to(text, CHARS).into_owned();
    match answer {
        Answer::Http(http) => http_words(http),
        Answer::Smtp(offers)
        | Answer::Imap(offers)
        | Answer::Pop3(offers)
        | Answer::Ftp(offers) => short(&offers.capabilities.join(" ")),
        Answer::Redis(redis) => {
            let version = redis.version.as_deref().map(|version| format!(", version {version}"));
            format!("`{}`{}", short(&redis.reply), version.unwrap_or_default())
        }
        Answer::Postgres(postgres) => postgres_words(postgres),
        Answer::Mysql(mysql) => match &mysql.message {
            _ if mysql.logged_in => "lets anyone in".to_owned(),
            Some(message) => format!("`{}`", short(message)),
            None => "denies the login".to_owned(),
        },
        Answer::Dns(dns) => dns_words(dns),
        Answer::Memcached(memcached) => format!("`{}`", short(&memcached.reply)),
        Answer::Mqtt(mqtt) => format!("CONNACK {} {}", mqtt.code, short(&mqtt.reason)),
        Answer::Ntp(ntp) => ntp_words(ntp),
        Answer::Socks(socks) => {
            let method = socks.method.as_deref().map(|method| format!(", method {method}"));
            let reason = socks.reason.as_deref().map(|reason| format!(", {reason}"));
            format!(
                "SOCKS {}{}{}",
                socks.version,
                method.unwrap_or_default(),
                reason.unwrap_or_default()
            )
        }
    }
}

fn http_words(http: &HttpAnswer) -> String {
    let status = format!("HTTP/{} {} {}", http.version, http.status, clean_to(&http.reason, CHARS));
    let to = http.location.as_deref().map(|to| format!(", to {}", clean_to(to, CHARS)));
    let server = http.headers.get("server").map(|it| format!(", {}", clean_to(it, CHARS)));
    format!(
        "{}{}{}, first byte {}",
        status.trim_end(),
        to.unwrap_or_default(),
        server.unwrap_or_default(),
        micros(Some(http.first_byte_us))
    )
}

fn dns_words(dns: &DnsAnswer) -> String {
    let shown: Vec<String> =
        dns.answers.iter().take(RECORDS).map(|it| format!("{} {}", it.kind, it.data)).collect();
    let count = dns.answers.len() as u64 + dns.answers_omitted;
    let more = match count.saturating_sub(shown.len() as u64) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let flags =
        if dns.flags.is_empty() { String::new() } else { format!(" {}", dns.flags.join(" ")) };
    match shown.as_slice() {
        [] => format!("{}{flags}, no record", dns.rcode),
        _ => format!("{}{flags}: {}{more}", dns.rcode, shown.join(", ")),
    }
}

fn ntp_words(ntp: &NtpAnswer) -> String {
    let offset = ntp.offset_us.map(|us| {
        let sign = if us < 0 { "-" } else { "" };
        format!(", ahead by {sign}{}", micros(Some(us.unsigned_abs())))
    });
    let state = if ntp.synchronised { "" } else { ", not synchronised" };
    format!("stratum {} of {}{state}{}", ntp.stratum, ntp.reference, offset.unwrap_or_default())
}

fn postgres_words(postgres: &PostgresAnswer) -> String {
    let tls = match postgres.tls_offered {
        Some(true) => Some("offers TLS".to_owned()),
        Some(false) => Some("offers no TLS".to_owned()),
        None => None,
    };
    let auth = postgres.auth.as_deref().map(|auth| format!("login by {auth}"));
    let version = postgres.version.as_deref().map(|version| format!("version {version}"));
    let message = postgres.message.as_deref().map(|it| format!("`{}`", clean_to(it, CHARS)));
    [tls, auth, version, message].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
