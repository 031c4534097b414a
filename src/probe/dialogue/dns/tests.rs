use super::*;
use crate::probe::dialogue::Exchange;
use crate::probe::dialogue::played::{In, Played, play};

fn question(name: &str, kind: &str) -> Question {
    Question::new(name, kind, 0x1234).unwrap()
}

fn answer(played: &Played) -> &DnsAnswer {
    match played.answer() {
        Some(Answer::Dns(answer)) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

/// unbound 1.17.1
const A: &[u8] = b"\x124\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x01,\x00\x04\xc0\x00\x02\x01";
const NXDOMAIN: &[u8] =
    b"\x124\x85\x83\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01";
/// unbound 1.17.1 to a client that it does not serve
const REFUSED: &[u8] = b"\x124\x81\x05\0\0\0\0\0\0\0\0";

#[test]
fn records_flags_and_code_are_learnt() {
    let played = play(&Exchange::Dns(question("a.example", "a")), &[In::Bytes(A)]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    let answer = answer(&played);
    assert_eq!((answer.rcode.as_str(), answer.sent), ("NOERROR", 1));
    assert_eq!(answer.flags, ["aa", "rd", "ra"]);
    let record = &answer.answers[0];
    assert_eq!(
        (record.name.as_str(), record.kind.as_str(), record.data.as_str(), record.ttl_s),
        ("a.example.", "A", "192.0.2.1", 300)
    );
}

#[test]
fn a_name_that_does_not_exist_is_an_answer() {
    let played = play(&Exchange::Dns(question("a.example", "A")), &[In::Bytes(NXDOMAIN)]);
    assert_eq!(
        (played.conclusion.clone(), answer(&played).rcode.as_str()),
        (Conclusion::Answered, "NXDOMAIN")
    );
}

#[test]
fn refused_and_servfail_are_refusals() {
    let mut servfail = NXDOMAIN.to_vec();
    servfail[3] = 0x82;
    for (bytes, cause, code) in [
        (REFUSED, RefusalCause::NotAllowed, "REFUSED"),
        (&servfail, RefusalCause::Unavailable, "SERVFAIL"),
    ] {
        let played = play(&Exchange::Dns(question("a.example", "A")), &[In::Bytes(bytes)]);
        let Conclusion::Refused(refusal) = &played.conclusion else { panic!("{played:?}") };
        assert_eq!((refusal.cause, refusal.code.as_deref()), (cause, Some(code)));
        assert_eq!(answer(&played).rcode, code);
    }
}

#[test]
fn silence_is_asked_again_and_answers_of_others_are_passed_over() {
    let mut other = A.to_vec();
    other[0] ^= 1;
    let events = [In::Silence, In::Bytes(&other), In::Bytes(b"junk"), In::Bytes(A)];
    let played = play(&Exchange::Dns(question("a.example", "A")), &events);
    assert_eq!(answer(&played).sent, 2);
    let other_name = play(&Exchange::Dns(question("b.example", "A")), &[In::Bytes(A)]);
    assert!(matches!(other_name.conclusion, Conclusion::Silent { .. }), "{other_name:?}");
}

#[test]
fn over_a_stream_the_length_comes_first() {
    let framed = [&[0, u8::try_from(A.len()).unwrap()][..], A].concat();
    let question = question("a.example", "A");
    let played = play(&Exchange::DnsOverStream(question), &[In::Bytes(&framed)]);
    assert_eq!(played.conclusion, Conclusion::Answered);
    let length = u16::from_be_bytes([played.sent[0], played.sent[1]]);
    assert_eq!(usize::from(length), played.sent.len() - 2);
    assert_eq!(answer(&played).answers.len(), 1);
}

#[test]
fn a_name_that_points_to_itself_and_cut_messages_are_no_answers() {
    let mut looped = A.to_vec();
    let at = looped.len() - 16;
    looped[at..at + 2].copy_from_slice(&[0xc0, u8::try_from(at).unwrap()]);
    let exchange = Exchange::Dns(question("a.example", "A"));
    assert!(matches!(play(&exchange, &[In::Bytes(&looped)]).conclusion, Conclusion::Silent { .. }));
    for end in 0..A.len() {
        let played = play(&exchange, &[In::Bytes(&A[..end])]);
        assert!(matches!(played.conclusion, Conclusion::Silent { .. }), "{end}: {played:?}");
    }
}

#[test]
fn names_and_types_that_cannot_be_asked_are_one_sentence() {
    for (name, kind, about) in [("a..b", "A", "`a..b`"), ("a.example", "bogus", "`bogus`")] {
        let error = Question::new(name, kind, 1).unwrap_err();
        assert!(error.contains(about), "{error}");
    }
    let long = "a.".repeat(200);
    assert!(Question::new(&long, "A", 1).is_err());
}
