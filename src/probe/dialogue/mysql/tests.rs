use crate::model::dialogue::{Answer, AppProtocol, Conclusion, RefusalCause};
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, play};

fn mysql(starttls: bool) -> Exchange {
    Exchange::Mysql { user: "sockpit".to_owned(), starttls }
}

/// MariaDB 10.11.19 (its flags with CLIENT_SSL, which this one had off)
const GREETING: &[u8] = b"d\0\0\0\n5.5.5-10.11.19-MariaDB-0+deb12u1\0\x0c\0\0\0QFJ~`ExN\0\xfe\xff\x08\x02\0\xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0]hpz58X47X8M\0mysql_native_password\0";
const DENIED: &[u8] =
    b"J\0\0\x02\xff\x15\x04#28000Access denied for user 'sockpit'@'192.0.2.9' (using password: NO)";

#[test]
fn the_packet_is_decoded_and_the_login_made() {
    let played = play(&mysql(false), &[In::Bytes(GREETING), In::Bytes(DENIED), In::Fin]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    let greeting = played.greeting().unwrap();
    assert_eq!(greeting.software.as_deref(), Some("10.11.19-MariaDB-0+deb12u1"));
    assert_eq!(
        greeting.text.as_deref(),
        Some("protocol 10, version 10.11.19-MariaDB-0+deb12u1, login by mysql_native_password")
    );
    assert!(greeting.capabilities.as_ref().unwrap().iter().any(|name| name == "ssl"));
    let Some(Answer::Mysql(answer)) = played.answer() else { panic!("{played:?}") };
    assert_eq!(
        (answer.logged_in, answer.code, answer.state.as_deref()),
        (false, Some(1045), Some("28000"))
    );
    // Header, 32 bytes, the user without a password, the method.
    assert_eq!(played.sent[3], 1);
    assert_eq!(&played.sent[36..], b"sockpit\0\0mysql_native_password\0");
}

#[test]
fn whoever_is_let_in_says_quit() {
    let ok = b"\x07\0\0\x02\0\0\0\x02\0\0\0";
    let played = play(&mysql(false), &[In::Bytes(GREETING), In::Bytes(ok)]);
    assert!(played.sent.ends_with(b"\x01\0\0\0\x01"));
}

#[test]
fn another_method_is_answered_with_an_empty_password_and_not_for_ever() {
    let switch = b"\x2c\0\0\x02\xfecaching_sha2_password\0abcdefghijklmnopqrst\0";
    let denied = [b"J\0\0\x04", &DENIED[4..]].concat();
    let played = play(&mysql(false), &[In::Bytes(GREETING), In::Bytes(switch), In::Bytes(&denied)]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    assert!(played.sent.ends_with(b"\0\0\0\x03"));
    let on_and_on: Vec<In<'_>> =
        [In::Bytes(GREETING)].into_iter().chain([In::Bytes(switch); 9]).collect();
    let played = play(&mysql(false), &on_and_on);
    assert!(matches!(played.conclusion, Conclusion::Malformed { .. }), "{played:?}");
}

#[test]
fn an_ssl_request_upgrades_before_the_login() {
    let denied = [b"J\0\0\x03", &DENIED[4..]].concat();
    let played = play(&mysql(true), &[In::Bytes(GREETING), In::Tls, In::Bytes(&denied)]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    assert_eq!((&played.sent[..4], played.sent[5] & 8), (&b"\x20\0\0\x01"[..], 8));
    assert_eq!(played.sent[36 + 3], 2);
    let without: Vec<u8> =
        GREETING.iter().map(|byte| if *byte == 0xff { 0xf7 } else { *byte }).collect();
    let played = play(&mysql(true), &[In::Bytes(&without)]);
    assert_eq!(played.conclusion, Conclusion::NoUpgrade { words: None });
    assert!(!played.sent.is_empty(), "leaving without a login counts as an error");
}

#[test]
fn error_packets_in_place_of_the_greeting_are_refusals() {
    let not_allowed =
        b"D\0\0\0\xffj\x04Host '192.0.2.9' is not allowed to connect to this MariaDB server";
    let full = b"\x17\0\0\0\xff\x10\x04Too many connections";
    let words = b"Host '192.0.2.9' is blocked because of many connection errors; unblock with 'mariadb-admin flush-hosts'";
    let blocked =
        [&[u8::try_from(words.len() + 3).unwrap(), 0, 0, 0, 0xff, 0x69, 0x04][..], words].concat();
    for (bytes, cause, code) in [
        (&not_allowed[..], RefusalCause::NotAllowed, "1130"),
        (&full[..], RefusalCause::TooManyClients, "1040"),
        (&blocked[..], RefusalCause::Blocked, "1129"),
    ] {
        let played = play(&mysql(false), &[In::Bytes(bytes), In::Fin]);
        let Conclusion::Refused(refusal) = played.conclusion else { panic!("{played:?}") };
        assert_eq!((refusal.cause, refusal.code.as_deref()), (cause, Some(code)));
    }
}

#[test]
fn every_beginning_of_the_packet_is_waited_for() {
    for end in 0..GREETING.len() {
        let played = play(&mysql(false), &[In::Bytes(&GREETING[..end]), In::Silence]);
        assert_eq!(played.conclusion, Conclusion::Silent { heard_bytes: end as u64 });
    }
}

#[test]
fn a_mail_server_is_no_mysql_server() {
    let played =
        play(&mysql(false), &[In::Bytes(b"220 mail.example ESMTP Postfix\r\n"), In::Silence]);
    let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(heard.protocol, Some(AppProtocol::Smtp));
}
