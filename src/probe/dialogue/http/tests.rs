use super::*;
use crate::model::dialogue::Conclusion;
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, Played, play};

fn get() -> Exchange {
    Exchange::Http(Request::get("www.example:8080", "/a b"))
}

fn http(played: &Played) -> &HttpAnswer {
    match played.answer() {
        Some(Answer::Http(answer)) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

#[test]
fn a_request_asks_the_host_and_encodes_what_would_end_a_line() {
    let played = play(&get(), &[In::Silence]);
    let sent = String::from_utf8(played.sent).unwrap();
    assert!(sent.starts_with("GET /a%20b HTTP/1.1\r\nHost: www.example:8080\r\n"), "{sent}");
    assert!(sent.ends_with("Connection: close\r\n\r\n"), "{sent}");
    let hostile = Exchange::Http(Request::get("x\r\nEvil: 1", "/\r\n\r\nGET / HTTP/1.1"));
    let sent = String::from_utf8(play(&hostile, &[In::Silence]).sent).unwrap();
    assert_eq!(sent.matches("\r\n\r\n").count(), 1, "{sent}");
    assert!(!sent.contains("\r\nEvil"), "{sent}");
}

/// nginx 1.22.1
#[test]
fn status_and_headers_are_read_and_the_body_is_not() {
    let played = play(&get(), &[In::Bytes(
        b"HTTP/1.1 301 Moved Permanently\r\nServer: nginx/1.22.1\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nLocation: https://www.example/\r\n\r\n<html>",
    )]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    let answer = http(&played);
    assert_eq!((answer.status, answer.reason.as_str()), (301, "Moved Permanently"));
    assert_eq!(answer.headers["set-cookie"], "a=1, b=2");
    assert_eq!(answer.location.as_deref(), Some("https://www.example/"));
    assert_eq!(played.rest, b"<html>");
}

#[test]
fn a_400_that_asks_for_tls_names_tls() {
    let body = "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n";
    let bytes = format!(
        "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let played = play(&get(), &[In::Bytes(bytes.as_bytes())]);
    let Conclusion::WrongProtocol(heard) = &played.conclusion else { panic!("{played:?}") };
    assert_eq!(heard.protocol, Some(AppProtocol::Tls));
    assert_eq!(
        heard.text,
        "HTTP 400 Bad Request: 400 The plain HTTP request was sent to HTTPS port"
    );
    assert_eq!(http(&played).status, 400);
    // Go's net/http, whose body ends with the connection.
    let go = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    let played = play(&get(), &[In::Bytes(go), In::Fin]);
    assert!(matches!(played.conclusion, Conclusion::WrongProtocol(_)), "{played:?}");
    // Another 400 is an answer like any.
    let other = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno\n";
    assert_eq!(play(&get(), &[In::Bytes(other)]).conclusion, Conclusion::Answered);
}

#[test]
fn lenient_servers_are_read_and_interim_answers_passed_over() {
    let bytes =
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.2 200\nX-Long: one\n two\n\nbody";
    let played = play(&get(), &[In::Bytes(bytes)]);
    let answer = http(&played);
    assert_eq!((answer.version.as_str(), answer.status, answer.reason.as_str()), ("1.2", 200, ""));
    assert_eq!(answer.headers["x-long"], "one two");
}

#[test]
fn more_headers_than_are_kept_are_counted_and_endless_ones_end() {
    let mut bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
    for n in 0..150 {
        bytes.extend(format!("X-{n}: {n}\r\n").bytes());
    }
    bytes.extend(b"\r\n");
    let played = play(&get(), &[In::Bytes(&bytes)]);
    assert_eq!((http(&played).headers.len(), http(&played).headers_omitted), (100, 50));
    let mut endless = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
    endless.resize(1 << 20, b'a');
    let played = play(&get(), &[In::Bytes(&endless)]);
    assert!(matches!(played.conclusion, Conclusion::Malformed { .. }), "{played:?}");
}

#[test]
fn a_tunnel_leaves_the_targets_first_words_to_the_tunnel() {
    let connect = Exchange::Http(Request::connect("mail.example:25", None));
    let played =
        play(&connect, &[In::Bytes(b"HTTP/1.0 200 Connection established\r\n\r\n220 mail")]);
    assert!(
        played.sent.starts_with(b"CONNECT mail.example:25 HTTP/1.1\r\nHost: mail.example:25\r\n")
    );
    assert_eq!((http(&played).status, played.rest.as_slice()), (200, &b"220 mail"[..]));
}

#[test]
fn a_secret_is_sent_and_never_shown() {
    let secret = Secret::new("Basic dTpw\r\nEvil: 1".to_owned());
    let request = Request::connect("a:1", Some(secret));
    assert!(!format!("{request:?}").contains("dTpw"));
    let sent = String::from_utf8(play(&Exchange::Http(request), &[In::Silence]).sent).unwrap();
    assert!(sent.contains("\r\nProxy-Authorization: Basic dTpwEvil: 1\r\n\r\n"), "{sent}");
}

#[test]
fn other_protocols_are_recognised() {
    for (bytes, expected) in [
        (
            &b"SSH-2.0-OpenSSH_9.2p1\r\nInvalid SSH identification string.\r\n"[..],
            Some(AppProtocol::Ssh),
        ),
        (
            b"-ERR unknown command `GET`, with args beginning with: `/` \r\n",
            Some(AppProtocol::Redis),
        ),
        (b"\x15\x03\x01\x00\x02\x02\x46", Some(AppProtocol::Tls)),
        (b"what?\r\n", None),
    ] {
        let played = play(&get(), &[In::Bytes(bytes), In::Silence]);
        let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
        assert_eq!(heard.protocol, expected);
    }
}

#[test]
fn silence_and_a_close_without_a_word_are_told_apart() {
    assert_eq!(play(&get(), &[In::Silence]).conclusion, Conclusion::Silent { heard_bytes: 0 });
    let closed = Conclusion::Closed { reset: false, heard_bytes: 0 };
    assert_eq!(play(&get(), &[In::Fin]).conclusion, closed);
    let reset = Conclusion::Closed { reset: true, heard_bytes: 6 };
    assert_eq!(play(&get(), &[In::Bytes(b"HTTP/1"), In::Rst]).conclusion, reset);
}
