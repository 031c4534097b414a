use super::*;
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, Played, play};

fn h2() -> Exchange {
    let (host, target) = ("name.example".to_owned(), "/a".to_owned());
    Exchange::H2(Request { scheme: "http", host, target })
}

fn http(played: &Played) -> &HttpAnswer {
    match played.answer() {
        Some(Answer::Http(answer)) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

/// nginx 1.22.1, `return 302 /elsewhere`, over h2c
const NGINX: &[u8] = b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80\x00\x04\x00\x01\x00\x00\x00\x05\x00\xff\xff\xff\x00\x00\x04\x08\x00\x00\x00\x00\x00\x7f\xff\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00\x00\x00Q\x01\x04\x00\x00\x00\x01H\x03302v\x89\xaacU\xe5\x80\xae!.\x1fa\x96\xddm_J\x09\xf54\x9f\xba\x82\x00\x9cP-\xdcd\x17\x19\x12\x98\xb4o_\x87I|\xa5\x89\xd3M\x1f\x5c\x03145n\x99\x9d)\xae\xe3\x0cT:J\xb9|\x8e\x9a\xe8-\xc7\x80\xf0X-\x08/\x89\xcba\x7f";

#[test]
fn a_request_is_answered_and_left_with_goaway() {
    let played = play(&h2(), &[In::Bytes(NGINX)]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    let answer = http(&played);
    assert_eq!((answer.version.as_str(), answer.status), ("2", 302));
    assert_eq!(answer.headers["server"], "nginx/1.22.1");
    assert_eq!(answer.location.as_deref(), Some("http://name.example:8081/elsewhere"));
    assert!(played.sent.starts_with(PREFACE));
    // The settings are acknowledged, and GOAWAY comes last.
    let last = [frame::whole(Kind::Settings, 1, 0, &[]), frame::whole(Kind::GoAway, 0, 0, &[0; 8])];
    assert!(played.sent.ends_with(&last.concat()), "{:?}", played.sent);
}

#[test]
fn goaway_before_the_answer_is_a_refusal() {
    let settings = frame::whole(Kind::Settings, 0, 0, &[]);
    let goaway = frame::whole(Kind::GoAway, 0, 0, b"\0\0\0\0\0\0\0\x0btoo_many_pings");
    let played = play(&h2(), &[In::Bytes(&[settings, goaway].concat()), In::Fin]);
    let Conclusion::Refused(refusal) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(
        (refusal.cause, refusal.words.as_str()),
        (RefusalCause::TooFast, "ENHANCE_YOUR_CALM: too_many_pings")
    );
}

#[test]
fn a_server_of_http_1_is_recognised() {
    let answer = b"HTTP/1.1 400 Bad Request\r\nServer: nginx/1.22.1\r\n\r\n<html>";
    let played = play(&h2(), &[In::Bytes(answer), In::Fin]);
    let Conclusion::WrongProtocol(heard) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(heard.protocol, Some(AppProtocol::Http));
}

#[test]
fn headers_in_pieces_with_padding_and_a_bad_block() {
    let settings = frame::whole(Kind::Settings, 0, 0, &[]);
    // Padded by two; the end of the block comes in a CONTINUATION. 0x88 is `:status: 200`.
    let begin = frame::whole(Kind::Headers, PADDED_ALONE, 1, &[2, 0x88, 0, 0]);
    let end = frame::whole(Kind::Continuation, frame::END_HEADERS, 1, b"\x00\x01a\x01b");
    let played = play(&h2(), &[In::Bytes(&[settings.clone(), begin, end].concat())]);
    assert_eq!((http(&played).status, http(&played).headers["a"].as_str()), (200, "b"));
    let bad = frame::whole(Kind::Headers, frame::END_HEADERS, 1, &[0xff; 8]);
    let played = play(&h2(), &[In::Bytes(&[settings, bad].concat())]);
    assert!(matches!(played.conclusion, Conclusion::Malformed { .. }), "{played:?}");
}

const PADDED_ALONE: u8 = 8;

/// The answer of a name server to "a.example A", with one record.
const ANSWER: &[u8] = b"\0\0\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x07example\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x07";

fn asked(frames: &[Vec<u8>]) -> Played {
    let question = Question::new("a.example", "A", 0).unwrap();
    let (host, target) = ("name.example".to_owned(), "/dns-query".to_owned());
    let request = Request { scheme: "https", host, target };
    let bytes = [frame::whole(Kind::Settings, 0, 0, &[]), frames.concat()].concat();
    play(&Exchange::DnsOverHttps(request, question), &[In::Bytes(&bytes), In::Fin])
}

#[test]
fn a_question_is_sent_as_a_body_and_answered_by_one() {
    // 0x88 is `:status: 200`.
    let head = frame::whole(Kind::Headers, frame::END_HEADERS, 1, &[0x88]);
    let (begin, end) = ANSWER.split_at(20);
    let body = frame::whole(Kind::Data, 0, 1, begin);
    let rest = frame::whole(Kind::Data, frame::END_STREAM, 1, end);
    let played = asked(&[head, body, rest]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    let Some(Answer::Dns(answer)) = played.answer() else { panic!("{played:?}") };
    assert_eq!((answer.rcode.as_str(), answer.answers[0].data.as_str()), ("NOERROR", "192.0.2.7"));
    let question = Question::new("a.example", "A", 0).unwrap();
    let sent = frame::whole(Kind::Data, frame::END_STREAM, 1, question.message());
    assert!(played.sent.windows(sent.len()).any(|window| window == sent));
}

#[test]
fn what_is_no_answer_to_a_question_is_told() {
    // `:status: 404`, and the end of the stream with the head.
    let flags = frame::END_HEADERS | frame::END_STREAM;
    let played = asked(&[frame::whole(Kind::Headers, flags, 1, &[0x8d])]);
    let Conclusion::Refused(refusal) = played.conclusion else { panic!("{played:?}") };
    assert_eq!(refusal.words, "HTTP 404 in place of an answer at /dns-query");
    let played = asked(&[frame::whole(Kind::Headers, flags, 1, &[0x88])]);
    assert!(matches!(played.conclusion, Conclusion::Malformed { .. }), "{played:?}");
}
