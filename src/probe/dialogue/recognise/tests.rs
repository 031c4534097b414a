use super::*;
use crate::model::dialogue::RefusalCause;

/// First words as real servers send them.
const TABLE: &[(&[u8], AppProtocol, Option<&str>)] = &[
    (
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n",
        AppProtocol::Ssh,
        Some("OpenSSH_9.2p1 Debian-2+deb12u7"),
    ),
    (b"Invalid SSH identification string.\r\n", AppProtocol::Ssh, None),
    (
        b"220 mail.example ESMTP Postfix (Debian/GNU)\r\n",
        AppProtocol::Smtp,
        Some("Postfix (Debian/GNU)"),
    ),
    (
        b"220 host ESMTP Exim 4.96 Sun, 29 Nov 2026 14:00:00 +0000\r\n",
        AppProtocol::Smtp,
        Some("Exim 4.96"),
    ),
    (b"500 5.5.2 Error: bad syntax\r\n", AppProtocol::Smtp, None),
    (b"220 (vsFTPd 3.0.3)\r\n", AppProtocol::Ftp, Some("vsFTPd 3.0.3")),
    (b"530 Please login with USER and PASS.\r\n", AppProtocol::Ftp, None),
    (
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR] Dovecot (Debian) ready.\r\n",
        AppProtocol::Imap,
        Some("Dovecot (Debian)"),
    ),
    (b"+OK Dovecot (Debian) ready.\r\n", AppProtocol::Pop3, Some("Dovecot (Debian)")),
    (b"-DENIED Redis is running in protected mode", AppProtocol::Redis, None),
    (
        b"INFO {\"server_id\":\"X\",\"version\":\"2.9.10\"}\r\n",
        AppProtocol::Nats,
        Some("nats-server 2.9.10"),
    ),
    (b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n", AppProtocol::Http, Some("nginx")),
    (b"RFB 003.008\n", AppProtocol::Vnc, None),
    (b"ERROR\r\nERROR\r\n", AppProtocol::Memcached, None),
    (b"\x15\x03\x01\x00\x02\x02\x46", AppProtocol::Tls, None),
    (b"AMQP\x00\x00\x09\x01", AppProtocol::Amqp, None),
    (b"\xff\xfd\x18\xff\xfd\x20", AppProtocol::Telnet, None),
    (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80", AppProtocol::H2, None),
];

#[test]
fn first_words_tell_protocol_and_program() {
    for (bytes, expected, software) in TABLE {
        let told = greeting(bytes);
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(told.protocol, Some(*expected), "{shown}");
        assert_eq!(told.software.as_deref(), *software, "{shown}");
    }
}

#[test]
fn what_fits_several_protocols_is_not_guessed() {
    for bytes in [&b"220 welcome\r\n"[..], b"hello\r\n", b"", b"\0\0\0\0", b"421 later\r\n"] {
        assert_eq!(protocol(bytes), None, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn every_beginning_of_a_greeting_is_read_without_a_panic() {
    for (bytes, ..) in TABLE {
        for end in 0..bytes.len() {
            let _ = (greeting(&bytes[..end]), refusal(&bytes[..end]));
        }
    }
}

#[test]
fn packets_are_put_into_words() {
    let said = |bytes: &[u8]| heard(bytes).text;
    assert_eq!(
        said(b"\x15\x03\x03\x00\x02\x02\x28"),
        "TLS alert 40 (handshake_failure), record version TLS 1.2"
    );
    assert_eq!(said(b"AMQP\x00\x00\x09\x01"), "AMQP header, version 0-9-1");
    assert_eq!(said(b"\xff\xfd\x18\xff\xfb\x01login: "), "DO TERMINAL-TYPE, WILL ECHO; login:");
}

#[test]
fn refusals_are_told_from_greetings() {
    let cause = |bytes: &[u8]| refusal(bytes).map(|refusal| refusal.cause);
    assert_eq!(cause(b"Exceeded MaxStartups\r\n"), Some(RefusalCause::TooManyClients));
    assert_eq!(
        cause(b"421 4.7.0 mail.example Error: too many connections from 127.0.0.1\r\n"),
        Some(RefusalCause::TooManyClients)
    );
    assert_eq!(
        cause(b"-ERR max number of clients reached\r\n"),
        Some(RefusalCause::TooManyClients)
    );
    assert_eq!(
        cause(b"-DENIED Redis is running in protected mode\r\n"),
        Some(RefusalCause::NotAllowed)
    );
    let blocked = b"\x4c\0\0\0\xff\x69\x04Host '127.0.0.1' is blocked because of many connection errors; unblock...";
    assert_eq!(cause(&[&blocked[..], b"  "].concat()), Some(RefusalCause::Blocked));
    assert_eq!(cause(b"-NOAUTH Authentication required.\r\n"), None);
    assert_eq!(cause(b"220 (vsFTPd 3.0.3)\r\n"), None);
}
