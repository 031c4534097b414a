use super::*;
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, Played, play};

fn five(end: Option<End>) -> Exchange {
    Exchange::Socks5 { end, login: None }
}

fn answer(played: &Played) -> &SocksAnswer {
    match played.answer() {
        Some(Answer::Socks(answer)) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

fn loopback(port: u16) -> Option<End> {
    Some(End::Address(SocketAddr::from(([127, 0, 0, 1], port))))
}

/// dante 1.4.2, microsocks 1.0.3
#[test]
fn a_target_is_asked_for_its_method_alone() {
    let played = play(&five(None), &[In::Bytes(b"\x05\x00")]);
    assert_eq!(
        (played.conclusion.clone(), played.sent.as_slice()),
        (Conclusion::Answered, &b"\x05\x01\x00"[..])
    );
    assert_eq!(answer(&played).method.as_deref(), Some("none"));
    let played = play(&five(None), &[In::Bytes(b"\x05\xff"), In::Fin]);
    let Conclusion::Refused(refusal) = played.conclusion else { panic!("{played:?}") };
    assert_eq!((refusal.cause, refusal.code.as_deref()), (RefusalCause::NotAllowed, Some("ff")));
    assert!(refusal.words.starts_with("05 ff, no acceptable methods"), "{refusal:?}");
}

/// dante 1.4.2
#[test]
fn a_way_through_leaves_the_ends_words_to_the_tunnel() {
    let granted = b"\x05\x00\x00\x01\x7f\x00\x00\x01\xab\xe7SSH-2.0-x\r\n";
    let played = play(&five(loopback(8080)), &[In::Bytes(b"\x05\x00"), In::Bytes(granted)]);
    assert_eq!(played.sent, b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x1f\x90");
    assert_eq!(
        (played.conclusion.clone(), played.rest.as_slice()),
        (Conclusion::Answered, &b"SSH-2.0-x\r\n"[..])
    );
    assert_eq!(answer(&played).bound, Some("127.0.0.1".parse().unwrap()));
}

/// dante 1.4.2: a closed port, a rule, a name that is not found and echoed
#[test]
fn codes_are_exact() {
    let name = Some(End::Name("name.example".to_owned(), 8080));
    for (end, reply, code) in [
        (loopback(1), &b"\x05\x05\x00\x01\x7f\x00\x00\x01\xc1;"[..], 5),
        (loopback(25), b"\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x19", 2),
        (name, b"\x05\x04\x00\x03\x0cname.example\x1f\x90", 4),
    ] {
        let played = play(&five(end), &[In::Bytes(b"\x05\x00"), In::Bytes(reply), In::Fin]);
        assert!(matches!(played.conclusion, Conclusion::Refused(_)), "{played:?}");
        assert_eq!((answer(&played).code, answer(&played).bound), (Some(code), None));
        assert!(played.rest.is_empty());
    }
}

#[test]
fn a_password_is_given_where_it_is_asked_and_never_shown() {
    let login = Login { user: "u".to_owned(), password: Secret::new("geheim".to_owned()) };
    let exchange = Exchange::Socks5 { end: loopback(80), login: Some(login) };
    assert!(!format!("{exchange:?}").contains("geheim"));
    let refused = play(&exchange, &[In::Bytes(b"\x05\x02"), In::Bytes(b"\x01\x01"), In::Fin]);
    assert_eq!(refused.sent, b"\x05\x02\x00\x02\x01\x01u\x06geheim");
    assert!(matches!(refused.conclusion, Conclusion::Refused(_)), "{refused:?}");
    let taken = play(
        &exchange,
        &[
            In::Bytes(b"\x05\x02"),
            In::Bytes(b"\x01\x00"),
            In::Bytes(b"\x05\x00\x00\x01\0\0\0\0\0\0"),
        ],
    );
    assert_eq!(taken.conclusion, Conclusion::Answered);
}

/// dante 1.4.2
#[test]
fn socks_4_grants_refuses_and_is_recognised_without_a_connection() {
    let granted = play(
        &Exchange::Socks4 { end: loopback(8080) },
        &[In::Bytes(b"\x00Z\xa4\xd5\x7f\x00\x00\x01")],
    );
    assert_eq!(
        (granted.conclusion.clone(), granted.sent.as_slice()),
        (Conclusion::Answered, &b"\x04\x01\x1f\x90\x7f\x00\x00\x01\x00"[..])
    );
    let no = b"\x00[\x9c\xbb\x7f\x00\x00\x01";
    let refused = play(&Exchange::Socks4 { end: loopback(1) }, &[In::Bytes(no), In::Fin]);
    assert!(matches!(refused.conclusion, Conclusion::Refused(_)), "{refused:?}");
    let target = play(&Exchange::Socks4 { end: None }, &[In::Bytes(no), In::Fin]);
    assert_eq!(target.conclusion, Conclusion::Answered);
    let name = Exchange::Socks4 { end: Some(End::Name("a.example".to_owned(), 80)) };
    assert_eq!(
        play(&name, &[In::Silence]).sent,
        b"\x04\x01\x00\x50\x00\x00\x00\x01\x00a.example\x00"
    );
}

#[test]
fn an_http_server_is_no_proxy_of_this_kind() {
    for exchange in [five(None), Exchange::Socks4 { end: None }] {
        let played = play(&exchange, &[In::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n"), In::Fin]);
        let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
        assert_eq!(heard.protocol, Some(AppProtocol::Http));
    }
}
