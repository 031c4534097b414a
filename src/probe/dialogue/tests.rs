//! What each dialogue says of each server that speaks something else: bytes as the real ones sent
//! them on Debian 12, near their default settings.

mod any_bytes;

use crate::model::dialogue::{AppProtocol, Conclusion};

use super::played::{In, play};
use super::{Exchange, dns, h2, http, socks};

/// How a server ends.
#[derive(Clone, Copy, Debug)]
enum Then {
    Waits,
    Fin,
    Rst,
}

/// A server: what it says unasked, and to an HTTP request.
struct Server {
    name: &'static str,
    speaks: AppProtocol,
    unasked: &'static [u8],
    to_http: (&'static [u8], Then),
}

const INFO: &[u8] = b"INFO {\"server_id\":\"NAPD\",\"version\":\"2.9.10\",\"proto\":1} \r\n";
const MARIADB: &[u8] = b"d\0\0\0\n5.5.5-10.11.19-MariaDB-0+deb12u1\0\x0c\0\0\0QFJ~`ExN\0\xfe\xf7\x08\x02\0\xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0]hpz58X47X8M\0mysql_native_password\0";
const TELNETD: &[u8] =
    b"\xff\xfb\x25\xff\xfb\x26\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27\xff\xfd\x24";

const SERVERS: &[Server] = &[
    Server {
        name: "OpenSSH 9.2p1",
        speaks: AppProtocol::Ssh,
        unasked: b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n",
        to_http: (b"Invalid SSH identification string.\r\n", Then::Rst),
    },
    Server {
        name: "Postfix 3.7.11",
        speaks: AppProtocol::Smtp,
        unasked: b"220 mail.example ESMTP Postfix\r\n",
        to_http: (b"221 2.7.0 Error: I can break rules, too. Goodbye.\r\n", Then::Fin),
    },
    Server {
        name: "Exim 4.96",
        speaks: AppProtocol::Smtp,
        unasked: b"220 mail.example ESMTP Exim 4.96 Sun, 29 Nov 2026 14:29:17 +0000\r\n",
        to_http: (b"500 unrecognized command\r\n500 unrecognized command\r\n500 unrecognized command\r\n500 Too many unrecognized commands\r\n", Then::Fin),
    },
    Server {
        name: "Dovecot 2.3.19 IMAP",
        speaks: AppProtocol::Imap,
        unasked: b"* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS AUTH=PLAIN] Dovecot (Debian) ready.\r\n",
        to_http: (b"GET BAD Error in IMAP command received by server.\r\nHost: BAD Error in IMAP command received by server.\r\n* BYE Too many invalid IMAP commands.\r\n", Then::Fin),
    },
    Server {
        name: "Dovecot 2.3.19 POP3",
        speaks: AppProtocol::Pop3,
        unasked: b"+OK Dovecot (Debian) ready.\r\n",
        to_http: (b"-ERR Unknown command.\r\n-ERR Unknown command.\r\n-ERR Unknown command.\r\n-ERR Too many invalid bad commands.\r\n", Then::Fin),
    },
    Server {
        name: "vsftpd 3.0.3",
        speaks: AppProtocol::Ftp,
        unasked: b"220 (vsFTPd 3.0.3)\r\n",
        to_http: (b"530 Please login with USER and PASS.\r\n530 Please login with USER and PASS.\r\n", Then::Waits),
    },
    Server {
        name: "ProFTPD 1.3.8",
        speaks: AppProtocol::Ftp,
        unasked: b"220 ProFTPD Server (ProFTPD) [127.0.0.1]\r\n",
        to_http: (b"", Then::Fin),
    },
    Server {
        name: "MariaDB 10.11.19",
        speaks: AppProtocol::Mysql,
        unasked: MARIADB,
        to_http: (b"!\0\0\x01\xff\x84\x04#08S01Got packets out of order", Then::Rst),
    },
    Server {
        name: "inetutils-telnetd 2.4",
        speaks: AppProtocol::Telnet,
        unasked: TELNETD,
        to_http: (b"", Then::Waits),
    },
    Server {
        name: "nats-server 2.9.10",
        speaks: AppProtocol::Nats,
        unasked: INFO,
        to_http: (b"-ERR 'Unknown Protocol Operation'\r\n", Then::Fin),
    },
    Server {
        name: "nginx 1.22.1, h2c",
        speaks: AppProtocol::H2,
        unasked: b"",
        to_http: (b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff\0\0\x04\x08\0\0\0\0\0\x7f\xff\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01", Then::Fin),
    },
    Server {
        name: "RabbitMQ 3.10",
        speaks: AppProtocol::Amqp,
        unasked: b"",
        to_http: (b"AMQP\0\0\x09\x01", Then::Rst),
    },
    Server {
        name: "microsocks 1.0.3",
        speaks: AppProtocol::Socks5,
        unasked: b"",
        to_http: (b"\x05\xff", Then::Fin),
    },
];

/// Servers that say nothing that tells who they are to an HTTP request.
const WORDLESS: &[(&str, Then)] = &[
    ("redis 7.0.15", Then::Fin),
    ("memcached 1.6.18", Then::Fin),
    ("PostgreSQL 15.18", Then::Fin),
    ("HAProxy 2.6, TLS", Then::Fin),
    ("dante 1.4.2", Then::Fin),
    ("mosquitto 2.0.11", Then::Rst),
    ("stunnel 5.68", Then::Rst),
    ("dnsmasq 2.90 over TCP", Then::Waits),
];

fn events(bytes: &[u8], then: Then) -> Vec<In<'_>> {
    let end = match then {
        Then::Waits => In::Silence,
        Then::Fin => In::Fin,
        Then::Rst => In::Rst,
    };
    if bytes.is_empty() { vec![end] } else { vec![In::Bytes(bytes), end] }
}

#[test]
fn a_server_that_answers_an_http_request_in_its_own_way_is_recognised() {
    let request = Exchange::Http(http::Request::get("name.example", "/"));
    for server in SERVERS {
        let (answer, then) = server.to_http;
        let said = [server.unasked, answer].concat();
        let played = play(&request, &events(&said, then));
        let Conclusion::WrongProtocol(heard) = &played.conclusion else {
            panic!("{}: {played:?}", server.name)
        };
        assert_eq!(heard.protocol, Some(server.speaks), "{}", server.name);
        assert!(!heard.text.is_empty() && !heard.raw_hex.is_empty(), "{}", server.name);
    }
}

#[test]
fn a_server_that_goes_without_a_word_is_not_taken_for_any() {
    let request = Exchange::Http(http::Request::get("name.example", "/"));
    for (name, then) in WORDLESS {
        let expected = match then {
            Then::Waits => Conclusion::Silent { heard_bytes: 0 },
            Then::Fin => Conclusion::Closed { reset: false, heard_bytes: 0 },
            Then::Rst => Conclusion::Closed { reset: true, heard_bytes: 0 },
        };
        assert_eq!(play(&request, &events(b"", *then)).conclusion, expected, "{name}");
    }
}

fn h2_request() -> h2::Request {
    let (host, target) = ("name.example".to_owned(), "/".to_owned());
    h2::Request { scheme: "https", host, target }
}

fn h2() -> Exchange {
    Exchange::H2(h2_request())
}

/// Every conversation over a stream.
fn conversations() -> Vec<Exchange> {
    let question = dns::Question::new("a.example", "A", 1).unwrap();
    let end = Some(socks::End::Name("a.example".to_owned(), 80));
    vec![
        Exchange::Http(http::Request::get("name.example", "/")),
        Exchange::Http(http::Request::connect("a.example:80", None)),
        h2(),
        Exchange::Ssh,
        Exchange::Smtp { client: "[127.0.0.1]".to_owned(), starttls: false },
        Exchange::Imap { starttls: false },
        Exchange::Pop3 { starttls: false },
        Exchange::Ftp { starttls: false },
        Exchange::Telnet,
        Exchange::Redis,
        Exchange::Postgres { user: "sockpit".to_owned(), starttls: false },
        Exchange::Mysql { user: "sockpit".to_owned(), starttls: false },
        Exchange::Memcached,
        Exchange::Mqtt,
        Exchange::DnsOverStream(question.clone()),
        Exchange::DnsOverHttps(h2_request(), question),
        Exchange::Socks5 { end: end.clone(), login: None },
        Exchange::Socks4 { end },
    ]
}

#[test]
fn a_greeting_of_another_protocol_is_recognised_by_every_conversation() {
    let greeting = SERVERS.iter().filter(|server| !server.unasked.is_empty());
    for server in greeting {
        let others = conversations();
        let others = others.iter().filter(|other| other.protocol() != Some(server.speaks));
        for other in others {
            let played = play(other, &[In::Bytes(server.unasked), In::Silence]);
            let Conclusion::WrongProtocol(heard) = &played.conclusion else {
                panic!("{other:?} of {}: {played:?}", server.name)
            };
            assert_eq!(heard.protocol, Some(server.speaks), "{other:?} of {}", server.name);
        }
    }
}

/// nginx 1.22.1 and HAProxy 2.6 to what is no HTTP; nginx, its port for TLS, to what is no TLS
#[test]
fn an_http_servers_complaint_is_recognised_by_every_conversation() {
    let answers: [&[u8]; 2] = [
        b"HTTP/1.1 400 Bad Request\r\nServer: nginx/1.22.1\r\nContent-Length: 157\r\nConnection: close\r\n\r\n<html>\r\n",
        b"HTTP/1.1 400 Bad request\r\nContent-length: 90\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n<html>",
    ];
    for answer in answers {
        let others = conversations();
        let others = others.iter().filter(|it| it.protocol() != Some(AppProtocol::Http));
        for other in others {
            let played = play(other, &[In::Bytes(answer), In::Fin]);
            let Conclusion::WrongProtocol(heard) = &played.conclusion else {
                panic!("{other:?}: {played:?}")
            };
            assert_eq!(heard.protocol, Some(AppProtocol::Http), "{other:?}");
        }
    }
}

/// OpenSSL 3.0's server, which nginx, Dovecot and stunnel use, to bytes that are no TLS
#[test]
fn a_tls_alert_is_recognised_by_every_conversation() {
    for other in conversations() {
        let played = play(&other, &[In::Bytes(b"\x15\x03\x01\x00\x02\x02\x46"), In::Fin]);
        let Conclusion::WrongProtocol(heard) = &played.conclusion else {
            panic!("{other:?}: {played:?}")
        };
        assert_eq!(heard.protocol, Some(AppProtocol::Tls), "{other:?}");
        assert!(heard.text.contains("protocol_version"), "{}", heard.text);
    }
}

#[test]
fn every_conversation_ends_when_the_time_is_up_and_takes_no_more_than_its_limit() {
    let endless: Vec<u8> = b"0123456789abcde\n".iter().copied().cycle().take(300_000).collect();
    for exchange in conversations() {
        let _ = play(&exchange, &[In::Silence]);
        let _ = play(&exchange, &[In::Bytes(&endless), In::Silence]);
    }
}

#[test]
fn a_refusal_in_place_of_the_greeting_is_the_greeting() {
    for (exchange, words) in [
        (Exchange::Ssh, "Exceeded MaxStartups"),
        (
            Exchange::Smtp { client: "x".to_owned(), starttls: false },
            "421 4.7.0 mail.example Error: too many connections from 127.0.0.1",
        ),
        (
            Exchange::Ftp { starttls: false },
            "421 There are too many connections from your internet address.",
        ),
    ] {
        let bytes = format!("{words}\r\n");
        let played = play(&exchange, &[In::Bytes(bytes.as_bytes()), In::Fin]);
        let Conclusion::Refused(refusal) = &played.conclusion else { panic!("{played:?}") };
        assert_eq!(refusal.words, words);
        assert_eq!(played.greeting().unwrap().text.as_deref(), Some(words));
    }
}
