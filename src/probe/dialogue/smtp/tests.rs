use crate::model::dialogue::{Answer, AppProtocol, Conclusion, RefusalCause};
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, play};

fn smtp(starttls: bool) -> Exchange {
    Exchange::Smtp { client: "[192.0.2.1]".to_owned(), starttls }
}

/// Exim 4.96
const GREETING: &[u8] = b"220 mail.example ESMTP Exim 4.96 Sun, 29 Nov 2026 14:29:14 +0000\r\n";
const EHLO: &[u8] = b"250-mail.example Hello [192.0.2.1] [192.0.2.1]\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250-STARTTLS\r\n250 HELP\r\n";
const EHLO_OVER_TLS: &[u8] =
    b"250-mail.example Hello [192.0.2.1] [192.0.2.1]\r\n250-SIZE 52428800\r\n250 AUTH PLAIN\r\n";

#[test]
fn greeting_and_capabilities_are_learnt_and_quit_is_said() {
    let played = play(&smtp(false), &[In::Bytes(GREETING), In::Bytes(EHLO)]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    assert_eq!(played.sent, b"EHLO [192.0.2.1]\r\nQUIT\r\n");
    let greeting = played.greeting().unwrap();
    assert_eq!(greeting.software.as_deref(), Some("Exim 4.96"));
    assert_eq!(
        greeting.capabilities.as_deref().unwrap(),
        ["SIZE 52428800", "8BITMIME", "STARTTLS", "HELP"]
    );
}

#[test]
fn after_starttls_the_capabilities_are_asked_again() {
    let events = [
        In::Bytes(GREETING),
        In::Bytes(EHLO),
        In::Bytes(b"220 TLS go ahead\r\n"),
        In::Tls,
        In::Bytes(EHLO_OVER_TLS),
    ];
    let played = play(&smtp(true), &events);
    assert_eq!(played.sent, b"EHLO [192.0.2.1]\r\nSTARTTLS\r\nEHLO [192.0.2.1]\r\nQUIT\r\n");
    let Some(Answer::Smtp(over_tls)) = played.answer() else { panic!("{played:?}") };
    assert_eq!(over_tls.capabilities, ["SIZE 52428800", "AUTH PLAIN"]);
}

#[test]
fn an_upgrade_that_is_not_offered_or_declined_is_told() {
    let plain = b"250-mail.example\r\n250 HELP\r\n";
    let played = play(&smtp(true), &[In::Bytes(GREETING), In::Bytes(plain)]);
    assert_eq!(played.conclusion, Conclusion::NoUpgrade { words: None });
    // Exim 4.96 whose key cannot be read.
    let declined = b"454 TLS currently unavailable\r\n";
    let played = play(&smtp(true), &[In::Bytes(GREETING), In::Bytes(EHLO), In::Bytes(declined)]);
    let words = Some("454 TLS currently unavailable".to_owned());
    assert_eq!(played.conclusion, Conclusion::NoUpgrade { words });
}

#[test]
fn words_behind_the_consent_to_tls_are_not_taken_for_tls() {
    let injected = b"220 TLS go ahead\r\n250 injected\r\n";
    let mut dialogue = smtp(true).begin();
    use crate::probe::dialogue::{Input, Next};
    let mut last = dialogue.step(Input::Opened, std::time::Duration::ZERO);
    for bytes in [GREETING, EHLO, injected] {
        last = dialogue.step(Input::Received(bytes), std::time::Duration::ZERO);
    }
    let Next::Done { conclusion: Conclusion::Malformed { .. }, .. } = last.next else {
        panic!("{last:?}")
    };
}

#[test]
fn a_full_server_refuses_with_its_words() {
    // Exim 4.96 above smtp_accept_max.
    let full = b"421 Too many concurrent SMTP connections; please try again later.\r\n";
    let played = play(&smtp(false), &[In::Bytes(full), In::Fin]);
    let Conclusion::Refused(refusal) = &played.conclusion else { panic!("{played:?}") };
    assert_eq!(
        (refusal.cause, refusal.code.as_deref()),
        (RefusalCause::TooManyClients, Some("421"))
    );
    assert!(played.sent.is_empty());
    let closed = b"554 mail.example no SMTP service here\r\n";
    let played = play(&smtp(false), &[In::Bytes(closed)]);
    assert!(
        matches!(&played.conclusion, Conclusion::Refused(refusal) if refusal.code.as_deref() == Some("554"))
    );
}

#[test]
fn nothing_is_said_before_the_greeting() {
    let played = play(&smtp(false), &[In::Silence]);
    assert_eq!((played.sent.len(), played.conclusion), (0, Conclusion::Silent { heard_bytes: 0 }));
}

#[test]
fn other_servers_that_greet_are_recognised() {
    for (bytes, expected) in [
        (&b"220 (vsFTPd 3.0.3)\r\n"[..], AppProtocol::Ftp),
        (b"220 ProFTPD Server (ProFTPD) [127.0.0.1]\r\n", AppProtocol::Ftp),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n", AppProtocol::Ssh),
        (b"+OK Dovecot (Debian) ready.\r\n", AppProtocol::Pop3),
        (b"\xff\xfb%\xff\xfb&\xff\xfd\x18", AppProtocol::Telnet),
    ] {
        let played = play(&smtp(false), &[In::Bytes(bytes), In::Silence]);
        let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
        assert_eq!(heard.protocol, Some(expected));
    }
}

#[test]
fn an_endless_greeting_ends() {
    let line = b"220-and so on and on and on and on and on and on\r\n";
    let endless: Vec<u8> = line.iter().copied().cycle().take(300_000).collect();
    let played = play(&smtp(false), &[In::Bytes(&endless)]);
    assert!(matches!(played.conclusion, Conclusion::Malformed { .. }), "{:?}", played.conclusion);
}

#[test]
fn a_greeting_stays_heard_though_the_server_leaves_then() {
    let events = [In::Bytes(b"220 mail.example ESMTP\r\n"), In::Fin];
    let played = play(&smtp(false), &events);
    assert_eq!(played.conclusion, Conclusion::Closed { reset: false, heard_bytes: 0 });
    assert_eq!(played.greeting().unwrap().text.as_deref(), Some("220 mail.example ESMTP"));
}
