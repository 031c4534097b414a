use crate::model::dialogue::{Answer, AppProtocol, Conclusion};
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, play};

/// Dovecot 2.3.19
const GREETING: &[u8] =
    b"* OK [CAPABILITY IMAP4rev1 SASL-IR STARTTLS AUTH=PLAIN] Dovecot (Debian) ready.\r\n";

#[test]
fn capabilities_of_the_greeting_are_not_asked_again() {
    let played = play(&Exchange::Imap { starttls: false }, &[In::Bytes(GREETING)]);
    assert_eq!(
        (played.conclusion.clone(), played.sent.as_slice()),
        (Conclusion::Answered, &b"s9 LOGOUT\r\n"[..])
    );
    let greeting = played.greeting().unwrap();
    assert_eq!(greeting.software.as_deref(), Some("Dovecot (Debian)"));
    assert_eq!(
        greeting.capabilities.as_deref().unwrap(),
        ["IMAP4rev1", "SASL-IR", "STARTTLS", "AUTH=PLAIN"]
    );
}

#[test]
fn capabilities_that_are_not_in_the_greeting_are_asked() {
    let listed = b"* CAPABILITY IMAP4rev1 IDLE\r\ns1 OK done\r\n";
    let played = play(
        &Exchange::Imap { starttls: true },
        &[In::Bytes(b"* OK ready\r\n"), In::Bytes(listed)],
    );
    assert_eq!(played.sent, b"s1 CAPABILITY\r\ns9 LOGOUT\r\n");
    assert_eq!(played.greeting().unwrap().capabilities.as_deref().unwrap(), ["IMAP4rev1", "IDLE"]);
    assert_eq!(played.conclusion, Conclusion::NoUpgrade { words: None });
}

#[test]
fn after_starttls_the_capabilities_are_asked_again() {
    let events = [
        In::Bytes(GREETING),
        In::Bytes(b"s2 OK Begin TLS negotiation now.\r\n"),
        In::Tls,
        In::Bytes(b"* CAPABILITY IMAP4rev1 AUTH=LOGIN\r\ns3 OK Pre-login capabilities listed.\r\n"),
    ];
    let played = play(&Exchange::Imap { starttls: true }, &events);
    let Some(Answer::Imap(over_tls)) = played.answer() else { panic!("{played:?}") };
    assert_eq!(over_tls.capabilities, ["IMAP4rev1", "AUTH=LOGIN"]);
}

#[test]
fn bye_is_a_refusal() {
    let bye = b"* BYE Too many connections from your IP\r\n";
    let played = play(&Exchange::Imap { starttls: false }, &[In::Bytes(bye), In::Fin]);
    assert!(matches!(played.conclusion, Conclusion::Refused(_)), "{played:?}");
}

#[test]
fn a_pop3_server_is_no_imap_server() {
    let played = play(
        &Exchange::Imap { starttls: false },
        &[In::Bytes(b"+OK Dovecot (Debian) ready.\r\n"), In::Silence],
    );
    let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(heard.protocol, Some(AppProtocol::Pop3));
}

#[test]
fn a_greeting_stays_heard_though_the_server_leaves_then() {
    for words in ["* OK ready", "* PREAUTH welcome"] {
        let greeting = format!("{words}\r\n");
        let events = [In::Bytes(greeting.as_bytes()), In::Fin];
        let played = play(&Exchange::Imap { starttls: false }, &events);
        assert_eq!(played.conclusion, Conclusion::Closed { reset: false, heard_bytes: 0 });
        assert_eq!(played.greeting().unwrap().text.as_deref(), Some(words));
    }
}
