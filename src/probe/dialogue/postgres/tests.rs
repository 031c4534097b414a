use crate::model::dialogue::{Answer, AppProtocol, Conclusion, PostgresAnswer, RefusalCause};
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, Played, play};

fn postgres(starttls: bool) -> Exchange {
    Exchange::Postgres { user: "sockpit".to_owned(), starttls }
}

fn answer(played: &Played) -> &PostgresAnswer {
    match played.answer() {
        Some(Answer::Postgres(answer)) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

/// PostgreSQL 15.18
const SCRAM: &[u8] = b"R\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0";

#[test]
fn a_request_for_a_password_is_an_answer() {
    let played = play(&postgres(false), &[In::Bytes(SCRAM)]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    assert_eq!(played.sent, b"\0\0\0\x2f\0\x03\0\0user\0sockpit\0application_name\0sockpit\0\0");
    assert_eq!(answer(&played).auth.as_deref(), Some("scram-sha-256"));
    assert_eq!(answer(&played).tls_offered, None);
}

#[test]
fn whoever_is_let_in_says_terminate() {
    let bytes = b"R\0\0\0\x08\0\0\0\0S\0\0\0\x32server_version\x0015.18 (Debian 15.18-0+deb12u1)\0K\0\0\0\x0c\0\0\0h\x8bb}(Z\0\0\0\x05I";
    let played = play(&postgres(false), &[In::Bytes(bytes)]);
    assert!(played.sent.ends_with(b"X\0\0\0\x04"));
    assert_eq!(answer(&played).version.as_deref(), Some("15.18 (Debian 15.18-0+deb12u1)"));
    assert_eq!(answer(&played).auth.as_deref(), Some("trust"));
}

#[test]
fn ssl_request_upgrades_or_is_declined() {
    let played = play(&postgres(true), &[In::Bytes(b"S"), In::Tls, In::Bytes(SCRAM)]);
    assert!(played.sent.starts_with(b"\0\0\0\x08\x04\xd2\x16\x2f\0\0\0\x2f\0\x03\0\0"));
    assert_eq!(answer(&played).tls_offered, Some(true));
    let played = play(&postgres(true), &[In::Bytes(b"N")]);
    assert_eq!(played.conclusion, Conclusion::NoUpgrade { words: None });
    assert_eq!(answer(&played).tls_offered, Some(false));
}

#[test]
fn errors_about_the_user_are_answers_and_errors_about_the_service_refusals() {
    let no_role = b"R\0\0\0\x08\0\0\0\0E\0\0\0\x61SFATAL\0VFATAL\0C28000\0Mrole \"sockpit\" does not exist\0Fmiscinit.c\0L768\0RInitializeSessionUserId\0\0";
    let mut no_role = no_role.to_vec();
    let length = u8::try_from(no_role.len() - 10).unwrap();
    no_role[13] = length;
    let played = play(&postgres(false), &[In::Bytes(&no_role), In::Fin]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    assert_eq!(answer(&played).sqlstate.as_deref(), Some("28000"));
    let full = b"E\0\0\0USFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0Fproc.c\0L357\0RInitProcess\0\0";
    let no_entry = b"E\0\0\0\x9bSFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for host \"127.0.0.1\", user \"unknown\", database \"unknown\", no encryption\0Fauth.c\0L544\0RClientAuthentication\0\0";
    for (bytes, cause, code) in [
        (&full[..], RefusalCause::TooManyClients, "53300"),
        (&no_entry[..], RefusalCause::NotAllowed, "28000"),
    ] {
        let played = play(&postgres(false), &[In::Bytes(bytes), In::Fin]);
        let Conclusion::Refused(refusal) = played.conclusion else { panic!("{played:?}") };
        assert_eq!((refusal.cause, refusal.code.as_deref()), (cause, Some(code)));
    }
}

#[test]
fn an_error_in_the_old_manner_is_read() {
    let old = b"EFATAL:  unsupported frontend protocol 3.0: server supports 1.0 to 2.0\n\0";
    let played = play(&postgres(false), &[In::Bytes(old), In::Fin]);
    let words = answer(&played).message.clone().unwrap();
    assert!(words.ends_with("server supports 1.0 to 2.0"), "{words}");
}

#[test]
fn other_servers_are_recognised() {
    for (starttls, bytes, expected) in [
        (false, &b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n"[..], AppProtocol::Ssh),
        (false, b"ERROR\r\n", AppProtocol::Memcached),
        (true, b"HTTP/1.1 400 Bad Request\r\n\r\n", AppProtocol::Http),
    ] {
        let played = play(&postgres(starttls), &[In::Bytes(bytes), In::Silence]);
        let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
        assert_eq!(heard.protocol, Some(expected));
    }
}
