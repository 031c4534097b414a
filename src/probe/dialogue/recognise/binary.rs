//! Protocols whose first bytes are no text.

use super::words::cause;
use crate::model::dialogue::{AppProtocol, Refusal};
use crate::probe::dialogue::mysql::packet as mysql;
use crate::probe::dialogue::telnet::options as telnet;

/// The protocol of a packet.
pub(super) fn protocol(bytes: &[u8]) -> Option<AppProtocol> {
    let recognised = match bytes {
        [0xff, 0xfa..=0xfe, ..] => AppProtocol::Telnet,
        [b'A', b'M', b'Q', b'P', ..] => AppProtocol::Amqp,
        // A method frame on channel 0: Connection.Start.
        [1, 0, 0, _, _, _, _, 0, 10, 0, 10, ..] => AppProtocol::Amqp,
        _ if tls_record(bytes).is_some() => AppProtocol::Tls,
        _ if mysql::said(bytes).is_some() => AppProtocol::Mysql,
        _ if is_h2_settings(bytes) => AppProtocol::H2,
        _ if is_postgres(bytes) => AppProtocol::Postgres,
        [0x20, 2, 0 | 1, 0..=5] => AppProtocol::Mqtt,
        [5, 0..=2 | 0xff] => AppProtocol::Socks5,
        [0, 0x5a..=0x5d, _, _, _, _, _, _] => AppProtocol::Socks4,
        [3, 0, 0, _, _, 0xd0, ..] => AppProtocol::Rdp,
        // A sequence that begins with a message number, as a notice of disconnection does.
        [0x30, 0x0c..=0x7f, 2, 1, 0, 0x78, ..] => AppProtocol::Ldap,
        _ => return None,
    };
    Some(recognised)
}

/// The program that a packet names.
pub(super) fn software(protocol: AppProtocol, bytes: &[u8]) -> Option<String> {
    match (protocol, mysql::said(bytes)) {
        (AppProtocol::Mysql, Some(mysql::Said::Handshake(handshake))) => Some(handshake.version),
        _ => None,
    }
}

/// What a packet says, in words; `None` for text.
pub(super) fn in_words(protocol: AppProtocol, bytes: &[u8]) -> Option<String> {
    match protocol {
        AppProtocol::Tls => tls_record(bytes),
        AppProtocol::Mysql => mysql::said(bytes).map(|said| said.in_words()),
        AppProtocol::Telnet => Some(telnet::in_words(bytes)),
        AppProtocol::Amqp => Some(amqp(bytes)),
        AppProtocol::H2 => Some("HTTP/2 SETTINGS".to_owned()),
        AppProtocol::Postgres => Some(postgres(bytes)),
        AppProtocol::Mqtt => Some(format!("CONNACK, code {}", bytes.get(3)?)),
        AppProtocol::Socks5 => Some(format!("SOCKS 5, method {:02x}", bytes.get(1)?)),
        AppProtocol::Socks4 => Some(format!("SOCKS 4, reply {:02x}", bytes.get(1)?)),
        AppProtocol::Rdp => Some("X.224 connection confirm".to_owned()),
        AppProtocol::Ldap => Some("LDAP notice of disconnection".to_owned()),
        _ => None,
    }
}

/// The refusal that a greeting packet is.
pub(super) fn refusal(bytes: &[u8]) -> Option<Refusal> {
    match mysql::said(bytes)? {
        mysql::Said::Handshake(_) => None,
        mysql::Said::Error(error) => Some(Refusal {
            cause: error.cause().unwrap_or_else(|| cause(&error.message)),
            code: Some(error.code.to_string()),
            words: error.message,
        }),
    }
}

/// A TLS record's kind in words, with the alert that it carries (RFC 8446, 5.1 and 6).
fn tls_record(bytes: &[u8]) -> Option<String> {
    let [kind @ 0x14..=0x17, 3, minor @ 0..=4, rest @ ..] = bytes else { return None };
    let length = rest.get(..2).map(|at| u16::from_be_bytes([at[0], at[1]]));
    if length.is_some_and(|length| length == 0 || length > 0x4800) {
        return None;
    }
    let version = if *minor == 0 { "SSL 3.0".to_owned() } else { format!("TLS 1.{}", minor - 1) };
    Some(match (kind, rest.get(2..)) {
        (0x15, Some([_, description, ..])) if length == Some(2) => {
            let name = alert(*description).unwrap_or("unknown");
            format!("TLS alert {description} ({name}), record version {version}")
        }
        (0x15, _) => format!("TLS alert, record version {version}"),
        (0x16, Some([2, ..])) => format!("TLS ServerHello, record version {version}"),
        _ => format!("TLS record of type {kind}, record version {version}"),
    })
}

/// The names of alerts (RFC 8446, 6.2, and IANA's registry).
pub(in crate::probe) fn alert(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => return None,
    })
}

/// A SETTINGS frame on stream 0 (RFC 9113, 4.1 and 6.5): how every HTTP/2 server begins.
fn is_h2_settings(bytes: &[u8]) -> bool {
    let [0, high, low, 4, 0 | 1, 0, 0, 0, 0, ..] = bytes else { return false };
    let length = u16::from_be_bytes([*high, *low]);
    length % 6 == 0 && length <= 120
}

/// A message of PostgreSQL's server that can come first: an error, or a request to log in.
fn is_postgres(bytes: &[u8]) -> bool {
    match bytes {
        [b'E', 0, 0, _, _, b'S', ..] => true,
        [b'R', 0, 0, 0, 8..=64, 0, 0, 0, 0..=16, ..] => true,
        // To a start-up message of an unknown version, in the manner of protocol 2.
        _ => bytes.starts_with(b"EFATAL:") || bytes.starts_with(b"Eunsupported frontend protocol"),
    }
}

fn postgres(bytes: &[u8]) -> String {
    match bytes {
        [b'E', 0, 0, _, _, fields @ ..] => {
            let fields = fields.split(|byte| *byte == 0);
            let field = |kind: u8| {
                let found = fields.clone().find(|field| field.first() == Some(&kind))?;
                Some(String::from_utf8_lossy(&found[1..]).into_owned())
            };
            let message = field(b'M').unwrap_or_default();
            let severity = field(b'S').unwrap_or_default();
            format!("{severity}: {message}")
        }
        [b'E', text @ ..] => {
            let end = text.iter().position(|byte| matches!(byte, 0 | b'\n'));
            String::from_utf8_lossy(&text[..end.unwrap_or(text.len())]).into_owned()
        }
        _ => "a request to log in".to_owned(),
    }
}

/// AMQP's protocol header: name, id and version (0-9-1 specification, 4.2.2; 1.0, 2.2).
fn amqp(bytes: &[u8]) -> String {
    match bytes {
        [b'A', b'M', b'Q', b'P', 0, 0, major, minor, ..] => {
            format!("AMQP header, version 0-{major}-{minor}")
        }
        [b'A', b'M', b'Q', b'P', id, major, minor, revision, ..] => {
            format!("AMQP header, version {major}.{minor}.{revision}, id {id}")
        }
        [b'A', ..] => "AMQP header".to_owned(),
        _ => "AMQP Connection.Start".to_owned(),
    }
}
