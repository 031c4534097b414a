use crate::model::dialogue::{Answer, AppProtocol, Conclusion, RefusalCause};
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, play};

/// ProFTPD 1.3.8
const GREETING: &[u8] = b"220 ProFTPD Server (ProFTPD) [127.0.0.1]\r\n";
const FEAT: &[u8] = b"211-Features:\r\n EPSV\r\n MDTM\r\n REST STREAM\r\n UTF8\r\n211 End\r\n";

#[test]
fn greeting_and_features_are_learnt_and_quit_is_said() {
    let played = play(&Exchange::Ftp { starttls: false }, &[In::Bytes(GREETING), In::Bytes(FEAT)]);
    assert_eq!(
        (played.conclusion.clone(), played.sent.as_slice()),
        (Conclusion::Answered, &b"FEAT\r\nQUIT\r\n"[..])
    );
    let greeting = played.greeting().unwrap();
    assert_eq!(greeting.protocol, Some(AppProtocol::Ftp));
    assert_eq!(greeting.capabilities.as_deref().unwrap(), ["EPSV", "MDTM", "REST STREAM", "UTF8"]);
}

#[test]
fn auth_tls_upgrades_or_is_declined() {
    let over_tls = b"211-Features:\r\n PBSZ\r\n PROT\r\n211 End\r\n";
    let events = [
        In::Bytes(GREETING),
        In::Bytes(FEAT),
        In::Bytes(b"234 Proceed with negotiation.\r\n"),
        In::Tls,
        In::Bytes(over_tls),
    ];
    let played = play(&Exchange::Ftp { starttls: true }, &events);
    let Some(Answer::Ftp(features)) = played.answer() else { panic!("{played:?}") };
    assert_eq!(features.capabilities, ["PBSZ", "PROT"]);
    let declined =
        [In::Bytes(GREETING), In::Bytes(FEAT), In::Bytes(b"500 AUTH not understood\r\n")];
    let played = play(&Exchange::Ftp { starttls: true }, &declined);
    assert_eq!(
        played.conclusion,
        Conclusion::NoUpgrade { words: Some("500 AUTH not understood".into()) }
    );
}

#[test]
fn a_full_server_refuses() {
    // ProFTPD 1.3.8 above MaxConnectionsPerHost.
    let full = b"530 Sorry, the maximum number of connections (2) for your host are already connected.\r\n";
    let played = play(&Exchange::Ftp { starttls: false }, &[In::Bytes(full), In::Fin]);
    let Conclusion::Refused(refusal) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(
        (refusal.cause, refusal.code.as_deref()),
        (RefusalCause::TooManyClients, Some("530"))
    );
}

#[test]
fn a_mail_server_is_no_ftp_server() {
    let played = play(
        &Exchange::Ftp { starttls: false },
        &[In::Bytes(b"220 mail.example ESMTP Postfix (Debian/GNU)\r\n"), In::Silence],
    );
    let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(
        (heard.protocol, heard.software.as_deref()),
        (Some(AppProtocol::Smtp), Some("Postfix (Debian/GNU)"))
    );
}

#[test]
fn a_greeting_stays_heard_though_the_server_leaves_then() {
    let events = [In::Bytes(b"220 ready\r\n"), In::Fin];
    let played = play(&Exchange::Ftp { starttls: false }, &events);
    assert_eq!(played.conclusion, Conclusion::Closed { reset: false, heard_bytes: 0 });
    assert_eq!(played.greeting().unwrap().text.as_deref(), Some("220 ready"));
}
