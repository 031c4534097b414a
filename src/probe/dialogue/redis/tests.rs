use crate::model::dialogue::{Answer, AppProtocol, Conclusion, RefusalCause};
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, play};

/// redis 7.0.15
#[test]
fn ping_and_info_are_answered_and_quit_is_said() {
    let text = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nos:Linux\r\n";
    let info = format!("${}\r\n{text}\r\n", text.len());
    let played = play(&Exchange::Redis, &[In::Bytes(b"+PONG\r\n"), In::Bytes(info.as_bytes())]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    assert!(
        played.sent.starts_with(b"*1\r\n$4\r\nPING\r\n")
            && played.sent.ends_with(b"*1\r\n$4\r\nQUIT\r\n")
    );
    let Some(Answer::Redis(answer)) = played.answer() else { panic!("{played:?}") };
    assert_eq!(
        (answer.version.as_deref(), answer.mode.as_deref()),
        (Some("7.0.15"), Some("standalone"))
    );
    assert!(!answer.login_required);
}

#[test]
fn a_server_that_wants_a_login_has_answered() {
    let played = play(&Exchange::Redis, &[In::Bytes(b"-NOAUTH Authentication required.\r\n")]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    let Some(Answer::Redis(answer)) = played.answer() else { panic!("{played:?}") };
    assert!(answer.login_required && answer.version.is_none());
}

#[test]
fn refusals_are_quoted() {
    for (bytes, cause, code) in [
        (
            &b"-DENIED Redis is running in protected mode because protected mode is enabled\r\n"[..],
            RefusalCause::NotAllowed,
            "DENIED",
        ),
        (b"-ERR max number of clients reached\r\n", RefusalCause::TooManyClients, "ERR"),
        (
            b"-LOADING Redis is loading the dataset in memory\r\n",
            RefusalCause::Unavailable,
            "LOADING",
        ),
    ] {
        let played = play(&Exchange::Redis, &[In::Bytes(bytes), In::Rst]);
        let Conclusion::Refused(refusal) = played.conclusion else { panic!("{played:?}") };
        assert_eq!((refusal.cause, refusal.code.as_deref()), (cause, Some(code)));
        assert_eq!(refusal.words.as_bytes(), &bytes[..bytes.len() - 2]);
    }
}

#[test]
fn other_servers_are_recognised() {
    for (bytes, expected) in [
        (&b"+OK Dovecot (Debian) ready.\r\n"[..], AppProtocol::Pop3),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", AppProtocol::Http),
        (
            b"INFO {\"version\":\"2.9.10\"} \r\n-ERR 'Unknown Protocol Operation'\r\n",
            AppProtocol::Nats,
        ),
    ] {
        let played = play(&Exchange::Redis, &[In::Bytes(bytes), In::Silence]);
        let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
        assert_eq!(heard.protocol, Some(expected));
    }
}

#[test]
fn info_that_does_not_come_is_no_fault() {
    let played = play(&Exchange::Redis, &[In::Bytes(b"+PONG\r\n"), In::Silence]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    assert!(matches!(played.answer(), Some(Answer::Redis(answer)) if answer.reply == "+PONG"));
}
