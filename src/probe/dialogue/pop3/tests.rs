use crate::model::dialogue::{Answer, AppProtocol, Conclusion};
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, play};

/// Dovecot 2.3.19
const GREETING: &[u8] = b"+OK Dovecot (Debian) ready.\r\n";
const CAPA: &[u8] = b"+OK\r\nCAPA\r\nTOP\r\nSTLS\r\nSASL PLAIN\r\n.\r\n";

#[test]
fn greeting_and_capabilities_are_learnt_and_quit_is_said() {
    let played = play(&Exchange::Pop3 { starttls: false }, &[In::Bytes(GREETING), In::Bytes(CAPA)]);
    assert_eq!(
        (played.conclusion.clone(), played.sent.as_slice()),
        (Conclusion::Answered, &b"CAPA\r\nQUIT\r\n"[..])
    );
    let greeting = played.greeting().unwrap();
    assert_eq!(greeting.software.as_deref(), Some("Dovecot (Debian)"));
    assert_eq!(greeting.capabilities.as_deref().unwrap(), ["CAPA", "TOP", "STLS", "SASL PLAIN"]);
}

#[test]
fn stls_upgrades() {
    let events = [
        In::Bytes(GREETING),
        In::Bytes(CAPA),
        In::Bytes(b"+OK Begin TLS negotiation now.\r\n"),
        In::Tls,
        In::Bytes(b"+OK\r\nUSER\r\n.\r\n"),
    ];
    let played = play(&Exchange::Pop3 { starttls: true }, &events);
    assert_eq!(played.sent, b"CAPA\r\nSTLS\r\nCAPA\r\nQUIT\r\n");
    let Some(Answer::Pop3(over_tls)) = played.answer() else { panic!("{played:?}") };
    assert_eq!(over_tls.capabilities, ["USER"]);
}

#[test]
fn a_server_without_capa_answers_all_the_same() {
    let played = play(
        &Exchange::Pop3 { starttls: false },
        &[In::Bytes(b"+OK\r\n"), In::Bytes(b"-ERR what?\r\n")],
    );
    assert_eq!(
        (played.greeting().unwrap().capabilities.clone(), played.conclusion),
        (None, Conclusion::Answered)
    );
}

#[test]
fn an_imap_server_is_no_pop3_server() {
    let imap = b"* OK [CAPABILITY IMAP4rev1] Dovecot (Debian) ready.\r\n";
    let played = play(&Exchange::Pop3 { starttls: false }, &[In::Bytes(imap), In::Silence]);
    let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(heard.protocol, Some(AppProtocol::Imap));
}

#[test]
fn a_greeting_stays_heard_though_the_server_leaves_then() {
    let events = [In::Bytes(b"+OK ready\r\n"), In::Fin];
    let played = play(&Exchange::Pop3 { starttls: false }, &events);
    assert_eq!(played.conclusion, Conclusion::Closed { reset: false, heard_bytes: 0 });
    assert_eq!(played.greeting().unwrap().text.as_deref(), Some("+OK ready"));
}
